//! Area under the ROC curve of exclusive classes.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::ranking::{Ranking, area, reserve, sort};
use super::{Pairs, Score};
use crate::float::Float;
use crate::math;

/// Mean over the classes of the area under the ROC curve of a class against all others, as
/// scikit-learn's `roc_auc_score(.., multi_class="ovr")`.
///
/// Outputs are logits, one for each class. Samples are ranked by the class's probability. With two
/// classes, both areas are equal, so only the second is computed. Classes that have no samples, or
/// all of them, do not count. Without any other class, the score is NaN.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClassAuc;

impl<T: Float> Score<T> for ClassAuc {
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64 {
        self.score_in(&mut Vec::new(), outputs, targets, width, weights)
    }

    fn score_in(
        &self,
        scratch: &mut Vec<u64>,
        outputs: &[T],
        targets: &[T],
        width: usize,
        weights: Option<&[T]>,
    ) -> f64 {
        let Ok(pairs) = Pairs::new(outputs, targets, width, weights) else {
            return f64::NAN;
        };
        // Places of all rows, then what the rows' logits have in common.
        let rows = pairs.rows();
        let Ok(scratch) = reserve(scratch, 3 * rows) else {
            return f64::NAN;
        };
        let (places, common) = scratch.split_at_mut(2 * rows);
        for (common, logits) in common.iter_mut().zip(outputs.chunks_exact(width)) {
            *common = common_part(logits).to_bits();
        }
        let (mut sum, mut classes) = (0.0, 0_usize);
        for class in usize::from(width == 2)..width {
            let logit = |row: usize| outputs[row * width + class].as_f64();
            let sorted = sort(places, |row| logit(row) - f64::from_bits(common[row]));
            let area = area(&Ranking::column(&pairs, class), sorted);
            if !area.is_nan() {
                sum += area;
                classes += 1;
            }
        }
        if outputs.iter().chain(targets).any(|x| x.is_nan()) {
            return f64::NAN;
        }
        sum / classes as f64
    }

    fn name(&self) -> Cow<'static, str> {
        "roc_auc(classes)".into()
    }
}

/// Returns the number to subtract from each logit, so that its order is that of the probability.
/// It is the other class's logit, or the logarithm of the softmax's denominator.
fn common_part<T: Float>(logits: &[T]) -> f64 {
    if let [first, _] = logits {
        return first.as_f64();
    }
    let logits = logits.iter().map(|y| y.as_f64());
    let largest = logits.clone().fold(f64::NEG_INFINITY, f64::max);
    largest + math::ln(logits.map(|y| math::exp(y - largest)).sum::<f64>())
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::metrics::roc_auc;

    /// Logits of 300 samples, and one-hot targets that agree with them now and then.
    fn data(width: usize) -> (Vec<f64>, Vec<f64>) {
        let logits = (0..300 * width).map(|i| math::sin(i as f64 * 0.7) * (1 + i % 7) as f64);
        let logits: Vec<f64> = logits.collect();
        let target = |i: usize| {
            let row = &logits[i / width * width..][..width];
            let best = (0..width).fold(0, |best, k| if row[k] > row[best] { k } else { best });
            let class = if (i / width).is_multiple_of(3) {
                i / width % width
            } else {
                best
            };
            f64::from(u8::from(class == i % width))
        };
        let targets = (0..300 * width).map(target).collect();
        (logits, targets)
    }

    #[test]
    fn it_is_the_mean_over_classes_of_probabilities() {
        for width in [2, 3, 5] {
            let (logits, targets) = data(width);
            let areas = (0..width).map(|class| {
                let probability = |row: &[f64]| {
                    let sum: f64 = row.iter().map(|y| math::exp(*y)).sum();
                    math::exp(row[class]) / sum
                };
                let probabilities: Vec<_> = logits.chunks(width).map(probability).collect();
                let is_class: Vec<_> = targets.chunks(width).map(|t| t[class] == 1.0).collect();
                roc_auc(&probabilities, &is_class).unwrap()
            });
            let expected = areas.sum::<f64>() / width as f64;
            let mut scratch = vec![7; 11];
            let score = ClassAuc.score_in(&mut scratch, &logits, &targets, width, None);
            assert!(
                (score - expected).abs() < 1e-12,
                "{width}: {score} {expected}"
            );
            assert!((0.6..0.99).contains(&score), "{score}");
            // Scratch space that another score has left changes nothing.
            let again = ClassAuc.score_in(&mut scratch, &logits, &targets, width, None);
            assert_eq!(score, again);
            assert_eq!(
                score,
                ClassAuc.score(&logits, &targets, width, Some(&[2.0; 300]))
            );
            // It is not the area of the logits themselves.
            let of_logits = crate::metrics::RocAuc.score(&logits, &targets, width, None);
            assert!((score - of_logits).abs() > 1e-3, "{width}");
        }
    }

    #[test]
    fn classes_without_samples_do_not_count() {
        // Two of three classes occur, and their samples are in perfect order.
        let logits = [2.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 2.0, 0.0];
        let targets = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        assert_eq!(ClassAuc.score(&logits, &targets, 3, None), 1.0);
        assert!(
            ClassAuc
                .score(&logits[..6], &targets[..6], 3, None)
                .is_nan()
        );
        let mut bad = logits;
        bad[4] = f64::NAN;
        assert!(ClassAuc.score(&bad, &targets, 3, None).is_nan());
        let weights = Some(&[1.0, f64::NAN, 1.0][..]);
        assert!(ClassAuc.score(&logits, &targets, 3, weights).is_nan());
        assert!(ClassAuc.score(&logits, &targets[..6], 3, None).is_nan());
    }
}

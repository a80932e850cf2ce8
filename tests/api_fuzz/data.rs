//! Random numbers and samples, some of which do not fit.

use feedforward::{Mlp, Samples};

use crate::case::{Case, Number};
use crate::random::{ODD, Random};

/// Returns this many numbers, mostly usual ones.
pub fn values<T: Number>(random: &mut Random, count: usize) -> Vec<T> {
    let scale = if random.odd() {
        random.pick(&[0.0, 1e-30, 1e3, 1e10, 1e30, 1e200])
    } else {
        1.0
    };
    let mut values: Vec<T> = (0..count)
        .map(|_| T::from_f64((random.unit() * 2.0 - 1.0) * scale))
        .collect();
    if count > 0 && random.odd() {
        let at = random.below(count);
        values[at] = T::from_f64(random.pick(&ODD));
    }
    values
}

/// Returns the length of a slice that should have `right` values.
pub fn length(random: &mut Random, right: usize) -> usize {
    if random.odd() {
        let wrong = [0, 1, right.saturating_sub(1), right + 1, 2 * right];
        random.pick(&wrong)
    } else {
        right
    }
}

/// Samples for a network, owned by the caller.
#[derive(Clone, Debug)]
pub struct Data<T> {
    pub inputs: Vec<T>,
    pub targets: Vec<T>,
    pub weights: Option<Vec<T>>,
    pub rows: Option<Vec<usize>>,
}

impl<T: Number> Data<T> {
    pub fn new(case: &mut Case, net: &Mlp<T>) -> Self {
        let count = number_of_samples(&mut case.random, net);
        let data = Self::of(case, count, net.inputs(), net.outputs());
        say!(
            case,
            "samples: {count} of {} to {}{}: {}",
            net.inputs(),
            net.outputs(),
            data.described(),
            shown(&data)
        );
        data
    }

    fn of(case: &mut Case, count: usize, inputs: usize, outputs: usize) -> Self {
        let random = &mut case.random;
        let len = length(random, count * inputs);
        let inputs = values(random, len);
        let len = length(random, count * outputs);
        let mut targets: Vec<T> = values(random, len);
        match random.below(8) {
            // Targets for classification: 0 and 1, or one-hot rows.
            0 => targets.fill_with(|| T::from_f64(random.below(2) as f64)),
            1 => {
                targets.fill(T::zero());
                for row in targets.chunks_mut(outputs) {
                    let at = random.below(row.len());
                    row[at] = T::one();
                }
            }
            2 => targets.fill_with(|| T::from_f64(random.below(5) as f64)), // counts
            _ => {}
        }
        let weights = random
            .percent(25)
            .then(|| Self::weights(random, count, random.clone().below(9)));
        let rows = random.percent(15).then(|| {
            let end = count.max(1) + usize::from(random.odd());
            let len = random.below(count + 3);
            (0..len).map(|_| random.below(end)).collect()
        });
        Self {
            inputs,
            targets,
            weights,
            rows,
        }
    }

    fn weights(random: &mut Random, count: usize, kind: usize) -> Vec<T> {
        let len = length(random, count);
        let mut weights: Vec<T> = (0..len).map(|_| T::from_f64(random.unit())).collect();
        match kind {
            0 => weights.fill(T::zero()),
            1 => weights.fill(T::min_positive_value() / T::from_f64(1e3)),
            2 => {
                // All weights but one are zero, so that a split may leave none to learn from.
                weights.fill(T::zero());
                weights.iter_mut().take(1).for_each(|w| *w = T::one());
            }
            3 if random.odd() => weights.fill(T::from_f64(random.pick(&ODD))),
            _ => {}
        }
        weights
    }

    pub fn samples(&self) -> Samples<'_, T> {
        let samples = Samples::new(&self.inputs, &self.targets);
        let samples = match &self.weights {
            Some(weights) => samples.weights(weights),
            None => samples,
        };
        match &self.rows {
            Some(rows) => samples.rows(rows),
            None => samples,
        }
    }

    fn described(&self) -> String {
        let weights = if self.weights.is_some() {
            ", weighted"
        } else {
            ""
        };
        let rows = self.rows.as_ref().map(|rows| format!(", rows {rows:?}"));
        format!("{weights}{}", rows.unwrap_or_default())
    }
}

fn shown<T: Number>(data: &Data<T>) -> String {
    let few = |values: &[T]| {
        let some: Vec<_> = values.iter().take(40).collect();
        format!("{} values {some:?}", values.len())
    };
    let weights = data.weights.as_deref().map(few).unwrap_or_default();
    let (inputs, targets) = (few(&data.inputs), few(&data.targets));
    format!("inputs {inputs}, targets {targets}, weights {weights}")
}

fn number_of_samples<T: Number>(random: &mut Random, net: &Mlp<T>) -> usize {
    let size = net.params().len();
    match random.below(20) {
        0 if random.odd() => 0,
        // Enough samples for several threads.
        0 | 1 if size < 300 => random.between(192, 420),
        2..=4 if size < 2_000 => random.between(20, 60),
        _ if size > 20_000 => random.between(1, 3),
        _ => random.between(1, 10),
    }
}

//! Bounds on gradients.

use crate::blas1::{norm, scale};
use crate::error::Result;
use crate::float::{Float, check_positive, instantiate};

/// Bound on the gradient of a minibatch, including the penalty.
///
/// It helps with losses and deep networks that occasionally produce far too large gradients. See
/// Pascanu et al., 2013, [arXiv:1211.5063](https://arxiv.org/abs/1211.5063).
#[doc(alias = "clip_grad_norm")]
#[doc(alias = "clip_grad_value")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Clip {
    /// Scales the whole gradient down to this Euclidean norm if its norm is larger, as PyTorch's
    /// `clip_grad_norm_` does:
    ///
    /// ```text
    /// g ← min(1, norm / (|g| + 1e-6)) · g
    /// ```
    Norm(f64),
    /// Clamps each value to [-bound, bound], as PyTorch's `clip_grad_value_` does.
    Value(f64),
}

impl Clip {
    pub(super) fn check<T: Float>(self) -> Result<()> {
        let (Self::Norm(bound) | Self::Value(bound)) = self;
        check_positive::<T>("gradient clipping", bound)
    }

    /// Clips finite values whose largest magnitude is `max_abs`.
    pub(super) fn apply<T: Float>(self, values: &mut [T], max_abs: f64) {
        match self {
            Self::Value(bound) if max_abs > bound => clamp(values, T::from_f64(bound)),
            Self::Norm(bound) => {
                // Relative to the largest value, so that squares cannot overflow.
                let relative = norm(values, T::from_f64(1.0 / max_abs.max(f64::MIN_POSITIVE)));
                let factor = bound / (relative * max_abs + 1e-6);
                if factor < 1.0 {
                    scale(values, T::from_f64(factor));
                }
            }
            Self::Value(_) => {}
        }
    }
}

instantiate! {
    fn clamp<T>(values: &mut [T], bound: T) {
        for x in values {
            *x = x.max(-bound).min(bound);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_norm_is_kept_or_shortened() {
        for scale in [1e-15f32, 1.0, 1e30] {
            let mut values = [3.0 * scale, 0.0, -4.0 * scale];
            let before = values;
            Clip::Norm(6e30).apply(&mut values, 4.0 * f64::from(scale));
            assert_eq!(values, before);
            Clip::Norm(2.5 * f64::from(scale)).apply(&mut values, 4.0 * f64::from(scale));
            // PyTorch's 1e-6 scales small gradients down further.
            let expected = 2.5 * f64::from(scale) / (5.0 * f64::from(scale) + 1e-6);
            let factor = (f64::from(values[0]) / f64::from(before[0])).abs();
            assert!((factor - expected.min(1.0)).abs() < 1e-6, "{factor}");
            assert!((values[2] / values[0] + 4.0 / 3.0).abs() < 1e-6);
        }
        let mut values = [3.0, 0.0, -4.0];
        Clip::Value(3.5).apply(&mut values, 4.0);
        assert_eq!(values, [3.0, 0.0, -3.5]);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-310] {
            assert!(Clip::Norm(bad).check::<f64>().is_err(), "{bad}");
            assert!(Clip::Value(bad).check::<f64>().is_err(), "{bad}");
        }
        for bad in [1e-60, 1e-40, 1e60] {
            assert!(Clip::Norm(bad).check::<f32>().is_err(), "{bad}");
            assert!(Clip::Value(bad).check::<f32>().is_err(), "{bad}");
            assert!(Clip::Value(bad).check::<f64>().is_ok(), "{bad}");
        }
    }
}

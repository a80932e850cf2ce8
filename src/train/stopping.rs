//! Stopping rules, and learning rates that fall when the loss stops falling.

use super::Trainer;
use super::history::{Epoch, StopReason};
use super::state::TrainerState;
use crate::error::{Result, check_range};
use crate::float::Float;
use crate::mlp::Mlp;
use crate::schedule::check_zero_or_above;

const FLOOR: &str = "floor of the learning rate";

/// Best loss so far, and number of epochs since the loss last improved enough.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub(super) struct Plateau {
    /// Lowest loss so far.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub(super) best: f64,
    /// Number of epochs in a row without enough improvement.
    pub(super) bad_epochs: usize,
}

impl Default for Plateau {
    fn default() -> Self {
        Self {
            best: f64::INFINITY,
            bad_epochs: 0,
        }
    }
}

/// Required improvement, and number of epochs without it to tolerate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) improvement: f64,
    pub(super) epochs: usize,
}

impl Patience {
    pub(super) fn check(self) -> Result<()> {
        let expected = "a finite number, at least 0";
        let range = 0.0..f64::INFINITY;
        check_range("improvement", self.improvement, range, expected)
    }

    /// Counts an epoch and returns `true` if patience has run out. NaN is no improvement.
    fn is_over(self, plateau: &mut Plateau, loss: f64) -> bool {
        if loss <= plateau.best - self.improvement {
            plateau.bad_epochs = 0;
        } else {
            plateau.bad_epochs += 1;
        }
        plateau.best = plateau.best.min(loss);
        plateau.bad_epochs > self.epochs
    }
}

/// A learning rate that falls when training would otherwise end, as in scikit-learn's
/// `learning_rate="adaptive"`.
///
/// [`tolerance`](super::Trainer::tolerance) and
/// [`early_stopping`](super::Trainer::early_stopping) end training only at or below the floor.
/// Above it, they divide the rate instead, and their counts of epochs restart at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Adaptive {
    /// Divisor of the rate. Range: above 1. Default: 5.
    pub divisor: f64,
    /// Rate at or below which training ends. Range: at least 0. Default: 1e-6.
    pub floor: f64,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self {
            divisor: 5.0,
            floor: 1e-6,
        }
    }
}

impl Adaptive {
    pub(super) fn check(&self) -> Result<()> {
        check_zero_or_above(FLOOR, self.floor)?;
        let what = "divisor of the adaptive learning rate";
        let range = 1.0_f64.next_up()..=f64::MAX;
        check_range(what, self.divisor, range, "a finite number above 1")
    }
}

/// A learning rate that falls whenever the loss stops falling, as in PyTorch's
/// `ReduceLROnPlateau` with mode `min` and a relative threshold.
///
/// The loss is the validation loss if there is one, otherwise the training loss. An epoch counts as
/// bad unless its loss is below (1 - `threshold`) times the best loss. After more than `patience`
/// bad epochs in a row, the rate is multiplied by `factor`, but not reduced below `floor`. The next
/// `cooldown` epochs do not count.
///
/// ```
/// use feedforward::{Trainer, loss::SquaredError, optimizer::Sgd, train::ReduceOnPlateau};
///
/// let halve = ReduceOnPlateau { factor: 0.5, patience: 5, ..ReduceOnPlateau::default() };
/// let trainer = Trainer::<f32>::new(SquaredError, Sgd::new(0.1)).reduce_on_plateau(halve);
/// ```
#[doc(alias = "ReduceLROnPlateau")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReduceOnPlateau {
    /// Factor of the rate. Range: (0, 1). Default: 0.1.
    pub factor: f64,
    /// Number of epochs without improvement to tolerate. Default: 10.
    pub patience: usize,
    /// Minimum improvement, as a fraction of the best loss. Range: [0, 1). Default: 1e-4.
    pub threshold: f64,
    /// Number of epochs after a reduction that do not count. Range: below 2^53. Default: 0.
    pub cooldown: usize,
    /// Minimum rate. Range: at least 0. Default: 0.
    pub floor: f64,
}

impl Default for ReduceOnPlateau {
    fn default() -> Self {
        Self {
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            cooldown: 0,
            floor: 0.0,
        }
    }
}

/// Memory of [`ReduceOnPlateau`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub(super) struct Reducing {
    pub(super) plateau: Plateau,
    pub(super) cooldown: usize,
}

impl ReduceOnPlateau {
    pub(super) fn check(&self) -> Result<()> {
        let (what, range) = ("factor of the plateau", f64::MIN_POSITIVE..1.0);
        check_range(what, self.factor, range, "above 0 and below 1")?;
        let (what, range) = ("threshold of the plateau", 0.0..1.0);
        check_range(what, self.threshold, range, "at least 0 and below 1")?;
        // A checkpoint holds only counts below 2^53.
        let most = (1_u64 << 53) as f64;
        let what = "cooldown of the plateau, in epochs";
        check_range(what, self.cooldown as f64, 0.0..most, "below 2^53")?;
        check_zero_or_above(FLOOR, self.floor)
    }

    /// Counts an epoch with this loss and rate, and returns the factor for the rate.
    pub(super) fn see(&self, memory: &mut Reducing, loss: f64, rate: f64) -> f64 {
        let Reducing { plateau, cooldown } = memory;
        if loss < plateau.best * (1.0 - self.threshold) {
            plateau.best = loss;
            plateau.bad_epochs = 0;
        } else {
            plateau.bad_epochs += 1;
        }
        if *cooldown > 0 {
            *cooldown -= 1;
            plateau.bad_epochs = 0;
        }
        if plateau.bad_epochs <= self.patience {
            return 1.0;
        }
        plateau.bad_epochs = 0;
        *cooldown = self.cooldown;
        if rate * self.factor >= self.floor {
            self.factor
        } else {
            (self.floor / rate).min(1.0)
        }
    }
}

impl<T: Float> Trainer<T> {
    /// Keeps the best parameters, lowers the learning rate, and returns a reason to stop, if any.
    pub(super) fn judge(
        &self,
        state: &mut TrainerState<T>,
        epoch: &Epoch,
        net: &Mlp<T>,
    ) -> Option<StopReason> {
        let rate = state.learning_rate(self);
        let watched = match (epoch.validation_score, epoch.validation_loss) {
            (Some(score), _) => -score,
            (None, Some(loss)) => loss,
            (None, None) => epoch.loss,
        };
        let best = state.scalars.best_value;
        if watched < best || self.keep_best && watched <= best {
            state.scalars.best_value = watched;
            state.best.copy_from_slice(net.params());
            if self.restores_best() {
                state.history.best_epoch = Some(epoch.number);
            }
        }
        if let Some(reduce) = &self.reduce_on_plateau {
            let loss = epoch.validation_loss.unwrap_or(epoch.loss);
            state.scalars.rate_factor *= reduce.see(&mut state.scalars.reducing, loss, rate);
        }
        let scalars = &mut state.scalars;
        let is_over = |patience: Option<Patience>, plateau, loss| {
            patience.is_some_and(|patience| patience.is_over(plateau, loss))
        };
        let stops_early = is_over(self.early_stopping, &mut scalars.early_stopping, watched);
        let is_tolerated = !is_over(self.tolerance, &mut scalars.tolerance, epoch.loss);
        let reason = match (stops_early, is_tolerated) {
            (true, _) => StopReason::EarlyStopping,
            (false, false) => StopReason::Tolerance,
            (false, true) => return None,
        };
        match self.adaptive {
            Some(adaptive) if rate > adaptive.floor => {
                scalars.rate_factor /= adaptive.divisor;
                scalars.early_stopping.bad_epochs = 0;
                scalars.tolerance.bad_epochs = 0;
                None
            }
            _ => Some(reason),
        }
    }
}

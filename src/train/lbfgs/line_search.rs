//! The line search, which chooses the step along a descent direction.

use crate::math;

/// Step along the direction, with the value and the derivative after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trial {
    pub(super) step: f64,
    pub(super) value: f64,
    /// Derivative with respect to the step.
    pub(super) slope: f64,
}

/// Action to take after a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Next {
    /// Evaluate this step.
    Try(f64),
    /// Accept the last step.
    Accept,
    /// No step lowered the value enough.
    Fail,
}

/// Required decrease, as a fraction of the decrease that the initial derivative predicts: c₁.
const DECREASE: f64 = 1e-3;

/// Required size of the derivative, as a fraction of the initial derivative's size: c₂.
const CURVATURE: f64 = 0.9;

/// Width, relative to its upper end, at which an interval is not searched further.
const NARROW: f64 = 0.1;

/// Maximum number of evaluations in one search.
const MOST_TRIALS: u32 = 20;

/// Maximum step.
const LONGEST: f64 = 1e10;

/// A search for a step t that meets the strong Wolfe conditions:
///
/// ```text
/// φ(t) ≤ φ(0) + c₁ · t · φ'(0)    sufficient decrease
/// |φ'(t)| ≤ c₂ · |φ'(0)|          curvature
/// ```
///
/// The method is that of Moré and Thuente, "Line search algorithms with guaranteed sufficient
/// decrease", 1994. The constants are those of L-BFGS-B (Zhu, Byrd, Lu and Nocedal, 1997), which
/// SciPy uses.
///
/// Each new step is the minimum of a cubic or a parabola through the best and the latest step. It
/// stays inside an interval, which contains an acceptable step once `bracketed` is `true`.
///
/// As in SciPy, the best step is also accepted once the interval is narrow, and after 20 trials. It
/// then has a sufficient decrease, but may fail the curvature condition.
#[derive(Clone, Debug)]
pub(super) struct LineSearch {
    start: Trial,
    /// Step with the lowest value so far. If the step is above 0, its decrease is sufficient.
    best: Trial,
    /// Other end of the interval.
    other: Trial,
    bracketed: bool,
    /// `true` until a step has a sufficient decrease and a derivative of at least 0.
    is_first_stage: bool,
    /// Current and previous width of the interval.
    widths: [f64; 2],
    /// Range of the next step.
    bounds: [f64; 2],
    /// Step at and above which values are not finite, or else [`LONGEST`].
    limit: f64,
    trials: u32,
    /// `true` while the best step is evaluated once more, to be accepted.
    is_settled: bool,
}

impl LineSearch {
    /// Starts a search at a point with this value and this negative derivative. The caller makes
    /// the first trial at `step`.
    pub(super) fn new(value: f64, slope: f64, step: f64) -> Self {
        let start = Trial {
            step: 0.0,
            value,
            slope,
        };
        Self {
            start,
            best: start,
            other: start,
            bracketed: false,
            is_first_stage: true,
            widths: [LONGEST, 2.0 * LONGEST],
            bounds: [0.0, 5.0 * step],
            limit: LONGEST,
            trials: 0,
            is_settled: false,
        }
    }

    /// Takes the result of a trial and returns the next action.
    pub(super) fn tell(&mut self, trial: Trial) -> Next {
        self.trials += 1;
        if self.is_settled || self.is_acceptable(&trial) {
            return Next::Accept;
        }
        if self.trials == MOST_TRIALS {
            return self.settle();
        }
        if !(trial.value.is_finite() && trial.slope.is_finite()) {
            return self.retreat(trial.step);
        }
        let step = self.interpolate(&trial);
        let [lower, upper] = self.bounds;
        let is_narrow = upper - lower <= NARROW * upper;
        if !step.is_finite()
            || self.bracketed && (step <= lower || step >= upper || is_narrow)
            || step == trial.step
        {
            return self.settle();
        }
        Next::Try(step)
    }

    fn least_decrease(&self) -> f64 {
        DECREASE * self.start.slope
    }

    fn is_acceptable(&self, trial: &Trial) -> bool {
        // A value of -inf would pass the test of sufficient decrease.
        trial.value.is_finite()
            && trial.value <= self.start.value + trial.step * self.least_decrease()
            && trial.slope.abs() <= CURVATURE * -self.start.slope
    }

    /// Returns to the best step if it lowers the value. Otherwise the search fails.
    fn settle(&mut self) -> Next {
        // A step whose change is lost to rounding does not count.
        if self.best.value >= self.start.value {
            return Next::Fail;
        }
        self.is_settled = true;
        Next::Try(self.best.step)
    }

    /// Proposes a step closer to the best one after a step with numbers that are not finite.
    fn retreat(&mut self, step: f64) -> Next {
        if step > self.best.step {
            self.limit = self.limit.min(step);
        }
        Next::Try(self.best.step + 0.1 * (step - self.best.step))
    }

    /// Updates the interval with a trial and proposes the next step.
    fn interpolate(&mut self, trial: &Trial) -> f64 {
        let least = self.least_decrease();
        let is_enough = trial.value <= self.start.value + trial.step * least;
        if self.is_first_stage && is_enough && trial.slope >= 0.0 {
            self.is_first_stage = false;
        }
        // Until a step decreases the value enough, the search minimizes the value's excess over the
        // required decrease.
        let tilt = if self.is_first_stage && trial.value <= self.best.value && !is_enough {
            least
        } else {
            0.0
        };
        self.best.tilt(-tilt);
        self.other.tilt(-tilt);
        let mut tilted = *trial;
        tilted.tilt(-tilt);
        let mut step = self.narrow(&tilted);
        self.best.tilt(tilt);
        self.other.tilt(tilt);

        let (best, other) = (self.best.step, self.other.step);
        if self.bracketed {
            // The interval must shrink by a third in two trials, or it is bisected.
            if (other - best).abs() >= 0.66 * self.widths[1] {
                step = best + 0.5 * (other - best);
            }
            self.widths = [(other - best).abs(), self.widths[0]];
            self.bounds = [best.min(other), best.max(other)];
        } else {
            self.bounds = [step + 1.1 * (step - best), step + 4.0 * (step - best)];
        }
        if self.limit < LONGEST && step >= self.limit {
            best + 0.5 * (self.limit - best)
        } else {
            step.clamp(0.0, self.limit)
        }
    }

    /// Updates both ends of the interval and returns the next step, between or beyond them, by
    /// safeguarded cubic interpolation.
    fn narrow(&mut self, trial: &Trial) -> f64 {
        let (best, other) = (self.best, self.other);
        let t = trial.step;
        let is_beyond = t > best.step;
        let turns = trial.slope * best.slope.signum() < 0.0;
        // Step at which the derivative, interpolated linearly between the trial and the best step,
        // is zero.
        let secant = t + trial.slope / (trial.slope - best.slope) * (best.step - t);
        let step = if trial.value > best.value {
            // The value is higher, so there is a minimum in between.
            self.bracketed = true;
            let cubic = best.minimum_towards(trial).0;
            let chord = (best.value - trial.value) / (t - best.step);
            let parabola = best.step + best.slope / (chord + best.slope) / 2.0 * (t - best.step);
            if (cubic - best.step).abs() < (parabola - best.step).abs() {
                cubic
            } else {
                cubic + (parabola - cubic) / 2.0
            }
        } else if turns {
            // The value is lower and the derivative has changed its sign, so there is a minimum in
            // between.
            self.bracketed = true;
            let cubic = trial.minimum_towards(&best).0;
            if (cubic - t).abs() > (secant - t).abs() {
                cubic
            } else {
                secant
            }
        } else if trial.slope.abs() < best.slope.abs() {
            // The value is lower and the derivative smaller. The cubic may have its minimum beyond
            // the trial, or none.
            let (cubic, ratio, gamma) = trial.minimum_towards(&best);
            let cubic = if ratio < 0.0 && gamma != 0.0 {
                cubic
            } else {
                self.bounds[usize::from(is_beyond)]
            };
            let cubic_is_closer = (cubic - t).abs() < (secant - t).abs();
            let step = if cubic_is_closer == self.bracketed {
                cubic
            } else {
                secant
            };
            if !self.bracketed {
                step.min(self.bounds[1]).max(self.bounds[0])
            } else if is_beyond {
                step.min(t + 0.66 * (other.step - t))
            } else {
                step.max(t + 0.66 * (other.step - t))
            }
        } else if self.bracketed {
            // The value is lower and the derivative no smaller. The minimum lies toward the other
            // end.
            trial.minimum_towards(&other).0
        } else {
            self.bounds[usize::from(is_beyond)]
        };
        if trial.value > best.value {
            self.other = *trial;
        } else {
            if turns {
                self.other = best;
            }
            self.best = *trial;
        }
        step
    }
}

impl Trial {
    /// Adds a linear function with this derivative to the value and the derivative.
    fn tilt(&mut self, slope: f64) {
        self.value += self.step * slope;
        self.slope += slope;
    }

    /// Returns the minimum of the cubic that has the values and derivatives of both trials.
    ///
    /// The three numbers are the step at the minimum, its position between `self` (0) and `to` (1),
    /// and the square root of the discriminant.
    fn minimum_towards(&self, to: &Self) -> (f64, f64, f64) {
        let way = to.step - self.step;
        let theta = 3.0 * (self.value - to.value) / way + self.slope + to.slope;
        let scale = theta.abs().max(self.slope.abs()).max(to.slope.abs());
        let ratio = theta / scale;
        let square = ratio * ratio - (self.slope / scale) * (to.slope / scale);
        let gamma = scale * math::sqrt(square.max(0.0)) * way.signum();
        let ratio = ((gamma - self.slope) + theta) / (((gamma - self.slope) + gamma) + to.slope);
        (self.step + ratio * way, ratio, gamma)
    }
}

//! How far to go along a descent direction.

use crate::math;

/// What is known at one step along the direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trial {
    pub(super) step: f64,
    pub(super) value: f64,
    /// The derivative with respect to the step.
    pub(super) slope: f64,
}

/// What to do after a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Next {
    /// Evaluate at this step.
    Try(f64),
    /// Take the step that was tried last.
    Accept,
    /// No step lowered the value enough.
    Fail,
}

/// The value must fall by this part of what the slope at the start promises.
const DECREASE: f64 = 1e-3;

/// The slope's size must fall to this part of that at the start.
const CURVATURE: f64 = 0.9;

/// An interval this narrow, relative to its upper end, is not searched further.
const NARROW: f64 = 0.1;

/// Evaluations in one search.
const MOST_TRIALS: u32 = 20;

/// No step is longer.
const LONGEST: f64 = 1e10;

/// A search for a step t that meets the strong Wolfe conditions
/// phi(t) <= phi(0) + c1 t phi'(0) and |phi'(t)| <= c2 |phi'(0)|:
/// Moré and Thuente, "Line search algorithms with guaranteed sufficient decrease", 1994, with the
/// constants of L-BFGS-B (Zhu, Byrd, Lu and Nocedal, 1997), which are SciPy's.
///
/// As in SciPy, the best step is also taken, curvature or not, once the interval is narrow or
/// after twenty trials; the decrease always holds.
///
/// Minimum of a cubic or a parabola through the best step and the latest, inside an interval
/// that holds an acceptable step once `bracketed`.
#[derive(Clone, Debug)]
pub(super) struct LineSearch {
    start: Trial,
    /// The step with the least value so far; above 0 it meets the first condition.
    best: Trial,
    /// The interval's other end.
    other: Trial,
    bracketed: bool,
    /// Whether a step with sufficient decrease and a slope upward is still to be found.
    is_first_stage: bool,
    /// The interval's width, and that before.
    widths: [f64; 2],
    /// Where the next step may lie.
    bounds: [f64; 2],
    /// From here on values are not finite, or steps too long.
    limit: f64,
    trials: u32,
    /// Whether the best step is being evaluated once more, to be taken.
    is_settled: bool,
}

impl LineSearch {
    /// A search from a point with this value and this negative slope, whose first trial the
    /// caller makes at `step`.
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

    /// Takes the outcome of a trial.
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
        // -inf would pass the first condition.
        trial.value.is_finite()
            && trial.value <= self.start.value + trial.step * self.least_decrease()
            && trial.slope.abs() <= CURVATURE * -self.start.slope
    }

    /// Goes back to the best step, if there is one.
    fn settle(&mut self) -> Next {
        // A step so short that rounding hides the change is none.
        if self.best.value >= self.start.value {
            return Next::Fail;
        }
        self.is_settled = true;
        Next::Try(self.best.step)
    }

    /// Comes closer to the best step after one where numbers were not finite.
    fn retreat(&mut self, step: f64) -> Next {
        if step > self.best.step {
            self.limit = self.limit.min(step);
        }
        Next::Try(self.best.step + 0.1 * (step - self.best.step))
    }

    /// Takes a trial into the interval and proposes the next step.
    fn interpolate(&mut self, trial: &Trial) -> f64 {
        let least = self.least_decrease();
        let is_enough = trial.value <= self.start.value + trial.step * least;
        if self.is_first_stage && is_enough && trial.slope >= 0.0 {
            self.is_first_stage = false;
        }
        // As long as no step has decreased the value enough, what is minimised is its
        // excess over the least decrease.
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
            // The interval has to shrink by a third in two trials.
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

    /// The safeguarded cubic step: updates the two ends and returns a step between or beyond.
    fn narrow(&mut self, trial: &Trial) -> f64 {
        let (best, other) = (self.best, self.other);
        let t = trial.step;
        let is_beyond = t > best.step;
        let turns = trial.slope * best.slope.signum() < 0.0;
        // Where the derivative that leads from the trial's slope to the best one's is zero.
        let secant = t + trial.slope / (trial.slope - best.slope) * (best.step - t);
        let step = if trial.value > best.value {
            // Higher: there is a minimum in between.
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
            // Lower, and the slope has turned: in between too.
            self.bracketed = true;
            let cubic = trial.minimum_towards(&best).0;
            if (cubic - t).abs() > (secant - t).abs() {
                cubic
            } else {
                secant
            }
        } else if trial.slope.abs() < best.slope.abs() {
            // Lower and flatter: the cubic may have its minimum beyond the trial, or none.
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
            // Lower and no flatter: the minimum is on the other side.
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
    /// Adds a straight line of this slope.
    fn tilt(&mut self, slope: f64) {
        self.value += self.step * slope;
        self.slope += slope;
    }

    /// The minimum of the cubic that has the values and slopes of both: where it lies, what part
    /// of the way from here to there that is, and the discriminant's root.
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

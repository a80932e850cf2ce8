//! The damping of a search.

use super::Damping;

/// μ, and how it changes.
pub(super) struct Mu {
    rule: Damping,
    value: f64,
    /// Nielsen's ν, the factor of the next increase.
    increase: f64,
}

impl Mu {
    /// Sets μ for the start, where D⁻¹ JᵀJ D⁻¹ has this largest number on its diagonal.
    pub(super) fn new(rule: Damping, largest: f64) -> Self {
        let value = match rule {
            Damping::Nielsen { tau } => tau * largest,
            Damping::Factors { initial, .. } => initial,
        };
        Self {
            rule,
            value,
            increase: 2.0,
        }
    }

    /// Returns μ and ν, for [`resume`](Self::resume).
    pub(super) fn state(&self) -> [f64; 2] {
        [self.value, self.increase]
    }

    /// Continues with these numbers.
    pub(super) fn resume(&mut self, [value, increase]: [f64; 2]) {
        (self.value, self.increase) = (value, increase);
    }

    pub(super) fn value(&self) -> f64 {
        self.value
    }

    /// Lowers μ after a step whose decrease had this ratio to the predicted one.
    pub(super) fn lower(&mut self, ratio: f64) {
        match self.rule {
            Damping::Nielsen { .. } => {
                let excess = 2.0 * ratio - 1.0;
                self.value *= (1.0 - excess * excess * excess).max(1.0 / 3.0);
                self.increase = 2.0;
            }
            Damping::Factors { decrease, .. } => self.value *= decrease,
        }
    }

    /// Lowers μ after a step whose decrease is hidden by rounding.
    pub(super) fn lower_near_minimum(&mut self) {
        self.value *= 0.1;
    }

    /// Raises μ after a step that was rejected.
    pub(super) fn raise(&mut self) {
        self.value = self.value.max(f64::MIN_POSITIVE);
        match self.rule {
            Damping::Nielsen { .. } => {
                self.value *= self.increase;
                self.increase *= 2.0;
            }
            Damping::Factors { increase, .. } => self.value *= increase,
        }
    }
}

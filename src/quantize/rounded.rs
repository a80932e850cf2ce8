//! Activations whose numbers are rounded as in int8, for training.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;

use super::range::{Affine, Integers};
use super::stage::Stage;
use crate::activation::Activation;

/// Returns the activation with the roundings of its output stage. That of the last layer's
/// outputs, if they are int8, is left out, as it would hide small differences from the loss.
pub(super) fn rounded(
    activation: Arc<dyn Activation<f32>>,
    stage: &Stage,
    is_last: bool,
) -> Arc<dyn Activation<f32>> {
    match *stage {
        Stage::Clamp(y, limits, _) if !is_last => {
            let [low, high] = limits.map(|limit| y.quantize(limit));
            Arc::new(RoundedClamp {
                steps: Steps::new(y, [low, high]),
                activation,
            })
        }
        // 16 bits are so fine that training need not see their steps.
        Stage::Table(z, y) if !is_last && y.integers == Integers::INT16 => {
            let Integers(min, max) = z.integers;
            Arc::new(LimitedArgument {
                low: z.number(min) as f32,
                high: z.number(max) as f32,
                activation,
            })
        }
        Stage::Table(z, y) if !is_last => Arc::new(RoundedTable::new(activation, z, y)),
        _ => activation,
    }
}

/// Number of steps between two numbers, and the ends of their range.
#[derive(Clone, Copy, Debug)]
struct Steps {
    scale: f32,
    inverse: f32,
    /// Smallest and largest number of steps from zero.
    low: f32,
    high: f32,
}

impl Steps {
    fn new(affine: Affine, ends: [i32; 2]) -> Self {
        let [low, high] = ends.map(|q| (q - affine.zero_point) as f32);
        Self {
            scale: affine.scale as f32,
            inverse: (1.0 / affine.scale) as f32,
            low,
            high,
        }
    }

    /// Returns the number of steps from zero, as a whole number within the range.
    #[inline(always)]
    fn whole(&self, x: f32) -> f32 {
        // Adding and subtracting this number rounds, as its neighbors are 1 apart.
        const ROUNDING: f32 = 12_582_912.0;
        ((x * self.inverse).clamp(self.low, self.high) + ROUNDING) - ROUNDING
    }

    /// Returns 1 within the range, and else 0.
    #[inline(always)]
    fn derivative(&self, x: f32) -> f32 {
        let steps = x * self.inverse;
        f32::from(u8::from(steps > self.low && steps < self.high))
    }
}

/// An activation that limits its argument, with rounded outputs. Derivatives ignore the rounding.
#[derive(Debug)]
struct RoundedClamp {
    steps: Steps,
    activation: Arc<dyn Activation<f32>>,
}

impl Activation<f32> for RoundedClamp {
    #[inline(always)]
    fn value(&self, x: f32) -> f32 {
        self.steps.whole(x) * self.steps.scale
    }

    #[inline(always)]
    fn derivative(&self, x: f32, _: f32) -> f32 {
        self.steps.derivative(x)
    }

    fn name(&self) -> Cow<'static, str> {
        self.activation.name()
    }
}

/// An activation whose argument has limits. Outside of them, derivatives are 0.
#[derive(Debug)]
struct LimitedArgument {
    low: f32,
    high: f32,
    activation: Arc<dyn Activation<f32>>,
}

impl Activation<f32> for LimitedArgument {
    fn value(&self, x: f32) -> f32 {
        self.activation.value(x.clamp(self.low, self.high))
    }

    fn derivative(&self, x: f32, y: f32) -> f32 {
        if x < self.low || x > self.high {
            return 0.0;
        }
        self.activation.derivative(x, y)
    }

    fn name(&self) -> Cow<'static, str> {
        self.activation.name()
    }
}

/// An activation between rounded pre-activations and rounded outputs. Derivatives are those of the
/// activation at the rounded pre-activation.
#[derive(Debug)]
struct RoundedTable {
    steps: Steps,
    /// Outputs and derivatives for all integers.
    table: Box<[(f32, f32); 256]>,
    activation: Arc<dyn Activation<f32>>,
}

impl RoundedTable {
    fn new(activation: Arc<dyn Activation<f32>>, z: Affine, y: Affine) -> Self {
        let ends = [y.number(-128), y.number(127)].map(|end| end as f32);
        let mut table = Box::new([(0.0, 0.0); 256]);
        for (q, to) in (-128..=127).zip(table.iter_mut()) {
            let x = z.number(q) as f32;
            let value = activation.value(x);
            let rounded = y.number(y.quantize(value.into())) as f32;
            let is_within = value >= ends[0] && value <= ends[1];
            let derivative = activation.derivative(x, value);
            *to = (rounded, if is_within { derivative } else { 0.0 });
        }
        Self {
            steps: Steps::new(z, [-128, 127]),
            table,
            activation,
        }
    }

    #[inline(always)]
    fn entry(&self, x: f32) -> (f32, f32) {
        self.table[(self.steps.whole(x) - self.steps.low) as usize & 255]
    }
}

impl Activation<f32> for RoundedTable {
    #[inline(always)]
    fn value(&self, x: f32) -> f32 {
        self.entry(x).0
    }

    #[inline(always)]
    fn derivative(&self, x: f32, _: f32) -> f32 {
        self.entry(x).1 * self.steps.derivative(x)
    }

    fn name(&self) -> Cow<'static, str> {
        self.activation.name()
    }
}

//! The quantity and its gradient along the straight path from a baseline to a sample.

use alloc::vec::Vec;

use super::integrated::Quantity;
use super::quadrature::Integrand;
use crate::error::Result;
use crate::float::Float;
use crate::math;
use crate::memory;
use crate::mlp::{GradientWorkspace, Mlp, Predictor};

/// Path of a network's inputs.
pub(super) struct Path<'a, T: Float> {
    net: &'a Mlp<T>,
    predictor: Predictor<T, &'a Mlp<T>>,
    workspace: GradientWorkspace<T>,
    quantity: Quantity,
    baseline: &'a [T],
    pub(super) sample: &'a [T],
    points: Vec<T>,
    outputs: Vec<T>,
}

impl<'a, T: Float> Path<'a, T> {
    pub(super) fn new(net: &'a Mlp<T>, quantity: Quantity, baseline: &'a [T]) -> Result<Self> {
        Ok(Self {
            net,
            predictor: Predictor::new(net)?,
            workspace: GradientWorkspace::new(net),
            quantity,
            baseline,
            sample: baseline,
            points: Vec::new(),
            outputs: Vec::new(),
        })
    }

    /// Computes the network's outputs at these places.
    fn predict(&mut self, places: &[f64]) -> Result<()> {
        let (what, outputs) = ("points of the path", self.net.outputs());
        let len = memory::product(what, &[places.len(), self.baseline.len()])?;
        self.points.clear();
        memory::reserve(what, &mut self.points, len)?;
        for &t in places {
            let pairs = self.baseline.iter().zip(self.sample);
            self.points.extend(pairs.map(|(&from, &to)| {
                // Rounding must not move the ends.
                if t >= 1.0 {
                    return to;
                }
                let (from, to) = (from.as_f64(), to.as_f64());
                T::from_f64(from + t * (to - from))
            }));
        }
        let len = memory::product(what, &[places.len(), outputs])?;
        memory::resize(what, &mut self.outputs, T::zero(), len)?;
        self.predictor.predict_into(&self.points, &mut self.outputs)
    }
}

impl<T: Float> Integrand for Path<'_, T> {
    fn width(&self) -> usize {
        self.baseline.len()
    }

    fn values(&mut self, places: &[f64], values: &mut Vec<f64>) -> Result<()> {
        self.predict(places)?;
        let rows = self.outputs.chunks(self.net.outputs());
        values.extend(rows.map(|row| self.quantity.value(row)));
        Ok(())
    }

    fn gradients(&mut self, places: &[f64], gradients: &mut Vec<f64>) -> Result<()> {
        self.predict(places)?;
        let (width, outputs) = (self.baseline.len(), self.net.outputs());
        let some = match self.quantity {
            Quantity::Softmax(_) => 0..outputs,
            _ => self.quantity.output()..self.quantity.output() + 1,
        };
        let copies = some.len();
        let jacobian = self.workspace.jacobian_of(self.net, &self.points, some)?;
        let len = memory::product("gradients of the path", &[places.len(), width])?;
        memory::reserve("gradients of the path", gradients, gradients.len() + len)?;
        let rows = self.outputs.chunks(outputs);
        for (row, jacobian) in rows.zip(jacobian.chunks(copies * width)) {
            let start = gradients.len();
            gradients.resize(start + width, 0.0);
            for (copy, derivatives) in jacobian.chunks(width).enumerate() {
                let factor = self.quantity.derivative(row, copy);
                for (sum, d) in gradients[start..].iter_mut().zip(derivatives) {
                    *sum += factor * d.as_f64();
                }
            }
            let ends = self.baseline.iter().zip(self.sample);
            for (sum, (from, to)) in gradients[start..].iter_mut().zip(ends) {
                *sum *= to.as_f64() - from.as_f64();
            }
        }
        Ok(())
    }
}

impl Quantity {
    /// Returns the quantity for these outputs.
    fn value<T: Float>(self, outputs: &[T]) -> f64 {
        let y = outputs[self.output()].as_f64();
        match self {
            Self::Output(_) => y,
            Self::Sigmoid(_) => math::sigmoid(y),
            Self::Exp(_) => math::exp(y),
            Self::Softmax(_) => softmax(outputs, self.output()),
        }
    }

    /// Returns the derivative by the first, second, ... output with a gradient.
    fn derivative<T: Float>(self, outputs: &[T], copy: usize) -> f64 {
        match self {
            Self::Output(_) => 1.0,
            Self::Sigmoid(output) => {
                let y = outputs[output].as_f64();
                // 1 - sigmoid(y) would lose all digits of a small difference.
                math::sigmoid(y) * math::sigmoid(-y)
            }
            Self::Exp(_) => self.value(outputs),
            Self::Softmax(class) if copy == class => {
                let others = (0..outputs.len()).filter(|&other| other != class);
                let others: f64 = others.map(|other| softmax(outputs, other)).sum();
                softmax(outputs, class) * others
            }
            Self::Softmax(class) => -softmax(outputs, class) * softmax(outputs, copy),
        }
    }
}

/// Returns the probability of a class.
fn softmax<T: Float>(logits: &[T], class: usize) -> f64 {
    let y = logits[class].as_f64();
    let sum: f64 = logits.iter().map(|z| math::exp(z.as_f64() - y)).sum();
    1.0 / sum
}

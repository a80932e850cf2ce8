//! A loss or optimizer in an `Arc` delegates every method.

use std::sync::Arc;

use feedforward::loss::{Poisson, RelativeL2};
use feedforward::optimizer::{Optimizer, State, UpdateContext};
use feedforward::{Layout, Loss};

/// An optimizer that differs from every default of the trait.
#[derive(Debug)]
struct Odd;

impl Optimizer<f64> for Odd {
    fn learning_rate(&self) -> f64 {
        0.25
    }
    fn state_len(&self, layout: &Layout) -> usize {
        2 * layout.len()
    }
    fn scratch_len(&self, _: &Layout) -> usize {
        1
    }
    fn parameter_of(&self, _: &Layout, index: usize) -> usize {
        index + 1
    }
    fn init(&self, _: &Layout, state: &mut [f64]) {
        state.fill(7.0);
    }
    fn step(&self, context: &UpdateContext<'_>, params: &mut [f64], _: &[f64], state: &mut [f64]) {
        params.fill(context.learning_rate);
        state.fill(8.0);
    }
    fn elementwise(&self) -> bool {
        true
    }
    fn check(&self) -> feedforward::Result<()> {
        Loss::<f64>::check(&RelativeL2 { epsilon: -1.0 })
    }
}

#[test]
fn optimizers() {
    // The function is generic, because `shared.init(..)` could call the pointee's method.
    fn check(optimizer: &impl Optimizer<f64>) {
        let layout = Layout::new(&[1, 1]).unwrap();
        assert_eq!(optimizer.learning_rate(), 0.25);
        assert_eq!(optimizer.state_len(&layout), 4);
        assert_eq!(optimizer.scratch_len(&layout), 1);
        assert_eq!(optimizer.parameter_of(&layout, 1), 2);
        let mut state = vec![0.0; 4];
        optimizer.init(&layout, &mut state);
        assert_eq!(state, [7.0; 4]);
        assert!(optimizer.elementwise() && optimizer.check().is_err());
        let mut params = [1.0; 2];
        State::new(optimizer, &layout)
            .unwrap()
            .update(optimizer, 0.5, &mut params, &[1.0; 2])
            .unwrap();
        assert_eq!(params, [0.5; 2]);
    }
    let shared: Arc<dyn Optimizer<f64>> = Arc::new(Odd);
    check(&shared);
}

#[test]
fn losses() {
    fn check(poisson: &impl Loss<f64>, relative: &impl Loss<f64>) {
        let mut gradient = [0.0];
        assert_eq!(poisson.evaluate(&[0.0], &[1.0], &mut gradient), 0.0);
        assert!(poisson.check_target(&[-1.0]).is_err());
        assert!(relative.check().is_err());
    }
    let poisson: Arc<dyn Loss<f64>> = Arc::new(Poisson);
    let relative: Arc<dyn Loss<f64>> = Arc::new(RelativeL2 { epsilon: -1.0 });
    check(&poisson, &relative);
}

//! Trains with an optimizer of your own: `cargo run --example custom_optimizer`.

use feedforward::activation::{Identity, Tanh};
use feedforward::optimizer::{Optimizer, UpdateContext};
use feedforward::{Float, Layout, Mlp, Result, Trainer, loss, schedule};

// A `println!` that survives `| head -1`. Your own program needs neither this module nor `say::`.
#[macro_use]
#[path = "common/say.rs"]
mod say;

/// signSGD (Bernstein et al., 2018, [arXiv:1802.04434](https://arxiv.org/abs/1802.04434)).
#[derive(Debug)]
struct SignSgd(f64);

impl<T: Float> Optimizer<T> for SignSgd {
    fn learning_rate(&self) -> f64 {
        self.0
    }
    fn state_len(&self, _: &Layout) -> usize {
        0 // No state. A momentum would need `layout.len()` numbers.
    }
    fn step(&self, now: &UpdateContext<'_>, params: &mut [T], gradient: &[T], _: &mut [T]) {
        let rate = T::from_f64(now.learning_rate); // the schedule's rate for this update
        let sign = |g: T| if g == T::zero() { g } else { g.signum() };
        for (p, &g) in params.iter_mut().zip(gradient) {
            *p -= rate * sign(g);
        }
    }
}

fn main() -> Result<()> {
    say::no_flags("Trains with an optimizer of your own.");
    let (x, y) = ([-2.0, -1.0, 0.0, 1.0, 2.0], [4.0, 1.0, 0.0, 1.0, 4.0]);
    let layers = Mlp::<f64>::builder(1).hidden(8, Tanh).output(1, Identity);
    let mut net = layers.build()?;
    let trainer = Trainer::new(loss::SquaredError, SignSgd(0.02)).batch_size(5);
    let trainer = trainer.schedule(schedule::Cosine::default()).epochs(1000);
    trainer.fit(&mut net, &x, &y)?;
    println!("Learned: {x:?} squared is {:.2?}.", net.predict(&x)?);
    Ok(())
}

//! Search of settings: random trials, successive halving, and greedy selection of ensembles.
//!
//! | task | see |
//! |---|---|
//! | name parameters with their ranges, and draw settings | [`Space`], [`Settings`] |
//! | try settings, and end bad trials early | [`Halving`] |
//! | try settings, each to its end (random search) | [`Halving::new`] with one rung |
//! | read, print and save the results | [`Trials`], [`Trial`] |
//! | choose and weigh models by their mean prediction | [`select_ensemble`] |
//! | search the settings of a model of a table (feature `tabular`) | `Tabular::search` |
//!
//! The caller's function trains and scores a trial, so the module works for any model. Settings
//! need not come from a [`Space`]: another sampler can make them with [`Settings::with`].
//!
//! Scores of a search are too good, since the best of many trials is also the luckiest. Use further
//! rows to tell how good the result is.
//!
//! ```
//! use feedforward::activation::{Identity, Tanh};
//! use feedforward::search::{Halving, Settings, Space};
//! use feedforward::{Mlp, Samples, Trainer, loss::SquaredError, optimizer::Adam};
//!
//! let x: Vec<f32> = (0..40).map(|i| i as f32 / 20.0 - 1.0).collect();
//! let y: Vec<f32> = x.iter().map(|x| x * x).collect();
//! let samples = Samples::new(&x, &y);
//! let trainer = |settings: &Settings| -> feedforward::Result<Trainer<f32>> {
//!     let adam = Adam::new(settings.number("learning_rate")?);
//!     Ok(Trainer::new(SquaredError, adam).threads(1).validation_split(0.25))
//! };
//!
//! let space = Space::new()
//!     .log_uniform("learning_rate", 1e-4, 1e-1)?
//!     .integer("neurons", 4, 32)?;
//! // Of 8 trials of 10 epochs, 4 continue to 20 epochs, and 2 of these to 40.
//! let halving = Halving::new(&[10, 20, 40])?;
//! let trials = halving.run(space.draws(7).take(8), |trial, state, epochs| {
//!     let trainer = trainer(&trial.settings)?.epochs(epochs);
//!     let (mut net, mut run) = match state.take() {
//!         Some(state) => state,
//!         None => {
//!             let neurons = trial.settings.count("neurons")?;
//!             let net = Mlp::builder(1).hidden(neurons, Tanh).output(1, Identity).build()?;
//!             let run = trainer.init_state(&net)?;
//!             (net, run)
//!         }
//!     };
//!     trainer.resume(&mut net, &mut run, &samples)?;
//!     let loss = run.history().epochs[epochs - 1].validation_loss;
//!     *state = Some((net, run));
//!     Ok(-loss.unwrap_or(f64::NAN)) // the higher, the better
//! })?;
//! println!("{trials}");
//! let best = trials.best().expect("none diverges");
//! assert_eq!((trials.len(), best.resource), (8, 40));
//! # Ok::<(), feedforward::Error>(())
//! ```

#![cfg(target_has_atomic = "ptr")]

mod halving;
mod selection;
mod settings;
mod space;
mod trials;

pub use halving::Halving;
pub use selection::select_ensemble;
pub use settings::{Setting, Settings};
pub use space::Space;
pub use trials::{Trial, Trials};

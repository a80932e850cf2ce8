//! Random trainers.

use std::ops::ControlFlow::{self, Break, Continue};

use feedforward::train::{Adaptive, Order, ReduceOnPlateau, TrainingEvent, Validation};
use feedforward::{Mlp, Trainer};

use crate::case::{Case, Number};
use crate::data::{Data, length, values};
use crate::gradients::clip;
use crate::pieces;

/// A trainer, and properties that the checks need.
#[derive(Clone, Debug)]
pub struct Training<T> {
    pub trainer: Trainer<T>,
    pub epochs: usize,
    /// `true` if orders may contain rows that do not exist.
    pub arranged: bool,
}

impl<T: Number> Training<T> {
    pub fn new(case: &mut Case, net: &Mlp<T>) -> Self {
        let (loss, optimizer) = (pieces::loss::<T>(case), pieces::optimizer::<T>(case));
        let random = &mut case.random;
        let epochs = match random.below(10) {
            0 => random.count(&[1, 2]),
            1 => usize::MAX,
            _ => random.between(1, 4),
        };
        let mut training = Self {
            trainer: Trainer::new(loss, optimizer).epochs(epochs),
            epochs,
            arranged: false,
        };
        for _ in 0..case.random.below(5) {
            training.change(case, net);
        }
        let Self { trainer, .. } = &training;
        say!(case, "trainer = {trainer:?}");
        training
    }

    /// Changes one setting.
    fn change(&mut self, case: &mut Case, net: &Mlp<T>) {
        let trainer = self.trainer.clone();
        let random = &mut case.random;
        let improvement = random.setting(&[0.0, 1e-4, 0.1]);
        let patience = random.count(&[0, 1, 2]);
        self.trainer = match random.below(22) {
            0 | 1 => trainer.batch_size(random.count(&[1, 2, 3, 7, 200])),
            2 if random.percent(50) => trainer.order(Order::Shuffled),
            2 => trainer.order(Order::Given),
            3 => {
                self.arranged = true;
                let kind = random.below(4);
                trainer.order(Order::custom(move |epoch, rows| match kind {
                    0 => rows.reverse(),
                    1 => rows.fill(0),
                    2 => rows[0] = rows.len() + 7,
                    _ if epoch > 0 => rows[0] = usize::MAX,
                    _ => {}
                }))
            }
            4 => trainer.l2(random.setting(&[0.0, 1e-3, 1.0])),
            5 => trainer.clip(clip(case)),
            6 => trainer.dropout(random.setting(&[0.0, 0.2, 0.8])),
            7 => trainer.weight_average(random.setting(&[0.0, 0.9, 0.999])),
            8 => trainer.validation_split(random.setting(&[0.1, 0.25, 0.5])),
            9 => trainer.validation(Validation::split(0.3).stratified(random.percent(70))),
            10 => {
                let data = Data::new(case, net);
                let (inputs, targets) = (data.inputs, data.targets);
                trainer.validation(match data.weights {
                    Some(weights) => Validation::weighted_set(inputs, targets, weights),
                    None => Validation::set(inputs, targets),
                })
            }
            11 => {
                let [inputs, targets, weights] = [3; 3].map(|usual| {
                    let len = length(random, usual);
                    values::<T>(random, len)
                });
                trainer.validation(Validation::weighted_set(inputs, targets, weights))
            }
            12 => {
                let score = pieces::score::<T>(case);
                trainer.validation(Validation::split(0.3).score(score))
            }
            13 => trainer
                .validation_split(0.3)
                .early_stopping(improvement, patience),
            14 => {
                let divisor = random.setting(&[2.0, 5.0]);
                let floor = random.setting(&[1e-6, 0.0]);
                let trainer = trainer.adaptive(Adaptive { divisor, floor });
                trainer.tolerance(improvement, patience)
            }
            15 => trainer.reduce_on_plateau(ReduceOnPlateau {
                factor: random.setting(&[0.1, 0.5]),
                patience,
                threshold: random.setting(&[1e-4, 0.0]),
                cooldown: random.count(&[0, 1, 2]),
                floor: random.setting(&[0.0, 1e-6]),
            }),
            20 => trainer
                .dropout(0.3)
                .dropout_schedule(pieces::schedule(case)),
            21 => trainer.decay_schedule(pieces::schedule(case)),
            18 => trainer.validation_split(0.3).keep_best(),
            19 => trainer.drop_last(random.percent(80)),
            16 => trainer.schedule(pieces::schedule(case)),
            _ => trainer.threads(threads(case)),
        };
    }
}

/// Returns a callback that ends a training run after this many epochs.
pub fn at_most<T>(epochs: usize) -> impl FnMut(&TrainingEvent, &Mlp<T>) -> ControlFlow<()> + Send {
    let mut left = epochs;
    move |event, _| {
        left -= usize::from(event.epoch().is_some());
        if left == 0 { Break(()) } else { Continue(()) }
    }
}

fn threads(case: &mut Case) -> usize {
    let usual = [1, 2, 3];
    if case.random.odd() {
        case.random.pick(&[0, 8, 100, 100_000, usize::MAX])
    } else {
        case.random.pick(&usual)
    }
}

//! Training of several networks side by side.

use alloc::vec::Vec;

use super::Trainer;
use super::fit::never;
use super::history::History;
use super::sample_loop;
use crate::error::{Error, Result, check_not_empty};
use crate::float::Float;
use crate::mlp::{Mlp, Samples};
use crate::parallel::Threads;

impl<T: Float> Trainer<T> {
    /// Trains several networks side by side, each on one thread.
    ///
    /// Network i trains as [`fit`](Self::fit) does with the trainer's [seed](Self::seed) + i. It
    /// learns from the only element of `samples`, or from element i if there are several. Results
    /// are bit-identical to those of `fit`, for any number of [threads](Self::threads).
    ///
    /// The networks need not have one shape. Give each another seed, so that they start from other
    /// parameters. The mean of their predictions is usually better than the prediction of one:
    ///
    /// ```
    /// use feedforward::{Mlp, Samples, Trainer, activation::{Identity, Tanh}};
    /// use feedforward::{loss::SquaredError, optimizer::Adam};
    ///
    /// let inputs: Vec<f64> = (0..60).map(|i| f64::from(i) / 30.0 - 1.0).collect();
    /// let targets: Vec<f64> = inputs.iter().map(|x| x * x).collect();
    /// let net = |seed| Mlp::builder(1).hidden(8, Tanh).output(1, Identity).seed(seed).build();
    /// let mut nets = (0..4).map(net).collect::<Result<Vec<_>, _>>()?;
    ///
    /// let trainer = Trainer::new(SquaredError, Adam::new(0.03)).batch_size(20).epochs(200);
    /// let histories = trainer.fit_ensemble(&mut nets, &[Samples::new(&inputs, &targets)])?;
    /// assert!(histories.iter().all(|history| history.loss() < 0.01));
    /// let predictions = nets.iter().map(|net| net.predict(&[0.5]).map(|y| y[0]));
    /// let mean = predictions.sum::<Result<f64, _>>()? / nets.len() as f64;
    /// assert!((mean - 0.25).abs() < 0.1);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// Before any change:
    /// - [`Error::Empty`] without networks
    /// - [`Error::Shape`] unless `samples` has one element, or one for each network
    /// - [`Error::Incompatible`] with a checkpoint file, which networks cannot share
    /// - the errors of [`fit`](Self::fit), in an [`Error::Network`] if they concern a network
    ///
    /// During training, [`Error::Network`] with the [`Error::Diverged`] of the first network that
    /// diverges. It keeps its best parameters so far, as after `fit`. All other networks are
    /// trained to the end.
    pub fn fit_ensemble(
        &self,
        nets: &mut [Mlp<T>],
        samples: &[Samples<'_, T>],
    ) -> Result<Vec<History>> {
        self.check()?;
        check_not_empty("networks", nets)?;
        let count = nets.len();
        if samples.len() != 1 && samples.len() != count {
            let expected = alloc::format!("1, or {count} for {count} networks");
            return Err(Error::shape("sets of samples", expected, samples.len()));
        }
        #[cfg(all(feature = "safetensors", feature = "std"))]
        self.check_no_checkpoints("the networks would share it")?;
        // A single network has all threads, and several have one each.
        let (threads, each) = match (self.threads, count) {
            (Some(0), _) => (Threads::exactly(0)?, None),
            (own, 1) => (Threads::one(), own),
            (None, _) => (Threads::all(), Some(1)),
            (Some(threads), _) => (Threads::exactly(threads.min(count))?, Some(1)),
        };
        let trainer = |index: usize| Self {
            seed: self.seed.wrapping_add(index as u64),
            threads: each,
            ..self.clone()
        };
        let own = |index: usize| &samples[index.min(samples.len() - 1)];
        // One network's error must not leave others trained.
        threads.try_map("networks", nets.iter_mut().enumerate(), &|(index, net)| {
            sample_loop::check(&trainer(*index), net, own(*index))
                .map_err(|error| error.in_network(*index))
        })?;
        threads.try_map("networks", nets.iter_mut().enumerate(), &|(index, net)| {
            (trainer(*index).fit_with(net, own(*index), never))
                .map_err(|error| error.in_network(*index))
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::activation::{Identity, Tanh};
    use crate::loss::SquaredError;
    use crate::optimizer::{Adam, Sgd};
    use crate::simd::on_every_set;
    use crate::train::Validation;

    const ROWS: usize = 40;

    fn nets(count: u64) -> Vec<Mlp<f32>> {
        let net = |seed| {
            Mlp::builder(2)
                .hidden(5, Tanh)
                .output(1, Identity)
                .seed(seed)
        };
        (0..count).map(|seed| net(seed).build().unwrap()).collect()
    }

    fn data(phase: f32) -> (Vec<f32>, Vec<f32>) {
        let inputs: Vec<f32> = (0..2 * ROWS).map(|i| (i as f32 + phase).sin()).collect();
        let targets = inputs.chunks(2).map(|x| x[0] * x[1]).collect();
        (inputs, targets)
    }

    fn trainer() -> Trainer<f32> {
        Trainer::new(SquaredError, Adam::new(0.02))
            .batch_size(8)
            .epochs(12)
            .dropout(0.1)
            .validation(Validation::split(0.2))
            .keep_best()
            .seed(7)
    }

    #[test]
    fn each_network_trains_as_alone_with_its_seed() {
        let all: Vec<_> = (0..5).map(|index| data(index as f32)).collect();
        let samples: Vec<_> = all.iter().map(|(x, y)| Samples::new(x, y)).collect();
        on_every_set(|| {
            for samples in [&samples[..1], &samples] {
                let mut expected = nets(5);
                let alone: Vec<_> = (expected.iter_mut().enumerate())
                    .map(|(index, net)| {
                        let trainer = trainer().seed(7 + index as u64).threads(1);
                        let samples = &samples[index.min(samples.len() - 1)];
                        trainer.fit_with(net, samples, never).unwrap()
                    })
                    .collect();
                for threads in [None, Some(1), Some(2), Some(3), Some(8)] {
                    let trainer = match threads {
                        None => trainer(),
                        Some(threads) => trainer().threads(threads),
                    };
                    let mut got = nets(5);
                    let histories = trainer.fit_ensemble(&mut got, samples).unwrap();
                    for index in 0..5 {
                        assert_eq!(got[index].params(), expected[index].params());
                        assert_eq!(histories[index].epochs, alone[index].epochs);
                    }
                    let mut one = nets(1);
                    trainer.fit_ensemble(&mut one, &samples[..1]).unwrap();
                    assert_eq!(one[0].params(), expected[0].params());
                }
            }
        });
    }

    /// Each network's fit waits for nothing but its own work, so this must not hang.
    #[test]
    fn ensembles_may_be_nested() {
        let (inputs, targets) = data(0.0);
        let samples = [Samples::new(&inputs, &targets)];
        let mut results = vec![Vec::new(); 4];
        let threads = Threads::all();
        threads.install(|| {
            threads.for_each(&mut results, &|result| {
                let mut inner = nets(3);
                trainer().fit_ensemble(&mut inner, &samples).unwrap();
                trainer()
                    .threads(2)
                    .fit_ensemble(&mut inner, &samples)
                    .unwrap();
                *result = inner[2].params().to_vec();
            });
        });
        assert!(results.iter().all(|result| *result == results[0]));
    }

    #[test]
    fn bad_input_changes_no_network() {
        let (inputs, targets) = data(0.0);
        let good = Samples::new(&inputs, &targets);
        let mut wrong = targets.clone();
        wrong[3] = f32::NAN;
        let wrong = Samples::new(&inputs, &wrong);
        let message = |trainer: Trainer<f32>, samples: &[Samples<'_, f32>]| {
            let mut all = nets(3);
            let error = trainer.fit_ensemble(&mut all, samples).unwrap_err();
            for (net, before) in all.iter().zip(nets(3)) {
                assert_eq!(net.params(), before.params());
            }
            alloc::string::ToString::to_string(&error)
        };
        assert_eq!(
            message(trainer(), &[good, good, wrong]),
            "network 2: targets: expected finite numbers, got NaN at row 3, column 0"
        );
        assert_eq!(
            message(trainer(), &[good, good]),
            "sets of samples: expected 1, or 3 for 3 networks, got 2"
        );
        assert!(message(trainer(), &[]).ends_with("got 0"));
        assert!(message(trainer().threads(0), &[good]).starts_with("threads: "));
        assert!(message(trainer().epochs(0), &[good]).starts_with("epochs: "));
        let mut all = nets(3);
        all[1].params_mut()[0] = f32::INFINITY;
        let error = trainer().fit_ensemble(&mut all, &[good]).unwrap_err();
        assert!(matches!(error, Error::Network { index: 1, .. }), "{error}");
        assert_eq!(all[0].params(), nets(1)[0].params());
        assert!(trainer().fit_ensemble(&mut [], &[good]).is_err());
    }

    #[test]
    fn a_diverging_network_is_named_and_the_others_are_trained() {
        let (inputs, targets) = data(0.0);
        let huge: Vec<f32> = targets.iter().map(|y| 1e30 * y).collect();
        let good = Samples::new(&inputs, &targets);
        let samples = [good, Samples::new(&inputs, &huge), good];
        let trainer = Trainer::new(SquaredError, Sgd::new(0.1))
            .epochs(50)
            .batch_size(8);
        let mut all = nets(3);
        let error = trainer.fit_ensemble(&mut all, &samples).unwrap_err();
        let Error::Network { index: 1, error } = error else {
            panic!("{error}");
        };
        assert!(matches!(*error, Error::Diverged { .. }), "{error}");
        assert!(all[1].params().iter().all(|p| p.is_finite()));
        let mut alone = nets(3).swap_remove(2);
        trainer.seed(2).fit(&mut alone, &inputs, &targets).unwrap();
        assert_eq!(all[2].params(), alone.params());
    }
}

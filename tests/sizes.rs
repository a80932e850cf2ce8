//! Sizes that exceed any memory, or that overflow, are errors at once.

#![cfg(target_pointer_width = "64")]

use std::ops::ControlFlow;
use std::sync::Arc;

use feedforward::activation::{Identity, Maxout, Relu};
use feedforward::encoding::{
    self, Categories, Concat, Encoding, Fourier, OneBlob, Periodic, PeriodicSettings, Positional,
    Scaled,
};
use feedforward::init::{
    GlorotUniform, Initializer, LayerInfo, Orthogonal, Rng, ScikitLearn, Siren, Uniform,
};
use feedforward::loss::SquaredError;
use feedforward::optimizer::{Adam, Muon, Optimizer, Sgd, State, UpdateContext};
use feedforward::schedule::{
    Cosine, CosineLog, CosineRestarts, ExponentialDecay, FlatCosine, InverseScaling, Linear,
    OneCycle, Progress, Schedule, StepDecay, WarmUp,
};
use feedforward::train::{
    Batches, Lbfgs, LbfgsOptions, LeastSquaresOptions, least_squares, minimize,
};
use feedforward::{
    Error, Float, GradientWorkspace, LayerSpec, Layout, Mlp, MlpBuilder, MlpRef, Neuron, Samples,
    Shard, Trainer,
};
use rand::SeedableRng;

const HUGE: usize = usize::MAX;

/// Sizes whose products, or sums of two products, overflow or exceed the memory.
const SIZES: [usize; 9] = [
    HUGE,
    HUGE - 1,
    HUGE / 2,
    HUGE / 2 + 1,
    HUGE / 3,
    HUGE / 4 + 1,
    HUGE / 8,
    HUGE / 16 + 1,
    HUGE >> 20,
];

fn message<T>(result: feedforward::Result<T>) -> String {
    match result {
        Ok(_) => panic!("no error"),
        Err(error) => error.to_string(),
    }
}

fn networks<T: Float>() {
    let build = |builder: MlpBuilder<T>| message(builder.build());
    for size in SIZES {
        let builder = || Mlp::<T>::builder(2);
        build(Mlp::builder(size).output(1, Identity));
        build(builder().output(size, Identity));
        build(builder().hidden(size, Relu).output(1, Identity));
        build(
            builder()
                .hidden(1, Relu)
                .hidden(size, Relu)
                .output(size, Relu),
        );
        build(builder().hidden_layers(size, 1, Relu).output(1, Identity));
        build(
            builder()
                .hidden_layers(size, size, Relu)
                .output(1, Identity),
        );
        let twice = builder().hidden_layers(size, 1, Relu);
        build(twice.hidden_layers(size, 1, Relu).output(1, Identity));
        build(builder().output(1, Maxout { pieces: size }));
        build(builder().output(size, Maxout { pieces: size }));
        build(Mlp::builder(size).output(2, Maxout { pieces: 2 }));
        assert!(Neuron::<T>::random(size, 0, Identity).is_err());
        assert!(Neuron::<T>::random(1, 0, Maxout { pieces: size }).is_err());
        assert!(Neuron::<T>::random(size, 0, Maxout { pieces: size }).is_err());
        let layers = [LayerSpec::new(size, &Identity)];
        assert!(MlpRef::<T>::new(1, &layers, &[T::one(); 2]).is_err());
        let layers = [LayerSpec::new(1, &Identity)];
        assert!(MlpRef::<T>::new(size, &layers, &[T::one(); 2]).is_err());
    }
    assert_eq!(
        build(
            Mlp::builder(2)
                .hidden_layers(1 << 16, 1, Relu)
                .output(1, Relu)
        ),
        "number of layers: expected at most 65536, got more"
    );
    assert_eq!(
        build(Mlp::builder(0).output(1, Identity)),
        "inputs: expected at least 1, got 0"
    );
    // Any number of layers up to the maximum works, and adding zero layers is no error.
    let deep = Mlp::<T>::builder(1)
        .hidden_layers(999, 1, Relu)
        .hidden_layers(0, 0, Relu);
    let deep = deep.output(1, Identity).build().unwrap();
    assert_eq!((deep.depth(), deep.params().len()), (1000, 2000));
}

#[test]
fn networks_that_cannot_be() {
    networks::<f32>();
    networks::<f64>();
}

#[test]
fn parameters_are_counted_before_there_are_any() {
    let net = Mlp::<f32>::builder(1 << 32).output(1 << 20, Identity);
    assert_eq!(
        message(net.build()),
        "number of parameters: expected at most 68719476736, got more"
    );
    let layout = Layout::new(&[1 << 17; 3]).unwrap();
    assert_eq!(layout.len(), (1 << 35) + (1 << 18));
}

fn memories<T: Float>() {
    /// An optimizer that requests too much memory.
    #[derive(Debug)]
    struct Greedy(usize);

    impl<T: Float> Optimizer<T> for Greedy {
        fn learning_rate(&self) -> f64 {
            1.0
        }
        fn state_len(&self, _: &Layout) -> usize {
            self.0
        }
        fn step(&self, _: &UpdateContext<'_>, _: &mut [T], _: &[T], _: &mut [T]) {}
    }

    let layout = Layout::new(&[1, 1]).unwrap();
    let net = Mlp::<T>::builder(1).output(1, Identity).build().unwrap();
    for size in SIZES {
        assert!(State::<T>::new(&Greedy(size), &layout).is_err());
        let trainer = feedforward::Trainer::new(SquaredError, Greedy(size));
        assert!(trainer.init_state(&net).is_err());
        assert!(
            trainer
                .fit(&mut net.clone(), &[T::one()], &[T::one()])
                .is_err()
        );
    }
    assert!(Layout::new(&[3, 0, 4, 2]).is_err());
    // Narrow matrices need the most padding.
    for sizes in [&[1, 1, 1, 1][..], &[3, 1, 300, 1, 2], &[1, 17, 1], &[1, 1]] {
        let layout = Layout::new(sizes).unwrap();
        let mut state = State::<T>::new(&Muon::default(), &layout).unwrap();
        let mut params = vec![T::one(); layout.len()];
        let gradient = params.clone();
        state
            .update(&Muon::default(), 0.1, &mut params, &gradient)
            .unwrap();
        assert!(params.iter().all(|p| p.is_finite()), "{sizes:?}");
    }
}

#[test]
fn optimizer_states_that_cannot_be() {
    memories::<f32>();
    memories::<f64>();
}

fn encodings<T: Float>() {
    for size in SIZES {
        for (inputs, each) in [(1, size), (2, size), (size, 1), (size, 2), (size, size)] {
            assert!(Fourier::<T>::new(inputs, each, 1.0, 0).is_err());
            assert!(OneBlob::new(inputs, each).is_err());
            assert!(Positional::new(inputs, each).is_err());
        }
        assert!(Positional::new(size, 24).is_err());
        assert!(Fourier::<T>::from_directions(size, vec![T::one(); 4]).is_err());
        for column in [(1, size), (size, 1), (size, size)] {
            assert!(Categories::new(&[(2, 2), column]).is_err());
        }
        let periodic = |settings| assert!(Periodic::new(settings).is_err());
        let defaults = PeriodicSettings::new(1);
        periodic(PeriodicSettings::new(size));
        periodic(PeriodicSettings {
            frequencies: size,
            ..defaults
        });
        periodic(PeriodicSettings {
            width: size,
            ..defaults
        });
        assert!(encoding::Identity::new(size).is_err());
    }
    assert!(Categories::new(&[(1 << 24, 1 << 16)]).is_err());
    assert!(Categories::new(&vec![(1, 1); 4097]).is_err());
    assert!(Categories::new(&[(1 << 24, 1 << 11); 4]).is_err());
    let most: Arc<dyn Encoding<T>> = Arc::new(encoding::Identity::new(HUGE >> 28).unwrap());
    assert!(Scaled::new(most.clone()).is_ok());
    assert!(Concat::new(vec![most.clone()]).is_ok());
    assert!(Concat::new(vec![most.clone(), most]).is_err());
    let parts = Periodic::new(PeriodicSettings::new(1 << 29)).unwrap();
    let parts: Arc<dyn Encoding<T>> = Arc::new(parts);
    let whole = Concat::new(vec![parts.clone(), parts.clone()]);
    assert!(whole.is_err(), "too many parameters");
    let whole = Concat::new(vec![parts]).unwrap();
    assert!(whole.part_len((1 << 29) - 1).is_some() && whole.part_len(1 << 29).is_none());
    let wide = Positional::new(1 << 20, 24).unwrap();
    assert_eq!(Encoding::<T>::outputs(&wide), 48 << 20);
}

#[test]
fn encodings_that_cannot_be() {
    encodings::<f32>();
    encodings::<f64>();
}

#[test]
fn batches_that_cannot_be() {
    for size in SIZES {
        assert!(Batches::new(size, 1).is_err());
        assert!(Batches::new(size, size).is_err());
        assert!(Batches::new(1, size).is_err());
        assert!(Batches::new(size, 0).is_err());
    }
    assert_eq!(
        message(Batches::new(HUGE >> 24, 0)),
        format!(
            "batch size: expected 1 to {}, the number of training samples, got 0",
            HUGE >> 24
        )
    );
    let mut batches = Batches::new(9, 4).unwrap().shuffled(u64::MAX);
    for epoch in [HUGE, HUGE - 1, 0] {
        let mut rows: Vec<_> = batches.epoch(epoch).flatten().copied().collect();
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..9), "{epoch}");
    }
}

#[test]
fn shares_of_any_size() {
    for samples in SIZES {
        for count in [1, 2, 7, 16, HUGE - 1, HUGE] {
            for index in [0, count / 2, count - 1] {
                for shard in [
                    Shard::of_chunks(samples, index, count).unwrap(),
                    Shard::of_rows(samples, index, count).unwrap(),
                ] {
                    assert!(shard.rows().end <= samples);
                    assert!(shard.chunk_rows().len() <= 16);
                }
            }
            assert!(Shard::of_rows(samples, count, count).is_err());
        }
    }
}

/// The last row of the largest minibatch, in the last update that a counter can hold.
#[test]
fn dropout_at_the_end_of_all_numbers() {
    let net = Mlp::<f32>::builder(1)
        .hidden(9, Relu)
        .output(1, Identity)
        .build()
        .unwrap();
    for seed in [0, u64::MAX] {
        let mut gradient = GradientWorkspace::new(&net).dropout(0.5, seed).unwrap();
        gradient.set_updates(u64::MAX);
        let shard = Shard::of_rows(HUGE, HUGE - 1, HUGE).unwrap();
        assert_eq!(shard.rows().len(), 1);
        let samples = Samples::new(&[0.5], &[1.0]);
        gradient
            .compute_shard(&net, &samples, &shard, &SquaredError)
            .unwrap();
        let (sum, loss) = {
            let (sum, loss) = gradient.partial_gradients().next().unwrap();
            (sum.to_vec(), loss)
        };
        gradient.finish_reduction(&net, &sum, loss, &shard).unwrap();
        for _ in 0..2 {
            gradient
                .compute(&net, &[0.5], &[1.0], &SquaredError)
                .unwrap();
        }
    }
}

/// There are more outputs than are processed at once, and several samples.
#[test]
fn a_jacobian_of_many_outputs() {
    let net = Mlp::<f64>::builder(2)
        .hidden(5, feedforward::activation::Tanh)
        .output(1000, feedforward::activation::Tanh)
        .seed(4)
        .build()
        .unwrap();
    let (x, mut gradient) = ([0.5, -0.25, 1.0, 0.75], GradientWorkspace::new(&net));
    let jacobian = gradient.jacobian(&net, &x).unwrap().to_vec();
    assert_eq!(jacobian.len(), 2 * 1000 * 2);
    // The reference is a network with only one of the outputs.
    for (sample, x) in x.chunks(2).enumerate() {
        for output in [0, 1, 383, 384, 385, 767, 768, 999] {
            let layer = net.layer(1).unwrap();
            let neuron = layer.neuron(output).unwrap();
            let last = feedforward::Layer::new(
                neuron.weights(),
                neuron.biases(),
                feedforward::activation::Tanh,
            );
            let first = net.layer(0).unwrap();
            let first = feedforward::Layer::new(
                first.weights(),
                first.bias(),
                feedforward::activation::Tanh,
            );
            let one = Mlp::from_layers(&[first.unwrap(), last.unwrap()]).unwrap();
            let mut alone = GradientWorkspace::new(&one);
            let at = 2 * (1000 * sample + output);
            assert_eq!(alone.jacobian(&one, x).unwrap(), &jacobian[at..at + 2]);
        }
    }
}

#[test]
fn schedules_at_any_time() {
    let most = u64::MAX;
    let schedules: [&dyn Schedule; 15] = [
        &Linear::default(),
        &Cosine::default(),
        &CosineRestarts {
            period: 1,
            multiplier: 1,
            floor: 0.0,
        },
        &CosineRestarts {
            period: 1,
            multiplier: 2,
            floor: 0.0,
        },
        &CosineRestarts {
            period: 1,
            multiplier: most,
            floor: 0.0,
        },
        &CosineRestarts {
            period: most,
            multiplier: most,
            floor: 0.0,
        },
        &OneCycle::default(),
        &CosineLog::default(),
        &CosineLog { cycles: 52 },
        &FlatCosine,
        &StepDecay {
            every: 1,
            factor: 0.5,
        },
        &StepDecay {
            every: HUGE,
            factor: 0.5,
        },
        &ExponentialDecay { factor: 0.999 },
        &InverseScaling::default(),
        &WarmUp {
            steps: most,
            then: Cosine::default(),
        },
    ];
    for schedule in schedules {
        schedule.check().unwrap();
        for step in [0, 1, most / 2, most - 1, most] {
            for total_steps in [0, 1, most / 2, most - 1, most] {
                for epoch in [0, 1, HUGE - 1, HUGE] {
                    let mut progress = Progress::after(step, total_steps);
                    progress.epoch = epoch;
                    progress.samples = most;
                    progress.samples_before_epoch = most;
                    let rate = schedule.rate(0.1, &progress);
                    assert!(
                        (0.0..=0.1).contains(&rate),
                        "{schedule:?} {progress:?}: {rate}"
                    );
                }
            }
        }
    }
}

/// Limits may be unbounded, because the run ends by itself.
#[test]
fn lbfgs_without_bounds() {
    let net = Mlp::<f64>::builder(1).output(1, Identity).build().unwrap();
    let lbfgs = Lbfgs::new(SquaredError)
        .iterations(HUGE)
        .evaluations(HUGE)
        .history_size(HUGE);
    let report = lbfgs
        .fit(&mut net.clone(), &[0.0, 1.0, 2.0], &[1.0, 3.0, 5.0])
        .unwrap();
    assert!(report.loss < 1e-9);
    let options = LbfgsOptions {
        iterations: HUGE,
        evaluations: HUGE,
        history_size: HUGE,
        gradient_tolerance: 0.0,
        loss_tolerance: 0.0,
    };
    let bowl = |p: &[f32], gradient: &mut [f32]| {
        gradient[0] = p[0] - 1.0;
        Ok(0.5 * f64::from((p[0] - 1.0) * (p[0] - 1.0)))
    };
    let mut p = [9.0_f32];
    minimize(&options, &mut p, bowl).unwrap();
    assert!((p[0] - 1.0).abs() < 1e-5);
}

/// Limits may be unbounded, because the search ends by itself.
#[test]
fn least_squares_without_bounds() {
    let options = LeastSquaresOptions {
        iterations: HUGE,
        evaluations: HUGE,
        gradient_tolerance: 0.0,
        step_tolerance: 0.0,
        largest_damping: f64::MAX,
        ..LeastSquaresOptions::default()
    };
    let mut p = [9.0, -3.0];
    let valley = |p: &[f64], residuals: &mut [f64], jacobian: Option<&mut [f64]>| {
        residuals.copy_from_slice(&[10.0 * (p[1] - p[0] * p[0]), 1.0 - p[0], 1.0]);
        if let Some(jacobian) = jacobian {
            jacobian.copy_from_slice(&[-20.0 * p[0], 10.0, -1.0, 0.0, 0.0, 0.0]);
        }
        Ok(())
    };
    let report = least_squares(&options, &mut p, 3, valley);
    assert!(report.unwrap().iterations.len() < 1000);
    assert!(p.iter().all(|p| (p - 1.0).abs() < 1e-7), "{p:?}");
}

/// An initializer called directly receives any sizes.
#[test]
fn initializers_of_layers_that_cannot_be() {
    let initializers: [&dyn Initializer; 5] = [
        &GlorotUniform,
        &ScikitLearn,
        &Siren::default(),
        &Uniform::new(0.0, 1.0),
        &Orthogonal::default(),
    ];
    for initializer in initializers {
        for size in SIZES {
            for (inputs, outputs) in [(size, size), (size, 2), (2, size), (1, size)] {
                let mut rng = Rng::seed_from_u64(0);
                let (mut weights, mut bias) = ([0.0; 6], [0.0; 3]);
                let fan = LayerInfo::new(inputs, outputs);
                initializer.initialize(&fan, &mut rng, &mut weights, &mut bias);
                assert!(weights.iter().chain(&bias).all(|w| w.is_finite()));
            }
        }
    }
}

#[test]
fn updates_that_cannot_be_counted() {
    let layout = Layout::new(&[1, 1]).unwrap();
    for number in [1, u64::MAX - 1, u64::MAX] {
        let context = UpdateContext::new(number, 0.1, &layout);
        let mut params = [1.0_f32; 2];
        Adam::default().step(&context, &mut params, &[1.0; 2], &mut [0.0; 4]);
        assert!(params.iter().all(|p| p.is_finite()));
        Sgd::default().step(&context, &mut params, &[1.0; 2], &mut []);
        feedforward::optimizer::Nadam::default().step(
            &context,
            &mut params,
            &[1.0; 2],
            &mut [0.0; 4],
        );
        assert!(params.iter().all(|p| p.is_finite()));
    }
}

/// Each of the minibatch's 16 chunks would take 2^37 outputs of the hidden layer.
#[test]
fn a_minibatch_beyond_memory_is_an_error() {
    let net = Mlp::<f32>::builder(1).hidden(1 << 20, Identity);
    let mut net = net.output(1, Identity).build().unwrap();
    let before = net.params().to_vec();
    let rows = vec![0; 1 << 21];
    let samples = Samples::new(&[0.5], &[1.0]).rows(&rows);
    let check = |error: Error| {
        let expected = "buffers of a minibatch: expected at most 68719476736 values, got ";
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        assert!(error.to_string().starts_with(expected), "{error}");
    };
    let mut gradient = GradientWorkspace::new(&net);
    check(
        gradient
            .compute_samples(&net, &samples, &SquaredError)
            .unwrap_err(),
    );
    // The workspace still works.
    gradient
        .compute(&net, &[0.5], &[1.0], &SquaredError)
        .unwrap();

    let trainer = Trainer::new(SquaredError, Sgd::new(0.1)).epochs(1);
    let trainer = trainer.batch_size(rows.len()).threads(1);
    let result = trainer.fit_with(&mut net, &samples, |_, _| ControlFlow::Continue(()));
    check(result.unwrap_err());
    assert!(net.params() == before);
}

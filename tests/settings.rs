//! Refuses settings that become 0, infinite or 1 in the network's precision although they are valid
//! in f64. Also refuses numbers of steps that would never end.

use feedforward::activation::{Identity, Tanh};
use feedforward::encoding::{Categories, Fourier, Periodic, PeriodicSettings};
use feedforward::init::{HeNormal, Initializer, LayerInfo, Orthogonal, Rng, Siren, Uniform};
use feedforward::loss::{
    BinaryCrossEntropy, Huber, PerOutput, RelativeL2, Smoothed, SoftmaxCrossEntropy, SquaredError,
};
use feedforward::optimizer::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Group, Muon, Nadam, Optimizer, ParamGroups, RmsProp,
    Rprop, Sgd,
};
use feedforward::train::Lbfgs;
use feedforward::{Clip, Float, GradientWorkspace, Loss, Mlp, Samples, Shard, Trainer};

/// Numbers that are positive in f64, but zero, subnormal or infinite in f32.
const BAD: [f64; 5] = [1e-300, 1e-60, 1e-40, 1e39, 1e300];
/// Numbers that are invalid even in f64.
const NEVER: [f64; 6] = [
    -1.0,
    -1e-60,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    5e-324,
];

fn optimizers<T: Float>(x: f64) -> Vec<Box<dyn Optimizer<T>>> {
    vec![
        Box::new(Sgd::new(x)),
        Box::new(Sgd::scikit_learn(x)),
        Box::new(Adam::new(x)),
        Box::new(Adam {
            epsilon: x,
            ..Adam::default()
        }),
        Box::new(AdamW::new(x)),
        Box::new(AdamW {
            adam: Adam {
                epsilon: x,
                ..Adam::default()
            },
            ..AdamW::default()
        }),
        Box::new(AdamW {
            weight_decay: x,
            ..AdamW::default()
        }),
        Box::new(Adamax {
            learning_rate: x,
            ..Adamax::default()
        }),
        Box::new(Adamax {
            epsilon: x,
            ..Adamax::default()
        }),
        Box::new(Nadam::new(x)),
        Box::new(Nadam {
            epsilon: x,
            ..Nadam::default()
        }),
        Box::new(Nadam {
            momentum_decay: x,
            ..Nadam::default()
        }),
        Box::new(RmsProp {
            learning_rate: x,
            ..RmsProp::default()
        }),
        Box::new(RmsProp {
            epsilon: x,
            ..RmsProp::default()
        }),
        Box::new(Adagrad {
            learning_rate: x,
            ..Adagrad::default()
        }),
        Box::new(Adagrad {
            epsilon: x,
            ..Adagrad::default()
        }),
        Box::new(Adagrad {
            rate_decay: x,
            ..Adagrad::default()
        }),
        Box::new(Adagrad {
            initial_sum: x,
            ..Adagrad::default()
        }),
        Box::new(Adadelta {
            learning_rate: x,
            ..Adadelta::default()
        }),
        Box::new(Adadelta {
            epsilon: x,
            ..Adadelta::default()
        }),
        Box::new(Rprop::new(x)),
        Box::new(Rprop {
            largest_step: x,
            smallest_step: x,
            ..Rprop::default()
        }),
        Box::new(Muon::new(x)),
        Box::new(ParamGroups::new(Adam::default()).rate(Group::Biases, x)),
        Box::new(ParamGroups::new(AdamW::default()).decay(Group::Biases, x)),
        Box::new(Muon {
            weight_decay: x,
            ..Muon::default()
        }),
        Box::new(Muon {
            adam: Adam::new(x),
            ..Muon::default()
        }),
    ]
}

fn losses<T: Float>(x: f64) -> Vec<Box<dyn Loss<T>>> {
    vec![
        Box::new(Huber { delta: x }),
        Box::new(RelativeL2 { epsilon: x }),
        Box::new(PerOutput(Huber { delta: x })),
    ]
}

fn net<T: Float>() -> Mlp<T> {
    Mlp::builder(1)
        .hidden(3, Tanh)
        .output(1, Identity)
        .build()
        .unwrap()
}

/// Returns `true` for each part of a training run that accepts this number.
fn accepted<T: Float>(x: f64) -> Vec<(String, bool)> {
    let (data, mut net) = ([T::from_f64(0.5)], net::<T>());
    let mut results = Vec::new();
    for optimizer in optimizers::<T>(x) {
        results.push((format!("{optimizer:?}"), optimizer.check().is_ok()));
    }
    for loss in losses::<T>(x) {
        results.push((format!("{loss:?}"), loss.check().is_ok()));
    }
    for clip in [Clip::Norm(x), Clip::Value(x)] {
        let gradient = GradientWorkspace::new(&net).clip(clip);
        results.push((format!("{clip:?}"), gradient.is_ok()));
        let trainer = Trainer::new(SquaredError, Sgd::default())
            .clip(clip)
            .epochs(1);
        let fit = trainer.fit(&mut net, &data, &data);
        results.push((format!("fit with {clip:?}"), fit.is_ok()));
    }
    results.push(("l2".into(), GradientWorkspace::new(&net).l2(x).is_ok()));
    let lbfgs = Lbfgs::new(SquaredError).l2(x).iterations(1);
    results.push((
        "l2 of L-BFGS".into(),
        lbfgs.fit(&mut net, &data, &data).is_ok(),
    ));
    if let Ok(shard) = Shard::of_chunks(1, 0, 1).unwrap().with_total_weight(x) {
        let mut gradient = GradientWorkspace::new(&net);
        let samples = Samples::new(&data, &data);
        let shard = gradient.compute_shard(&net, &samples, &shard, &SquaredError);
        results.push(("weight of a shard".into(), shard.is_ok()));
    }
    results
}

#[test]
fn settings_are_numbers_of_the_networks_precision() {
    for x in BAD {
        for (what, is_accepted) in accepted::<f32>(x) {
            assert!(!is_accepted, "{x:e}: {what} in f32");
        }
        for (what, is_accepted) in accepted::<f64>(x) {
            // A run may overflow with such numbers.
            assert!(
                is_accepted || what.contains("L-BFGS"),
                "{x:e}: {what} in f64"
            );
        }
    }
    for x in NEVER {
        let both = accepted::<f32>(x).into_iter().chain(accepted::<f64>(x));
        for (what, is_accepted) in both {
            assert!(!is_accepted, "{x:e}: {what}");
        }
    }
    for x in [1.3e-38, 1e-6, 1.0, 3e38] {
        for (what, is_accepted) in accepted::<f32>(x) {
            assert!(is_accepted || what.contains("L-BFGS"), "{x:e}: {what}");
        }
    }
}

#[test]
fn the_message_names_the_precision() {
    let message = |x: f64| {
        let gradient = GradientWorkspace::<f32>::new(&net()).clip(Clip::Value(x));
        gradient.unwrap_err().to_string()
    };
    assert_eq!(
        message(1e-60),
        "gradient clipping: expected a finite number above 0, from 1.2e-38 to 3.4e38 in f32, got 1e-60"
    );
    assert_eq!(
        message(-1.0),
        "gradient clipping: expected a finite number above 0, got -1"
    );
}

/// Decay rates must be below 1 in f32 too, where 1 - 1e-9 rounds to 1.
#[test]
fn decays_stay_below_one() {
    fn all<T: Float>(x: f64) -> Vec<Box<dyn Optimizer<T>>> {
        vec![
            Box::new(Adam {
                beta1: x,
                ..Adam::default()
            }),
            Box::new(Adam {
                beta2: x,
                ..Adam::default()
            }),
            Box::new(AdamW {
                adam: Adam {
                    beta2: x,
                    ..Adam::default()
                },
                ..AdamW::default()
            }),
            Box::new(Adamax {
                beta1: x,
                ..Adamax::default()
            }),
            Box::new(Nadam {
                beta2: x,
                ..Nadam::default()
            }),
            Box::new(RmsProp {
                rho: x,
                ..RmsProp::default()
            }),
            Box::new(Adadelta {
                rho: x,
                ..Adadelta::default()
            }),
            Box::new(Muon {
                momentum: x,
                ..Muon::default()
            }),
        ]
    }
    let nearly = 1.0 - 1e-9;
    for optimizer in all::<f32>(nearly) {
        assert!(optimizer.check().is_err(), "{optimizer:?}");
    }
    for optimizer in all::<f64>(nearly) {
        assert!(optimizer.check().is_ok(), "{optimizer:?}");
    }
    for (eta_minus, eta_plus) in [(nearly, 1.2), (1e-60, 1.2), (0.5, 1.0 + 1e-9), (0.5, 1e300)] {
        let rprop = Rprop {
            eta_minus,
            eta_plus,
            ..Rprop::default()
        };
        assert!(Optimizer::<f32>::check(&rprop).is_err(), "{rprop:?}");
        assert!(Optimizer::<f64>::check(&rprop).is_ok(), "{rprop:?}");
    }
    for optimizer in all::<f32>(0.999_999_9) {
        assert!(optimizer.check().is_ok(), "{optimizer:?}");
    }
    for smoothing in [nearly, 1e-60, -1e-60, 1.0, f64::NAN] {
        let one = Smoothed::new(SoftmaxCrossEntropy, smoothing);
        let other = Smoothed::new(BinaryCrossEntropy, smoothing);
        assert!(Loss::<f32>::check(&one).is_err() && Loss::<f32>::check(&other).is_err());
    }
    let none = Smoothed::new(BinaryCrossEntropy, 0.0);
    assert!(Loss::<f32>::check(&none).is_ok());
}

#[test]
fn dropout_drops_something() {
    let dropout = |rate| GradientWorkspace::<f64>::new(&net()).dropout(rate, 0);
    for rate in [1e-60, 1e-10, -1.0, 1.0, f64::NAN] {
        assert!(dropout(rate).is_err(), "{rate}");
    }
    for rate in [0.0, 1e-9, 1.0 - 1e-12] {
        assert!(dropout(rate).is_ok(), "{rate}");
    }
}

/// Initializers draw in f64. After rounding, the parameters must be finite and not all zero.
#[test]
fn initial_parameters_are_numbers_of_the_networks_precision() {
    fn build<T: Float>(initializer: impl Initializer + 'static) -> Result<Mlp<T>, String> {
        let net = Mlp::builder(3).hidden(4, Tanh).output(2, Identity);
        let net = net.initializer(initializer).build();
        net.map_err(|error| error.to_string())
    }
    /// A faulty custom initializer.
    #[derive(Debug)]
    struct Filled(f64);

    impl Initializer for Filled {
        fn initialize(&self, _: &LayerInfo<'_>, _: &mut Rng, weights: &mut [f64], _: &mut [f64]) {
            weights.fill(self.0);
        }
    }

    for bad in [1e-60, 1e39, 1e300] {
        assert!(build::<f32>(Uniform::new(bad, 2.0 * bad)).is_err(), "{bad}");
        assert!(build::<f32>(Orthogonal { gain: bad }).is_err(), "{bad}");
        assert!(build::<f32>(Filled(bad)).is_err(), "{bad}");
        assert!(build::<f64>(Uniform::new(bad, 2.0 * bad)).is_ok(), "{bad}");
        assert!(build::<f64>(Orthogonal { gain: bad }).is_ok(), "{bad}");
        assert!(build::<f64>(Filled(bad)).is_ok(), "{bad}");
    }
    for omega in [1e-60, 1e60] {
        assert!(build::<f32>(Siren { omega }).is_err(), "{omega}");
        assert!(build::<f64>(Siren { omega }).is_ok(), "{omega}");
    }
    for bad in [f64::NAN, f64::INFINITY] {
        assert!(build::<f64>(Filled(bad)).is_err() && build::<f32>(Filled(bad)).is_err());
    }
    assert_eq!(
        build::<f32>(Filled(1e-60)).unwrap_err(),
        "initial weights: expected numbers that f32 does not round to 0, got 1e-60"
    );
    assert_eq!(
        build::<f32>(Filled(1e60)).unwrap_err(),
        "initial weights: expected finite numbers, got inf at index 0"
    );
    assert!(build::<f32>(Filled(0.0)).is_ok() && build::<f32>(HeNormal).is_ok());
    assert!(Fourier::<f32>::new(2, 2, 1e-60, 0).is_err());
}

#[test]
fn encodings_refuse_bad_settings() {
    let periodic = |sigma| {
        let settings = PeriodicSettings {
            sigma,
            ..PeriodicSettings::new(2)
        };
        Periodic::new(settings)
    };
    let categories = |initial| Categories::new(&[(3, 2)]).unwrap().initial(initial);
    for bad in [f64::NAN, f64::INFINITY, -1.0, 1e7] {
        assert!(periodic(bad).is_err() && categories(bad).is_err(), "{bad}");
    }
    assert!(periodic(1e-7).is_err() && periodic(1e-6).is_ok());
    // Vectors that single precision rounds to 0 are found when a network is built.
    let build = |initial| {
        let builder = Mlp::<f32>::builder(1).encoding(categories(initial).unwrap());
        builder.output(1, Identity).build()
    };
    assert!(build(1e-60).is_err() && build(0.0).is_ok());

    let settings = PeriodicSettings {
        frequencies: 0,
        ..PeriodicSettings::new(2)
    };
    assert!(Periodic::new(settings).is_err());
    let settings = PeriodicSettings {
        width: 1,
        ..PeriodicSettings::new(2)
    };
    let error = Periodic::new(settings).unwrap_err().to_string();
    assert_eq!(
        error,
        "width of a periodic encoding: expected 2 to 65536, got 1"
    );
    for columns in [&[][..], &[(0, 1)], &[(1, 0)], &[((1 << 24) + 1, 1)]] {
        assert!(Categories::new(columns).is_err(), "{columns:?}");
    }
}

#[test]
fn steps_that_would_never_end() {
    let muon = |newton_schulz| Muon {
        newton_schulz,
        ..Muon::default()
    };
    for steps in [0, 101, 1 << 40, usize::MAX] {
        assert!(Optimizer::<f32>::check(&muon(steps)).is_err(), "{steps}");
        assert!(Optimizer::<f64>::check(&muon(steps)).is_err(), "{steps}");
    }
    assert!(Optimizer::<f32>::check(&muon(100)).is_ok());
}

/// No more threads are started than can be useful, and results are bit-identical to those of one.
#[test]
fn threads_without_bounds() {
    let x: Vec<f32> = (0..400).map(|i| i as f32 / 400.0).collect();
    let fit = |threads| {
        let mut net = net::<f32>();
        let trainer = Trainer::new(SquaredError, Adam::default());
        let trainer = trainer.batch_size(400).epochs(2).threads(threads);
        trainer.fit(&mut net, &x, &x).unwrap();
        net.params().to_vec()
    };
    for threads in [100_000, usize::MAX] {
        assert_eq!(fit(threads), fit(1));
        let mut gradient = GradientWorkspace::new(&net::<f32>())
            .threads(threads)
            .unwrap();
        gradient.compute(&net(), &x, &x, &SquaredError).unwrap();
        let lbfgs = Lbfgs::new(SquaredError).iterations(1).threads(threads);
        lbfgs.fit(&mut net(), &x, &x).unwrap();
    }
    assert!(GradientWorkspace::new(&net::<f32>()).threads(0).is_err());
}

//! Tests of schedules against their formulas and PyTorch's numbers.

use core::f64::consts::PI;

use super::*;

/// Returns the rate in each of five epochs of 40 updates of 10 samples each.
fn epochs(schedule: &dyn Schedule) -> Vec<f64> {
    (0..5)
        .map(|epoch| {
            let at = |step| {
                let progress = Progress {
                    step: 40 * epoch + step,
                    epoch: epoch as usize,
                    samples: 10 * (40 * epoch + step),
                    samples_before_epoch: 400 * epoch,
                    total_steps: 200,
                };
                schedule.rate(0.1, &progress)
            };
            assert!((at(0) - at(39)).abs() < 1e-300, "changes within an epoch");
            at(0)
        })
        .collect()
}

fn assert_close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (g, e) in got.iter().zip(expected) {
        assert!(
            (g - e).abs() <= 1e-15 * e,
            "{got:?} instead of {expected:?}"
        );
    }
}

#[test]
fn epoch_schedules_follow_their_formulas() {
    assert_close(&epochs(&Constant), &[0.1; 5]);
    let inverse = [0.0, 400.0, 800.0, 1200.0, 1600.0].map(|n: f64| 0.1 / (n + 1.0).sqrt());
    assert_close(&epochs(&InverseScaling::default()), &inverse);
    assert_close(&epochs(&InverseScaling { power: 0.0 }), &[0.1; 5]);
    // After a warm start, earlier samples count, except in the first epoch.
    let warm = |epoch| {
        let progress = Progress {
            epoch,
            samples_before_epoch: 399,
            ..Progress::default()
        };
        InverseScaling::default().rate(0.1, &progress)
    };
    assert_close(&[warm(0), warm(1)], &[0.1, 0.005]);
    let halves = StepDecay {
        every: 2,
        factor: 0.5,
    };
    assert_close(&epochs(&halves), &[0.1, 0.1, 0.05, 0.05, 0.025]);
    let exponential = ExponentialDecay { factor: 0.9 };
    assert_close(&epochs(&exponential), &[0.1, 0.09, 0.081, 0.0729, 0.06561]);
}

/// Returns the rate of one update.
fn at(schedule: &dyn Schedule, step: u64, total_steps: u64) -> f64 {
    let progress = Progress {
        step,
        total_steps,
        ..Progress::default()
    };
    schedule.rate(0.1, &progress)
}

#[test]
fn cosine_goes_from_the_base_to_the_floor() {
    let zero = Cosine::default();
    let rates: Vec<_> = (0..=100).map(|step| at(&zero, step, 100)).collect();
    assert!(rates.windows(2).all(|pair| pair[0] > pair[1]));
    assert!((rates[0] - 0.1).abs() < 1e-16 && (rates[50] - 0.05).abs() < 1e-16);
    assert!(rates[100].abs() < 1e-16);
    let floor = Cosine { floor: 0.02 };
    assert!((at(&floor, 50, 100) - 0.06).abs() < 1e-16);
    // Progress beyond the end, and a run without updates.
    assert!((at(&floor, 150, 100) - 0.02).abs() < 1e-16);
    assert!((at(&floor, 0, 0) - 0.1).abs() < 1e-16);
}

/// Compares a schedule with the rates of PyTorch 2.15 for each update, with a base of 0.1.
fn check_pytorch(schedule: &dyn Schedule, total_steps: u64, expected: &[f64]) {
    schedule.check().unwrap();
    for (step, expected) in expected.iter().enumerate() {
        let got = at(schedule, step as u64, total_steps);
        assert!(
            (got - expected).abs() <= 1e-15,
            "{schedule:?}, update {step}: {got} instead of {expected}"
        );
    }
}

#[test]
fn linear_is_pytorchs() {
    // PolynomialLR(total_iters=5, power=1)
    let zero = [0.1, 0.08, 0.06, 0.04, 0.02, 0.0, 0.0];
    check_pytorch(&Linear::default(), 5, &zero);
    // LinearLR(start_factor=1, end_factor=0.2, total_iters=5)
    let fifth = [0.1, 0.084, 0.068, 0.052, 0.036, 0.02, 0.02];
    check_pytorch(&Linear { floor: 0.02 }, 5, &fifth);
    assert!((at(&Linear::default(), 0, 0) - 0.1).abs() < 1e-16);
}

#[test]
fn cosine_restarts_are_pytorchs() {
    // CosineAnnealingWarmRestarts(T_0=3, T_mult=2, eta_min=0.01)
    let doubling = CosineRestarts {
        period: 3,
        multiplier: 2,
        floor: 0.01,
    };
    let expected = [
        0.1,
        0.0775,
        0.0325,
        0.1,
        0.09397114317029975,
        0.0775,
        0.055,
        0.0325,
        0.01602885682970026,
        0.1,
        0.09846666218300808,
        0.09397114317029975,
    ];
    check_pytorch(&doubling, 0, &expected);
    // CosineAnnealingWarmRestarts(T_0=4)
    let equal = CosineRestarts {
        period: 4,
        multiplier: 1,
        floor: 0.0,
    };
    let cycle = [0.1, 0.08535533905932738, 0.05, 0.014644660940672627];
    check_pytorch(&equal, 0, &cycle.repeat(3));
    // Restarts after many updates, and the period of the last possible update.
    assert!((at(&equal, 4_000_000_000_002, 0) - 0.05).abs() < 1e-16);
    assert!((at(&doubling, 3 * ((1 << 40) - 1), 0) - 0.1).abs() < 1e-16);
    assert!(at(&doubling, u64::MAX, 0).is_finite());
}

#[test]
fn one_cycle_is_pytorchs() {
    // OneCycleLR(max_lr=0.1, total_steps=10, cycle_momentum=False)
    let expected = [
        0.004,
        0.052,
        0.1,
        0.09504846320134738,
        0.0811745653949763,
        0.06112620219362893,
        0.03887419780637107,
        0.0188258346050237,
        0.004951936798652629,
        4e-7,
    ];
    check_pytorch(&OneCycle::default(), 10, &expected);
    // With total_steps=7, the peak lies between two updates.
    let expected = [
        0.004,
        0.09805566273349588,
        0.09190443762697106,
        0.06726838364805451,
        0.035773877573965704,
        0.00992967918932656,
        4e-7,
    ];
    check_pytorch(&OneCycle::default(), 7, &expected);
    // total_steps=8, pct_start=0.5, div_factor=4, final_div_factor=10
    let own = OneCycle {
        rise: 0.5,
        start_divisor: 4.0,
        end_divisor: 10.0,
    };
    let expected = [
        0.025,
        0.04375,
        0.08125,
        0.1,
        0.08572145558284419,
        0.05125,
        0.016778544417155813,
        0.0025,
    ];
    check_pytorch(&own, 8, &expected);
    // total_steps=5, pct_start=0
    let falling = OneCycle {
        rise: 0.0,
        ..OneCycle::default()
    };
    let expected = [
        0.0904508879153485,
        0.0654509879153485,
        0.03454941208465151,
        0.009549512084651508,
        4e-7,
    ];
    check_pytorch(&falling, 5, &expected);
    // A run of one update, a run without updates, and progress beyond the end.
    for (step, total) in [(0, 1), (0, 0), (100, 10)] {
        assert!((at(&OneCycle::default(), step, total) - 4e-7).abs() < 1e-16);
    }
    // If the rise has no length, the first update is the peak.
    let at_once = OneCycle {
        rise: 0.1,
        ..OneCycle::default()
    };
    assert!((at(&at_once, 0, 10) - 0.1).abs() < 1e-16);
}

#[test]
fn cosine_log_and_flat_cosine_are_realmlps() {
    // coslog4 and flat_cos of pytabkit, times a base of 0.1.
    let coslog = |t: f64| 0.05 * (1.0 - (2.0 * PI * (1.0 + 15.0 * t).log2()).cos());
    let flat = |t: f64| 0.05 * (1.0 + (PI * ((2.0 * t).max(1.0) - 1.0)).cos());
    for step in 0..=300_u32 {
        let t = f64::from(step) / 300.0;
        let got = at(&CosineLog::default(), step.into(), 300);
        assert!((got - coslog(t)).abs() < 1e-15, "{t}: {got}");
        assert!((at(&FlatCosine, step.into(), 300) - flat(t)).abs() < 1e-16);
    }
    // All cycles end at 0, also beyond the end.
    for step in [0, 20, 60, 140, 300, 400] {
        assert!((0.0..1e-30).contains(&at(&CosineLog::default(), step, 300)));
    }
    let maximum = |u: f64| ((u.exp2() - 1.0) / 15.0 * 1e9) as u64;
    for u in [0.5, 1.5, 2.5, 3.5] {
        let got = at(&CosineLog::default(), maximum(u), 1_000_000_000);
        assert!((got - 0.1).abs() < 1e-9);
    }
    assert!((at(&CosineLog { cycles: 1 }, 0, 0)).abs() < 1e-300);
    for cycles in [0, 53, usize::MAX] {
        assert!(CosineLog { cycles }.check().is_err());
        assert!(at(&CosineLog { cycles }, 7, 9).is_finite());
    }
    CosineLog { cycles: 52 }.check().unwrap();
}

#[test]
fn pointers_pass_everything_on() {
    let shared: Arc<dyn Schedule> = Arc::new(ExponentialDecay { factor: 0.5 });
    let progress = Progress {
        epoch: 1,
        ..Progress::default()
    };
    let boxed: Box<dyn Schedule> = Box::new(Arc::clone(&shared));
    for rate in [shared.rate(0.1, &progress), boxed.rate(0.1, &progress)] {
        assert!((rate - 0.05).abs() < 1e-16);
    }
    let bad: Arc<dyn Schedule> = Arc::new(Cosine { floor: -1.0 });
    assert!(Schedule::check(&bad).is_err());
    assert!(Schedule::check(&Box::new(bad)).is_err());
}

#[test]
fn warm_up_rises_and_hands_over() {
    let warm = WarmUp {
        steps: 4,
        then: Constant,
    };
    let rates: Vec<_> = (0..6).map(|step| at(&warm, step, 20)).collect();
    assert_close(&rates, &[0.025, 0.05, 0.075, 0.1, 0.1, 0.1]);
    let cold = WarmUp {
        steps: 0,
        then: Box::new(Constant) as Box<dyn Schedule>,
    };
    assert_close(&[at(&cold, 0, 20)], &[0.1]);
}

#[test]
fn settings_outside_their_range_are_refused() {
    for bad in [f64::NAN, f64::INFINITY, -0.5] {
        let bads: [&dyn Schedule; 10] = [
            &Linear { floor: bad },
            &CosineRestarts {
                period: 1,
                multiplier: 1,
                floor: bad,
            },
            &OneCycle {
                rise: bad,
                ..OneCycle::default()
            },
            &OneCycle {
                start_divisor: bad,
                ..OneCycle::default()
            },
            &OneCycle {
                end_divisor: bad,
                ..OneCycle::default()
            },
            &InverseScaling { power: bad },
            &ExponentialDecay { factor: bad },
            &StepDecay {
                every: 1,
                factor: bad,
            },
            &Cosine { floor: bad },
            &WarmUp {
                steps: 1,
                then: ExponentialDecay { factor: bad },
            },
        ];
        for schedule in bads {
            assert!(schedule.check().is_err(), "{schedule:?}");
        }
    }
    let never = StepDecay {
        every: 0,
        factor: 0.5,
    };
    assert!(never.check().is_err());
    for (period, multiplier) in [(0, 1), (1, 0)] {
        let never = CosineRestarts {
            period,
            multiplier,
            floor: 0.0,
        };
        assert!(never.check().is_err());
        assert!(at(&never, 7, 0).is_finite());
    }
    for (rise, start_divisor) in [(1.0, 25.0), (0.3, 0.9)] {
        let bad = OneCycle {
            rise,
            start_divisor,
            ..OneCycle::default()
        };
        assert!(bad.check().is_err());
    }
    let progress = Progress {
        epoch: 3,
        ..Progress::default()
    };
    assert!(never.rate(1.0, &progress).is_finite());
}

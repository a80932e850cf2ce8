//! Spaces of settings, halving, tables of trials, and selection of ensembles.

use std::sync::Mutex;

use feedforward::Error;
use feedforward::search::{Halving, Setting, Settings, Space, select_ensemble};

fn space() -> Space {
    let space = Space::new().uniform("uniform", -1.5, 2.5).unwrap();
    let space = space.log_uniform("logarithmic", 1e-4, 10.0).unwrap();
    let space = space.integer("integer", -2, 3).unwrap();
    let space = space.choice("choice", ["a", "b", "c"]).unwrap();
    space
        .choice("mixed", [Setting::from(8), 0.5.into(), "none".into()])
        .unwrap()
}

#[test]
fn a_draw_depends_on_seed_and_trial_alone() {
    let space = space();
    let draws: Vec<_> = space.draws(3).take(40).collect();
    for (trial, settings) in draws.iter().enumerate().rev() {
        assert_eq!(space.draw(3, trial as u64), *settings, "{trial}");
        assert_eq!(draws.iter().filter(|other| *other == settings).count(), 1);
    }
    assert_ne!(space.draw(4, 0), draws[0]);
    // A parameter at the end changes none before it.
    let more = space.uniform("more", 0.0, 1.0).unwrap().draw(3, 5);
    assert!(
        draws[5]
            .iter()
            .all(|(name, value)| more.get(name) == Some(value))
    );
    // A seed is forever.
    assert_eq!(
        draws[0].to_string(),
        "uniform=2.1175570311239795 logarithmic=9.597212294791056 integer=-1 choice=b mixed=0.5"
    );
}

#[test]
fn draws_fill_their_ranges() {
    let draws: Vec<_> = space().draws(0).take(6000).collect();
    let numbers = |name: &str| -> Vec<f64> {
        draws
            .iter()
            .map(|settings| settings.number(name).unwrap())
            .collect()
    };
    let share = |name: &str, below: f64| {
        let numbers = numbers(name);
        numbers.iter().filter(|&&x| x < below).count() as f64 / numbers.len() as f64
    };
    for (name, low, high) in [("uniform", -1.5, 2.5), ("logarithmic", 1e-4, 10.0)] {
        assert!(
            numbers(name).iter().all(|x| (low..=high).contains(x)),
            "{name}"
        );
    }
    // The standard deviation of such a share is below 0.0065.
    for (name, below, expected) in [
        ("uniform", 0.5, 0.5),
        ("uniform", -1.3, 0.05),
        ("logarithmic", 1e-3, 0.2),
        ("logarithmic", 1.0, 0.8),
        ("integer", -1.0, 1.0 / 6.0),
        ("integer", 3.0, 5.0 / 6.0),
    ] {
        let share = share(name, below);
        assert!(
            (share - expected).abs() < 0.026,
            "{name} below {below}: {share}"
        );
    }
    let integers = numbers("integer");
    assert!(
        integers
            .iter()
            .all(|x| (-2.0..=3.0).contains(x) && x.fract() == 0.0)
    );
    for option in ["a", "b", "c"] {
        let found = draws
            .iter()
            .filter(|settings| settings.name("choice").unwrap() == option);
        assert!(found.count().abs_diff(2000) < 160, "{option}");
    }
    let mixed = [
        Setting::Integer(8),
        Setting::Number(0.5),
        Setting::Name("none".into()),
    ];
    assert!(
        draws
            .iter()
            .all(|settings| mixed.contains(settings.get("mixed").unwrap()))
    );
}

#[test]
fn the_ends_of_the_largest_ranges_are_exact() {
    let space = Space::new().uniform("numbers", f64::MIN, f64::MAX).unwrap();
    let space = space.integer("integers", i64::MIN, i64::MAX).unwrap();
    let space = space.log_uniform("one", 0.1, 0.1).unwrap();
    let space = space
        .log_uniform("wide", f64::from_bits(1), f64::MAX)
        .unwrap();
    let mut signs = [0; 2];
    for settings in space.draws(1).take(500) {
        assert!(settings.number("numbers").unwrap().is_finite());
        assert_eq!(settings.number("one").unwrap(), 0.1);
        assert!((f64::from_bits(1)..=f64::MAX).contains(&settings.number("wide").unwrap()));
        let Some(Setting::Integer(integer)) = settings.get("integers") else {
            panic!("{settings}")
        };
        signs[usize::from(*integer < 0)] += 1;
    }
    assert!(signs.iter().all(|&count| count > 200), "{signs:?}");
}

#[test]
fn wrong_spaces_are_errors() {
    let space = || Space::new();
    for (space, expected) in [
        (
            space().uniform("rate", 1.0, 0.5),
            "range of a parameter: expected finite numbers, of which the first is at most the \
             second for rate, got 1 to 0.5",
        ),
        (
            space().uniform("rate", 0.0, f64::INFINITY),
            "range of a parameter: expected finite numbers, of which the first is at most the \
             second for rate, got 0 to inf",
        ),
        (
            space().uniform("rate", f64::NAN, 1.0),
            "range of a parameter: expected finite numbers, of which the first is at most the \
             second for rate, got NaN to 1",
        ),
        (
            space().log_uniform("rate", 0.0, 1.0),
            "range of a parameter: expected finite numbers above 0, of which the first is at most \
             the second for rate, got 0 to 1",
        ),
        (
            space().integer("layers", 3, 2),
            "range of a parameter: expected a first number that is at most the second for layers, \
             got 3 to 2",
        ),
        (
            space().choice("activation", Vec::<String>::new()),
            "options of a choice: expected at least one, got none",
        ),
        (
            space()
                .integer("layers", 1, 2)
                .unwrap()
                .uniform("layers", 0.0, 1.0),
            "name of a parameter: expected a name that no other parameter has, got layers",
        ),
        (
            space().integer("layers", 1, 2).unwrap().without("layer"),
            "parameter: expected one of layers, got \"layer\"",
        ),
    ] {
        assert_eq!(space.unwrap_err().to_string(), expected);
    }
    let settings = Settings::new()
        .with("layers", 3)
        .with("rate", "fast")
        .with("layers", -1);
    assert_eq!(settings.iter().len(), 2);
    let errors = [
        settings.number("rate").unwrap_err(),
        settings.count("layers").unwrap_err(),
        settings.name("layers").unwrap_err(),
        settings.number("layer").unwrap_err(),
    ];
    let expected = [
        "setting: expected a number for rate, got fast",
        "setting: expected a whole number, 0 or above for layers, got -1",
        "setting: expected a name for layers, got -1",
        "setting: expected one of layers, rate, got \"layer\"",
    ];
    assert_eq!(errors.map(|error| error.to_string()), expected);
}

/// Returns settings whose only value is the quality of the trial.
fn qualities(qualities: &[f64]) -> impl Iterator<Item = Settings> {
    qualities
        .iter()
        .map(|&x| Settings::new().with("quality", x))
}

#[test]
fn halving_keeps_the_best_and_resumes_their_states() {
    let scores = [
        0.3,
        f64::NAN,
        0.9,
        0.1,
        0.9,
        0.5,
        0.2,
        f64::NEG_INFINITY,
        0.4,
    ];
    for threads in [1, 2, 3, 8] {
        let calls = Mutex::new(Vec::new());
        let halving = Halving::new(&[1, 3, 7]).unwrap().threads(threads);
        let run = halving.run_with_states(qualities(&scores), |trial, state, resource| {
            assert_eq!(
                trial.settings.number("quality").unwrap().to_bits(),
                scores[trial.number].to_bits()
            );
            let before = state.replace((trial.number, resource));
            assert_eq!(
                before.unwrap_or((trial.number, 0)),
                (trial.number, trial.resource)
            );
            calls.lock().unwrap().push((resource, trial.number));
            Ok(scores[trial.number] + resource as f64)
        });
        let (trials, states) = run.unwrap();
        let mut calls = calls.into_inner().unwrap();
        calls.sort_unstable();
        // 9, 5 and 3 trials.
        let expected: Vec<_> = (0..9).map(|trial| (1, trial)).collect();
        assert_eq!(calls[..9], expected);
        assert_eq!(calls[9..14], [0, 2, 4, 5, 8].map(|trial| (3, trial)));
        assert_eq!(calls[14..], [2, 4, 5].map(|trial| (7, trial)));
        assert_eq!(states, [2, 4, 5].map(|trial| (trial, 7)));
        assert_eq!(trials.cost(), 9 + 5 * 2 + 3 * 4);
        assert_eq!(trials.cost(), halving.cost(9));
        let order: Vec<_> = trials.iter().map(|trial| trial.number).collect();
        assert_eq!(order, [2, 4, 5, 8, 0, 6, 3, 7, 1]);
        let best = trials.best().unwrap();
        assert_eq!((best.number, best.resource, best.score), (2, 7, 7.9));
    }
}

#[test]
fn trials_fail_without_ending_the_search() {
    let diverged = || Error::Diverged {
        epoch: 1,
        step: 1,
        layer: 0,
        what: "weights",
        value: f64::NAN,
        largest_gradient: 1.0,
        cause: feedforward::DivergenceCause::Loss,
    };
    let run = |fails: &(dyn Fn(usize) -> bool + Sync), factor: f64| {
        let halving = Halving::new(&[1, 2]).unwrap().factor(factor);
        halving.run(qualities(&[1.0, 2.0, 3.0, 4.0]), |trial, state, _| {
            *state = Some(());
            if fails(trial.number) {
                Err(diverged())
            } else {
                trial.settings.number("quality")
            }
        })
    };
    let trials = run(&|trial| trial > 1, 1.0).unwrap();
    let all: Vec<_> = trials
        .iter()
        .map(|t| (t.number, t.resource, t.score.is_nan()))
        .collect();
    assert_eq!(
        all,
        [(1, 2, false), (0, 2, false), (2, 1, true), (3, 1, true)]
    );
    let trials = run(&|_| true, 2.0).unwrap();
    assert_eq!(trials.best(), None);
    assert_eq!((trials.len(), trials.cost()), (4, 4));

    // Any other error ends the search.
    let halving = Halving::new(&[1]).unwrap();
    let error = halving.run(qualities(&[1.0]), |trial, _: &mut Option<()>, _| {
        trial.settings.number("missing")
    });
    assert!(matches!(error, Err(Error::UnknownName { .. })));
}

#[test]
fn wrong_halvings_are_errors() {
    let order = "rungs: expected numbers above 0, in ascending order, got";
    for (rungs, expected) in [
        (
            &[][..],
            "rungs: expected at least one, got none".to_string(),
        ),
        (&[0, 1], format!("{order} [0, 1]")),
        (&[2, 2], format!("{order} [2, 2]")),
        (&[3, 2], format!("{order} [3, 2]")),
    ] {
        assert_eq!(Halving::new(rungs).unwrap_err().to_string(), expected);
    }
    let halving = Halving::new(&[1]).unwrap();
    let run = |halving: &Halving, count| {
        halving.run(qualities(&[1.0][..count]), |_, _: &mut Option<()>, _| {
            Ok(1.0)
        })
    };
    let factors = [0.5, f64::NAN, f64::INFINITY, 1e7];
    for factor in factors {
        let error = run(&halving.clone().factor(factor), 1)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("factor of halving: expected 1 to 1000000, got"),
            "{error}"
        );
    }
    let error = run(&halving.clone().threads(0), 1).unwrap_err().to_string();
    assert_eq!(error, "threads: expected at least 1, got 0");
    let error = run(&halving, 0).unwrap_err().to_string();
    assert_eq!(error, "trials: expected at least one, got none");
    let huge = Halving::new(&[1, usize::MAX]).unwrap().factor(1.0);
    assert_eq!(huge.cost(usize::MAX), usize::MAX);
}

#[test]
fn the_table_is_readable() {
    let settings = [
        Settings::new()
            .with("rate", 0.012_345)
            .with("name, quoted", "a \"b\""),
        Settings::new().with("layers", 3).with("rate", 1e-7),
    ];
    let halving = Halving::new(&[2, 10]).unwrap();
    let score = |number: usize| [0.25, 1.0 / 3.0][number];
    let trials = halving.run(settings, |trial, _: &mut Option<()>, _| {
        Ok(score(trial.number))
    });
    let trials = trials.unwrap();
    assert_eq!(
        trials.to_string(),
        "trial  resource   score  layers    rate  name, quoted\n    \
         1        10  0.3333       3    1e-7\n    \
         0         2  0.2500          0.0123         a \"b\"\n"
    );
    assert_eq!(
        trials.to_csv(),
        "trial,resource,score,layers,rate,\"name, quoted\"\n1,10,0.3333333333333333,3,1e-7,\n\
         0,2,0.25,,0.012345,\"a \"\"b\"\"\"\n"
    );
}

fn squares(expected: &[f64]) -> impl Fn(&[f64]) -> f64 {
    move |mean| {
        mean.iter()
            .zip(expected)
            .map(|(p, y)| (p - y) * (p - y))
            .sum()
    }
}

#[test]
fn an_ensemble_is_never_worse_than_its_best_model() {
    let mut state = 1_u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    let mut gains = 0;
    for case in 0..200 {
        let rows = 1 + case % 20;
        let expected: Vec<f64> = (0..rows).map(|_| noise()).collect();
        let models: Vec<Vec<f64>> = (0..=case % 7)
            .map(|model| {
                expected
                    .iter()
                    .map(|y| y + noise() * (1.0 + model as f64 / 4.0))
                    .collect()
            })
            .collect();
        let models: Vec<_> = models.iter().map(Vec::as_slice).collect();
        let loss = squares(&expected);
        let counts = select_ensemble(&models, 40, &loss).unwrap();
        let total: usize = counts.iter().sum();
        assert!((1..=40).contains(&total));
        let mean: Vec<f64> = (0..rows)
            .map(|row| {
                let parts = models.iter().zip(&counts);
                parts
                    .map(|(p, &count)| p[row] * count as f64 / total as f64)
                    .sum()
            })
            .collect();
        let best = models.iter().map(|p| loss(p)).fold(f64::INFINITY, f64::min);
        assert!(loss(&mean) <= best * (1.0 + 1e-12), "{case}");
        gains += usize::from(loss(&mean) < 0.99 * best);
    }
    assert!(gains > 100, "{gains}");
}

#[test]
fn steps_that_do_not_help_do_not_count() {
    // A second model of any weight is worse.
    let counts = select_ensemble(&[&[1.0, 2.0], &[3.0, 3.0]], 40, squares(&[1.0, 2.0]));
    assert_eq!(counts.unwrap(), [1, 0]);
    // A model without a loss is never chosen.
    let counts = select_ensemble(&[&[f64::NAN], &[7.0]], 40, squares(&[1.0]));
    assert_eq!(counts.unwrap(), [0, 1]);
    // Numbers whose sum overflows have a mean.
    let large = [f64::MAX];
    let counts = select_ensemble(&[&large, &large], 3, |mean| f64::MAX - mean[0]);
    assert_eq!(counts.unwrap(), [1, 0]);
}

#[test]
fn wrong_ensembles_are_errors() {
    let loss = squares(&[1.0]);
    for (models, steps, expected) in [
        (&[][..], 1, "models: expected at least one, got none"),
        (
            &[&[][..]],
            1,
            "predictions: expected at least one, got none",
        ),
        (
            &[&[1.0][..], &[1.0, 2.0]],
            1,
            "predictions: expected 1 values, got 2",
        ),
        (&[&[1.0][..]], 0, "steps: expected at least 1, got 0"),
        (
            &[&[f64::NAN][..]],
            9,
            "loss: expected a number for at least one model, got NaN for all",
        ),
    ] {
        let error = select_ensemble(models, steps, &loss).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

use alloc::vec;

use super::*;
use crate::activation::{Identity, Tanh};
use crate::loss::SquaredError;
use crate::optimizer::Adam;

fn training<T: Float>() -> (Trainer<T>, Mlp<T>, TrainerState<T>) {
    let trainer = Trainer::new(SquaredError, Adam::new(0.01)).epochs(3);
    let builder = Mlp::builder(1).hidden(2, Tanh);
    let mut net = builder.output(1, Identity).build().unwrap();
    let mut state = trainer.init_state(&net).unwrap();
    let (x, y) = ([T::zero(), T::one()], [T::one(), T::zero()]);
    let samples = crate::mlp::Samples::new(&x, &y);
    trainer.resume(&mut net, &mut state, &samples).unwrap();
    (trainer, net, state)
}

/// Returns the bits of all numbers of an epoch, to compare NaNs too.
fn bits(epoch: &Epoch) -> (usize, u64, Option<u64>, Option<u64>, u64) {
    (
        epoch.number,
        epoch.loss.to_bits(),
        epoch.validation_loss.map(f64::to_bits),
        epoch.validation_score.map(f64::to_bits),
        epoch.learning_rate.to_bits(),
    )
}

#[test]
fn a_history_of_a_million_epochs_comes_back_to_the_bit() {
    fn check<T: Float>(count: usize, first: usize, has: [bool; 2]) {
        let odd = [
            0.1,
            -0.0,
            f64::NAN,
            f64::from_bits(0x7ff0_0000_0000_0001),
            f64::INFINITY,
            f64::NEG_INFINITY,
            5e-324,
        ];
        let odd = |index: usize| odd[index % odd.len()];
        let epoch = |index: usize| Epoch {
            number: first + index,
            loss: odd(index),
            validation_loss: (has[0] && index % 3 != 1).then_some(odd(index / 3)),
            validation_score: (has[1] && index % 5 != 1).then_some(odd(index / 5)),
            learning_rate: odd(index + 1),
        };
        let (trainer, mut net, mut state) = training::<T>();
        state.history.epochs = (0..count).map(epoch).collect();
        state.history.best_epoch = Some(7);
        state.history.hints = vec![Hint::UndefinedScore];
        state.history.stopped_by = StopReason::Tolerance;
        let bytes = state.to_bytes(&trainer, &net).unwrap();
        let again = state.to_bytes(&trainer, &net).unwrap();
        assert!(bytes == again, "a state has only one encoding");
        let read = TrainerState::from_bytes(&bytes, &trainer, &mut net).unwrap();
        let (read, written) = (&read.history, &state.history);
        assert!(
            read.epochs
                .iter()
                .map(bits)
                .eq(written.epochs.iter().map(bits))
        );
        assert_eq!(read.best_epoch, written.best_epoch);
        assert_eq!(read.stopped_by, written.stopped_by);
        assert_eq!(read.updates, written.updates);
        assert_eq!(read.hints, written.hints);
    }
    check::<f32>(1_000_000, 1, [true, true]);
    for has in [[false, false], [true, false], [false, true]] {
        check::<f64>(1000, 123_456, has);
    }
    check::<f64>(0, 1, [true, true]);
}

#[test]
fn what_is_not_finite_is_not_written() {
    type Damage = fn(&mut TrainerState<f32>, f32);
    let damages: [(&str, Damage); 4] = [
        ("best parameters", |state, x| state.best[0] = x),
        ("average", |state, x| state.average = vec![x]),
        ("trained", |state, x| state.params = vec![x]),
        ("optimizer", |state, x| {
            let (layout, updates) = (state.optimizer.layout(), state.optimizer.updates());
            let mut values = state.optimizer.values().to_vec();
            values[1] = x;
            state.optimizer = State::from_parts(&layout.clone(), updates, &values);
        }),
    ];
    for (what, damage) in damages {
        for bad in [f32::NAN, f32::INFINITY] {
            let (trainer, net, mut state) = training();
            damage(&mut state, bad);
            let error = state.to_bytes(&trainer, &net).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
        }
    }
    let (trainer, mut net, state) = training();
    net.params_mut()[0] = f32::NAN;
    let error = state.to_bytes(&trainer, &net).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
}

#[test]
fn an_epoch_has_a_number() {
    let (trainer, mut net, mut state) = training::<f32>();
    state.history.epochs[0].number = 0;
    let bytes = state.to_bytes(&trainer, &net).unwrap();
    let error = TrainerState::from_bytes(&bytes, &trainer, &mut net).unwrap_err();
    assert!(error.to_string().contains("epoch's number"), "{error}");
}

/// Returns the setting for which a checkpoint with these settings is rejected.
fn differs(trainer: &Trainer<f32>, saved: &settings::Settings) -> String {
    match settings::check(trainer, saved).unwrap_err() {
        Error::Differs { setting, .. } => setting,
        other => panic!("{other}"),
    }
}

#[test]
fn a_setting_that_only_one_side_has_must_be_the_default() {
    let adam = |epsilon| Adam {
        epsilon,
        ..Adam::new(0.01)
    };
    let trainer = |epsilon| Trainer::<f32>::new(SquaredError, adam(epsilon));
    let (usual, other) = (trainer(Adam::default().epsilon), trainer(1e-3));
    let all = settings::of(&usual);
    assert_eq!(all["optimizer"], "Adam");
    assert_eq!(all["optimizer.learning_rate"], "0.01");
    settings::check(&usual, &all).unwrap();

    // A checkpoint from a version in which the trainer or Adam lacked the setting.
    let mut old = all.clone();
    old.retain(|name, _| !["mean_weight", "optimizer.epsilon"].contains(&&**name));
    settings::check(&usual, &old).unwrap();
    assert_eq!(differs(&other, &old), "optimizer.epsilon");
    assert_eq!(
        differs(&usual.clone().mean_weight(true), &old),
        "mean_weight"
    );

    // A checkpoint from a later version.
    for (name, is_known) in [("tolerance.later", false), ("later", false), ("clip", true)] {
        let mut new = all.clone();
        new.insert(name.into(), "None".into());
        if is_known {
            settings::check(&usual, &new).unwrap();
        } else {
            assert_eq!(differs(&usual, &new), name);
        }
    }

    // Settings without a default are required.
    for name in ["precision", "loss", "optimizer"] {
        let mut without = all.clone();
        without.remove(name);
        assert_eq!(differs(&usual, &without), name);
    }
}

#[test]
fn settings_within_settings_have_names_of_their_own() {
    use crate::loss::{Huber, PerOutput};
    use crate::optimizer::{Group, Muon, ParamGroups};
    use crate::schedule::FlatCosine;

    #[derive(Debug)]
    #[allow(dead_code)] // read only by `Debug`
    struct Fields<'a>(&'a [f64], &'a str);

    let trainer = Trainer::<f32>::new(PerOutput(Huber { delta: 2.0 }), Muon::new(0.02));
    let trainer = trainer.reduce_on_plateau(crate::train::ReduceOnPlateau::default());
    let all = settings::of(&trainer.validation_split(0.25));
    for (name, value) in [
        ("loss", "PerOutput"),
        ("loss.0", "Huber"),
        ("loss.0.delta", "2.0"),
        ("optimizer.adam", "Adam"),
        ("optimizer.adam.beta1", "0.9"),
        ("reduce_on_plateau", "ReduceOnPlateau"),
        ("reduce_on_plateau.patience", "10"),
        ("validation", "Split"),
        ("validation.fraction", "0.25"),
        ("clip", "None"),
    ] {
        assert_eq!(all[name], value, "{name}");
    }

    let groups = ParamGroups::new(Adam::new(0.01)).ntk();
    let groups = groups.rate(Group::EncodingRange(0..2), 0.1);
    let trainer = Trainer::<f32>::new(SquaredError, groups);
    let all = settings::of(&trainer.drop_last(true).dropout_schedule(FlatCosine));
    for (name, value) in [
        ("optimizer", "ParamGroups"),
        ("optimizer.ntk", "true"),
        ("optimizer.rates", "[(EncodingRange(0..2), 0.1)]"),
        ("optimizer.optimizer", "Adam"),
        ("optimizer.optimizer.beta1", "0.9"),
        ("drop_last", "true"),
        ("keep_best", "false"),
        ("dropout_schedule", "FlatCosine"),
        ("decay_schedule", "None"),
    ] {
        assert_eq!(all[name], value, "{name}");
    }

    // Output of `Debug` that is not derived stays a single text.
    let odd = Fields(&[1.0, 2.0], "a { b: 1, b: 2 }");
    let mut seen = settings::Settings::new();
    settings::flatten("odd", &format!("{odd:?}"), &mut seen);
    let expected = [
        ("odd", "Fields"),
        ("odd.0", "[1.0, 2.0]"),
        ("odd.1", "\"a { b: 1, b: 2 }\""),
    ];
    assert!(
        seen.iter()
            .map(|(name, value)| (&**name, &**value))
            .eq(expected)
    );
    for text in [
        "A { b: 1, b: 2 }",
        "A { b: (1 }",
        "A { .. }",
        "{ a: 1 }",
        "a b(1)",
    ] {
        let mut seen = settings::Settings::new();
        settings::flatten("odd", text, &mut seen);
        assert_eq!((seen.len(), &*seen["odd"]), (1, text));
    }
}

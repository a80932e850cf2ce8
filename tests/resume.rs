//! An interrupted training run resumes with bit-identical results.

use std::env;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use feedforward::activation::{Identity, Tanh};
use feedforward::loss::SquaredError;
use feedforward::optimizer::{Adam, Group, Muon, Optimizer, ParamGroups, Sgd};
use feedforward::schedule::{Cosine, CosineLog, InverseScaling, Schedule};
use feedforward::train::{ReduceOnPlateau, TrainingEvent, Validation};
use feedforward::{Clip, Error, Mlp, Samples, StopReason, Trainer, TrainerState};

/// Environment variable with the child's folder.
const FOLDER: &str = "FEEDFORWARD_RESUME_FOLDER";

/// Number of times that the training run is killed.
const KILLS: usize = 25;

fn net() -> Mlp<f32> {
    let builder = Mlp::builder(1).hidden_layers(3, 24, Tanh);
    builder.output(1, Identity).seed(3).build().unwrap()
}

fn data() -> (Vec<f32>, Vec<f32>) {
    let inputs: Vec<f32> = (0..200).map(|i| i as f32 / 100.0 - 1.0).collect();
    let targets = inputs.iter().map(|x| (4.0 * x).sin()).collect();
    (inputs, targets)
}

/// Returns a trainer with every kind of state.
fn trainer() -> Trainer<f32> {
    let reduce = ReduceOnPlateau {
        patience: 3,
        factor: 0.9,
        ..ReduceOnPlateau::default()
    };
    Trainer::new(SquaredError, Muon::new(0.01))
        .schedule(Cosine::default())
        .batch_size(20)
        .epochs(600)
        .dropout(0.05)
        .clip(Clip::Norm(1.0))
        .weight_average(0.99)
        .validation_split(0.2)
        .reduce_on_plateau(reduce)
        .threads(1)
}

/// Trains to the end, starting from the checkpoint if there is one.
fn train(folder: &Path) {
    let (x, y) = data();
    let path = folder.join("training.safetensors");
    let trainer = trainer().checkpoint(&path, 1);
    let mut net = net();
    let mut state = if path.exists() {
        TrainerState::load(&path, &trainer, &mut net).unwrap()
    } else {
        trainer.init_state(&net).unwrap()
    };
    let samples = Samples::new(&x, &y);
    trainer.resume(&mut net, &mut state, &samples).unwrap();
    fs::write(folder.join("end.txt"), outcome(&net, &state)).unwrap();
}

/// Returns everything that must be equal.
fn outcome(net: &Mlp<f32>, state: &TrainerState<f32>) -> String {
    let params: Vec<u32> = net.params().iter().map(|p| p.to_bits()).collect();
    let state = (
        state.history(),
        state.optimizer().updates(),
        state.average(),
    );
    format!("{params:?} {state:?}")
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The process that is killed. In a normal test run, it does nothing.
#[test]
fn child() {
    if let Ok(folder) = env::var(FOLDER) {
        train(Path::new(&folder));
    }
}

#[test]
fn a_training_killed_again_and_again_ends_with_the_same_bits() {
    let (whole, killed) = (folder("resume-whole"), folder("resume-killed"));
    let begin = Instant::now();
    train(&whole);
    // On any machine, all kills together take on average three fifths of the training time.
    let longest = begin.elapsed().as_micros() as u64 * 6 / 5 / KILLS as u64;
    let start = || {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "child"])
            .env(FOLDER, &killed)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut random = 12345_u64;
    let mut kills = 0;
    while kills < KILLS {
        let mut child = start();
        random = random
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        std::thread::sleep(Duration::from_micros((random >> 33) % longest));
        // On Unix, this is SIGKILL, so the process cannot clean up.
        child.kill().unwrap();
        let over = child.wait().unwrap().success();
        assert!(!over, "training ended after only {kills} kills");
        kills += 1;
    }
    let path = killed.join("training.safetensors");
    assert!(path.exists(), "no checkpoint was written");
    assert!(start().wait().unwrap().success());
    let end = |folder: &Path| fs::read_to_string(folder.join("end.txt")).unwrap();
    assert!(
        end(&whole) == end(&killed),
        "results differ after {kills} kills"
    );
}

#[test]
fn any_update_can_be_the_last_before_a_checkpoint() {
    let (x, y) = data();
    let optimizers: [Box<dyn Fn() -> Trainer<f64>>; 4] = [
        Box::new(|| {
            small(Adam::new(0.01), Cosine::default())
                .early_stopping(1e-4, 2)
                .validation_split(0.3)
        }),
        Box::new(|| small(Sgd::new(0.1), InverseScaling::default()).tolerance(1e-3, 2)),
        Box::new(|| {
            let rate = |group, factor| ParamGroups::new(Adam::new(0.01)).ntk().rate(group, factor);
            small(rate(Group::Biases, 0.1), CosineLog::default())
                .keep_best()
                .validation_split(0.3)
                .drop_last(true)
        }),
        Box::new(|| small(Muon::new(0.01), Cosine::default()).weight_average(0.9)),
    ];
    let wide = |numbers: &[f32]| numbers.iter().map(|&x| x.into()).collect::<Vec<f64>>();
    let (x, y) = (wide(&x), wide(&y));
    for trainer in optimizers {
        let trainer = trainer();
        let net = Mlp::<f64>::builder(1)
            .hidden_layers(3, 6, Tanh)
            .output(1, Identity)
            .build()
            .unwrap();
        let mut whole = net.clone();
        let mut state = trainer.init_state(&whole).unwrap();
        let samples = Samples::new(&x, &y);
        let reason = trainer.resume(&mut whole, &mut state, &samples).unwrap();
        let history = state.into_history();

        let mut stopped = net.clone();
        let mut state = trainer.init_state(&stopped).unwrap();
        let mut stops = 0;
        loop {
            let mut left = stops % 4;
            let pause = |event: &TrainingEvent, _: &Mlp<f64>| match event {
                TrainingEvent::Update(_) if left == 0 => ControlFlow::Break(()),
                TrainingEvent::Update(_) => {
                    left -= 1;
                    ControlFlow::Continue(())
                }
                _ => ControlFlow::Continue(()),
            };
            let why = trainer.resume_with(&mut stopped, &mut state, &samples, pause);
            if why.unwrap() != StopReason::Callback {
                break;
            }
            stops += 1;
            let bytes = state.to_bytes(&trainer, &stopped).unwrap();
            stopped = net.clone();
            state = TrainerState::from_bytes(&bytes, &trainer, &mut stopped).unwrap();
        }
        assert!(stops > 5, "{stops}");
        assert_eq!(stopped.params(), whole.params());
        assert_eq!(
            (state.history().stopped_by, state.history()),
            (reason, &history)
        );
    }
}

fn small(
    optimizer: impl Optimizer<f64> + 'static,
    schedule: impl Schedule + 'static,
) -> Trainer<f64> {
    Trainer::new(SquaredError, optimizer)
        .schedule(schedule)
        .batch_size(30)
        .epochs(8)
}

#[test]
fn training_does_not_begin_if_checkpoints_cannot_be_written() {
    let folder = folder("resume-paths");
    fs::create_dir(folder.join("directory")).unwrap();
    let (x, y) = data();
    for path in ["no/such/folder", "directory", ""] {
        let path = if path.is_empty() {
            PathBuf::new()
        } else {
            folder.join(path)
        };
        let trainer = trainer().epochs(5).checkpoint(&path, 1_000_000);
        let (mut net, whole) = (net(), net());
        let mut epochs = 0;
        let error = trainer
            .fit_with(&mut net, &Samples::new(&x, &y), |_, _| {
                epochs += 1;
                ControlFlow::Continue(())
            })
            .unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
        assert_eq!((epochs, net.params()), (0, whole.params()));
    }
    // The attempt leaves no file behind and damages none.
    let path = folder.join("training");
    fs::write(&path, "precious").unwrap();
    let stopped = trainer()
        .checkpoint(&path, 1_000_000)
        .fit(&mut net(), &x, &[]);
    assert!(matches!(
        stopped,
        Err(Error::Rows { .. } | Error::Length { .. })
    ));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
}

#[test]
fn a_checkpoint_of_another_training_is_refused_by_name() {
    let mut net = net();
    let state = trainer().init_state(&net).unwrap();
    let bytes = state.to_bytes(&trainer(), &net).unwrap();
    let before = net.params().to_vec();
    let others: [(Trainer<f32>, &str); 7] = [
        (trainer().seed(1), "seed"),
        (trainer().batch_size(21), "batch_size"),
        (trainer().dropout(0.1), "dropout"),
        (trainer().schedule(InverseScaling::default()), "schedule"),
        (trainer().validation_split(0.3), "validation.fraction"),
        (trainer().l2(0.1), "l2"),
        (
            trainer().validation(Validation::set([0.0], [0.0])),
            "validation",
        ),
    ];
    for (other, name) in others {
        let error = TrainerState::from_bytes(&bytes, &other, &mut net).unwrap_err();
        assert!(
            matches!(&error, Error::Differs { setting, .. } if setting == name),
            "{error}"
        );
    }
    let optimizer = Trainer::new(SquaredError, Adam::new(0.01));
    let error = TrainerState::from_bytes(&bytes, &optimizer, &mut net).unwrap_err();
    assert!(matches!(error, Error::Differs { .. }), "{error}");
    let mut other = Mlp::<f32>::builder(1)
        .hidden(3, Tanh)
        .output(1, Identity)
        .build()
        .unwrap();
    let error = TrainerState::from_bytes(&bytes, &trainer(), &mut other).unwrap_err();
    let shapes = [
        "1 inputs, 24 tanh, 24 tanh, 24 tanh, 1 identity",
        "1 inputs, 3 tanh, 1 identity",
    ];
    for shape in shapes {
        assert!(error.to_string().contains(shape), "{error}");
    }
    assert_eq!(net.params(), before);

    // The caller may change the number of epochs and threads.
    let longer = trainer().epochs(500).threads(2);
    TrainerState::from_bytes(&bytes, &longer, &mut net).unwrap();
    let error = trainer().checkpoint("x", 0).init_state(&net).unwrap_err();
    assert!(error.to_string().contains("checkpoints"), "{error}");
    // A checkpoint is also a model file.
    assert_eq!(
        Mlp::<f32>::from_bytes(&bytes).unwrap().params(),
        net.params()
    );
}

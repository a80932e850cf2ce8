//! After a warm-up, neither prediction nor training allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use feedforward::activation::{Gelu, Identity, Maxout, Parametric, Relu};
use feedforward::encoding::{
    self, Categories, Concat, Encoding, Fourier, Grid, GridSettings, OneBlob, Periodic,
    PeriodicSettings, Positional, Scaled,
};
use feedforward::loss::{BinaryCrossEntropy, ScikitSquaredError, Smoothed, SoftmaxCrossEntropy};
use feedforward::metrics::{
    Accuracy, AveragePrecision, BalancedAccuracy, Brier, F1, Link, MatthewsCorrelation, Pinball,
    R2, RocAuc, Score, SubsetAccuracy,
};
use feedforward::optimizer::{Adam, Group, Muon, Optimizer, ParamGroups, State};
use feedforward::schedule::FlatCosine;
use feedforward::train::{Batches, ReduceOnPlateau, TrainingEvent, Validation};
use feedforward::{
    Classifier, Clip, EncodingSpec, Float, GradientWorkspace, LayerSpec, Loss, Mlp, MlpRef,
    MultilabelClassifier, Population, Predictor, Samples, Trainer,
};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
/// Size of the largest allocation in bytes.
static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on unchanged to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller upholds the system allocator's contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    work();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

fn network<T: Float>() -> Mlp<T> {
    Mlp::builder(2)
        .hidden(40, Relu)
        .hidden(60, Gelu)
        .hidden(30, Maxout::new(3))
        .hidden(20, Parametric(Gelu))
        .output(3, Identity)
        .build()
        .unwrap()
}

fn data<T: Float>() -> (Vec<T>, Vec<T>) {
    let inputs = (0..1000)
        .map(|i| T::from_f64((f64::from(i) * 0.37).sin()))
        .collect();
    let targets = (0..1500)
        .map(|i| T::from_f64((f64::from(i) * 0.11).cos()))
        .collect();
    (inputs, targets)
}

fn prediction<T: Float>() {
    let net = network::<T>();
    let (inputs, mut outputs) = (data::<T>().0, vec![T::zero(); 1500]);
    let mut predictor = Predictor::new(&net).unwrap();
    let count = allocations(|| {
        predictor.predict_into(&inputs, &mut outputs).unwrap();
        predictor
            .predict_into(&inputs[..2], &mut outputs[..3])
            .unwrap();
    });
    assert_eq!(count, 0, "prediction");

    let mut predictor = Predictor::new(net.clone()).unwrap();
    let count = allocations(|| predictor.refresh(&net).unwrap());
    assert_eq!(count, 0, "a predictor that takes over parameters");
    let count = allocations(|| drop(net.predict(&inputs[..2]).unwrap()));
    assert_eq!(count, 2, "outputs and scratch space of one sample");
    let mut scratch = vec![T::zero(); MlpRef::from(&net).scratch_len()];
    let count = allocations(|| {
        let view = MlpRef::from(&net);
        let predicted = view.predict_into(&inputs, &mut outputs, &mut scratch);
        predicted.unwrap();
    });
    assert_eq!(count, 0, "a view of a network");
}

fn populations<T: Float>() {
    let scaled = Scaled::new(Positional::new(2, 3).unwrap()).unwrap();
    let encoded = Mlp::builder(2).encoding(scaled).output(3, Identity);
    let (inputs, mut outputs) = (data::<T>().0, vec![T::zero(); 1500]);
    for net in [network::<T>(), encoded.build().unwrap()] {
        let params = net.params().repeat(500);
        let mut population = Population::new(&net, 500).unwrap();
        let count = allocations(|| {
            population.predict_into(&inputs, &mut outputs).unwrap();
            population.set_params(7, net.params()).unwrap();
            population.set_all_params(&params).unwrap();
        });
        assert_eq!(count, 0, "a population");
        let mut population = population.threads(2).unwrap();
        for _ in 0..10 {
            population.predict_into(&inputs, &mut outputs).unwrap();
        }
        let count = allocations(|| {
            for _ in 0..100 {
                population.predict_into(&inputs, &mut outputs).unwrap();
            }
        });
        assert!(count <= tolerated(2, 100), "a population on two threads");
    }
}

fn scores<T: Float>() {
    let (weights, targets) = data::<T>();
    let weights = Some(&weights[..500]);
    let all: [&dyn Score<T>; 11] = [
        &RocAuc,
        &AveragePrecision,
        &F1,
        &BalancedAccuracy,
        &MatthewsCorrelation,
        &Brier,
        &Pinball::default(),
        &Accuracy,
        &SubsetAccuracy,
        &R2::default(),
        &R2 { link: Link::Log },
    ];
    for score in all {
        // The first call may grow the scratch space.
        let mut scratch = Vec::new();
        score.score_in(&mut scratch, &targets, &targets, 3, weights);
        let count = allocations(|| {
            let score = score.score_in(&mut scratch, &targets, &targets, 3, weights);
            assert!(score.is_finite());
        });
        assert_eq!(count, 0, "{score:?}");
    }
}

fn encodings<T: Float>() {
    let inputs = data::<T>().0;
    let members: [Arc<dyn Encoding<T>>; 2] = [
        Arc::new(Grid::new(GridSettings::new(1)).unwrap()),
        Arc::new(Categories::new(&[(3, 2)]).unwrap()),
    ];
    let all: [&dyn Encoding<T>; 10] = [
        &Fourier::new(2, 20, 3.0, 1).unwrap(),
        &Positional::new(2, 5).unwrap(),
        &OneBlob::new(2, 16).unwrap(),
        &Grid::new(GridSettings::new(2)).unwrap(),
        &Categories::new(&[(3, 2), (500, 4)]).unwrap(),
        &Periodic::new(PeriodicSettings::new(2)).unwrap(),
        &encoding::Identity::new(2).unwrap(),
        &Concat::new(members.to_vec()).unwrap(),
        &Scaled::new(encoding::Identity::new(2).unwrap()).unwrap(),
        &Scaled::new(Concat::new(members.to_vec()).unwrap()).unwrap(),
    ];
    for encoding in all {
        let (width, params) = (encoding.outputs(), vec![T::zero(); encoding.params_len()]);
        let mut outputs = vec![T::zero(); 500 * width];
        let count = allocations(|| encoding.encode_samples(&params, &inputs, &mut outputs, width));
        assert_eq!(count, 0, "{encoding:?}");
        let mut gradient = vec![T::zero(); encoding.params_len()];
        let mut input_gradient = vec![T::zero(); inputs.len()];
        let count = allocations(|| {
            let mut rest = &mut gradient[..];
            for part in (0..).map_while(|part| Some((part, encoding.part_len(part)?))) {
                let (these, tail) = std::mem::take(&mut rest).split_at_mut(part.1);
                encoding.add_gradient(part.0, &params, &inputs, &outputs, these);
                rest = tail;
            }
            encoding.add_input_gradient(&params, &inputs, &outputs, &mut input_gradient);
        });
        assert_eq!(count, 0, "gradients of {encoding:?}");
    }
}

fn borrowed<T: Float>() {
    let grid = Grid::new(GridSettings::new(2)).unwrap();
    let builder = Mlp::<T>::builder(2).encoding(grid.clone());
    let owner = builder.output(3, Identity).build().unwrap();
    let layers = owner.layer_specs();
    let net = MlpRef::with_encoding(&grid, &layers, owner.params()).unwrap();
    let (inputs, mut outputs) = (data::<T>().0, vec![T::zero(); 1500]);
    let mut scratch = vec![T::zero(); net.scratch_len()];
    let count = allocations(|| {
        net.predict_into(&inputs, &mut outputs, &mut scratch)
            .unwrap();
        let mut fails = |inputs, room: usize| {
            let scratch = &mut scratch[..room];
            assert!(net.predict_into(inputs, &mut outputs, scratch).is_err());
        };
        fails(&inputs[1..], net.scratch_len());
        fails(&inputs, net.scratch_len() - 1);
    });
    assert_eq!(count, 0, "a borrowed network with an encoding");

    let all: [&dyn Encoding<T>; 2] = [
        &Periodic::constant(PeriodicSettings::new(1)),
        &Categories::constant(&[(3, 2)], 1.0),
    ];
    let specs = all.map(|encoding| EncodingSpec {
        inputs: encoding.inputs(),
        outputs: encoding.outputs(),
        params_len: encoding.params_len(),
        encoding,
    });
    let layers = [LayerSpec::new(3, &Identity)];
    let len = 3 * (4 + 2 + 1) + all.iter().map(|e| e.params_len()).sum::<usize>();
    let params = vec![T::one(); len];
    let net = MlpRef::constant_with_encodings(&specs, &layers, &params);
    let count = allocations(|| {
        let scratch = &mut scratch[..net.scratch_len()];
        net.predict_into(&inputs, &mut outputs, scratch).unwrap();
    });
    assert_eq!(count, 0, "a borrowed network with several encodings");
}

fn losses<T: Float>() {
    let (output, target) = ([T::one(); 3], [T::zero(), T::one(), T::zero()]);
    let all: [&dyn Loss<T>; 2] = [
        &Smoothed::new(SoftmaxCrossEntropy, 0.1),
        &Smoothed::new(BinaryCrossEntropy, 0.1),
    ];
    for loss in all {
        let mut gradient = [T::zero(); 3];
        let count = allocations(|| {
            loss.evaluate(&output, &target, &mut gradient);
        });
        assert_eq!(count, 0, "{loss:?}");
    }
}

/// Returns one weight per sample.
fn weights<T: Float>() -> Vec<T> {
    (0..500).map(|i| T::from_f64(f64::from(i % 4))).collect()
}

fn step<T: Float>(optimizer: &dyn Optimizer<T>, threads: usize) {
    let mut net = network::<T>();
    let (inputs, targets) = data::<T>();
    let weights = weights();
    let samples = Samples::new(&inputs, &targets).weights(&weights);
    let mut gradient = GradientWorkspace::new(&net)
        .l2(1e-4)
        .and_then(|gradient| gradient.clip(Clip::Norm(1.0)))
        .and_then(|gradient| gradient.dropout(0.2, 1))
        .unwrap()
        .threads(threads)
        .unwrap();
    let mut state = State::new(optimizer, net.layout()).unwrap();
    let mut batches = Batches::new(500, 220).unwrap().shuffled(1);
    let mut epoch = |number| {
        for rows in batches.epoch(number) {
            gradient
                .compute_samples(&net, &samples.rows(rows), &ScikitSquaredError)
                .unwrap();
            state
                .update(optimizer, 1e-3, net.params_mut(), gradient.values())
                .unwrap();
        }
    };
    for number in 0..warm_up(threads) {
        epoch(number);
    }
    let count = allocations(|| (0..20).for_each(|i| epoch(100 + i)));
    assert!(
        count <= tolerated(threads, 20 * 3),
        "step of {optimizer:?} on {threads} threads: {count}"
    );
}

/// Derivatives of single samples, also with an encoding and in blocks of different sizes.
fn derivatives<T: Float>(threads: usize) {
    let scaled = Scaled::new(Positional::new(2, 3).unwrap()).unwrap();
    let encoded = Mlp::builder(2).encoding(scaled).hidden(20, Gelu);
    let encoded = encoded.output(3, Identity).build().unwrap();
    let (inputs, targets) = data::<T>();
    let samples = Samples::new(&inputs, &targets);
    for net in [network::<T>(), encoded] {
        let workspace = GradientWorkspace::new(&net);
        let mut gradient = workspace.threads(threads).unwrap();
        let mut all = || {
            gradient.jacobian(&net, &inputs).unwrap();
            gradient.parameter_jacobian(&net, &inputs[..200]).unwrap();
            let blocks = gradient.for_each_jacobian_block(&net, &inputs, |block| {
                assert!(!block.samples.is_empty());
                Ok(())
            });
            blocks.unwrap();
            let each = gradient.compute_each(&net, &samples, &ScikitSquaredError);
            each.unwrap();
        };
        (0..warm_up(threads)).for_each(|_| all());
        let count = allocations(|| (0..20).for_each(|_| all()));
        // A call for each of about 30 blocks.
        let handed_over = 20 * 40;
        assert!(
            count <= tolerated(threads, handed_over),
            "derivatives on {threads} threads: {count}"
        );

        let view = MlpRef::from(&net);
        let mut scratch = vec![T::zero(); view.jacobian_scratch_len()];
        let mut jacobian = vec![T::zero(); 500 * 3 * 2];
        let count = allocations(|| {
            let view = MlpRef::from(&net);
            let done = view.jacobian_into(&inputs, &mut jacobian, &mut scratch);
            done.unwrap();
        });
        assert_eq!(count, 0, "Jacobian of a borrowed network");
    }
}

fn epochs<T: Float>(threads: usize) {
    let mut net = network::<T>();
    let (inputs, targets) = data::<T>();
    let trainer = Trainer::new(ScikitSquaredError, Adam::new(1e-3))
        .batch_size(220)
        .validation(Validation::split(0.2).score(RocAuc))
        .early_stopping(0.0, 1000)
        .reduce_on_plateau(ReduceOnPlateau::default())
        .dropout(0.1)
        .dropout_schedule(FlatCosine)
        .keep_best()
        .clip(Clip::Value(1.0))
        .weight_average(0.99)
        .epochs(60)
        .threads(threads);
    let mut at = Vec::with_capacity(60);
    let report = |event: &TrainingEvent, _: &_| {
        if event.epoch().is_some() {
            at.push(ALLOCATIONS.load(Ordering::Relaxed));
        }
        ControlFlow::Continue(())
    };
    trainer
        .fit_with(
            &mut net,
            &Samples::new(&inputs, &targets).weights(&weights()),
            report,
        )
        .unwrap();
    let warm = warm_up(threads);
    let count = at[59] - at[warm - 1];
    assert!(
        count <= tolerated(threads, 60),
        "{} epochs on {threads} threads: {count}",
        60 - warm
    );
}

/// Returns the number of epochs after which every thread has done every kind of work.
fn warm_up(threads: usize) -> usize {
    if threads == 1 { 1 } else { 30 }
}

/// Returns the number of allocations by rayon to tolerate; the crate itself makes none.
///
/// Passing work to a pool from outside uses rayon's queue, which allocates a block for every 63
/// entries. A thread's own queue may grow too.
fn tolerated(threads: usize, handed_over: usize) -> usize {
    if threads == 1 {
        0
    } else {
        handed_over / 20 + 4
    }
}

/// One-hot rows or logits of all samples at once would take 36 MB in this test. With a language's
/// vocabulary as classes, they would take gigabytes.
fn many_classes() {
    const CLASSES: usize = 3000;
    let inputs: Vec<f32> = (0..CLASSES).map(|i| i as f32 / CLASSES as f32).collect();
    let labels: Vec<usize> = (0..CLASSES).collect();
    let mut model = Classifier::new(Mlp::builder(1), 0..CLASSES).unwrap();
    let trainer = Trainer::new(model.loss(), Adam::new(1e-3)).epochs(1);
    LARGEST.store(0, Ordering::Relaxed);
    model.fit(&trainer, &inputs, &labels).unwrap();
    model.score(&inputs, &labels).unwrap();
    let many = MultilabelClassifier::from_network(model.network().clone(), 0..CLASSES).unwrap();
    many.score(&inputs, &vec![[0]; CLASSES]).unwrap();
    let largest = LARGEST.load(Ordering::Relaxed);
    assert!(largest < 10_000_000, "{largest}");
}

/// A single test, because another test would allocate at the same time.
#[test]
fn nothing_is_allocated_once_warm() {
    // The test harness still allocates after it has started this thread.
    std::thread::sleep(std::time::Duration::from_millis(200));
    prediction::<f32>();
    prediction::<f64>();
    populations::<f32>();
    populations::<f64>();
    scores::<f32>();
    scores::<f64>();
    encodings::<f32>();
    encodings::<f64>();
    borrowed::<f32>();
    borrowed::<f64>();
    losses::<f32>();
    losses::<f64>();
    many_classes();
    for threads in [1, 2] {
        step::<f32>(&Adam::new(1e-3), threads);
        step::<f64>(&Adam::new(1e-3), threads);
        step::<f32>(&Muon::new(1e-3), threads);
        step::<f64>(&Muon::new(1e-3), threads);
        let half = |adam| ParamGroups::new(adam).ntk().rate(Group::Biases, 0.5);
        step::<f32>(&half(Adam::new(1e-3)), threads);
        step::<f64>(&half(Adam::new(1e-3)), threads);
        derivatives::<f32>(threads);
        derivatives::<f64>(threads);
        epochs::<f32>(threads);
        epochs::<f64>(threads);
    }
}

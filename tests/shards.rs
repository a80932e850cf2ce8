//! Training sharded among several processes is bit-identical to training in one.

use feedforward::activation::{Identity, Tanh};
use feedforward::loss::SquaredError;
use feedforward::optimizer::{Adam, Muon};
use feedforward::schedule::Cosine;
use feedforward::{
    Clip, Error, Float, GradientWorkspace, Mlp, Samples, Shard, StopReason, Trainer, TrainerState,
};

const SEED: u64 = 5;

fn net<T: Float>() -> Mlp<T> {
    let builder = Mlp::builder(3).hidden_layers(2, 12, Tanh);
    builder.output(2, Identity).seed(1).build().unwrap()
}

/// Returns this many rows of a smooth function.
fn data<T: Float>(rows: usize) -> (Vec<T>, Vec<T>) {
    let x = |i: usize| (i as f64 * 0.37).sin();
    let inputs: Vec<f64> = (0..3 * rows).map(x).collect();
    let targets = inputs.chunks(3).flat_map(|x| [x[0] * x[1], x[2] - x[0]]);
    let narrow = |x: f64| T::from_f64(x);
    (
        inputs.iter().copied().map(narrow).collect(),
        targets.map(narrow).collect(),
    )
}

/// Results of one process: each chunk's gradient and loss.
type Sums<T> = Vec<(Vec<T>, f64)>;

/// Adds in the order of the chunks, as a reduction must.
fn in_order<T: Float>(sums: &[Sums<T>]) -> (Vec<T>, f64) {
    let mut chunks = sums.iter().flatten();
    let (mut sum, mut loss) = chunks.next().unwrap().clone();
    for (chunk, chunk_loss) in chunks {
        sum.iter_mut().zip(chunk).for_each(|(sum, &x)| *sum += x);
        loss += chunk_loss;
    }
    (sum, loss)
}

fn gradient<T: Float>(net: &Mlp<T>) -> GradientWorkspace<T> {
    let gradient = GradientWorkspace::new(net).l2(0.3).unwrap();
    let gradient = gradient.dropout(0.2, SEED).unwrap();
    gradient
        .clip(Clip::Norm(0.5))
        .unwrap()
        .with_input_gradient()
}

fn a_gradient_is_shared<T: Float>() {
    let net = net::<T>();
    for rows in [1, 150, 500, 1_700] {
        let (x, y) = data(rows);
        let weights: Vec<T> = (0..rows)
            .map(|i| T::from_f64(0.5 + (i % 4) as f64))
            .collect();
        let total = weights.iter().map(|w| w.as_f64()).sum();
        let mut alone = gradient(&net);
        alone.set_updates(9);
        let samples = Samples::new(&x, &y).weights(&weights);
        let loss = alone.compute_samples(&net, &samples, &SquaredError);
        let loss = loss.unwrap();

        for processes in [1, 2, 3, 4, 7, 20] {
            let shards = (0..processes).map(|index| {
                let shard = Shard::of_chunks(rows, index, processes).unwrap();
                shard.with_total_weight(total).unwrap()
            });
            let (mut sums, mut inputs) = (Vec::new(), Vec::new());
            let mut workers: Vec<_> = shards.map(|shard| (shard, gradient(&net))).collect();
            for (shard, worker) in &mut workers {
                let own = shard.rows();
                let (x, y) = (
                    &x[3 * own.start..3 * own.end],
                    &y[2 * own.start..2 * own.end],
                );
                let samples = Samples::new(x, y).weights(&weights[own]);
                worker.set_updates(9);
                worker
                    .compute_shard(&net, &samples, shard, &SquaredError)
                    .unwrap();
                let owned = |(sum, loss): (&[T], f64)| (sum.to_vec(), loss);
                sums.push(worker.partial_gradients().map(owned).collect());
                inputs.extend_from_slice(worker.input_gradient().unwrap());
            }
            let (sum, losses) = in_order(&sums);
            for (shard, worker) in &mut workers {
                let shared = worker.finish_reduction(&net, &sum, losses, shard).unwrap();
                assert_eq!(shared.to_bits(), loss.to_bits());
                assert_eq!(worker.values(), alone.values());
                assert_eq!(worker.max_abs(), alone.max_abs());
            }
            assert_eq!(inputs, alone.input_gradient().unwrap());
        }
    }
}

#[test]
fn shares_add_up_to_the_bits_of_a_single_process() {
    a_gradient_is_shared::<f32>();
    a_gradient_is_shared::<f64>();
}

#[test]
fn even_shares_add_up_to_the_gradient_up_to_rounding() {
    let net = net::<f64>();
    let (x, y) = data(1_000);
    let mut alone = GradientWorkspace::new(&net);
    let loss = alone.compute(&net, &x, &y, &SquaredError).unwrap();
    let mut worker = GradientWorkspace::new(&net);
    let mut sums = Vec::new();
    let shards = (0..30).map(|index| Shard::of_rows(1_000, index, 30).unwrap());
    for shard in shards {
        let own = shard.rows();
        let samples = Samples::new(
            &x[3 * own.start..3 * own.end],
            &y[2 * own.start..2 * own.end],
        );
        worker
            .compute_shard(&net, &samples, &shard, &SquaredError)
            .unwrap();
        let owned = |(sum, loss): (&[f64], f64)| (sum.to_vec(), loss);
        sums.push(worker.partial_gradients().map(owned).collect());
    }
    let (sum, losses) = in_order(&sums);
    let shard = Shard::of_rows(1_000, 0, 30).unwrap();
    let shared = worker.finish_reduction(&net, &sum, losses, &shard).unwrap();
    approx::assert_relative_eq!(shared, loss, max_relative = 1e-12);
    approx::assert_relative_eq!(worker.values(), alone.values(), epsilon = 1e-14);
}

/// Simulates two processes that stop after this many updates.
fn train_shared(
    trainer: &Trainer<f32>,
    net: &mut Mlp<f32>,
    state: &mut feedforward::TrainerState<f32>,
    (x, y): (&[f32], &[f32]),
    updates: u64,
) -> Option<StopReason> {
    let mut workers = [(); 2].map(|()| trainer.workspace(net).unwrap());
    let mut run = trainer.start_run(net, state, x.len() / 3).unwrap();
    while run.stopped_by().is_none() {
        while let Some(rows) = run.batch() {
            let mut sums = Vec::new();
            for (index, worker) in workers.iter_mut().enumerate() {
                let shard = Shard::of_chunks(rows.len(), index, 2).unwrap();
                let own = &rows[shard.rows()];
                let samples = Samples::new(x, y).rows(own);
                worker.set_updates(run.state().progress().step);
                worker
                    .compute_shard(run.network(), &samples, &shard, &SquaredError)
                    .unwrap();
                let owned = |(sum, loss): (&[f32], f64)| (sum.to_vec(), loss);
                sums.push(worker.partial_gradients().map(owned).collect());
            }
            let (sum, losses) = in_order(&sums);
            let shard = Shard::of_chunks(rows.len(), 0, 2).unwrap();
            let net = run.network();
            let loss = workers[0]
                .finish_reduction(net, &sum, losses, &shard)
                .unwrap();
            let update = run.apply(loss, workers[0].values()).unwrap();
            if update.number == updates {
                return None;
            }
        }
        run.end_epoch(None).unwrap();
    }
    Some(run.finish().unwrap())
}

#[test]
fn a_shared_training_is_a_fit_and_either_goes_on_from_the_others_checkpoint() {
    let (x, y) = data(1_100);
    let trainer = Trainer::new(SquaredError, Muon::new(0.02))
        .schedule(Cosine { floor: 0.0 })
        .batch_size(500)
        .dropout(0.1)
        .weight_average(0.9)
        .tolerance(1e-2, 2)
        .seed(SEED)
        .epochs(60);
    let start = net::<f32>();
    let mut fitted = start.clone();
    let history = trainer.fit(&mut fitted, &x, &y).unwrap();
    assert_eq!(history.stopped_by, StopReason::Tolerance);
    assert!(history.epochs.len() > 4);

    // The run is interrupted within the third epoch and resumed by one process.
    let mut net = start.clone();
    let mut state = trainer.init_state(&net).unwrap();
    let none = train_shared(&trainer, &mut net, &mut state, (&x, &y), 7);
    assert_eq!(none, None);
    let bytes = state.to_bytes(&trainer, &net).unwrap();
    let mut resumed = start.clone();
    let mut state = TrainerState::from_bytes(&bytes, &trainer, &mut resumed).unwrap();
    let reason = trainer.resume(&mut resumed, &mut state, &Samples::new(&x, &y));
    assert_eq!(reason, Ok(StopReason::Tolerance));
    assert_eq!(resumed.params(), fitted.params());
    assert_eq!(*state.history(), history);

    // It is then completed by two processes.
    let mut state = TrainerState::from_bytes(&bytes, &trainer, &mut net).unwrap();
    let reason = train_shared(&trainer, &mut net, &mut state, (&x, &y), u64::MAX);
    assert_eq!(reason, Some(StopReason::Tolerance));
    assert_eq!(net.params(), fitted.params());
    assert_eq!(*state.history(), history);
}

#[test]
fn what_does_not_fit_is_an_error_and_changes_nothing() {
    let (x, y) = data::<f64>(300);
    let mut net = net::<f64>();
    let mut gradient = GradientWorkspace::new(&net);
    let shard = Shard::of_chunks(300, 0, 2).unwrap();
    let samples = Samples::new(&x, &y);
    let error = gradient.compute_shard(&net, &samples, &shard, &SquaredError);
    assert_eq!(
        error.unwrap_err().to_string(),
        "samples of a shard: expected 150, got 300"
    );
    let short = gradient
        .finish_reduction(&net, &[0.0], 0.0, &shard)
        .unwrap_err();
    assert!(matches!(short, Error::Length { .. }), "{short}");
    let len = net.params().len();
    let error = gradient.finish_reduction(&net, &vec![f64::NAN; len], 0.0, &shard);
    assert!(matches!(error, Err(Error::Overflow { .. })), "{error:?}");

    let trainer = Trainer::new(SquaredError, Adam::new(0.01)).batch_size(100);
    let split = trainer.clone().validation_split(0.1);
    let mut state = trainer.init_state(&net).unwrap();
    let error = split.start_run(&mut net, &mut state, 300).unwrap_err();
    assert_eq!(
        error.to_string(),
        "trainer of a run: expected no validation split, which needs the samples, got one"
    );
    assert!(trainer.start_run(&mut net, &mut state, 99).is_err());
    let before = (net.clone(), state.optimizer().clone());
    let mut run = trainer.start_run(&mut net, &mut state, 300).unwrap();
    let nothing = vec![0.0; len];
    let cases = [
        (1.0, vec![0.0; len - 1]),
        (1.0, vec![f64::INFINITY; len]),
        (f64::NAN, nothing),
    ];
    for (loss, gradient) in cases {
        let error = run.apply(loss, &gradient);
        assert!(error.is_err());
    }
    drop(run);
    assert_eq!(net.params(), before.0.params());
    assert_eq!(*state.optimizer(), before.1);
    assert_eq!(state.samples_seen(), 0);
}

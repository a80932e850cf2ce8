//! Encodings in front of networks: gradients against central differences, and bit-identical results
//! for threads, shards, instruction sets, files and resumed training runs.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use feedforward::activation::{Identity, Tanh};
use feedforward::encoding::{
    self, Categories, Concat, Encoding, Fourier, Grid, GridSettings, Interpolation, OneBlob,
    Periodic, PeriodicSettings, Positional, Scaled,
};
use feedforward::loss::SquaredError;
use feedforward::optimizer::{Adam, Muon};
use feedforward::simd::InstructionSet;
use feedforward::{
    DivergenceCause, Error, Float, GradientWorkspace, Mlp, Predictor, Samples, Shard, Trainer,
    TrainerState,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

fn grid(inputs: usize, settings: impl Fn(&mut GridSettings)) -> Grid {
    let mut all = GridSettings {
        levels: 4,
        coarsest: 3,
        finest: 40,
        max_entries: 256,
        initial: 0.5,
        ..GridSettings::new(inputs)
    };
    settings(&mut all);
    Grid::new(all).unwrap()
}

fn periodic(inputs: usize, frequencies: usize, width: usize) -> Periodic {
    let sigma = 0.7;
    let settings = PeriodicSettings {
        inputs,
        frequencies,
        width,
        sigma,
    };
    Periodic::new(settings).unwrap()
}

/// Returns encodings side by side, one inside another.
fn concat<T: Float>() -> Concat<T> {
    let inner = Concat::new(vec![
        Arc::new(Fourier::new(2, 3, 1.5, 5).unwrap()),
        Arc::new(encoding::Identity::new(1).unwrap()),
        Arc::new(Fourier::new(1, 2, 1.0, 6).unwrap()),
    ]);
    let all: Vec<Arc<dyn Encoding<T>>> = vec![
        Arc::new(Positional::new(1, 2).unwrap()),
        Arc::new(grid(2, |s| s.levels = 2)),
        Arc::new(Scaled::new(Fourier::new(1, 1, 2.0, 7).unwrap()).unwrap()),
        Arc::new(inner.unwrap()),
        Arc::new(periodic(2, 5, 3)),
        Arc::new(OneBlob::new(1, 3).unwrap()),
        Arc::new(Categories::new(&[(5, 3), (4000, 2)]).unwrap()),
    ];
    Concat::new(all).unwrap()
}

/// Returns the columns of category numbers, which are the last ones.
fn categories<T: Float>(encoding: &dyn Encoding<T>) -> Range<usize> {
    let (name, inputs) = (encoding.name(), encoding.inputs());
    let count = if name.contains("categories(") { 2 } else { 0 };
    inputs - count..inputs
}

/// Every built-in encoding of two inputs, and grids of all kinds.
fn all<T: Float>() -> Vec<Arc<dyn Encoding<T>>> {
    let smooth = |s: &mut GridSettings| s.interpolation = Interpolation::Smoothstep;
    vec![
        Arc::new(Fourier::new(2, 5, 1.5, 3).unwrap()),
        Arc::new(Positional::new(2, 3).unwrap()),
        Arc::new(OneBlob::new(2, 6).unwrap()),
        Arc::new(grid(2, |_| {})),
        Arc::new(grid(2, |s| (s.features, s.levels) = (4, 1))),
        Arc::new(grid(1, smooth)),
        Arc::new(grid(3, smooth)),
        Arc::new(grid(4, |s| s.features = 1)),
        Arc::new(grid(2, |s| (s.features, s.max_entries) = (8, 1))),
        Arc::new(Categories::new(&[(5, 3), (300, 2)]).unwrap()),
        Arc::new(periodic(2, 16, 4)),
        Arc::new(periodic(3, 21, 2)),
        Arc::new(encoding::Identity::new(2).unwrap()),
        Arc::new(Scaled::new(encoding::Identity::new(2).unwrap()).unwrap()),
        Arc::new(Scaled::new(grid(2, |_| {})).unwrap()),
        Arc::new(concat()),
        Arc::new(Scaled::new(concat()).unwrap()),
    ]
}

fn network<T: Float>(encoding: &Arc<dyn Encoding<T>>) -> Mlp<T> {
    let builder = Mlp::builder(encoding.inputs()).encoding(encoding.clone());
    let builder = builder.hidden(12, Tanh).hidden(7, Tanh).output(2, Identity);
    let mut net = builder.seed(4).build().unwrap();
    if encoding.name().starts_with("scaled(") {
        let start = net.layout().encoding().start;
        let scale = &mut net.params_mut()[start..start + encoding.outputs()];
        for (index, s) in scale.iter_mut().enumerate() {
            assert_eq!(*s, T::one());
            *s = T::from_f64(0.5 + 0.25 * (index % 7) as f64);
        }
    }
    net
}

/// Returns this many rows of inputs in [0, 1], and targets.
fn data<T: Float>(rows: usize, inputs: usize) -> (Vec<T>, Vec<T>) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut draw = || T::from_f64(rng.random::<f64>());
    let x: Vec<T> = (0..rows * inputs).map(|_| draw()).collect();
    let y = (0..rows * 2).map(|_| draw()).collect();
    (x, y)
}

/// Returns data whose columns of categories hold category numbers, some of them unknown.
fn data_for<T: Float>(rows: usize, encoding: &dyn Encoding<T>) -> (Vec<T>, Vec<T>) {
    let (mut x, y) = data::<T>(rows, encoding.inputs());
    for (row, x) in x.chunks_mut(encoding.inputs()).enumerate() {
        for (column, x) in x[categories(encoding)].iter_mut().enumerate() {
            let number = (x.as_f64() * 8.0).floor() - 2.0;
            // Far rows of a large table, and numbers that are not integers.
            let far = if row % 3 == 0 { column * 250 } else { 0 };
            let half = if row % 7 == 6 { 0.5 } else { 0.0 };
            *x = T::from_f64(number + far as f64 + half);
        }
    }
    (x, y)
}

fn bits<T: Float>(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| x.as_f64().to_bits()).collect()
}

#[test]
fn gradients_are_central_differences() {
    for encoding in all::<f64>() {
        let net = network(&encoding);
        let (x, y) = data_for(6, &*encoding);
        let mut gradient = GradientWorkspace::new(&net).with_input_gradient();
        gradient.compute(&net, &x, &y, &SquaredError).unwrap();
        let (params, inputs) = (
            gradient.values().to_vec(),
            gradient.input_gradient().unwrap(),
        );
        let inputs = inputs.to_vec();
        let mut evaluate =
            |net: &Mlp<f64>, x: &[f64]| gradient.evaluate(net, x, &y, &SquaredError).unwrap();
        let h = 1e-6;
        let agree = |what: &str, index: usize, exact: f64, difference: f64| {
            let (name, error) = (encoding.name(), (exact - difference).abs());
            assert!(error < 1e-7, "{name}: {what} {index}: {exact} {difference}");
        };
        for (index, &exact) in params.iter().enumerate() {
            let mut moved = net.clone();
            moved.params_mut()[index] += h;
            let above = evaluate(&moved, &x);
            moved.params_mut()[index] -= 2.0 * h;
            let difference = (above - evaluate(&moved, &x)) / (2.0 * h);
            agree("parameter", index, exact, difference);
        }
        for index in 0..x.len() {
            // Category numbers have no neighbors, so their gradient is 0.
            if categories(&*encoding).contains(&(index % net.inputs())) {
                assert_eq!(inputs[index].to_bits(), 0);
                continue;
            }
            let mut moved = x.clone();
            moved[index] += h;
            let above = evaluate(&net, &moved);
            moved[index] -= 2.0 * h;
            let difference = (above - evaluate(&net, &moved)) / (2.0 * h);
            agree("input", index, inputs[index], difference);
        }

        // The gradients of single samples, and the Jacobian, are consistent with the mean.
        let samples = Samples::new(&x, &y);
        let (_, each) = gradient
            .compute_each(&net, &samples, &SquaredError)
            .unwrap();
        for (index, &mean) in params.iter().enumerate() {
            let column = each.iter().skip(index).step_by(params.len());
            agree("sample", index, column.sum::<f64>() / 6.0, mean);
        }
        let predicted = net.predict(&x).unwrap();
        let jacobian = gradient.jacobian(&net, &x).unwrap();
        let width = encoding.inputs();
        for (row, jacobian) in jacobian.chunks(2 * width).enumerate() {
            for column in 0..width {
                let by_output = |o: usize| {
                    (predicted[2 * row + o] - y[2 * row + o]) * jacobian[o * width + column]
                };
                let chained = (by_output(0) + by_output(1)) / 6.0;
                agree("Jacobian", row, chained, inputs[row * width + column]);
            }
        }
    }
}

/// Returns the sum over corners by the documented formulas, written without blocks.
fn grid_by_formula(s: &GridSettings, params: &[f64], x: &[f64]) -> Vec<f64> {
    let (mut outputs, mut rest) = (Vec::new(), params);
    for level in 0..s.levels {
        let growth =
            (s.finest as f64 / s.coarsest as f64).powf(level as f64 / (s.levels - 1) as f64);
        let cells = (s.coarsest as f64 * growth).round() as usize;
        let dense = (cells + 1).pow(s.inputs as u32);
        let entries = dense.min(s.max_entries);
        let mut sum = vec![0.0; s.features];
        for corner in 0..1 << s.inputs {
            let (mut weight, mut index, mut stride, mut hash) = (1.0, 0, 1, 0_u32);
            for (k, &x) in x.iter().enumerate() {
                let cell = ((x * cells as f64) as usize).min(cells - 1);
                let t = x * cells as f64 - cell as f64;
                let t = match s.interpolation {
                    Interpolation::Smoothstep => t * t * (3.0 - 2.0 * t),
                    _ => t,
                };
                let upper = corner >> k & 1;
                weight *= if upper == 1 { t } else { 1.0 - t };
                index += (cell + upper) * stride;
                stride *= cells + 1;
                let factor = [1, 2_654_435_761, 805_459_861, 3_674_653_429_u32][k];
                hash ^= ((cell + upper) as u32).wrapping_mul(factor);
            }
            if dense > s.max_entries {
                index = hash as usize % s.max_entries;
            }
            for (sum, e) in sum.iter_mut().zip(&rest[index * s.features..]) {
                *sum += weight * e;
            }
        }
        outputs.extend(sum);
        rest = &rest[entries * s.features..];
    }
    assert!(rest.is_empty());
    outputs
}

#[test]
fn a_grid_is_its_formula() {
    for inputs in 1..=4 {
        for interpolation in [Interpolation::Linear, Interpolation::Smoothstep] {
            for features in [1, 2, 4, 8] {
                let grid = grid(inputs, |s| {
                    (s.interpolation, s.features) = (interpolation, features);
                });
                let len = Encoding::<f64>::params_len(&grid);
                let (params, _) = data::<f64>(len, 1);
                let (mut x, _) = data::<f64>(130, inputs);
                // Bounds and vertices.
                x.extend([0.0, 1.0, 1.0 / 3.0, 0.5].iter().cycle().take(4 * inputs));
                let got = grid.encode(&params, &x).unwrap();
                for (x, got) in x.chunks(inputs).zip(got.chunks(4 * features)) {
                    let expected = grid_by_formula(grid.settings(), &params, x);
                    for (a, b) in got.iter().zip(expected) {
                        assert!((a - b).abs() < 1e-13, "{inputs} {features}: {a} {b}");
                    }
                }
            }
        }
    }
}

fn encodings_are_bit_identical<T: Float>() {
    for encoding in all::<T>() {
        let net = network(&encoding);
        let (x, y) = data_for::<T>(700, &*encoding);
        let mut alone = GradientWorkspace::new(&net).with_input_gradient();
        let loss = alone.compute(&net, &x, &y, &SquaredError).unwrap();
        let name = encoding.name();
        for threads in [2, 3, 8] {
            let mut gradient = GradientWorkspace::new(&net).threads(threads).unwrap();
            assert_eq!(gradient.compute(&net, &x, &y, &SquaredError), Ok(loss));
            // Twice, because the second starts with used buffers.
            assert_eq!(gradient.compute(&net, &x, &y, &SquaredError), Ok(loss));
            assert_eq!(bits(gradient.values()), bits(alone.values()), "{name}");
        }
        for processes in [2, 3, 5] {
            let mut gradient = GradientWorkspace::new(&net);
            let (mut sum, mut losses) = (vec![T::zero(); net.params().len()], 0.0);
            for process in 0..processes {
                let shard = Shard::of_chunks(700, process, processes).unwrap();
                let width = net.inputs();
                let x = &x[shard.rows().start * width..shard.rows().end * width];
                let y = &y[shard.rows().start * 2..shard.rows().end * 2];
                let samples = Samples::new(x, y);
                gradient
                    .compute_shard(&net, &samples, &shard, &SquaredError)
                    .unwrap();
                for (chunk, loss) in gradient.partial_gradients() {
                    sum.iter_mut().zip(chunk).for_each(|(sum, &x)| *sum += x);
                    losses += loss;
                }
            }
            let whole = Shard::of_chunks(700, 0, 1).unwrap();
            let reduced = gradient.finish_reduction(&net, &sum, losses, &whole);
            assert_eq!(reduced, Ok(loss));
            assert_eq!(bits(gradient.values()), bits(alone.values()), "{name}");
        }

        // One sample, a few, and blocks.
        let whole = net.predict(&x).unwrap();
        let mut predictor = Predictor::new(&net).unwrap();
        for rows in [1, 5] {
            let width = net.inputs();
            let mut some = vec![T::zero(); 2 * rows];
            predictor
                .predict_into(&x[..rows * width], &mut some)
                .unwrap();
            assert_eq!(bits(&some), bits(&whole[..2 * rows]), "{name}");
        }
        let nan = vec![T::nan(); net.inputs()];
        let mut output = [T::zero(); 2];
        assert!(predictor.predict_into(&nan, &mut output).is_err(), "{name}");
    }
}

/// The only test that chooses a set, which applies to the whole process. Others compare no bits.
#[test]
fn results_are_bit_identical_on_every_set() {
    let before = InstructionSet::active();
    let mut first: Option<Vec<Vec<u64>>> = None;
    for set in InstructionSet::available() {
        set.activate().unwrap();
        encodings_are_bit_identical::<f32>();
        encodings_are_bit_identical::<f64>();
        a_resumed_run_is_bit_identical();
        if !set.is_fused() {
            continue;
        }
        let trained = all::<f32>().into_iter().map(|encoding| {
            let mut net = network(&encoding);
            let (x, y) = data_for(300, &*encoding);
            let trainer = Trainer::new(SquaredError, Adam::new(0.01)).epochs(3);
            trainer.fit(&mut net, &x, &y).unwrap();
            bits(net.params())
        });
        let trained = trained.collect();
        assert!(
            *first.get_or_insert_with(|| Vec::clone(&trained)) == trained,
            "{set}"
        );
    }
    before.activate().unwrap();
}

fn a_resumed_run_is_bit_identical() {
    for encoding in all::<f32>() {
        let (x, y) = data_for(250, &*encoding);
        let trainer = Trainer::new(SquaredError, Muon::new(0.01)).batch_size(100);
        let mut whole = network(&encoding);
        trainer.clone().epochs(4).fit(&mut whole, &x, &y).unwrap();
        let mut net = network(&encoding);
        let mut state = trainer.init_state(&net).unwrap();
        let half = trainer.clone().epochs(2);
        half.resume(&mut net, &mut state, &Samples::new(&x, &y))
            .unwrap();
        let bytes = state.to_bytes(&half, &net).unwrap();
        let mut net = network(&encoding);
        let trainer = trainer.epochs(4);
        let mut state = TrainerState::from_bytes(&bytes, &trainer, &mut net).unwrap();
        trainer
            .resume(&mut net, &mut state, &Samples::new(&x, &y))
            .unwrap();
        assert_eq!(
            bits(net.params()),
            bits(whole.params()),
            "{}",
            encoding.name()
        );
    }
}

#[test]
fn files_hold_encodings() {
    for encoding in all::<f32>() {
        let net = network(&encoding);
        let read = Mlp::<f32>::from_bytes(&net.to_bytes().unwrap()).unwrap();
        assert!(read.is_shaped_like(&net), "{}", encoding.name());
        assert_eq!(bits(read.params()), bits(net.params()));
        let parsed = encoding::parse(&encoding.name(), encoding.constants()).unwrap();
        assert_eq!(format!("{parsed:?}"), format!("{encoding:?}"));
    }
}

#[test]
fn a_folded_scale_predicts_the_same() {
    let scaled = |encoding| -> Arc<dyn Encoding<f64>> { Arc::new(Scaled::new(encoding).unwrap()) };
    let identity = Arc::new(encoding::Identity::new(3).unwrap());
    let members: [Arc<dyn Encoding<f64>>; 3] = [identity, Arc::new(concat()), scaled_twice()];
    for inner in members {
        let net = network(&scaled(inner.clone()));
        let (x, _) = data_for(20, &*inner);
        let plain = net.fold_scale().unwrap();
        let expected = net.predict(&x).unwrap();
        for (got, expected) in plain.predict(&x).unwrap().iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        }
        let scale = if inner.inputs() == 2 {
            4
        } else {
            inner.outputs()
        };
        assert_eq!(plain.params().len(), net.params().len() - scale);
        assert_eq!(plain.layout().len(), plain.params().len());
        let left = plain.encoding().map(Encoding::name);
        let expected = Some(inner.name()).filter(|name| name.starts_with("concat"));
        assert_eq!(left, expected);
        let error = plain.fold_scale().unwrap_err();
        assert!(
            error.to_string().contains("scale of the network's inputs"),
            "{error}"
        );
    }
}

/// Returns a scale of two inputs, in another one.
fn scaled_twice() -> Arc<dyn Encoding<f64>> {
    Arc::new(Scaled::new(encoding::Identity::new(2).unwrap()).unwrap())
}

#[test]
fn a_scale_is_bounded_and_a_file_cannot_hide_that() {
    let wide = |inputs| encoding::Identity::new(inputs).unwrap();
    assert!(Scaled::<f32>::new(wide(1 << 20)).is_ok());
    assert!(Scaled::<f32>::new(OneBlob::new(1, 4096).unwrap()).is_ok());
    let error = Scaled::<f32>::new(OneBlob::new(1, 4097).unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "outputs of a scaled encoding: expected at most 4096, got 4097"
    );
    let parse = |name: &str| encoding::parse::<f32>(name, &[]);
    let nested = parse(" scaled( concat(scaled(identity(inputs=2)), constants=0) )").unwrap();
    assert_eq!(
        nested.name(),
        "scaled(concat(scaled(identity(inputs=2)), constants=0))"
    );
    let deep = format!(
        "{}identity(inputs=1){}",
        "scaled(".repeat(15),
        ")".repeat(15)
    );
    assert_eq!(parse(&deep).unwrap().params_len(), 15);
    for bad in [
        "scaled".to_string(),
        "scaled()".to_string(),
        "scaled(identity(inputs=1)".to_string(),
        "scaled(identity(inputs=1), identity(inputs=1))".to_string(),
        "scaled(one_blob(inputs=1, bins=5000))".to_string(),
        format!("scaled({deep})"),
    ] {
        assert!(parse(&bad).is_err(), "{bad}");
    }
    assert!(encoding::parse::<f32>("scaled(identity(inputs=1))", &[1.0]).is_err());
}

#[test]
fn categories_that_no_sample_has_keep_their_vectors() {
    let categories = Categories::new(&[(4000, 5)]).unwrap();
    let builder = Mlp::<f64>::builder(1).encoding(categories);
    let mut net = builder.output(2, Identity).build().unwrap();
    let before = net.params()[net.layout().encoding()].to_vec();
    let x: Vec<f64> = (0..400).map(f64::from).collect();
    let trainer = Trainer::new(SquaredError, Adam::new(0.01)).epochs(3);
    trainer.fit(&mut net, &x, &data(400, 1).1).unwrap();
    let after = &net.params()[net.layout().encoding()];
    for (row, (before, after)) in before.chunks(5).zip(after.chunks(5)).enumerate() {
        assert_eq!(before == after, row >= 400, "{row}");
    }
    // The row of unknown numbers is the last.
    assert_eq!(after[5 * 4000..], [0.0; 5]);
}

/// Encoding that returns NaN for inputs above 0.9.
#[derive(Debug)]
struct Root;

impl Encoding<f64> for Root {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn name(&self) -> Cow<'static, str> {
        "root".into()
    }
    fn encode_sample(&self, _: &[f64], inputs: &[f64], outputs: &mut [f64]) {
        outputs[0] = (0.9 - inputs[0]).sqrt();
    }
    fn add_input_gradient(&self, _: &[f64], _: &[f64], _: &[f64], _: &mut [f64]) {}
}

#[test]
fn an_encoding_that_fails_is_named() {
    let build = |encoding: Arc<dyn Encoding<f64>>| {
        let builder = Mlp::builder(1).encoding(encoding).hidden(3, Tanh);
        builder.output(1, Identity).build().unwrap()
    };
    let trainer = Trainer::new(SquaredError, Adam::new(0.01)).epochs(2);
    let x: Vec<f64> = (0..100).map(|i| f64::from(i) / 100.0).collect();
    let mut net = build(Arc::new(Root));
    let error = trainer.fit(&mut net, &x, &x).unwrap_err();
    assert!(
        matches!(&error, Error::Diverged { what: "encoded input", cause, .. }
            if matches!(cause, DivergenceCause::Encoding { value } if value.is_nan())),
        "{error}"
    );
    let message = error.to_string();
    assert!(
        message.contains("the encoding, which returned NaN"),
        "{message}"
    );

    // Inputs may be too large for a built-in encoding.
    for encoding in [
        Arc::new(periodic(1, 5, 3)) as Arc<dyn Encoding<f64>>,
        Arc::new(Fourier::new(1, 3, 1.5, 5).unwrap()),
        Arc::new(Positional::new(1, 2).unwrap()),
    ] {
        let mut net = build(encoding);
        let error = net.predict(&[0.5, 1e308]).unwrap_err();
        assert!(
            error.to_string().starts_with("encoded input at layer 0"),
            "{error}"
        );
        let error = trainer
            .fit(&mut net, &[0.5, 1e308], &[0.0, 1.0])
            .unwrap_err();
        assert!(
            error.to_string().contains("the encoding, which returned"),
            "{error}"
        );
    }
}

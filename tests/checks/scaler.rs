//! Scaling of columns, and folding it into a network.

use feedforward::activation::{Glu, Identity, Maxout, Relu, SwiGlu, Tanh};
use feedforward::{Error, Float, Layer, Mlp, Scaler};
use proptest::prelude::*;

/// Returns half the distance from 1 to the next number, the relative error of one rounding.
fn unit<T: Float>() -> f64 {
    T::epsilon().as_f64() / 2.0
}

fn convert<T: Float>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&x| T::from_f64(x)).collect()
}

#[test]
fn statistics_by_hand() {
    let data = [1.0_f32, -5.0, 0.1, 3.0, -5.0, 0.1, 8.0, -5.0, 0.1];
    let standard = Scaler::standard(&data, 3).unwrap();
    assert_eq!(standard.offsets(), [4.0, -5.0, 0.1]);
    // The variance is (9 + 1 + 16) / 3. Equal numbers have none, even if their mean is rounded.
    assert_eq!(
        standard.scales(),
        [(26.0_f64 / 3.0).sqrt() as f32, 1.0, 1.0]
    );
    let scaled = standard.transform(&data).unwrap();
    assert_eq!(scaled[1..3], [0.0, 0.0]);

    let range = Scaler::min_max(&data, 3, 0.0..=1.0).unwrap();
    assert_eq!(
        (range.offsets(), range.scales()),
        (&[1.0, -5.0, 0.1][..], &[7.0, 1.0, 1.0][..])
    );
    // A constant column maps to the start of the range, with a factor of high - low.
    let range = Scaler::min_max(&data, 3, -2.0..=2.0).unwrap();
    assert_eq!(range.scales(), [7.0 / 4.0, 0.25, 0.25]);
    assert_eq!(range.transform(&data[..2 * 3]).unwrap()[1], -2.0);
    assert_eq!(
        range.inverse_transform(&[-2.0, -2.0, 0.0]).unwrap()[..2],
        [1.0, -5.0]
    );
}

/// A column counts as constant if its squares underflow, or its deviation does in its own type.
#[test]
fn tiny_columns() {
    let scaler = Scaler::standard(&[0.0, 1e-200], 1).unwrap();
    assert_eq!(scaler.scales(), [1.0]);
    let least = f32::from_bits(1);
    let scaler = Scaler::standard(&[0.0, 0.0, 0.0, 0.0, least], 1).unwrap();
    assert_eq!(scaler.scales(), [1.0]);
    let scaler = Scaler::min_max(&[0.0, least], 1, 0.0..=4.0).unwrap();
    assert_eq!(scaler.scales(), [0.25]);
}

/// Nearly equal numbers differ only by rounding. Dividing by this spread would scale others to
/// 1e14.
#[test]
fn rounding_is_no_spread() {
    fn check<T: Float>(values: &[T]) {
        let one = T::one();
        let mean = values.iter().map(|x| x.as_f64()).sum::<f64>() / values.len() as f64;
        for sign in [one, -one] {
            // The values are tested beside a column with a spread, and in both orders.
            let data: Vec<T> = values
                .iter()
                .enumerate()
                .flat_map(|(i, &x)| [sign * x, T::from_f64(i as f64)])
                .collect();
            let standard = Scaler::standard(&data, 2).unwrap();
            assert_eq!(standard.scales()[0], one, "{values:?}");
            assert!(standard.scales()[1] != one);
            let near = standard
                .transform(&[sign * T::from_f64(mean + 0.01), one])
                .unwrap()[0];
            assert!(
                (near - sign * T::from_f64(0.01)).abs() < T::from_f64(1e-5),
                "{near}"
            );
            let range = Scaler::min_max(&data, 2, -2.0..=2.0).unwrap();
            assert_eq!(range.scales()[0], T::from_f64(0.25), "{values:?}");
        }
    }
    fn neighbors<T: Float>(x: f64) -> Vec<T> {
        let ulp = T::epsilon().as_f64();
        [0.0, 1.0, -1.0, 2.0]
            .map(|k| T::from_f64(x * (1.0 + k * ulp)))
            .to_vec()
    }
    check(&[0.3, 0.1 + 0.2, 0.3]);
    check(&[0.1 + 0.2, 0.3]);
    check(&[0.7_f32, 0.1 + 0.6, 0.3 + 0.4, 0.7]);
    check(&[0.7, 0.1 + 0.6, 0.3 + 0.4, 0.9 - 0.2]);
    for x in [0.7, 1.0, 1e6, 1e30, 1e-20] {
        let mut many = neighbors::<f64>(x);
        assert_eq!(Scaler::standard(&many, 1).unwrap().scales(), [1.0]);
        many = many.repeat(1000);
        assert_eq!(Scaler::standard(&many, 1).unwrap().scales(), [1.0]);
        assert_eq!(
            Scaler::standard(&neighbors::<f32>(x), 1).unwrap().scales(),
            [1.0]
        );
    }

    // A real spread far from zero remains a spread, for any number of samples.
    let times: Vec<f64> = (0..100_000)
        .map(|i| 1.7e9 + f64::from(i % 2) * 1e-3)
        .collect();
    let scale = Scaler::standard(&times, 1).unwrap().scales()[0];
    assert!((scale - 5e-4).abs() < 1e-5, "{scale}");
    let heights: Vec<f32> = (0..100_000)
        .map(|i| 100.0 + (i % 2) as f32 * 0.01)
        .collect();
    let scale = Scaler::standard(&heights, 1).unwrap().scales()[0];
    assert!((scale - 5e-3).abs() < 1e-4, "{scale}");
}

/// Each column's sums are bit-identical to those of the column alone.
#[test]
fn columns_do_not_depend_on_their_neighbors() {
    const WIDTH: usize = 37;
    let data: Vec<f64> = (0..WIDTH * 50)
        .map(|i| (i as f64 * 0.7).sin() * 1e3 + 0.1 * i as f64)
        .collect();
    let standard = Scaler::standard(&data, WIDTH).unwrap();
    let range = Scaler::min_max(&data, WIDTH, -1.0..=1.0).unwrap();
    for column in 0..WIDTH {
        let alone: Vec<f64> = data[column..].iter().step_by(WIDTH).copied().collect();
        for (scaler, alone) in [
            (&standard, Scaler::standard(&alone, 1).unwrap()),
            (&range, Scaler::min_max(&alone, 1, -1.0..=1.0).unwrap()),
        ] {
            let own = (scaler.offsets()[column], scaler.scales()[column]);
            assert_eq!(own, (alone.offsets()[0], alone.scales()[0]));
        }
    }
}

#[test]
fn bad_input_is_an_error() {
    let message = |result: Result<Scaler<f64>, Error>| result.unwrap_err().to_string();
    let rows = "data: expected one or more rows of 2 values, got 3 values";
    assert_eq!(message(Scaler::standard(&[0.0; 3], 2)), rows);
    assert_eq!(message(Scaler::min_max(&[0.0; 3], 2, 0.0..=1.0)), rows);
    assert!(Scaler::<f64>::standard(&[], 1).is_err() && Scaler::standard(&[1.0], 0).is_err());
    let data = [0.0, 1.0, f64::NAN];
    let nan = "data: expected finite numbers, got NaN at row 2, column 0";
    assert_eq!(message(Scaler::standard(&data, 1)), nan);
    assert_eq!(message(Scaler::min_max(&data, 1, 0.0..=1.0)), nan);
    let end = "end of the range: expected a finite number above its start, 1, got 1";
    assert_eq!(message(Scaler::min_max(&[0.0], 1, 1.0..=1.0)), end);
    let far = f64::MAX;
    for (low, high) in [
        (f64::NAN, 1.0),
        (f64::NEG_INFINITY, 1.0),
        (0.0, f64::NAN),
        (-far, far),
    ] {
        assert!(
            Scaler::min_max(&[0.0, 1.0], 1, low..=high).is_err(),
            "{low} {high}"
        );
    }
    // The squares of these numbers overflow, and so does their distance.
    assert!(matches!(
        Scaler::standard(&[1e200, 0.0], 1),
        Err(Error::NotFinite { .. })
    ));
    let ends = [f64::MAX, -f64::MAX];
    assert!(matches!(
        Scaler::min_max(&ends, 1, 0.0..=1.0),
        Err(Error::NotFinite { .. })
    ));

    let zero = "scale: expected a number other than 0, got 0";
    assert_eq!(message(Scaler::from_parts([0.0, 0.0], [1.0, 0.0])), zero);
    assert!(message(Scaler::from_parts([0.0], [-0.0])).starts_with("scale"));
    let length = "scales: expected 2 values, got 1";
    assert_eq!(message(Scaler::from_parts([0.0, 0.0], [1.0])), length);
    assert!(Scaler::<f64>::from_parts([], []).is_err());
    assert!(Scaler::from_parts([f64::NAN], [1.0]).is_err());
    assert!(Scaler::from_parts([0.0], [f64::INFINITY]).is_err());
}

#[test]
fn samples_stay_as_they_are_on_an_error() {
    let scaler = Scaler::from_parts([1.0, 0.0], [1.0, 1e-300]).unwrap();
    let mut samples = [2.0, 1.0, 3.0, 1e10];
    let before = samples;
    let message = "scaled samples: expected finite numbers, got inf at row 1, column 1";
    let error = scaler.transform_in_place(&mut samples).unwrap_err();
    assert_eq!((error.to_string().as_str(), samples), (message, before));
    assert_eq!(scaler.transform(&samples).unwrap_err(), error);
    let large = Scaler::from_parts([1.0, 0.0], [1.0, 1e300]).unwrap();
    let error = large.inverse_transform_in_place(&mut samples).unwrap_err();
    assert_eq!((error.to_string().as_str(), samples), (message, before));
    samples[3] = f64::NAN;
    for scale in [Scaler::transform, Scaler::inverse_transform] {
        let error = scale(&scaler, &samples).unwrap_err().to_string();
        assert_eq!(
            error,
            "samples: expected finite numbers, got NaN at row 1, column 1"
        );
        let error = scale(&scaler, &samples[..3]).unwrap_err();
        assert!(matches!(
            error,
            Error::Rows {
                width: 2,
                got: 3,
                ..
            }
        ));
    }
}

fn pair(w: f32, activation: impl feedforward::Activation<f32> + 'static) -> Mlp<f32> {
    let first = Layer::new([w, 2.0, 0.5, 1.0], [1.0, 3.0], Relu).unwrap();
    let last = Layer::new([1.0, -2.0], [w], activation).unwrap();
    Mlp::from_layers(&[first, last]).unwrap()
}

/// Scales are powers of two, so that nothing is rounded.
#[test]
fn folding_by_hand() {
    let mut net = pair(4.0, Identity);
    let inputs = Scaler::from_parts([10.0, -1.0], [2.0, 0.25]).unwrap();
    inputs.fold_into_inputs(&mut net).unwrap();
    // The folded parameters are W / scale and b - W offset / scale.
    let first = net.layer(0).unwrap();
    assert_eq!(first.weights(), [2.0, 8.0, 0.25, 4.0]);
    assert_eq!(first.bias(), [1.0 - 20.0 + 8.0, 3.0 - 2.5 + 4.0]);
    let outputs = Scaler::from_parts([100.0], [-8.0]).unwrap();
    outputs.fold_into_outputs(&mut net).unwrap();
    let last = net.layer(1).unwrap();
    assert_eq!(
        (last.weights(), last.bias()),
        (&[-8.0, 16.0][..], &[68.0][..])
    );
    assert_eq!(net.layer(0).unwrap().weights()[0], 2.0);
}

/// A neuron with several pieces has several rows to fold into.
#[test]
fn folding_reaches_every_piece() {
    let scaler = Scaler::from_parts([3.0, -1.0], [2.0, 0.5]).unwrap();
    let raw = [4.0, -0.5, 1.0, -1.5, 3.0, -1.0];
    let fold = |builder: feedforward::MlpBuilder<f64>| {
        let mut net = builder.output(1, Identity).seed(2).build().unwrap();
        for (i, bias) in (1..).zip(net.layer_mut(0).unwrap().bias_mut()) {
            *bias = 0.1 * f64::from(i);
        }
        let scaled = net.predict(&scaler.transform(&raw).unwrap()).unwrap();
        scaler.fold_into_inputs(&mut net).unwrap();
        for (got, expected) in net.predict(&raw).unwrap().iter().zip(scaled) {
            assert!((got - expected).abs() < 1e-13, "{got} {expected}");
        }
    };
    fold(Mlp::builder(2).hidden(5, Maxout::new(3)));
    fold(Mlp::builder(2).hidden(5, Glu));
    fold(Mlp::builder(2).hidden(5, SwiGlu));
}

#[test]
fn a_network_stays_as_it_is_on_an_error() {
    let two = |scale| Scaler::from_parts([0.0, 0.0], [scale, 1.0]).unwrap();
    let one = |scale| Scaler::from_parts([0.0], [scale]).unwrap();
    let check = |net: &Mlp<f32>, fold: &dyn Fn(&mut Mlp<f32>) -> Result<(), Error>| {
        let mut folded = net.clone();
        let error = fold(&mut folded).unwrap_err().to_string();
        let bits = |net: &Mlp<f32>| net.params().iter().map(|p| p.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&folded), bits(net));
        error
    };
    let net = pair(1.0, Identity);
    let width = "columns of the scaler: expected 2 values, got 1";
    assert_eq!(check(&net, &|net| one(2.0).fold_into_inputs(net)), width);
    let width = "columns of the scaler: expected 1 values, got 2";
    assert_eq!(check(&net, &|net| two(2.0).fold_into_outputs(net)), width);

    let large = pair(1e30, Identity);
    let error = check(&large, &|net| two(1e-20).fold_into_inputs(net));
    assert_eq!(
        error,
        "folded parameter at layer 0: expected finite numbers, got inf"
    );
    let error = check(&large, &|net| one(1e20).fold_into_outputs(net));
    assert_eq!(
        error,
        "folded parameter at layer 1: expected finite numbers, got inf"
    );
    // A bias may overflow even if all weights are finite.
    let far = Scaler::from_parts([1e20, 0.0], [1.0, 1.0]).unwrap();
    let error = check(&large, &|net| far.fold_into_inputs(net));
    assert_eq!(
        error,
        "folded parameter at layer 0: expected finite numbers, got -inf"
    );

    let nan = pair(f32::NAN, Identity);
    let parameters = "parameters: expected finite numbers, got NaN at index 0";
    assert_eq!(
        check(&nan, &|net| two(2.0).fold_into_inputs(net)),
        parameters
    );
    assert_eq!(
        check(&nan, &|net| one(2.0).fold_into_outputs(net)),
        parameters
    );

    let error = check(&pair(1.0, Tanh), &|net| one(2.0).fold_into_outputs(net));
    assert_eq!(
        error,
        "activation of the last layer: expected identity, got tanh"
    );
    two(2.0).fold_into_inputs(&mut pair(1.0, Tanh)).unwrap();
}

/// Sizes and numbers of a network, a scaler, and samples in units of its scales.
#[derive(Debug, Clone)]
struct Case {
    sizes: Vec<usize>,
    params: Vec<f64>,
    offsets: Vec<f64>,
    scales: Vec<f64>,
    samples: Vec<f64>,
}

/// Returns cases whose scaler is as wide as the inputs or, if `outputs`, as the outputs.
fn cases(outputs: bool) -> impl Strategy<Value = Case> {
    let sizes = proptest::collection::vec(1_usize..12, 2..5);
    sizes.prop_flat_map(move |sizes| {
        let count: usize = sizes.windows(2).map(|pair| (pair[0] + 1) * pair[1]).sum();
        let width = if outputs {
            sizes[sizes.len() - 1]
        } else {
            sizes[0]
        };
        let scale = (-2.0..2.0, any::<bool>()).prop_map(|(lg, minus)| {
            let scale = 10_f64.powf(lg);
            if minus { -scale } else { scale }
        });
        let samples = 3 * sizes[0];
        (
            Just(sizes),
            proptest::collection::vec(-2.0..2.0, count),
            proptest::collection::vec(-1e3..1e3, width),
            proptest::collection::vec(scale, width),
            proptest::collection::vec(-3.0..3.0, samples),
        )
            .prop_map(|(sizes, params, offsets, scales, samples)| Case {
                sizes,
                params,
                offsets,
                scales,
                samples,
            })
    })
}

impl Case {
    fn network<T: Float>(&self) -> Mlp<T> {
        let (last, hidden) = self.sizes[1..].split_last().unwrap();
        let mut builder = Mlp::builder(self.sizes[0]);
        for &width in hidden {
            builder = builder.hidden(width, Relu);
        }
        let mut net = builder.output(*last, Identity).build().unwrap();
        net.set_params(&convert(&self.params)).unwrap();
        net
    }

    fn scaler<T: Float>(&self) -> Scaler<T> {
        let (offsets, scales) = (convert(&self.offsets), convert(&self.scales));
        Scaler::from_parts(offsets, scales).unwrap()
    }
}

/// Returns |b| + Σ |w| x for each neuron. If `scales` are given, they divide the weights first.
fn magnitudes<T: Float>(layer: &Layer<T, &[T]>, x: &[f64], scales: Option<&[T]>) -> Vec<f64> {
    let scale = |column: usize| scales.map_or(1.0, |scales| scales[column].as_f64().abs());
    let rows = layer.weights().chunks(layer.inputs());
    rows.zip(layer.bias())
        .map(|(row, b)| {
            let products = row.iter().zip(x).enumerate();
            let sum: f64 = products
                .map(|(k, (w, x))| w.as_f64().abs() * x / scale(k))
                .sum();
            b.as_f64().abs() + sum
        })
        .collect()
}

/// Returns a first-order bound for the effect of folding on predictions, in units u of rounding.
///
/// A sum of n products and a bias has n + 1 roundings. Each is at most u · M, with M the sum of the
/// magnitudes. For the first layer, let
///
/// ```text
/// M = |b| + Σ |w / s| (|x| + |o|)
/// ```
///
/// M bounds the magnitudes of W x' + b, of W' x + b', and of the fold's own sum b - W' o. These
/// sums contribute 3 (n + 1) u M. Four more roundings contribute 4 u M: two of x' (difference and
/// quotient), one of w' and one of b'. That of w' multiplies x - o, because b' is computed from the
/// rounded w'. The total is (3 n + 7) u M.
///
/// ReLU does not enlarge differences. In later layers, both networks have equal weights.
/// Differences e of a layer's n inputs become Σ |w| e. Each network's own roundings add
///
/// ```text
/// (n + 1) u (|b| + Σ |w| |y|)
/// ```
fn input_bound<T: Float>(net: &Mlp<T>, scaler: &Scaler<T>, x: &[T], scaled: &[T]) -> Vec<f64> {
    let u = unit::<T>();
    let mut y = scaled.to_vec();
    let mut bound = Vec::new();
    for (index, layer) in net.layers().enumerate() {
        let n = layer.inputs() as f64;
        bound = if index == 0 {
            let pairs = x.iter().zip(scaler.offsets());
            let sizes: Vec<_> = pairs
                .map(|(x, o)| x.as_f64().abs() + o.as_f64().abs())
                .collect();
            let magnitudes = magnitudes(&layer, &sizes, Some(scaler.scales()));
            magnitudes
                .iter()
                .map(|m| (3.0 * n + 7.0) * u * m)
                .collect::<Vec<_>>()
        } else {
            let no_bias = vec![T::zero(); layer.bias().len()];
            let carried = Layer::new(layer.weights(), no_bias, Identity).unwrap();
            let carried = Mlp::from_layers(&[carried]).unwrap();
            let carried = magnitudes(&carried.layer(0).unwrap(), &bound, None);
            let sizes: Vec<_> = y
                .iter()
                .zip(&bound)
                .map(|(y, e)| y.as_f64().abs() + e)
                .collect();
            let own = magnitudes(&layer, &sizes, None);
            carried
                .iter()
                .zip(&own)
                .map(|(e, m)| e + 2.0 * (n + 1.0) * u * m)
                .collect()
        };
        y = layer.output(&y).unwrap();
    }
    bound
}

/// Returns the corresponding bound for outputs transformed by the inverse.
///
/// ```text
/// N = |s| (|b| + Σ |w y|) + |o|
/// ```
///
/// The sums of n products and a bias contribute 2 (n + 1) u N, one for each network. The inverse
/// has two roundings, and b' has two (product and sum), one of which also applies to w'. The total
/// is (2 n + 6) u N.
fn output_bound<T: Float>(net: &Mlp<T>, scaler: &Scaler<T>, x: &[T]) -> Vec<f64> {
    let mut y = x.to_vec();
    let mut sizes = Vec::new();
    for layer in net.layers() {
        let inputs: Vec<_> = y.iter().map(|y| y.as_f64().abs()).collect();
        sizes = magnitudes(&layer, &inputs, None);
        y = layer.output(&y).unwrap();
    }
    let n = net.layers().last().unwrap().inputs() as f64;
    let parts = scaler.scales().iter().zip(scaler.offsets());
    sizes
        .iter()
        .zip(parts)
        .map(|(m, (s, o))| {
            (2.0 * n + 6.0) * unit::<T>() * (s.as_f64().abs() * m + o.as_f64().abs())
        })
        .collect()
}

/// Checks the bound. Terms of higher order are less than a hundredth of it.
fn check<T: Float>(got: &[T], expected: &[T], bound: &[f64]) -> Result<(), TestCaseError> {
    for ((got, expected), bound) in got.iter().zip(expected).zip(bound) {
        let difference = (got.as_f64() - expected.as_f64()).abs();
        prop_assert!(difference <= 1.01 * bound, "{got} {expected} {bound:e}");
    }
    Ok(())
}

fn inputs_fold<T: Float>(case: &Case) -> Result<(), TestCaseError> {
    let (net, scaler) = (case.network::<T>(), case.scaler::<T>());
    let width = net.inputs();
    let raw = scaler.inverse_transform(&convert(&case.samples)).unwrap();
    let scaled = scaler.transform(&raw).unwrap();
    let mut folded = net.clone();
    scaler.fold_into_inputs(&mut folded).unwrap();
    for (x, scaled) in raw.chunks(width).zip(scaled.chunks(width)) {
        let bound = input_bound(&net, &scaler, x, scaled);
        check(
            &folded.predict(x).unwrap(),
            &net.predict(scaled).unwrap(),
            &bound,
        )?;
    }
    Ok(())
}

fn outputs_fold<T: Float>(case: &Case) -> Result<(), TestCaseError> {
    let (net, scaler) = (case.network::<T>(), case.scaler::<T>());
    let samples = convert::<T>(&case.samples);
    let mut folded = net.clone();
    scaler.fold_into_outputs(&mut folded).unwrap();
    for x in samples.chunks(net.inputs()) {
        let expected = scaler.inverse_transform(&net.predict(x).unwrap()).unwrap();
        let bound = output_bound(&net, &scaler, x);
        check(&folded.predict(x).unwrap(), &expected, &bound)?;
    }
    Ok(())
}

/// x' s is x - o up to three roundings, and adding o rounds once more.
fn comes_back<T: Float>(case: &Case) -> Result<(), TestCaseError> {
    let scaler = case.scaler::<T>();
    let raw = scaler.inverse_transform(&convert(&case.samples)).unwrap();
    let mut back = scaler.transform(&raw).unwrap();
    scaler.inverse_transform_in_place(&mut back).unwrap();
    let bounds: Vec<_> = raw
        .iter()
        .zip(scaler.offsets().iter().cycle())
        .map(|(x, o)| unit::<T>() * (3.0 * (x.as_f64() - o.as_f64()).abs() + x.as_f64().abs()))
        .collect();
    check(&back, &raw, &bounds)
}

/// Checks offsets and scales.
///
/// Each of them is rounded once, and a scaled number at most twice. Let o be the largest offset or
/// number, and s the scale. All errors are below 4 u (|o| / s + 1). The second term covers the
/// numbers themselves, which are at most some tens of scales.
fn statistics<T: Float>(data: &[f64]) -> Result<(), TestCaseError> {
    let data = convert::<T>(data);
    prop_assume!(data.iter().any(|x| *x != data[0]));
    let largest = data.iter().fold(0.0, |m, x| f64::max(m, x.as_f64().abs()));
    let rows = data.len() as f64;
    let near =
        |x: f64, y: f64, s: T| (x - y).abs() <= 4.0 * unit::<T>() * (largest / s.as_f64() + 40.0);

    let scaler = Scaler::standard(&data, 1).unwrap();
    let s = scaler.scales()[0];
    let scaled = scaler.transform(&data).unwrap();
    let mean = scaled.iter().map(|x| x.as_f64()).sum::<f64>() / rows;
    let deviation = (scaled.iter().map(|x| x.as_f64().powi(2)).sum::<f64>() / rows).sqrt();
    prop_assert!(
        near(mean, 0.0, s) && near(deviation, 1.0, s),
        "{mean} {deviation}"
    );

    let scaler = Scaler::min_max(&data, 1, -1.0..=3.0).unwrap();
    let scaled = scaler.transform(&data).unwrap();
    let s = scaler.scales()[0];
    let min = scaled.iter().fold(f64::INFINITY, |m, x| m.min(x.as_f64()));
    let max = scaled
        .iter()
        .fold(f64::NEG_INFINITY, |m, x| m.max(x.as_f64()));
    prop_assert!(near(min, -1.0, s) && near(max, 3.0, s), "{min} {max}");
    Ok(())
}

proptest! {
    #[test]
    fn folding_into_inputs_changes_rounding_alone(case in cases(false)) {
        inputs_fold::<f32>(&case)?;
        inputs_fold::<f64>(&case)?;
    }

    #[test]
    fn folding_into_outputs_changes_rounding_alone(case in cases(true)) {
        outputs_fold::<f32>(&case)?;
        outputs_fold::<f64>(&case)?;
    }

    #[test]
    fn the_inverse_brings_samples_back(case in cases(false)) {
        comes_back::<f32>(&case)?;
        comes_back::<f64>(&case)?;
    }

    #[test]
    fn columns_get_the_statistics_they_should(
        data in proptest::collection::vec(-10.0..10.0, 2..50),
        offset in -100.0..100.0
    ) {
        let data: Vec<_> = data.iter().map(|x| x + offset).collect();
        statistics::<f32>(&data)?;
        statistics::<f64>(&data)?;
    }
}

//! Initial parameters: pinned numbers, moments and orthogonality.

use feedforward::Mlp;
use feedforward::activation::{Identity, Sine};
use feedforward::init::{
    GlorotNormal, GlorotUniform, HeNormal, HeUniform, Initializer, LayerInfo, LeCunNormal,
    LeCunUniform, Orthogonal, Rng, ScikitLearn, Siren, Uniform, Zeros,
};
use rand::SeedableRng;

fn draw(initializer: &dyn Initializer, layer: &LayerInfo<'_>, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let rows = layer.outputs * layer.pieces;
    let mut weights = vec![0.0; layer.inputs * rows];
    let mut bias = vec![0.0; rows];
    let mut rng = Rng::seed_from_u64(seed);
    initializer.initialize(layer, &mut rng, &mut weights, &mut bias);
    (weights, bias)
}

fn layer(inputs: usize, outputs: usize) -> LayerInfo<'static> {
    let mut layer = LayerInfo::new(inputs, outputs);
    layer.gain = std::f64::consts::SQRT_2;
    layer.activation = "relu";
    layer.hidden_activation = Some("relu");
    layer
}

/// A seed yields equal parameters from release to release. A change that makes this test fail is
/// breaking.
#[test]
fn value_stability() {
    let pin = |initializer: &dyn Initializer, expected: [f64; 3]| {
        let (weights, bias) = draw(initializer, &layer(3, 2), 42);
        let got = [weights[0], weights[1], bias[1]];
        assert_eq!(
            got.map(f64::to_bits),
            expected.map(f64::to_bits),
            "{initializer:?}: {got:?}"
        );
    };
    pin(
        &GlorotUniform,
        [0.398_514_590_602_646_4, 0.986_503_991_488_217, 0.0],
    );
    pin(
        &GlorotNormal,
        [0.5266534111200103, -0.5743029351509104, 0.0],
    );
    pin(
        &HeUniform,
        [0.514_480_124_208_238_9, 1.273_571_176_667_002_6, 0.0],
    );
    pin(&HeNormal, [0.6799066301637093, -0.7414219011725047, 0.0]);
    pin(
        &LeCunUniform,
        [0.363_792_384_613_342_85, 0.900_550_815_344_968, 0.0],
    );
    pin(&LeCunNormal, [0.4807665887624529, -0.5242644540393003, 0.0]);
    pin(
        &Orthogonal::default(),
        [0.5400748283018217, -0.588938669238357, 0.0],
    );
    pin(
        &Uniform::new(-1.0, 3.0),
        [
            1.727_584_769_226_685_7,
            2.801_101_630_689_936,
            2.215_491_068_702_507_3,
        ],
    );
    pin(
        &ScikitLearn,
        [
            0.398_514_590_602_646_4,
            0.986_503_991_488_216_8,
            0.665_751_876_774_424_8,
        ],
    );
    pin(&Zeros, [0.0; 3]);
}

/// Returns mean, variance and largest magnitude of the weights.
fn moments(numbers: &[f64]) -> (f64, f64, f64) {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let largest = numbers.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    (mean, variance, largest)
}

#[test]
fn moments_are_those_of_the_papers() {
    let (inputs, outputs) = (300.0, 200.0);
    // The largest of 60,000 normal numbers is near 4.3 standard deviations.
    let cases: [(&dyn Initializer, f64, bool); 8] = [
        (&GlorotUniform, 2.0 / (inputs + outputs), true),
        (&GlorotNormal, 2.0 / (inputs + outputs), false),
        (&HeUniform, 2.0 / inputs, true),
        (&HeNormal, 2.0 / inputs, false),
        (&LeCunUniform, 1.0 / inputs, true),
        (&LeCunNormal, 1.0 / inputs, false),
        (&ScikitLearn, 2.0 / (inputs + outputs), true),
        (&Uniform::new(-3.0, 3.0), 3.0, true),
    ];
    for (initializer, expected, is_uniform) in cases {
        let (weights, bias) = draw(initializer, &layer(300, 200), 7);
        let (mean, variance, largest) = moments(&weights);
        let n = weights.len() as f64;
        assert!(
            mean.abs() < 4.0 * (expected / n).sqrt(),
            "{initializer:?}: mean {mean}"
        );
        assert!(
            (variance / expected - 1.0).abs() < 0.025,
            "{initializer:?}: variance {variance}, not {expected}"
        );
        let bound = largest / expected.sqrt();
        if is_uniform {
            assert!((1.72..=3.0_f64.sqrt()).contains(&bound), "{initializer:?}");
        } else {
            assert!((3.5..6.0).contains(&bound), "{initializer:?}: {bound}");
        }
        let draws_biases = bias.iter().all(|&b| b != 0.0);
        let has_none = bias.iter().all(|&b| b == 0.0);
        let name = format!("{initializer:?}");
        let expects = name.starts_with("Scikit") || name.starts_with("Uniform");
        assert!(
            if expects { draws_biases } else { has_none },
            "{name}: {bias:?}"
        );
    }
}

/// The sine of a standard normal number has a variance of 0.43. Biases bring it nearer to 0.5, the
/// variance for a uniform phase.
#[test]
fn siren_keeps_the_variance_through_its_layers() {
    for omega in [10.0, 30.0] {
        let net = Mlp::<f64>::builder(2)
            .hidden_layers(5, 256, Sine::new(omega))
            .output(1, Identity)
            .initializer(Siren { omega })
            .seed(3)
            .build()
            .unwrap();
        let inputs: Vec<f64> = (0..800)
            .map(|i| f64::from(i * 37 % 401) / 200.0 - 1.0)
            .collect();
        let mut values = inputs;
        for (depth, layer) in net.layers().enumerate().take(5) {
            let samples = values.chunks(layer.inputs());
            values = samples.flat_map(|x| layer.output(x).unwrap()).collect();
            let (mean, variance, _) = moments(&values);
            assert!(mean.abs() < 0.12, "layer {depth}: mean {mean}");
            assert!(
                (0.38..0.55).contains(&variance),
                "layer {depth}: variance {variance}"
            );
        }
    }
    let (weights, bias) = draw(&Siren::default(), &layer(400, 50), 1);
    let first = weights.iter().fold(0.0, |most: f64, w| most.max(w.abs()));
    assert!(first <= 1.0 / 400.0 && first > 0.99 / 400.0);
    assert!(bias.iter().all(|b| b.abs() <= 0.05));
}

#[test]
fn scikit_learn_asks_for_the_hidden_activation() {
    let largest = |hidden: Option<&str>| {
        let mut layer = layer(100, 100);
        layer.hidden_activation = hidden;
        let (weights, bias) = draw(&ScikitLearn, &layer, 1);
        (moments(&weights).2, moments(&bias).2)
    };
    for hidden in [None, Some("relu"), Some("tanh")] {
        let (weight, bias) = largest(hidden);
        let bound = (6.0_f64 / 200.0).sqrt();
        assert!(weight <= bound && weight > 0.999 * bound);
        assert!(bias <= bound && bias > 0.9 * bound);
    }
    let (weight, bias) = largest(Some("sigmoid"));
    let bound = (2.0_f64 / 200.0).sqrt();
    assert!(weight <= bound && weight > 0.999 * bound);
    assert!(bias <= bound && bias > 0.9 * bound);
}

#[test]
fn orthogonal_is_orthogonal() {
    for (inputs, outputs) in [
        (1, 1),
        (5, 5),
        (64, 64),
        (100, 30),
        (30, 100),
        (1, 9),
        (9, 1),
    ] {
        for gain in [1.0, 1.5] {
            let (w, bias) = draw(&Orthogonal { gain }, &layer(inputs, outputs), 3);
            assert!(bias.iter().all(|&b| b == 0.0));
            let at = |row: usize, column: usize| w[row * inputs + column];
            // The smaller one of W W^T and W^T W is the identity.
            let few = inputs.min(outputs);
            for i in 0..few {
                for j in 0..few {
                    let product: f64 = if outputs <= inputs {
                        (0..inputs).map(|k| at(i, k) * at(j, k)).sum()
                    } else {
                        (0..outputs).map(|k| at(k, i) * at(k, j)).sum()
                    };
                    let expected = if i == j { gain * gain } else { 0.0 };
                    assert!(
                        (product - expected).abs() < 1e-14 * gain * gain * 10.0,
                        "{inputs} x {outputs}: {product}"
                    );
                }
            }
        }
    }
}

/// Each piece has a separate matrix, and the first equals that of a layer with one piece.
#[test]
fn pieces_are_orthogonal_each() {
    for (inputs, outputs) in [(5, 5), (9, 4), (4, 9)] {
        let mut layer = layer(inputs, outputs);
        let (alone, _) = draw(&Orthogonal::default(), &layer, 3);
        layer.pieces = 3;
        let (all, _) = draw(&Orthogonal::default(), &layer, 3);
        for piece in 0..3 {
            let rows = all.chunks(inputs).skip(piece).step_by(3);
            let w: Vec<_> = rows.flatten().copied().collect();
            assert_eq!(w == alone, piece == 0);
            let squares: f64 = w.iter().map(|w| w * w).sum();
            assert!((squares - inputs.min(outputs) as f64).abs() < 1e-13);
        }
    }
}

/// Without the sign correction of the QR decomposition, a 1 x 1 matrix would always be equal.
#[test]
fn orthogonal_has_both_signs() {
    let signs = (0..100).map(|seed| draw(&Orthogonal::default(), &layer(1, 1), seed).0[0]);
    let sum: f64 = signs.sum();
    assert!(sum.abs() < 40.0, "{sum}");
}

#[test]
fn settings_outside_their_range_are_refused() {
    for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        assert!(Orthogonal { gain: bad }.check().is_err());
    }
    assert!(Uniform::new(1.0, 0.0).check().is_err());
    assert!(Uniform::new(f64::NAN, 0.0).check().is_err());
    assert!(Uniform::new(0.0, f64::INFINITY).check().is_err());
    assert!(Uniform::new(0.5, 0.5).check().is_ok());
    assert!(GlorotUniform.check().is_ok());
}

//! Parameters of activations have one range of valid values everywhere.

use std::sync::Arc;

use feedforward::activation::{
    self, Activation, Celu, Elu, HardShrink, HardSigmoid, Identity, LeakyRelu, Maxout, Sine,
    SoftShrink, Softplus, Squareplus,
};
use feedforward::{Error, Float, Layer, LayerSpec, Mlp, MlpRef, Neuron};

type Shared<T> = Arc<dyn Activation<T>>;

/// A network accepts exactly the parameters that can be written and read.
#[test]
fn parameters_are_checked_where_networks_are_built() {
    type Maker = fn(f64) -> (Shared<f32>, Shared<f64>);
    macro_rules! makers {
        ($($make:expr),*) => {
            vec![$((|x| (Arc::new($make(x)), Arc::new($make(x)))) as Maker),*]
        };
    }
    fn check<T: Float>(f: &Shared<T>) -> bool {
        let builder = || Mlp::<T>::builder(2).hidden(3, f.clone());
        let built = builder().output(1, Identity).build();
        let pieces = if f.pieces() < 1000 { f.pieces() } else { 1 };
        let params = vec![T::one(); 3 * pieces];
        let (weights, biases) = params.split_at(2 * pieces);
        let layers = [LayerSpec::with_pieces(1, f.pieces(), &**f)];
        let all = [
            f.check().is_ok(),
            activation::parse::<T>(&f.name()).is_ok(),
            built.is_ok(),
            Layer::new(weights, biases, f.clone()).is_ok(),
            Neuron::with_pieces(weights, biases, f.clone()).is_ok(),
            Neuron::<T>::random(2, 0, f.clone()).is_ok(),
            MlpRef::new(2, &layers, &params).is_ok(),
        ];
        assert!(all.iter().all(|&ok| ok == all[0]), "{f:?}: {all:?}");
        if let Ok(net) = built {
            let read = Mlp::<T>::from_bytes(&net.to_bytes().unwrap()).unwrap();
            assert!(read.is_shaped_like(&net));
            let x = [T::from_f64(0.5), T::from_f64(-2.0)];
            assert_eq!(read.predict(&x).unwrap(), net.predict(&x).unwrap());
            assert_eq!(read.to_bytes().unwrap(), net.to_bytes().unwrap());
        } else {
            let error = f.check().unwrap_err();
            assert!(matches!(error, Error::InvalidSetting { .. }), "{error}");
            assert_eq!(built.unwrap_err(), error);
        }
        all[0]
    }
    let [finite, not_zero, not_negative, positive, pieces]: [Vec<Maker>; 5] = [
        makers![LeakyRelu::new, Elu::new],
        makers![HardSigmoid::new],
        makers![SoftShrink::new, HardShrink::new],
        makers![Celu::new, Softplus::new, Squareplus::new, Sine::new],
        makers![|x: f64| Maxout::new(x as usize)],
    ];
    // Each row holds a parameter, and its validity for each kind of range in f32 and in f64.
    let cases: [(f64, [bool; 8]); 13] = [
        (0.25, [true; 8]),
        (-0.5, [true, true, true, true, false, false, false, false]),
        (0.0, [true, true, false, false, true, true, false, false]),
        (-0.0, [true, true, false, false, true, true, false, false]),
        (3.0, [true; 8]),
        (1e30, [true; 8]),
        (1e39, [false, true, false, true, false, true, false, true]),
        (
            -1e39,
            [false, true, false, true, false, false, false, false],
        ),
        (1e-60, [false, true, false, true, false, true, false, true]),
        (
            5e-324,
            [false, true, false, true, false, true, false, false],
        ),
        (f64::NAN, [false; 8]),
        (f64::INFINITY, [false; 8]),
        (f64::NEG_INFINITY, [false; 8]),
    ];
    for (x, good) in cases {
        let kinds = [&finite, &not_zero, &not_negative, &positive];
        for (kind, good) in kinds.into_iter().zip(good.chunks(2)) {
            for make in kind {
                let (single, double) = make(x);
                assert_eq!([check(&single), check(&double)], good, "{single:?}");
            }
        }
    }
    for (count, good) in [
        (0, false),
        (1, true),
        (2, true),
        (256, true),
        (257, false),
        (usize::MAX, false),
    ] {
        for make in &pieces {
            let (single, double) = make(count as f64);
            assert_eq!([check(&single), check(&double)], [good; 2], "{single:?}");
        }
    }
    // The error explains how rounding changed the number.
    let error = Activation::<f32>::check(&Softplus::new(1e-60)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "beta of softplus: expected a finite number above 0, got 1e-60, which is 0 in f32"
    );
}

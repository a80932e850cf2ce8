//! Jacobians of borrowed networks: central differences, encodings side by side, wrong calls. Their
//! bits are compared in `jacobians.rs`.

use std::sync::Arc;

use feedforward::activation::{self, Identity, Tanh};
use feedforward::encoding::{Concat, Encoding, Periodic, PeriodicSettings, Positional};
use feedforward::{EncodingSpec, Error, GradientWorkspace, LayerSpec, Mlp, MlpRef};

#[path = "common/derived.rs"]
mod derived;
use derived::{network, networks, random};

#[test]
fn a_borrowed_jacobian_is_the_central_difference() {
    for (name, net) in networks::<f64>() {
        let (inputs, layers) = (random(7, 4 * 3, 0.05, 0.95), net.layer_specs());
        let view = match net.encoding() {
            None => MlpRef::new(3, &layers, net.params()),
            Some(encoding) => MlpRef::with_encoding(&**encoding, &layers, net.params()),
        };
        let view = view.unwrap();
        let len = MlpRef::from(&net).jacobian_scratch_len();
        assert_eq!(view.jacobian_scratch_len(), len);
        let (mut jacobian, mut scratch) = (vec![0.0; 4 * 2 * 3], vec![0.0; len]);
        view.jacobian_into(&inputs, &mut jacobian, &mut scratch)
            .unwrap();
        let mut checked = 0;
        for (index, got) in jacobian.iter().enumerate() {
            let (sample, output, input) = (index / 6, index / 3 % 2, index % 3);
            let difference = |h: f64| {
                let at = |h: f64| {
                    let mut x = inputs[3 * sample..][..3].to_vec();
                    x[input] += h;
                    net.predict(&x).unwrap()[output]
                };
                (at(h) - at(-h)) / (2.0 * h)
            };
            let (near, far) = (difference(1e-5), difference(3e-5));
            if (near - far).abs() > 1e-7 * (1.0 + near.abs()) {
                continue;
            }
            checked += 1;
            let error = (got - near).abs() / (1e-3 + near.abs());
            assert!(error < 1e-5, "{name}, {index}: {got}, {near}");
        }
        assert!(checked * 10 >= jacobian.len() * 8, "{name}: {checked}");
    }
}

/// Encodings side by side are those of a [`Concat`].
#[test]
fn a_borrowed_jacobian_with_several_encodings() {
    let periodic = Periodic::new(PeriodicSettings::new(1)).unwrap();
    let positional = Positional::new(2, 3).unwrap();
    let all: [Arc<dyn Encoding<f64>>; 2] = [Arc::new(periodic), Arc::new(positional)];
    let specs = [&*all[0], &*all[1]].map(|encoding| EncodingSpec {
        inputs: encoding.inputs(),
        outputs: encoding.outputs(),
        params_len: encoding.params_len(),
        encoding,
    });
    let concat = Arc::new(Concat::new(all.to_vec()).unwrap());
    let net = network(Some(concat), &activation::parse("glu").unwrap(), 5);
    let layers = net.layer_specs();
    let view = MlpRef::constant_with_encodings(&specs, &layers, net.params());
    let inputs = random(4, 30, -1.0, 1.0);
    let mut jacobian = vec![0.0; 60];
    let mut scratch = vec![0.0; view.jacobian_scratch_len()];
    view.jacobian_into(&inputs, &mut jacobian, &mut scratch)
        .unwrap();
    let mut workspace = GradientWorkspace::new(&net);
    for (got, expected) in jacobian
        .iter()
        .zip(workspace.jacobian(&net, &inputs).unwrap())
    {
        assert!((got - expected).abs() < 1e-12 * (1.0 + expected.abs()));
    }
}

#[test]
fn wrong_calls_of_a_borrowed_network_are_errors() {
    let net = Mlp::<f64>::builder(2)
        .hidden(3, Tanh)
        .output(2, Identity)
        .build()
        .unwrap();
    let view = MlpRef::from(&net);
    // Pre-activations and outputs, a row of derivatives by each.
    assert_eq!(view.jacobian_scratch_len(), (3 + 3 + 2 + 2) + 3 + 3);
    let call = |inputs: &[f64], room: usize, len: usize| {
        view.jacobian_into(inputs, &mut vec![0.0; room], &mut vec![0.0; len])
    };
    assert_eq!(call(&[0.5, 0.25], 4, 16), Ok(()));
    assert_eq!(call(&[0.5, 0.25], 4, 17), Ok(()));
    let error = call(&[0.5], 4, 16).unwrap_err();
    assert!(matches!(
        error,
        Error::Rows {
            what: "inputs",
            width: 2,
            got: 1
        }
    ));
    let length = |what, expected, got| {
        Err(Error::Length {
            what,
            expected,
            got,
        })
    };
    assert_eq!(call(&[0.5, 0.25], 5, 16), length("Jacobian", 4, 5));
    assert_eq!(call(&[0.5, 0.25], 4, 15), length("scratch", 16, 15));
    let error = call(&[0.5, f64::INFINITY], 4, 16).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
    let layers = [LayerSpec::with_pieces(1, 2, &Tanh)];
    let wrong = MlpRef::constant(1, &layers, &[0.0; 4]);
    let error = wrong
        .jacobian_into(&[0.5], &mut [0.0], &mut [0.0; 9])
        .unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
}

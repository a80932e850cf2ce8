//! Networks and names that have no source.

use std::borrow::Cow;

use feedforward::activation::{Identity, Relu};
use feedforward::{Activation, Error, Mlp, encoding};

fn net() -> Mlp<f32> {
    Mlp::builder(2).output(1, Relu).build().unwrap()
}

/// Returns the result of every function.
fn sources(net: &Mlp<f32>, name: &str) -> [Result<String, Error>; 2] {
    [net.to_c(name), net.to_rust_standalone(name)]
}

#[test]
fn a_name_must_fit_both_languages() {
    for name in [
        "", "Net", "1net", "a-b", "a b", "größe", "fn", "self", "_net",
    ] {
        for source in sources(&net(), name) {
            let what = "name of generated source";
            assert!(
                matches!(&source, Err(Error::InvalidSetting { what: w, .. }) if *w == what),
                "{name}: {source:?}"
            );
        }
    }
    for name in ["n", "net_2", "int", "fnet"] {
        assert!(sources(&net(), name).iter().all(Result::is_ok), "{name}");
    }
}

/// It has the name of a built-in activation, but another function.
#[derive(Debug)]
struct Tanh;

impl Activation<f32> for Tanh {
    fn value(&self, x: f32) -> f32 {
        x
    }
    fn derivative(&self, _: f32, _: f32) -> f32 {
        1.0
    }
    fn name(&self) -> Cow<'static, str> {
        "relu".into()
    }
}

#[test]
fn other_activations_encodings_and_nan_are_errors() {
    let own = Mlp::builder(1)
        .hidden(1, Tanh)
        .output(1, Identity)
        .build()
        .unwrap();
    for source in sources(&own, "net") {
        assert!(
            matches!(source, Err(Error::UnknownName { .. })),
            "{source:?}"
        );
    }
    let encoding = encoding::Identity::new(2).unwrap();
    let encoded = Mlp::builder(2)
        .encoding(encoding)
        .output(1, Relu)
        .build()
        .unwrap();
    for source in sources(&encoded, "net") {
        assert!(
            matches!(source, Err(Error::Incompatible { .. })),
            "{source:?}"
        );
    }
    let mut broken = net();
    broken.params_mut()[1] = f32::NAN;
    for source in sources(&broken, "net") {
        assert!(matches!(source, Err(Error::NotFinite { .. })), "{source:?}");
    }
}

/// A prediction that is not finite cannot be compared, so there is no self test.
#[test]
fn a_network_that_always_overflows_has_no_self_test() {
    let mut net = Mlp::<f32>::builder(1)
        .hidden(1, Identity)
        .output(1, Identity)
        .build()
        .unwrap();
    net.set_params(&[0.0, f32::MAX, f32::MAX, 0.0]).unwrap();
    let [c, rust] = sources(&net, "net").map(Result::unwrap);
    assert!(!c.contains("SELF_TEST") && !rust.contains("cfg(test)"));
}

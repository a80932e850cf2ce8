//! Parts of a user's encoding that never end, or do not have its parameters, are errors at once.

use std::borrow::Cow;
use std::sync::Arc;

use feedforward::activation::Identity;
use feedforward::encoding::{Concat, Encoding};
use feedforward::{Error, Mlp, MlpRef};

/// Parts of these lengths, then parts of `rest` without an end.
#[derive(Clone, Copy, Debug)]
struct Parts {
    lens: &'static [usize],
    rest: Option<usize>,
}

impl Encoding<f32> for Parts {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn name(&self) -> Cow<'static, str> {
        "parts".into()
    }
    fn part_len(&self, part: usize) -> Option<usize> {
        self.lens.get(part).copied().or(self.rest)
    }
    fn encode_sample(&self, _: &[f32], x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(x);
    }
    fn add_input_gradient(&self, _: &[f32], _: &[f32], _: &[f32], _: &mut [f32]) {}
}

/// Claims this number of parameters.
#[derive(Clone, Copy, Debug)]
struct Claim(Parts, usize);

impl Encoding<f32> for Claim {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn name(&self) -> Cow<'static, str> {
        "claim".into()
    }
    fn part_len(&self, part: usize) -> Option<usize> {
        self.0.part_len(part)
    }
    fn params_len(&self) -> usize {
        self.1
    }
    fn encode_sample(&self, _: &[f32], x: &[f32], y: &mut [f32]) {
        y.copy_from_slice(x);
    }
    fn add_input_gradient(&self, _: &[f32], _: &[f32], _: &[f32], _: &mut [f32]) {}
}

fn build(encoding: impl Encoding<f32> + 'static) -> Result<Mlp<f32>, Error> {
    let builder = Mlp::builder(1).encoding(encoding);
    builder.output(1, Identity).build()
}

#[test]
fn parts_that_never_end_are_an_error() {
    for part in [0, 1, 7, usize::MAX] {
        let rest = Some(part);
        let endless = Parts { lens: &[3], rest };
        assert_eq!(endless.params_len(), usize::MAX);
        assert!(matches!(build(endless), Err(Error::TooLarge { .. })));
        assert!(Concat::new(vec![Arc::new(endless)]).is_err());
        assert!(endless.encode(&[], &[0.5]).is_err());
        let net = Mlp::builder(1).output(1, Identity).build().unwrap();
        assert!(MlpRef::with_encoding(&endless, &net.layer_specs(), net.params()).is_err());
        assert!(net.with_encoding(endless, &[]).is_err());
        for claim in [0, 3, 4, 10] {
            let error = build(Claim(endless, claim)).unwrap_err();
            assert!(matches!(error, Error::InvalidSetting { .. }), "{error}");
            assert!(Concat::new(vec![Arc::new(Claim(endless, claim))]).is_err());
        }
    }
}

#[test]
fn parts_hold_all_parameters() {
    let rest = None;
    for (lens, claim, is_good) in [
        (&[][..], 0, true),
        (&[3, 2], 5, true),
        (&[3, 2], 4, false),
        (&[3, 2], 6, false),
        (&[], 1, false),
        (&[0], 0, false),
        (&[5, 0], 5, false),
        (&[0, 5], 5, false),
    ] {
        let claim = Claim(Parts { lens, rest }, claim);
        assert_eq!(build(claim).is_ok(), is_good, "{claim:?}");
    }
    let error = build(Claim(
        Parts {
            lens: &[3, 2],
            rest,
        },
        4,
    ))
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "parts of the encoding: expected at least 1 parameter each, and 4 in all, \
        got 5 in parts 0 to 1 of claim"
    );
    let error = build(Parts {
        lens: &[3, 0],
        rest,
    })
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "parts of the encoding: expected at least 1 parameter each, and 3 in all, \
        got no parameter in part 1 of parts"
    );
}

//! Bounded activations for coordinates and distances: waves and bells.

use super::define::{activation, clamp};
use super::{apply, backprop};
use crate::float::Float;
use crate::math;
use crate::simd::{self, Op, Simd};

/// Sine, the activation of SIREN networks.
///
/// ```text
/// f(x)  = sin(ωx)
/// f'(x) = ω · cos(ωx)
/// ```
///
/// SIREN uses ω = 30. Its bound √(6/inputs)/ω on uniform weights of hidden layers follows from the
/// gain √2/ω and the variance gain²/inputs. Sitzmann et al., 2020,
/// [arXiv:2006.09661](https://arxiv.org/abs/2006.09661).
#[doc(alias = "siren")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sine {
    /// Angular frequency ω. Range: above 0. Default: 1.
    pub omega: f64,
}

activation! {
    Sine(omega: f64 = 1.0 in Positive): "sine";
    value(x) = math::sin(omega * x);
    derivative(x, _) = omega * math::cos(omega * x);
    gain = core::f64::consts::SQRT_2 / omega;
    methods {
        fn apply(&self, z: &[T], y: &mut [T]) {
            if is_short(self.omega, z, y) {
                ShortSine::new(self.omega).apply(z, y);
            } else {
                apply(self, z, y);
            }
        }

        fn backprop(&self, z: &[T], y: &[T], dy: &[T], dz: &mut [T]) {
            if is_short(self.omega, z, dz) {
                ShortSine::new(self.omega).backprop(z, y, dy, dz);
            } else {
                backprop(self, z, y, dy, dz);
            }
        }
    }
}

/// [`Sine`] for arguments ωx within the range of the branch-free sine.
///
/// Results are bit-identical to those of [`Sine`]. The loop vectorizes because it contains no call
/// of the platform's sine, not even in a branch that is never taken.
#[derive(Clone, Copy, Debug)]
struct ShortSine {
    omega: f64,
}

activation! {
    ShortSine(omega: f64 = 1.0 in Positive): "sine";
    value(x) = math::sin_reduced(omega * x);
    derivative(x, _) = omega * math::cos_reduced(omega * x);
}

/// Returns `true` if [`ShortSine`] covers `z`. `scratch` is as long as `z`.
fn is_short<T: Float>(omega: f64, z: &[T], scratch: &mut [T]) -> bool {
    simd::dispatch(IsShort { omega, z, scratch })
}

struct IsShort<'a, T> {
    omega: f64,
    z: &'a [T],
    scratch: &'a mut [T],
}

impl<T: Float> Op for IsShort<'_, T> {
    type Output = bool;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> bool {
        let omega = T::from_f64(self.omega);
        for (scaled, &z) in self.scratch.iter_mut().zip(self.z) {
            *scaled = omega * z;
        }
        math::all_reduced(self.scratch)
    }
}

/// Gaussian bell.
///
/// ```text
/// f(x)  = e^(-x²)
/// f'(x) = -2x · f(x)
/// ```
///
/// It is the bell of radial basis functions (Broomhead and Lowe, *Multivariable functional
/// interpolation and adaptive networks*, 1988). For its use on coordinates, see Ramasinghe and
/// Lucey, 2022, [arXiv:2111.15135](https://arxiv.org/abs/2111.15135).
#[doc(alias = "rbf")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Gaussian;

activation! {
    Gaussian: "gaussian";
    value(x) = math::exp(-x * x);
    // f is 0 long before this bound. At infinity, the product would be NaN.
    derivative(x, y) = T::from_f64(-2.0) * clamp(T::from_f64(-1e3), T::from_f64(1e3), x) * y;
}

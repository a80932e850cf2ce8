//! Activations that do not grow: waves and bells, for coordinates and distances.

use super::define::{activation, clamp};
use super::{apply, backprop};
use crate::float::Float;
use crate::math;
use crate::simd::{self, Op, Simd};

/// f(x) = sin(ωx); f'(x) = ω cos(ωx).
///
/// Sitzmann, Martel, Bergman, Lindell and Wetzstein, *Implicit neural representations with
/// periodic activation functions*, 2020: SIREN, with ω = 30. The gain √2/ω is theirs for
/// hidden layers: uniform weights with variance gain²/inputs are bounded by √(6/inputs)/ω.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sine {
    /// The angular frequency ω, above 0.
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

/// [`Sine`] where no ωx is beyond what the branch-free sine is made for: the same bits,
/// but the call of the other one, which never comes, no longer keeps the loop from
/// being vectorised.
#[derive(Clone, Copy, Debug)]
struct ShortSine {
    omega: f64,
}

activation! {
    ShortSine(omega: f64 = 1.0 in Positive): "sine";
    value(x) = math::sin_reduced(omega * x);
    derivative(x, _) = omega * math::cos_reduced(omega * x);
}

/// Whether [`ShortSine`] may take these; `scratch` has the length of `z`.
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

/// f(x) = e^(-x²); f'(x) = -2 x f(x).
///
/// The bell of radial basis functions (Broomhead and Lowe, *Multivariable functional
/// interpolation and adaptive networks*, 1988); for coordinates see Ramasinghe and Lucey,
/// *Beyond periodicity*, 2022.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Gaussian;

activation! {
    Gaussian: "gaussian";
    value(x) = math::exp(-x * x);
    // Far before this bound f is 0; at infinity the product would be NaN.
    derivative(x, y) = T::from_f64(-2.0) * clamp(T::from_f64(-1e3), T::from_f64(1e3), x) * y;
}

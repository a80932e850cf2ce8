//! Activations that do not grow: waves and bells, for coordinates and distances.

use super::define::{activation, clamp};
use crate::math;

/// f(x) = sin(ωx); f'(x) = ω cos(ωx).
///
/// Sitzmann, Martel, Bergman, Lindell and Wetzstein, *Implicit neural representations with
/// periodic activation functions*, 2020: SIREN, with ω = 30. The gain √2/ω is theirs for
/// hidden layers: uniform weights with variance gain²/inputs are bounded by √(6/inputs)/ω.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sine {
    /// The angular frequency ω, above 0.
    pub omega: f64,
}

activation! {
    Sine(omega = 1.0): "sine";
    value(x) = math::sin(omega * x);
    derivative(x, _) = omega * math::cos(omega * x);
    gain = std::f64::consts::SQRT_2 / omega;
}

/// f(x) = e^(-x²); f'(x) = -2 x f(x).
///
/// The bell of radial basis functions (Broomhead and Lowe, *Multivariable functional
/// interpolation and adaptive networks*, 1988); for coordinates see Ramasinghe and Lucey,
/// *Beyond periodicity*, 2022.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gaussian;

activation! {
    Gaussian: "gaussian";
    value(x) = math::exp(-x * x);
    // Far before this bound f is 0; at infinity the product would be NaN.
    derivative(x, y) = T::of(-2.0) * clamp(T::of(-1e3), T::of(1e3), x) * y;
}

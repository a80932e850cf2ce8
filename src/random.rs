//! The random number generator of the crate, and normal numbers from it.

use core::f64::consts::TAU;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_distr::OpenClosed01;

use crate::math;

/// The generator behind all randomness in this crate.
///
/// It is a named algorithm, so that a seed yields equal numbers from release to release.
pub type Rng = rand::rngs::ChaCha8Rng;

/// Shuffles rows by the generator of this seed and stream.
///
/// Stream 0 belongs to splits. Stream `epoch + 1` belongs to an epoch.
pub(crate) fn shuffle(rows: &mut [usize], seed: u64, stream: u64) {
    let mut rng = Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rows.shuffle(&mut rng);
}

/// Draws a standard normal number by the method of Box and Muller (1958).
///
/// It uses the crate's own functions, which are bit-identical everywhere. It takes two draws of the
/// generator and keeps no state.
pub(crate) fn normal(rng: &mut Rng) -> f64 {
    let radius: f64 = rng.sample(OpenClosed01);
    let turn: f64 = rng.random();
    math::sqrt(-2.0 * math::ln(radius)) * math::cos(TAU * turn)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// Computes the documented formula with the platform's functions, on the generator's bits.
    #[test]
    fn the_algorithm_is_the_one_that_is_documented() {
        use rand::Rng as _;
        let (mut rng, mut bits) = (Rng::seed_from_u64(3), Rng::seed_from_u64(3));
        let two_53 = (2.0_f64).powi(53);
        for _ in 0..10_000 {
            let u = ((bits.next_u64() >> 11) + 1) as f64 / two_53;
            let v = (bits.next_u64() >> 11) as f64 / two_53;
            let expected = (-2.0 * u.ln()).sqrt() * (TAU * v).cos();
            let got = normal(&mut rng);
            assert!((got - expected).abs() < 1e-14, "{got} {expected}");
        }
    }

    /// Compares the distribution (Kolmogorov and Smirnov), moments and tails with the normal ones.
    #[test]
    fn draws_are_normal() {
        for seed in 0..4 {
            let mut rng = Rng::seed_from_u64(seed);
            let count = 200_000;
            let mut draws: Vec<f64> = (0..count).map(|_| normal(&mut rng)).collect();
            draws.sort_by(f64::total_cmp);
            let n = f64::from(count);
            let distance = draws.iter().enumerate().map(|(rank, x)| {
                let phi = 0.5 * (1.0 + math::erf(x / 2.0_f64.sqrt()));
                (phi - rank as f64 / n)
                    .abs()
                    .max((phi - (rank + 1) as f64 / n).abs())
            });
            // One seed in ten thousand exceeds this bound.
            let distance = distance.fold(0.0, f64::max);
            assert!(distance * n.sqrt() < 2.23, "seed {seed}: {distance}");

            let moment = |k: i32| draws.iter().map(|x| x.powi(k)).sum::<f64>() / n;
            for (k, expected, variance) in [
                (1, 0.0, 1.0),
                (2, 1.0, 2.0),
                (3, 0.0, 15.0),
                (4, 3.0, 96.0),
                (6, 15.0, 10_170.0),
            ] {
                let off = (moment(k) - expected) / f64::sqrt(variance / n);
                assert!(off.abs() < 4.5, "seed {seed}: moment {k} is off by {off}");
            }
            for (bound, share) in [(3.0, 0.002_699_796), (4.0, 6.334_248e-5)] {
                let beyond = draws.iter().filter(|x| x.abs() > bound).count() as f64;
                let off = (beyond - share * n) / f64::sqrt(share * n);
                assert!(off.abs() < 4.5, "seed {seed}: {beyond} beyond {bound}");
            }
        }
    }

    /// Each draw takes the next two numbers, so neighbors must be uncorrelated.
    #[test]
    fn neighbors_are_not_correlated() {
        let mut rng = Rng::seed_from_u64(9);
        let draws: Vec<f64> = (0..200_000).map(|_| normal(&mut rng)).collect();
        for lag in [1, 2, 3, 8] {
            let pairs = draws.iter().zip(&draws[lag..]);
            let sum: f64 = pairs.map(|(a, b)| a * b).sum();
            let off = sum / ((draws.len() - lag) as f64).sqrt();
            assert!(off.abs() < 4.5, "lag {lag}: {off}");
        }
    }
}

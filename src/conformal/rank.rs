//! Exact ranks of order statistics.

use crate::error::{Result, check_range};

/// Maximum number of decimal digits of a level. All integers of this length are exact in f64, and
/// so are the powers of ten up to 10^22.
const DIGITS: u32 = 15;

/// Bits after the binary point from which (n + 1) · level is at most 1, for any n.
const NEGLIGIBLE: u32 = 117;

/// Checks that 0 < level < 1.
pub(crate) fn check_level(level: f64) -> Result<()> {
    let expected = "above 0 and below 1";
    check_range("level", level, f64::from_bits(1)..1.0, expected)
}

/// Returns ⌈(n + 1) · level⌉, at least 1 and at most n + 1.
///
/// The f64 nearest to 0.9 is above 0.9, and products round, so floating point would give wrong
/// ranks. The level is first read as the decimal number with the fewest digits that rounds to it.
/// The rest is integer arithmetic. A level without such a number of 15 digits counts as its binary
/// value.
///
/// # Errors
/// [`Error::InvalidSetting`](crate::Error::InvalidSetting) unless 0 < level < 1.
pub(crate) fn rank(level: f64, scores: usize) -> Result<usize> {
    check_level(level)?;
    let rows = scores as u128 + 1;
    let rank = match decimal(level).or_else(|| binary(level)) {
        // Numerators have at most 53 bits, and rows 64.
        Some((numerator, denominator)) => (rows * numerator).div_ceil(denominator),
        None => 1,
    };
    Ok(rank as usize)
}

/// Returns the rank of one side's scores, if each side misses half as many targets as `rank` does:
///
/// ```text
/// ⌈(n + 1) · (1 + level) / 2⌉ = ⌈(n + 1 + rank) / 2⌉
/// ```
pub(super) fn rank_of_side(rank: usize, scores: usize) -> usize {
    (scores + 1).midpoint(rank) + (scores + 1 + rank) % 2
}

/// Returns the level as a fraction of a power of ten.
fn decimal(level: f64) -> Option<(u128, u128)> {
    (1..=DIGITS).find_map(|digits| {
        let power = 10_u64.pow(digits);
        // Rounds, since the product is positive.
        let numerator = (level * power as f64 + 0.5) as u64;
        // Both are exact, so the quotient is the f64 that this decimal number is read as.
        let is_level = numerator as f64 / power as f64 == level;
        is_level.then_some((u128::from(numerator), u128::from(power)))
    })
}

/// Returns the level as a fraction of a power of two, or `None` if it is negligible.
fn binary(level: f64) -> Option<(u128, u128)> {
    let (mantissa, exponent, _) = num_traits::Float::integer_decode(level);
    let bits = u32::from(exponent.unsigned_abs());
    (bits < NEGLIGIBLE).then(|| (u128::from(mantissa), 1 << bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every level p/q of few digits, against integers.
    #[test]
    fn ranks_are_exact() {
        for (digits, power) in [(1, 10_usize), (2, 100), (3, 1000)] {
            for numerator in 1..power {
                let level: f64 = format!("0.{numerator:0digits$}").parse().unwrap();
                for scores in (0..130).chain([998, 999, 1000, 123_456]) {
                    let expected = ((scores + 1) * numerator).div_ceil(power);
                    assert_eq!(rank(level, scores).unwrap(), expected, "{level}, {scores}");
                    let both = 2 * power;
                    let side = ((scores + 1) * (power + numerator)).div_ceil(both);
                    assert_eq!(rank_of_side(expected, scores), side, "{level}, {scores}");
                }
            }
        }
    }

    /// A product of floating-point numbers gets some of these wrong.
    #[test]
    fn floating_point_would_be_wrong() {
        let naive = |level: f64, scores: usize| (level * (scores + 1) as f64).ceil() as usize;
        let wrong = (1..100).flat_map(|percent| (1..1000).map(move |scores| (percent, scores)));
        let wrong = wrong.filter(|&(percent, scores)| {
            let level = percent as f64 / 100.0;
            naive(level, scores) != rank(level, scores).unwrap()
        });
        assert!(wrong.count() > 100);
    }

    #[test]
    fn levels_that_are_no_short_decimals_keep_their_value() {
        assert_eq!(rank(1.0 / 3.0, 2).unwrap(), 1);
        assert_eq!(rank(2.0 / 3.0, 2).unwrap(), 2);
        assert_eq!(rank(f64::from(0.9_f32), 9).unwrap(), 9);
        assert_eq!(rank(0.1 + 0.2, 9).unwrap(), 4); // above 0.3
        assert_eq!(rank(1.0 - f64::EPSILON, 1000).unwrap(), 1001);
        assert_eq!(rank(f64::EPSILON, 1000).unwrap(), 1);
        assert_eq!(rank(f64::from_bits(1), usize::MAX).unwrap(), 1);
        assert_eq!(rank(0.5, usize::MAX).unwrap(), 1 << (usize::BITS - 1));
        let most = rank(1.0 - f64::EPSILON / 2.0, usize::MAX - 1).unwrap();
        assert!(most > usize::MAX - 5000 && rank(0.5, 0).unwrap() == 1);
    }

    #[test]
    fn levels_outside_their_range_are_errors() {
        for level in [0.0, 1.0, -0.1, 1.5, f64::NAN, f64::INFINITY] {
            let error = rank(level, 10).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("level: expected above 0 and below 1, got {level}")
            );
        }
    }
}

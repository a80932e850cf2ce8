//! Short texts for pictures: numbers at axes, and names of classes.

use super::written;

/// Returns a short form of a number: three digits, and k, M or G for large ones.
pub fn short(x: f64) -> String {
    let divided = x.abs() / unit(x).0;
    let digits = match divided {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let is_far = x.abs() >= 1e12 || x != 0.0 && x.abs() < 1e-3;
    if is_far {
        format!("{x:.1e}")
    } else {
        with_digits(x, digits)
    }
}

/// Returns the divisor of a number's unit, and the unit.
fn unit(x: f64) -> (f64, &'static str) {
    match x.abs() {
        size if size >= 1e9 => (1e9, "G"),
        size if size >= 1e6 => (1e6, "M"),
        size if size >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    }
}

/// Returns a number with at most this many digits after the point, in its unit.
fn with_digits(x: f64, digits: usize) -> String {
    let (divisor, unit) = unit(x);
    let digits = format!("{:.digits$}", x / divisor);
    let digits = match digits.split_once('.') {
        Some(_) => digits.trim_end_matches('0').trim_end_matches('.'),
        None => &digits,
    };
    format!("{}{unit}", if digits == "-0" { "0" } else { digits })
}

/// Returns a number with the digits in which it differs from one that is a step apart.
pub fn at_step(x: f64, step: f64) -> String {
    let digits = -(step / unit(x).0).log10().floor();
    with_digits(x, digits.clamp(0.0, 9.0) as usize)
}

/// Returns the power of ten of a label that is a step of logarithms apart from the next one.
pub fn of_logarithm(x: f64, step: f64) -> String {
    // Two digits, or as many as differ from label to label.
    let digits = (-step.log10()).ceil().clamp(1.0, 9.0);
    let unit = 10_f64.powf(x.floor() - digits);
    let number = (10_f64.powf(x) / unit).round() * unit;
    match number.abs() {
        1e-3..1e12 => at_step(number, unit),
        _ => format!("{number:.0$e}", digits as usize),
    }
}

/// About the number of labels of an axis.
pub const LABELS: usize = 6;

/// Maximum ratio of the largest number and the length of an axis with plain labels. Labels beyond
/// it have too many digits for their space.
const MOST_RATIO: f64 = 1e4;

/// Transformation of the numbers of an axis to (x - offset) / unit. plotters takes numbers that are
/// closer than 2^-52 for equal.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    offset: f64,
    unit: f64,
}

impl Scale {
    pub fn of((low, high): (f64, f64), is_log: bool) -> Self {
        let mut scale = Self {
            offset: 0.0,
            unit: 1.0,
        };
        let length = high - low;
        if is_log || !length.is_finite() || length <= 0.0 {
            return scale;
        }
        if low.abs().max(high.abs()) > MOST_RATIO * length {
            let grid = 10_f64.powf(length.log10().ceil() + 1.0);
            scale.offset = (low / grid).round() * grid;
        }
        let size = (low - scale.offset).abs().max((high - scale.offset).abs());
        if !(1e-3..1e12).contains(&size) {
            scale.unit = 10_f64.powf(size.log10().floor());
        }
        scale
    }

    pub fn apply(self, x: f64) -> f64 {
        (x - self.offset) / self.unit
    }

    /// Returns the words of an axis with this transformation.
    pub fn describe(self, words: &str) -> String {
        let offset = match self.offset {
            0.0 => String::new(),
            offset if offset < 0.0 => format!(" + {}", written::rounded(-offset)),
            offset => format!(" - {}", written::rounded(offset)),
        };
        match self.unit {
            1.0 => format!("{words}{offset}"),
            unit => format!("{words}{offset}, in {unit:.0e}"),
        }
    }
}

/// Returns words on one line, as a picture has no others.
pub fn on_one_line(words: &str) -> String {
    let is_odd = |c: char| c.is_control() || c.is_whitespace();
    words.replace(is_odd, " ")
}

/// Returns names of at most this many letters, which is 3 or more. Names that become equal show
/// the letters in which they differ, or else their number.
pub fn shortened(names: &[String], most: usize) -> Vec<String> {
    let letters: Vec<Vec<char>> = names
        .iter()
        .map(|name| on_one_line(name).chars().collect())
        .collect();
    let ends = |letters: &Vec<char>| -> String {
        if letters.len() <= most {
            return letters.iter().collect();
        }
        let (first, last) = (most / 2, (most - 1) / 2);
        let last = &letters[letters.len() - last..];
        letters[..first].iter().chain(&['…']).chain(last).collect()
    };
    let mut short: Vec<_> = letters.iter().map(ends).collect();
    for attempt in 0..2 {
        let before = short.clone();
        for (at, name) in before.iter().enumerate() {
            let equal = || (0..before.len()).filter(|&other| before[other] == *name);
            if equal().count() < 2 {
                continue;
            }
            let others = equal().map(|other| &letters[other]);
            let common = others.map(|other| {
                let pairs = other.iter().zip(&letters[at]);
                pairs.take_while(|(a, b)| a == b).count()
            });
            let common = common.min().unwrap_or(0);
            short[at] = match attempt {
                0 => {
                    let different = letters[at].iter().skip(common).take(most - 1);
                    ['…'].iter().chain(different).collect()
                }
                _ => format!("#{}", at + 1),
            };
        }
    }
    short
}

//! Numbers and counts as text.

/// Returns `true` for a number that four digits after the point show, and that is not too long.
fn is_usual(x: f64) -> bool {
    x == 0.0 || !x.is_finite() || (1e-3..1e9).contains(&x.abs())
}

/// Returns a score with this many digits after the point.
pub fn score(x: f64, digits: usize) -> String {
    if is_usual(x) {
        format!("{x:.digits$}")
    } else {
        format!("{x:.digits$e}")
    }
}

/// Returns a mean and its deviation.
pub fn mean(mean: f64, deviation: f64) -> String {
    let deviation = if is_usual(mean) && deviation.abs() < 1.0 {
        format!("{deviation:.4}")
    } else {
        score(deviation, 4)
    };
    format!("{} ± {deviation}", score(mean, 4))
}

/// Returns a number with ten digits, which suffice for a probability and for words.
pub fn rounded(x: f64) -> String {
    let digits = format!("{x:.9e}");
    digits.parse().map_or(digits, number)
}

/// Returns the shortest text that reads back as an equal number.
pub fn number(x: f64) -> String {
    if x == 0.0 || !x.is_finite() || (1e-7..1e16).contains(&x.abs()) {
        x.to_string()
    } else {
        format!("{x:e}")
    }
}

/// Returns a count with its noun.
pub fn count(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Returns a fraction in percent, with as many digits as it has.
pub fn percent(fraction: f64) -> String {
    // A product such as 100 · 0.57 has digits of its own.
    format!("{} %", rounded(100.0 * fraction))
}

/// Name of rows that no file of its own has.
pub const HELD_OUT: &str = "held-out rows";

/// Returns the name of rows, and where their intervals or sets come from if it is unusual.
pub fn with_origin(rows: &str) -> String {
    match rows {
        HELD_OUT => format!("{rows}, from the errors of other folds"),
        _ => rows.to_string(),
    }
}

/// Returns a line about the fraction of covered rows.
pub fn coverage(coverage: f64, level: f64, rows: usize) -> String {
    // Deviation of the coverage of this many independent rows, if the level is right.
    let deviation = (level * (1.0 - level) / rows.max(1) as f64).sqrt();
    format!("  coverage  {coverage:.4}, expected {level} ± {deviation:.4}")
}

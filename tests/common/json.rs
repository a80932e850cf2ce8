//! Readers for fixtures.

use serde_json::Value;

/// Reads a number, which is a string if it is not finite.
pub fn number(value: &Value) -> f64 {
    match value {
        Value::String(word) => word.parse().unwrap(),
        number => number
            .as_f64()
            .unwrap_or_else(|| panic!("expected a number, got {number}")),
    }
}

pub fn count(value: &Value) -> usize {
    number(value) as usize
}

pub fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("expected a list, got {value}"))
}

pub fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("expected a word, got {value}"))
}

pub fn indices(value: &Value) -> Vec<usize> {
    list(value).iter().map(count).collect()
}

//! One test case: its random numbers, and the log of its calls.

use std::fmt;
use std::io::Write;

use feedforward::{Error, Float, Mlp};
use serde::{Serialize, de::DeserializeOwned};

use crate::random::Random;

/// The two number types.
pub trait Number: Float + Serialize + DeserializeOwned {}

impl Number for f32 {}
impl Number for f64 {}

/// A running case.
#[derive(Debug)]
pub struct Case {
    pub random: Random,
    /// `true` if calls are printed.
    pub told: bool,
}

impl Case {
    pub fn new(seed: u64, number: u64, told: bool) -> Self {
        let random = Random::of_case(seed, number);
        Self { random, told }
    }
}

/// Prints the next call.
pub fn print(call: fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "    {call}");
    let _ = out.flush(); // the call may be the last one
}

/// Logs the next call. The text is formatted only if it is printed.
macro_rules! say {
    ($case:expr, $($text:tt)*) => {
        if $case.told {
            $crate::case::print(format_args!($($text)*));
        }
    };
}

/// Checks that an error has a message of readable length, and returns the value if there is one.
pub fn seen<V>(result: Result<V, Error>) -> Option<V> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            readable(&error);
            None
        }
    }
}

pub fn readable(error: &Error) {
    let text = error.to_string();
    assert!(!text.is_empty(), "an error without a message");
    let most = 4000;
    assert!(text.len() < most, "a message of {} bytes", text.len());
}

pub fn finite<T: Float>(values: &[T]) -> bool {
    values.iter().all(|x| x.is_finite())
}

pub fn bits<T: Float>(values: &[T]) -> Vec<u64> {
    values.iter().map(|x| x.as_f64().to_bits()).collect()
}

/// Returns `true` if two networks are bit-identical.
pub fn same<T: Float>(a: &Mlp<T>, b: &Mlp<T>) -> bool {
    a.is_shaped_like(b) && bits(a.params()) == bits(b.params())
}

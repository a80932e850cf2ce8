//! Values of single cells.

use alloc::string::String;

/// Value of a cell.
///
/// Numbers, words, booleans and options of them convert into one.
///
/// ```
/// use feedforward::tabular::Value;
///
/// assert_eq!(Value::from(3), Value::Number(3.0));
/// assert_eq!(Value::from(Some("gas")), Value::Word("gas"));
/// assert_eq!(Value::from(None::<bool>), Value::Missing);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'v> {
    /// Number. NaN is missing.
    Number(f64),
    /// Word.
    Word(&'v str),
    /// Boolean.
    Boolean(bool),
    /// Missing value.
    Missing,
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(word: &'v str) -> Self {
        Self::Word(word)
    }
}

impl<'v> From<&'v String> for Value<'v> {
    fn from(word: &'v String) -> Self {
        Self::Word(word)
    }
}

impl<V: Into<Self>> From<Option<V>> for Value<'_> {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

impl From<bool> for Value<'_> {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(
            impl From<$number> for Value<'_> {
                fn from(number: $number) -> Self {
                    Self::Number(number as f64)
                }
            }
        )*
    };
}

numbers!(f64 f32 i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

//! Values of single cells.

use alloc::borrow::Cow;
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

/// Type of a numeric cell: a number, a reference to one, or an option of these.
pub trait NumberCell {
    /// Returns the number, or NaN if it is missing.
    fn number(&self) -> f64;
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(
            impl NumberCell for $number {
                fn number(&self) -> f64 {
                    *self as f64
                }
            }

            impl From<$number> for Value<'_> {
                fn from(number: $number) -> Self {
                    Self::Number(number as f64)
                }
            }
        )*
    };
}

numbers!(f64 f32 i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

impl<N: NumberCell + ?Sized> NumberCell for &N {
    fn number(&self) -> f64 {
        (**self).number()
    }
}

impl<N: NumberCell> NumberCell for Option<N> {
    fn number(&self) -> f64 {
        self.as_ref().map_or(f64::NAN, N::number)
    }
}

/// Type of a cell with a word: a string, a reference to one, or an option of these.
pub trait WordCell {
    /// Returns the word, or `None` if it is missing.
    fn word(&self) -> Option<&str>;
}

impl WordCell for str {
    fn word(&self) -> Option<&str> {
        Some(self)
    }
}

impl WordCell for String {
    fn word(&self) -> Option<&str> {
        Some(self)
    }
}

impl WordCell for Cow<'_, str> {
    fn word(&self) -> Option<&str> {
        Some(self)
    }
}

impl<W: WordCell + ?Sized> WordCell for &W {
    fn word(&self) -> Option<&str> {
        (**self).word()
    }
}

impl<W: WordCell> WordCell for Option<W> {
    fn word(&self) -> Option<&str> {
        self.as_ref()?.word()
    }
}

/// Type of a boolean cell: `bool`, a reference to one, or an option of these.
pub trait BooleanCell {
    /// Returns the boolean, or `None` if it is missing.
    fn boolean(&self) -> Option<bool>;
}

impl BooleanCell for bool {
    fn boolean(&self) -> Option<bool> {
        Some(*self)
    }
}

impl<B: BooleanCell + ?Sized> BooleanCell for &B {
    fn boolean(&self) -> Option<bool> {
        (**self).boolean()
    }
}

impl<B: BooleanCell> BooleanCell for Option<B> {
    fn boolean(&self) -> Option<bool> {
        self.as_ref()?.boolean()
    }
}

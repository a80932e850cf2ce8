//! Types of single cells.

use alloc::borrow::Cow;
use alloc::string::String;

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

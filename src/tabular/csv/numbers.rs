//! Notations of numbers: with a decimal point, or with a decimal comma.

use alloc::string::String;

/// Notation of a column's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decimal {
    /// `1234.5`
    Point,
    /// `1.234,5` and `1234,5`
    Comma,
    /// Both readings of points such as in `1.234` are likely, so they are errors.
    Unclear,
}

impl Decimal {
    /// Returns a finite number, or `None` if the text is none in this notation.
    pub(super) fn number(self, text: &str) -> Option<f64> {
        let parsed = match self {
            Self::Point => text.parse().ok(),
            Self::Unclear => text.parse().ok().filter(|_| !text.contains('.')),
            Self::Comma => of_comma(text),
        };
        parsed.filter(|number: &f64| number.is_finite())
    }

    /// Returns what a cell should be that is no number in this notation.
    pub(super) fn expected(self, text: &str) -> &'static str {
        match self {
            Self::Point if Self::Comma.number(text).is_some() => {
                "a number with a decimal point, or decimal_comma(true)"
            }
            Self::Unclear if Self::Point.number(text).is_some() => {
                "decimal_comma(true) or (false), as other columns have decimal commas"
            }
            Self::Comma => "a number with a decimal comma",
            _ => "a number",
        }
    }
}

/// Returns the number of a text with a decimal comma, and points between groups of digits.
fn of_comma(text: &str) -> Option<f64> {
    let (whole, fraction) = match text.split_once(',') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    if fraction.is_some_and(|digits| digits.contains(['.', ',']))
        || whole.contains('.') && !is_grouped(whole, '.')
    {
        return None;
    }
    let mut plain: String = whole.chars().filter(|&c| c != '.').collect();
    if let Some(fraction) = fraction {
        plain.push('.');
        plain.push_str(fraction);
    }
    plain.parse().ok()
}

/// Returns `true` for groups of three digits after one to three digits without a leading zero.
fn is_grouped(text: &str, separator: char) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut groups = digits.split(separator);
    let is_number = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    groups.next().is_some_and(|first| {
        (1..=3).contains(&first.len()) && is_number(first) && !first.starts_with('0')
    }) && groups.all(|group| group.len() == 3 && is_number(group))
}

/// Notations that all cells of a column have so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notations {
    is_point: bool,
    is_comma: bool,
    /// A comma occurs that is none between groups of three digits.
    has_decimal_comma: bool,
    /// `true` if all points may lie between groups of three digits. `None` without points.
    has_groups: Option<bool>,
    /// The notation that the caller has chosen.
    chosen: Option<Decimal>,
}

impl Notations {
    pub(super) fn new(chosen: Option<Decimal>) -> Self {
        Self {
            is_point: chosen != Some(Decimal::Comma),
            is_comma: chosen != Some(Decimal::Point),
            has_decimal_comma: false,
            has_groups: None,
            chosen,
        }
    }

    /// Excludes notations that a cell does not have.
    pub(super) fn observe(&mut self, text: &str) {
        self.is_point = self.is_point && Decimal::Point.number(text).is_some();
        if self.chosen == Some(Decimal::Point) {
            return;
        }
        let has_point = text.contains('.');
        // A caller who chooses the notation has chosen the meaning of points too.
        let is_comma =
            (!has_point || self.chosen.is_some()) && Decimal::Comma.number(text).is_some();
        self.is_comma = self.is_comma && is_comma;
        self.has_decimal_comma |= is_comma && text.contains(',') && !is_grouped(text, ',');
        if has_point {
            self.has_groups = Some(self.has_groups != Some(false) && is_grouped(text, '.'));
        }
    }

    /// Returns `true` if the column may have numbers.
    pub(super) fn are_open(self) -> bool {
        self.is_point || self.is_comma
    }

    /// Returns `true` if the column shows that the file has decimal commas.
    pub(super) fn show_commas(self) -> bool {
        self.chosen.is_none() && self.is_comma && self.has_decimal_comma
    }

    /// Returns the notation of a column, or `None` if it has other cells than numbers.
    pub(super) fn decimal(self, file_has_commas: bool) -> Option<Decimal> {
        match self.chosen {
            Some(chosen) => self.are_open().then_some(chosen),
            None if self.is_point => {
                let is_unclear = file_has_commas && self.has_groups == Some(true);
                Some(if is_unclear {
                    Decimal::Unclear
                } else {
                    Decimal::Point
                })
            }
            None => (self.is_comma && (self.has_decimal_comma || file_has_commas))
                .then_some(Decimal::Comma),
        }
    }

    /// Returns the notation of a column of numbers, whose wrong cells are errors.
    pub(super) fn decimal_of_numbers(self, file_has_commas: bool) -> Decimal {
        let most_likely = if self.has_decimal_comma {
            Decimal::Comma
        } else {
            Decimal::Point
        };
        let found = self.decimal(file_has_commas).or(self.chosen);
        found.unwrap_or(most_likely)
    }
}

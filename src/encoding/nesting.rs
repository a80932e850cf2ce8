//! Names of encodings inside names of encodings.

use alloc::string::ToString;

use crate::error::{Error, Result, bounded};

/// Maximum number of bytes of a name that contains others.
const MOST_BYTES: usize = 1 << 16;

/// Maximum number of parentheses that are open at once. It bounds recursion.
const MOST_OPEN: usize = 16;

/// Checks that a name is short enough, and that its parentheses are balanced and few at once.
pub(super) fn check(name: &str) -> Result<()> {
    if name.len() > MOST_BYTES {
        let expected = "at most 65536 bytes";
        return Err(problem(expected, name));
    }
    let mut open = 0_usize;
    for byte in name.bytes() {
        match byte {
            b'(' if open == MOST_OPEN => {
                return Err(problem("at most 16 levels of parentheses", name));
            }
            b'(' => open += 1,
            b')' if open == 0 => return Err(problem("balanced parentheses", name)),
            b')' => open -= 1,
            _ => {}
        }
    }
    if open > 0 {
        return Err(problem("balanced parentheses", name));
    }
    Ok(())
}

/// Checks that a name can be a member of a list of names.
pub(super) fn check_member(name: &str) -> Result<()> {
    check(name)?;
    if name.is_empty() || name.trim() != name || members(name).nth(1).is_some() {
        let expected = "text without space around it and commas outside parentheses";
        return Err(problem(expected, name));
    }
    Ok(())
}

/// Returns the members of a list, without space around them. Commas outside parentheses separate
/// them.
pub(super) fn members(list: &str) -> impl Iterator<Item = &str> {
    let mut open = 0_usize;
    let members = list.split(move |c| {
        match c {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
        c == ',' && open == 0
    });
    members.map(str::trim)
}

fn problem(expected: &str, name: &str) -> Error {
    Error::invalid_setting("name of an encoding", expected, bounded(name.to_string()))
}

//! Labels of the classes of a model that this crate exported.

use alloc::string::String;
use alloc::vec::Vec;

use super::tail::Label;

/// Returns the labels in a list that `Debug` printed, such as `["no", "yes"]` or `[1, 2]`. `None`
/// stands for labels of another type.
pub(super) fn parse(list: &str) -> Option<Vec<Label>> {
    let mut rest = list.strip_prefix('[')?.strip_suffix(']')?.trim_start();
    let mut labels = Vec::new();
    while !rest.is_empty() {
        let (label, after) = one(rest)?;
        labels.push(label);
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(labels)
}

/// Returns the first label, and what follows it.
fn one(text: &str) -> Option<(Label, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        return Some((Label::Integer(text[..end].parse().ok()?), &text[end..]));
    };
    let mut label = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((Label::Text(label), &quoted[at + 1..])),
            '\\' => label.push(match letters.next()?.1 {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let code: String = letters
                        .by_ref()
                        .map(|(_, letter)| letter)
                        .take_while(|&letter| letter != '}')
                        .filter(|&letter| letter != '{')
                        .collect();
                    char::from_u32(u32::from_str_radix(&code, 16).ok()?)?
                }
                letter => letter,
            }),
            letter => label.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn printed_labels_are_read() {
        let words = [
            "plain",
            "with \"quotes\", and comma",
            "new\nline",
            "naïve \u{1f600} \u{7}",
            "",
        ];
        let expected: Vec<_> = words.iter().map(|&word| Label::Text(word.into())).collect();
        assert_eq!(parse(&format!("{words:?}")), Some(expected));
        let numbers = [-3_i64, 0, 7];
        let expected: Vec<_> = numbers.into_iter().map(Label::Integer).collect();
        assert_eq!(parse(&format!("{numbers:?}")), Some(expected));
        assert_eq!(parse("[]"), Some(Vec::new()));
        for other in ["", "[", "[a]", "[\"a]", "[\"a\" \"b\"]", "[1.5]", "['a']"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}

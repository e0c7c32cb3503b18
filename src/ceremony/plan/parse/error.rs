//! What is wrong with a plan file, in sentences.

use std::fmt;

use super::place::{Place, Places};

/// Everything that is wrong with a plan file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanErrors {
    /// The errors, in the order of the file.
    pub errors: Vec<PlanError>,
}

/// One thing that is wrong with a plan file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    /// The line and column, from 1, if it stands in the file.
    pub position: Option<(usize, usize)>,
    /// The field, as a path: `keys.root-a.store`.
    pub field: String,
    /// What should be there, and what is there.
    pub text: String,
}

impl PlanErrors {
    /// An error of the file as a whole.
    pub(super) fn whole(expected: &str, found: &str) -> Self {
        let text = format!("expected {expected}, found {found}");
        Self { errors: vec![PlanError { position: None, field: "file".to_owned(), text }] }
    }

    /// What the TOML parser found: one error, the first.
    pub(super) fn of_toml(places: &Places<'_>, error: &toml::de::Error) -> Self {
        let start = error.span().map(|span| span.start);
        let field = start.and_then(|start| places.around(start));
        let message = in_one_form(&error.message().trim().replace('\n', "; "));
        let near = near(&message);
        Self {
            errors: vec![PlanError {
                position: start.and_then(|start| places.position(start)),
                field: field.map(|place| place.to_string()).unwrap_or_default(),
                text: message + &near,
            }],
        }
    }
}

impl PlanError {
    /// A value that makes no sense.
    pub(super) fn new(places: &Places<'_>, place: &Place, expected: &str, found: &str) -> Self {
        Self {
            position: places.find(place).and_then(|byte| places.position(byte)),
            field: place.to_string(),
            text: format!("expected {expected}, found {found}"),
        }
    }
}

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, error) in self.errors.iter().enumerate() {
            if nth > 0 {
                f.write_str("\n")?;
            }
            fmt::Display::fmt(error, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.text)
    }
}

impl std::error::Error for PlanErrors {}

/// The parser has two sentences for unknown members; people get one.
fn in_one_form(message: &str) -> String {
    let listed = message
        .strip_prefix("unexpected keys in table: ")
        .and_then(|rest| rest.split_once(", available keys: "));
    let quoted = |names: &str| {
        names.split(", ").map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    listed.map_or_else(
        || message.to_owned(),
        |(found, known)| {
            format!("unknown field {}, expected one of {}", quoted(found), quoted(known))
        },
    )
}

/// For a message such as "unknown field `treshold`, expected one of `keys`, `threshold`": which of them is near.
fn near(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (true, Some(found)) = (message.starts_with("unknown "), quoted.next()) else {
        return String::new();
    };
    let near: Vec<&str> = quoted.filter(|known| distance(found, known) <= 2).collect();
    match near.as_slice() {
        [] => String::new(),
        known => format!("; did you mean {}?", known.join(" or ")),
    }
}

/// How many characters must be changed, added or taken away to turn one word into the other, capitals aside.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (nth, c) in one.to_lowercase().chars().enumerate() {
        let mut left = nth + 1;
        let mut next = vec![left];
        for ((known, up), diagonal) in other.iter().zip(row.iter().skip(1)).zip(&row) {
            left = (diagonal + usize::from(*known != c)).min(up + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_named_and_far_ones_are_not() {
        let of = |found: &str| {
            near(&format!("unknown field `{found}`, expected one of `keys`, `threshold`, `sign`"))
        };
        assert_eq!(of("treshold"), "; did you mean threshold?");
        assert_eq!(of("Key"), "; did you mean keys?");
        assert_eq!(of("witnesses"), "");
        assert_eq!(near("missing field `keys`"), "");
    }

    #[test]
    fn unknown_members_are_told_in_one_form() {
        let message = in_one_form("unexpected keys in table: slott, available keys: serial, slot");
        assert_eq!(message, "unknown field `slott`, expected one of `serial`, `slot`");
        assert_eq!(near(&message), "; did you mean slot?");
    }

    #[test]
    fn distances_are_counted_both_ways() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("sitting", "kitten"), 3);
    }
}

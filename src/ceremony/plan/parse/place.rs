//! Where in a plan file something stands: as a path of names, and as line and column.

use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A field as a path of names, such as `keys.root-a.store`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// A member of a table.
    Field(String),
    /// An element of a list, by what it calls itself.
    Named(String),
    /// An element of a list, from 0.
    Nth(usize),
}

/// The path to a member of the whole file.
pub(super) fn at(field: &str) -> Place {
    Place(vec![Part::Field(field.to_owned())])
}

impl Place {
    /// A member below this place.
    pub(super) fn field(&self, name: &str) -> Self {
        self.with(Part::Field(name.to_owned()))
    }

    /// The element below this place that has this `name` or `path`.
    pub(super) fn named(&self, name: &str) -> Self {
        self.with(Part::Named(name.to_owned()))
    }

    /// The element below this place that is `nth`, from 0.
    pub(super) fn nth(&self, nth: usize) -> Self {
        self.with(Part::Nth(nth))
    }

    fn with(&self, part: Part) -> Self {
        let mut parts = self.0.clone();
        parts.push(part);
        Self(parts)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, part) in self.0.iter().enumerate() {
            if nth > 0 {
                f.write_str(".")?;
            }
            match part {
                Part::Field(name) | Part::Named(name) => write!(f, "{}", name.escape_debug())?,
                Part::Nth(nth) => write!(f, "{}", nth + 1)?,
            }
        }
        Ok(())
    }
}

/// Finds places in the text of a plan.
pub(super) struct Places<'a> {
    text: &'a str,
    file: Option<Spanned<DeTable<'a>>>,
}

impl<'a> Places<'a> {
    /// Reads the text once more, for positions only; a text that is no TOML has none.
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, file: DeTable::parse(text).ok() }
    }

    /// The byte at which a place begins, or the innermost place around it that is there.
    pub(super) fn find(&self, place: &Place) -> Option<usize> {
        let mut found = None;
        let mut parts = place.0.iter();
        let Some(Part::Field(first)) = parts.next() else { return None };
        let (key, mut value) = member(self.file.as_ref()?.get_ref(), first)?;
        found = key.or(found);
        for part in parts {
            let next = match (part, value.get_ref()) {
                (Part::Field(name), DeValue::Table(table)) => member(table, name),
                (Part::Named(name), DeValue::Array(list)) => list
                    .iter()
                    .find(|element| calls_itself(element.get_ref(), name))
                    .map(|element| (Some(element.span().start), element)),
                (Part::Nth(nth), DeValue::Array(list)) => {
                    list.get(*nth).map(|element| (Some(element.span().start), element))
                }
                _ => None,
            };
            let Some((start, inner)) = next else { break };
            found = start.or(found);
            value = inner;
        }
        found
    }

    /// Line and column, from 1, of a byte; columns count characters.
    pub(super) fn position(&self, byte: usize) -> Option<(usize, usize)> {
        let before = self.text.get(..byte)?;
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Some((line, column))
    }

    /// The innermost place that begins at a byte or last before it.
    pub(super) fn around(&self, byte: usize) -> Option<Place> {
        let mut best = None;
        if let Some(file) = &self.file {
            innermost(file.get_ref(), &Place(Vec::new()), byte, &mut best);
        }
        best.map(|(_, place)| place)
    }
}

fn member<'t, 'a>(
    table: &'t DeTable<'a>,
    name: &str,
) -> Option<(Option<usize>, &'t Spanned<DeValue<'a>>)> {
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
    Some((Some(key.span().start), value))
}

/// What an element of a list calls itself.
fn name_of<'t>(element: &'t DeValue<'_>) -> Option<&'t str> {
    let table = element.as_table()?;
    ["name", "path", "finding"]
        .into_iter()
        .find_map(|field| table.iter().find(|(key, _)| key.get_ref() == field))
        .and_then(|(_, value)| value.get_ref().as_str())
}

fn calls_itself(element: &DeValue<'_>, name: &str) -> bool {
    name_of(element) == Some(name)
}

fn innermost(table: &DeTable<'_>, here: &Place, byte: usize, best: &mut Option<(usize, Place)>) {
    for (key, value) in table {
        let place = here.field(key.get_ref());
        consider(key.span().start, &place, byte, best);
        inside(value, &place, byte, best);
    }
}

fn inside(
    value: &Spanned<DeValue<'_>>,
    here: &Place,
    byte: usize,
    best: &mut Option<(usize, Place)>,
) {
    match value.get_ref() {
        DeValue::Table(table) => innermost(table, here, byte, best),
        DeValue::Array(list) => {
            for (nth, element) in list.iter().enumerate() {
                let place = name_of(element.get_ref())
                    .map_or_else(|| here.nth(nth), |name| here.named(name));
                consider(element.span().start, &place, byte, best);
                inside(element, &place, byte, best);
            }
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => {}
    }
}

fn consider(start: usize, place: &Place, byte: usize, best: &mut Option<(usize, Place)>) {
    if start <= byte && best.as_ref().is_none_or(|(known, _)| start >= *known) {
        *best = Some((start, place.clone()));
    }
}

//! Entries of `targets`: one by one, so that a million of them need no tree.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::tuf::document::Dialect;
use crate::tuf::targets::TargetFile;

use super::body::{hashes, write_hashes};
use super::json::{Json, JsonError};
use super::member::{Members, number};
use super::reader::Reader;
use super::{WireError, notary1, tuf1};

/// What is known of an object of targets after reading it: where each entry begins, sorted by name.
pub(in crate::tuf) fn entries(
    dialect: Dialect,
    path: &str,
    reader: &mut Reader<'_>,
) -> Result<Vec<usize>, WireError> {
    let text = reader.text();
    let mut found = Vec::new();
    let mut sorted = true;
    let mut before: Option<Cow<'_, str>> = None;
    let read = reader.attempt(|reader| {
        reader.object(|reader, name, start| {
            sorted &= before.as_ref().is_none_or(|before| before < name);
            before = Some(name.clone());
            found.push(start);
            if reader.attempt(|reader| plain(dialect, reader)).is_err() {
                read(dialect, &format!("{path}.{name}"), reader.value()?)?;
            }
            Ok::<_, WireError>(())
        })?;
        if !sorted {
            let mut named: Vec<_> = found.iter().map(|at| (name(text, *at), *at)).collect();
            named.sort();
            if !named.is_sorted_by(|(name, _), (next, _)| name < next) {
                // Which of them is told by reading once more, below.
                return Err(WireError::NotFaithful);
            }
            found = named.into_iter().map(|(_, at)| at).collect();
        }
        Ok(())
    });
    if let Err(why) = read {
        // A fault of the JSON itself is told first, the earliest one, and names that are there twice are such faults.
        reader.skip()?;
        return Err(why);
    }
    found.shrink_to_fit();
    Ok(found)
}

/// The entry that begins here, in a text that was read before.
pub(in crate::tuf) fn entry(dialect: Dialect, text: &str, at: usize) -> (Cow<'_, str>, TargetFile) {
    let mut reader = Reader::again(text, at);
    let name = reader.name();
    let file = reader.value().map_err(WireError::from).and_then(|value| read(dialect, "", value));
    (name, file.expect("the entry was read before, when the document was"))
}

/// The name of the entry that begins here.
pub(in crate::tuf) fn name(text: &str, at: usize) -> Cow<'_, str> {
    Reader::again(text, at).name()
}

impl<'a> Reader<'a> {
    /// Reads the name of a member that was read before, and goes on to its value.
    fn name(&mut self) -> Cow<'a, str> {
        let name = self.string().expect("the name was read before, when the document was");
        self.space();
        // The colon.
        self.skip_byte();
        self.space();
        name
    }
}

/// Something that the short way does not judge.
struct Unusual;

impl From<JsonError> for Unusual {
    fn from(_: JsonError) -> Self {
        Self
    }
}

/// Reads an entry and keeps nothing. It only says yes; whatever it stumbles over is looked at again by [`read`].
fn plain(dialect: Dialect, reader: &mut Reader<'_>) -> Result<(), Unusual> {
    let (mut length, mut hashes) = (false, false);
    let mut others: Vec<String> = Vec::new();
    reader.object(|reader, name, _| {
        match &**name {
            "length" if !length => {
                length = true;
                if reader.integer()? < 0 {
                    return Err(Unusual);
                }
            }
            "hashes" if !hashes => {
                hashes = true;
                let mut before: Option<Cow<'_, str>> = None;
                reader.object(|reader, name, _| {
                    let digits = reader.string()?;
                    let good = match dialect {
                        Dialect::Tuf1 => tuf1::is_hex(&digits),
                        Dialect::Notary1 => notary1::bytes(&digits).is_some(),
                    };
                    let first = before.as_ref().is_none_or(|before| before < name);
                    before = Some(name.clone());
                    if good && first { Ok(()) } else { Err(Unusual) }
                })?;
            }
            other => {
                reader.skip()?;
                if matches!(other, "length" | "hashes") || others.iter().any(|o| o == other) {
                    return Err(Unusual);
                }
                others.push(other.to_owned());
            }
        }
        Ok(())
    })?;
    if length && hashes { Ok(()) } else { Err(Unusual) }
}

/// An entry that was read as a tree.
pub(in crate::tuf) fn read(
    dialect: Dialect,
    path: &str,
    value: Json,
) -> Result<TargetFile, WireError> {
    let mut file = Members::of(path, value)?;
    let read = TargetFile {
        length: file.count("length")?,
        hashes: hashes(dialect, &mut file)?,
        custom: file.optional("custom"),
        unknown: BTreeMap::new(),
    };
    Ok(TargetFile { unknown: file.into_rest(), ..read })
}

/// An entry as a document holds it.
pub(in crate::tuf) fn write(dialect: Dialect, file: &TargetFile) -> Json {
    let mut written = file.unknown.clone();
    written.insert("length".to_owned(), number(file.length));
    written.insert("hashes".to_owned(), write_hashes(dialect, &file.hashes));
    if let Some(custom) = &file.custom {
        written.insert("custom".to_owned(), custom.clone());
    }
    Json::Object(written)
}

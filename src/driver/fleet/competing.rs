//! What a workspace knows to have been signed before under the versions that a fleet will sign.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::ceremony::event::Earlier;
use crate::ceremony::fleet::survey::SHOWN;
use crate::ceremony::fleet::{COMPETING, Competing, DRAFTS};
use crate::driver::file;
use crate::driver::signed::{Signed, on_records};
use crate::tuf::digest::Digest;
use crate::tuf::document::DocRole;
use crate::tuf::name::KeyName;
use crate::tuf::time::Timestamp;

use super::cursor::{Lines, id_of};
use super::keeping::Growing;
use super::sign::{LONGEST_ROW, beginning};

/// What was signed of one document. Of ten thousand repositories all of it is held while the table is gone through.
struct Known {
    payload: Digest,
    at: Timestamp,
    keys: Vec<KeyName>,
}

/// Compares the table of drafts with all that the workspace knows to be signed: what has the version of a draft and other
/// content is written into a table of its own. Nothing where nothing competes and every record could be read.
pub fn competing(book: &Path, evidence: &Path) -> io::Result<Option<Competing>> {
    let mut known: HashMap<Option<u64>, Vec<Known>> = HashMap::new();
    let mut take = |repository: &str, earlier: Earlier| {
        let documents = known.entry(place(repository, &earlier.role, earlier.version)).or_default();
        match documents.iter_mut().find(|document| document.payload == earlier.payload) {
            Some(document) => {
                let more = earlier.keys.into_iter().filter(|key| !document.keys.contains(key));
                document.keys.extend(more.collect::<Vec<_>>());
            }
            None => documents.push(Known {
                payload: earlier.payload,
                at: earlier.at,
                keys: earlier.keys,
            }),
        }
    };
    for (repository, earlier) in Signed::all(book)?.earlier_of_all() {
        take(repository.as_str(), earlier);
    }
    let unread = on_records(book, Some(evidence), &|_| true, &mut |repository, earlier| {
        take(repository.as_str(), earlier);
    })?;
    if known.is_empty() && unread.is_empty() {
        return Ok(None);
    }
    let mut growing = Growing::new(evidence, COMPETING)?;
    let (mut documents, mut first) = (0, Vec::new());
    let mut drafts = Lines::new(file::open_below(evidence, DRAFTS)?, LONGEST_ROW);
    while let Some(row) = drafts.next()? {
        let bad = || io::Error::new(io::ErrorKind::InvalidData, format!("{DRAFTS}: {row:?}"));
        let drafted: Digest =
            row.split('\t').next().and_then(|text| text.parse().ok()).ok_or_else(bad)?;
        let id = id_of(&row).ok_or_else(bad)?;
        let same = known.get(&place(id.repository.as_str(), &id.role, id.version));
        for other in same.into_iter().flatten().filter(|other| other.payload != drafted) {
            let keys: Vec<_> = other.keys.iter().map(KeyName::as_str).collect();
            let (when, keys) = (other.at.to_minute(), keys.join(", "));
            growing.add(&format!(
                "{}\t{}\t{}\t{}\t{when}\t{keys}\n",
                id.repository, id.role, id.version, other.payload
            ))?;
            documents += 1;
            if first.len() < SHOWN {
                first.push(format!("{id}: {when}, by {keys}, sha256 {}", other.payload));
            }
        }
    }
    if documents == 0 && unread.is_empty() {
        return growing.give_up().map(|()| None);
    }
    Ok(Some(Competing { table: growing.finish()?, documents, first, unread }))
}

/// Stands for a document of a repository.
fn place(repository: &str, role: &DocRole, version: u64) -> Option<u64> {
    beginning(Digest::of(format!("{repository}\t{role}\t{version}").as_bytes()).as_bytes())
}

//! What a workspace knows to have been signed: one line for each time that something was asked for, signed or given up.
//!
//! The file only grows. It lets a signer refuse a second, different document of one role and version, and it names drafts
//! that were given up with good signatures on them before a competing one is signed.

mod records;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::ceremony::engine::State;
use crate::ceremony::event::Earlier;
use crate::tuf::digest::Digest;
use crate::tuf::document::DocRole;
use crate::tuf::name::{KeyName, RepoName};
use crate::tuf::payload::Payload;
use crate::tuf::time::Timestamp;

use super::file;
use super::workspace::Workspace;

pub use records::on_records;

/// The file in the workspace.
pub const FILE: &str = "signed.jsonl";

/// The most bytes of it: 64 MiB.
const MAX: u64 = 64 << 20;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// The repository.
    pub repository: RepoName,
    /// The document's role.
    pub role: DocRole,
    /// Its version.
    pub version: u64,
    /// SHA-256 of the bytes to sign.
    pub payload: Digest,
    /// The keys that signed, or are about to.
    pub keys: Vec<KeyName>,
    /// What became of it.
    pub became: Became,
}

/// What became of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    /// It is about to be signed: written before anybody is asked.
    Begun,
    /// It is signed.
    Signed,
    /// People stopped before this signature was made.
    Stopped,
    /// It is signed and given up: it must not be used, and whoever has the signatures can.
    Abandoned,
}

/// What a workspace knows to have been signed of one repository.
#[derive(Debug, Clone, Default)]
pub struct Signed {
    lines: Vec<Line>,
}

impl Line {
    /// A line about a payload.
    pub fn of(payload: &Payload, keys: Vec<KeyName>, at: Timestamp, became: Became) -> Self {
        let id = payload.id();
        Self {
            at,
            repository: id.repository.clone(),
            role: id.role.clone(),
            version: id.version,
            payload: payload.digest(),
            keys,
            became,
        }
    }
}

impl Signed {
    /// Reads what is known of a repository.
    pub fn read(book: &Workspace, repository: &RepoName) -> io::Result<Self> {
        let mut lines = Self::all(book.folder())?.lines;
        lines.retain(|line| line.repository == *repository);
        Ok(Self { lines })
    }

    /// Reads what is known of all repositories, from the workspace's folder.
    pub fn all(book: &Path) -> io::Result<Self> {
        let bytes = match file::read_back(book, FILE, MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut lines = Vec::new();
        for (nth, text) in (1_usize..).zip(bytes.split(|byte| *byte == b'\n')) {
            if text.is_empty() {
                continue;
            }
            let line: Line = serde_json::from_slice(text).map_err(|why| {
                let why = format!("{FILE}, line {nth}: {why}");
                io::Error::new(io::ErrorKind::InvalidData, why)
            })?;
            lines.push(line);
        }
        Ok(Self { lines })
    }

    /// What stands of each document: its latest line, with every key that ever signed it.
    pub fn standing(&self) -> Vec<Line> {
        let mut found: Vec<Line> = Vec::new();
        for line in &self.lines {
            let same = |known: &&mut Line| {
                known.repository == line.repository
                    && known.role == line.role
                    && known.version == line.version
                    && known.payload == line.payload
            };
            match found.iter_mut().find(same) {
                None => found.push(line.clone()),
                Some(known) => known.follow(line),
            }
        }
        found
    }

    /// Other content that was signed, or may have been, under the role and version of a payload, and was not given up.
    pub fn others(&self, payload: &Payload) -> Vec<Line> {
        let id = payload.id();
        let standing = self.standing().into_iter().filter(|line| {
            let open = matches!(line.became, Became::Begun | Became::Signed);
            let same = line.role == id.role && line.version == id.version;
            open && same && line.payload != payload.digest()
        });
        standing.collect()
    }

    /// What was signed and may compete with something new.
    pub fn earlier(&self) -> Vec<Earlier> {
        self.earlier_of_all().map(|(_, earlier)| earlier).collect()
    }

    /// The same, each with its repository.
    pub fn earlier_of_all(&self) -> impl Iterator<Item = (RepoName, Earlier)> {
        let standing = self.standing().into_iter();
        let signed = standing.filter(|line| line.became != Became::Stopped);
        signed.map(|line| (line.repository.clone(), line.told()))
    }
}

impl Line {
    fn told(self) -> Earlier {
        let Self { role, version, payload, at, keys, .. } = self;
        Earlier { role, version, payload, at, keys }
    }

    /// A later line on the same document. What was signed once stays signed, whatever stops later.
    fn follow(&mut self, later: &Self) {
        let became = match (self.became, later.became) {
            (Became::Signed | Became::Abandoned, Became::Begun | Became::Stopped) => self.became,
            (_, later) => later,
        };
        if later.became != Became::Stopped {
            let keys: BTreeSet<_> = self.keys.iter().chain(&later.keys).cloned().collect();
            self.keys = keys.into_iter().collect();
        }
        self.at = later.at;
        self.became = became;
    }
}

/// Adds lines, synced.
pub fn add(book: &Workspace, lines: &[Line]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let text: Vec<String> = lines
        .iter()
        .map(|line| serde_json::to_string(line).expect("names and digests are JSON"))
        .collect();
    book.append(FILE, &text)
}

/// The lines of a ceremony that ended: every document with a signature on it, and what a signer was asked for and never
/// tried to sign.
pub fn of_ended(state: &State, at: Timestamp) -> Vec<Line> {
    let became = if state.aborted.is_some() { Became::Abandoned } else { Became::Signed };
    let each = state.signatures.iter().filter_map(|(role, made)| {
        let keys: Vec<_> = made.iter().map(|(name, _)| name.clone()).collect();
        Some(Line::of(state.payload(role)?, keys, at, became))
    });
    let untried = state.asked.iter().flat_map(|asked| {
        let docs = asked.recipe.documents.iter().filter_map(|doc| state.payload(&doc.role));
        let tried = |p: &&Payload| state.attempts.contains_key(&(asked.key.clone(), p.digest()));
        let untried = docs.filter(move |payload| !tried(payload));
        untried.map(|p| Line::of(p, vec![asked.key.clone()], at, Became::Stopped))
    });
    each.chain(untried).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn line(payload: &[u8], key: &str, became: Became) -> Line {
        Line {
            at: "2026-12-01T12:00:00Z".parse().unwrap(),
            repository: "updates.example.com".parse().unwrap(),
            role: DocRole::Root,
            version: 2,
            payload: Digest::of(payload),
            keys: vec![key.parse().unwrap()],
            became,
        }
    }

    #[test]
    fn what_was_signed_once_stays_signed_and_names_all_its_keys() {
        let outer = tempfile::tempdir().unwrap();
        let book = Workspace::create(&outer.path().join("book")).unwrap();
        add(&book, &[line(b"one", "root-a", Became::Begun)]).unwrap();
        add(&book, &[line(b"one", "root-a", Became::Signed)]).unwrap();
        add(&book, &[line(b"one", "root-b", Became::Begun)]).unwrap();
        add(&book, &[line(b"one", "root-b", Became::Stopped)]).unwrap();
        add(&book, &[line(b"two", "root-b", Became::Abandoned)]).unwrap();
        let signed = Signed::read(&book, &"updates.example.com".parse().unwrap()).unwrap();
        let standing = signed.standing();
        assert_eq!(standing.len(), 2);
        assert!(
            standing.iter().any(|line| {
                line.became == Became::Signed && line.payload == Digest::of(b"one")
            })
        );
        assert_eq!(signed.earlier().len(), 2);
        let other = Signed::read(&book, &"another.example.com".parse().unwrap()).unwrap();
        assert!(other.standing().is_empty());
    }

    #[test]
    fn a_line_that_cannot_be_read_is_an_error_and_not_skipped() {
        let outer = tempfile::tempdir().unwrap();
        let book = Workspace::create(&outer.path().join("book")).unwrap();
        book.append(FILE, &["{".to_owned()]).unwrap();
        let read = Signed::read(&book, &"updates.example.com".parse().unwrap());
        assert!(read.unwrap_err().to_string().contains("line 1"));
    }
}

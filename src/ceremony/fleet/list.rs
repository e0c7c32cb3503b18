//! The list of a fleet: one line a repository, sorted by name.

use std::collections::BTreeMap;

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::name::{KeyName, RepoName};
use crate::tuf::verify::RootDigest;

/// One repository of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub name: RepoName,
    /// Its dialect.
    pub dialect: Dialect,
    /// The root that people trust.
    pub root: RootDigest,
    /// SHA-256 of the sorted lines `sha256  path` of its documents, as `sha256sum` prints them.
    pub documents: Digest,
    /// Where its documents are on the medium.
    pub folder: String,
    /// The set of keys that it has, where that is not the plan's own.
    pub set: Option<KeyName>,
}

/// The longest name of a repository in a fleet: longer ones are no folder's name.
pub const LONGEST_NAME: usize = 200;
/// The longest line of a list, in bytes.
pub const LONGEST_LINE: usize = 1024;

impl Line {
    /// Reads a line without its line feed: `name<TAB>dialect<TAB>root<TAB>documents<TAB>folder`, and a set. The error is a
    /// sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let columns: Vec<&str> = text.split('\t').collect();
        let (name, dialect, root, documents, folder, set) = match columns.as_slice() {
            [name, dialect, root, documents, folder] => {
                (name, dialect, root, documents, folder, None)
            }
            [name, dialect, root, documents, folder, set] => {
                (name, dialect, root, documents, folder, Some(set))
            }
            _ => {
                return Err(format!(
                    "expected name, dialect, root digest, digest of the documents, folder and perhaps a set \
                     of keys, with tabs between; found {} columns",
                    columns.len()
                ));
            }
        };
        let digest = |text: &str| text.parse::<Digest>().map_err(|why| why.to_string());
        let safe = folder.len() <= 200
            && !folder.contains(['\\', ':'])
            && !folder.chars().any(char::is_control)
            && folder.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if !safe {
            return Err(format!("expected a relative path as folder, found {folder:?}"));
        }
        if name.len() > LONGEST_NAME {
            return Err(format!("expected a name of at most {LONGEST_NAME} bytes"));
        }
        Ok(Self {
            name: name.parse().map_err(|bad| format!("{bad}"))?,
            dialect: match *dialect {
                "notary1" => Dialect::Notary1,
                "tuf1" => Dialect::Tuf1,
                other => return Err(format!("expected notary1 or tuf1, found {other:?}")),
            },
            root: RootDigest::new(digest(root)?),
            documents: digest(documents)?,
            folder: (*folder).to_owned(),
            set: set.map(|set| set.parse().map_err(|bad| format!("{bad}"))).transpose()?,
        })
    }

    /// The line, with its line feed.
    pub fn to_text(&self) -> String {
        let Self { name, dialect, root, documents, folder, set } = self;
        let root = root.digest();
        let set = set.as_ref().map(|set| format!("\t{set}")).unwrap_or_default();
        format!("{name}\t{dialect}\t{root}\t{documents}\t{folder}{set}\n")
    }
}

/// SHA-256 of the sorted lines `sha256  path` of a repository's documents: what `sha256sum` prints of them, hashed.
pub fn documents_digest(files: &BTreeMap<String, Vec<u8>>) -> Digest {
    let lines: String =
        files.iter().map(|(path, bytes)| format!("{}  {path}\n", Digest::of(bytes))).collect();
    Digest::of(lines.as_bytes())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn text(folder: &str) -> String {
        let digest = Digest::of(b"a");
        format!("a/b\ttuf1\t{digest}\t{digest}\t{folder}")
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        for line in [text("r/1"), text("r/1") + "\tlegacy"] {
            assert_eq!(Line::parse(&line).unwrap().to_text(), line + "\n");
        }
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for line in [
            String::new(),
            text("../x"),
            text("/x"),
            text("a//b"),
            text("a") + "\tset\tmore",
            text("a").replace("tuf1", "tuf2"),
            text("a").replace("a/b", "A"),
        ] {
            assert!(Line::parse(&line).is_err(), "{line:?}");
        }
    }
}

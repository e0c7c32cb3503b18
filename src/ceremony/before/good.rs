//! The last state that is known to be good: an older document, or a list of builds.

use std::collections::BTreeMap;

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::signed::Signed;
use crate::tuf::targets::Targets;

use super::super::plan::Goodness;

/// What was good, as people know from elsewhere.
#[derive(Debug, Clone)]
pub enum Good {
    /// An older targets document.
    Targets(Box<Signed<Targets>>),
    /// Builds by name; delegations are not known.
    Builds(BTreeMap<String, Build>),
}

/// One build: what its name must stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// SHA-256 of its content; in Notary of the manifest.
    pub sha256: Digest,
    /// Its length in bytes.
    pub length: u64,
}

impl Good {
    /// Reads the file that the plan names. The error says what was expected and found.
    pub fn read(form: Goodness, dialect: Dialect, bytes: &[u8]) -> Result<Self, String> {
        match form {
            Goodness::Targets => Signed::read(dialect, bytes)
                .map(|signed| Self::Targets(Box::new(signed)))
                .map_err(|why| format!("expected an older targets document: {why}")),
            Goodness::Builds => builds(bytes).map(Self::Builds),
        }
    }
}

/// Lines of `name sha256 length`; empty lines and lines that begin with `#` say nothing.
fn builds(bytes: &[u8]) -> Result<BTreeMap<String, Build>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "expected UTF-8 text".to_owned())?;
    let mut all = BTreeMap::new();
    for (line, text) in (1_usize..).zip(text.lines()) {
        if text.trim().is_empty() || text.starts_with('#') {
            continue;
        }
        let bad = || format!("line {line}: expected NAME SHA256 LENGTH, found {text:?}");
        let mut words = text.split_ascii_whitespace();
        let (Some(name), Some(sha256), Some(length), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(bad());
        };
        let sha256 = sha256.strip_prefix("sha256:").unwrap_or(sha256);
        let build = Build {
            sha256: sha256.parse().map_err(|_| bad())?,
            length: length.parse().map_err(|_| bad())?,
        };
        if all.insert(name.to_owned(), build).is_some() {
            return Err(format!("line {line}: {name:?} is there twice"));
        }
    }
    Ok(all)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BTreeMap<String, Build>, String> {
        builds(text.as_bytes())
    }

    #[test]
    fn a_list_of_builds_is_read_line_by_line() {
        let digest = Digest::of(b"v1");
        let text = format!("# builds\n\nv1 {digest} 1000\nv2\tsha256:{digest}  7\n");
        let all = read(&text).unwrap();
        assert_eq!(all.get("v1").unwrap(), &Build { sha256: digest, length: 1000 });
        assert_eq!(all.get("v2").unwrap().length, 7);
    }

    #[test]
    fn a_line_that_is_no_build_is_named() {
        let digest = Digest::of(b"v1");
        for (text, found) in [
            (format!("v1 {digest}\n"), "line 1: expected NAME SHA256 LENGTH"),
            (format!("v1 {digest} 1 2\n"), "line 1"),
            ("\nv1 abc 1\n".to_owned(), "line 2"),
            (format!("v1 {digest} 1\nv1 {digest} 1\n"), "line 2: \"v1\" is there twice"),
        ] {
            let why = read(&text).unwrap_err();
            assert!(why.contains(found), "{why}");
        }
    }
}

//! A document of whatever kind a file holds, and the words for a file that holds none.

use super::digest::Digest;
use super::document::Dialect;
use super::name::RoleName;
use super::root::{Expires, Root};
use super::signed::{Body, SignatureEntry, Signed, sniff};
use super::snapshot::{Snapshot, Timestamped};
use super::targets::Targets;
use super::verify::{Authority, Tally};
use super::wire::WireError;
use super::wire::json::{Json, Limits, parse};

/// A document whose kind the file told: read, but not believed.
#[derive(Debug, Clone)]
pub enum AnyDocument {
    /// A root.
    Root(Signed<Root>),
    /// Targets, of the top or of a delegation: the document does not say which.
    Targets(Signed<Targets>),
    /// A snapshot.
    Snapshot(Signed<Snapshot>),
    /// A timestamp.
    Timestamp(Signed<Timestamped>),
}

/// Asks one question of the document, whatever its kind.
macro_rules! each {
    ($of:expr, $document:ident => $answer:expr) => {
        match $of {
            AnyDocument::Root($document) => $answer,
            AnyDocument::Targets($document) => $answer,
            AnyDocument::Snapshot($document) => $answer,
            AnyDocument::Timestamp($document) => $answer,
        }
    };
}

impl AnyDocument {
    /// Reads a document of either dialect and any kind, of at most 256 MiB: a person named it.
    pub fn read(bytes: &[u8]) -> Result<Self, NotADocument> {
        let Some((dialect, kind)) = sniff(bytes) else { return Err(why_none(bytes)) };
        let named = Limits { bytes: 256 << 20, ..Limits::default() };
        let bytes = bytes.to_vec();
        Ok(match kind.as_str() {
            "root" => Self::Root(Signed::take(dialect, bytes, named)?),
            "targets" => Self::Targets(Signed::take(dialect, bytes, named)?),
            "snapshot" => Self::Snapshot(Signed::take(dialect, bytes, named)?),
            _ => Self::Timestamp(Signed::take(dialect, bytes, named)?),
        })
    }

    /// `root`, `targets`, `snapshot` or `timestamp`.
    pub fn kind(&self) -> &'static str {
        fn of<T: Body>(_: &Signed<T>) -> &'static str {
            T::KIND
        }
        each!(self, document => of(document))
    }

    /// The role whose document it is; nothing for targets, which may be a delegation's.
    pub fn role(&self) -> Option<RoleName> {
        match self {
            Self::Root(_) => Some(RoleName::root()),
            Self::Targets(_) => None,
            Self::Snapshot(_) => Some(RoleName::snapshot()),
            Self::Timestamp(_) => Some(RoleName::timestamp()),
        }
    }

    /// The dialect.
    pub const fn dialect(&self) -> Dialect {
        each!(self, document => document.dialect())
    }

    /// The version.
    pub fn version(&self) -> u64 {
        each!(self, document => document.peek().version())
    }

    /// The expiry date.
    pub fn expires(&self) -> &Expires {
        each!(self, document => document.peek().expires())
    }

    /// SHA-256 of the signing bytes.
    pub fn digest(&self) -> Digest {
        each!(self, document => document.digest())
    }

    /// The signing bytes.
    pub fn signing_bytes(&self) -> &[u8] {
        each!(self, document => document.signing_bytes())
    }

    /// The bytes as they came.
    pub fn received(&self) -> &[u8] {
        each!(self, document => document.received())
    }

    /// The bytes that we would write.
    pub fn reemitted(&self) -> Vec<u8> {
        each!(self, document => document.reemitted())
    }

    /// The signatures, in the order of the document.
    pub fn signatures(&self) -> &[SignatureEntry] {
        each!(self, document => document.signatures())
    }

    /// Counts its signatures by somebody's word.
    pub fn tally(&self, authority: &Authority) -> Tally {
        each!(self, document => authority.tally(document))
    }

    /// `spec_version`, in the TUF dialect only.
    pub const fn spec_version(&self) -> Option<&String> {
        each!(self, document => document.peek().spec_version.as_ref())
    }
}

/// Says what a file is that is no document.
fn why_none(bytes: &[u8]) -> NotADocument {
    let value = match parse(bytes, Limits::default()) {
        Ok(value) => value,
        Err(error) => return NotADocument::Wire(WireError::Json(error)),
    };
    let found = match value.member("signed").map(|signed| signed.member("_type")) {
        None => "no member `signed`".to_owned(),
        Some(None) => "no member `signed._type`".to_owned(),
        Some(Some(Json::String(other))) => format!("{other:?}"),
        Some(Some(
            other @ (Json::Null
            | Json::Bool(_)
            | Json::Integer(_)
            | Json::Array(_)
            | Json::Object(_)),
        )) => other.kind().to_owned(),
    };
    NotADocument::Kind { found }
}

/// Why a file is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADocument {
    /// It says that it is something else, or nothing.
    #[error("expected `signed._type` of TUF 1.0 or Notary v1, found {found}")]
    Kind {
        /// What is there.
        found: String,
    },
    /// It is not strict JSON, or a member is not as it must be; the error says which, or where.
    #[error(transparent)]
    Wire(#[from] WireError),
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        AnyDocument::read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_document_is_told_by_what_was_expected_and_found() {
        assert!(why("{\"signed\":").contains("line 1, column 11"), "{}", why("{\"signed\":"));
        assert!(why("[]").contains("no member `signed`"));
        assert!(why(r#"{"signed":{}}"#).contains("no member `signed._type`"));
        assert!(why(r#"{"signed":{"_type":"mirrors"}}"#).contains("found \"mirrors\""));
        let none = why(r#"{"signed":{"_type":"root"},"signatures":[]}"#);
        assert!(none.contains("signed.") && none.contains("expected"), "{none}");
    }
}

//! How documents look as bytes.

mod body;
pub mod canonical;
pub mod certificate;
pub(in crate::tuf) mod envelope;
pub mod json;
pub(in crate::tuf) mod member;
pub mod notary1;
pub mod reader;
pub(in crate::tuf) mod target;
pub mod tuf1;

use super::document::Dialect;
use super::key::{BadKey, KeyId, PublicKey};
use super::root::ListedKey;
use json::{Json, JsonError};

/// Why bytes are not the document that was expected, or cannot be written as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not strict JSON.
    #[error("not strict JSON: {0}")]
    Json(#[from] JsonError),
    /// A member is missing or of another kind.
    #[error("{member}: expected {expected}, found {found}")]
    Member {
        /// The member, as a path: `signed.roles.root.threshold`.
        member: String,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A document of another kind or dialect.
    #[error("expected a {expected} document, found {found}")]
    OtherDocument {
        /// What was expected: `notary1 root`.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A key that cannot be read.
    #[error("key {id}: {why}")]
    Key {
        /// What the document calls it.
        id: String,
        /// Why it cannot be read.
        why: BadKey,
    },
    /// A certificate that cannot be read or made.
    #[error("certificate: {0}")]
    Certificate(String),
    /// Bytes that do not lead back to what they were made from.
    #[error("what was written does not read back as what was meant")]
    NotFaithful,
}

impl Dialect {
    /// The form and id under which documents of this dialect list a bare key; nothing where they cannot carry it.
    pub fn list_key(self, public: &PublicKey) -> Option<(KeyId, ListedKey)> {
        let wire = match self {
            Self::Tuf1 => tuf1::key_object(public)?,
            Self::Notary1 => notary1::key_object(public),
        };
        let listed = ListedKey { public: public.clone(), certificate: None, wire };
        Some((self.key_id(&listed.wire), listed))
    }

    /// The id of a key object by the rule of the dialect: SHA-256 of its canonical form, in hex.
    pub fn key_id(self, wire: &Json) -> KeyId {
        match self {
            Self::Tuf1 | Self::Notary1 => {
                KeyId::new(super::digest::Digest::of(&wire.canonical()).to_string())
            }
        }
    }
}

//! A payload: the exact bytes to sign, and the exact bytes to write.

use std::sync::Arc;

use super::digest::Digest;
use super::document::{Dialect, DocId};

/// The one thing that is reviewed, signed and written.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    id: DocId,
    dialect: Dialect,
    to_sign: Arc<[u8]>,
    on_wire: Arc<[u8]>,
}

impl Payload {
    /// Puts together what the wire modules have proven to belong together.
    pub(in crate::tuf) fn new(
        id: DocId,
        dialect: Dialect,
        to_sign: Vec<u8>,
        on_wire: Vec<u8>,
    ) -> Self {
        Self { id, dialect, to_sign: to_sign.into(), on_wire: on_wire.into() }
    }

    /// Which document it is.
    pub const fn id(&self) -> &DocId {
        &self.id
    }

    /// The dialect it is written in.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The bytes that signatures are made over.
    pub fn to_sign(&self) -> &[u8] {
        &self.to_sign
    }

    /// The bytes that go into the envelope.
    pub fn on_wire(&self) -> &[u8] {
        &self.on_wire
    }

    /// SHA-256 of the bytes to sign: the digest that people compare.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_sign)
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload({}, sha256 {})", self.id, self.digest())
    }
}

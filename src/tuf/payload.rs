//! A payload: the exact bytes to sign, and the exact bytes to write.

use std::sync::Arc;

use super::digest::Digest;
use super::document::{Dialect, DocId, DocRole};
use super::key::KeyId;
use super::signature::Signature;
use super::signed::Body;
use super::wire::json::{Json, Limits, parse};
use super::wire::{WireError, certificate, envelope, notary1, tuf1};

/// A document that was drafted: it has no bytes and cannot be signed.
#[derive(Debug, Clone)]
pub struct Draft<T> {
    id: DocId,
    dialect: Dialect,
    body: T,
}

impl<T: Body> Draft<T> {
    /// Takes a body for a document.
    pub const fn new(id: DocId, dialect: Dialect, body: T) -> Self {
        Self { id, dialect, body }
    }

    /// Makes the bytes to sign and the bytes to write, and proves that the second lead back to the first.
    pub fn payload(self) -> Result<Payload, WireError> {
        let signed = self.body.write(self.dialect);
        let to_sign = signed.canonical();
        let on_wire = match self.dialect {
            Dialect::Notary1 => signed.go_compact(),
            Dialect::Tuf1 => signed.compact(),
        };
        let again = parse(&on_wire, Limits::default())?;
        let read = T::read(self.dialect, &again)?;
        if again.canonical() != to_sign || read.write(self.dialect).canonical() != to_sign {
            return Err(WireError::NotFaithful);
        }
        Ok(Payload::new(self.id, self.dialect, to_sign, on_wire))
    }
}

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

    /// The file to write: the document with these signatures, or a certificate in PEM, which takes the one signature.
    pub fn envelope(&self, signatures: &[(KeyId, Signature)]) -> Vec<u8> {
        if let (DocRole::Certificate(_), Some((_, signature))) = (&self.id.role, signatures.first())
        {
            return certificate::signed_pem(&self.to_sign, signature).into_bytes();
        }
        // The bytes were parsed when the payload was made.
        let signed = parse(&self.on_wire, Limits::default()).unwrap_or(Json::Null);
        let entries: Vec<_> = signatures
            .iter()
            .map(|(id, signature)| match self.dialect {
                Dialect::Tuf1 => (id.clone(), None, tuf1::signature_bytes(signature)),
                Dialect::Notary1 => (
                    id.clone(),
                    Some(notary1::method(signature).to_owned()),
                    signature.as_bytes().to_vec(),
                ),
            })
            .collect();
        envelope::write(self.dialect, &signed, &entries)
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload({}, sha256 {})", self.id, self.digest())
    }
}

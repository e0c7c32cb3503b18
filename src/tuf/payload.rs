//! A payload: the exact bytes to sign, and the exact bytes to write.

use std::sync::Arc;

use super::digest::Digest;
use super::document::{Dialect, DocId, DocRole};
use super::key::KeyId;
use super::signature::Signature;
use super::signed::{Body, Unsigned};
use super::wire::canonical::{Against, Style};
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
        let Self { id, dialect, body } = self;
        let written = |style| {
            let mut out = Vec::new();
            body.write(dialect, style, &mut out);
            String::from_utf8(out).expect("text and ASCII were written")
        };
        let to_sign = Arc::new(written(Style::Canonical));
        let style = dialect.style();
        let differs = !style.leaves(&to_sign);
        let on_wire = if differs { Arc::new(written(style)) } else { Arc::clone(&to_sign) };
        drop(body);
        prove::<T>(dialect, &to_sign, &on_wire)?;
        let other = differs.then(|| Arc::unwrap_or_clone(on_wire).into_bytes().into());
        let to_sign = Arc::new(Arc::unwrap_or_clone(to_sign).into_bytes());
        let on_wire = other.unwrap_or_else(|| Arc::clone(&to_sign));
        Ok(Payload { id, dialect, to_sign, on_wire })
    }
}

/// Reads what will be written, and wants that it is what will be signed: by its text, and by what was understood of it.
fn prove<T: Body>(dialect: Dialect, to_sign: &str, on_wire: &Arc<String>) -> Result<(), WireError> {
    let read: Unsigned<T> = Unsigned::read(dialect, on_wire)?;
    let mut again = Against::new(to_sign.as_bytes());
    read.body?.write(dialect, Style::Canonical, &mut again);
    if read.signing.of(on_wire) == to_sign.as_bytes() && again.same() {
        Ok(())
    } else {
        Err(WireError::NotFaithful)
    }
}

/// The one thing that is reviewed, signed and written.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    id: DocId,
    dialect: Dialect,
    to_sign: Arc<Vec<u8>>,
    on_wire: Arc<Vec<u8>>,
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
        envelope::write(self.dialect, &self.on_wire, &entries)
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload({}, sha256 {})", self.id, self.digest())
    }
}

//! Certificates, written by hand: what the card attests, and what Notary puts beside an imported key.

use sha2::{Digest as _, Sha256};

use super::crypto::{Nonce, PrivateKey, random_bytes};
use super::tlv::element;

pub(super) const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
pub(super) const INTEGER: u8 = 0x02;
const OBJECT: u8 = 0x06;
const OCTETS: u8 = 0x04;
const BITS: u8 = 0x03;
const UTF8: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
/// The version, v3, in its explicit tag 0.
const VERSION: [u8; 5] = [0xa0, 3, INTEGER, 1, 2];
const EXTENSIONS: u8 = 0xa3;
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
const ECDSA_SHA256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const SHA256_RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];

/// How a certificate is signed: over SHA-256, both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signing {
    Ecdsa,
    Rsa,
}

impl Signing {
    fn identifier(self) -> Vec<u8> {
        let fields = match self {
            Self::Ecdsa => element(&[OBJECT], &ECDSA_SHA256),
            Self::Rsa => [element(&[OBJECT], &SHA256_RSA), vec![5, 0]].concat(),
        };
        element(&[SEQUENCE], &fields)
    }
}

/// A certificate before it is signed; all parts are DER.
pub(super) struct Draft {
    pub(super) issuer: Vec<u8>,
    pub(super) validity: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) public: Vec<u8>,
    pub(super) extensions: Vec<Vec<u8>>,
}

impl Draft {
    /// The certificate; `sign` gets the bytes to be signed.
    pub(super) fn signed(self, signing: Signing, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let mut serial = random_bytes(16);
        // Positive, and no byte too many.
        if let Some(first) = serial.first_mut() {
            *first = 0x40 | (*first & 0x3f);
        }
        let mut parts = vec![
            VERSION.to_vec(),
            element(&[INTEGER], &serial),
            signing.identifier(),
            self.issuer,
            self.validity,
            self.subject,
            self.public,
        ];
        if !self.extensions.is_empty() {
            parts.push(element(&[EXTENSIONS], &element(&[SEQUENCE], &self.extensions.concat())));
        }
        let content = element(&[SEQUENCE], &parts.concat());
        let signature = [vec![0], sign(&content)].concat();
        let parts = [content, signing.identifier(), element(&[BITS], &signature)];
        element(&[SEQUENCE], &parts.concat())
    }
}

/// A name that is only a common name.
pub(super) fn common_name(name: &str) -> Vec<u8> {
    let pair = [element(&[OBJECT], &COMMON_NAME), element(&[UTF8], name.as_bytes())].concat();
    element(&[SEQUENCE], &element(&[SET], &element(&[SEQUENCE], &pair)))
}

/// An extension that is not critical; `oid` is the DER content of its identifier.
pub(super) fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
    element(&[SEQUENCE], &[element(&[OBJECT], oid), element(&[OCTETS], value)].concat())
}

/// A certificate of a P-256 key for itself, valid from 2020 to 2049: with the name `root` it is what Notary writes beside a
/// root key that it imports.
pub(crate) fn self_signed(key: &PrivateKey, name: &str) -> Vec<u8> {
    let time = |text: &[u8]| element(&[UTC_TIME], text);
    let draft = Draft {
        issuer: common_name(name),
        validity: element(&[SEQUENCE], &[time(b"200101000000Z"), time(b"491231235959Z")].concat()),
        subject: common_name(name),
        public: key.public(),
        extensions: Vec::new(),
    };
    draft.signed(Signing::Ecdsa, |content| {
        key.sign(&Sha256::digest(content), Nonce::Random).expect("a digest of 32 bytes")
    })
}

//! Public keys: one canonical form for every algorithm, and the fingerprint made from it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;
use p256::pkcs8::{DecodePublicKey, EncodePublicKey};
use serde::{Deserialize, Serialize};
use spki::SubjectPublicKeyInfoRef;

use super::digest::{Digest, NotADigest};
use super::recent::{self, Readings};
use super::roca;
use super::signature::Signature;

/// A public key, held as its `SubjectPublicKeyInfo` in DER (RFC 5280 4.1.2.7): points uncompressed, so
/// that one key has one form and equality means *the same key*, whatever a document called it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey {
    algorithm: Algorithm,
    spki: Vec<u8>,
}

/// What kind of key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ECDSA over P-256 with SHA-256 (FIPS 186-5).
    P256,
    /// ECDSA over P-384; TUF hashes with SHA-384, Notary with SHA-256.
    P384,
    /// RSA: signed by tokens only.
    Rsa,
}

/// SHA-256 of a key's `SubjectPublicKeyInfo` DER: the same for every dialect and algorithm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(Digest);

/// What a document calls a key: opaque text, by default a hash in hex that depends on the dialect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` in DER.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, BadKey> {
        READ.with(|last| recent::reading(last, der, || Self::read(der)))
    }

    fn read(der: &[u8]) -> Result<Self, BadKey> {
        let info = SubjectPublicKeyInfoRef::try_from(der).map_err(|_| BadKey::NotSpki)?;
        match info.algorithm.oid.to_string().as_str() {
            OID_ED25519 => {
                let bytes = info.subject_public_key.raw_bytes();
                let bytes: [u8; 32] =
                    bytes.try_into().map_err(|_| BadKey::Length { found: bytes.len() })?;
                Self::on_curve(&bytes)
            }
            OID_EC => p256::PublicKey::from_public_key_der(der)
                .map(|key| Self::from_p256(&key))
                .or_else(|_| {
                    p384::PublicKey::from_public_key_der(der).map(|key| Self::from_p384(&key))
                })
                .map_err(|_| BadKey::Curve),
            OID_RSA => {
                let key =
                    rsa::RsaPublicKey::from_public_key_der(der).map_err(|_| BadKey::NotSpki)?;
                let spki = key.to_public_key_der().map_err(|_| BadKey::NotSpki)?;
                Ok(Self { algorithm: Algorithm::Rsa, spki: spki.into_vec() })
            }
            other => Err(BadKey::Algorithm { oid: other.to_owned() }),
        }
    }

    /// Reads a `PUBLIC KEY` PEM (RFC 7468 section 13).
    pub fn from_pem(text: &str) -> Result<Self, BadKey> {
        let (label, der) = der::pem::decode_vec(text.as_bytes()).map_err(|_| BadKey::NotPem)?;
        if label != "PUBLIC KEY" {
            return Err(BadKey::NotPem);
        }
        Self::from_spki_der(&der)
    }

    /// Takes the 32 bytes of an Ed25519 public key (RFC 8032 5.1.5); a point that is not on the curve is refused.
    pub fn from_ed25519(bytes: &[u8; 32]) -> Result<Self, BadKey> {
        POINTS.with(|last| recent::reading(last, bytes, || Self::on_curve(bytes)))
    }

    fn on_curve(bytes: &[u8; 32]) -> Result<Self, BadKey> {
        ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| BadKey::Point)?;
        let spki = [ED25519_SPKI_PREFIX, bytes].concat();
        Ok(Self { algorithm: Algorithm::Ed25519, spki })
    }

    /// Reads a P-256 or P-384 point as SEC 1 bytes, compressed or not.
    pub fn from_sec1_point(bytes: &[u8]) -> Result<Self, BadKey> {
        match bytes.len() {
            33 | 65 => p256::PublicKey::from_sec1_bytes(bytes)
                .map(|key| Self::from_p256(&key))
                .map_err(|_| BadKey::Point),
            49 | 97 => p384::PublicKey::from_sec1_bytes(bytes)
                .map(|key| Self::from_p384(&key))
                .map_err(|_| BadKey::Point),
            found => Err(BadKey::Length { found }),
        }
    }

    /// Takes an RSA modulus and public exponent, big-endian.
    pub fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, BadKey> {
        use rsa::BoxedUint;
        let number = |bytes: &[u8]| BoxedUint::from_be_slice_vartime(bytes);
        let key = rsa::RsaPublicKey::new(number(modulus), number(exponent))
            .map_err(|_| BadKey::Length { found: modulus.len() })?;
        let spki = key.to_public_key_der().map_err(|_| BadKey::NotSpki)?;
        Ok(Self { algorithm: Algorithm::Rsa, spki: spki.into_vec() })
    }

    fn from_p256(key: &p256::PublicKey) -> Self {
        let der = key.to_public_key_der().expect("a P-256 key always has a DER form");
        Self { algorithm: Algorithm::P256, spki: der.into_vec() }
    }

    fn from_p384(key: &p384::PublicKey) -> Self {
        let der = key.to_public_key_der().expect("a P-384 key always has a DER form");
        Self { algorithm: Algorithm::P384, spki: der.into_vec() }
    }

    /// What kind of key it is.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key as `SubjectPublicKeyInfo` DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The key as `PUBLIC KEY` PEM with a final newline.
    pub fn to_pem(&self) -> String {
        der::pem::encode_string("PUBLIC KEY", der::pem::LineEnding::LF, &self.spki)
            .expect("the label is valid and the length is bounded")
    }

    /// The 32 bytes of an Ed25519 key, nothing for other algorithms.
    pub fn ed25519_bytes(&self) -> Option<[u8; 32]> {
        let bytes = self.spki.strip_prefix(ED25519_SPKI_PREFIX)?;
        bytes.try_into().ok()
    }

    /// The size of an RSA modulus in bits, nothing for other algorithms.
    pub fn rsa_bits(&self) -> Option<usize> {
        use rsa::traits::PublicKeyParts as _;
        let key = rsa::RsaPublicKey::from_public_key_der(&self.spki).ok()?;
        Some(key.n().bit_width().try_into().unwrap_or(usize::MAX))
    }

    /// Whether it is an RSA key of the library that made weak primes (ROCA, CVE-2017-15361): its private half can be
    /// computed.
    pub fn is_roca(&self) -> bool {
        use rsa::traits::PublicKeyParts as _;
        rsa::RsaPublicKey::from_public_key_der(&self.spki)
            .is_ok_and(|key| roca::has_fingerprint(&key.n().to_be_bytes()))
    }

    /// SHA-256 of the `SubjectPublicKeyInfo` DER.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Digest::of(&self.spki))
    }

    /// Whether `signature` is this key's over `message`. A signature of another kind than the key is not.
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        recent::verifies(self, message, signature)
    }
}

thread_local! {
    static READ: Readings<PublicKey> = const { RefCell::new(VecDeque::new()) };
    static POINTS: Readings<PublicKey> = const { RefCell::new(VecDeque::new()) };
}

const OID_ED25519: &str = "1.3.101.112";
const OID_EC: &str = "1.2.840.10045.2.1";
const OID_RSA: &str = "1.2.840.113549.1.1.1";
/// SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING of 32 bytes }: RFC 8410 section 4.
const ED25519_SPKI_PREFIX: &[u8] =
    &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.algorithm, self.fingerprint())
    }
}

impl TryFrom<String> for PublicKey {
    type Error = BadKey;
    fn try_from(text: String) -> Result<Self, BadKey> {
        let der = BASE64.decode(text.as_bytes()).map_err(|_| BadKey::NotSpki)?;
        Self::from_spki_der(&der)
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        BASE64.encode(&key.spki)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "Ed25519",
            Self::P256 => "ECDSA P-256",
            Self::P384 => "ECDSA P-384",
            Self::Rsa => "RSA",
        })
    }
}

impl Fingerprint {
    /// The digest that the fingerprint is.
    pub const fn digest(&self) -> Digest {
        self.0
    }
}

impl From<Digest> for Fingerprint {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Fingerprint {
    type Err = NotADigest;
    fn from_str(text: &str) -> Result<Self, NotADigest> {
        text.parse().map(Self)
    }
}

impl KeyId {
    /// Takes the text by which a document calls a key.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why bytes are not a public key that we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not a `SubjectPublicKeyInfo`.
    #[error("expected a SubjectPublicKeyInfo in DER, found other bytes")]
    NotSpki,
    /// Not hex.
    #[error("expected 64 hex digits")]
    NotHex,
    /// Not a `PUBLIC KEY` PEM.
    #[error("expected a PEM block labelled PUBLIC KEY")]
    NotPem,
    /// An algorithm that is not read.
    #[error("algorithm {oid} is not one of Ed25519, ECDSA and RSA")]
    Algorithm {
        /// The object identifier found.
        oid: String,
    },
    /// An elliptic curve that is neither P-256 nor P-384.
    #[error("the elliptic curve is neither P-256 nor P-384, or the point is not on it")]
    Curve,
    /// A wrong number of bytes.
    #[error("{found} bytes are not the length of a key")]
    Length {
        /// How many bytes there were.
        found: usize,
    },
    /// Bytes that are not a point on the curve.
    #[error("the bytes are not a point on the curve")]
    Point,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn compressed_and_uncompressed_points_are_one_key() {
        use p256::elliptic_curve::sec1::ToSec1Point as _;
        let secret = p256::SecretKey::from_slice(&[7; 32]).unwrap();
        let public = secret.public_key();
        let short = PublicKey::from_sec1_point(public.to_sec1_point(true).as_bytes()).unwrap();
        let long = PublicKey::from_sec1_point(public.to_sec1_point(false).as_bytes()).unwrap();
        assert_eq!(short, long);
        assert_eq!(PublicKey::from_pem(&long.to_pem()).unwrap(), long);
    }

    #[test]
    fn a_key_of_31_bytes_is_refused() {
        let mut der = ED25519_SPKI_PREFIX.to_vec();
        der.extend_from_slice(&[1; 31]);
        assert!(PublicKey::from_spki_der(&der).is_err());
        let whole = ed25519_dalek::SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes();
        let der = [ED25519_SPKI_PREFIX, &whole].concat();
        assert!(PublicKey::from_spki_der(&der).is_ok());
        assert!(PublicKey::from_spki_der(&[&der[..], &[1]].concat()).is_err());
    }

    #[test]
    fn ed25519_bytes_come_back_out() {
        let secret = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
        let bytes = secret.verifying_key().to_bytes();
        let key = PublicKey::from_ed25519(&bytes).unwrap();
        assert_eq!(PublicKey::from_spki_der(key.spki_der()).unwrap(), key);
        assert_eq!(key.ed25519_bytes(), Some(bytes));
        assert_eq!(key.algorithm(), Algorithm::Ed25519);
    }
}

//! Signatures, typed by what they are, so that no wire encoding is ever confused with another.

use std::fmt;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::key::{Algorithm, PublicKey};

/// One signature as a number or a pair of numbers, without any wire encoding.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Signature {
    /// Ed25519, 64 bytes (RFC 8032 5.1.6).
    Ed25519([u8; 64]),
    /// ECDSA, `r` then `s`, big-endian, each as long as the curve's field (32 or 48 bytes).
    Ecdsa {
        /// The hash that was signed.
        hash: Hash,
        /// `r` and `s`, 64 or 96 bytes.
        rs: Vec<u8>,
    },
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 8017 8.1).
    RsaPss(Vec<u8>),
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 8.2).
    RsaPkcs1(Vec<u8>),
}

/// The hash inside an ECDSA signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Hash {
    /// SHA-256: P-256 everywhere, and P-384 in Notary v1.
    Sha256,
    /// SHA-384: P-384 in TUF.
    Sha384,
}

impl Signature {
    /// Reads `r` and `s` from an ASN.1 `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 2.2.3).
    pub fn from_ecdsa_der(algorithm: Algorithm, hash: Hash, der: &[u8]) -> Option<Self> {
        let rs = match algorithm {
            Algorithm::P256 => p256::ecdsa::Signature::from_der(der).ok()?.to_bytes().to_vec(),
            Algorithm::P384 => p384::ecdsa::Signature::from_der(der).ok()?.to_bytes().to_vec(),
            Algorithm::Ed25519 | Algorithm::Rsa => return None,
        };
        Some(Self::Ecdsa { hash, rs })
    }

    /// Writes an ECDSA signature as ASN.1 DER; nothing for other kinds.
    pub fn to_ecdsa_der(&self) -> Option<Vec<u8>> {
        match self {
            Self::Ecdsa { rs, .. } => p256::ecdsa::Signature::from_slice(rs)
                .map(|s| s.to_der().as_bytes().to_vec())
                .or_else(|_| {
                    p384::ecdsa::Signature::from_slice(rs).map(|s| s.to_der().as_bytes().to_vec())
                })
                .ok(),
            Self::Ed25519(_) | Self::RsaPss(_) | Self::RsaPkcs1(_) => None,
        }
    }

    /// The half of an ECDSA signature that must never repeat over different messages; nothing for other kinds.
    pub fn ecdsa_r(&self) -> Option<&[u8]> {
        match self {
            Self::Ecdsa { rs, .. } => rs.get(..rs.len() / 2),
            Self::Ed25519(_) | Self::RsaPss(_) | Self::RsaPkcs1(_) => None,
        }
    }

    /// The bytes as TUF and Notary carry them before their text encoding, ECDSA as `r` then `s`.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) => bytes,
            Self::Ecdsa { rs, .. } => rs,
            Self::RsaPss(bytes) | Self::RsaPkcs1(bytes) => bytes,
        }
    }

    /// What our records call its kind.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ed25519",
            Self::Ecdsa { hash: Hash::Sha256, .. } => "ecdsa-sha256",
            Self::Ecdsa { hash: Hash::Sha384, .. } => "ecdsa-sha384",
            Self::RsaPss(_) => "rsa-pss",
            Self::RsaPkcs1(_) => "rsa-pkcs1",
        }
    }

    /// Whether this is `key`'s signature over `message`.
    pub(super) fn is_by(&self, key: &PublicKey, message: &[u8]) -> bool {
        match (self, key.algorithm()) {
            (Self::Ed25519(bytes), Algorithm::Ed25519) => ed25519(key, message, bytes),
            (Self::Ecdsa { hash, rs }, Algorithm::P256) => p256(key, message, *hash, rs),
            (Self::Ecdsa { hash, rs }, Algorithm::P384) => p384(key, message, *hash, rs),
            (Self::RsaPss(bytes), Algorithm::Rsa) => rsa_pss(key, message, bytes),
            (Self::RsaPkcs1(bytes), Algorithm::Rsa) => rsa_pkcs1(key, message, bytes),
            (
                Self::Ed25519(_) | Self::Ecdsa { .. } | Self::RsaPss(_) | Self::RsaPkcs1(_),
                Algorithm::Ed25519 | Algorithm::P256 | Algorithm::P384 | Algorithm::Rsa,
            ) => false,
        }
    }
}

fn ed25519(key: &PublicKey, message: &[u8], bytes: &[u8; 64]) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(bytes);
    key.ed25519_bytes()
        .and_then(|bytes| ed25519_dalek::VerifyingKey::from_bytes(&bytes).ok())
        .is_some_and(|key| key.verify_strict(message, &signature).is_ok())
}

fn prehash(hash: Hash, message: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    match hash {
        Hash::Sha256 => sha2::Sha256::digest(message).to_vec(),
        Hash::Sha384 => sha2::Sha384::digest(message).to_vec(),
    }
}

fn p256(key: &PublicKey, message: &[u8], hash: Hash, rs: &[u8]) -> bool {
    use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
    use p256::pkcs8::DecodePublicKey as _;
    let (Ok(signature), Ok(key)) = (
        p256::ecdsa::Signature::from_slice(rs),
        p256::ecdsa::VerifyingKey::from_public_key_der(key.spki_der()),
    ) else {
        return false;
    };
    key.verify_prehash(&prehash(hash, message), &signature).is_ok()
}

fn p384(key: &PublicKey, message: &[u8], hash: Hash, rs: &[u8]) -> bool {
    use p384::ecdsa::signature::hazmat::PrehashVerifier as _;
    use p384::pkcs8::DecodePublicKey as _;
    let (Ok(signature), Ok(key)) = (
        p384::ecdsa::Signature::from_slice(rs),
        p384::ecdsa::VerifyingKey::from_public_key_der(key.spki_der()),
    ) else {
        return false;
    };
    key.verify_prehash(&prehash(hash, message), &signature).is_ok()
}

fn rsa_key(key: &PublicKey) -> Option<rsa::RsaPublicKey> {
    use p256::pkcs8::DecodePublicKey as _;
    let bits = key.rsa_bits()?;
    if !(2048..=8192).contains(&bits) {
        return None;
    }
    rsa::RsaPublicKey::from_public_key_der(key.spki_der()).ok()
}

fn rsa_pss(key: &PublicKey, message: &[u8], bytes: &[u8]) -> bool {
    use rsa::signature::Verifier as _;
    let (Some(key), Ok(signature)) = (rsa_key(key), rsa::pss::Signature::try_from(bytes)) else {
        return false;
    };
    rsa::pss::VerifyingKey::<sha2::Sha256>::new(key).verify(message, &signature).is_ok()
}

fn rsa_pkcs1(key: &PublicKey, message: &[u8], bytes: &[u8]) -> bool {
    use rsa::signature::Verifier as _;
    let (Some(key), Ok(signature)) = (rsa_key(key), rsa::pkcs1v15::Signature::try_from(bytes))
    else {
        return false;
    };
    rsa::pkcs1v15::VerifyingKey::<sha2::Sha256>::new(key).verify(message, &signature).is_ok()
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from(self.clone()))
    }
}

impl From<Signature> for String {
    fn from(signature: Signature) -> Self {
        format!("{}:{}", signature.kind(), BASE64.encode(signature.as_bytes()))
    }
}

impl TryFrom<String> for Signature {
    type Error = BadSignature;
    fn try_from(text: String) -> Result<Self, BadSignature> {
        let (kind, bytes) = text.split_once(':').ok_or(BadSignature)?;
        let bytes = BASE64.decode(bytes.as_bytes()).map_err(|_| BadSignature)?;
        match kind {
            "ed25519" => bytes.try_into().map(Self::Ed25519).map_err(|_| BadSignature),
            "ecdsa-sha256" => Ok(Self::Ecdsa { hash: Hash::Sha256, rs: bytes }),
            "ecdsa-sha384" => Ok(Self::Ecdsa { hash: Hash::Sha384, rs: bytes }),
            "rsa-pss" => Ok(Self::RsaPss(bytes)),
            "rsa-pkcs1" => Ok(Self::RsaPkcs1(bytes)),
            _ => Err(BadSignature),
        }
    }
}

/// The text is not a signature as our records write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a signature such as ed25519:BASE64")]
pub struct BadSignature;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn an_ecdsa_signature_survives_der_and_counts_for_its_key_only() {
        use p256::ecdsa::signature::Signer as _;
        let secret = p256::ecdsa::SigningKey::from_slice(&[5; 32]).unwrap();
        let made: p256::ecdsa::Signature = secret.sign(b"message");
        let point = secret.verifying_key().to_sec1_point(false);
        let key = PublicKey::from_sec1_point(point.as_bytes()).unwrap();
        let der = made.to_der();
        let read =
            Signature::from_ecdsa_der(Algorithm::P256, Hash::Sha256, der.as_bytes()).unwrap();
        assert!(key.verifies(b"message", &read));
        assert!(!key.verifies(b"massage", &read));
        let longer = p384::ecdsa::SigningKey::from_slice(&[5; 48]).unwrap();
        let point = longer.verifying_key().to_sec1_point(false);
        let longer = PublicKey::from_sec1_point(point.as_bytes()).unwrap();
        assert!(!longer.verifies(b"message", &read));
        assert_eq!(read.to_ecdsa_der().unwrap(), der.as_bytes());
        let text = String::from(read.clone());
        assert_eq!(Signature::try_from(text).unwrap(), read);
    }

    #[test]
    fn a_signature_of_another_kind_never_counts() {
        let secret = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
        let key = PublicKey::from_ed25519(&secret.verifying_key().to_bytes()).unwrap();
        assert!(!key.verifies(b"m", &Signature::RsaPss(vec![0; 64])));
        assert!(!key.verifies(b"m", &Signature::Ed25519([0; 64])));
        let own = ed25519_dalek::Signer::sign(&secret, b"m").to_bytes();
        assert!(!key.verifies(b"m", &Signature::RsaPss(own.to_vec())));
        assert!(key.verifies(b"m", &Signature::Ed25519(own)));
    }
}

//! The keys in the slots, and randomness.

use std::fmt;

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::signature::hazmat::RandomizedPrehashSigner as _;
use p256::elliptic_curve::ops::{Invert as _, Reduce};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use spki::EncodePublicKey as _;

/// What a key is for, with the numbers that PIV gives the algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    P256,
    P384,
    /// From firmware 5.7 on.
    Ed25519,
}

impl Algorithm {
    pub(super) fn from_code(code: u8) -> Option<Self> {
        [Self::P256, Self::P384, Self::Ed25519].into_iter().find(|found| found.code() == code)
    }

    pub(super) fn code(self) -> u8 {
        match self {
            Self::P256 => 0x11,
            Self::P384 => 0x14,
            Self::Ed25519 => 0xe0,
        }
    }

    /// Bytes of the private key.
    fn size(self) -> usize {
        match self {
            Self::P256 | Self::Ed25519 => 32,
            Self::P384 => 48,
        }
    }
}

/// An ECDSA signature over a digest of the curve's size, DER; the same lines for two curves.
macro_rules! ecdsa {
    ($curve:ident, $key:expr, $digest:expr, $nonce:expr) => {{
        let digest = $digest;
        let made: $curve::ecdsa::Signature = match $nonce {
            Nonce::Random => $key.sign_prehash_with_rng(&mut getrandom::SysRng, &digest).ok()?,
            Nonce::Fixed => {
                let number = |bytes: &[u8]| {
                    $curve::FieldBytes::try_from(bytes)
                        .ok()
                        .map(|bytes| <$curve::Scalar as Reduce<$curve::FieldBytes>>::reduce(&bytes))
                };
                let k = $curve::SecretKey::from_slice(&padded(&NONCE, digest.len())?).ok()?;
                let r = number(k.public_key().to_sec1_point(false).x()?)?;
                let d: $curve::Scalar = **$key.as_nonzero_scalar();
                let inverse = *k.to_nonzero_scalar().invert();
                let s = inverse * (number(&digest)? + r * d);
                $curve::ecdsa::Signature::from_scalars(r, s).ok()?
            }
        };
        Some(made.to_der().as_bytes().to_vec())
    }};
}

/// A private key.
#[derive(Clone)]
pub(crate) enum PrivateKey {
    P256(Box<p256::ecdsa::SigningKey>),
    P384(Box<p384::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?})", self.algorithm())
    }
}

/// Where the secret number of an ECDSA signature comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nonce {
    Random,
    /// The same for every signature, as a broken generator would have it.
    Fixed,
}

impl PrivateKey {
    /// A new key.
    pub(crate) fn generate(algorithm: Algorithm) -> Self {
        loop {
            // Nearly every number is a scalar of its curve.
            if let Some(key) = Self::from_bytes(algorithm, &random_bytes(algorithm.size())) {
                return key;
            }
        }
    }

    /// The scalar (big endian) or the Ed25519 seed; none when it is not a key of that curve.
    pub(crate) fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        match algorithm {
            Algorithm::P256 => {
                p256::ecdsa::SigningKey::from_slice(bytes).ok().map(Box::new).map(Self::P256)
            }
            Algorithm::P384 => {
                p384::ecdsa::SigningKey::from_slice(bytes).ok().map(Box::new).map(Self::P384)
            }
            Algorithm::Ed25519 => bytes
                .try_into()
                .ok()
                .map(|seed| Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))),
        }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256(_) => Algorithm::P256,
            Self::P384(_) => Algorithm::P384,
            Self::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The public point as PIV has it: uncompressed, or the 32 bytes of Ed25519.
    pub(super) fn point(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::P384(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::Ed25519(key) => key.verifying_key().as_bytes().to_vec(),
        }
    }

    /// The public key, DER `SubjectPublicKeyInfo`.
    pub(crate) fn public(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => p256::PublicKey::from(key.verifying_key()).to_public_key_der(),
            Self::P384(key) => p384::PublicKey::from(key.verifying_key()).to_public_key_der(),
            Self::Ed25519(key) => key.verifying_key().to_public_key_der(),
        }
        .expect("a public key has a DER form")
        .into_vec()
    }

    /// Signs a digest (ECDSA: DER of r and s) or a message (Ed25519: 64 bytes); none when a digest is too long.
    pub(super) fn sign(&self, input: &[u8], nonce: Nonce) -> Option<Vec<u8>> {
        match self {
            Self::P256(key) => ecdsa!(p256, key, padded(input, 32)?, nonce),
            Self::P384(key) => ecdsa!(p384, key, padded(input, 48)?, nonce),
            Self::Ed25519(key) => Some(key.sign(input).to_bytes().to_vec()),
        }
    }
}

const NONCE: [u8; 32] = [0x5a; 32];

/// A digest as a number of the curve's size.
fn padded(digest: &[u8], size: usize) -> Option<Vec<u8>> {
    let missing = size.checked_sub(digest.len())?;
    Some([vec![0; missing], digest.to_vec()].concat())
}

/// That many random bytes.
pub(super) fn random_bytes(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

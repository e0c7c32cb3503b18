//! Throw-away keys for checks and rehearsals: the same seed always makes the same keys.
//!
//! Nothing made with them can pass as real: a real ceremony computes the keys of its plan's twins again and refuses them.

mod rsa;

use ed25519_dalek::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use sha2::{Digest as _, Sha256, Sha384};

use super::digest::Digest;
use super::document::Dialect;
use super::key::{Algorithm, PublicKey};
use super::signature::{Hash, Signature};

/// A key that anybody who knows the seed can make.
pub struct ForgedKey {
    public: PublicKey,
    secret: Secret,
    hash: Hash,
}

enum Secret {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Rsa(Box<rsa::Forged>),
}

impl ForgedKey {
    /// Makes the key that `label` has under `seed`: SHA-256(`anchorite-forge-1` ‖ seed ‖ counter ‖ label), with the counter raised
    /// until the bytes are a scalar. An RSA key has 3072 bits, out of numbers that begin with the same hash.
    pub fn new(seed: &Digest, label: &str, algorithm: Algorithm) -> Option<Self> {
        (0_u8..=255).find_map(|counter| {
            let half = |part: u8| {
                let mut hash = Sha256::new();
                hash.update(b"anchorite-forge-1");
                hash.update(seed.as_bytes());
                hash.update([part, counter]);
                hash.update(label.as_bytes());
                <[u8; 32]>::from(hash.finalize())
            };
            let (secret, public) = match algorithm {
                Algorithm::Ed25519 => {
                    let secret = ed25519_dalek::SigningKey::from_bytes(&half(0));
                    let public =
                        PublicKey::from_ed25519(&secret.verifying_key().to_bytes()).ok()?;
                    (Secret::Ed25519(Box::new(secret)), public)
                }
                Algorithm::P256 => {
                    let secret = p256::ecdsa::SigningKey::from_slice(&half(0)).ok()?;
                    let point = secret.verifying_key().to_sec1_point(false);
                    (Secret::P256(secret), PublicKey::from_sec1_point(point.as_bytes()).ok()?)
                }
                Algorithm::P384 => {
                    let bytes = [half(0), half(1)].concat();
                    let secret = p384::ecdsa::SigningKey::from_slice(bytes.get(..48)?).ok()?;
                    let point = secret.verifying_key().to_sec1_point(false);
                    (Secret::P384(secret), PublicKey::from_sec1_point(point.as_bytes()).ok()?)
                }
                Algorithm::Rsa => {
                    let secret = rsa::Forged::new(&half(0))?;
                    let public = secret.public_key()?;
                    (Secret::Rsa(Box::new(secret)), public)
                }
            };
            Some(Self { public, secret, hash: Hash::Sha384 })
        })
    }

    /// Makes it sign as a dialect wants: Notary hashes with SHA-256 under every curve.
    #[must_use]
    pub const fn for_dialect(mut self, dialect: Dialect) -> Self {
        self.hash = match dialect {
            Dialect::Notary1 => Hash::Sha256,
            Dialect::Tuf1 => Hash::Sha384,
        };
        self
    }

    /// The public half.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message; the same message always gets the same signature (RFC 8032, RFC 6979; the salt of RSA-PSS is a hash).
    pub fn sign(&self, message: &[u8]) -> Signature {
        match &self.secret {
            Secret::Ed25519(key) => Signature::Ed25519(key.sign(message).to_bytes()),
            Secret::P256(key) => {
                let made: p256::ecdsa::Signature = key
                    .sign_prehash(&Sha256::digest(message))
                    .expect("a digest of 32 bytes can always be signed");
                Signature::Ecdsa { hash: Hash::Sha256, rs: made.to_bytes().to_vec() }
            }
            Secret::P384(key) => {
                let digest = match self.hash {
                    Hash::Sha256 => Sha256::digest(message).to_vec(),
                    Hash::Sha384 => Sha384::digest(message).to_vec(),
                };
                let made: p384::ecdsa::Signature = key
                    .sign_prehash(&digest)
                    .expect("a digest of at least 32 bytes can always be signed");
                Signature::Ecdsa { hash: self.hash, rs: made.to_bytes().to_vec() }
            }
            Secret::Rsa(key) => Signature::RsaPss(key.sign(message)),
        }
    }
}

impl ForgedKey {
    /// Signs a certificate: as everything else, but RSA with PKCS#1 v1.5 (RFC 4055), as certificates have it.
    pub fn sign_certificate(&self, tbs: &[u8]) -> Signature {
        match &self.secret {
            Secret::Rsa(key) => Signature::RsaPkcs1(key.sign_certificate(tbs)),
            Secret::Ed25519(_) | Secret::P256(_) | Secret::P384(_) => self.sign(tbs),
        }
    }

    /// Signs as a broken token would: P-256 with one and the same nonce for every message, the other algorithms as always.
    /// Whoever sees two such signatures can compute the key, which is why it is played.
    pub fn sign_with_one_nonce(&self, message: &[u8]) -> Signature {
        use p256::elliptic_curve::ops::Reduce as _;
        use p256::elliptic_curve::sec1::ToSec1Point as _;
        let Secret::P256(key) = &self.secret else { return self.sign(message) };
        let nonce = p256::SecretKey::from_slice(&[0x5a; 32]).expect("it is below the order");
        let point = nonce.public_key().to_sec1_point(false);
        let x = point.x().expect("the point of a key is not at infinity");
        // FIPS 186-5, 6.4.1: r is the point's x, s = (digest + r * key) / nonce.
        let r = p256::Scalar::reduce(x);
        let z = p256::Scalar::reduce(&Sha256::digest(message));
        let inverse = nonce.to_nonzero_scalar().invert().into_option().expect("it is not zero");
        let s = inverse * (z + r * key.as_nonzero_scalar().as_ref());
        let made = p256::ecdsa::Signature::from_scalars(r, s).expect("neither half is zero");
        Signature::Ecdsa { hash: Hash::Sha256, rs: made.to_bytes().to_vec() }
    }
}

impl std::fmt::Debug for ForgedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ForgedKey({:?})", self.public)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_key_and_another_label_another() {
        let seed = Digest::of(b"seed");
        for algorithm in [Algorithm::Ed25519, Algorithm::P256, Algorithm::P384, Algorithm::Rsa] {
            let key = ForgedKey::new(&seed, "a", algorithm).unwrap();
            let again = ForgedKey::new(&seed, "a", algorithm).unwrap();
            let other = ForgedKey::new(&seed, "b", algorithm).unwrap();
            assert_eq!(key.public_key(), again.public_key());
            assert_ne!(key.public_key(), other.public_key());
            assert_eq!(key.sign(b"m"), again.sign(b"m"));
            assert!(key.public_key().verifies(b"m", &key.sign(b"m")));
        }
    }

    #[test]
    fn an_rsa_key_has_3072_bits_and_the_salt_that_notary_wants() {
        let key = ForgedKey::new(&Digest::of(b"seed"), "a", Algorithm::Rsa).unwrap();
        assert_eq!(key.public_key().rsa_bits(), Some(3072));
        assert!(!key.public_key().is_roca());
        assert_ne!(key.sign(b"m"), key.sign(b"n"));
    }
}

//! A private key in memory: made from the system's random source, or read from PKCS#8.

use ed25519_dalek::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::elliptic_curve::Generate as _;
use pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding, SecretDocument};
use sha2::{Digest as _, Sha256, Sha384};
use zeroize::Zeroizing;

use crate::tuf::key::{Algorithm, PublicKey};
use crate::tuf::signature::{Hash, Signature};

use super::TokenError;
use super::pages::Locked;

/// A private key, in a locked page. It is wiped when dropped, cannot be copied, and shows only its public half in `Debug`.
pub struct SoftwareKey {
    public: PublicKey,
    secret: Private,
    hash: Hash,
}

enum Private {
    Ed25519(Locked<ed25519_dalek::SigningKey>),
    P256(Locked<p256::ecdsa::SigningKey>),
    P384(Locked<p384::ecdsa::SigningKey>),
}

impl SoftwareKey {
    /// Makes a new key from the operating system's random source.
    pub fn generate(algorithm: Algorithm) -> Result<Self, TokenError> {
        let mut random = rand_core::UnwrapErr(getrandom::SysRng);
        let secret = match algorithm {
            Algorithm::Ed25519 => {
                let mut seed = Zeroizing::new([0; 32]);
                rand_core::Rng::fill_bytes(&mut random, seed.as_mut_slice());
                Private::Ed25519(Locked::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
            }
            Algorithm::P256 => {
                Private::P256(Locked::new(p256::ecdsa::SigningKey::generate_from_rng(&mut random)))
            }
            Algorithm::P384 => {
                Private::P384(Locked::new(p384::ecdsa::SigningKey::generate_from_rng(&mut random)))
            }
            Algorithm::Rsa => {
                return Err(TokenError::Unsupported("RSA keys are made in tokens only".into()));
            }
        };
        Self::of(secret)
    }

    fn of(secret: Private) -> Result<Self, TokenError> {
        let public = match &secret {
            Private::Ed25519(key) => PublicKey::from_ed25519(&key.verifying_key().to_bytes()),
            Private::P256(key) => {
                PublicKey::from_sec1_point(key.verifying_key().to_sec1_point(false).as_bytes())
            }
            Private::P384(key) => {
                PublicKey::from_sec1_point(key.verifying_key().to_sec1_point(false).as_bytes())
            }
        };
        let public = public.map_err(|why| TokenError::Unsupported(why.to_string()))?;
        Ok(Self { public, secret, hash: Hash::Sha384 })
    }

    /// Which hash a P-384 key signs over: SHA-384 in TUF, SHA-256 in Notary. Other keys have no choice.
    #[must_use]
    pub fn with_hash(mut self, hash: Hash) -> Self {
        self.hash = hash;
        self
    }

    /// The public half.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The key as PKCS#8 version 1 in PEM (RFC 5958), which OpenSSL reads: without the public key where version 2 would
    /// add it.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, TokenError> {
        self.to_pkcs8()?
            .to_pem("PRIVATE KEY", LineEnding::LF)
            .map_err(|error| TokenError::Unsupported(error.to_string()))
    }

    /// The key as PKCS#8 version 1 in DER.
    pub fn to_pkcs8(&self) -> Result<SecretDocument, TokenError> {
        let made = match &self.secret {
            Private::Ed25519(key) => {
                let pair = ed25519_dalek::pkcs8::KeypairBytes {
                    secret_key: key.to_bytes(),
                    public_key: None,
                };
                pair.to_pkcs8_der()
            }
            Private::P256(key) => p256::SecretKey::from(&**key).to_pkcs8_der(),
            Private::P384(key) => p384::SecretKey::from(&**key).to_pkcs8_der(),
        };
        made.map_err(|error| TokenError::Unsupported(error.to_string()))
    }

    /// Reads a `PRIVATE KEY` PEM; nothing where it is not one that we can use.
    pub fn from_pkcs8_pem(pem: &str) -> Option<Self> {
        let secret = ed25519_dalek::SigningKey::from_pkcs8_pem(pem)
            .map(|key| Private::Ed25519(Locked::new(key)))
            .or_else(|_| {
                p256::ecdsa::SigningKey::from_pkcs8_pem(pem)
                    .map(|key| Private::P256(Locked::new(key)))
            })
            .or_else(|_| {
                p384::ecdsa::SigningKey::from_pkcs8_pem(pem)
                    .map(|key| Private::P384(Locked::new(key)))
            })
            .ok()?;
        Self::of(secret).ok()
    }

    /// Takes the seed of an Ed25519 key (RFC 8032 5.1.5).
    pub fn from_ed25519_seed(seed: &[u8; 32]) -> Option<Self> {
        Self::of(Private::Ed25519(Locked::new(ed25519_dalek::SigningKey::from_bytes(seed)))).ok()
    }

    /// Reads an `ECPrivateKey` in DER (RFC 5915) of P-256 or P-384. A curve or a public half in it must be the key's own.
    pub fn from_sec1_der(der: &[u8]) -> Option<Self> {
        let p256 = || p256::SecretKey::from_sec1_der(der).map(p256::ecdsa::SigningKey::from);
        let p384 = || p384::SecretKey::from_sec1_der(der).map(p384::ecdsa::SigningKey::from);
        let secret = p256()
            .map(|key| Private::P256(Locked::new(key)))
            .or_else(|_| p384().map(|key| Private::P384(Locked::new(key))))
            .ok()?;
        Self::of(secret).ok()
    }

    /// Signs a message, and verifies the signature before it is given out.
    pub fn sign(&self, message: &[u8]) -> Result<Signature, TokenError> {
        let signature = match &self.secret {
            Private::Ed25519(key) => Signature::Ed25519(key.sign(message).to_bytes()),
            Private::P256(key) => {
                let made: Result<p256::ecdsa::Signature, _> =
                    key.sign_prehash(&Sha256::digest(message));
                let made = made.map_err(|_| TokenError::BadSignature)?;
                Signature::Ecdsa { hash: Hash::Sha256, rs: made.to_bytes().to_vec() }
            }
            Private::P384(key) => {
                let digest = match self.hash {
                    Hash::Sha256 => Sha256::digest(message).to_vec(),
                    Hash::Sha384 => Sha384::digest(message).to_vec(),
                };
                let made: Result<p384::ecdsa::Signature, _> = key.sign_prehash(&digest);
                let made = made.map_err(|_| TokenError::BadSignature)?;
                Signature::Ecdsa { hash: self.hash, rs: made.to_bytes().to_vec() }
            }
        };
        if self.public.verifies(message, &signature) {
            Ok(signature)
        } else {
            Err(TokenError::BadSignature)
        }
    }
}

impl std::fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SoftwareKey({:?})", self.public)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    const ALGORITHMS: [Algorithm; 3] = [Algorithm::Ed25519, Algorithm::P256, Algorithm::P384];

    #[test]
    fn openssl_reads_what_we_write_and_names_the_same_public_key() {
        for algorithm in ALGORITHMS {
            let key = SoftwareKey::generate(algorithm).unwrap();
            let mut openssl = Command::new("openssl")
                .args(["pkey", "-pubout"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let pem = key.to_pkcs8_pem().unwrap();
            openssl.stdin.take().unwrap().write_all(pem.as_bytes()).unwrap();
            let out = openssl.wait_with_output().unwrap();
            let public = PublicKey::from_pem(std::str::from_utf8(&out.stdout).unwrap()).unwrap();
            assert_eq!(public, *key.public_key(), "{algorithm}");
        }
    }

    #[test]
    fn a_key_reads_back_and_signs_as_before() {
        for algorithm in ALGORITHMS {
            let key = SoftwareKey::generate(algorithm).unwrap();
            let again = SoftwareKey::from_pkcs8_pem(&key.to_pkcs8_pem().unwrap()).unwrap();
            assert_eq!(again.public_key(), key.public_key());
            let signature = again.with_hash(Hash::Sha256).sign(b"message").unwrap();
            assert!(key.public_key().verifies(b"message", &signature));
        }
    }

    #[test]
    fn its_debug_form_shows_the_public_half_only() {
        let key = SoftwareKey::generate(Algorithm::Ed25519).unwrap();
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("SoftwareKey(Ed25519 {})", key.public_key().fingerprint()));
    }
}

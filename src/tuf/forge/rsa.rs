//! Throw-away RSA keys. Nothing depends on their secrecy, so they are made of six short primes: finding two long ones takes
//! as long as a person's patience, and nobody can tell the public halves apart.

use std::convert::Infallible;

use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa::{BoxedUint, Pkcs1v15Sign, Pss, RsaPrivateKey};
use sha2::{Digest as _, Sha256};

use crate::tuf::key::PublicKey;

const BITS: u32 = 3072;
/// Two primes come of each. Products of so many numbers are a little shorter than their parts, so these are a little longer.
const PARTS: [usize; 3] = [1024, 1024, 1025];

/// An RSA key that anybody who knows the seed can make.
pub(super) struct Forged(RsaPrivateKey);

impl Forged {
    /// Makes the key of 3072 bits that this seed has.
    pub(super) fn new(seed: &[u8; 32]) -> Option<Self> {
        let mut numbers = Stream::new(&[b"anchorite-forge-rsa", seed]);
        (0..1000).find_map(|_| {
            let mut primes = Vec::new();
            for bits in PARTS {
                primes.extend(RsaPrivateKey::new(&mut numbers, bits).ok()?.primes().to_vec());
            }
            let key = RsaPrivateKey::from_primes(primes, BoxedUint::from(65537_u32)).ok()?;
            (key.n().bit_width() == BITS).then_some(Self(key))
        })
    }

    pub(super) fn public_key(&self) -> Option<PublicKey> {
        let (modulus, exponent) = (self.0.n().to_be_bytes(), self.0.e().to_be_bytes());
        PublicKey::from_rsa(&modulus, &exponent).ok()
    }

    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 8017, 8.1).
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut salt = Stream::new(&[b"anchorite-forge-salt", message]);
        self.0
            .sign_with_rng(&mut salt, Pss::<Sha256>::new(), &Sha256::digest(message))
            .expect("a digest of 32 bytes can always be signed")
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2).
    pub(super) fn sign_certificate(&self, tbs: &[u8]) -> Vec<u8> {
        self.0
            .sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(tbs))
            .expect("a digest of 32 bytes can always be signed")
    }
}

/// Numbers that follow from a seed: SHA-256 over it and a counter.
struct Stream {
    seed: Sha256,
    counter: u64,
}

impl Stream {
    fn new(parts: &[&[u8]]) -> Self {
        let mut seed = Sha256::new();
        for part in parts {
            seed.update(part);
        }
        Self { seed, counter: 0 }
    }

    fn next(&mut self) -> [u8; 32] {
        self.counter += 1;
        self.seed.clone().chain_update(self.counter.to_be_bytes()).finalize().into()
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        for part in into.chunks_mut(32) {
            let (next, length) = (self.next(), part.len());
            part.copy_from_slice(next.get(..length).unwrap_or_default());
        }
        Ok(())
    }
}

impl TryCryptoRng for Stream {}

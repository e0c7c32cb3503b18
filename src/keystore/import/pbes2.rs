//! `EncryptedPrivateKeyInfo` with PBES2 (RFC 8018 A.4): PBKDF2 or scrypt (RFC 7914 section 7), and AES in CBC mode.

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Reader as _, SliceReader, Tagged as _};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::super::Secret;
use super::BadImport;
use super::legacy::{Aes, decrypt_cbc};

/// A key file's cipher and what it holds.
pub(super) struct Sealed {
    derivation: Derivation,
    salt: Vec<u8>,
    cipher: Aes,
    iv: Vec<u8>,
    bytes: Vec<u8>,
}

enum Derivation {
    Pbkdf2 { rounds: u32, prf: Prf },
    Scrypt(scrypt::Params),
}

#[derive(Clone, Copy)]
enum Prf {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// The most rounds of PBKDF2: a few seconds.
const MAX_ROUNDS: u32 = 5_000_000;
/// The most memory of scrypt: 1 GiB.
const MAX_MEMORY: u64 = 1 << 30;

impl Sealed {
    /// Reads the outer layer; nothing secret is in it.
    pub(super) fn read(der: &[u8]) -> Result<Self, BadImport> {
        let damaged = |_: der::Error| BadImport::Damaged("expected EncryptedPrivateKeyInfo");
        let outer = sequence(der, 2).map_err(damaged)?;
        let [algorithm, bytes] = two(&outer)?;
        let (scheme, parameters) = algorithm_of(algorithm).map_err(damaged)?;
        if scheme.to_string() != "1.2.840.113549.1.5.13" {
            return Err(BadImport::Encryption(format!("algorithm {scheme}, expected PBES2")));
        }
        let parameters = parameters.ok_or(BadImport::Damaged("PBES2 without parameters"))?;
        let parts = sequence_of(parameters).map_err(damaged)?;
        let [derivation, cipher] = two(&parts)?;
        let (salt, derivation) = derivation_of(derivation)?;
        let (cipher, iv) = cipher_of(cipher)?;
        let bytes = octets(bytes)?;
        Ok(Self { derivation, salt, cipher, iv, bytes })
    }

    /// Deciphers. A wrong passphrase shows as bad padding, or not at all.
    pub(super) fn open(&self, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, BadImport> {
        let secret = secret.expose().as_bytes();
        let mut key = Zeroizing::new(vec![0; self.cipher.key_length()]);
        match &self.derivation {
            Derivation::Pbkdf2 { rounds, prf } => {
                let (salt, rounds) = (&self.salt, *rounds);
                match prf {
                    Prf::Sha1 => pbkdf2::pbkdf2_hmac::<sha1::Sha1>(secret, salt, rounds, &mut key),
                    Prf::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(secret, salt, rounds, &mut key),
                    Prf::Sha384 => pbkdf2::pbkdf2_hmac::<Sha384>(secret, salt, rounds, &mut key),
                    Prf::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(secret, salt, rounds, &mut key),
                }
            }
            Derivation::Scrypt(params) => scrypt::scrypt(secret, &self.salt, params, &mut key)
                .map_err(|_| BadImport::Damaged("a bad key length"))?,
        }
        decrypt_cbc(self.cipher, &key, &self.iv, &self.bytes)
    }
}

/// What scrypt is asked for, if that is within reason. `n` is the cost itself, not its logarithm.
pub(super) fn scrypt_params(n: u64, r: u32, p: u32) -> Result<scrypt::Params, BadImport> {
    let asked = || format!("scrypt with N={n}, r={r}, p={p}");
    let memory = n.saturating_mul(u64::from(r)).saturating_mul(128);
    if memory > MAX_MEMORY || p > 16 {
        return Err(BadImport::TooMuchWork(asked()));
    }
    let log = u8::try_from(n.trailing_zeros()).unwrap_or(u8::MAX);
    if !n.is_power_of_two() {
        return Err(BadImport::Encryption(asked()));
    }
    scrypt::Params::new(log, r, p, 32).map_err(|_| BadImport::Encryption(asked()))
}

fn derivation_of(any: AnyRef<'_>) -> Result<(Vec<u8>, Derivation), BadImport> {
    let damaged = |_: der::Error| BadImport::Damaged("the passphrase derivation");
    let (name, parameters) = algorithm_of(any).map_err(damaged)?;
    let parameters = parameters.ok_or(BadImport::Damaged("a derivation without parameters"))?;
    let parts = sequence_of(parameters).map_err(damaged)?;
    let mut parts = parts.into_iter();
    let mut next = || parts.next().ok_or(BadImport::Damaged("the passphrase derivation"));
    let salt = octets(next()?)?;
    match name.to_string().as_str() {
        "1.2.840.113549.1.5.12" => {
            let rounds: u32 = next()?.decode_as().map_err(damaged)?;
            if rounds == 0 || rounds > MAX_ROUNDS {
                return Err(BadImport::TooMuchWork(format!("{rounds} rounds of PBKDF2")));
            }
            // A key length may stand before the PRF; the cipher tells it too.
            let prf = parts.find(|part| part.tag() == der::Tag::Sequence);
            let prf = match prf {
                None => Prf::Sha1,
                Some(prf) => prf_of(algorithm_of(prf).map_err(damaged)?.0)?,
            };
            Ok((salt, Derivation::Pbkdf2 { rounds, prf }))
        }
        "1.3.6.1.4.1.11591.4.11" => {
            let n: u64 = next()?.decode_as().map_err(damaged)?;
            let r: u32 = next()?.decode_as().map_err(damaged)?;
            let p: u32 = next()?.decode_as().map_err(damaged)?;
            Ok((salt, Derivation::Scrypt(scrypt_params(n, r, p)?)))
        }
        other => Err(BadImport::Encryption(format!("derivation {other}"))),
    }
}

fn prf_of(name: ObjectIdentifier) -> Result<Prf, BadImport> {
    match name.to_string().as_str() {
        "1.2.840.113549.2.7" => Ok(Prf::Sha1),
        "1.2.840.113549.2.9" => Ok(Prf::Sha256),
        "1.2.840.113549.2.10" => Ok(Prf::Sha384),
        "1.2.840.113549.2.11" => Ok(Prf::Sha512),
        other => Err(BadImport::Encryption(format!("PBKDF2 with {other}"))),
    }
}

fn cipher_of(any: AnyRef<'_>) -> Result<(Aes, Vec<u8>), BadImport> {
    let damaged = |_: der::Error| BadImport::Damaged("the cipher");
    let (name, iv) = algorithm_of(any).map_err(damaged)?;
    let cipher = match name.to_string().as_str() {
        "2.16.840.1.101.3.4.1.2" => Aes::Aes128,
        "2.16.840.1.101.3.4.1.22" => Aes::Aes192,
        "2.16.840.1.101.3.4.1.42" => Aes::Aes256,
        other => {
            return Err(BadImport::Encryption(format!("cipher {other}, expected AES in CBC mode")));
        }
    };
    Ok((cipher, octets(iv.ok_or(BadImport::Damaged("a cipher without its start value"))?)?))
}

fn octets(any: AnyRef<'_>) -> Result<Vec<u8>, BadImport> {
    any.decode_as::<&OctetStringRef>()
        .map(|octets| octets.as_bytes().to_vec())
        .map_err(|_| BadImport::Damaged("expected an OCTET STRING"))
}

fn algorithm_of(any: AnyRef<'_>) -> der::Result<(ObjectIdentifier, Option<AnyRef<'_>>)> {
    let parts = sequence_of(any)?;
    let mut parts = parts.into_iter();
    let name = parts.next().ok_or_else(|| der::Tag::Sequence.value_error())?.decode_as()?;
    Ok((name, parts.next()))
}

fn sequence_of(any: AnyRef<'_>) -> der::Result<Vec<AnyRef<'_>>> {
    any.tag().assert_eq(der::Tag::Sequence)?;
    parts_of(any.value())
}

/// The parts of a sequence that must have this many.
fn sequence(der: &[u8], count: usize) -> der::Result<Vec<AnyRef<'_>>> {
    let parts = sequence_of(AnyRef::from_der(der)?)?;
    if parts.len() == count { Ok(parts) } else { Err(der::Tag::Sequence.value_error().into()) }
}

fn parts_of(bytes: &[u8]) -> der::Result<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(bytes)?;
    let mut parts = Vec::new();
    while !reader.is_finished() {
        parts.push(AnyRef::decode(&mut reader)?);
    }
    Ok(parts)
}

fn two<'a>(parts: &[AnyRef<'a>]) -> Result<[AnyRef<'a>; 2], BadImport> {
    parts.try_into().map_err(|_| BadImport::Damaged("expected two parts"))
}

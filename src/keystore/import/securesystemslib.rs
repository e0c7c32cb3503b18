//! securesystemslib's key files: a JSON key, plain or as `SALT@@@@ROUNDS@@@@MAC@@@@IV@@@@BYTES`, all hex but the rounds:
//! PBKDF2 with HMAC-SHA-256, AES-256 in counter mode, and HMAC-SHA-256 over the encrypted bytes with the same key.

use aes::Aes256;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
use data_encoding::HEXLOWER_PERMISSIVE;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::super::Secret;
use super::super::software_key::SoftwareKey;
use super::{BadImport, text};

/// The encrypted form.
pub(super) struct Sealed {
    salt: Vec<u8>,
    rounds: u32,
    mac: Vec<u8>,
    iv: [u8; 16],
    bytes: Vec<u8>,
}

/// The most rounds of PBKDF2.
const MAX_ROUNDS: u32 = 5_000_000;

impl Sealed {
    /// Reads the parts; nothing where the file is of another form.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, BadImport> {
        let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.contains("@@@@"))
        else {
            return Ok(None);
        };
        let damaged = BadImport::Damaged("expected five parts between @@@@");
        let parts: Vec<&str> = text.trim().split("@@@@").collect();
        let [salt, rounds, mac, iv, bytes] = parts.try_into().map_err(|_| damaged.clone())?;
        let hex =
            |text: &str| HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| damaged.clone());
        let rounds: u32 = rounds.parse().map_err(|_| damaged.clone())?;
        if rounds == 0 || rounds > MAX_ROUNDS {
            return Err(BadImport::TooMuchWork(format!("{rounds} rounds of PBKDF2")));
        }
        let iv = hex(iv)?.try_into().map_err(|_| damaged.clone())?;
        Ok(Some(Self { salt: hex(salt)?, rounds, mac: hex(mac)?, iv, bytes: hex(bytes)? }))
    }

    /// Checks the MAC, then deciphers.
    pub(super) fn open(&self, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, BadImport> {
        let mut key = Zeroizing::new([0; 32]);
        pbkdf2::pbkdf2_hmac::<Sha256>(
            secret.expose().as_bytes(),
            &self.salt,
            self.rounds,
            key.as_mut_slice(),
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice())
            .map_err(|_| BadImport::Damaged("a bad key length"))?;
        mac.update(&self.bytes);
        mac.verify_slice(&self.mac).map_err(|_| BadImport::WrongPassphrase)?;
        let mut plain = Zeroizing::new(self.bytes.clone());
        ctr::Ctr128BE::<Aes256>::new(&(*key).into(), &self.iv.into()).apply_keystream(&mut plain);
        Ok(plain)
    }
}

#[derive(Deserialize)]
struct Key<'a> {
    keytype: &'a str,
    #[serde(borrow)]
    keyval: Values<'a>,
}

#[derive(Deserialize)]
struct Values<'a> {
    #[serde(borrow)]
    private: Option<&'a RawValue>,
    #[serde(borrow)]
    public: Option<&'a RawValue>,
}

/// Reads a JSON key; go-tuf's have the same members. The public half beside it must be its own.
pub(super) fn key(json: &[u8]) -> Result<SoftwareKey, BadImport> {
    let found: Key<'_> = serde_json::from_slice(json).map_err(|_| BadImport::NoKey)?;
    let private = found
        .keyval
        .private
        .and_then(text::string)
        .filter(|private| !private.is_empty())
        .ok_or(BadImport::NoKey)?;
    let key = text::key(found.keytype, &private)?;
    let own = match key.public_key().ed25519_bytes() {
        Some(bytes) => data_encoding::HEXLOWER.encode(&bytes),
        None => key.public_key().to_pem(),
    };
    let is_own = found.keyval.public.and_then(text::string).is_none_or(|public| {
        // go-tuf may give a point in hex, which is left to the private half.
        public.trim() == own.trim() || !(public.contains("PUBLIC KEY") || own.len() == 64)
    });
    if is_own { Ok(key) } else { Err(BadImport::OtherPublic) }
}

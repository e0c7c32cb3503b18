//! go-tuf's `keys/ROLE.json`: a list of JSON keys, plain or under scrypt and `NaCl`'s secretbox.

use crypto_secretbox::aead::{AeadInPlace as _, KeyInit as _};
use crypto_secretbox::{Nonce, Tag, XSalsa20Poly1305};
use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::super::Secret;
use super::super::software_key::SoftwareKey;
use super::{BadImport, pbes2, securesystemslib};

/// What a file of this form holds.
pub(super) enum Found {
    Plain(Zeroizing<Vec<u8>>),
    Sealed(Sealed),
}

/// The encrypted form.
pub(super) struct Sealed {
    params: scrypt::Params,
    salt: Vec<u8>,
    nonce: [u8; 24],
    bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Outer<'a> {
    encrypted: bool,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct Data {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Deserialize)]
struct Params {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Reads the outer layer; nothing where the file is of another form.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Found>, BadImport> {
    let Ok(outer) = serde_json::from_slice::<Outer<'_>>(bytes) else { return Ok(None) };
    if !outer.encrypted {
        return Ok(Some(Found::Plain(Zeroizing::new(outer.data.get().as_bytes().to_vec()))));
    }
    let damaged = BadImport::Damaged("expected go-tuf's encrypted keys");
    let data: Data = serde_json::from_str(outer.data.get()).map_err(|_| damaged.clone())?;
    if (data.kdf.name.as_str(), data.cipher.name.as_str()) != ("scrypt", "nacl/secretbox") {
        return Err(BadImport::Encryption(format!("{} and {}", data.kdf.name, data.cipher.name)));
    }
    let base64 = |text: &str| BASE64.decode(text.as_bytes()).map_err(|_| damaged.clone());
    Ok(Some(Found::Sealed(Sealed {
        params: pbes2::scrypt_params(data.kdf.params.n, data.kdf.params.r, data.kdf.params.p)?,
        salt: base64(&data.kdf.salt)?,
        nonce: base64(&data.cipher.nonce)?.try_into().map_err(|_| damaged.clone())?,
        bytes: base64(&data.ciphertext)?,
    })))
}

impl Sealed {
    /// Deciphers; the box is authenticated.
    pub(super) fn open(&self, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, BadImport> {
        let mut key = Zeroizing::new([0; 32]);
        scrypt::scrypt(secret.expose().as_bytes(), &self.salt, &self.params, key.as_mut_slice())
            .map_err(|_| BadImport::Damaged("a bad key length"))?;
        let (tag, bytes) = self
            .bytes
            .split_first_chunk::<16>()
            .ok_or(BadImport::Damaged("the encrypted keys are too short"))?;
        let mut plain = Zeroizing::new(bytes.to_vec());
        XSalsa20Poly1305::new_from_slice(key.as_slice())
            .map_err(|_| BadImport::Damaged("a bad key length"))?
            .decrypt_in_place_detached(
                Nonce::from_slice(&self.nonce),
                b"",
                &mut plain,
                Tag::from_slice(tag),
            )
            .map_err(|_| BadImport::WrongPassphrase)?;
        Ok(plain)
    }
}

/// Reads the list.
pub(super) fn keys(json: &[u8]) -> Result<Vec<SoftwareKey>, BadImport> {
    let list: Vec<&RawValue> = serde_json::from_slice(json).map_err(|_| BadImport::NoKey)?;
    if list.is_empty() {
        return Err(BadImport::NoKey);
    }
    list.iter().map(|key| securesystemslib::key(key.get().as_bytes())).collect()
}

//! Old PEM encryption (`Proc-Type: 4,ENCRYPTED`, RFC 1421) with OpenSSL's derivation, and what such blocks hold.

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use data_encoding::HEXUPPER_PERMISSIVE;
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::super::Secret;
use super::super::software_key::SoftwareKey;
use super::BadImport;
use super::pem::Block;

/// What an old block holds.
#[derive(Clone, Copy)]
pub(super) enum Inside {
    /// An `ECPrivateKey` (RFC 5915).
    Sec1,
    /// Notary's 96 bytes of an Ed25519 key.
    Ed25519,
}

impl Inside {
    /// Reads the key.
    pub(super) fn key(self, bytes: &[u8]) -> Result<SoftwareKey, BadImport> {
        match self {
            Self::Sec1 => SoftwareKey::from_sec1_der(bytes)
                .ok_or(BadImport::Damaged("expected a P-256 or P-384 key with its public half")),
            Self::Ed25519 => ed25519_of_96(bytes),
        }
    }
}

/// Notary's form of an Ed25519 key: public half, seed, public half.
pub(super) fn ed25519_of_96(bytes: &[u8]) -> Result<SoftwareKey, BadImport> {
    let damaged = BadImport::Damaged("expected the 96 bytes of an Ed25519 key");
    let (first, rest) = bytes.split_first_chunk::<32>().ok_or(damaged.clone())?;
    let (seed, last) = rest.split_first_chunk::<32>().ok_or(damaged.clone())?;
    let key = SoftwareKey::from_ed25519_seed(seed).ok_or(damaged)?;
    let public = key.public_key().ed25519_bytes();
    if public.as_ref() == Some(first) && public.is_some_and(|public| public == last) {
        Ok(key)
    } else {
        Err(BadImport::OtherPublic)
    }
}

/// How an old block is encrypted.
pub(super) struct Cipher {
    aes: Aes,
    iv: [u8; 16],
}

/// AES by its key's length.
#[derive(Clone, Copy)]
pub(super) enum Aes {
    Aes128,
    Aes192,
    Aes256,
}

impl Aes {
    /// In bytes.
    pub(super) const fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }
}

impl Cipher {
    /// Reads `Proc-Type` and `DEK-Info`; nothing where the block is not encrypted.
    pub(super) fn of(block: &Block) -> Result<Option<Self>, BadImport> {
        let Some(info) = block.header("dek-info") else {
            return match block.header("proc-type") {
                None => Ok(None),
                Some(_) => Err(BadImport::Damaged("Proc-Type without DEK-Info")),
            };
        };
        let (name, iv) = info.split_once(',').ok_or(BadImport::Damaged("DEK-Info"))?;
        let aes = match name.trim() {
            "AES-128-CBC" => Aes::Aes128,
            "AES-192-CBC" => Aes::Aes192,
            "AES-256-CBC" => Aes::Aes256,
            other => return Err(BadImport::Encryption(other.to_owned())),
        };
        let iv = HEXUPPER_PERMISSIVE
            .decode(iv.trim().as_bytes())
            .ok()
            .and_then(|iv| iv.try_into().ok())
            .ok_or(BadImport::Damaged("DEK-Info"))?;
        Ok(Some(Self { aes, iv }))
    }

    /// Deciphers. A wrong passphrase shows as bad padding, or not at all.
    pub(super) fn open(
        &self,
        bytes: &[u8],
        secret: &Secret,
    ) -> Result<Zeroizing<Vec<u8>>, BadImport> {
        let (salt, _) = self.iv.split_at(8);
        let key = derive(secret, salt, self.aes.key_length());
        decrypt_cbc(self.aes, &key, &self.iv, bytes)
    }
}

/// OpenSSL's `EVP_BytesToKey` with MD5 and one round.
fn derive(secret: &Secret, salt: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(48));
    let mut last = Zeroizing::new([0; 16]);
    while key.len() < length {
        let mut hash = Md5::new();
        if !key.is_empty() {
            hash.update(last.as_slice());
        }
        hash.update(secret.expose().as_bytes());
        hash.update(salt);
        last = Zeroizing::new(hash.finalize().into());
        key.extend_from_slice(last.as_slice());
    }
    key.truncate(length);
    key
}

/// AES in CBC mode with the padding of PKCS#7.
pub(super) fn decrypt_cbc(
    aes: Aes,
    key: &[u8],
    iv: &[u8],
    bytes: &[u8],
) -> Result<Zeroizing<Vec<u8>>, BadImport> {
    let lengths = BadImport::Damaged("the cipher's start value");
    let opened = match aes {
        Aes::Aes128 => cbc::Decryptor::<Aes128>::new_from_slices(key, iv)
            .map_err(|_| lengths)?
            .decrypt_padded_vec::<Pkcs7>(bytes),
        Aes::Aes192 => cbc::Decryptor::<Aes192>::new_from_slices(key, iv)
            .map_err(|_| lengths)?
            .decrypt_padded_vec::<Pkcs7>(bytes),
        Aes::Aes256 => cbc::Decryptor::<Aes256>::new_from_slices(key, iv)
            .map_err(|_| lengths)?
            .decrypt_padded_vec::<Pkcs7>(bytes),
    };
    opened.map(Zeroizing::new).map_err(|_| BadImport::WrongPassphrase)
}

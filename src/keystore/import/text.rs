//! Private members of JSON, taken out of memory that is wiped into memory that is wiped.

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::super::software_key::SoftwareKey;
use super::{BadImport, pem, pkcs8};

/// A JSON string's text. Its escapes are undone here, since a JSON library leaves copies behind when it does it.
pub(super) fn string(raw: &RawValue) -> Option<Zeroizing<String>> {
    let inside = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    let mut out = Zeroizing::new(String::with_capacity(inside.len()));
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            plain @ ('"' | '\\' | '/') => out.push(plain),
            // Neither hex nor PEM has any other character.
            _ => return None,
        }
    }
    Some(out)
}

/// A key by its type and private text: hex of the seed, which the public half may follow, or PEM.
pub(super) fn key(keytype: &str, private: &str) -> Result<SoftwareKey, BadImport> {
    match keytype {
        "ed25519" => {
            let damaged = BadImport::Damaged("expected hex of an Ed25519 key");
            let mut bytes = Zeroizing::new([0; 64]);
            let length = private.len() / 2;
            let place = bytes.get_mut(..length).ok_or(damaged.clone())?;
            data_encoding::HEXLOWER_PERMISSIVE
                .decode_mut(private.as_bytes(), place)
                .map_err(|_| damaged.clone())?;
            let (seed, public) = bytes.split_first_chunk::<32>().ok_or(damaged.clone())?;
            let key = SoftwareKey::from_ed25519_seed(seed).ok_or(damaged.clone())?;
            match length {
                32 => Ok(key),
                64 if key.public_key().ed25519_bytes().is_some_and(|own| own == public) => Ok(key),
                64 => Err(BadImport::OtherPublic),
                _ => Err(damaged),
            }
        }
        "rsa" => Err(BadImport::Rsa),
        other if other.starts_with("ecdsa") => {
            let block = pem::private_block(private.as_bytes())?;
            match block.label.as_str() {
                "EC PRIVATE KEY" => SoftwareKey::from_sec1_der(&block.der)
                    .ok_or(BadImport::Damaged("expected a P-256 or P-384 key")),
                "PRIVATE KEY" => pkcs8::key(&block.der),
                label => Err(BadImport::Label(label.to_owned())),
            }
        }
        other => Err(BadImport::Algorithm(other.to_owned())),
    }
}

//! The TUF 1.0 dialect: keys with a scheme, hashes and signatures in hex, ECDSA signatures as DER.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use crate::tuf::key::{Algorithm, BadKey, PublicKey};
use crate::tuf::root::ListedKey;
use crate::tuf::signature::{Hash, Signature};

use super::WireError;
use super::json::Json;

/// The key object that the most clients read (TUF 1.0 section 4.2): Ed25519 as 64 hex digits, ECDSA as PEM with
/// keytype `ecdsa`, RSA as PEM.
pub(super) fn key_object(public: &PublicKey) -> Option<Json> {
    let (keytype, scheme, value) = match public.algorithm() {
        Algorithm::Ed25519 => ("ed25519", "ed25519", HEXLOWER.encode(&public.ed25519_bytes()?)),
        Algorithm::P256 => ("ecdsa", "ecdsa-sha2-nistp256", public.to_pem()),
        Algorithm::P384 => ("ecdsa", "ecdsa-sha2-nistp384", public.to_pem()),
        Algorithm::Rsa => ("rsa", "rsassa-pss-sha256", public.to_pem()),
    };
    Some(Json::object([
        ("keytype", Json::text(keytype)),
        ("keyval", Json::object([("public", Json::String(value))])),
        ("scheme", Json::text(scheme)),
    ]))
}

/// Reads a key object: hex, a hex point, or PEM. Only a key of keytype `ed25519` is 32 bytes, and it is nothing else.
pub(super) fn read_key(id: &str, wire: Json) -> Result<ListedKey, WireError> {
    let keytype = wire.member("keytype");
    let ed25519 = matches!(keytype, Some(Json::String(keytype)) if keytype == "ed25519");
    let public = match wire.member("keyval").and_then(|value| value.member("public")) {
        Some(Json::String(text)) if ed25519 => ed25519_key(text),
        Some(Json::String(text)) => public(text),
        Some(Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Array(_) | Json::Object(_))
        | None => Err(BadKey::NotPem),
    };
    let public = public.map_err(|why| WireError::Key { id: id.to_owned(), why })?;
    Ok(ListedKey { public, certificate: None, wire })
}

fn ed25519_key(text: &str) -> Result<PublicKey, BadKey> {
    let bytes = bytes(text).ok_or(BadKey::NotHex)?;
    let found = bytes.len();
    PublicKey::from_ed25519(&bytes.try_into().map_err(|_| BadKey::Length { found })?)
}

fn public(text: &str) -> Result<PublicKey, BadKey> {
    if text.starts_with("-----BEGIN") {
        return PublicKey::from_pem(text);
    }
    PublicKey::from_sec1_point(&bytes(text).ok_or(BadKey::NotPem)?)
}

/// The signature in hex as a document holds it; nothing where it cannot be this key's.
pub(in crate::tuf) fn read_signature(raw: &[u8], key: &ListedKey) -> Option<Signature> {
    let scheme = match key.wire.member("scheme") {
        Some(Json::String(scheme)) => scheme.as_str(),
        Some(Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Array(_) | Json::Object(_))
        | None => return None,
    };
    match (key.public.algorithm(), scheme) {
        (Algorithm::Ed25519, "ed25519") => raw.try_into().ok().map(Signature::Ed25519),
        (Algorithm::P256, "ecdsa-sha2-nistp256") => {
            Signature::from_ecdsa_der(Algorithm::P256, Hash::Sha256, raw)
        }
        (Algorithm::P384, "ecdsa-sha2-nistp384") => {
            Signature::from_ecdsa_der(Algorithm::P384, Hash::Sha384, raw)
        }
        (Algorithm::Rsa, "rsassa-pss-sha256") => Some(Signature::RsaPss(raw.to_vec())),
        (Algorithm::Rsa, "rsa-pkcs1v15-sha256") => Some(Signature::RsaPkcs1(raw.to_vec())),
        (Algorithm::Ed25519 | Algorithm::P256 | Algorithm::P384 | Algorithm::Rsa, _) => None,
    }
}

/// The bytes of a signature before hex: ECDSA as DER, everything else as it is.
pub(in crate::tuf) fn signature_bytes(signature: &Signature) -> Vec<u8> {
    signature.to_ecdsa_der().unwrap_or_else(|| signature.as_bytes().to_vec())
}

/// Whether it is hex, in either case.
pub(super) fn is_hex(text: &str) -> bool {
    // All of them, so that the machine looks at many at once.
    text.bytes().fold(text.len().is_multiple_of(2), |good, digit| good & digit.is_ascii_hexdigit())
}

/// Hex, in either case.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()
}

//! The Notary v1 dialect: `"private":null` in every key, base64 everywhere, ECDSA signatures as r‖s, and root keys inside
//! certificates.

use data_encoding::BASE64;

use crate::tuf::document::Dialect;
use crate::tuf::key::{Algorithm, BadKey, KeyId, PublicKey};
use crate::tuf::root::ListedKey;
use crate::tuf::signature::{Hash, Signature};

use super::WireError;
use super::certificate::Certificate;
use super::json::{Json, Limits, parse};
use super::member::Members;

fn object(keytype: &str, public: &[u8]) -> Json {
    Json::object([
        ("keytype", Json::text(keytype)),
        (
            "keyval",
            Json::object([
                ("private", Json::Null),
                ("public", Json::String(BASE64.encode(public))),
            ]),
        ),
    ])
}

/// A bare key: `SubjectPublicKeyInfo` DER for `ecdsa` and `rsa`, 32 raw bytes for `ed25519`.
pub(super) fn key_object(public: &PublicKey) -> Json {
    match (public.algorithm(), public.ed25519_bytes()) {
        (Algorithm::Ed25519, Some(bytes)) => object("ed25519", &bytes),
        (Algorithm::Rsa, _) => object("rsa", public.spki_der()),
        (Algorithm::Ed25519 | Algorithm::P256 | Algorithm::P384, _) => {
            object("ecdsa", public.spki_der())
        }
    }
}

/// Lists a key by its certificate, PEM in Go's form: `ecdsa-x509` or `rsa-x509`.
pub fn list_certificate(pem: &str) -> Result<(KeyId, ListedKey), WireError> {
    let certificate = Certificate::from_pem(pem)?;
    let keytype = match certificate.public.algorithm() {
        Algorithm::P256 | Algorithm::P384 => "ecdsa-x509",
        Algorithm::Rsa => "rsa-x509",
        Algorithm::Ed25519 => {
            return Err(WireError::Certificate(
                "expected an ECDSA or RSA key, found Ed25519".to_owned(),
            ));
        }
    };
    let wire = object(keytype, pem.as_bytes());
    let id = Dialect::Notary1.key_id(&wire);
    let listed = ListedKey { public: certificate.public, certificate: Some(pem.to_owned()), wire };
    Ok((id, listed))
}

/// Reads `timestamp.key` or `snapshot.key` as the server gives it. The id is computed over the key, not over the bytes of
/// the answer, which are not canonical.
pub fn read_server_key(bytes: &[u8]) -> Result<(KeyId, ListedKey), WireError> {
    let value = parse(bytes, Limits { bytes: 1 << 16, depth: 8 })?;
    let mut members = Members::of("key", value)?;
    let keytype = members.text("keytype")?;
    let public = members.object("keyval")?.text("public")?;
    let wire = Json::object([
        ("keytype", Json::String(keytype)),
        ("keyval", Json::object([("private", Json::Null), ("public", Json::String(public))])),
    ]);
    let id = Dialect::Notary1.key_id(&wire);
    let listed = read_key(id.as_str(), wire)?;
    Ok((id, listed))
}

/// Reads a key object.
pub(super) fn read_key(id: &str, wire: Json) -> Result<ListedKey, WireError> {
    let mut members = Members::of(&format!("key {id}"), wire.clone())?;
    let keytype = members.text("keytype")?;
    let text = members.object("keyval")?.text("public")?;
    let failed = |why| WireError::Key { id: id.to_owned(), why };
    let bytes = bytes(&text).ok_or_else(|| failed(BadKey::NotSpki))?;
    let (public, certificate) = match keytype.as_str() {
        "ed25519" => {
            let found = bytes.len();
            let bytes =
                <[u8; 32]>::try_from(bytes).map_err(|_| failed(BadKey::Length { found }))?;
            (PublicKey::from_ed25519(&bytes).map_err(failed)?, None)
        }
        "ecdsa" | "rsa" => (PublicKey::from_spki_der(&bytes).map_err(failed)?, None),
        "ecdsa-x509" | "rsa-x509" => {
            let pem = String::from_utf8(bytes)
                .map_err(|_| WireError::Certificate("expected PEM text".to_owned()))?;
            (Certificate::from_pem(&pem)?.public, Some(pem))
        }
        _ => {
            return Err(WireError::Member {
                member: format!("key {id}.keytype"),
                expected: "ecdsa, ed25519, rsa, ecdsa-x509 or rsa-x509",
                found: format!("{keytype:?}"),
            });
        }
    };
    Ok(ListedKey { public, certificate, wire })
}

/// The signature as a document holds it; the method must fit the key.
pub(in crate::tuf) fn read_signature(
    method: Option<&str>,
    raw: &[u8],
    key: &ListedKey,
) -> Option<Signature> {
    let method = method?.to_ascii_lowercase();
    match (key.public.algorithm(), method.as_str()) {
        (Algorithm::Ed25519, "eddsa") => raw.try_into().ok().map(Signature::Ed25519),
        (Algorithm::P256, "ecdsa") if raw.len() == 64 => {
            Some(Signature::Ecdsa { hash: Hash::Sha256, rs: raw.to_vec() })
        }
        (Algorithm::P384, "ecdsa") if raw.len() == 96 => {
            Some(Signature::Ecdsa { hash: Hash::Sha256, rs: raw.to_vec() })
        }
        (Algorithm::Rsa, "rsapss") => Some(Signature::RsaPss(raw.to_vec())),
        (Algorithm::Rsa, "rsapkcs1v15") => Some(Signature::RsaPkcs1(raw.to_vec())),
        (Algorithm::Ed25519 | Algorithm::P256 | Algorithm::P384 | Algorithm::Rsa, _) => None,
    }
}

/// The `method` of a signature.
pub(in crate::tuf) const fn method(signature: &Signature) -> &'static str {
    match signature {
        Signature::Ed25519(_) => "eddsa",
        Signature::Ecdsa { .. } => "ecdsa",
        Signature::RsaPss(_) => "rsapss",
        Signature::RsaPkcs1(_) => "rsapkcs1v15",
    }
}

/// Standard base64 with padding.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.as_bytes()).ok()
}

/// What Notary calls a private key: the id of its bare public half, also for root keys, which documents list by
/// certificate.
pub fn canonical_id(public: &PublicKey) -> KeyId {
    Dialect::Notary1.key_id(&key_object(public))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::super::json;
    use super::*;

    #[test]
    fn a_server_key_is_read_whatever_its_member_order() {
        let (id, listed) = read_server_key(
            br#"{"keytype":"ed25519","keyval":{"public":"A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=","private":null}}"#,
        )
        .unwrap();
        assert_eq!(id, Dialect::Notary1.key_id(&listed.wire));
        assert_eq!(listed.public.algorithm(), Algorithm::Ed25519);
    }

    #[test]
    fn a_value_that_is_no_key_is_refused() {
        assert!(matches!(read_server_key(b"[]"), Err(WireError::Member { .. })));
        assert!(matches!(
            read_server_key(br#"{"keytype":"ecdsa","keyval":{"public":"AAAA"}}"#),
            Err(WireError::Key { .. })
        ));
        assert!(matches!(read_server_key(b"{"), Err(WireError::Json(json::JsonError { .. }))));
    }
}

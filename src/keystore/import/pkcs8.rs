//! PKCS#8 in DER (RFC 5958): versions 1 and 2, and what Notary writes, which strict readers refuse.

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Header, Reader as _, SliceReader, Tagged as _};

use super::super::software_key::SoftwareKey;
use super::BadImport;
use super::legacy::ed25519_of_96;

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// Notary's own for Ed25519; the key in it is 96 bytes.
const NOTARY_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.15.1");

/// Reads a private key. Attributes and the public half of version 2 are passed over.
pub(super) fn key(bytes: &[u8]) -> Result<SoftwareKey, BadImport> {
    let damaged = |_: der::Error| BadImport::Damaged("expected PKCS#8");
    let (algorithm, curve, inside) = parts(bytes).map_err(damaged)?;
    if algorithm == RSA {
        return Err(BadImport::Rsa);
    }
    if algorithm == ED25519 {
        return <&OctetStringRef>::from_der(inside)
            .ok()
            .and_then(|seed| seed.as_bytes().try_into().ok())
            .and_then(SoftwareKey::from_ed25519_seed)
            .ok_or(BadImport::Damaged("expected 32 bytes of an Ed25519 key"));
    }
    if algorithm == NOTARY_ED25519 {
        return ed25519_of_96(inside);
    }
    if algorithm != EC {
        return Err(BadImport::Algorithm(algorithm.to_string()));
    }
    let curve = curve.ok_or(BadImport::Damaged("an EC key without its curve"))?;
    if curve != P256 && curve != P384 {
        return Err(BadImport::Algorithm(curve.to_string()));
    }
    let key = SoftwareKey::from_sec1_der(inside)
        .ok_or(BadImport::Damaged("expected an ECPrivateKey with the right public half"))?;
    let is_p256 = key.public_key().algorithm() == crate::tuf::key::Algorithm::P256;
    if is_p256 == (curve == P256) {
        Ok(key)
    } else {
        Err(BadImport::Damaged("the curve and the key do not belong together"))
    }
}

/// The algorithm, the curve where it is one, and what the private key's octets are.
fn parts(bytes: &[u8]) -> der::Result<(ObjectIdentifier, Option<ObjectIdentifier>, &[u8])> {
    let mut outer = SliceReader::new(bytes)?;
    let header = Header::decode(&mut outer)?;
    header.tag().assert_eq(der::Tag::Sequence)?;
    let body = outer.read_slice(header.length())?;
    outer.finish()?;
    let mut reader = SliceReader::new(body)?;
    let version = u8::decode(&mut reader)?;
    if version > 1 {
        return Err(der::Tag::Integer.value_error().into());
    }
    let algorithm = AnyRef::decode(&mut reader)?;
    algorithm.tag().assert_eq(der::Tag::Sequence)?;
    let mut names = SliceReader::new(algorithm.value())?;
    let name = ObjectIdentifier::decode(&mut names)?;
    let curve = if names.is_finished() {
        None
    } else {
        let parameters = AnyRef::decode(&mut names)?;
        parameters.decode_as::<ObjectIdentifier>().ok()
    };
    let inside = <&OctetStringRef>::decode(&mut reader)?;
    while !reader.is_finished() {
        let rest = AnyRef::decode(&mut reader)?;
        if !rest.tag().is_context_specific() {
            return Err(der::Tag::Sequence.value_error().into());
        }
    }
    Ok((name, curve, inside.as_bytes()))
}

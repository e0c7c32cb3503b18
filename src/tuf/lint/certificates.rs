//! The certificates of a Notary root, and their clock.

use std::collections::BTreeSet;

use der::Decode as _;

use crate::tuf::any::AnyDocument;
use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::time::Timestamp;
use crate::tuf::wire::certificate::Certificate;

use super::Raised;
use super::table::{
    CERTIFICATE_BEFORE_ROOT, CERTIFICATE_BUNDLE, CERTIFICATE_EKU, CERTIFICATE_ENDED,
    CERTIFICATE_ENDS_SOON, CERTIFICATE_FORM, CERTIFICATE_IS_CA, CERTIFICATE_MISSING,
    CERTIFICATE_NAME, CERTIFICATE_NOT_SELF_SIGNED, CERTIFICATE_NOT_YET_VALID, CERTIFICATE_SHA1,
    CERTIFICATES_END_TOGETHER,
};

pub(super) fn findings(document: &AnyDocument, raised: &mut Raised<'_>) {
    let AnyDocument::Root(root) = document else { return };
    let root = root.peek();
    let Some(role) = root.roles.get(&RoleName::root()) else { return };
    if raised.dialect != Dialect::Notary1 {
        return;
    }
    let mut ends = BTreeSet::new();
    let mut count = 0;
    for (id, key) in role.keyids.iter().filter_map(|id| Some((id.as_str(), root.keys.get(id)?))) {
        let Some(pem) = &key.certificate else {
            raised.raise(
                &CERTIFICATE_MISSING,
                id,
                format!("a bare {} key", key.public.algorithm()),
            );
            continue;
        };
        // It was read when the document was.
        let Ok(certificate) = Certificate::from_pem(pem) else { continue };
        content(id, pem, &certificate, raised);
        clock(id, &certificate, root.expires.at, raised);
        ends.insert(certificate.not_after.start_of_day());
        count += 1;
    }
    if ends.len() == 1 && count > 1 {
        let end = ends.first().map(|end| end.to_minute()).unwrap_or_default();
        raised.raise(&CERTIFICATES_END_TOGETHER, "root", format!("all {count} on {end}"));
    }
}

fn content(id: &str, pem: &str, certificate: &Certificate, raised: &mut Raised<'_>) {
    let name = &certificate.common_name;
    if name.is_empty() {
        raised.raise(&CERTIFICATE_NAME, id, "an empty common name");
    } else if let Some(gun) = raised.asked.gun.clone().filter(|gun| !certificate.fits_gun(gun)) {
        raised.raise(&CERTIFICATE_NAME, id, format!("expected {gun:?}, found {name:?}"));
    }
    if certificate.is_ca {
        raised.raise(&CERTIFICATE_IS_CA, id, "CA:TRUE");
    }
    if !certificate.exact_form {
        raised.raise(&CERTIFICATE_FORM, id, "another PEM form");
    }
    if !certificate.for_servers {
        raised.raise(&CERTIFICATE_EKU, id, "an extended key usage");
    }
    let more = pem.matches("-----BEGIN CERTIFICATE-----").count().saturating_sub(1);
    if more > 0 {
        raised.raise(&CERTIFICATE_BUNDLE, id, format!("{more} more"));
    }
    if !certificate.is_self_signed() {
        raised.raise(&CERTIFICATE_NOT_SELF_SIGNED, id, "another signature");
    }
    if let Some(weak) = weak_signature(pem) {
        raised.raise(&CERTIFICATE_SHA1, id, weak);
    }
}

fn clock(id: &str, certificate: &Certificate, root_ends: Timestamp, raised: &mut Raised<'_>) {
    let at = raised.asked.at;
    let end = certificate.not_after;
    let year = at.plus_seconds(366 * 86_400);
    if end <= at {
        raised.raise(&CERTIFICATE_ENDED, id, end.to_minute());
    } else if year.is_some_and(|year| end < year) {
        raised.raise(&CERTIFICATE_ENDS_SOON, id, end.to_minute());
    }
    if end < root_ends {
        let found = format!("{}, the root on {}", end.to_minute(), root_ends.to_minute());
        raised.raise(&CERTIFICATE_BEFORE_ROOT, id, found);
    }
    if at.plus_seconds(86_400).is_some_and(|ahead| certificate.not_before > ahead) {
        raised.raise(&CERTIFICATE_NOT_YET_VALID, id, certificate.not_before.to_minute());
    }
}

/// The name of the hash that signed the leaf, where it is broken.
fn weak_signature(pem: &str) -> Option<&'static str> {
    let end = "-----END CERTIFICATE-----";
    let first = pem.get(..pem.find(end)? + end.len())?;
    let (_, der) = der::pem::decode_vec(format!("{}\n", first.trim()).as_bytes()).ok()?;
    let read = x509_cert::Certificate::from_der(&der).ok()?;
    match read.signature_algorithm().oid.to_string().as_str() {
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => Some("SHA-1"),
        "1.2.840.113549.1.1.2" | "1.2.840.113549.1.1.4" => Some("MD2 or MD5"),
        _ => None,
    }
}

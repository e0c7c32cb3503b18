//! Attestation of YubiKeys: what a card says of a key that it made, proven offline up to Yubico's roots.
//!
//! A slot's certificate carries the key and is signed by the card's own `f9` key, whose certificate leads to one of
//! Yubico's roots: directly before firmware 5.7.4, over intermediates that are bundled here from then on. The facts of the slot
//! stand in extensions 1.3.6.1.4.1.41482.3.N. Dates are not judged: they say when a card was made, not whether it lies.

use der::oid::ObjectIdentifier;
use der::{Decode as _, Encode as _};
use x509_cert::Certificate;

use crate::tuf::digest::Digest;
use crate::tuf::key::{Algorithm, PublicKey};
use crate::tuf::policy::{PinPolicy, TouchPolicy};
use crate::tuf::signature::{Hash, Signature};

/// Yubico's roots: firmware before 5.7.4, and from then on.
const ROOTS: [&str; 2] = [
    include_str!("yubico/yubico-piv-root-ca-serial-263751.pem"),
    include_str!("yubico/yubico-attestation-root-1.pem"),
];
/// Intermediates that are not on the cards.
const INTERMEDIATES: [&str; 4] = [
    include_str!("yubico/yubico-attestation-intermediate-a-1.pem"),
    include_str!("yubico/yubico-attestation-intermediate-b-1.pem"),
    include_str!("yubico/yubico-piv-attestation-a-1.pem"),
    include_str!("yubico/yubico-piv-attestation-b-1.pem"),
];
/// The most certificates between a slot and a root.
const LONGEST: usize = 6;

/// A card's firmware: major, minor, patch.
pub type Firmware = (u8, u8, u8);

/// A flaw that all cards of a firmware have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flaw {
    /// Its stable name, such as `eucleak`.
    pub name: &'static str,
    /// What it means, and whose advisory says so.
    pub text: &'static str,
}

/// The known flaws of a firmware that concern ECDSA keys.
pub fn flaws(firmware: Firmware) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    if firmware < (5, 7, 0) {
        let text = "firmware below 5.7: who can open the card and measure it may learn its ECDSA keys (EUCLEAK, \
                    YSA-2024-03)";
        flaws.push(Flaw { name: "eucleak", text });
    }
    if ((4, 4, 2)..(4, 4, 5)).contains(&firmware) {
        let text = "firmware 4.4.2 and 4.4.4 of the FIPS series: after each start its first random numbers are \
                    weak, so that signatures may tell the key (YSA-2019-02)";
        flaws.push(Flaw { name: "weak-random", text });
    }
    flaws
}

/// What an attestation proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// The key that was made on the card.
    pub public: PublicKey,
    /// The card's serial number.
    pub serial: u32,
    /// Its firmware.
    pub firmware: Firmware,
    /// When the key wants the PIN; nothing where the card says a value that is not known.
    pub pin: Option<PinPolicy>,
    /// When the key wants a touch.
    pub touch: Option<TouchPolicy>,
    /// The form factor as the card states it; the top bit marks the FIPS series.
    pub form_factor: Option<u8>,
    /// The subject of the root that the chain ends in.
    pub root: String,
}

/// Whom to trust: Yubico's roots, and what else a person gives.
#[derive(Debug, Clone, Default)]
pub struct Anchors {
    roots: Vec<Vec<u8>>,
    intermediates: Vec<Vec<u8>>,
}

impl Anchors {
    /// Yubico's roots and intermediates of both generations.
    pub fn yubico() -> Self {
        let der = |pem: &&str| {
            let (_, der) = der::pem::decode_vec(pem.as_bytes()).expect("the bundled files are PEM");
            der
        };
        Self {
            roots: ROOTS.iter().map(der).collect(),
            intermediates: INTERMEDIATES.iter().map(der).collect(),
        }
    }

    /// Trusts one more root, DER.
    #[must_use]
    pub fn with_root(mut self, der: Vec<u8>) -> Self {
        self.roots.push(der);
        self
    }

    /// Knows one more intermediate, DER. It is believed only where its own chain ends in a root.
    #[must_use]
    pub fn with_intermediate(mut self, der: Vec<u8>) -> Self {
        self.intermediates.push(der);
        self
    }
}

/// Why an attestation proves nothing. `Foreign` means that it cannot be told; everything else is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAttestation {
    /// Bytes that are no certificate.
    #[error("{which}: expected a certificate in DER, found other bytes")]
    NotACertificate {
        /// Which one: the slot's or the device's.
        which: &'static str,
    },
    /// A certificate that its issuer did not sign.
    #[error("{which}: its issuer did not sign it")]
    NotSigned {
        /// Which one.
        which: String,
    },
    /// The chain ends in nothing that is known.
    #[error("the chain ends with {subject:?}, which no known root signed")]
    Foreign {
        /// The subject of the last certificate.
        subject: String,
    },
    /// A fact that an attestation has is not there.
    #[error("the slot's certificate states no {fact}: it is no attestation")]
    Missing {
        /// Which fact.
        fact: &'static str,
    },
}

/// Verifies the attestation of a slot, given the slot's and the device's (`f9`) certificates in DER.
pub fn verify(
    slot: &[u8],
    device: &[u8],
    anchors: &Anchors,
) -> Result<Attestation, BadAttestation> {
    let read = |der: &[u8], which| {
        Certificate::from_der(der).map_err(|_| BadAttestation::NotACertificate { which })
    };
    let leaf = read(slot, "the slot")?;
    let device = read(device, "the device")?;
    if !signed_by(&leaf, &device) {
        return Err(BadAttestation::NotSigned { which: "the slot".to_owned() });
    }
    let root = climb(device, anchors)?;
    let public = key_of(&leaf).ok_or(BadAttestation::Missing { fact: "key" })?;
    let firmware = match extension(&leaf, 3) {
        Some([major, minor, patch]) => (*major, *minor, *patch),
        Some(_) | None => return Err(BadAttestation::Missing { fact: "firmware" }),
    };
    let serial = extension(&leaf, 7)
        .and_then(|der| u32::from_der(der).ok())
        .ok_or(BadAttestation::Missing { fact: "serial number" })?;
    let Some([pin, touch]) = extension(&leaf, 8) else {
        return Err(BadAttestation::Missing { fact: "policy" });
    };
    Ok(Attestation {
        public,
        serial,
        firmware,
        pin: match pin {
            1 => Some(PinPolicy::Never),
            2 => Some(PinPolicy::Once),
            3 => Some(PinPolicy::Always),
            _ => None,
        },
        touch: match touch {
            1 => Some(TouchPolicy::Never),
            2 => Some(TouchPolicy::Always),
            3 => Some(TouchPolicy::Cached),
            _ => None,
        },
        form_factor: extension(&leaf, 9).and_then(|bytes| bytes.first().copied()),
        root,
    })
}

/// Climbs from a certificate to a root; the root's subject.
fn climb(mut at: Certificate, anchors: &Anchors) -> Result<String, BadAttestation> {
    let known = |list: &[Vec<u8>]| -> Vec<Certificate> {
        list.iter().filter_map(|der| Certificate::from_der(der).ok()).collect()
    };
    let (roots, intermediates) = (known(&anchors.roots), known(&anchors.intermediates));
    for _ in 0..LONGEST {
        let named = |issuer: &&Certificate| {
            issuer.tbs_certificate().subject() == at.tbs_certificate().issuer()
        };
        if let Some(root) = roots.iter().filter(named).find(|root| signed_by(&at, root)) {
            return Ok(subject(root));
        }
        let mut candidates = intermediates.iter().filter(named).peekable();
        if candidates.peek().is_none() {
            break;
        }
        let Some(next) = candidates.find(|issuer| signed_by(&at, issuer)) else {
            return Err(BadAttestation::NotSigned { which: subject(&at) });
        };
        at = next.clone();
    }
    if roots.iter().any(|root| root.tbs_certificate().subject() == at.tbs_certificate().issuer()) {
        return Err(BadAttestation::NotSigned { which: subject(&at) });
    }
    Err(BadAttestation::Foreign { subject: subject(&at) })
}

fn subject(certificate: &Certificate) -> String {
    certificate.tbs_certificate().subject().to_string()
}

fn key_of(certificate: &Certificate) -> Option<PublicKey> {
    let spki = certificate.tbs_certificate().subject_public_key_info().to_der().ok()?;
    PublicKey::from_spki_der(&spki).ok()
}

/// Whether `issuer`'s key signed `certificate`: RSA PKCS#1 v1.5 or ECDSA, with SHA-256 or SHA-384 (RFC 5280 4.1.1.2).
fn signed_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    let Some(key) = key_of(issuer) else { return false };
    let (Ok(tbs), Some(raw)) =
        (certificate.tbs_certificate().to_der(), certificate.signature().as_bytes())
    else {
        return false;
    };
    // The algorithm stands in what is signed, too, and must be the same there.
    if certificate.signature_algorithm() != certificate.tbs_certificate().signature() {
        return false;
    }
    let oid = certificate.signature_algorithm().oid;
    let signature = match key.algorithm() {
        Algorithm::Rsa if oid == SHA256_WITH_RSA => Some(Signature::RsaPkcs1(raw.to_vec())),
        Algorithm::P256 | Algorithm::P384 if oid == ECDSA_WITH_SHA256 => {
            Signature::from_ecdsa_der(key.algorithm(), Hash::Sha256, raw)
        }
        Algorithm::P256 | Algorithm::P384 if oid == ECDSA_WITH_SHA384 => {
            Signature::from_ecdsa_der(key.algorithm(), Hash::Sha384, raw)
        }
        Algorithm::Rsa | Algorithm::P256 | Algorithm::P384 | Algorithm::Ed25519 => None,
    };
    signature.is_some_and(|signature| key.verifies(&tbs, &signature))
}

const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// The value of extension 1.3.6.1.4.1.41482.3.N.
fn extension(certificate: &Certificate, n: u32) -> Option<&[u8]> {
    let wanted = format!("1.3.6.1.4.1.41482.3.{n}");
    let all = certificate.tbs_certificate().extensions()?;
    let found = all.iter().find(|extension| extension.extn_id.to_string() == wanted)?;
    Some(found.extn_value.as_bytes())
}

/// The digest of a certificate, as Yubico publishes it.
pub fn fingerprint(der: &[u8]) -> Digest {
    Digest::of(der)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    fn der(pem: &str) -> Vec<u8> {
        der::pem::decode_vec(pem.as_bytes()).unwrap().1
    }

    #[test]
    fn the_bundled_certificates_are_the_published_ones() {
        let published = [
            "63ece914e54dd87915f34033c85af4c0696ba1512f8add66ced738331207b546",
            "62760c6a6ef91679f454c8902b80fd009825b3f25da90f1fbace2ec6586cd5a8",
        ];
        for (root, digest) in ROOTS.iter().zip(published) {
            assert_eq!(fingerprint(&der(root)).to_string(), digest);
        }
    }

    #[test]
    fn each_firmware_has_the_flaws_of_its_advisories_and_no_others() {
        let named = |firmware| flaws(firmware).iter().map(|flaw| flaw.name).collect::<Vec<_>>();
        for sound in [(5, 7, 0), (5, 7, 4), (6, 0, 0)] {
            assert!(named(sound).is_empty(), "{sound:?}");
        }
        for leaking in [(4, 3, 5), (4, 4, 5), (5, 4, 3), (5, 6, 255)] {
            assert_eq!(named(leaking), ["eucleak"], "{leaking:?}");
        }
        for weak in [(4, 4, 2), (4, 4, 4)] {
            assert_eq!(named(weak), ["eucleak", "weak-random"], "{weak:?}");
        }
    }

    #[test]
    fn every_bundled_intermediate_leads_to_a_root() {
        let anchors = Anchors::yubico();
        for pem in INTERMEDIATES {
            let certificate = Certificate::from_der(&der(pem)).unwrap();
            assert_eq!(climb(certificate, &anchors).unwrap(), "CN=Yubico Attestation Root 1");
        }
    }

    #[test]
    fn a_changed_intermediate_leads_nowhere() {
        let mut bytes = der(INTERMEDIATES[0]);
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let certificate = Certificate::from_der(&bytes).unwrap();
        let error = climb(certificate, &Anchors::yubico()).unwrap_err();
        assert!(matches!(error, BadAttestation::NotSigned { .. }), "{error}");
    }
}

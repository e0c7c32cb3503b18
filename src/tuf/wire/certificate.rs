//! The self-signed certificates that carry Notary's root keys.

use std::cell::RefCell;
use std::collections::VecDeque;

use der::Decode as _;
use der::pem::LineEnding;
use x509_cert::Certificate as X509;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

use crate::tuf::document::{Dialect, DocId};
use crate::tuf::key::{Algorithm, PublicKey};
use crate::tuf::payload::Payload;
use crate::tuf::recent::{self, Readings};
use crate::tuf::signature::{Hash, Signature};
use crate::tuf::time::Timestamp;

use super::WireError;

/// What a root key's certificate will say.
#[derive(Debug, Clone)]
pub struct CertificateDraft {
    /// The common name of subject and issuer: the GUN.
    pub common_name: String,
    /// The key that it carries and that signs it: ECDSA, or RSA with PKCS#1 v1.5.
    pub public: PublicKey,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when. It has a clock of its own: after this the repository is lost.
    pub not_after: Timestamp,
    /// Its serial number, big-endian; the top bit must be clear.
    pub serial: [u8; 16],
}

impl CertificateDraft {
    /// The payload: `to_sign` is the `TBSCertificate` in DER (RFC 5280 4.1), version 3, with critical `KeyUsage`
    /// (digitalSignature, keyEncipherment), critical `BasicConstraints` (not a CA), and no EKU.
    pub fn payload(&self, id: DocId) -> Result<Payload, WireError> {
        let der = self.tbs()?;
        let tbs = x509_cert::TbsCertificate::from_der(&der).map_err(bad)?;
        let again = der::Encode::to_der(&tbs).map_err(bad)?;
        if again != der {
            return Err(WireError::NotFaithful);
        }
        Ok(Payload::new(id, Dialect::Notary1, der.clone(), der))
    }

    fn tbs(&self) -> Result<Vec<u8>, WireError> {
        let algorithm = signature_algorithm(self.public.algorithm())?;
        let name = name(&self.common_name);
        let validity = tlv(0x30, &[time(self.not_before)?, time(self.not_after)?].concat());
        let critical = tlv(0x01, &[0xff]);
        let key_usage = tlv(
            0x30,
            &[tlv(0x06, KEY_USAGE), critical.clone(), tlv(0x04, &tlv(0x03, &[5, 0xa0]))].concat(),
        );
        let constraints = tlv(
            0x30,
            &[tlv(0x06, BASIC_CONSTRAINTS), critical, tlv(0x04, &tlv(0x30, &[]))].concat(),
        );
        let extensions = tlv(0xa3, &tlv(0x30, &[key_usage, constraints].concat()));
        Ok(tlv(
            0x30,
            &[
                tlv(0xa0, &tlv(0x02, &[2])),
                tlv(0x02, &self.serial),
                algorithm.to_vec(),
                name.clone(),
                validity,
                name,
                self.public.spki_der().to_vec(),
                extensions,
            ]
            .concat(),
        ))
    }
}

/// 2.5.29.15 and 2.5.29.19.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
/// `ecdsa-with-SHA256` (1.2.840.10045.4.3.2) as an `AlgorithmIdentifier`: for both curves, as Notary hashes.
const ECDSA_WITH_SHA256: &[u8] =
    &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// `sha256WithRSAEncryption` (1.2.840.113549.1.1.11), whose parameters are NULL.
const RSA_WITH_SHA256: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];

fn signature_algorithm(algorithm: Algorithm) -> Result<&'static [u8], WireError> {
    match algorithm {
        Algorithm::P256 | Algorithm::P384 => Ok(ECDSA_WITH_SHA256),
        Algorithm::Rsa => Ok(RSA_WITH_SHA256),
        Algorithm::Ed25519 => Err(WireError::Certificate(format!(
            "expected an ECDSA or RSA key to sign its certificate, found {algorithm}"
        ))),
    }
}

/// A DER value: tag, length, content.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        Ok(_) | Err(_) => {
            let bytes: Vec<u8> =
                length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(bytes.len()).unwrap_or(8));
            out.extend(bytes);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A name of one common name (2.5.4.3), as `UTF8String`.
fn name(common_name: &str) -> Vec<u8> {
    let attribute = [tlv(0x06, &[0x55, 0x04, 0x03]), tlv(0x0c, common_name.as_bytes())].concat();
    tlv(0x30, &tlv(0x31, &tlv(0x30, &attribute)))
}

/// `UTCTime` until 2049, `GeneralizedTime` from 2050 (RFC 5280 4.1.2.5).
fn time(at: Timestamp) -> Result<Vec<u8>, WireError> {
    if at.has_fraction() {
        return Err(WireError::Certificate("expected whole seconds".to_owned()));
    }
    let digits: String = at.to_string().chars().filter(char::is_ascii_digit).collect();
    let (tag, digits) = match digits.get(2..) {
        Some(short) if digits.as_str() < "2050" => (0x17, short.to_owned()),
        Some(_) | None => (0x18, digits),
    };
    Ok(tlv(tag, format!("{digits}Z").as_bytes()))
}

/// The certificate in PEM, in exactly the form of Go's encoder: 64 columns, line feeds, one at the end.
pub(in crate::tuf) fn signed_pem(tbs: &[u8], signature: &Signature) -> String {
    let (algorithm, signature) = match signature.to_ecdsa_der() {
        Some(signature) => (ECDSA_WITH_SHA256, signature),
        None => (RSA_WITH_SHA256, signature.as_bytes().to_vec()),
    };
    let bits = [vec![0], signature].concat();
    let der = tlv(0x30, &[tbs.to_vec(), algorithm.to_vec(), tlv(0x03, &bits)].concat());
    pem(&der)
}

/// A certificate in PEM, in exactly the form of Go's encoder.
pub fn pem(der: &[u8]) -> String {
    der::pem::encode_string("CERTIFICATE", LineEnding::LF, der)
        .expect("the label is valid and the length is bounded")
}

thread_local! {
    static READ: Readings<Vec<Certificate>> = const { RefCell::new(VecDeque::new()) };
}

/// A certificate as a root document holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The common name of the subject; empty where there is none.
    pub common_name: String,
    /// The key.
    pub public: PublicKey,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
    /// Whether it says that it is a certificate authority.
    pub is_ca: bool,
    /// Whether it may stand for a server: it has no extended key usage, or one of `serverAuth` and
    /// `anyExtendedKeyUsage`. Clients that pin an authority want this (RFC 5280 4.2.1.12).
    pub for_servers: bool,
    /// Whether the whole PEM text has exactly the form that Notary's readers make again to compute its id.
    pub exact_form: bool,
    usage: Option<KeyUsage>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    der: Vec<u8>,
    tbs: Vec<u8>,
    algorithm: String,
    signature: Vec<u8>,
}

impl Certificate {
    /// Reads the first certificate of a PEM text: the leaf.
    pub fn from_pem(text: &str) -> Result<Self, WireError> {
        let mut chain = Self::chain_from_pem(text)?;
        Ok(chain.swap_remove(0))
    }

    /// Reads every certificate of a PEM text, at least one: in a root key's the leaf, then certificate authorities.
    pub fn chain_from_pem(text: &str) -> Result<Vec<Self>, WireError> {
        READ.with(|last| recent::reading(last, text.as_bytes(), || Self::read_chain(text)))
    }

    fn read_chain(text: &str) -> Result<Vec<Self>, WireError> {
        let mut chain = Vec::new();
        let mut again = String::new();
        let mut rest = text;
        while let Some((block, after)) = first_block(rest) {
            let (_, der) = der::pem::decode_vec(format!("{block}\n").as_bytes())
                .map_err(|error| WireError::Certificate(error.to_string()))?;
            again.push_str(&pem(&der));
            chain.push(Self::from_der(&der)?);
            rest = after;
        }
        if chain.is_empty() {
            return Err(WireError::Certificate("expected a CERTIFICATE in PEM".to_owned()));
        }
        for certificate in &mut chain {
            certificate.exact_form = again == text;
        }
        Ok(chain)
    }

    fn from_der(der: &[u8]) -> Result<Self, WireError> {
        let read = X509::from_der(der).map_err(bad)?;
        let tbs = read.tbs_certificate();
        let spki = der::Encode::to_der(tbs.subject_public_key_info()).map_err(bad)?;
        let public = PublicKey::from_spki_der(&spki)
            .map_err(|why| WireError::Certificate(why.to_string()))?;
        let is_ca =
            tbs.get_extension::<BasicConstraints>().map_err(bad)?.is_some_and(|(_, c)| c.ca);
        let usage = tbs.get_extension::<KeyUsage>().map_err(bad)?;
        let extended = tbs.get_extension::<ExtendedKeyUsage>().map_err(bad)?;
        let algorithm = read.signature_algorithm().oid.to_string();
        Ok(Self {
            common_name: common_name(tbs.subject()),
            public,
            not_before: moment(tbs.validity().not_before)?,
            not_after: moment(tbs.validity().not_after)?,
            is_ca,
            for_servers: extended.is_none_or(|(_, usages)| {
                usages.0.iter().any(|oid| FOR_SERVERS.contains(&oid.to_string().as_str()))
            }),
            exact_form: false,
            usage: usage.map(|(_, usage)| usage),
            issuer: der::Encode::to_der(tbs.issuer()).map_err(bad)?,
            subject: der::Encode::to_der(tbs.subject()).map_err(bad)?,
            der: der.to_vec(),
            tbs: der::Encode::to_der(tbs).map_err(bad)?,
            algorithm,
            signature: read.signature().raw_bytes().to_vec(),
        })
    }

    /// Whether the common name is this GUN, or ends in `*` and begins like it.
    pub fn fits_gun(&self, gun: &str) -> bool {
        if self.common_name.ends_with('*') {
            return gun.starts_with(self.common_name.trim_end_matches('*'));
        }
        !self.common_name.is_empty() && self.common_name == gun
    }

    /// Whether its signature is over SHA-1 or an older hash.
    pub fn has_weak_hash(&self) -> bool {
        WEAK.contains(&self.algorithm.as_str())
    }

    /// Whether its own key signed it.
    pub fn is_self_signed(&self) -> bool {
        self.is_signed_by(&self.public)
    }

    /// Whether a certificate authority issued it: by name, by what the authority may do, and by signature (RFC 5280 6.1.3).
    /// Signatures are read as ECDSA with SHA-256 or SHA-384, RSA PKCS#1 v1.5 with SHA-256, and Ed25519.
    pub fn is_issued_by(&self, authority: &Self) -> bool {
        authority.is_ca
            && authority.usage.is_none_or(|usage| usage.key_cert_sign())
            && self.issuer == authority.subject
            && self.is_signed_by(&authority.public)
    }

    /// Whether both are the same certificate, byte for byte.
    pub fn is_same(&self, other: &Self) -> bool {
        self.der == other.der
    }

    fn is_signed_by(&self, key: &PublicKey) -> bool {
        let ecdsa = |hash| Signature::from_ecdsa_der(key.algorithm(), hash, &self.signature);
        let signature = match self.algorithm.as_str() {
            "1.2.840.10045.4.3.2" => ecdsa(Hash::Sha256),
            "1.2.840.10045.4.3.3" => ecdsa(Hash::Sha384),
            "1.2.840.113549.1.1.11" => Some(Signature::RsaPkcs1(self.signature.clone())),
            "1.3.101.112" => self.signature.as_slice().try_into().ok().map(Signature::Ed25519),
            _ => None,
        };
        signature.is_some_and(|signature| key.verifies(&self.tbs, &signature))
    }
}

/// `serverAuth` and `anyExtendedKeyUsage`.
const FOR_SERVERS: [&str; 2] = ["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"];
/// Signatures over MD5 and SHA-1: RSA, DSA, ECDSA.
const WEAK: [&str; 4] =
    ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10040.4.3", "1.2.840.10045.4.1"];

/// The first PEM block of a text, and what follows it.
fn first_block(text: &str) -> Option<(&str, &str)> {
    const END: &str = "-----END CERTIFICATE-----";
    let begin = text.find("-----BEGIN CERTIFICATE-----")?;
    let end = begin + text.get(begin..)?.find(END)? + END.len();
    Some((text.get(begin..end)?, text.get(end..)?))
}

/// The last common name of a name: the one that Go's readers take.
fn common_name(name: &x509_cert::name::Name) -> String {
    name.iter_rdn()
        .flat_map(x509_cert::name::RelativeDistinguishedName::iter)
        .filter(|attribute| attribute.oid.to_string() == "2.5.4.3")
        .last()
        .map(|attribute| String::from_utf8_lossy(attribute.value.value()).into_owned())
        .unwrap_or_default()
}

fn moment(time: x509_cert::time::Time) -> Result<Timestamp, WireError> {
    i64::try_from(time.to_unix_duration().as_secs())
        .ok()
        .and_then(Timestamp::from_unix_seconds)
        .ok_or_else(|| WireError::Certificate("a date that cannot be read".to_owned()))
}

fn bad(error: der::Error) -> WireError {
    WireError::Certificate(error.to_string())
}

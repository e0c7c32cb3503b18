//! Attestation: the card's word that a key was made on it (Yubico's PIV attestation).

use der::{DecodePem as _, Encode as _};
use p256::pkcs8::DecodePrivateKey as _;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use sha2::Sha256;
use x509_cert::Certificate;

use super::apdu::{BAD_DATA, NO_REFERENCE, Status};
use super::keys::Origin;
use super::piv::Piv;
use super::tlv::element;
use super::x509::{Draft, INTEGER, Signing, common_name, extension};

/// 1.3.6.1.4.1.41482.3, under which the extensions have their numbers.
const YUBICO: [u8; 9] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xc4, 0x0a, 0x03];
const FIRMWARE: u8 = 3;
const SERIAL: u8 = 7;
const POLICIES: u8 = 8;
const FORM_FACTOR: u8 = 9;

/// Which chain of certificates the card attests with: root, intermediate (slot f9), and then the key's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chain {
    /// RSA-2048, as real cards have it up to firmware 5.7.3.
    Rsa,
    /// RSA-2048 with two more authorities in between that are not on the card, as real cards have it from 5.7.4 on.
    LongRsa,
    /// ECDSA with P-256.
    P256,
}

impl Chain {
    /// The certificate of the root, PEM: what a verifier pins. It is not on the card.
    pub(crate) fn root_pem(self) -> &'static str {
        match self {
            Self::Rsa => include_str!("fixtures/rsa-root.pem"),
            Self::LongRsa => include_str!("fixtures/long-root.pem"),
            Self::P256 => include_str!("fixtures/p256-root.pem"),
        }
    }

    /// The certificates between the root and slot f9, PEM, from the root down: what a verifier brings along.
    pub(crate) fn between_pem(self) -> &'static [&'static str] {
        match self {
            Self::Rsa | Self::P256 => &[],
            Self::LongRsa => &[
                include_str!("fixtures/long-intermediate.pem"),
                include_str!("fixtures/long-piv.pem"),
            ],
        }
    }

    /// The certificate in slot f9, PEM.
    pub(crate) fn intermediate_pem(self) -> &'static str {
        match self {
            Self::Rsa => include_str!("fixtures/rsa-f9.pem"),
            Self::LongRsa => include_str!("fixtures/long-f9.pem"),
            Self::P256 => include_str!("fixtures/p256-f9.pem"),
        }
    }

    /// The certificate of the intermediate, DER, as slot f9 holds it.
    pub(super) fn intermediate(self) -> Vec<u8> {
        self.parsed().to_der().expect("a parsed certificate has a DER form")
    }

    /// What GET METADATA says of slot f9.
    pub(super) fn metadata(self) -> Vec<u8> {
        let (algorithm, public) = match self {
            Self::Rsa | Self::LongRsa => {
                let key = rsa_key();
                let exponent = [0x01, 0x00, 0x01];
                let modulus = key.n().to_be_bytes();
                (0x07, [element(&[0x81], &modulus), element(&[0x82], &exponent)].concat())
            }
            Self::P256 => {
                let public = p256_key().verifying_key().to_sec1_bytes();
                (0x11, element(&[0x86], &public))
            }
        };
        [
            element(&[1], &[algorithm]),
            element(&[2], &[1, 1]),
            element(&[3], &[2]),
            element(&[4], &public),
        ]
        .concat()
    }

    fn parsed(self) -> Certificate {
        Certificate::from_pem(self.intermediate_pem()).expect("the fixture is a certificate")
    }

    fn sign(self, draft: Draft) -> Vec<u8> {
        match self {
            Self::Rsa | Self::LongRsa => draft.signed(Signing::Rsa, |content| {
                rsa::pkcs1v15::SigningKey::<Sha256>::new(rsa_key()).sign(content).to_vec()
            }),
            Self::P256 => draft.signed(Signing::Ecdsa, |content| {
                let signature: p256::ecdsa::DerSignature = p256_key().sign(content);
                signature.to_vec()
            }),
        }
    }
}

fn rsa_key() -> rsa::RsaPrivateKey {
    rsa::RsaPrivateKey::from_pkcs8_pem(include_str!("fixtures/rsa-f9-key.pem"))
        .expect("the fixture is an RSA key")
}

fn p256_key() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_pkcs8_pem(include_str!("fixtures/p256-f9-key.pem"))
        .expect("the fixture is a P-256 key")
}

impl Piv {
    /// ATTEST: a certificate over the key of a slot, if the key was made on the card.
    pub(super) fn attest(&self, number: u8) -> Result<Vec<u8>, Status> {
        let slot = self.slots.get(&number).ok_or(NO_REFERENCE)?;
        if slot.origin == Origin::Imported {
            // Assumed status.
            return Err(BAD_DATA);
        }
        let identity = &self.identity;
        let intermediate = identity.chain.parsed();
        let intermediate = intermediate.tbs_certificate();
        let mut serial = identity.serial.to_be_bytes().to_vec();
        while matches!(serial.as_slice(), [0, next, ..] if *next < 0x80) {
            serial.remove(0);
        }
        if serial.first().is_some_and(|first| *first >= 0x80) {
            serial.insert(0, 0);
        }
        let fields = [
            (FIRMWARE, identity.firmware.0.to_vec()),
            (SERIAL, element(&[INTEGER], &serial)),
            (POLICIES, vec![slot.pin.code(), slot.touch.code()]),
            (FORM_FACTOR, vec![identity.form_factor]),
        ];
        let der = "what was parsed has a DER form";
        Ok(identity.chain.sign(Draft {
            issuer: intermediate.subject().to_der().expect(der),
            validity: intermediate.validity().to_der().expect(der),
            subject: common_name(&format!("YubiKey PIV Attestation {number:02x}")),
            public: slot.key.public(),
            extensions: fields
                .iter()
                .map(|(number, value)| extension(&[YUBICO.as_slice(), &[*number]].concat(), value))
                .collect(),
        }))
    }
}

//! YubiKeys: the PIV application over PC/SC. A card is found by its serial number, a key by its slot *and* its public half.
//!
//! Opening one card makes every card that is passed forget its PIN, so a card is opened anew for each act, and PIN and
//! signature follow each other at once. Everything runs in a process of its own: see `child`.

mod whole;

use serde::{Deserialize, Serialize};
use x509_cert::der::Encode as _;
use yubikey::certificate::Certificate;
use yubikey::piv::{self, AlgorithmId, ManagementSlotId, Origin, SlotId, SlotMetadata};
use yubikey::{Context, Error, MgmKey, Serial, YubiKey};

use crate::tuf::key::{Algorithm, Fingerprint, PublicKey};
use crate::tuf::policy::{PinPolicy, TouchPolicy};
use crate::tuf::signature::{Hash, Signature};

use super::attest;
use super::{
    KeyStore, Label, Made, Remark, Secret, Seen, Signed, Signer, Spec, TokenError, Unlock,
};

pub(super) use whole::{change_secret, inventory, reset, unblock};

/// Which slot of which card, and how it signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct YubikeySlot {
    /// The serial number.
    pub serial: u32,
    /// The slot: 0x9a, 0x9c, 0x9d, 0x9e, or 0x82 to 0x95.
    pub slot: u8,
    /// The hash that P-384 signs: SHA-256 in Notary, SHA-384 in TUF.
    pub p384: Hash,
}

/// One slot of a YubiKey.
#[derive(Debug)]
pub struct YubikeyStore {
    slot: YubikeySlot,
    id: SlotId,
    label: Label,
}

/// The factory's PIN, which everybody knows.
pub(super) const FACTORY_PIN: &str = "123456";
/// The factory's PUK, which everybody knows.
pub(super) const FACTORY_PUK: &str = "12345678";

impl YubikeyStore {
    /// Takes a slot.
    pub fn new(slot: YubikeySlot, label: Label) -> Result<Self, TokenError> {
        let shown = format!("{:02x}", slot.slot);
        let id = SlotId::try_from(slot.slot)
            .ok()
            .filter(|id| !matches!(id, SlotId::Attestation | SlotId::Management(_)))
            .ok_or_else(|| TokenError::Unsupported(format!("{shown} is no slot for keys")))?;
        Ok(Self { slot, id, label })
    }

    fn card(&self) -> Result<YubiKey, TokenError> {
        open(self.slot.serial)
    }

    /// What is in the slot; nothing where it is empty.
    fn found(&self, card: &mut YubiKey) -> Result<Option<Found>, TokenError> {
        Found::at(card, self.id)
    }

    fn remarks(card: &mut YubiKey, found: Option<&Found>) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let mut remark = |name: &str, weak: bool, text: String| {
            remarks.push(Remark { name: name.to_owned(), weak, text });
        };
        let version = card.version();
        let firmware = (version.major, version.minor, version.patch);
        remark("firmware", false, format!("{}.{}.{}", firmware.0, firmware.1, firmware.2));
        for flaw in attest::flaws(firmware) {
            remark(flaw.name, true, flaw.text.to_owned());
        }
        for (name, slot) in [
            ("factory-pin", ManagementSlotId::Pin),
            ("factory-puk", ManagementSlotId::Puk),
            ("factory-management-key", ManagementSlotId::Management),
        ] {
            let default =
                piv::metadata(card, SlotId::Management(slot)).ok().and_then(|m| m.default);
            if default == Some(true) {
                let text = "it is the factory's, which everybody knows: provision the token";
                remark(name, true, text.to_owned());
            }
        }
        if let Some(SlotMetadata { policy: Some((pin, touch)), origin, .. }) =
            found.and_then(|found| found.metadata.as_ref())
        {
            remark("policy", false, format!("PIN {pin:?}, touch {touch:?}").to_lowercase());
            if *origin == Some(Origin::Imported) {
                let text = "the key was made elsewhere and imported: there may be copies";
                remark("imported", true, text.to_owned());
            }
        }
        remarks
    }

    /// The card with this key in the slot.
    fn holding(&self, key: &Fingerprint) -> Result<(YubiKey, Found, PublicKey), TokenError> {
        let mut card = self.card()?;
        let missing = || TokenError::NoSuchKey(*key);
        let found = self.found(&mut card)?.ok_or_else(missing)?;
        let public = found.public.clone().filter(|public| public.fingerprint() == *key);
        Ok((card, found, public.ok_or_else(missing)?))
    }

    fn touch_asked(found: &Found) -> bool {
        let policy = found.metadata.as_ref().and_then(|metadata| metadata.policy);
        // Where the card cannot tell, people are told to touch: better once too often than a silent wait.
        policy.is_none_or(|(_, touch)| touch != yubikey::TouchPolicy::Never)
    }

    fn pin_asked(found: &Found) -> bool {
        let policy = found.metadata.as_ref().and_then(|metadata| metadata.policy);
        policy.is_none_or(|(pin, _)| pin != yubikey::PinPolicy::Never)
    }
}

/// Opens the card with this serial number, wherever it is now.
pub(super) fn open(serial: u32) -> Result<YubiKey, TokenError> {
    match YubiKey::open_by_serial(Serial(serial)) {
        Ok(card) => Ok(card),
        Err(error) => {
            let here = serials()?;
            if here.is_empty() {
                Err(TokenError::Absent)
            } else if here.contains(&serial) {
                Err(trouble(&error))
            } else {
                let here: Vec<_> = here.iter().map(u32::to_string).collect();
                Err(TokenError::Other { serial: here.join(", ") })
            }
        }
    }
}

/// How many tries the PIN has left. Firmware before 5.3 says 15 where it has more.
fn tries(card: &mut YubiKey) -> Result<u8, TokenError> {
    let metadata = piv::metadata(card, SlotId::Management(ManagementSlotId::Pin)).ok();
    match metadata.and_then(|metadata| metadata.retries) {
        Some(retries) => Ok(retries.remaining_count),
        None => card.get_pin_retries().map_err(|error| trouble(&error)),
    }
}

/// Asks for the PIN once and submits it. The factory's PIN is never submitted.
pub(super) fn verify_pin(
    card: &mut YubiKey,
    label: &Label,
    unlock: &mut dyn Unlock,
) -> Result<Secret, TokenError> {
    let tries = tries(card)?;
    if tries == 0 {
        return Err(TokenError::Blocked);
    }
    let pin = unlock.secret(label, Some(tries)).ok_or(TokenError::NoSecret)?;
    may_be_submitted(&pin, label)?;
    card.verify_pin(pin.expose().as_bytes()).map_err(|error| trouble(&error))?;
    Ok(pin)
}

/// A PIN or PUK that cannot be right, or that everybody knows, costs no try.
fn may_be_submitted(secret: &Secret, label: &Label) -> Result<(), TokenError> {
    let kind = label.kind;
    if !(6..=8).contains(&secret.expose().len()) {
        return Err(TokenError::Unsupported(format!(
            "a {kind} of another length than 6 to 8; it was not submitted"
        )));
    }
    if [FACTORY_PIN, FACTORY_PUK].contains(&secret.expose()) {
        return Err(TokenError::Unsupported(format!(
            "the factory's {kind}, which everybody knows; it was not submitted: provision the token"
        )));
    }
    Ok(())
}

/// Whether this card says what is in a slot: from firmware 5.3. An older one shows a key by its certificate alone, and a key
/// without one looks like an empty slot.
fn tells_slots(card: &YubiKey) -> bool {
    let version = card.version();
    (version.major, version.minor) >= (5, 3)
}

struct Found {
    public: Option<PublicKey>,
    metadata: Option<SlotMetadata>,
}

impl Found {
    /// What is in a slot; nothing where it is empty.
    fn at(card: &mut YubiKey, slot: SlotId) -> Result<Option<Self>, TokenError> {
        let metadata = match piv::metadata(card, slot) {
            Ok(metadata) => Some(metadata),
            Err(Error::NotFound) => None,
            Err(_) if !tells_slots(card) => None,
            Err(error) => return Err(trouble(&error)),
        };
        let public = metadata.as_ref().and_then(|metadata| {
            let spki = metadata.public.as_ref()?.to_der().ok()?;
            PublicKey::from_spki_der(&spki).ok()
        });
        if public.is_some() {
            return Ok(Some(Self { public, metadata }));
        }
        // Keys that Notary imported into older cards are known by their certificate alone.
        let certificate = match Certificate::read(card, slot) {
            Ok(certificate) => Some(certificate),
            Err(Error::PcscError { .. }) => return Err(TokenError::Gone),
            Err(_) => None,
        };
        let public = certificate.as_ref().and_then(|certificate| {
            let spki = certificate.subject_pki().to_der().ok()?;
            PublicKey::from_spki_der(&spki).ok()
        });
        let taken = metadata.is_some() || certificate.is_some();
        Ok(taken.then_some(Self { public, metadata }))
    }
}

impl KeyStore for YubikeyStore {
    fn look(&mut self) -> Result<Seen, TokenError> {
        let mut card = self.card()?;
        let found = self.found(&mut card)?;
        let tries_left = Some(tries(&mut card)?);
        let mut remarks = Self::remarks(&mut card, found.as_ref());
        let generated = found.as_ref().and_then(|found| found.metadata.as_ref()?.origin);
        let attestation = match generated {
            Some(Origin::Generated) => attested(&mut card, self.id),
            Some(Origin::Imported) | None => Vec::new(),
        };
        if generated == Some(Origin::Generated) && attestation.is_empty() {
            let text = "the card gives no attestation of the key that it made: its F9 slot may have \
                        been changed";
            remarks.push(Remark {
                name: "no-attestation".to_owned(),
                weak: true,
                text: text.to_owned(),
            });
        }
        Ok(Seen {
            serial: Some(self.slot.serial.to_string()),
            keys: found.and_then(|found| found.public).into_iter().collect(),
            tries_left,
            remarks,
            attestation,
        })
    }

    fn make(&mut self, spec: &Spec, unlock: &mut dyn Unlock) -> Result<Made, TokenError> {
        let algorithm = match spec.algorithm {
            Algorithm::P256 => AlgorithmId::EccP256,
            Algorithm::P384 => AlgorithmId::EccP384,
            Algorithm::Ed25519 => {
                return Err(TokenError::Unsupported(
                    "Ed25519: what cards sign with it is limited to about a thousand bytes, less than a root"
                        .to_owned(),
                ));
            }
            Algorithm::Rsa => {
                return Err(TokenError::Unsupported("RSA keys are not made".to_owned()));
            }
        };
        let mut card = self.card()?;
        if let Some(found) = self.found(&mut card)? {
            let found = found.public.map(|public| public.fingerprint());
            if found.is_none() || found != spec.replaces {
                return Err(TokenError::Occupied(format!("slot {:02x}", self.slot.slot)));
            }
        }
        if !tells_slots(&card) {
            return Err(TokenError::Unsupported(format!(
                "making a key in slot {:02x}: firmware before 5.3 does not tell whether there is one \
                 already",
                self.slot.slot
            )));
        }
        verify_pin(&mut card, &self.label, unlock)?;
        let management = MgmKey::get_protected(&mut card).map_err(|_| {
            TokenError::Unsupported(
                "its management key is not kept under its PIN: provision the token".to_owned(),
            )
        })?;
        card.authenticate(&management).map_err(|error| trouble(&error))?;
        let (pin, touch) = (pin_policy(spec.pin), touch_policy(spec.touch));
        let spki = piv::generate(&mut card, self.id, algorithm, pin, touch)
            .map_err(|error| trouble(&error))?;
        let bad = || TokenError::Device("the card's answer holds no public key".to_owned());
        let spki = spki.to_der().map_err(|_| bad())?;
        PublicKey::from_spki_der(&spki).map(|public| Made { public }).map_err(|_| bad())
    }

    fn signer(
        &mut self,
        key: &Fingerprint,
        _unlock: &mut dyn Unlock,
    ) -> Result<Box<dyn Signer + '_>, TokenError> {
        let (_, _, public) = self.holding(key)?;
        Ok(Box::new(YubikeySigner { store: self, public }))
    }

    fn sign(
        &mut self,
        key: &Fingerprint,
        message: &[u8],
        unlock: &mut dyn Unlock,
    ) -> Result<Signed, TokenError> {
        use sha2::Digest as _;
        // The card may have been changed since it was looked at: serial and key are checked before the PIN.
        let (mut card, found, public) = self.holding(key)?;
        let (algorithm, hash, digest) = match public.algorithm() {
            Algorithm::P256 => {
                (AlgorithmId::EccP256, Hash::Sha256, sha2::Sha256::digest(message).to_vec())
            }
            Algorithm::P384 => match self.slot.p384 {
                // A shorter digest is padded on the left to the curve's length (FIPS 186-5 6.4.1).
                Hash::Sha256 => (
                    AlgorithmId::EccP384,
                    Hash::Sha256,
                    [vec![0; 16], sha2::Sha256::digest(message).to_vec()].concat(),
                ),
                Hash::Sha384 => {
                    (AlgorithmId::EccP384, Hash::Sha384, sha2::Sha384::digest(message).to_vec())
                }
            },
            Algorithm::Ed25519 | Algorithm::Rsa => {
                return Err(TokenError::Unsupported(format!(
                    "signing with {}",
                    public.algorithm()
                )));
            }
        };
        if Self::pin_asked(&found) {
            verify_pin(&mut card, &self.label, unlock)?;
        }
        let touch = Self::touch_asked(&found);
        if touch {
            unlock.touch(&self.label);
        }
        let signed = piv::sign_data(&mut card, &digest, algorithm, self.id);
        let der = signed.map_err(|error| {
            if touch && matches!(error, Error::AuthenticationError) {
                TokenError::NoTouch
            } else {
                trouble(&error)
            }
        })?;
        Signature::from_ecdsa_der(public.algorithm(), hash, &der)
            .map(|signature| Signed { public, signature })
            .ok_or(TokenError::BadSignature)
    }
}

struct YubikeySigner<'a> {
    store: &'a mut YubikeyStore,
    public: PublicKey,
}

impl Signer for YubikeySigner<'_> {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&mut self, message: &[u8], unlock: &mut dyn Unlock) -> Result<Signature, TokenError> {
        self.store.sign(&self.public.fingerprint(), message, unlock).map(|made| made.signature)
    }
}

/// The slot's attestation and the device's certificate in DER; empty where the card gives none.
fn attested(card: &mut YubiKey, slot: SlotId) -> Vec<Vec<u8>> {
    let Ok(leaf) = piv::attest(card, slot) else { return Vec::new() };
    let Ok(device) = Certificate::read(card, SlotId::Attestation) else { return Vec::new() };
    match device.cert.to_der() {
        Ok(device) => vec![leaf.to_vec(), device],
        Err(_) => Vec::new(),
    }
}

const fn pin_policy(pin: Option<PinPolicy>) -> yubikey::PinPolicy {
    match pin {
        Some(PinPolicy::Never) => yubikey::PinPolicy::Never,
        Some(PinPolicy::Once) => yubikey::PinPolicy::Once,
        Some(PinPolicy::Always) | None => yubikey::PinPolicy::Always,
    }
}

const fn touch_policy(touch: Option<TouchPolicy>) -> yubikey::TouchPolicy {
    match touch {
        Some(TouchPolicy::Never) => yubikey::TouchPolicy::Never,
        Some(TouchPolicy::Cached) => yubikey::TouchPolicy::Cached,
        Some(TouchPolicy::Always) | None => yubikey::TouchPolicy::Always,
    }
}

/// The serial numbers of the cards that are in.
pub fn serials() -> Result<Vec<u32>, TokenError> {
    let mut context = match Context::open() {
        Ok(context) => context,
        Err(Error::PcscError { inner: Some(pcsc) }) => {
            return Err(TokenError::Device(format!(
                "the smart-card service cannot be reached ({pcsc}): is pcscd running?"
            )));
        }
        Err(error) => return Err(trouble(&error)),
    };
    let readers = match context.iter() {
        Ok(readers) => readers,
        // No reader at all is an error there.
        Err(Error::PcscError { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(trouble(&error)),
    };
    Ok(readers.filter_map(|reader| Some(reader.open().ok()?.serial().0)).collect())
}

/// What an error of a card means. A card that goes away in the middle shows itself in several ways.
pub(super) fn trouble(error: &Error) -> TokenError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list is the library's and grows")]
    match error {
        Error::WrongPin { tries: 0 } | Error::PinLocked => TokenError::Blocked,
        Error::WrongPin { tries } => TokenError::WrongSecret { tries_left: Some(*tries) },
        Error::PcscError { .. } | Error::GenericError => TokenError::Gone,
        Error::AuthenticationError => TokenError::NoSecret,
        Error::NotSupported => TokenError::Unsupported("this card or its firmware".to_owned()),
        other => TokenError::Device(other.to_string()),
    }
}

//! A YubiKey as a whole: a new PIN or PUK, what is on it, and its end.

use yubikey::piv::{self, ManagementSlotId, SLOTS, SlotId};
use yubikey::{Error, YubiKey};

use super::super::child::Held;
use super::super::provision::{is_factory, new};
use super::super::{Label, Secret, SecretKind, TokenError, Unlock};
use super::{Found, may_be_submitted, open, tells_slots, trouble, verify_pin};

/// Changes the PIN or the PUK, whichever the label names. The old one is asked for once, and a wrong one ends it; the new one
/// is chosen, checked and typed back before anything changes.
pub(in super::super) fn change_secret(
    serial: u32,
    label: &Label,
    unlock: &mut dyn Unlock,
) -> Result<(), TokenError> {
    let mut card = open(serial)?;
    let (slot, kind) = match label.kind {
        SecretKind::Pin => (ManagementSlotId::Pin, "PIN"),
        SecretKind::Puk => (ManagementSlotId::Puk, "PUK"),
        SecretKind::Passphrase => {
            return Err(TokenError::Unsupported("a card has a PIN and a PUK".to_owned()));
        }
    };
    if is_factory(&mut card, slot)? {
        return Err(TokenError::Unsupported(format!(
            "its {kind} is the factory's: provision the token"
        )));
    }
    let old = match slot {
        ManagementSlotId::Pin => verify_pin(&mut card, label, unlock)?,
        ManagementSlotId::Puk | ManagementSlotId::Management => ask_puk(&mut card, label, unlock)?,
    };
    let fresh = new(unlock, label)?;
    if fresh.expose() == old.expose() {
        return Err(TokenError::Unsupported(format!("the new {kind} is the old one")));
    }
    let (old, fresh) = (old.expose().as_bytes(), fresh.expose().as_bytes());
    match slot {
        ManagementSlotId::Pin => {
            card.change_pin(old, fresh).map_err(|error| trouble(&error))?;
            card.verify_pin(fresh).map_err(|error| trouble(&error))
        }
        ManagementSlotId::Puk | ManagementSlotId::Management => {
            card.change_puk(old, fresh).map_err(|error| trouble(&error))
        }
    }
}

/// Sets a new PIN with the PUK, whether the PIN is blocked or only forgotten. The PUK is asked for once, and a wrong one
/// costs one of its own tries; the new PIN is chosen, checked and typed back before anything changes, and opens the card
/// before it is let go.
pub(in super::super) fn unblock(
    serial: u32,
    label: &Label,
    unlock: &mut dyn Unlock,
) -> Result<(), TokenError> {
    let mut card = open(serial)?;
    let puk = ask_puk(&mut card, &Label { kind: SecretKind::Puk, ..label.clone() }, unlock)?;
    let fresh = new(unlock, &Label { kind: SecretKind::Pin, ..label.clone() })?;
    if fresh.expose() == puk.expose() {
        return Err(TokenError::Unsupported("a PIN that is the PUK".to_owned()));
    }
    let (puk, fresh) = (puk.expose().as_bytes(), fresh.expose().as_bytes());
    card.unblock_pin(puk, fresh).map_err(|error| trouble(&error))?;
    card.verify_pin(fresh).map_err(|error| trouble(&error))
}

/// A PUK cannot be tried without changing it, so it is only asked for.
fn ask_puk(
    card: &mut YubiKey,
    label: &Label,
    unlock: &mut dyn Unlock,
) -> Result<Secret, TokenError> {
    let metadata = piv::metadata(card, SlotId::Management(ManagementSlotId::Puk));
    let tries =
        metadata.ok().and_then(|metadata| metadata.retries).map(|retries| retries.remaining_count);
    if tries == Some(0) {
        return Err(TokenError::Blocked);
    }
    let puk = unlock.secret(label, tries).ok_or(TokenError::NoSecret)?;
    may_be_submitted(&puk, label)?;
    Ok(puk)
}

/// Every slot for keys that is taken.
pub(in super::super) fn inventory(serial: u32) -> Result<Vec<Held>, TokenError> {
    let mut card = open(serial)?;
    held(&mut card)
}

fn held(card: &mut YubiKey) -> Result<Vec<Held>, TokenError> {
    if !tells_slots(card) {
        return Err(TokenError::Unsupported(
            "listing its keys: firmware before 5.3 shows only those that have a certificate"
                .to_owned(),
        ));
    }
    let mut all = Vec::new();
    for slot in SLOTS {
        if matches!(slot, SlotId::Attestation | SlotId::Management(_)) {
            continue;
        }
        if let Some(found) = Found::at(card, slot)? {
            all.push(Held { place: format!("slot {:02x}", u8::from(slot)), key: found.public });
        }
    }
    Ok(all)
}

/// The most tries that a card can be set to.
const MOST_TRIES: usize = 255;

/// Ends the PIV application: a card only does it once PIN and PUK are blocked, so both are, with random wrong ones.
pub(in super::super) fn reset(serial: u32) -> Result<(), TokenError> {
    let mut card = open(serial)?;
    block(|wrong| card.verify_pin(wrong))?;
    block(|wrong| card.change_puk(wrong, wrong))?;
    card.reset_device().map_err(|error| trouble(&error))?;
    let mut card = open(serial)?;
    let left = held(&mut card)?;
    if left.is_empty() {
        Ok(())
    } else {
        let places: Vec<_> = left.into_iter().map(|held| held.place).collect();
        Err(TokenError::Device(format!("after the reset it still holds {}", places.join(", "))))
    }
}

fn block(mut submit: impl FnMut(&[u8]) -> yubikey::Result<()>) -> Result<(), TokenError> {
    for _ in 0..MOST_TRIES {
        let mut wrong = [0; 8];
        getrandom::fill(&mut wrong).map_err(|error| TokenError::Device(error.to_string()))?;
        // Eight bytes without a filler byte (ff), which cards refuse uncounted; nobody's PIN by more than chance.
        for byte in &mut wrong {
            *byte &= 0x7f;
        }
        match submit(&wrong) {
            Ok(()) | Err(Error::WrongPin { tries: 1.. }) => {}
            Err(Error::WrongPin { tries: 0 } | Error::PinLocked) => return Ok(()),
            Err(error) => return Err(trouble(&error)),
        }
    }
    Err(TokenError::Device("it cannot be blocked, so it cannot be reset".to_owned()))
}

//! Provisioning of a `YubiKey`: the factory's PIN, PUK and management key are replaced by the holder's own.
//!
//! New secrets are chosen, checked and typed back before anything is changed. Each of the three is changed only while it
//! is the factory's, so an interrupted provisioning is simply done again. The management key becomes random and is kept
//! on the card under the PIN; nobody needs to know it.

use serde::{Deserialize, Serialize};
use yubikey::piv::{self, ManagementSlotId, SlotId};
use yubikey::{MgmKey, YubiKey};

use super::yubikey::{FACTORY_PIN, FACTORY_PUK, open, trouble, verify_pin};
use super::{Label, Rules, SecretKind, TokenError, Unlock};

/// What provisioning changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Provisioned {
    /// Whether the PIN was the factory's and is not any more.
    pub pin: bool,
    /// Whether the PUK was the factory's and is not any more.
    pub puk: bool,
    /// Whether the management key was the factory's and is random now, kept under the PIN.
    pub management_key: bool,
}

/// Replaces what is still the factory's. Needs firmware 5.3, which says what is.
pub fn provision(
    serial: u32,
    label: &Label,
    unlock: &mut dyn Unlock,
) -> Result<Provisioned, TokenError> {
    let mut card = open(serial)?;
    let pin_is = is_factory(&mut card, ManagementSlotId::Pin)?;
    let puk_is = is_factory(&mut card, ManagementSlotId::Puk)?;
    let management_is = is_factory(&mut card, ManagementSlotId::Management)?;
    let pin = if pin_is {
        Some(new(unlock, &named(label, SecretKind::Pin))?)
    } else if management_is {
        // The management key is kept under the PIN, so the PIN that is there is needed.
        Some(verify_pin(&mut card, &named(label, SecretKind::Pin), unlock)?)
    } else {
        None
    };
    let puk = if puk_is { Some(new(unlock, &named(label, SecretKind::Puk))?) } else { None };
    if let (Some(pin), Some(puk)) = (&pin, &puk)
        && pin.expose() == puk.expose()
    {
        return Err(TokenError::Unsupported("a PUK that is the PIN".to_owned()));
    }

    let mut done = Provisioned::default();
    if let (true, Some(pin)) = (pin_is, &pin) {
        card.change_pin(FACTORY_PIN.as_bytes(), pin.expose().as_bytes())
            .map_err(|error| trouble(&error))?;
        done.pin = true;
    }
    if let Some(puk) = &puk {
        card.change_puk(FACTORY_PUK.as_bytes(), puk.expose().as_bytes())
            .map_err(|error| trouble(&error))?;
        done.puk = true;
    }
    if let (true, Some(pin)) = (management_is, &pin) {
        card.verify_pin(pin.expose().as_bytes()).map_err(|error| trouble(&error))?;
        let factory = MgmKey::get_default(&card).map_err(|error| trouble(&error))?;
        card.authenticate(&factory).map_err(|error| trouble(&error))?;
        let mut random = rand_core::UnwrapErr(getrandom::SysRng);
        let fresh = MgmKey::generate_for(&card, &mut random).map_err(|error| trouble(&error))?;
        fresh.set_protected(&mut card).map_err(|error| trouble(&error))?;
        // What was written is proven before the card is let go.
        let kept = MgmKey::get_protected(&mut card).map_err(|error| trouble(&error))?;
        card.authenticate(&kept).map_err(|error| trouble(&error))?;
        done.management_key = true;
    }
    Ok(done)
}

pub(super) fn is_factory(card: &mut YubiKey, slot: ManagementSlotId) -> Result<bool, TokenError> {
    let metadata = piv::metadata(card, SlotId::Management(slot)).map_err(|_| {
        TokenError::Unsupported(
            "telling whether it is the factory's; firmware 5.3 or later can. Provision this card with \
             ykman instead"
                .to_owned(),
        )
    })?;
    Ok(metadata.default == Some(true))
}

fn named(label: &Label, kind: SecretKind) -> Label {
    Label { kind, ..label.clone() }
}

/// A new PIN or PUK, which must be none of the factory's.
pub(super) fn new(unlock: &mut dyn Unlock, label: &Label) -> Result<super::Secret, TokenError> {
    let chosen = unlock.new_secret(label, &Rules::pin()).ok_or(TokenError::NoSecret)?;
    let known = [FACTORY_PIN, FACTORY_PUK].contains(&chosen.expose());
    if known || !(6..=8).contains(&chosen.expose().len()) {
        return Err(TokenError::Unsupported(format!(
            "a {} that is the factory's, or of another length than 6 to 8",
            label.kind
        )));
    }
    Ok(chosen)
}

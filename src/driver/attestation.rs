//! Attestations, judged: in the room when a token is looked at, and afterwards from the evidence.

use std::collections::BTreeMap;

use crate::ceremony::audit::Claim;
use crate::ceremony::event::RoomFact;
use crate::ceremony::plan::{Origin, Plan, PlannedKey, Store};
use crate::ceremony::scene::Verdict;
use crate::keystore::attest::{self, Anchors, Attestation, BadAttestation};
use crate::tuf::key::PublicKey;

/// Judges the attestation that a token gave for its key.
pub fn remark(
    slot: &[u8],
    device: &[u8],
    key: Option<&PublicKey>,
    serial: Option<&str>,
) -> RoomFact {
    let (verdict, text) = match attest::verify(slot, device, &Anchors::yubico()) {
        Ok(proven) => match differs(&proven, key, serial) {
            None => (Verdict::Pass, words(&proven)),
            Some(why) => (Verdict::Fail, why),
        },
        Err(why) => (verdict_of(&why), why.to_string()),
    };
    RoomFact { name: "attestation".to_owned(), verdict, text }
}

/// What is wrong with a proof that is good in itself: it is of another key, or of another card.
fn differs(proven: &Attestation, key: Option<&PublicKey>, serial: Option<&str>) -> Option<String> {
    if key.is_some_and(|key| *key != proven.public) {
        return Some("it attests another key than the one in the slot".to_owned());
    }
    let stated = proven.serial.to_string();
    serial
        .filter(|serial| *serial != stated)
        .map(|serial| format!("expected the card {serial}, it attests one of the card {stated}"))
}

/// A chain that ends in an unknown root proves nothing either way; everything else that fails is wrong.
const fn verdict_of(why: &BadAttestation) -> Verdict {
    match why {
        BadAttestation::Foreign { .. } => Verdict::Unknown,
        BadAttestation::NotACertificate { .. }
        | BadAttestation::NotSigned { .. }
        | BadAttestation::Missing { .. } => Verdict::Fail,
    }
}

/// What an attestation proves, in words.
pub fn words(proven: &Attestation) -> String {
    let (major, minor, patch) = proven.firmware;
    let pin = proven.pin.map_or("unknown".to_owned(), |pin| format!("{pin:?}").to_lowercase());
    let touch = proven.touch.map_or("unknown".to_owned(), |t| format!("{t:?}").to_lowercase());
    format!(
        "made on the card {}, firmware {major}.{minor}.{patch}, PIN {pin}, touch {touch}; {}",
        proven.serial, proven.root
    )
}

/// Judges the attestations in an evidence folder against its plan and its keys.
pub fn claims(files: &BTreeMap<String, Vec<u8>>) -> Vec<Claim> {
    let plan = files.get("plan.toml").and_then(|bytes| Plan::parse(bytes).ok());
    let Some(plan) = plan else { return Vec::new() };
    plan.keys.iter().filter_map(|key| claim(files, key)).collect()
}

fn claim(files: &BTreeMap<String, Vec<u8>>, key: &PlannedKey) -> Option<Claim> {
    let Some(Store::Yubikey { serial, .. }) = &key.store else { return None };
    let public = files.get(&format!("keys/{}.pub", key.name))?;
    let public = PublicKey::from_pem(&String::from_utf8_lossy(public)).ok()?;
    let der = |which: &str| {
        let pem = files.get(&format!("attestations/{}-{which}.pem", key.name))?;
        der::pem::decode_vec(pem).ok().map(|(_, der)| der)
    };
    let (verdict, text) = match (der("slot"), der("device")) {
        (Some(slot), Some(device)) => match attest::verify(&slot, &device, &Anchors::yubico()) {
            Err(why) => (verdict_of(&why), why.to_string()),
            Ok(proven) => {
                match differs(&proven, Some(&public), Some(&serial.to_string()))
                    .or_else(|| other_policy(&proven, key))
                {
                    None => (Verdict::Pass, words(&proven)),
                    Some(why) => (Verdict::Fail, why),
                }
            }
        },
        _ => (
            Verdict::Unknown,
            "the card gave none: nothing shows where the key was made".to_owned(),
        ),
    };
    let text = format!("{}: {text}.", key.name);
    Some(Claim { verdict, name: "attestation".to_owned(), text })
}

fn other_policy(proven: &Attestation, key: &PlannedKey) -> Option<String> {
    let Origin::Make { pin, touch } = &key.origin else { return None };
    let pins = pin.is_some() && *pin != proven.pin;
    let touches = touch.is_some() && *touch != proven.touch;
    (pins || touches)
        .then(|| "the card guards the key in another way than the plan says".to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use crate::keystore::software_key::SoftwareKey;
    use crate::tuf::key::Algorithm;
    use crate::tuf::policy::{PinPolicy, TouchPolicy};

    #[test]
    fn an_attestation_of_another_key_card_or_policy_is_no_proof() {
        let made = || SoftwareKey::generate(Algorithm::P256).unwrap().public_key().clone();
        let (public, other) = (made(), made());
        let proven = Attestation {
            public: public.clone(),
            serial: 18_158_877,
            firmware: (5, 7, 1),
            pin: Some(PinPolicy::Always),
            touch: Some(TouchPolicy::Always),
            form_factor: None,
            root: "a root".to_owned(),
        };
        assert_eq!(differs(&proven, Some(&public), Some("18158877")), None);
        let why = differs(&proven, Some(&other), Some("18158877")).unwrap();
        assert!(why.contains("another key"), "{why}");
        let why = differs(&proven, Some(&public), Some("18158855")).unwrap();
        assert!(why.contains("expected the card 18158855"), "{why}");

        let plan = include_bytes!("../../ceremonies/provision-token/plan.toml");
        let plan = Plan::parse(plan).unwrap();
        let key = plan.keys.first().unwrap();
        assert_eq!(other_policy(&proven, key), None);
        let never = Some(TouchPolicy::Never);
        assert!(other_policy(&Attestation { touch: never, ..proven.clone() }, key).is_some());
        let once = Some(PinPolicy::Once);
        assert!(other_policy(&Attestation { pin: once, ..proven }, key).is_some());
    }
}

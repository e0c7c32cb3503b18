//! Attestations, judged: in the room when a token is looked at, and afterwards from the evidence.

use std::collections::BTreeMap;

use crate::ceremony::audit::Claim;
use crate::ceremony::event::RoomFact;
use crate::ceremony::plan::{Origin, Plan, PlannedKey, Store};
use crate::ceremony::scene::Verdict;
use crate::keystore::attest::{self, Anchors, Attestation, BadAttestation};
use crate::tuf::key::PublicKey;

/// Judges the attestation that a token gave for its key, which the plan describes.
pub fn remark(
    (slot, device): (&[u8], &[u8]),
    planned: &PlannedKey,
    key: Option<&PublicKey>,
    serial: Option<&str>,
) -> RoomFact {
    let (verdict, text) = match attest::verify(slot, device, &Anchors::yubico()) {
        Ok(proven) => {
            match differs(&proven, key, serial).or_else(|| other_policy(&proven, planned)) {
                None => (Verdict::Pass, words(&proven)),
                Some(why) => (Verdict::Fail, why),
            }
        }
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
                    None => weighed(&proven),
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

/// A good proof, with the flaws of the card's firmware.
fn weighed(proven: &Attestation) -> (Verdict, String) {
    let flaws = attest::flaws(proven.firmware);
    let verdict = if flaws.is_empty() { Verdict::Pass } else { Verdict::Warn };
    let told: String = flaws.iter().map(|flaw| format!("; {}", flaw.text)).collect();
    (verdict, words(proven) + &told)
}

fn other_policy(proven: &Attestation, key: &PlannedKey) -> Option<String> {
    let Origin::Make { pin, touch, .. } = &key.origin else { return None };
    let pins = pin.is_some() && *pin != proven.pin;
    let touches = touch.is_some() && *touch != proven.touch;
    (pins || touches)
        .then(|| "the card guards the key in another way than the plan says".to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    /// The certificates of two real cards (`tests/data/attestations`): slot 9c, then the device.
    const CARDS: [[&str; 2]; 2] = [
        [
            include_str!("../../tests/data/attestations/15938765-slot.pem"),
            include_str!("../../tests/data/attestations/15938765-device.pem"),
        ],
        [
            include_str!("../../tests/data/attestations/14833186-slot.pem"),
            include_str!("../../tests/data/attestations/14833186-device.pem"),
        ],
    ];
    const PLAN: &str = include_str!("../../ceremonies/first-root-tuf1/plan.toml");

    fn der(pem: &str) -> Vec<u8> {
        der::pem::decode_vec(pem.as_bytes()).unwrap().1
    }

    fn key(card: usize) -> PublicKey {
        let [slot, device] = CARDS[card].map(der);
        attest::verify(&slot, &device, &Anchors::yubico()).unwrap().public
    }

    /// The evidence of a ceremony whose root-a is in slot 9c of the card with this number, guarded so.
    fn evidence(serial: &str, touch: &str, key: &PublicKey) -> BTreeMap<String, Vec<u8>> {
        let start = PLAN.find("name      = \"root-a\"").unwrap();
        let end = start + PLAN[start..].find("\n\n").unwrap();
        let row = format!(
            "name = \"root-a\"\nholder = \"Custodian A\"\nalgorithm = \"p256\"\n\
             store = {{ yubikey = {{ serial = {serial}, slot = \"9c\" }} }}\n\
             make = {{ pin = \"always\", touch = \"{touch}\" }}"
        );
        let plan = format!("{}{row}{}", &PLAN[..start], &PLAN[end..]);
        BTreeMap::from([
            ("plan.toml".to_owned(), plan.into_bytes()),
            ("keys/root-a.pub".to_owned(), key.to_pem().into_bytes()),
        ])
    }

    /// root-a of that plan.
    fn planned(touch: &str) -> PlannedKey {
        let plan = Plan::parse(&evidence("15938765", touch, &key(0))["plan.toml"]).unwrap();
        plan.keys.into_iter().find(|key| key.name.as_str() == "root-a").unwrap()
    }

    fn with(mut files: BTreeMap<String, Vec<u8>>, [slot, device]: [&str; 2]) -> (Verdict, String) {
        for (which, pem) in [("slot", slot), ("device", device)] {
            files.insert(format!("attestations/root-a-{which}.pem"), pem.as_bytes().to_vec());
        }
        judged(&files)
    }

    fn judged(files: &BTreeMap<String, Vec<u8>>) -> (Verdict, String) {
        let claims = claims(files);
        let claim = claims.iter().find(|claim| claim.text.starts_with("root-a: ")).unwrap();
        (claim.verdict, claim.text.clone())
    }

    #[test]
    fn an_attestation_of_a_real_card_is_good_for_its_key_card_and_policy_only() {
        let good = evidence("15938765", "always", &key(0));
        let (verdict, text) = with(good.clone(), CARDS[0]);
        // Its firmware is 5.2.7.
        assert_eq!(verdict, Verdict::Warn, "{text}");
        assert!(text.contains("made on the card 15938765") && text.contains("EUCLEAK"), "{text}");

        let mixed = [CARDS[0][0], CARDS[1][1]];
        for (files, chain, why) in [
            (good.clone(), CARDS[1], "another key than the one in the slot"),
            (evidence("18158855", "always", &key(0)), CARDS[0], "expected the card 18158855"),
            (
                evidence("15938765", "cached", &key(0)),
                CARDS[0],
                "in another way than the plan says",
            ),
            (good.clone(), mixed, "its issuer did not sign it"),
            (good.clone(), [CARDS[0][1], CARDS[0][0]], "its issuer did not sign it"),
        ] {
            let (verdict, text) = with(files, chain);
            assert_eq!(verdict, Verdict::Fail, "{text}");
            assert!(text.contains(why), "{text}");
        }
        // A key that was imported has none.
        let (verdict, text) = judged(&good);
        assert_eq!(verdict, Verdict::Unknown, "{text}");
        assert!(text.contains("nothing shows where the key was made"), "{text}");
    }

    #[test]
    fn a_chain_to_another_root_tells_nothing_and_a_changed_byte_is_wrong() {
        let [slot, device] = CARDS[0].map(der);
        let nobody = Anchors::default();
        let why = attest::verify(&slot, &device, &nobody).unwrap_err();
        assert!(matches!(why, BadAttestation::Foreign { .. }), "{why}");
        assert_eq!(verdict_of(&why), Verdict::Unknown);
        let refused = |slot: &[u8], device: &[u8]| {
            let fact = remark((slot, device), &planned("always"), Some(&key(0)), Some("15938765"));
            assert_eq!(fact.verdict, Verdict::Fail, "{}", fact.text);
        };
        for at in 0..slot.len() {
            let mut changed = slot.clone();
            changed[at] ^= 1;
            refused(&changed, &device);
        }
        let mut changed = device.clone();
        *changed.last_mut().unwrap() ^= 1;
        refused(&slot, &changed);
        for (touch, verdict) in [("always", Verdict::Pass), ("cached", Verdict::Fail)] {
            let planned = planned(touch);
            let fact = remark((&slot, &device), &planned, Some(&key(0)), Some("15938765"));
            assert_eq!(fact.verdict, verdict, "{}", fact.text);
        }
    }
}

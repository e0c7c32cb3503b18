//! The turns of ceremonies that are about keys alone: tokens are provisioned, secrets changed, back-ups made and tried, keys given
//! up.
//!
//! A new secret is on paper before it is set, and proven by a signature before the old one is let go.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::tuf::key::{Fingerprint, PublicKey};
use crate::tuf::name::KeyName;
use crate::tuf::signature::Signature;
use crate::tuf::time::Timestamp;

use super::super::ask::AskKind;
use super::super::check::Ground;
use super::super::event::{Act, ActId, ActKind, Trouble, TroubleKind};
use super::super::plan::{BackUp, Bags, Drill, Fate, Kind, Origin, Plan, PlannedKey, Retired};
use super::super::roster::{Enrolled, Proof, challenge};
use super::results::about;
use super::state::State;
use super::want::Want;
use super::{program, turns};

/// What was done for the care of keys.
#[derive(Debug, Clone, Default)]
pub struct Care {
    /// Keys whose tokens have secrets of their holders' own.
    pub provisioned: BTreeSet<KeyName>,
    /// Keys whose secret was changed, and that signed under the new one or will.
    pub changed: BTreeSet<KeyName>,
    /// The files of back-ups, by what the act is about: `KEY@MEDIUM/FILE`.
    pub backed_up: BTreeMap<String, String>,
    /// Keys that came back from their back-ups.
    pub recovered: BTreeMap<KeyName, Recovered>,
    /// Keys whose new secret was taken as set after an interruption, and has not opened them yet.
    pub(super) adopted: BTreeSet<KeyName>,
    /// When a holder came to the keyboard, by turn.
    pub(super) began: BTreeMap<String, Timestamp>,
}

/// A drill that was held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recovered {
    /// The key that came back: the one that the plan names.
    pub fingerprint: Fingerprint,
    /// When its holder opened the recovery kit.
    pub began: Timestamp,
    /// When the key had signed.
    pub ended: Timestamp,
    /// How long it took.
    pub seconds: i64,
}

/// What the evidence says of the care of keys: `care.json`.
#[derive(Serialize)]
pub(super) struct Certificate<'a> {
    provisioned: &'a BTreeSet<KeyName>,
    secrets_changed: &'a BTreeSet<KeyName>,
    bags: Vec<BagsLine<'a>>,
    back_ups: Vec<BackUpLine<'a>>,
    drills: &'a BTreeMap<KeyName, Recovered>,
    retired: Vec<RetiredLine<'a>>,
}

#[derive(Serialize)]
struct BagsLine<'a> {
    key: &'a KeyName,
    bag: &'a str,
    place: &'a str,
    secrets_bag: &'a str,
    secrets_place: &'a str,
}

#[derive(Serialize)]
struct BackUpLine<'a> {
    key: &'a KeyName,
    file: &'a str,
    medium: &'a KeyName,
    holder: &'a str,
    place: &'a str,
}

#[derive(Serialize)]
struct RetiredLine<'a> {
    key: &'a KeyName,
    fingerprint: Fingerprint,
    serial: Option<&'a str>,
    holder: &'a str,
    state: Fate,
    reason: &'a str,
}

/// The certificate of what was done so far.
pub(super) fn certificate<'a>(plan: &'a Plan, state: &'a State) -> Certificate<'a> {
    let care = &state.care;
    let sealed = bagged(plan, state);
    let written = plan.back_ups.iter().filter_map(|row| {
        let file = care.backed_up.get(&subject(row))?;
        Some(BackUpLine {
            key: &row.key,
            file,
            medium: &row.medium,
            holder: row.holder.as_str(),
            place: row.place.as_str(),
        })
    });
    Certificate {
        provisioned: &care.provisioned,
        secrets_changed: &care.changed,
        bags: sealed
            .map(|row| BagsLine {
                key: &row.key,
                bag: row.bag.as_str(),
                place: row.place.as_str(),
                secrets_bag: row.secrets_bag.as_str(),
                secrets_place: row.secrets_place.as_str(),
            })
            .collect(),
        back_ups: written.collect(),
        drills: &care.recovered,
        retired: retired(plan, state)
            .map(|row| RetiredLine {
                key: &row.name,
                fingerprint: row.fingerprint,
                serial: row.serial.as_ref().map(super::super::plan::Label::as_str),
                holder: row.holder.as_str(),
                state: row.fate,
                reason: &row.reason,
            })
            .collect(),
    }
}

/// The bags that were sealed before witnesses.
pub(super) fn bagged<'a>(plan: &'a Plan, state: &'a State) -> impl Iterator<Item = &'a Bags> {
    plan.bags.iter().filter(|row| noted(state, "bags", &row.key))
}

/// The keys that were given up before witnesses.
pub(super) fn retired<'a>(plan: &'a Plan, state: &'a State) -> impl Iterator<Item = &'a Retired> {
    plan.retired.iter().filter(|row| noted(state, "retired", &row.name))
}

/// What the step of keys wants next.
pub(super) fn want(ground: &Ground, state: &State) -> Option<Want> {
    let plan = ground.plan();
    match plan.kind {
        Kind::ProvisionToken => plan.keys.iter().find_map(|key| provision(ground, state, key)),
        Kind::ChangePin => plan.keys.iter().find_map(|key| change_secret(ground, state, key)),
        Kind::BackUp => plan.back_ups.iter().find_map(|row| back_up(plan, state, row)),
        Kind::RestoreDrill => plan.drills.iter().find_map(|row| drill(plan, state, row)),
        Kind::RetireToken => plan.retired.iter().find_map(|row| retire(state, row)),
        Kind::FirstRoot
        | Kind::Refresh
        | Kind::RotateRoot
        | Kind::ReplaceCustodian
        | Kind::RotateOnline
        | Kind::RotateTagging
        | Kind::AddDelegation
        | Kind::RotateDelegation
        | Kind::RemoveDelegation
        | Kind::SignTargets
        | Kind::RootCompromise
        | Kind::Adopt => None,
    }
}

fn provision(ground: &Ground, state: &State, key: &PlannedKey) -> Option<Want> {
    if state.roster.proofs.contains_key(&key.name) {
        return sealed_in_bags(state, key);
    }
    if let Some(want) = turns::ready(state, key, "keys").or_else(|| on_paper(state, key)) {
        return Some(want);
    }
    if !state.care.provisioned.contains(&key.name) {
        let act = Act::Provision(key.clone());
        return Some(Want::of_key(ActKind::Provision, key, None, act));
    }
    let Some(enrolled) = state.roster.keys.get(&key.name) else {
        return Some(Want::of_key(ActKind::Make, key, None, Act::Make(key.clone())));
    };
    turns::prove(ground, state, key, enrolled.key())
}

fn change_secret(ground: &Ground, state: &State, key: &PlannedKey) -> Option<Want> {
    if state.roster.proofs.contains_key(&key.name) {
        return sealed_in_bags(state, key);
    }
    if let Some(want) = turns::ready(state, key, "keys").or_else(|| on_paper(state, key)) {
        return Some(want);
    }
    if !state.care.changed.contains(&key.name) {
        let act = Act::ChangeSecret(key.clone());
        return Some(Want::of_key(ActKind::ChangeSecret, key, None, act));
    }
    turns::prove(ground, state, key, state.roster.keys.get(&key.name)?.key())
}

/// The new secret is on paper before anything is changed, so that a cut in between loses nothing.
fn on_paper(state: &State, key: &PlannedKey) -> Option<Want> {
    note(
        state,
        "paper",
        &key.name,
        'w',
        "the new secret is on paper, and the holder alone has seen it",
    )
}

fn sealed_in_bags(state: &State, key: &PlannedKey) -> Option<Want> {
    note(
        state,
        "bags",
        &key.name,
        'g',
        "both bags are sealed under these numbers; old paper is destroyed",
    )
}

fn back_up(plan: &Plan, state: &State, row: &BackUp) -> Option<Want> {
    let key = plan.key(&row.key)?;
    let about = subject(row);
    if state.care.backed_up.contains_key(&about) {
        return (!state.has_pressed(AskKind::Note, &format!("stored/{about}"))).then(|| {
            let label = format!("{} has it, sealed, and takes it away", row.holder);
            Want::press(AskKind::Note, format!("stored/{about}"), 'g', &label)
        });
    }
    if let Some(want) = program::medium(plan, state, &row.medium, "it is in") {
        return Some(want);
    }
    if let Some(want) = turns::ready(state, key, "back-up") {
        return Some(want);
    }
    let public = state.roster.keys.get(&key.name)?.key().clone();
    let act = Act::BackUp { key: key.clone(), public, back_up: row.clone() };
    Some(Want::Act { kind: ActKind::BackUp, subject: about, bytes: None, act })
}

/// What the act of a back-up is about. A key may have several, on several media.
pub(super) fn subject(row: &BackUp) -> String {
    format!("{}@{}/{}", row.key, row.medium, row.file())
}

fn drill(plan: &Plan, state: &State, row: &Drill) -> Option<Want> {
    let key = plan.key(&row.key)?;
    if state.care.recovered.contains_key(&row.key) {
        return note(
            state,
            "resealed",
            &row.key,
            'g',
            "the recovery kit is sealed again, in a new bag",
        );
    }
    let identity = row.identity.iter().map(|(medium, _)| medium);
    let mut kit = std::iter::once(&row.medium).chain(identity);
    if let Some(want) = kit.find_map(|name| program::medium(plan, state, name, "it is in")) {
        return Some(want);
    }
    let about = format!("drill/{}", row.key);
    if !state.has_pressed(AskKind::Ready, &about) {
        return Some(Want::press(AskKind::Ready, about, 'r', "ready"));
    }
    let Origin::Fingerprint(known) = &key.origin else { return None };
    let message = challenge(&state.facts(), &row.key, known.value);
    let act = Act::Drill { key: key.clone(), drill: row.clone(), message };
    Some(Want::of_key(ActKind::Drill, key, None, act))
}

fn retire(state: &State, row: &Retired) -> Option<Want> {
    match row.fate {
        Fate::Destroyed => note(
            state,
            "retired",
            &row.name,
            'd',
            "it is destroyed: two witnesses and the camera saw it",
        ),
        Fate::NotRecovered => note(
            state,
            "retired",
            &row.name,
            'n',
            "it was not recovered, and counts as compromised",
        ),
    }
}

fn note(state: &State, what: &str, name: &KeyName, key: char, label: &str) -> Option<Want> {
    (!noted(state, what, name))
        .then(|| Want::press(AskKind::Note, format!("{what}/{name}"), key, label))
}

fn noted(state: &State, what: &str, name: &KeyName) -> bool {
    state.has_pressed(AskKind::Note, &format!("{what}/{name}"))
}

/// A PIN that stays in locked memory for a while: the bench holds it, and the record counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPin {
    /// The key that it opens.
    pub key: KeyName,
    /// For how many more signatures.
    pub left: u32,
}

impl State {
    /// Counts a held PIN down by a signature on a payload; everything else that happens ends its turn. The bench keeps the
    /// same count.
    pub(super) fn count_pin(&mut self, id: &ActId, key: Option<&PlannedKey>, signed: bool) {
        let limit = key.filter(|_| signed && id.kind == ActKind::Sign).and_then(|key| {
            let limit = key.hold_pin?;
            Some((key, limit))
        });
        let before = self.held_pin.take();
        let Some((key, limit)) = limit else { return };
        let held = before.filter(|held| held.key == key.name && held.left > 0);
        let left = held.map_or(limit, |held| held.left).saturating_sub(1);
        self.held_pin = Some(HeldPin { key: key.name.clone(), left });
        self.pin_was_used = true;
    }

    /// A key came back from its back-up: it must be the one that the plan names, and have signed.
    pub(super) fn recovered(
        &mut self,
        at: Timestamp,
        id: &ActId,
        key: &PlannedKey,
        (public, signature): (&PublicKey, &Signature),
    ) {
        let Origin::Fingerprint(known) = &key.origin else { return };
        let found = public.fingerprint();
        if found != known.value {
            let text = format!("the back-up holds another key, fingerprint {found}");
            return self.open(&about(id), TroubleKind::Mismatch, text);
        }
        if !public.verifies(&challenge(&self.facts(), &key.name, found), signature) {
            let text = "the signature that came back is not this key's over these bytes";
            return self.open(&about(id), TroubleKind::BadSignature, text.to_owned());
        }
        let began = self.care.began.get(&format!("drill/{}", key.name)).copied().unwrap_or(at);
        let seconds = at.unix_seconds() - began.unix_seconds();
        let drill = Recovered { fingerprint: found, began, ended: at, seconds };
        self.care.recovered.insert(key.name.clone(), drill);
        self.roster.keys.insert(key.name.clone(), Enrolled::Shown { key: public.clone() });
        self.roster.proofs.insert(key.name.clone(), Proof::Challenge(signature.clone()));
    }

    /// An act on a store was interrupted: whether it was done, only the store and its holder can tell.
    pub(super) fn cut_off(&mut self, id: &ActId, key: &KeyName) {
        let (found, adopt) = match id.kind {
            ActKind::ChangeSecret => (
                "interrupted; the new secret may be set already. Both papers are at hand: try again with the \
                 secret that opens it, or take the new one as set, and let it prove itself"
                    .to_owned(),
                true,
            ),
            ActKind::Provision => (
                "interrupted; each secret was either replaced or not. Trying again replaces what is still \
                 the factory's"
                    .to_owned(),
                false,
            ),
            ActKind::BackUp => (
                format!("interrupted; what is on the medium of {key} was never proven, and will be set aside"),
                false,
            ),
            ActKind::Room
            | ActKind::Mount
            | ActKind::Read
            | ActKind::Look
            | ActKind::Make
            | ActKind::Prove
            | ActKind::Sign
            | ActKind::Write
            | ActKind::ReadBack
            | ActKind::HandOver
            | ActKind::Drill
            | ActKind::Inspect
            | ActKind::Level
            | ActKind::Survey
            | ActKind::Batch
            | ActKind::Assemble
            | ActKind::Seal => ("interrupted; nothing is left of it".to_owned(), false),
        };
        self.open(&about(id), TroubleKind::Gone, found);
        if let Some(open) = &mut self.trouble {
            open.adopt = adopt;
        }
    }

    /// Takes the new secret of an interrupted change as set; the signature that follows proves it or fails.
    pub(super) fn adopt_secret(&mut self, about: &str) {
        let name = about.strip_prefix("change-secret ").and_then(|name| name.parse().ok());
        if let Some(name) = name {
            self.care.changed.insert(KeyName::clone(&name));
            self.care.adopted.insert(name);
        }
    }

    /// What was taken as the new secret of an interrupted change does not open the key, so it was not set: the change is
    /// wanted again. What to say of it; nothing where no such secret was refused.
    pub(super) fn not_set(&mut self, id: &ActId, trouble: &Trouble) -> Option<&'static str> {
        let refused = matches!(trouble.kind, TroubleKind::WrongSecret | TroubleKind::Blocked);
        let name = id.subject.parse::<KeyName>().ok().filter(|_| id.kind == ActKind::Prove)?;
        (refused && self.care.adopted.remove(&name)).then(|| {
            self.care.changed.remove(&name);
            "the new secret is not set, it seems: trying again changes it with the one that opens the key"
        })
    }
}

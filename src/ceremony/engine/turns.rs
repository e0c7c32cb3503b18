//! The turns of custodians: what one key's holder does before the next one comes to the keyboard.

use crate::tuf::key::PublicKey;
use crate::tuf::name::KeyName;
use crate::tuf::payload::Payload;

use super::super::ask::{AskKind, Form};
use super::super::change::{self, ChangeSet};
use super::super::check::Ground;
use super::super::event::{Act, ActKind};
use super::super::plan::{Origin, Plan, PlannedKey};
use super::super::roster::room_challenge;
use super::program::{self, choice};
use super::state::State;
use super::want::Want;
use crate::tuf::digest::Digest;

/// Makes or finds a key and has it prove itself.
pub(super) fn enrol(ground: &Ground, state: &State, key: &PlannedKey) -> Option<Want> {
    if !key.is_here() || state.roster.proofs.contains_key(&key.name) {
        return None;
    }
    if let Some(want) = ready(state, key, "keys") {
        return Some(want);
    }
    let Some(enrolled) = state.roster.keys.get(&key.name) else {
        return Some(Want::of_key(ActKind::Make, key, None, Act::Make(key.clone())));
    };
    prove(ground, state, key, enrolled.key())
}

/// A key that gets a certificate proves itself by it, every other key by a challenge.
pub(super) fn prove(
    ground: &Ground,
    state: &State,
    key: &PlannedKey,
    public: &PublicKey,
) -> Option<Want> {
    let plan = ground.plan();
    let facts = state.facts();
    if state.recipe.certificates.contains(&key.name) {
        let payload = change::certificate(plan, key, public, &facts).ok()?;
        let bytes = Some(payload.digest());
        let act = Act::Sign { key: key.clone(), public: public.clone(), payload };
        return Some(Want::of_key(ActKind::Sign, key, bytes, act));
    }
    let message = room_challenge(&facts, &key.name, public);
    let bytes = Some(Digest::of(&message));
    let act = Act::Prove { key: key.clone(), public: public.clone(), message };
    Some(Want::of_key(ActKind::Prove, key, bytes, act))
}

/// Signs, one after the other, the documents of one stage that a key signs.
pub(super) fn sign(
    state: &State,
    key: &PlannedKey,
    change: &ChangeSet,
    turn: &str,
) -> Option<Want> {
    let payload = unsigned_of(state, &key.name, change)?;
    let public = state.roster.keys.get(&key.name)?.key().clone();
    if let Some(want) = ready(state, key, turn) {
        return Some(want);
    }
    let bytes = Some(payload.digest());
    let act = Act::Sign { key: key.clone(), public, payload: payload.clone() };
    Some(Want::of_key(ActKind::Sign, key, bytes, act))
}

/// The next payload that a key has still to sign.
pub(super) fn unsigned<'a>(state: &'a State, key: &KeyName) -> Option<&'a Payload> {
    let stages = state.change.iter().chain(&state.closing);
    stages.into_iter().find_map(|stage| unsigned_of(state, key, stage))
}

fn unsigned_of<'a>(state: &State, key: &KeyName, change: &'a ChangeSet) -> Option<&'a Payload> {
    state
        .recipe
        .signed_by(key)
        .filter_map(|doc| change.payload(&doc.role))
        .find(|payload| !state.has_signed(key, payload))
}

/// Hands a made key over to the KEYS medium.
pub(super) fn hand_over(plan: &Plan, state: &State, key: &PlannedKey) -> Option<Want> {
    let leaves = key.leaves.as_ref()?;
    if state.handed_over.contains_key(&key.name) {
        return None;
    }
    if let Some(want) = program::medium(plan, state, &leaves.medium, "it is in") {
        return Some(want);
    }
    if let Some(want) = ready(state, key, "hand-over") {
        return Some(want);
    }
    let public = state.roster.keys.get(&key.name)?.key().clone();
    let message = room_challenge(&state.facts(), &key.name, &public);
    let act = Act::HandOver { key: key.clone(), public, message };
    Some(Want::of_key(ActKind::HandOver, key, None, act))
}

/// The holder comes to the keyboard, the store is looked at, and the last try of a token wants consent.
pub(super) fn ready(state: &State, key: &PlannedKey, turn: &str) -> Option<Want> {
    let about = key.name.as_str();
    if !state.has_pressed(AskKind::Ready, &format!("{turn}/{about}")) {
        return Some(Want::press(AskKind::Ready, format!("{turn}/{about}"), 'r', "ready"));
    }
    let Some(seen) = state.seen.get(&key.name) else {
        return Some(Want::of_key(ActKind::Look, key, None, Act::Look(key.clone())));
    };
    (seen.tries_left == Some(1) && !state.has_pressed(AskKind::LastTry, about)).then(|| {
        let choices = vec![
            choice('c', "consent", "the holder wants to use the last try"),
            choice('s', "stop", "stop the ceremony"),
        ];
        Want::ask(AskKind::LastTry, about, Form::Choose(choices))
    })
}

/// Whether a key must exist before the ceremony makes it its own.
pub(super) const fn exists_before(key: &PlannedKey) -> bool {
    match key.origin {
        Origin::Fingerprint(_) => true,
        Origin::Make { .. } | Origin::Enrol { .. } | Origin::Server { .. } | Origin::Listed(_) => {
            false
        }
    }
}

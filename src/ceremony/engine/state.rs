//! What the engine knows: facts only, gathered from entries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::tuf::digest::Digest;
use crate::tuf::document::DocRole;
use crate::tuf::name::KeyName;
use crate::tuf::nonces::Nonces;
use crate::tuf::payload::Payload;
use crate::tuf::root::Root;
use crate::tuf::signature::Signature;
use crate::tuf::targets::Delegations;
use crate::tuf::time::Timestamp;

use super::super::ask::{Ask, AskId, AskKind, Wish};
use super::super::authority::Count;
use super::super::before::Before;
use super::super::change::ChangeSet;
use super::super::check::Ground;
use super::super::event::{
    Act, ActId, ActKind, Entry, FileAt, Opening, Request, RoomFact, Seen, Trouble, Wanted,
};
use super::super::mounted::Mounted;
use super::super::plan::Origin;
use super::super::recipe::{DocRecipe, Recipe};
use super::super::request::Asked;
use super::super::roster::{Enrolled, Facts, Roster};
use super::super::story;
use super::care::{Care, HeldPin};
use super::want::Want;

/// All that a ceremony has gathered.
#[derive(Debug, Clone)]
pub struct State {
    /// How it was opened.
    pub opening: Opening,
    /// What it starts from.
    pub before: Arc<Before>,
    /// What another machine asks for, if it does.
    pub asked: Option<Arc<Asked>>,
    /// The recipe of the plan.
    pub recipe: Recipe,
    /// Who was in the room.
    pub present: Option<BTreeSet<String>>,
    /// The room's facts.
    pub room: Option<Vec<RoomFact>>,
    /// The media as they were found.
    pub mounted: BTreeMap<KeyName, Mounted>,
    /// Second copies of the BOOK that are behind, and why.
    pub behind: BTreeMap<KeyName, String>,
    /// The files taken in, by where they were.
    pub inputs: BTreeMap<FileAt, Vec<u8>>,
    /// The keys.
    pub roster: Roster,
    /// The documents, once they can be drafted.
    pub change: Option<ChangeSet>,
    /// The documents that hash signed ones, once those are signed.
    pub closing: Option<ChangeSet>,
    /// The transcript's head when the roster was written out.
    pub roster_head: Option<Digest>,
    /// The transcript's head now.
    pub head: Digest,
    /// How the digest of the change was compared.
    pub compared: Option<Compared>,
    /// Every typed comparison: what was compared, when, and whether the words were right.
    pub comparisons: Vec<Comparison>,
    /// Good signatures on documents, in the order in which they were made.
    pub signatures: BTreeMap<DocRole, Vec<(KeyName, Signature)>>,
    /// The nonces of every signature on record.
    pub nonces: Nonces,
    /// Every signature that was asked for: what for, and how often.
    pub attempts: BTreeMap<(KeyName, Digest), u32>,
    /// How many touches the token of a key asked for.
    pub touches: BTreeMap<KeyName, u32>,
    /// What the stores showed beside their keys, judged, when they were last looked at.
    pub remarks: BTreeMap<KeyName, Vec<RoomFact>>,
    /// Certificates that prove where keys were made, DER: the slot's, then the device's.
    pub attestations: BTreeMap<KeyName, Vec<Vec<u8>>>,
    /// Files written, and their digests.
    pub written: BTreeMap<FileAt, Digest>,
    /// Files read back and found right.
    pub confirmed: BTreeSet<FileAt>,
    /// Keys handed over, and the file they are in.
    pub handed_over: BTreeMap<KeyName, String>,
    /// What was done for the care of keys, in ceremonies without documents.
    pub care: Care,
    /// Exceptions, in order.
    pub exceptions: Vec<Exception>,
    /// What each participant said at the end.
    pub statements: BTreeMap<String, Statement>,
    /// The tree of the sealed evidence.
    pub sealed: Option<Digest>,
    /// Whether people stopped it, and why.
    pub aborted: Option<String>,
    /// One line for each entry.
    pub log: Vec<String>,

    /// The delegations of the new targets, read back from their very bytes, once they are drafted.
    pub delegations: Option<Delegations>,
    /// The new root, read back from its very bytes, once it is drafted.
    pub root: Option<Root>,
    /// The thresholds of each document that is being signed, and who reached them: what the progress lines show.
    pub tallied: BTreeMap<DocRole, Vec<Count>>,
    /// The files of the export, once everything is signed.
    pub exported: BTreeMap<String, Vec<u8>>,
    /// The signed documents under the names that clients ask for, once everything is signed.
    pub served: BTreeMap<String, Vec<u8>>,

    /// What is known of a fleet.
    pub fleet: super::fleet::FleetState,

    pub(super) questions: BTreeMap<(AskKind, String), u32>,
    pub(super) acted: BTreeMap<(ActKind, String, Option<Digest>), u32>,
    pub(super) pressed: BTreeSet<(AskKind, String)>,
    /// Which copy was brought level after which step, or tried to be.
    pub(super) levelled: BTreeSet<(KeyName, String)>,
    pub(super) wrong: u32,
    pub(super) differed: bool,
    pub(super) seen: BTreeMap<KeyName, Seen>,
    pub(super) trouble: Option<Open>,
    pub(super) dialogs: Vec<Wish>,
    pub(super) inspect: Option<(ActId, Act)>,
    /// The PIN that is held now, and for how many more signatures.
    pub held_pin: Option<HeldPin>,
    /// Whether the entry that is being taken counted it down.
    pub(super) pin_was_used: bool,
    pub(super) found_key: Option<(KeyName, crate::tuf::key::PublicKey)>,
}

/// Trouble that people have not decided about yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Open {
    /// What was being done, for people and for scripts: `sign root-a`.
    pub(super) about: String,
    /// What went wrong.
    pub(super) trouble: Trouble,
    /// Whether trying again can help.
    pub(super) again: bool,
    /// Whether what was found can be adopted.
    pub(super) adopt: bool,
}

/// How the digest of the change was compared with something outside this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// With words from a second laptop that drafted the same plan.
    SecondLaptop,
    /// Nothing outside could know it; people wrote it down.
    WrittenDown,
    /// With words from whoever asked for the signature.
    Request,
}

/// One typed comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// When.
    pub at: Timestamp,
    /// What was compared: the question's name.
    pub what: String,
    /// Whether the words were right; nothing when people said that they differ.
    pub right: Option<bool>,
}

/// An exception as people filed it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Exception {
    /// Its number, from 1.
    pub number: usize,
    /// When it was filed.
    pub at: Timestamp,
    /// What was expected.
    pub expected: String,
    /// What happened.
    pub happened: String,
    /// What was decided.
    pub decided: String,
    /// Who decided.
    pub by: String,
}

/// What a participant said at the end.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Statement {
    /// Whether they agree that the ceremony went as the record says.
    pub agrees: bool,
    /// Why not, in their words.
    pub why: Option<String>,
}

impl State {
    pub(super) fn new(ground: &Ground, opening: Opening) -> Self {
        let asked = ground.for_another();
        Self {
            opening,
            before: ground.before_shared(),
            recipe: asked.map_or_else(|| Recipe::of(ground.plan()), |asked| asked.recipe.clone()),
            asked: asked.cloned(),
            present: None,
            room: None,
            mounted: BTreeMap::new(),
            behind: BTreeMap::new(),
            inputs: BTreeMap::new(),
            roster: asked.map_or_else(|| listed(ground), |asked| asked.roster.clone()),
            change: None,
            closing: None,
            roster_head: None,
            head: ground.plan().digest,
            compared: None,
            comparisons: Vec::new(),
            signatures: BTreeMap::new(),
            nonces: Nonces::default(),
            attempts: BTreeMap::new(),
            touches: BTreeMap::new(),
            remarks: BTreeMap::new(),
            attestations: BTreeMap::new(),
            written: BTreeMap::new(),
            confirmed: BTreeSet::new(),
            handed_over: BTreeMap::new(),
            care: Care::default(),
            exceptions: Vec::new(),
            statements: BTreeMap::new(),
            sealed: None,
            aborted: None,
            log: Vec::new(),
            delegations: None,
            root: None,
            tallied: BTreeMap::new(),
            exported: BTreeMap::new(),
            served: BTreeMap::new(),
            fleet: super::fleet::FleetState::default(),
            questions: BTreeMap::new(),
            acted: BTreeMap::new(),
            pressed: BTreeSet::new(),
            levelled: BTreeSet::new(),
            wrong: 0,
            differed: false,
            seen: BTreeMap::new(),
            trouble: None,
            dialogs: Vec::new(),
            inspect: None,
            held_pin: None,
            pin_was_used: false,
            found_key: None,
        }
    }

    /// The digest of all that is signed, once it is drafted.
    pub fn change_digest(&self) -> Option<Digest> {
        let fleet = self.fleet.survey.as_ref().map(|survey| survey.drafts);
        self.change.as_ref().map(ChangeSet::digest).or(fleet)
    }

    /// The payload of one role, of whichever stage.
    pub fn payload(&self, role: &DocRole) -> Option<&Payload> {
        let stages = self.change.iter().chain(&self.closing);
        stages.flat_map(ChangeSet::payloads).find(|payload| payload.id().role == *role)
    }

    /// Whether every key that should sign these documents did.
    pub(super) fn all_signed(&self, documents: &[DocRecipe]) -> bool {
        documents.iter().all(|doc| {
            let made = self.signatures.get(&doc.role).map_or(0, Vec::len);
            made == doc.signers.len()
        })
    }

    /// The recorded facts that drafts are made from.
    pub fn facts(&self) -> Facts {
        self.asked.as_ref().map_or_else(|| Facts::from(&self.opening), |asked| asked.facts)
    }

    /// How often `payload` was signed by keys so far.
    pub(super) fn has_signed(&self, key: &KeyName, payload: &Payload) -> bool {
        self.signatures
            .get(&payload.id().role)
            .is_some_and(|made| made.iter().any(|(name, _)| name == key))
    }

    pub(super) fn has_pressed(&self, kind: AskKind, about: &str) -> bool {
        self.pressed.contains(&(kind, about.to_owned()))
    }

    /// Counts a want, so that the same thing asked again has another name, and remembers every signature asked for.
    pub(super) fn number(&mut self, want: Want) -> (Request, Wanted) {
        match want {
            Want::Ask { kind, about, form } => {
                let nth = self.questions.entry((kind, about.clone())).or_default();
                *nth += 1;
                let id = AskId { kind, about, nth: *nth };
                let form = super::program::numbered_form(self, &id, form);
                (Request::Ask(id.clone()), Wanted::Ask(Ask { id, form }))
            }
            Want::Act { kind, subject, bytes, act } => {
                let nth = self.acted.entry((kind, subject.clone(), bytes)).or_default();
                *nth += 1;
                let id = ActId { kind, subject, bytes, nth: *nth };
                if let (Act::Sign { key, .. } | Act::Prove { key, .. }, Some(bytes)) = (&act, bytes)
                {
                    *self.attempts.entry((key.name.clone(), bytes)).or_default() += 1;
                }
                if let (Act::Batch { key, nth, of, .. }, Some(bytes)) = (&act, bytes) {
                    *self.attempts.entry((key.name.clone(), bytes)).or_default() +=
                        self.fleet.asked_for(key, *nth, *of);
                }
                (Request::Act(id.clone()), Wanted::Act(id, act))
            }
            Want::Close(outcome) => (Request::Close(outcome), Wanted::Close(outcome)),
        }
    }

    pub(super) fn interrupt(&mut self, interrupted: Option<(ActId, Act)>) {
        self.seen.clear();
        self.held_pin = None;
        self.inspect = interrupted.filter(|(id, _)| match id.kind {
            ActKind::Make
            | ActKind::Prove
            | ActKind::Sign
            | ActKind::Write
            | ActKind::HandOver
            | ActKind::Provision
            | ActKind::ChangeSecret
            | ActKind::BackUp => true,
            ActKind::Room
            | ActKind::Mount
            | ActKind::Level
            | ActKind::Read
            | ActKind::Look
            | ActKind::ReadBack
            | ActKind::Drill
            | ActKind::Inspect
            // A batch that was cut off is made again; the attempt is on record.
            | ActKind::Survey
            | ActKind::Batch
            | ActKind::Assemble
            | ActKind::Seal => false,
        });
    }

    /// Adds the line of the log for an entry.
    pub(super) fn note(&mut self, entry: &Entry) {
        self.log.push(story::log_line(entry));
        if std::mem::take(&mut self.pin_was_used)
            && let Some(held) = &self.held_pin
        {
            self.log.push(story::held_pin(entry.at, &held.key, held.left));
        }
    }
}

/// The keys that the state before lists, and that are not needed in the room.
fn listed(ground: &Ground) -> Roster {
    let mut roster = Roster::default();
    for key in &ground.plan().keys {
        let Origin::Listed(fingerprint) = &key.origin else { continue };
        if let Some(public) = ground.before().key(*fingerprint) {
            roster.keys.insert(key.name.clone(), Enrolled::Listed { key: public.clone() });
        }
    }
    roster
}

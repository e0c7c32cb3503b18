//! What comes out: signed files, the export, the roster for a second laptop, the evidence.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::tuf::client::percent_encoded;
use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::key::{Fingerprint, KeyId, PublicKey};
use crate::tuf::name::KeyName;
use crate::tuf::payload::Payload;

use super::super::authority;
use super::super::before::Anchor;
use super::super::change::ChangeSet;
use super::super::check::Ground;
use super::super::event::{EvidenceFile, Place};
use super::super::plan::{Kind, Plan};
use super::super::roster::RosterFile;
use super::care;
use super::state::State;

/// The signed documents, as files by their role.
pub(super) fn documents(state: &State) -> BTreeMap<DocRole, Vec<u8>> {
    let stages = state.change.iter().chain(&state.closing);
    stages
        .flat_map(ChangeSet::payloads)
        .map(|payload| {
            let role = payload.id().role.clone();
            let signatures = authority::counted(state, &role);
            (role, payload.envelope(&signatures))
        })
        .collect()
}

/// The file name under which a client asks for a document.
pub fn file_name(consistent_snapshot: bool, payload: &Payload) -> String {
    let id = payload.id();
    let version = id.version;
    match (payload.dialect(), &id.role) {
        (Dialect::Notary1, role) => format!("{role}.json"),
        (Dialect::Tuf1, DocRole::Root) => format!("{version}.root.json"),
        (Dialect::Tuf1, DocRole::Timestamp) => "timestamp.json".to_owned(),
        (
            Dialect::Tuf1,
            role @ (DocRole::Targets
            | DocRole::Snapshot
            | DocRole::Delegated(_)
            | DocRole::Certificate(_)),
        ) => {
            let name = percent_encoded(&role.to_string());
            if consistent_snapshot {
                format!("{version}.{name}.json")
            } else {
                format!("{name}.json")
            }
        }
    }
}

fn consistent_snapshot(plan: &Plan, state: &State) -> bool {
    let root = state.root.as_ref().or_else(|| state.before.anchor().map(Anchor::root));
    root.map_or(plan.repository.consistent_snapshot, |root| root.consistent_snapshot)
}

/// The documents under the names of the export.
pub(super) fn served(plan: &Plan, state: &State) -> BTreeMap<String, Vec<u8>> {
    let consistent = consistent_snapshot(plan, state);
    let signed = documents(state);
    payloads(state)
        .filter_map(|payload| {
            let bytes = signed.get(&payload.id().role)?.clone();
            Some((file_name(consistent, payload), bytes))
        })
        .collect()
}

fn payloads(state: &State) -> impl Iterator<Item = &Payload> {
    state.change.iter().chain(&state.closing).flat_map(ChangeSet::payloads)
}

/// The documents that the workspace trusts from now on. A change puts each beside the one before it, under its version;
/// a repository that is taken over comes whole.
pub(super) fn trusted(plan: &Plan, state: &State) -> BTreeMap<String, Vec<u8>> {
    let folder = &plan.repository.name;
    let Some(anchor) = state.before.anchor() else {
        let under =
            |(name, bytes): (&String, &Vec<u8>)| (format!("{folder}/{name}"), bytes.clone());
        return state.served.iter().map(under).collect();
    };
    if plan.kind == Kind::Adopt {
        let under =
            |(name, bytes): (&String, &Vec<u8>)| (format!("{folder}/{name}"), bytes.clone());
        return anchor.files().iter().map(under).collect();
    }
    let signed = documents(state);
    payloads(state)
        .filter_map(|payload| {
            let id = payload.id();
            let bytes = signed.get(&id.role)?.clone();
            Some((format!("{folder}/{}.{}.json", id.version, id.role), bytes))
        })
        .collect()
}

/// `roster.json`: what a second laptop needs to draft the same documents from the same plan.
pub(super) fn roster_file(plan: &Plan, state: &State) -> Vec<u8> {
    RosterFile {
        format: 1,
        codename: plan.codename.clone(),
        facts: state.facts(),
        roster: state.roster.clone(),
        head: state.roster_head.unwrap_or(state.opening.plan),
    }
    .to_json()
}

#[derive(Serialize)]
struct KeyLine<'a> {
    name: &'a KeyName,
    fingerprint: Fingerprint,
    id: Option<KeyId>,
}

/// The files that the engine itself puts into the evidence.
pub(super) fn evidence_files(ground: &Ground, state: &State) -> Vec<EvidenceFile> {
    let plan = ground.plan();
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (name, bytes) in &state.served {
        files.insert(format!("documents/{name}"), bytes.clone());
    }
    for (file, bytes) in &state.inputs {
        if let Place::Medium(medium) = &file.place {
            files.insert(format!("inputs/{medium}/{}", file.path), bytes.clone());
        }
    }
    for (name, pem) in &state.roster.certificates {
        files.insert(format!("certificates/{name}.pem"), pem.clone().into_bytes());
    }
    for (name, enrolled) in &state.roster.keys {
        files.insert(format!("keys/{name}.pub"), enrolled.key().to_pem().into_bytes());
    }
    for (name, chain) in &state.attestations {
        for (which, der) in ["slot", "device"].into_iter().zip(chain) {
            let pem = crate::tuf::wire::certificate::pem(der);
            files.insert(format!("attestations/{name}-{which}.pem"), pem.into_bytes());
        }
    }
    files.insert("roster.json".to_owned(), roster_file(plan, state));
    if plan.kind.is_of_keys() {
        files.insert("care.json".to_owned(), json(&care::certificate(plan, state)));
    }
    files.insert("exceptions.json".to_owned(), json(&state.exceptions));
    files.insert("statements.json".to_owned(), json(&state.statements));
    files.insert("room.json".to_owned(), json(&state.room));
    let keys: Vec<KeyLine<'_>> = state
        .roster
        .keys
        .iter()
        .map(|(name, enrolled)| KeyLine {
            name,
            fingerprint: enrolled.key().fingerprint(),
            id: id_of(state, enrolled.key()),
        })
        .collect();
    files.insert("keys.json".to_owned(), json(&keys));
    files.into_iter().map(|(path, bytes)| EvidenceFile { path, bytes }).collect()
}

/// What the new root calls a key.
fn id_of(state: &State, public: &PublicKey) -> Option<KeyId> {
    let root = state.root.as_ref()?;
    root.keys.iter().find(|(_, listed)| listed.public == *public).map(|(id, _)| id.clone())
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("records are JSON");
    bytes.push(b'\n');
    bytes
}

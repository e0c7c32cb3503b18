//! What comes out: signed files, the export, the roster for a second laptop, the evidence.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::key::{Fingerprint, KeyId};
use crate::tuf::name::KeyName;

use super::super::change::ChangeSet;
use super::super::check::Ground;
use super::super::event::{EvidenceFile, Place};
use super::super::plan::Plan;
use super::super::roster::RosterFile;
use super::state::State;

/// The signed documents, as files by their role.
pub(super) fn documents(state: &State) -> BTreeMap<DocRole, Vec<u8>> {
    let stages = state.change.iter().chain(&state.closing);
    stages
        .flat_map(ChangeSet::payloads)
        .map(|payload| {
            let role = payload.id().role.clone();
            let signatures = state.counted(&role);
            (role, payload.envelope(&signatures))
        })
        .collect()
}

/// The file names under which a client asks for the documents of version 1.
pub fn file_name(plan: &Plan, role: &DocRole) -> Vec<String> {
    let consistent = plan.repository.consistent_snapshot;
    match (plan.repository.dialect, role) {
        (Dialect::Notary1, role) => vec![format!("{role}.json")],
        (Dialect::Tuf1, DocRole::Root) => vec!["1.root.json".to_owned()],
        (Dialect::Tuf1, DocRole::Timestamp) => vec!["timestamp.json".to_owned()],
        (
            Dialect::Tuf1,
            role @ (DocRole::Targets
            | DocRole::Snapshot
            | DocRole::Delegated(_)
            | DocRole::Certificate(_)),
        ) => {
            vec![if consistent { format!("1.{role}.json") } else { format!("{role}.json") }]
        }
    }
}

/// The documents under the names of the export.
pub(super) fn served(plan: &Plan, state: &State) -> BTreeMap<String, Vec<u8>> {
    documents(state)
        .into_iter()
        .flat_map(|(role, bytes)| {
            file_name(plan, &role).into_iter().map(move |name| (name, bytes.clone()))
        })
        .collect()
}

/// The documents that the workspace trusts from now on.
pub(super) fn trusted(plan: &Plan, state: &State) -> BTreeMap<String, Vec<u8>> {
    state
        .served
        .iter()
        .map(|(name, bytes)| (format!("{}/{name}", plan.repository.name), bytes.clone()))
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
            id: state.ids.get(name).cloned(),
        })
        .collect();
    files.insert("keys.json".to_owned(), json(&keys));
    files.into_iter().map(|(path, bytes)| EvidenceFile { path, bytes }).collect()
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("records are JSON");
    bytes.push(b'\n');
    bytes
}

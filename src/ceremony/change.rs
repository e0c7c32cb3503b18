//! From plan to payload: the documents of one ceremony, drafted by a pure function.

mod body;
mod signed_things;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::tuf::diff::Change;
use crate::tuf::digest::Digest;
use crate::tuf::document::{Dialect, DocId, DocRole};
use crate::tuf::key::{KeyId, PublicKey};
use crate::tuf::name::{KeyName, RoleName};
use crate::tuf::payload::Payload;
use crate::tuf::root::{ListedKey, RoleKeys};
use crate::tuf::time::Lifetime;
use crate::tuf::wire::certificate::CertificateDraft;
use crate::tuf::wire::{WireError, notary1};

use super::before::Before;
use super::plan::{Plan, PlannedKey};
use super::recipe::Recipe;
use super::roster::{Facts, Roster};

pub use signed_things::{
    Dropped, dropped, gone_delegations, is_removed, lost_with, planned_delegations,
    planned_targets, removes_delegations,
};

/// All payloads of one ceremony, and the digest that people compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    payloads: Vec<Payload>,
    table: String,
    digest: Digest,
}

/// The member that marks the documents of a rehearsal in the TUF dialect.
pub const REHEARSAL_MEMBER: &str = "x-anchorite-rehearsal";

/// Whether a difference is that mark, put in: no danger, and nothing that people should get used to overlook.
pub fn is_rehearsal_mark(difference: &Change) -> bool {
    matches!(
        difference,
        Change::UnknownMember { member, from: None, to: Some(_) } if member == REHEARSAL_MEMBER
    )
}

impl ChangeSet {
    fn new(payloads: Vec<Payload>) -> Self {
        let mut lines: Vec<String> = payloads
            .iter()
            .map(|payload| {
                let id = payload.id();
                format!("{}\t{}\t{}\t{}\n", payload.digest(), id.repository, id.role, id.version)
            })
            .collect();
        lines.sort();
        let table = lines.concat();
        Self { payloads, digest: Digest::of(table.as_bytes()), table }
    }

    /// The payloads in the order of signing.
    pub fn payloads(&self) -> &[Payload] {
        &self.payloads
    }

    /// The payload of one role.
    pub fn payload(&self, role: &DocRole) -> Option<&Payload> {
        self.payloads.iter().find(|payload| payload.id().role == *role)
    }

    /// Sorted lines `sha256<TAB>repository<TAB>role<TAB>version`, each with a line feed.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// SHA-256 of the table.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

/// Why a draft cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// A key of the plan is not known yet.
    #[error("the key {0} is not known yet")]
    Unknown(KeyName),
    /// Nobody has proven to hold a key.
    #[error("nobody has proven to hold the key {0}")]
    Unproven(KeyName),
    /// A notary1 root key has no certificate yet.
    #[error("the key {0} has no certificate yet")]
    Uncertified(KeyName),
    /// The dialect has no way to list this kind of key.
    #[error("{dialect} cannot list the {algorithm} key {key}")]
    Unlistable {
        /// The key.
        key: KeyName,
        /// Its algorithm, in words.
        algorithm: String,
        /// The dialect.
        dialect: Dialect,
    },
    /// The state before has no document that is to be changed.
    #[error("the document of {0} is not among the files of the state before")]
    Missing(RoleName),
    /// A target or delegation that is to be taken out is not there.
    #[error("{0} is to be taken out, and is not there")]
    NotThere(String),
    /// A date is beyond what can be written.
    #[error("{lifetime} after the base is beyond the year 9999")]
    TooFar {
        /// The lifetime.
        lifetime: Lifetime,
    },
    /// The bytes could not be made.
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// Drafts the self-signed certificate of a notary1 root key.
///
/// Common name = the GUN, or what the plan says instead, no EKU, not a CA, valid from the base. The serial number is the first 16 bytes of
/// SHA-256(`anchorite-serial-1` ‖ plan digest ‖ session ‖ fingerprint ‖ GUN) with the top bits 01.
pub fn certificate(
    plan: &Plan,
    key: &PlannedKey,
    public: &PublicKey,
    facts: &Facts,
) -> Result<Payload, DraftError> {
    let gun = plan.repository.name.as_str();
    let mut hash = Sha256::new();
    hash.update(b"anchorite-serial-1");
    hash.update(facts.plan.as_bytes());
    hash.update(facts.session.as_bytes());
    hash.update(public.fingerprint().digest().as_bytes());
    hash.update(gun.as_bytes());
    let mut serial = [0; 16];
    for (to, from) in serial.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x3f) | 0x40;
    }
    let planned =
        key.certificate.as_ref().ok_or_else(|| DraftError::Uncertified(key.name.clone()))?;
    let valid_for = planned.valid_for;
    let draft = CertificateDraft {
        common_name: planned.common_name.clone().unwrap_or_else(|| gun.to_owned()),
        public: public.clone(),
        not_before: facts.base,
        not_after: facts.base.plus(valid_for).ok_or(DraftError::TooFar { lifetime: valid_for })?,
        serial,
    };
    let id = DocId {
        repository: plan.repository.name.clone(),
        role: DocRole::Certificate(key.name.clone()),
        version: 1,
    };
    Ok(draft.payload(id)?)
}

/// Drafts the documents of the plan that are signed here and hash no others. Fails for a key without proof, those that a
/// server holds or a document listed before excepted.
pub fn draft(
    plan: &Plan,
    before: &Before,
    roster: &Roster,
    facts: &Facts,
) -> Result<ChangeSet, DraftError> {
    let drafting = body::Drafting { plan, before, roster, facts };
    let recipe = Recipe::of(plan);
    let payloads =
        recipe.documents.iter().map(|doc| drafting.document(doc)).collect::<Result<Vec<_>, _>>()?;
    Ok(ChangeSet::new(payloads))
}

/// Drafts the documents that hash signed ones, from the very files that will be written. Nothing where there are none.
///
/// A notary1 snapshot states length, SHA-256 and SHA-512 of every file that it covers.
pub fn closing(
    plan: &Plan,
    before: &Before,
    roster: &Roster,
    facts: &Facts,
    signed: &BTreeMap<DocRole, Vec<u8>>,
) -> Result<Option<ChangeSet>, DraftError> {
    let drafting = body::Drafting { plan, before, roster, facts };
    let recipe = Recipe::of(plan);
    let payloads = recipe
        .closing
        .iter()
        .map(|doc| drafting.covering(doc, signed))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((!payloads.is_empty()).then(|| ChangeSet::new(payloads)))
}

/// The id under which the documents of this change list a key for a role, and the key object: as the state before
/// lists it, so that nothing is written otherwise without need, or as the dialect writes it.
pub fn listed(
    plan: &Plan,
    before: &Before,
    roster: &Roster,
    role: &RoleName,
    name: &KeyName,
) -> Result<(KeyId, ListedKey), DraftError> {
    let enrolled = roster.keys.get(name).ok_or_else(|| DraftError::Unknown(name.clone()))?;
    let public = enrolled.key();
    let is_root = *role == RoleName::root();
    if is_root && Recipe::of(plan).certificates.contains(name) {
        let pem =
            roster.certificates.get(name).ok_or_else(|| DraftError::Uncertified(name.clone()))?;
        return Ok(notary1::list_certificate(pem)?);
    }
    if let Some(known) = listed_before(before, role, public) {
        return Ok(known);
    }
    let dialect = plan.repository.dialect;
    if is_root && dialect == Dialect::Notary1 {
        return Err(DraftError::Uncertified(name.clone()));
    }
    dialect.list_key(public).ok_or_else(|| DraftError::Unlistable {
        key: name.clone(),
        algorithm: public.algorithm().to_string(),
        dialect,
    })
}

fn listed_before(
    before: &Before,
    role: &RoleName,
    public: &PublicKey,
) -> Option<(KeyId, ListedKey)> {
    let anchor = before.anchor()?;
    let of = |keys: &RoleKeys, listed: &BTreeMap<KeyId, ListedKey>| {
        keys.keyids
            .iter()
            .filter_map(|id| Some((id.clone(), listed.get(id)?.clone())))
            .find(|(_, key)| key.public == *public)
    };
    if let Some(keys) = anchor.root().roles.get(role) {
        return of(keys, &anchor.root().keys);
    }
    let (_, delegations, delegated) = anchor.delegation(role)?;
    of(&delegated.keys, &delegations.keys)
}

/// Every id under which a signature of `public` on a document of `role` counts for somebody: by the new root and those
/// before it for a root, by whoever delegates for the others.
pub fn ids(
    before: &Before,
    root: Option<&crate::tuf::root::Root>,
    delegations: Option<&crate::tuf::targets::Delegations>,
    role: &DocRole,
    public: &PublicKey,
) -> Vec<KeyId> {
    let Some(name) = role.role_name() else { return Vec::new() };
    let mut found: Vec<KeyId> = Vec::new();
    let mut add = |keys: &RoleKeys, listed: &BTreeMap<KeyId, ListedKey>| {
        for id in &keys.keyids {
            let is = listed.get(id).is_some_and(|key| key.public == *public);
            if is && !found.contains(id) {
                found.push(id.clone());
            }
        }
    };
    let anchor = before.anchor();
    let newest = root.or_else(|| anchor.map(super::before::Anchor::root));
    if let Some((root, keys)) = newest.and_then(|root| Some((root, root.roles.get(&name)?))) {
        add(keys, &root.keys);
    }
    match role {
        DocRole::Root => {
            for root in anchor.into_iter().flat_map(|anchor| anchor.roots().values().rev()) {
                if let Some(keys) = root.peek().roles.get(&name) {
                    add(keys, &root.peek().keys);
                }
            }
        }
        DocRole::Delegated(name) => {
            let new = delegations
                .and_then(|d| d.roles.iter().find(|role| role.name == *name).map(|role| (d, role)));
            let old = || anchor.and_then(|a| a.delegation(name)).map(|(_, d, role)| (d, role));
            if let Some((delegations, role)) = new.or_else(old) {
                add(&role.keys, &delegations.keys);
            }
        }
        DocRole::Targets | DocRole::Snapshot | DocRole::Timestamp | DocRole::Certificate(_) => {}
    }
    found
}

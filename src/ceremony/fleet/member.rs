//! One repository of a fleet, as a plan of its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::tuf::client::certificates_fit;
use crate::tuf::digest::Digest;
use crate::tuf::document::{Dialect, DocId, DocRole};
use crate::tuf::name::KeyName;
use crate::tuf::signature::Signature;
use crate::tuf::signed::Signed;
use crate::tuf::targets::Targets;
use crate::tuf::time::Timestamp;
use crate::tuf::verify::verify_whenever;

use super::super::authority;
use super::super::before::{Anchor, Before};
use super::super::change::{self, ChangeSet};
use super::super::check;
use super::super::engine::file_name;
use super::super::event::{FileAt, Place};
use super::super::plan::fleet::dialect_of;
use super::super::plan::{
    BeforePlan, Confirmed, Input, KnownGood, Label, Origin, Plan, Repository,
};
use super::super::recipe::Recipe;
use super::super::roster::{Enrolled, Facts, Roster};
use super::super::scene::Verdict;
use super::super::twin::{Purpose, Twin};
use super::list::{Line, documents_digest};

/// One repository of a fleet: its plan, and what it starts from, verified.
#[derive(Debug)]
pub struct Member {
    plan: Plan,
    before: Before,
}

/// A new document of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedFile {
    /// Which document it is.
    pub id: DocId,
    /// The name that clients ask for.
    pub name: String,
    /// Its bytes, signatures and all.
    pub bytes: Vec<u8>,
}

impl Member {
    /// Reads and verifies a repository from its documents, by their names below its folder. With a purpose it is the
    /// repository's twin. The error says why it is refused.
    pub fn of(
        fleet: &Plan,
        purpose: Option<Purpose>,
        line: &Line,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, String> {
        let found = documents_digest(&files);
        if found != line.documents {
            return Err(format!(
                "its documents are not those of the list: expected {}, found {found}",
                line.documents
            ));
        }
        let mut plan = plan_of(fleet, line)?;
        let mut at_hand = BTreeMap::new();
        for (name, bytes) in files {
            let path = format!("{}/{name}", line.folder);
            let input = input(&plan, path, Digest::of(&bytes))?;
            let place = Place::Medium(input.medium.clone());
            at_hand.insert(FileAt { place, path: input.path.clone() }, bytes);
            plan.inputs.push(input);
        }
        let before = Before::of(&plan, &at_hand).map_err(|why| why.to_string())?;
        if let Some(anchor) = before.anchor() {
            plan.repository.consistent_snapshot = match anchor.dialect() {
                Dialect::Notary1 => false,
                Dialect::Tuf1 => anchor.root().consistent_snapshot,
            };
        }
        Ok(match purpose {
            None => Self { plan, before },
            Some(purpose) => {
                let twin = Twin::new(&plan, &before, purpose);
                Self { plan: twin.plan().clone(), before: twin.before().clone() }
            }
        })
    }

    /// The plan of this repository alone.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What it starts from.
    pub const fn before(&self) -> &Before {
        &self.before
    }

    /// The repository as it was found.
    pub const fn anchor(&self) -> Option<&Anchor> {
        self.before.anchor()
    }

    /// Why a wise reviewer would refuse it; nothing where there is nothing to refuse.
    pub fn objection(&self, at: Timestamp) -> Option<String> {
        let raised = check::of_member(&self.plan, &self.before, at);
        let stops = |verdict: Verdict| verdict == Verdict::Fail;
        raised
            .into_iter()
            .find(|found| stops(found.verdict) && !found.only_real)
            .map(|found| format!("{}: {}: {}", found.name, found.about, found.text))
    }

    /// Drafts its documents with the keys of the ceremony. The error says why it is refused.
    pub fn change(&self, roster: &Roster, facts: &Facts) -> Result<ChangeSet, String> {
        change::draft(&self.plan, &self.before, &self.with_listed(roster), facts)
            .map_err(|why| why.to_string())
    }

    /// Its new documents under the names that clients ask for, with these signatures: by key, of which document, and the
    /// signature. The roots before and after must accept them. The error says what is wrong.
    pub fn signed(
        &self,
        change: &ChangeSet,
        roster: &Roster,
        made: &[(KeyName, DocRole, Signature)],
    ) -> Result<Vec<SignedFile>, String> {
        let roster = self.with_listed(roster);
        let anchor = self.anchor().ok_or("it starts from nothing")?;
        let dialect = self.plan.repository.dialect;
        let drafted = authority::drafted_root(&self.plan, change);
        let root = drafted.as_ref().unwrap_or_else(|| anchor.root());
        let delegations = authority::drafted_delegations(&self.plan, change);
        let mut trusted = anchor.trusted().clone();
        let mut files = Vec::new();
        for payload in change.payloads() {
            let role = &payload.id().role;
            let mut signatures = Vec::new();
            for (name, _, signature) in made.iter().filter(|(_, of, _)| of == role) {
                let enrolled = roster.keys.get(name).ok_or_else(|| format!("no key {name}"))?;
                let key = enrolled.key();
                let ids = change::ids(&self.before, Some(root), delegations.as_ref(), role, key);
                signatures.extend(ids.into_iter().map(|id| (id, signature.clone())));
            }
            let bytes = payload.envelope(&signatures);
            if *role == DocRole::Root {
                let next = Signed::read(dialect, &bytes).map_err(|why| why.to_string())?;
                trusted = trusted.succeed(next).map_err(|why| format!("root: {why}"))?;
            } else {
                let authority = match role {
                    DocRole::Delegated(name) => {
                        authority::of_delegation(Some(anchor), delegations.as_ref(), name)
                            .ok_or_else(|| format!("nobody delegates to {name}"))?
                    }
                    DocRole::Root
                    | DocRole::Targets
                    | DocRole::Snapshot
                    | DocRole::Timestamp
                    | DocRole::Certificate(_) => {
                        let name = role.role_name().ok_or("a certificate")?;
                        trusted.authority(&name).map_err(|why| why.to_string())?
                    }
                };
                let read =
                    Signed::<Targets>::read(dialect, &bytes).map_err(|why| why.to_string())?;
                verify_whenever(&authority, read).map_err(|why| format!("{role}: {why}"))?;
            }
            files.push(SignedFile {
                id: payload.id().clone(),
                name: file_name(root.consistent_snapshot, payload),
                bytes,
            });
        }
        if dialect == Dialect::Notary1 {
            certificates_fit(trusted.root().body(), self.plan.repository.name.as_str())
                .map_err(|why| why.to_string())?;
        }
        Ok(files)
    }

    /// The keys of the ceremony, and those that this repository lists already.
    fn with_listed(&self, roster: &Roster) -> Roster {
        let mut roster = roster.clone();
        for key in &self.plan.keys {
            let Origin::Listed(fingerprint) = &key.origin else { continue };
            if let Some(public) = self.before.key(*fingerprint) {
                roster.keys.insert(key.name.clone(), Enrolled::Listed { key: public.clone() });
            }
        }
        roster
    }
}

/// The plan of one repository, without its documents.
fn plan_of(fleet: &Plan, line: &Line) -> Result<Plan, String> {
    let Some(stated) = &fleet.fleet else { return Err("the plan is of no fleet".to_owned()) };
    let none = BTreeMap::new();
    let set = match &line.set {
        None => &none,
        Some(name) => {
            stated.sets.get(name).ok_or_else(|| format!("the plan has no set of keys {name}"))?
        }
    };
    let in_this = |name: &KeyName| set.get(name).unwrap_or(name).clone();
    let mut plan = fleet.clone();
    plan.fleet = None;
    plan.repository =
        Repository { name: line.name.clone(), dialect: line.dialect, consistent_snapshot: false };
    for role in plan.roles.values_mut() {
        role.keys = role.keys.iter().map(in_this).collect();
    }
    for delegation in &mut plan.delegations {
        if dialect_of(&delegation.name) != line.dialect {
            let name = &delegation.name;
            return Err(format!("a {} repository has no delegation called {name}", line.dialect));
        }
        delegation.keys = delegation.keys.iter().map(in_this).collect();
    }
    plan.known_good = stated
        .known_good
        .as_ref()
        .map(|good| KnownGood { file: format!("{}/{}", line.folder, good.file), ..good.clone() });
    let also_sign: Vec<KeyName> = stated.also_sign.iter().map(in_this).collect();
    let named = plan.roles.values().flat_map(|role| &role.keys).chain(&also_sign);
    let delegated = plan.delegations.iter().flat_map(|role| &role.keys);
    let named: BTreeSet<&KeyName> = named.chain(delegated).collect();
    plan.keys.retain(|key| named.contains(&key.name));
    certificates(&mut plan)?;
    plan.inputs.clear();
    let (by, source) = confirmed(fleet)?;
    plan.before = Some(BeforePlan {
        medium: stated.medium.clone(),
        folder: line.folder.clone(),
        root: Confirmed { value: line.root.digest(), by, source },
        also_sign,
    });
    Ok(plan)
}

/// A certificate is for Notary alone, and for the names that begin as it says.
fn certificates(plan: &mut Plan) -> Result<(), String> {
    for key in &mut plan.keys {
        match (plan.repository.dialect, &key.certificate) {
            (Dialect::Tuf1, _) => key.certificate = None,
            (Dialect::Notary1, None) => {}
            (Dialect::Notary1, Some(certificate)) => {
                let stated = certificate.common_name.as_deref().unwrap_or_default();
                let begins = stated.trim_end_matches('*');
                if !plan.repository.name.as_str().starts_with(begins) {
                    let name = &key.name;
                    return Err(format!("the certificate of {name} is for {stated:?}, not for it"));
                }
            }
        }
    }
    Ok(())
}

/// Who confirms the list, and with it all that it says.
fn confirmed(fleet: &Plan) -> Result<(Label, Option<Label>), String> {
    let list = fleet.fleet_list().ok_or("the plan does not list the list")?;
    Ok((list.sha256.by.clone(), list.sha256.source.clone()))
}

fn input(plan: &Plan, path: String, sha256: Digest) -> Result<Input, String> {
    let before = plan.before.as_ref().ok_or("the plan starts from nothing")?;
    let confirmed =
        Confirmed { value: sha256, by: before.root.by.clone(), source: before.root.source.clone() };
    Ok(Input { medium: before.medium.clone(), path, sha256: confirmed })
}

/// Which keys sign how many documents of a repository: a matter of its set and dialect alone.
#[derive(Debug, Default)]
pub struct Signs(BTreeMap<(Option<KeyName>, bool), BTreeMap<KeyName, Vec<DocRole>>>);

impl Signs {
    /// The documents of this repository that a key signs; none where it has no part in it.
    pub fn roles(&mut self, fleet: &Plan, line: &Line, key: &KeyName) -> &[DocRole] {
        self.of(fleet, line).get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// Which documents of this repository each key signs; keys that sign none are left out.
    pub fn of(&mut self, fleet: &Plan, line: &Line) -> &BTreeMap<KeyName, Vec<DocRole>> {
        let notary = line.dialect == Dialect::Notary1;
        self.0.entry((line.set.clone(), notary)).or_insert_with(|| {
            let Ok(plan) = plan_of(fleet, line) else { return BTreeMap::new() };
            let recipe = Recipe::of(&plan);
            let mut signs: BTreeMap<KeyName, Vec<DocRole>> = BTreeMap::new();
            for doc in recipe.all() {
                for key in &doc.signers {
                    signs.entry(key.clone()).or_default().push(doc.role.clone());
                }
            }
            signs
        })
    }
}

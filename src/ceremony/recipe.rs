//! The recipe: which documents a plan makes and which keys sign each, by name, before any key exists.

use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::name::{KeyName, RoleName};
use crate::tuf::time::Lifetime;

use super::plan::{Plan, PlannedRole, SignWho, SignedWhere};

/// What a plan makes: certificates first, then documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Keys that get a certificate (notary1 root keys).
    pub certificates: Vec<KeyName>,
    /// The documents that are drafted once every key is known, in the order root, targets, snapshot, timestamp.
    pub documents: Vec<DocRecipe>,
    /// The documents that hash signed ones, drafted once those are signed: a notary1 snapshot.
    pub closing: Vec<DocRecipe>,
    /// The roles that the online side will sign.
    pub pending: Vec<RoleName>,
}

/// One document to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocRecipe {
    /// Whose document it is.
    pub role: DocRole,
    /// Its version.
    pub version: u64,
    /// The keys that sign it here, in the plan's order.
    pub signers: Vec<KeyName>,
    /// How many of them the threshold wants.
    pub threshold: u32,
    /// How long it is valid, from the base.
    pub valid_for: Lifetime,
}

impl Recipe {
    /// Derives the recipe of a first root. A role signed here without a lifetime makes no document; the plan's parser
    /// refuses that.
    pub fn of(plan: &Plan) -> Self {
        let mut documents = Vec::new();
        let mut closing = Vec::new();
        let mut pending = Vec::new();
        for role in [DocRole::Root, DocRole::Targets, DocRole::Snapshot, DocRole::Timestamp] {
            let Some((name, planned)) =
                role.role_name().and_then(|name| Some((name.clone(), plan.roles.get(&name)?)))
            else {
                continue;
            };
            match (planned.signed, planned.valid_for) {
                (SignedWhere::Here, Some(valid_for)) => {
                    let hashes =
                        plan.repository.dialect == Dialect::Notary1 && role == DocRole::Snapshot;
                    let stage = if hashes { &mut closing } else { &mut documents };
                    stage.push(DocRecipe {
                        signers: signers(plan, planned),
                        threshold: planned.threshold,
                        role,
                        version: 1,
                        valid_for,
                    });
                }
                (SignedWhere::Here, None) | (SignedWhere::Online, _) => pending.push(name),
            }
        }
        Self { certificates: certificates(plan), documents, closing, pending }
    }

    /// All documents that are signed here, in the order of signing.
    pub fn all(&self) -> impl Iterator<Item = &DocRecipe> {
        self.documents.iter().chain(&self.closing)
    }

    /// The documents that `key` signs.
    pub fn signed_by<'a>(&'a self, key: &'a KeyName) -> impl Iterator<Item = &'a DocRecipe> {
        self.all().filter(move |doc| doc.signers.contains(key))
    }

    /// How many signatures `key` makes: documents, and its certificate.
    pub fn signatures_of(&self, key: &KeyName) -> usize {
        self.signed_by(key).count() + self.certificates.iter().filter(|name| *name == key).count()
    }
}

/// The keys of a role that sign here: all of them, or as many as the threshold wants.
fn signers(plan: &Plan, role: &PlannedRole) -> Vec<KeyName> {
    let here = role
        .keys
        .iter()
        .filter(|name| plan.key(name).is_some_and(super::plan::PlannedKey::is_here));
    match role.sign {
        SignWho::All => here.cloned().collect(),
        SignWho::Threshold => {
            here.take(usize::try_from(role.threshold).unwrap_or(usize::MAX)).cloned().collect()
        }
    }
}

fn certificates(plan: &Plan) -> Vec<KeyName> {
    match plan.repository.dialect {
        Dialect::Tuf1 => Vec::new(),
        Dialect::Notary1 => {
            plan.roles.get(&RoleName::root()).map(|root| root.keys.clone()).unwrap_or_default()
        }
    }
}

//! The recipe: which documents a plan makes and which keys sign each, by name, before any key exists.

use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::name::{KeyName, RoleName};
use crate::tuf::time::Lifetime;

use super::plan::{Plan, SignWho, SignedWhere};

/// What a plan makes: certificates first, then documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Keys that get a certificate (notary1 root keys).
    pub certificates: Vec<KeyName>,
    /// The documents that are drafted once every key is known, in the order root, targets, delegations, snapshot,
    /// timestamp.
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
    /// The keys that sign it here, in the plan's order.
    pub signers: Vec<KeyName>,
    /// How many of its role's keys the threshold wants.
    pub threshold: u32,
    /// How long it is valid, from the base.
    pub valid_for: Lifetime,
}

impl Recipe {
    /// Derives the recipe of a plan. A first root makes every document that is signed here; a change makes those that
    /// have a lifetime, and whatever it leaves alone stays as it was.
    pub fn of(plan: &Plan) -> Self {
        let mut recipe = Self {
            certificates: certificates(plan),
            documents: Vec::new(),
            closing: Vec::new(),
            pending: Vec::new(),
        };
        if plan.fleet.is_some() {
            // Each of its repositories has a recipe of its own.
            return recipe;
        }
        recipe.top_level(plan, &[DocRole::Root, DocRole::Targets]);
        for role in &plan.delegations {
            let Some(valid_for) = role.valid_for else { continue };
            recipe.documents.push(DocRecipe {
                role: DocRole::Delegated(role.name.clone()),
                signers: signers(plan, &role.keys, role.sign, role.threshold),
                threshold: role.threshold,
                valid_for,
            });
        }
        recipe.top_level(plan, &[DocRole::Snapshot, DocRole::Timestamp]);
        recipe
    }

    fn top_level(&mut self, plan: &Plan, roles: &[DocRole]) {
        for role in roles {
            let Some(name) = role.role_name() else { continue };
            let planned = plan.roles.get(&name);
            let made = planned.and_then(|planned| match planned.signed {
                SignedWhere::Here => Some((planned, planned.valid_for?)),
                SignedWhere::Online => None,
            });
            let Some((planned, valid_for)) = made else {
                let online = matches!(role, DocRole::Snapshot | DocRole::Timestamp);
                if online || (planned.is_some() && !plan.kind.is_change()) {
                    self.pending.push(name);
                }
                continue;
            };
            let mut signers = signers(plan, &planned.keys, planned.sign, planned.threshold);
            if let (DocRole::Root, Some(before)) = (role, &plan.before) {
                let more = before.also_sign.iter().filter(|key| !signers.contains(key));
                signers.extend(more.cloned().collect::<Vec<_>>());
            }
            let hashes = plan.repository.dialect == Dialect::Notary1 && *role == DocRole::Snapshot;
            let stage = if hashes { &mut self.closing } else { &mut self.documents };
            stage.push(DocRecipe {
                signers,
                threshold: planned.threshold,
                role: role.clone(),
                valid_for,
            });
        }
    }

    /// All documents that are signed here, in the order of signing.
    pub fn all(&self) -> impl Iterator<Item = &DocRecipe> {
        self.documents.iter().chain(&self.closing)
    }

    /// Whether a document of this role is made.
    pub fn makes(&self, role: &DocRole) -> bool {
        self.all().any(|doc| doc.role == *role)
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

/// The keys of a role that sign: all that may, or as many as the threshold wants.
fn signers(plan: &Plan, keys: &[KeyName], sign: SignWho, threshold: u32) -> Vec<KeyName> {
    let here = keys.iter().filter(|name| plan.key(name).is_some_and(|key| plan.may_sign(key)));
    match sign {
        SignWho::All => here.cloned().collect(),
        SignWho::Threshold => {
            here.take(usize::try_from(threshold).unwrap_or(usize::MAX)).cloned().collect()
        }
    }
}

/// Root keys that the plan gives a certificate: all of a first root, and of a change the new ones and those whose
/// certificate is renewed. In a fleet one certificate of a key is for all of its Notary repositories.
fn certificates(plan: &Plan) -> Vec<KeyName> {
    if plan.fleet.is_some() {
        let certified = plan.keys.iter().filter(|key| key.certificate.is_some());
        return certified.map(|key| key.name.clone()).collect();
    }
    match plan.repository.dialect {
        Dialect::Tuf1 => Vec::new(),
        Dialect::Notary1 => {
            let root = plan.roles.get(&RoleName::root());
            let keys = root.iter().flat_map(|root| &root.keys);
            let certified =
                |name: &&KeyName| plan.key(name).is_some_and(|key| key.certificate.is_some());
            keys.filter(certified).cloned().collect()
        }
    }
}

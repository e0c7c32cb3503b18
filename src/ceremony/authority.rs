//! Who may sign a drafted document, and whose signatures on it count.

use crate::tuf::document::DocRole;
use crate::tuf::key::KeyId;
use crate::tuf::name::{KeyName, RoleName};
use crate::tuf::root::Root;
use crate::tuf::signature::Signature;
use crate::tuf::signed::Signed;
use crate::tuf::targets::{Delegations, Targets};
use crate::tuf::verify::Authority;

use super::before::Anchor;
use super::change::{self, ChangeSet};
use super::engine::State;
use super::plan::Plan;

/// The new root, read back from the bytes that will be signed; nothing where none is made.
pub(super) fn drafted_root(plan: &Plan, change: &ChangeSet) -> Option<Root> {
    let bytes = change.payload(&DocRole::Root)?.envelope(&[]);
    Some(Signed::<Root>::read(plan.repository.dialect, &bytes).ok()?.peek().clone())
}

/// The delegations of the new targets, read back from the bytes that will be signed.
pub(super) fn drafted_delegations(plan: &Plan, change: &ChangeSet) -> Option<Delegations> {
    let bytes = change.payload(&DocRole::Targets)?.envelope(&[]);
    let targets = Signed::<Targets>::read(plan.repository.dialect, &bytes).ok()?;
    targets.peek().delegations.clone()
}

/// Who may sign the new document of a role: by the new root's word, or that of the root before where it stays; a
/// delegated role by the word of whoever delegates to it.
pub fn authority(state: &State, role: &DocRole) -> Option<Authority> {
    let anchor = state.before.anchor();
    if let DocRole::Delegated(name) = role {
        return of_delegation(anchor, state.delegations.as_ref(), name);
    }
    let root = state.root.as_ref().or_else(|| anchor.map(Anchor::root))?;
    Authority::stated_by(root, &role.role_name()?).ok()
}

/// Who may sign for a delegated role: by the word of the new delegations, or else of those before.
pub(super) fn of_delegation(
    anchor: Option<&Anchor>,
    new: Option<&Delegations>,
    name: &RoleName,
) -> Option<Authority> {
    let new = new.and_then(|delegations| {
        let delegated = delegations.roles.iter().find(|delegated| delegated.name == *name)?;
        Authority::delegated(delegations, delegated).ok()
    });
    let old = || {
        let (_, delegations, delegated) = anchor?.delegation(name)?;
        Authority::delegated(delegations, delegated).ok()
    };
    new.or_else(old)
}

/// One threshold that a document has to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Whether it is the threshold of the root before, which a new root has to reach beside its own.
    pub before: bool,
    /// How many keys must sign.
    pub need: usize,
    /// The names of the keys whose signatures count.
    pub good: Vec<String>,
    /// The names of the keys that count for it and are still to sign here.
    pub open: Vec<String>,
}

/// Every threshold that a document has to reach: a new root that of the root before and its own, others one.
pub fn counts(state: &State, role: &DocRole, signers: &[KeyName]) -> Vec<Count> {
    let old = state
        .before
        .anchor()
        .filter(|_| *role == DocRole::Root)
        .and_then(|anchor| Authority::stated_by(anchor.root(), &RoleName::root()).ok());
    let own = authority(state, role);
    [(true, old), (false, own)]
        .into_iter()
        .filter_map(|(before, authority)| {
            let authority = authority?;
            let good = good_names(state, role, &authority);
            let open = signers.iter().filter(|name| {
                let public = state.roster.keys.get(name).map(super::roster::Enrolled::key);
                public.is_some_and(|public| authority.lists(public))
                    && !good.iter().any(|known| known == name.as_str())
            });
            let open = open.map(ToString::to_string).collect();
            Some(Count { before, need: authority.threshold().count(), good, open })
        })
        .collect()
}

/// The names of the keys whose signatures on a document count.
pub fn tally(state: &State, role: &DocRole) -> Vec<String> {
    authority(state, role).map(|by| good_names(state, role, &by)).unwrap_or_default()
}

fn good_names(state: &State, role: &DocRole, authority: &Authority) -> Vec<String> {
    let counted = state
        .payload(role)
        .map(|payload| authority.tally_over(payload.to_sign(), &counted(state, role)));
    let good = counted.map(|tally| tally.good).unwrap_or_default();
    good.into_iter()
        .filter_map(|counted| {
            let known = |(_, key): &(&_, &super::roster::Enrolled)| {
                key.key().fingerprint() == counted.fingerprint
            };
            state.roster.keys.iter().find(known).map(|(name, _)| name.to_string())
        })
        .collect()
}

/// The good signatures on one document, each under every id under which it counts for somebody.
pub fn counted(state: &State, role: &DocRole) -> Vec<(KeyId, Signature)> {
    let made = state.signatures.get(role).map(Vec::as_slice).unwrap_or_default();
    let (root, delegations) = (state.root.as_ref(), state.delegations.as_ref());
    made.iter()
        .filter_map(|(name, signature)| {
            let public = state.roster.keys.get(name)?.key();
            let ids = change::ids(&state.before, root, delegations, role, public);
            Some(ids.into_iter().map(|id| (id, signature.clone())).collect::<Vec<_>>())
        })
        .flatten()
        .collect()
}

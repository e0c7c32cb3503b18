//! What a new snapshot must know of the one before: a client takes none that is older or names less.

use std::collections::BTreeSet;

use crate::tuf::document::DocRole;
use crate::tuf::name::RoleName;

use super::super::super::before::Anchor;
use super::super::super::change::is_removed;
use super::super::super::plan::Plan;
use super::super::super::recipe::Recipe;
use super::super::Finding;
use super::super::rules::fail;

/// A snapshot that is signed here follows the current one. Without it, its version and every delegation must be known.
pub(super) fn follows(plan: &Plan, anchor: &Anchor, recipe: &Recipe, raised: &mut Vec<Finding>) {
    if !recipe.makes(&DocRole::Snapshot) || anchor.snapshot().is_some() {
        return;
    }
    let stated = plan.roles.get(&RoleName::snapshot()).and_then(|role| role.version);
    if stated.is_none() {
        raised.push(fail(
            "snapshot-before-unknown",
            "snapshot",
            "It would be version 1, and no snapshot is among the files that are brought: clients refuse \
             one that is not newer than theirs. Bring the current snapshot, or state a version above it.",
        ));
    }
    let top = &anchor.root().roles;
    let delegated: BTreeSet<RoleName> = anchor
        .listed()
        .map(|(role, _)| role)
        .filter(|role| !top.contains_key(role) && !is_removed(plan, role))
        .collect();
    for role in delegated {
        let doc = DocRole::Delegated(role.clone());
        if anchor.version(&doc).is_none() && !recipe.makes(&doc) {
            raised.push(fail(
                "snapshot-before-unknown",
                role.as_str(),
                "The new snapshot would not name it, and what it signed would be lost to clients. Bring its \
                 document, or the current snapshot.",
            ));
        }
    }
}

//! The search for a target: depth first, in the order of each document (TUF 1.0 section 5.6.7).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::tuf::name::RoleName;
use crate::tuf::targets::{DelegatedRole, TargetFile, Targets};
use crate::tuf::verify::Verified;

use super::MAX_DELEGATIONS;
use super::delegation::Delegated;

/// A target, and the role by whose word a client takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTarget {
    /// The role that signs it.
    pub role: RoleName,
    /// What the role says of it.
    pub file: TargetFile,
}

/// How a search ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Searched {
    Found(FoundTarget),
    Nowhere,
    /// More roles would have to be asked than are visited in one search; the last one that was.
    TooMany(RoleName),
}

type Document = Arc<Verified<Targets>>;

/// Asks `top` and then, as far as their delegations cover the path, the roles below it. A role is visited once, so cycles
/// end; a terminating delegation ends everything that would have come after it. `load` gives the document of a role that
/// another document delegates to, or nothing where it is pending.
pub(super) fn search<E>(
    top: Document,
    path: &str,
    mut load: impl FnMut(&Document, &DelegatedRole) -> Result<Option<Document>, E>,
) -> Result<Searched, E> {
    let mut visited = BTreeSet::from([RoleName::targets()]);
    let mut waiting: Vec<(Document, DelegatedRole)> = Vec::new();
    let (mut role, mut document) = (RoleName::targets(), top);
    loop {
        if let Some(file) = document.body().targets.get(path) {
            return Ok(Searched::Found(FoundTarget { role, file }));
        }
        // Delegations that make no sense were refused when the document came in.
        let delegated =
            document.body().delegations.as_ref().and_then(|all| Delegated::of(all).ok());
        let asked = delegated.map(|delegated| delegated.asked(path)).unwrap_or_default();
        if asked.last().is_some_and(|last| last.terminating == Some(true)) {
            waiting.clear();
        }
        waiting.extend(asked.into_iter().rev().map(|role| (Arc::clone(&document), role)));
        loop {
            let Some((by, next)) = waiting.pop() else { return Ok(Searched::Nowhere) };
            if !visited.insert(next.name.clone()) {
                continue;
            }
            if visited.len() > MAX_DELEGATIONS {
                return Ok(Searched::TooMany(role));
            }
            if let Some(loaded) = load(&by, &next)? {
                (role, document) = (next.name, loaded);
                break;
            }
        }
    }
}

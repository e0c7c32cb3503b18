//! Delegated roles, each checked, in the order in which a client comes to them.

use std::sync::Arc;

use crate::tuf::name::RoleName;
use crate::tuf::targets::{DelegatedRole, Delegations, Targets};
use crate::tuf::verify::Verified;

use super::super::{MAX_DOCUMENT, Refused, Stopped, WalkVerdict, Walking};
use super::reading::{Fault, Named, Who, fetch, judge, sound_targets};
use super::tell;
use super::told::Told;

/// The most delegated roles of one repository.
const MOST: usize = 4096;

struct Waiting {
    delegations: Arc<Delegations>,
    role: DelegatedRole,
    /// What the roles above let it publish.
    above: Arc<[String]>,
}

/// An accepted delegation, and what it lets the roles below publish.
struct Visited {
    read: Verified<Targets>,
    prefixes: Arc<[String]>,
}

/// Visits every delegated role: children of one before the next of its parent's.
pub(super) fn visit(
    walking: &mut Walking<'_>,
    targets: &Verified<Targets>,
    named: Option<&Named<'_>>,
) -> Result<(), Stopped> {
    let everything: Arc<[String]> = [String::new()].into();
    let mut waiting = children(targets, &everything);
    let mut visited = 0;
    while let Some(next) = waiting.pop() {
        let name = format!("{}.json", next.role.name);
        visited += 1;
        if visited > MOST {
            let expected = format!("at most {MOST} delegated roles");
            return walking.refuse(&name, Refused::Mismatch { expected, found: "more".to_owned() });
        }
        if walking.walk.targets.contains_key(&next.role.name) {
            continue;
        }
        if let Some(Visited { read, prefixes }) = visit_one(walking, &next, &name, named)? {
            waiting.extend(children(&read, &prefixes));
        }
    }
    Ok(())
}

/// The roles that a document delegates to, last first.
fn children(targets: &Verified<Targets>, above: &Arc<[String]>) -> Vec<Waiting> {
    let Some(delegations) = targets.body().delegations.clone().map(Arc::new) else {
        return Vec::new();
    };
    let roles = delegations.roles.iter().rev().map(|role| Waiting {
        delegations: Arc::clone(&delegations),
        role: role.clone(),
        above: Arc::clone(above),
    });
    roles.collect()
}

fn visit_one(
    walking: &mut Walking<'_>,
    next: &Waiting,
    name: &str,
    named: Option<&Named<'_>>,
) -> Result<Option<Visited>, Stopped> {
    let role = &next.role.name;
    // A delegation that nobody published is no fault.
    if named.is_some_and(|named| !named.meta.contains_key(role.as_str())) {
        return Ok(None);
    }
    let Some(bytes) = fetch(walking, role, named, MAX_DOCUMENT)? else {
        if named.is_some() {
            return walking.refuse(name, Refused::Missing);
        }
        tell(walking, name, Told::NotAtHand);
        return Ok(None);
    };
    let who = Who::Delegated(&next.delegations, &next.role);
    let read: Verified<Targets> = match judge(walking, &who, &bytes, named) {
        Ok(read) => read,
        Err(Fault::Fatal(why)) => return walking.refuse(name, why),
        Err(Fault::Subtree(why)) => {
            walking.note(name, WalkVerdict::Dropped(why));
            return Ok(None);
        }
    };
    if let Err(why) = sound_targets(role, read.body()) {
        return walking.refuse(name, why);
    }
    walking.accept_verified(name, &read);
    let prefixes = allowed(&next.above, next.role.paths.as_deref().unwrap_or_default());
    let hidden: Vec<String> = read
        .body()
        .targets
        .keys()
        .map(String::from)
        .filter(|name| !prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    if prefixes.is_empty() {
        tell(walking, name, Told::PublishesNothing);
    }
    if !hidden.is_empty() {
        tell(walking, name, Told::Hidden(hidden));
    }
    walking.keep(role.clone(), &read);
    Ok(Some(Visited { read, prefixes }))
}

/// Of a role's prefixes those that lie within what the roles above may publish.
fn allowed(above: &[String], paths: &[String]) -> Arc<[String]> {
    let within = |path: &&String| above.iter().any(|prefix| path.starts_with(prefix.as_str()));
    paths.iter().filter(within).cloned().collect()
}

/// Whether clients hide this name of this role.
pub fn is_hidden(walk: &super::super::Walk, role: &RoleName, name: &str) -> bool {
    let document = format!("{role}.json");
    walk.steps.iter().any(|step| match &step.verdict {
        WalkVerdict::Told(Told::Hidden(names)) => {
            step.document == document && names.iter().any(|hidden| hidden == name)
        }
        WalkVerdict::Told(_)
        | WalkVerdict::Accepted(_)
        | WalkVerdict::Pending
        | WalkVerdict::Dropped(_)
        | WalkVerdict::Refused(_) => false,
    })
}

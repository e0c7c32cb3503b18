//! Targets and delegations of a change.

use std::collections::BTreeSet;

use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::name::RoleName;

use super::super::super::before::Anchor;
use super::super::super::plan::{Plan, PlannedDelegation, What};
use super::super::super::recipe::Recipe;
use super::super::super::scene::Verdict;
use super::super::Finding;
use super::super::rules::{fail, finding};
use super::{fingerprint, of_role};

pub(super) fn findings(plan: &Plan, anchor: &Anchor, recipe: &Recipe, raised: &mut Vec<Finding>) {
    moved(plan, anchor, recipe, raised);
    removed(plan, anchor, recipe, raised);
    for role in &plan.delegations {
        delegation(plan, anchor, recipe, role, raised);
    }
    order(plan, anchor, raised);
}

/// A name that stands for something else already is moved only by a line that says so.
fn moved(plan: &Plan, anchor: &Anchor, recipe: &Recipe, raised: &mut Vec<Finding>) {
    for target in &plan.targets {
        let doc = role(&target.role);
        if !recipe.makes(&doc) {
            raised.push(fail(
                "target-not-signed",
                &target.name,
                format!("It belongs into {}, which is not signed here.", target.role),
            ));
        }
        let now = anchor.signs(&target.role).and_then(|held| held.body().targets.get(&target.name));
        let hash = now.as_ref().and_then(|file| file.hashes.get("sha256")).map(Vec::as_slice);
        let same = hash == Some(target.sha256.as_bytes().as_slice());
        match (hash, target.was) {
            (None, None) => {}
            (Some(_), _) if same => raised.push(finding(
                Verdict::Warn,
                "target-is-there",
                &target.name,
                "It is signed already, with the same content.",
            )),
            (Some(_), None) => raised.push(fail(
                "target-moves",
                &target.name,
                "The name stands for other content now. To move it, add was = \"...\" with the digest \
                 that it has.",
            )),
            (Some(hash), Some(was)) if hash == was.as_bytes().as_slice() => raised.push(finding(
                Verdict::Warn,
                "target-moves-as-planned",
                &target.name,
                "The name moves to other content, as the plan says.",
            )),
            (_, Some(was)) => raised.push(fail(
                "target-was-not",
                &target.name,
                format!("The plan says that it stood for {was} until now, which it does not."),
            )),
        }
    }
}

fn removed(plan: &Plan, anchor: &Anchor, recipe: &Recipe, raised: &mut Vec<Finding>) {
    for row in &plan.removed {
        let (about, there, doc) = match &row.what {
            What::Delegation(name) => {
                (name.to_string(), anchor.delegation(name).is_some(), DocRole::Targets)
            }
            What::Target { role: of, name } => (
                name.clone(),
                anchor.signs(of).is_some_and(|held| held.body().targets.contains_key(name)),
                role(of),
            ),
        };
        if !there {
            raised.push(fail("not-there", &about, "It is to be taken out, and is not there."));
        }
        if !recipe.makes(&doc) {
            let text = format!("It stands in {doc}, which is not signed here.");
            raised.push(fail("target-not-signed", &about, text));
        }
        if let What::Delegation(name) = &row.what
            && let Some(held) = anchor.delegated(name)
        {
            let names: Vec<_> = held.body().targets.keys().take(5).map(String::from).collect();
            raised.push(finding(
                Verdict::Warn,
                "targets-become-unreachable",
                name.as_str(),
                format!(
                    "{} targets are signed by it and will not be found there any more: {}{}",
                    held.body().targets.len(),
                    names.join(", "),
                    if held.body().targets.len() > 5 { ", ..." } else { "." }
                ),
            ));
        }
    }
}

fn role(name: &RoleName) -> DocRole {
    if *name == RoleName::targets() { DocRole::Targets } else { DocRole::Delegated(name.clone()) }
}

fn delegation(
    plan: &Plan,
    anchor: &Anchor,
    recipe: &Recipe,
    planned: &PlannedDelegation,
    raised: &mut Vec<Finding>,
) {
    let about = planned.name.as_str();
    let threshold = usize::try_from(planned.threshold).unwrap_or(usize::MAX);
    let distinct: BTreeSet<_> = planned.keys.iter().collect();
    if threshold == 0 || threshold > distinct.len() {
        raised.push(fail(
            "delegation-threshold",
            about,
            format!("A threshold of {threshold} makes no sense with {} keys.", distinct.len()),
        ));
    }
    let current = anchor.delegation(&planned.name);
    let keys: Option<BTreeSet<_>> = planned.keys.iter().map(|key| fingerprint(plan, key)).collect();
    let listed: BTreeSet<_> = current
        .iter()
        .flat_map(|(_, delegations, role)| {
            role.keys.keyids.iter().filter_map(|id| delegations.keys.get(id))
        })
        .map(|key| key.public.fingerprint())
        .collect();
    let same_keys = current.is_some() && keys.as_ref() == Some(&listed);
    let makes_targets = recipe.makes(&DocRole::Targets);
    if !same_keys && !makes_targets {
        raised.push(fail(
            "delegation-differs",
            about,
            "Its keys are not those that targets lists, and targets is not signed here.",
        ));
    }
    let makes_own = recipe.makes(&role(&planned.name));
    if !same_keys && anchor.delegated(&planned.name).is_some() && !makes_own {
        raised.push(fail(
            "delegation-key-without-document",
            about,
            "It gets other keys, and its own document is not signed with them: every client would drop it.",
        ));
    }
    let own = of_role(anchor.root(), &RoleName::targets());
    if keys.is_some_and(|keys| keys.iter().any(|key| own.contains(key))) {
        raised.push(finding(
            Verdict::Warn,
            "delegation-to-own-key",
            about,
            "A key of targets itself signs it: nothing is handed over.",
        ));
    }
    let folded = about.to_lowercase();
    let twin = anchor
        .listed()
        .map(|(name, _, _)| name.as_str())
        .chain(plan.delegations.iter().map(|d| d.name.as_str()))
        .find(|name| *name != about && name.to_lowercase() == folded);
    if let Some(twin) = twin {
        let text = format!("Its name differs from that of {twin} in capitals only.");
        raised.push(fail("names-collide", about, text));
    }
}

/// A delegation that covers everything and ends the search hides those behind it.
fn order(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    if plan.repository.dialect == Dialect::Notary1 {
        return;
    }
    let now = anchor.targets().and_then(|held| held.body().delegations.as_ref());
    let mut all: Vec<(&str, bool)> = now
        .iter()
        .flat_map(|delegations| &delegations.roles)
        .filter(|role| !super::super::super::change::is_removed(plan, &role.name))
        .map(|role| {
            let every = |paths: &Vec<String>| paths.iter().any(|path| path == "*" || path == "**");
            (
                role.name.as_str(),
                role.terminating == Some(true) && role.paths.as_ref().is_some_and(every),
            )
        })
        .collect();
    for planned in &plan.delegations {
        let catches =
            planned.terminating && planned.paths.iter().any(|path| path == "*" || path == "**");
        match all.iter_mut().find(|(name, _)| *name == planned.name.as_str()) {
            Some(known) => known.1 = catches,
            None => all.push((planned.name.as_str(), catches)),
        }
    }
    let last = all.len().saturating_sub(1);
    for (nth, (name, catches)) in all.iter().enumerate() {
        if *catches && nth < last {
            raised.push(fail(
                "catch-all-not-last",
                name,
                "It covers every path and ends the search, so that no delegation behind it is ever asked.",
            ));
        }
    }
}

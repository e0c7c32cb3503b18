//! Delegations as they will be: who covers what, who is asked, and whose documents go with them.

use std::collections::BTreeSet;

use crate::tuf::client::delegation_covers;
use crate::tuf::document::{Dialect, DocRole};
use crate::tuf::name::{KeyName, RoleName};
use crate::tuf::overlap::{Overlaps, overlaps};
use crate::tuf::targets::DelegatedRole;

use super::super::super::before::Anchor;
use super::super::super::change;
use super::super::super::plan::{Kind, Plan, PlannedDelegation, What};
use super::super::super::recipe::Recipe;
use super::super::super::scene::Verdict;
use super::super::Finding;
use super::super::rules::{fail, finding};
use super::{fingerprint, of_role};

pub(super) fn findings(plan: &Plan, anchor: &Anchor, recipe: &Recipe, raised: &mut Vec<Finding>) {
    for role in &plan.delegations {
        delegation(plan, anchor, recipe, role, raised);
        documents(plan, anchor, recipe, role, raised);
    }
    let all = change::planned_delegations(plan, anchor);
    if recipe.makes(&DocRole::Targets) {
        let shared = overlaps(plan.repository.dialect, &all);
        order(plan, &all, &shared, raised);
        sharing(plan, &shared, raised);
    }
    for target in &plan.targets {
        let covers =
            |role: &DelegatedRole| delegation_covers(plan.repository.dialect, role, &target.name);
        let role = all.iter().find(|role| role.name == target.role);
        if role.is_some_and(|role| !covers(role)) {
            raised.push(fail(
                "target-not-covered",
                &target.name,
                format!(
                    "{} may not sign this name: no client would look for it there.",
                    target.role
                ),
            ));
        }
    }
}

fn delegation(
    plan: &Plan,
    anchor: &Anchor,
    recipe: &Recipe,
    planned: &PlannedDelegation,
    raised: &mut Vec<Finding>,
) {
    let about = planned.name.as_str();
    threshold(about, planned.threshold, &planned.keys, raised);
    if change::is_removed(plan, &planned.name) {
        let text = "The plan states it and takes it out: its document would belong to nobody.";
        raised.push(fail("removed-and-stated", about, text));
    }
    let makes_targets = recipe.makes(&DocRole::Targets);
    let may_differ = makes_targets && plan.kind != Kind::SignTargets;
    if !may_differ && !is_as_now(plan, anchor, planned) {
        raised.push(fail(
            "delegation-differs",
            about,
            "Its keys, threshold or paths are not those that targets lists, and this kind of ceremony \
             does not change them.",
        ));
    }
    let parent = anchor.delegation(&planned.name).map(|(parent, _, _)| parent);
    let nested = plan.repository.dialect == Dialect::Notary1
        && about.strip_prefix("targets/").is_some_and(|rest| rest.contains('/'));
    let elsewhere = parent.as_ref().is_some_and(|parent| *parent != RoleName::targets());
    if makes_targets && (elsewhere || (nested && parent.is_none())) {
        raised.push(fail(
            "delegation-below",
            about,
            "Another delegation hands it on, not targets: whoever signs for that one changes it.",
        ));
    }
    own_key(plan, anchor, (&planned.name, &planned.keys), raised);
    collision(plan, anchor, about, raised);
}

pub(super) fn threshold(about: &str, stated: u32, keys: &[KeyName], raised: &mut Vec<Finding>) {
    let threshold = usize::try_from(stated).unwrap_or(usize::MAX);
    let distinct: BTreeSet<_> = keys.iter().collect();
    if threshold == 0 || threshold > distinct.len() {
        raised.push(fail(
            "delegation-threshold",
            about,
            format!("A threshold of {threshold} makes no sense with {} keys.", distinct.len()),
        ));
    }
}

/// Whether keys, threshold and paths are those that the state before lists.
fn is_as_now(plan: &Plan, anchor: &Anchor, planned: &PlannedDelegation) -> bool {
    let Some((_, _, role)) = anchor.delegation(&planned.name) else { return false };
    has_keys_of_now(plan, anchor, planned)
        && role.keys.threshold.0 == i64::from(planned.threshold)
        && role.paths.as_deref().unwrap_or_default() == planned.paths
        && role.path_hash_prefixes.as_deref().unwrap_or_default() == planned.path_hash_prefixes
        && role.terminating.unwrap_or(false) == planned.terminating
}

/// Whether the keys are those that the state before lists.
pub(super) fn has_keys_of_now(plan: &Plan, anchor: &Anchor, planned: &PlannedDelegation) -> bool {
    let Some((_, delegations, role)) = anchor.delegation(&planned.name) else { return false };
    let listed: BTreeSet<_> = role
        .keys
        .keyids
        .iter()
        .filter_map(|id| Some(delegations.keys.get(id)?.public.fingerprint()))
        .collect();
    let keys: Option<BTreeSet<_>> = planned.keys.iter().map(|key| fingerprint(plan, key)).collect();
    keys == Some(listed)
}

/// What is handed to a key of targets is not handed over.
pub(super) fn own_key(
    plan: &Plan,
    anchor: &Anchor,
    (name, keys): (&RoleName, &[KeyName]),
    raised: &mut Vec<Finding>,
) {
    let targets = RoleName::targets();
    let known = of_role(anchor.root(), &targets);
    let new = plan.roles.get(&targets).map(|role| role.keys.as_slice()).unwrap_or_default();
    let own = keys.iter().find(|key| {
        new.contains(key) || fingerprint(plan, key).is_some_and(|key| known.contains(&key))
    });
    if let Some(own) = own {
        raised.push(fail(
            "delegation-to-own-key",
            name.as_str(),
            format!("{own} signs for targets itself: nothing is handed over."),
        ));
    }
}

fn collision(plan: &Plan, anchor: &Anchor, about: &str, raised: &mut Vec<Finding>) {
    let folded = about.to_lowercase();
    let twin = anchor
        .listed()
        .map(|(name, _)| name)
        .chain(plan.delegations.iter().map(|d| d.name.clone()))
        .find(|name| name.as_str() != about && name.as_str().to_lowercase() == folded);
    if let Some(twin) = twin {
        let text = format!("Its name differs from that of {twin} in capitals only.");
        raised.push(fail("names-collide", about, text));
    }
}

/// The document of a delegation follows its keys, and what it says is not lost.
fn documents(
    plan: &Plan,
    anchor: &Anchor,
    recipe: &Recipe,
    planned: &PlannedDelegation,
    raised: &mut Vec<Finding>,
) {
    let about = planned.name.as_str();
    if anchor.delegation(&planned.name).is_none() {
        if plan.repository.dialect == Dialect::Tuf1 && planned.valid_for.is_none() {
            raised.push(finding(
                Verdict::Warn,
                "delegation-without-document",
                about,
                "Its holder publishes version 1 together with this change: without it clients stop at \
                 every path that it covers.",
            ));
        }
        return;
    }
    let same_keys = has_keys_of_now(plan, anchor, planned);
    let makes_own = recipe.makes(&DocRole::Delegated(planned.name.clone()));
    let held = anchor.delegated(&planned.name).is_some();
    if held && !same_keys && !makes_own {
        raised.push(fail(
            "delegation-key-without-document",
            about,
            "It gets other keys, and its own document is not signed with them: every client would drop it.",
        ));
    }
    let named = anchor.snapshot().is_none_or(|snapshot| {
        let meta = &snapshot.body().meta;
        meta.contains_key(about) || meta.contains_key(&format!("{about}.json"))
    });
    if !held && named && (makes_own || !same_keys) {
        raised.push(fail(
            "delegation-document-missing",
            about,
            "Its document is not among the files: what it signs now would be lost, or no client would \
             accept it any more. Bring it, or a snapshot that names none.",
        ));
    }
}

/// Those that nobody is ever asked for, because an earlier one ends the search.
fn order(plan: &Plan, all: &[DelegatedRole], shared: &Overlaps, raised: &mut Vec<Finding>) {
    if plan.repository.dialect == Dialect::Notary1 {
        return;
    }
    for (nth, first) in all.iter().enumerate() {
        let behind = all.get(nth + 1..).unwrap_or_default();
        let every = first.paths.iter().flatten().any(|path| path == "*" || path == "**");
        if first.terminating == Some(true) && every && !behind.is_empty() {
            raised.push(fail(
                "catch-all-not-last",
                first.name.as_str(),
                "It covers every name without a / and ends the search: those behind it are never asked \
                 for one.",
            ));
        }
    }
    for name in &shared.never_asked {
        raised.push(fail(
            "delegation-unreachable",
            name.as_str(),
            "Those before it cover all its paths and end the search: it is never asked.",
        ));
    }
}

/// Delegations of this plan that share paths with others.
fn sharing(plan: &Plan, shared: &Overlaps, raised: &mut Vec<Finding>) {
    let dialect = plan.repository.dialect;
    let touched = |role: &RoleName| plan.delegations.iter().any(|d| d.name == *role);
    for pair in shared.pairs.iter().filter(|pair| touched(&pair.first) || touched(&pair.second)) {
        let about = pair.second.as_str();
        raised.push(match dialect {
            // As docker makes them: a tag is in targets/releases and in the role of who signed it.
            Dialect::Notary1 => finding(
                Verdict::Pass,
                "paths-shared",
                about,
                format!("{} may sign some of the same tags.", pair.first),
            ),
            Dialect::Tuf1 => finding(
                Verdict::Warn,
                "paths-overlap",
                about,
                format!("{} covers some of the same paths, and is asked first.", pair.first),
            ),
        });
    }
}

/// What a delegation that goes takes with it: the targets that nobody else signs.
pub(super) fn unreachable(
    plan: &Plan,
    anchor: &Anchor,
    name: &RoleName,
    raised: &mut Vec<Finding>,
) {
    let lost = change::lost_with(plan, anchor, name);
    let (verdict, text) = match lost {
        None => (
            Verdict::Warn,
            "Its document is not among the files: which targets go with it cannot be told."
                .to_owned(),
        ),
        Some(names) if names.is_empty() => (
            Verdict::Pass,
            "No target goes with it: others sign them too, or there are none.".to_owned(),
        ),
        Some(names) => {
            let first: Vec<_> = names.iter().take(5).map(String::as_str).collect();
            let more = if names.len() > first.len() { ", ..." } else { "." };
            let count = names.len();
            (
                Verdict::Warn,
                format!("{count} targets will not be found any more: {}{more}", first.join(", ")),
            )
        }
    };
    raised.push(finding(verdict, "targets-become-unreachable", name.as_str(), text));
}

/// Whatever the plan keeps must have been there to keep.
pub(super) fn kept(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    let dropped = change::dropped(plan, anchor);
    for row in &plan.kept {
        let (about, found) = match &row.what {
            What::Delegation(name) => {
                (name.to_string(), dropped.iter().any(|found| found.what == row.what))
            }
            What::Target { role, name } => (
                name.clone(),
                dropped.iter().any(|found| match &found.what {
                    What::Target { role: of, name: dropped } => {
                        of == role
                            && (name == dropped
                                || crate::tuf::client::pattern_covers(name, dropped))
                    }
                    What::Delegation(_) => false,
                }),
            ),
        };
        if !found {
            let text =
                "It is to stay, and nothing of that name changed since the known-good state.";
            raised.push(finding(Verdict::Warn, "nothing-to-keep", &about, text));
        }
    }
}

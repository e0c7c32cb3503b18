//! The targets of a change: what moves, what goes.

use crate::tuf::document::DocRole;
use crate::tuf::name::RoleName;
use crate::tuf::targets::TargetFile;

use super::super::super::before::Anchor;
use super::super::super::change;
use super::super::super::plan::{Plan, What};
use super::super::super::recipe::Recipe;
use super::super::super::scene::Verdict;
use super::super::Finding;
use super::super::rules::{fail, finding};
use super::delegations;

pub(super) fn findings(plan: &Plan, anchor: &Anchor, recipe: &Recipe, raised: &mut Vec<Finding>) {
    moved(plan, anchor, recipe, raised);
    removed(plan, anchor, recipe, raised);
    without_hash(plan, anchor, recipe, raised);
    delegations::findings(plan, anchor, recipe, raised);
}

/// Every target that is signed again has a hash that clients compare.
fn without_hash(plan: &Plan, anchor: &Anchor, recipe: &Recipe, raised: &mut Vec<Finding>) {
    for doc in recipe.all() {
        let Some(name) = doc.role.role_name() else { continue };
        let Some(table) = change::planned_targets(plan, anchor, &name) else { continue };
        let has_hash = |file: &TargetFile| {
            [("sha256", 32), ("sha512", 64)].iter().any(|(hash, length)| {
                file.hashes.get(*hash).is_some_and(|raw| raw.len() == *length)
            })
        };
        for (target, _) in table.iter().filter(|(_, file)| !has_hash(file)) {
            raised.push(fail(
                "target-without-hash",
                &target,
                format!("{name} would sign it without a sha256 or sha512: any content would do."),
            ));
        }
    }
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
                let bins = anchor.bins().is_some_and(|bins| bins.prefix == name.as_str());
                (name.to_string(), bins || anchor.delegation(name).is_some(), DocRole::Targets)
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
        if let (true, What::Delegation(name)) = (there, &row.what) {
            delegations::unreachable(plan, anchor, name, raised);
        }
    }
}

fn role(name: &RoleName) -> DocRole {
    if *name == RoleName::targets() { DocRole::Targets } else { DocRole::Delegated(name.clone()) }
}

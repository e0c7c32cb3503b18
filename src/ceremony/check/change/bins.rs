//! Hash bins as they will be.

use crate::tuf::bins::Bins;
use crate::tuf::root::{RoleKeys, StatedThreshold};

use super::super::super::before::Anchor;
use super::super::super::change;
use super::super::super::plan::{Kind, Plan};
use super::super::super::scene::Verdict;
use super::super::Finding;
use super::super::rules::{fail, finding};
use super::delegations::{own_key, threshold};

/// The findings on the hash bins of a plan, and on delegations beside hash bins.
pub(super) fn findings(plan: &Plan, anchor: &Anchor, raised: &mut Vec<Finding>) {
    let now = anchor.bins().filter(|bins| {
        let name = bins.prefix.parse();
        name.is_ok_and(|name| !change::is_removed(plan, &name))
    });
    let Some(planned) = &plan.bins else {
        if now.is_some() && !plan.delegations.is_empty() {
            raised.push(beside("The targets delegate to hash bins already."));
        }
        return;
    };
    let about = planned.prefix.as_str();
    if !change::planned_delegations(plan, anchor).is_empty() {
        raised.push(beside("The targets delegate to roles with names."));
    }
    threshold(about, planned.threshold, &planned.keys, raised);
    own_key(plan, anchor, (&planned.prefix, &planned.keys), raised);
    let made = Bins {
        bits: planned.bits,
        prefix: planned.prefix.to_string(),
        keys: RoleKeys {
            keyids: Vec::new(),
            threshold: StatedThreshold(i64::from(planned.threshold)),
            unknown: std::collections::BTreeMap::new(),
        },
    };
    match (plan.kind, &now) {
        (Kind::AddDelegation, Some(_)) => {
            let text = "There are hash bins already: rotate-delegation gives them other keys.";
            raised.push(fail("delegation-name", about, text));
        }
        (Kind::RotateDelegation, None) => {
            raised.push(fail("delegation-name", about, "There are no hash bins."));
        }
        (Kind::RotateDelegation, Some(now))
            if (now.bits, &now.prefix) != (made.bits, &made.prefix) =>
        {
            let (first, last) = now.names();
            let text = format!(
                "They are {first} to {last} now. Others are other documents: every target moves to a new one."
            );
            raised.push(finding(Verdict::Warn, "bins-move", about, text));
        }
        _ => {}
    }
    let (first, last) = made.names();
    let text = format!(
        "Their {} documents, {first} to {last}, are made and signed where their key is, and published together \
         with this change: without them clients stop at every path.",
        made.count()
    );
    raised.push(finding(Verdict::Warn, "bins-signed-elsewhere", about, text));
}

fn beside(found: &str) -> Finding {
    let text = format!("{found} A targets document has either those or hash bins, never both.");
    fail("bins-beside-roles", "delegations", text)
}

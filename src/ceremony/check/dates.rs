//! When what is signed ends: documents, and the certificates that carry Notary's root keys.

use std::collections::BTreeSet;

use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::time::{Lifetime, Timestamp};

use super::super::plan::{Plan, PlannedRole, SignedWhere};
use super::super::scene::Verdict;
use super::rules::{fail, finding};
use super::{Finding, base};

/// What a plan says of when its documents and certificates end.
pub(super) fn findings(plan: &Plan, at: Timestamp, raised: &mut Vec<Finding>) {
    for (name, role) in &plan.roles {
        dates(plan, name, role, at, raised);
    }
    for planned in &plan.delegations {
        let expires = planned.valid_for.and_then(|valid_for| base(plan, at).plus(valid_for));
        if let Some(expires) = expires {
            before_next(plan, planned.name.as_str(), expires, raised);
        }
    }
}

/// The same of one repository of a fleet, as far as the plan of the fleet does not say it.
pub(super) fn of_member(plan: &Plan, at: Timestamp, raised: &mut Vec<Finding>) {
    if plan.repository.dialect == Dialect::Notary1
        && let Some(root) = plan.roles.get(&RoleName::root())
    {
        let base = base(plan, at);
        if let Some(expires) = root.valid_for.and_then(|valid_for| base.plus(valid_for)) {
            certificates(plan, root, base, expires, raised);
        }
    }
}

/// How long documents may be valid by policy, in years.
fn longest(name: &RoleName) -> u16 {
    match name.as_str() {
        "root" => 20,
        "targets" | "snapshot" => 5,
        _ => 1,
    }
}

fn dates(
    plan: &Plan,
    name: &RoleName,
    role: &PlannedRole,
    at: Timestamp,
    raised: &mut Vec<Finding>,
) {
    let (SignedWhere::Here, Some(valid_for)) = (role.signed, role.valid_for) else { return };
    let base = base(plan, at);
    let Some(expires) = base.plus(valid_for) else {
        raised.push(fail(
            "expiry-beyond-policy",
            name.as_str(),
            format!("{valid_for} after {base} cannot be written as a date."),
        ));
        return;
    };
    if expires <= at {
        raised.push(fail(
            "expires-in-the-past",
            name.as_str(),
            format!("It would expire on {}, which has passed.", expires.to_minute()),
        ));
    }
    let years = longest(name);
    let limit: Option<Timestamp> =
        format!("{years} years").parse::<Lifetime>().ok().and_then(|longest| base.plus(longest));
    if limit.is_some_and(|limit| expires > limit) {
        raised.push(fail(
            "expiry-beyond-policy",
            name.as_str(),
            format!("It is valid for {valid_for}; more than {years} years needs a reason."),
        ));
    }
    // Snapshots and timestamps are signed again online, between ceremonies.
    if *name == RoleName::root() || *name == RoleName::targets() {
        before_next(plan, name.as_str(), expires, raised);
    }
    let certified = plan.repository.dialect == Dialect::Notary1 || plan.fleet.is_some();
    if *name == RoleName::root() && certified {
        certificates(plan, role, base, expires, raised);
    }
}

/// What is signed now must still be valid when it can be replaced, and for a while after that.
fn before_next(plan: &Plan, name: &str, expires: Timestamp, raised: &mut Vec<Finding>) {
    let Some(next) = plan.next else { return };
    if next.at.plus(next.standby).is_none_or(|needed| expires < needed) {
        raised.push(fail(
            "expires-before-next",
            name,
            format!(
                "It would expire on {}; the next ceremony is planned for {}, and {} of standby must be \
                 left after it.",
                expires.to_minute(),
                next.at.to_minute(),
                next.standby
            ),
        ));
    }
}

fn certificates(
    plan: &Plan,
    root: &PlannedRole,
    base: Timestamp,
    expires: Timestamp,
    raised: &mut Vec<Finding>,
) {
    let (mut ends, mut made) = (BTreeSet::new(), 0);
    for key in root.keys.iter().filter_map(|key| plan.key(key)) {
        let Some(end) = key.certificate.as_ref().and_then(|c| base.plus(c.valid_for)) else {
            continue;
        };
        if end < expires {
            raised.push(fail(
                "certificate-before-root",
                key.name.as_str(),
                format!(
                    "Its certificate ends on {}, before the root on {}. After that every client \
                     refuses the repository for good.",
                    end.to_minute(),
                    expires.to_minute()
                ),
            ));
        }
        ends.insert(end);
        made += 1;
        if let Some(name) = key.certificate.as_ref().and_then(|c| c.common_name.as_deref()) {
            raised.push(finding(
                Verdict::Warn,
                "certificate-for-many",
                key.name.as_str(),
                format!(
                    "Its certificate is for {name}: one certificate and one id to pin serve many \
                     repositories, and whoever steals enough such keys can root each of them, those that \
                     do not exist yet too."
                ),
            ));
        }
    }
    if ends.len() == 1 && made > 1 {
        raised.push(finding(
            Verdict::Warn,
            "certificates-end-together",
            "root",
            "All certificates made here end on the same day. Staggered lifetimes leave time to act.",
        ));
    }
}

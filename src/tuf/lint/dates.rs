//! Dates: how they are written, and how much time they leave.

use crate::tuf::any::AnyDocument;
use crate::tuf::document::Dialect;
use crate::tuf::name::RoleName;
use crate::tuf::time::{Lifetime, Timestamp};

use super::Raised;
use super::table::{
    DATE_IN_OTHER_FORM, DATE_WITH_FRACTION, DATE_WITH_OFFSET, EXPIRES_IN_THE_PAST, EXPIRES_SOON,
    EXPIRY_BEYOND_POLICY,
};

/// How long documents may be valid by policy, in years.
pub(super) fn longest_years(role: &RoleName) -> u16 {
    match role.as_str() {
        "root" => 20,
        "timestamp" => 1,
        // Snapshot, top-level targets and delegations.
        _ => 5,
    }
}

/// The last day that policy allows to a document which is signed at a time.
pub fn policy_end(role: &RoleName, at: Timestamp) -> Option<Timestamp> {
    let lifetime: Lifetime = format!("{} years", longest_years(role)).parse().ok()?;
    at.plus(lifetime)
}

pub(super) fn form(document: &AnyDocument, raised: &mut Raised<'_>) {
    let expires = document.expires();
    let written = expires.stated.clone().unwrap_or_else(|| expires.at.to_string());
    if expires.at.has_fraction() {
        raised.raise(&DATE_WITH_FRACTION, "expires", written.clone());
    }
    let Some(stated) = &expires.stated else { return };
    let zulu = stated.ends_with('Z');
    let zero = stated.ends_with("+00:00") || stated.ends_with("-00:00");
    if !zulu && (document.dialect() == Dialect::Tuf1 || !zero) {
        raised.raise(&DATE_WITH_OFFSET, "expires", written);
    } else {
        raised.raise(&DATE_IN_OTHER_FORM, "expires", written);
    }
}

pub(super) fn expiry(role: &RoleName, document: &AnyDocument, raised: &mut Raised<'_>) {
    let at = raised.asked.at;
    let expires = document.expires().at;
    let soon = match role.as_str() {
        "root" => 180,
        "snapshot" | "timestamp" => 0,
        _ => 30,
    };
    let left = (expires.unix_seconds() - at.unix_seconds()).div_euclid(86_400);
    if expires <= at {
        raised.raise(&EXPIRES_IN_THE_PAST, "expires", expires.to_minute());
    } else if left < soon {
        raised.raise(
            &EXPIRES_SOON,
            "expires",
            format!("{}, {left} days left", expires.to_minute()),
        );
    }
    if policy_end(role, at).is_some_and(|end| expires > end) {
        raised.raise(&EXPIRY_BEYOND_POLICY, "expires", expires.to_minute());
    }
}

//! The findings that a check can raise on a plan, for the page that lists them.

/// One finding of the check, as people look it up.
#[derive(Debug)]
pub struct PlanRule {
    /// The stable name, by which a plan may waive it.
    pub name: &'static str,
    /// Where it applies, or which limits it has, in a few words.
    pub scope: &'static str,
    /// `FAIL`, `WARN`, `UNKNOWN`, `note`.
    pub verdict: &'static str,
    /// Whether a plan may waive it.
    pub waivable: Option<bool>,
    /// Which ceremonies it stops.
    pub stops: &'static str,
}

const fn rule(
    name: &'static str,
    scope: &'static str,
    verdict: &'static str,
    waivable: Option<bool>,
    stops: &'static str,
) -> PlanRule {
    PlanRule { name, scope, verdict, waivable, stops }
}

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);
const REAL: &str = "real ceremonies";

/// Every finding of the check, in the order of its rules.
pub const PLAN_RULES: &[PlanRule] = &[
    rule("threshold-zero", "", "FAIL", NO, "all"),
    rule("threshold-above-keys", "", "FAIL", NO, "all"),
    rule("threshold-one", "root", "FAIL", YES, "all"),
    rule("threshold-all-of-n", "root", "FAIL", YES, "all"),
    rule("threshold-one-below-root", "", "note", None, ""),
    rule("not-all-sign", "root", "FAIL", YES, "all"),
    rule("one-holder", "root", "FAIL", NO, "all"),
    rule("one-holder-below-root", "", "WARN", None, ""),
    rule("keys-in-one-place", "root", "FAIL", YES, "all"),
    rule("same-key-twice", "", "FAIL", NO, "all"),
    rule("overwrites-needed-key", "", "FAIL", NO, "all"),
    rule("overwrites-listed-key", "", "WARN", None, ""),
    rule("snapshot-key-here", "notary1", "WARN", None, ""),
    rule("key-in-several-roles", "", "WARN", None, ""),
    rule("key-without-role", "", "WARN", None, ""),
    rule("expires-in-the-past", "", "FAIL", NO, "all"),
    rule(
        "expiry-beyond-policy",
        "root 20 years, targets and snapshot 5, timestamp 1",
        "FAIL",
        YES,
        "all",
    ),
    rule("expires-before-next", "where the plan names the next ceremony", "FAIL", YES, "all"),
    rule("certificate-before-root", "notary1", "FAIL", NO, "all"),
    rule("certificate-for-many", "notary1", "WARN", None, ""),
    rule("certificates-end-together", "notary1", "WARN", None, ""),
    rule("fleet-not-at-hand", "a fleet", "UNKNOWN", NO, REAL),
    rule("fleet-not-read", "a fleet", "FAIL", NO, "all"),
    rule("fleet-none", "a fleet", "FAIL", NO, "all"),
    rule("fleet-unread", "a fleet, rotate-tagging", "FAIL", YES, "all"),
    rule("fleet-refused", "a fleet", "WARN", None, ""),
    rule("fleet-walked", "a fleet", "note", None, ""),
    rule("fleet-hands", "a fleet", "note", None, ""),
    rule("no-operator", "", "FAIL", YES, "all"),
    rule("operator-is-witness", "", "FAIL", YES, "all"),
    rule("no-witness", "", "WARN", None, ""),
    rule("no-window", "", "FAIL", YES, REAL),
    rule("outside-window", "", "FAIL", YES, REAL),
    rule("file-root-key", "", "FAIL", YES, REAL),
    rule("virtual-store", "", "FAIL", NO, REAL),
    rule("ed25519-on-yubikey", "", "FAIL", NO, REAL),
    rule("input-not-at-hand", "", "UNKNOWN", NO, REAL),
    rule("input-differs", "", "FAIL", NO, "all"),
    rule(
        "key-differs",
        "an enrolled or server key is not what its files bring, or its proof does not hold",
        "FAIL",
        NO,
        "all",
    ),
    rule("does-not-end", "", "FAIL", NO, "all"),
    rule("client-refuses", "", "FAIL", NO, "all"),
    rule("before-other-repository", "changes", "FAIL", NO, "all"),
    rule("consistent-snapshot-differs", "changes", "FAIL", NO, "all"),
    rule("before-expired", "changes", "WARN", None, ""),
    rule("key-not-listed", "changes", "FAIL", NO, "all"),
    rule("old-threshold-not-reached", "changes", "FAIL", NO, "all"),
    rule("new-threshold-not-reached", "changes", "FAIL", NO, "all"),
    rule("brings-both-tokens", "changes", "note", None, ""),
    rule("kept-certificate-ends-first", "changes, notary1", "WARN", None, ""),
    rule("targets-signed-online", "changes", "WARN", None, ""),
    rule("targets-key-without-targets", "changes", "FAIL", NO, "all"),
    rule("role-differs-from-root", "changes", "FAIL", NO, "all"),
    rule("root-version-stated", "changes", "FAIL", NO, "all"),
    rule("version-not-above", "changes", "FAIL", NO, "all"),
    rule("version-too-high", "changes", "FAIL", NO, "all"),
    rule("version-jumps", "changes", "WARN", None, ""),
    rule("snapshot-before-unknown", "changes that sign a snapshot", "FAIL", NO, "all"),
    rule("compromised-key-stays", "changes", "FAIL", NO, "all"),
    rule("compromised-key-elsewhere", "changes", "FAIL", NO, "all"),
    rule("only-compromised-keys-sign", "changes", "FAIL", NO, "all"),
    rule("target-not-signed", "changes", "FAIL", NO, "all"),
    rule("target-is-there", "changes", "WARN", None, ""),
    rule("target-moves", "changes", "FAIL", YES, "all"),
    rule("target-moves-as-planned", "changes", "WARN", None, ""),
    rule("target-was-not", "changes", "FAIL", NO, "all"),
    rule("not-there", "changes", "FAIL", NO, "all"),
    rule("targets-become-unreachable", "changes; a note where none do", "WARN", None, ""),
    rule("delegation-threshold", "changes", "FAIL", NO, "all"),
    rule("delegation-differs", "changes", "FAIL", NO, "all"),
    rule("delegation-key-without-document", "changes", "FAIL", NO, "all"),
    rule("delegation-to-own-key", "changes", "FAIL", YES, "all"),
    rule("delegation-below", "changes", "FAIL", NO, "all"),
    rule("delegation-document-missing", "changes", "FAIL", YES, "all"),
    rule("delegation-without-document", "changes, tuf1", "WARN", None, ""),
    rule("delegation-unreachable", "changes, tuf1", "FAIL", YES, "all"),
    rule("removed-and-stated", "changes", "FAIL", NO, "all"),
    rule("paths-overlap", "changes, tuf1", "WARN", None, ""),
    rule("paths-shared", "changes, notary1", "note", None, ""),
    rule("target-not-covered", "changes", "FAIL", YES, "all"),
    rule("target-without-hash", "changes", "FAIL", YES, "all"),
    rule("names-collide", "changes", "FAIL", NO, "all"),
    rule("catch-all-not-last", "changes", "FAIL", YES, "all"),
    rule("nothing-to-do", "changes", "FAIL", NO, "all"),
    rule("document-missing", "changes", "FAIL", NO, "all"),
    rule("document-too-many", "changes", "FAIL", NO, "all"),
    rule("refresh-changes-more", "changes", "FAIL", NO, "all"),
    rule("sooner-than-before", "refresh", "FAIL", YES, "all"),
    rule("leaver-still-listed", "replace-custodian", "FAIL", YES, "all"),
    rule("newcomer-shares-token", "replace-custodian", "FAIL", YES, "all"),
    rule("online-key-without-document", "rotate-online", "FAIL", NO, "all"),
    rule("online-signs-at-once", "rotate-online", "WARN", None, ""),
    rule("threshold-within-reach", "root-compromise", "FAIL", YES, "all"),
    rule("as-found", "adopt", "WARN", None, ""),
    rule("all-root-keys-replaced", "changes", "WARN", None, ""),
    rule("same-key-again", "changes", "FAIL", NO, "all"),
    rule("tagging-key-stays", "changes", "FAIL", YES, "all"),
    rule("bins-beside-roles", "changes, tuf1", "FAIL", NO, "all"),
    rule("bins-move", "changes, tuf1", "WARN", None, ""),
    rule("bins-signed-elsewhere", "changes, tuf1", "WARN", None, ""),
    rule("no-known-good", "changes", "WARN", None, ""),
    rule("known-good-not-signed", "changes", "FAIL", YES, "all"),
    rule("known-good-not-older", "changes", "FAIL", NO, "all"),
    rule("nothing-to-keep", "changes", "WARN", None, ""),
    rule("only-a-delegation-key", "changes", "FAIL", YES, "all"),
    rule("delegation-name", "changes", "FAIL", YES, "all"),
    rule("root-lost", "changes", "FAIL", NO, "all"),
    rule("before-not-at-hand", "changes", "UNKNOWN", NO, "all"),
    rule("before-not-verified", "changes", "FAIL", NO, "all"),
    rule("key-beside-its-secret", "token and PIN in one bag or place", "FAIL", NO, "all"),
    rule("policy-cost", "what a key's policies ask for over a fleet", "note", None, ""),
    rule("back-up-beside-key", "back-up", "FAIL", NO, "all"),
    rule("back-up-beside-identity", "back-up", "FAIL", NO, "all"),
    rule("back-up-circular", "back-up", "FAIL", NO, "all"),
    rule("key-still-listed", "retire-token", "FAIL", NO, "all"),
    rule("client-refuses-already", "adopt", "WARN", None, ""),
    rule("client-accepts", "", "note", None, ""),
    rule("client-not-walked", "", "UNKNOWN", NO, REAL),
    rule("waiver-without-finding", "", "WARN", None, ""),
    rule("unattended", "a waiver only: lets a script answer in a real ceremony", "", None, ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Every name in quotes that stands first in a call that raises a finding.
    #[test]
    fn every_finding_that_the_rules_raise_is_in_the_table() {
        let known: Vec<_> = PLAN_RULES.iter().map(|rule| rule.name).collect();
        let sources = [
            include_str!("rules.rs"),
            include_str!("care.rs"),
            include_str!("change.rs"),
            include_str!("change/delegations.rs"),
            include_str!("change/bins.rs"),
            include_str!("fleet.rs"),
            include_str!("change/signed_things.rs"),
            include_str!("change/kinds.rs"),
            include_str!("change/root.rs"),
            include_str!("change/adopt.rs"),
            include_str!("../walk.rs"),
            include_str!("../check.rs"),
        ];
        let mut seen = 0;
        for call in sources.iter().flat_map(|source| source.split(['(', ','])) {
            let Some(name) = call.trim().strip_prefix('"').and_then(|c| c.strip_suffix('"')) else {
                continue;
            };
            let is_name = name.contains('-')
                && !name.ends_with('-')
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            if is_name {
                seen += 1;
                assert!(known.contains(&name), "{name}");
            }
        }
        assert!(seen >= 25, "{seen}");
    }
}

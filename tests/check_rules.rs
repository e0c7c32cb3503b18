//! What the check refuses, each with its accepted twin: the shipped plans with one thing changed.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::fs;

use anchorite::ceremony::check::{CheckReport, Finding};
use anchorite::ceremony::event::Mode;
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::scene::Verdict;

const NOTARY: &str = "first-root-notary1";
const TUF: &str = "first-root-tuf1";

fn findings(shipped: &str, changes: &[(&str, &str)], more: &str) -> CheckReport {
    let mut text = fs::read_to_string(format!("ceremonies/{shipped}/plan.toml")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text.push_str(more);
    let at = "2026-12-01T12:00:00Z".parse().unwrap();
    CheckReport::of(&Plan::parse(text.as_bytes()).unwrap(), at, &BTreeMap::new())
}

fn named<'a>(report: &'a CheckReport, name: &str) -> Option<&'a Finding> {
    report.findings.iter().find(|finding| finding.name == name)
}

#[track_caller]
fn refused(shipped: &str, changes: &[(&str, &str)], name: &str) {
    let report = findings(shipped, changes, "");
    let found = named(&report, name).unwrap_or_else(|| panic!("{name}: {report:#?}"));
    assert_eq!(found.verdict, Verdict::Fail);
    assert_eq!(report.verdict(Mode::Rehearsal), Verdict::Fail);
    let twin = findings(shipped, &[], "");
    assert!(named(&twin, name).is_none(), "{name}");
    assert!(twin.verdict(Mode::Rehearsal) < Verdict::Fail);
}

fn waiver(name: &str) -> String {
    format!("\n[[waivers]]\nfinding = \"{name}\"\nreason = \"a test\"\nby = \"Administrator\"\n")
}

#[test]
fn thresholds_that_nobody_or_anybody_reaches_are_refused() {
    refused(TUF, &[("threshold = 2", "threshold = 0")], "threshold-zero");
    refused(TUF, &[("threshold = 2", "threshold = 4")], "threshold-above-keys");
}

#[test]
fn a_root_of_one_or_of_all_needs_somebody_who_answers_for_it() {
    for (threshold, name) in
        [("threshold = 1", "threshold-one"), ("threshold = 3", "threshold-all-of-n")]
    {
        refused(TUF, &[("threshold = 2", threshold)], name);
        let waived = findings(TUF, &[("threshold = 2", threshold)], &waiver(name));
        let found = named(&waived, name).unwrap();
        assert_eq!(found.verdict, Verdict::Warn);
        assert_eq!(found.waived_by.as_deref(), Some("Administrator"));
        assert!(waived.verdict(Mode::Rehearsal) < Verdict::Fail);
    }
}

#[test]
fn one_holder_who_alone_reaches_the_threshold_is_refused_and_no_waiver_helps() {
    let same = [("holder      = \"Custodian B\"", "holder      = \"Custodian A\"")];
    refused(NOTARY, &same, "one-holder");
    let waived = findings(NOTARY, &same, &waiver("one-holder"));
    assert_eq!(waived.verdict(Mode::Rehearsal), Verdict::Fail);
}

#[test]
fn one_token_slot_or_one_key_in_two_places_is_refused() {
    refused(TUF, &[("serial = 18158861", "serial = 18158855")], "same-key-twice");
    let twice = [("[\"root-a\", \"root-b\", \"root-c\"]", "[\"root-a\", \"root-b\", \"root-b\"]")];
    refused(TUF, &twice, "same-key-twice");
}

#[test]
fn what_expires_before_the_next_ceremony_and_its_standby_is_refused() {
    let next = |at: &str, standby: &str| format!("\n[next]\nat = {at}\nstandby = \"{standby}\"\n");
    let named = |at, standby| -> Vec<String> {
        let found = findings(TUF, &[], &next(at, standby)).findings;
        let late = found.into_iter().filter(|found| found.name == "expires-before-next");
        late.map(|found| found.about).collect()
    };
    // The root is valid for two years, targets for one; snapshot and timestamp are signed online before.
    assert!(named("2027-11-01T08:00:00Z", "29 days").is_empty());
    assert_eq!(named("2027-11-01T08:00:00Z", "30 days"), ["targets"]);
    assert_eq!(named("2028-11-01T08:00:00Z", "1 month"), ["targets", "root"]);
}

#[test]
fn a_key_that_the_plan_needs_is_not_made_over() {
    let make = "make      = { pin = \"always\", touch = \"always\" }";
    let old = "6".repeat(64);
    let over = make.replace(" }", &format!(", replaces = \"{old}\" }}"));
    let exists = format!("fingerprint = \"{old}\"\nconfirmed_by = \"Custodian B\"");
    refused(TUF, &[(make, &over), (make, &exists)], "overwrites-needed-key");
}

#[test]
fn a_certificate_that_ends_before_its_root_is_refused() {
    let short = [("valid_for = \"25 years\"", "valid_for = \"9 years\"")];
    refused(NOTARY, &short, "certificate-before-root");
}

#[test]
fn documents_that_are_expired_or_last_too_long_are_refused() {
    let long = [("valid_for = \"2 years\"", "valid_for = \"21 years\"")];
    refused(TUF, &long, "expiry-beyond-policy");
    let past = "codename  = \"PLOVER\"\nwindow    = { from = 2020-01-01T00:00:00Z, until = 2020-01-02T00:00:00Z }";
    refused(TUF, &[("codename  = \"PLOVER\"", past)], "expires-in-the-past");
}

#[test]
fn the_operator_is_not_the_only_witness() {
    let alone = [
        ("roles = [\"witness\"]", "roles = [\"releaser\"]"),
        ("roles = [\"operator\"]", "roles = [\"operator\", \"witness\"]"),
    ];
    refused(TUF, &alone, "operator-is-witness");
}

#[test]
fn a_real_ceremony_needs_a_window_that_is_open_and_rehearsals_do_not() {
    let window = |from: &str, until: &str| {
        format!("codename  = \"PLOVER\"\nwindow    = {{ from = {from}, until = {until} }}")
    };
    let report = findings(TUF, &[], "");
    assert!(named(&report, "no-window").unwrap().only_real);
    let closed = window("2026-12-02T00:00:00Z", "2026-12-03T00:00:00Z");
    let report = findings(TUF, &[("codename  = \"PLOVER\"", &closed)], "");
    assert!(named(&report, "outside-window").unwrap().only_real);
    assert!(report.verdict(Mode::Rehearsal) < Verdict::Fail);
    let open = window("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z");
    let report = findings(TUF, &[("codename  = \"PLOVER\"", &open)], "");
    assert!(named(&report, "outside-window").is_none());
}

#[test]
fn an_input_that_is_not_at_hand_is_unknown_and_not_a_pass() {
    let report = findings(NOTARY, &[], "");
    assert_eq!(named(&report, "input-not-at-hand").unwrap().verdict, Verdict::Unknown);
}

#[test]
fn a_waiver_for_nothing_is_a_warning() {
    let report = findings(TUF, &[], &waiver("threshold-one"));
    assert_eq!(named(&report, "waiver-without-finding").unwrap().verdict, Verdict::Warn);
}

#[test]
fn a_client_that_cannot_read_the_drafted_documents_is_an_objection_that_may_be_waived() {
    let rust = ("\"go-tuf\", \"tough\"]", "\"go-tuf\", \"rust-tuf\"]");
    refused(TUF, &[rust], "client-key-type");
    let waived = findings(TUF, &[rust], &waiver("client-key-type"));
    assert_eq!(named(&waived, "client-key-type").unwrap().verdict, Verdict::Warn);
    // Without such a client there is nothing to waive.
    let unused = findings(TUF, &[], &waiver("client-key-type"));
    assert!(named(&unused, "client-key-type").is_none());
    assert!(named(&unused, "waiver-without-finding").is_some());
}

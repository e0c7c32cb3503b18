//! Delegations and targets changed for real, with age keys in one workspace, judged by notary, docker and python-tuf.

use std::fs;

use anchorite::tuf::digest::Digest;

use crate::changes_real::{
    Change, GOOD, GUN, METADATA, TARGET, audited, bring, compromised, first_root_of_tuf,
    from_served, from_server, over, publish, published,
};
use crate::support::ceremony::Ceremony;
use crate::support::clients::Watchers;
use crate::support::notary::NotaryServer;

const SECOND: &str = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";
const THIRD: &str = "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13";

/// A change of what the server has, with these documents of delegations.
fn change(
    ceremony: &Ceremony,
    server: &NotaryServer,
    round: &str,
    kind: (&str, &str),
    below: &[&str],
) -> Change {
    ceremony.media(round);
    from_server(ceremony, server, round, kind, below, &[])
}

fn delegation(name: &str, key: &str, more: &str) -> String {
    format!("\n[[delegations]]\nname = \"{name}\"\nkeys = [\"{key}\"]\nthreshold = 1\n{more}")
}

fn target(name: &str, length: usize, sha256: &str, role: &str) -> String {
    format!(
        "\n[[targets]]\nname = \"{name}\"\nlength = {length}\nsha256 = \"{sha256}\"\nrole = \"{role}\"\n"
    )
}

#[test]
fn a_signer_is_added_gets_another_key_signs_alone_and_goes_before_the_eyes_of_notary_and_docker() {
    const ALL: &str = "paths = [\"\"]\nvalid_for = \"1 year\"\n";
    let server = NotaryServer::start();
    let (ceremony, _) = published(&server);
    let mut watchers = Watchers::new(&server, GUN);
    watchers.look();

    let mut add = change(&ceremony, &server, "2", ("add-delegation", "WAGTAIL"), &[]);
    add.here(&ceremony, "tagging", "Releaser");
    add.made("alice", "Custodian A", "");
    add.made("releases", "Custodian B", "");
    add.role("targets", "\"tagging\"", 1, "3 years");
    add.push(&delegation("targets/releases", "releases", ALL));
    add.push(&delegation("targets/alice", "alice", ALL));
    for role in ["targets/releases", "targets/alice"] {
        add.push(&target("v2", 4, SECOND, role));
    }
    let signed = ["targets", "targets/releases", "targets/alice"];
    add.hold(&ceremony, "2", &signed, &["tagging", "alice", "releases"]);
    audited(&ceremony, "WAGTAIL");
    publish(&ceremony, &server, "2");
    let seen = watchers.look();
    for listed in &seen {
        assert!(listed.contains("v2") && listed.contains(SECOND), "{listed}");
        assert!(listed.contains(GOOD), "{listed}");
    }
    let [.., inspected] = seen;
    assert!(inspected.contains("\"alice\"") && inspected.contains(SECOND), "{inspected}");

    // The key of releases leaked: targets and the delegation's document go up together.
    let both = ["targets/releases", "targets/alice"];
    let mut rotate = change(&ceremony, &server, "3", ("rotate-delegation", "DUNNOCK"), &both);
    rotate.here(&ceremony, "tagging", "Releaser");
    rotate.made("releases-2", "Custodian B", "");
    rotate.role("targets", "\"tagging\"", 1, "3 years");
    rotate.push(&delegation("targets/releases", "releases-2", ALL));
    let alice = server.document(GUN, "targets/alice").unwrap();
    let signed = ["targets", "targets/releases"];
    rotate.hold(&ceremony, "3", &signed, &["tagging", "releases-2"]);
    publish(&ceremony, &server, "3");
    assert_eq!(server.document(GUN, "targets/alice").unwrap(), alice);
    let [awake, fresh, inspected] = watchers.look();
    for listed in [awake, fresh] {
        assert!(listed.contains("v2") && listed.contains("targets/releases"), "{listed}");
    }
    assert!(inspected.contains("\"alice\"") && inspected.contains(SECOND), "{inspected}");

    // A tag through the delegation: neither root nor targets.
    let mut sign = change(&ceremony, &server, "4", ("sign-targets", "SISKIN"), &both);
    sign.here(&ceremony, "releases-2", "Custodian B");
    sign.push(&delegation("targets/releases", "releases-2", ALL));
    sign.push(&target("v3", 5, THIRD, "targets/releases"));
    let targets = server.document(GUN, "targets").unwrap();
    sign.hold(&ceremony, "4", &["targets/releases"], &["releases-2"]);
    publish(&ceremony, &server, "4");
    assert_eq!(server.document(GUN, "targets").unwrap(), targets);
    for listed in watchers.look() {
        assert!(listed.contains("v3") && listed.contains(THIRD), "{listed}");
    }

    // Somebody brings the targets of two changes ago: the workspace knows newer ones.
    let evidence = || fs::read_dir(ceremony.at("BOOK/evidence")).unwrap().count();
    let (held, older) = (evidence(), ceremony.at("OUT-2").join(GUN).join("targets.json"));
    ceremony.media("old");
    bring(&ceremony, "old", "before/root.json", &server.document(GUN, "root").unwrap());
    bring(&ceremony, "old", "before/targets.json", &fs::read(older).unwrap());
    let mut stale = over(&ceremony, &server, "old", ("remove-delegation", "KITTIWAKE"), &[]);
    stale.here(&ceremony, "tagging", "Releaser");
    stale.role("targets", "\"tagging\"", 1, "3 years");
    stale.push("\n[[remove]]\ndelegation = \"targets/alice\"\nreason = \"Alice left\"\n");
    let said = stale.refused(&ceremony, "old").failure(3);
    let told =
        "targets: the state before has version 2, and this workspace trusts version 3 already";
    assert!(said.contains(told), "{said}");
    assert_eq!(evidence(), held, "nothing was begun");

    let mut gone = change(&ceremony, &server, "5", ("remove-delegation", "KITTIWAKE"), &both);
    gone.here(&ceremony, "tagging", "Releaser");
    gone.role("targets", "\"tagging\"", 1, "3 years");
    gone.push("\n[[remove]]\ndelegation = \"targets/alice\"\nreason = \"Alice left\"\n");
    gone.hold(&ceremony, "5", &["targets"], &["tagging"]);
    publish(&ceremony, &server, "5");
    let seen = watchers.look();
    for listed in seen.iter().chain(&watchers.wake()) {
        assert!(listed.contains("v2") && listed.contains("v3"), "{listed}");
    }
    let [.., inspected] = seen;
    assert!(!inspected.contains("\"alice\"") && inspected.contains(SECOND), "{inspected}");
}

#[test]
fn python_tuf_finds_what_a_delegation_signs_under_each_of_its_keys_until_it_goes() {
    let (ceremony, served) = first_root_of_tuf();
    served.all_find(TARGET.0);
    for (name, content) in [("docs/guide.txt", "read"), ("docs/more.txt", "more")] {
        served.target(name, content);
    }
    let paths = "paths = [\"docs/*\"]\nterminating = true\nvalid_for = \"1 year\"\n";
    let from = |round: &str, kind| {
        ceremony.media(round);
        let mut change = from_served(&ceremony, &served, round, kind, &[]);
        change.here(&ceremony, "online", "Releaser");
        change.role("snapshot", "\"online\"", 1, "6 months");
        change.role("timestamp", "\"online\"", 1, "14 days");
        change
    };
    let with_targets = |round: &str, kind| {
        let mut change = from(round, kind);
        change.here(&ceremony, "release", "Releaser");
        change.role("targets", "\"release\"", 1, "1 year");
        change
    };
    let held = |change: Change, round: &str, signed: &[&str], signing: &[&str]| {
        change.hold(&ceremony, round, signed, signing);
        served.add(&ceremony.at(&format!("OUT-{round}")).join(METADATA));
        served.all_find(TARGET.0);
    };

    let mut add = with_targets("2", ("add-delegation", "WAGTAIL"));
    add.made("docs", "Custodian A", "");
    add.push(&delegation("docs", "docs", paths));
    add.push(&target("docs/guide.txt", 4, &Digest::of(b"read").to_string(), "docs"));
    let signed = ["targets", "docs", "snapshot", "timestamp"];
    held(add, "2", &signed, &["release", "online", "docs"]);
    audited(&ceremony, "WAGTAIL");
    served.all_find("docs/guide.txt");
    served.from("1.root.json", "docs/none.txt").failure(1);

    // Its key leaked.
    let mut rotate = with_targets("3", ("rotate-delegation", "DUNNOCK"));
    rotate.made("docs-2", "Custodian A", "");
    rotate.push(&delegation("docs", "docs-2", paths));
    rotate.push(&compromised(&ceremony, "docs"));
    held(rotate, "3", &signed, &["release", "online", "docs-2"]);
    served.all_find("docs/guide.txt");

    // A file through the delegation, without the key of targets.
    let mut sign = from("4", ("sign-targets", "SISKIN"));
    sign.here(&ceremony, "docs-2", "Custodian A");
    sign.push(&delegation("docs", "docs-2", paths));
    sign.push(&target("docs/more.txt", 4, &Digest::of(b"more").to_string(), "docs"));
    held(sign, "4", &["docs", "snapshot", "timestamp"], &["online", "docs-2"]);
    served.all_find("docs/more.txt");
    served.all_find("docs/guide.txt");

    let mut gone = with_targets("5", ("remove-delegation", "KITTIWAKE"));
    gone.push("\n[[remove]]\ndelegation = \"docs\"\nreason = \"the team is no more\"\n");
    held(gone, "5", &["targets", "snapshot", "timestamp"], &["release", "online"]);
    let said = served.from("1.root.json", "docs/guide.txt").failure(1);
    assert!(said.contains("finds no target"), "{said}");
}

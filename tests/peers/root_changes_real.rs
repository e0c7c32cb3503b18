//! A root whose keys are all replaced and that is refreshed afterwards, for real: with age keys in one workspace, judged by
//! clients that stand at every root and by fresh ones. In TUF the other kinds of root changes follow.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::changes_real::{
    Change, GOOD, GUN, METADATA, TARGET, audited, bring, compromised, first_root_of_tuf,
    from_served, from_server, publish, published,
};
use crate::support::ceremony::Ceremony;
use crate::support::clients::Watchers;
use crate::support::command::run;
use crate::support::notary::NotaryServer;

const CUSTODIANS: [(&str, &str, &str); 3] = [
    ("root-a", "root-a2", "Custodian A"),
    ("root-b", "root-b2", "Custodian B"),
    ("root-c", "root-c2", "Custodian C"),
];

const MOVING: [&str; 6] = ["root-a", "root-b", "root-c", "root-a2", "root-b2", "root-c2"];

/// All three root keys move; the old ones sign beside the new ones.
fn moves(change: &mut Change, ceremony: &Ceremony, more: &str) {
    for (old, new, holder) in CUSTODIANS {
        change.here(ceremony, old, holder);
        change.made(new, holder, more);
    }
    change.role("root", "\"root-a2\", \"root-b2\", \"root-c2\"", 2, "10 years");
}

/// The moved keys and that of targets sign later dates.
fn refreshes(change: &mut Change, ceremony: &Ceremony, signer: &str) {
    for (_, new, holder) in CUSTODIANS {
        change.here(ceremony, new, holder);
    }
    change.here(ceremony, signer, "Releaser");
    change.role("root", "\"root-a2\", \"root-b2\", \"root-c2\"", 2, "11 years");
    change.role("targets", &format!("{signer:?}"), 1, "4 years");
}

#[test]
fn notary_and_docker_follow_when_every_root_key_moves_and_root_and_targets_are_refreshed() {
    let server = NotaryServer::start();
    let (ceremony, _) = published(&server);
    let mut watchers = Watchers::new(&server, GUN);
    let see = |all: &[String]| assert!(all.iter().all(|seen| seen.contains(GOOD)), "{all:?}");
    see(&watchers.look());

    ceremony.media("2");
    let also = ["root-a", "root-b", "root-c"];
    let mut move_all = from_server(&ceremony, &server, "2", ("rotate-root", "KESTREL"), &[], &also);
    moves(&mut move_all, &ceremony, "certificate = { valid_for = \"28 years\" }\n");
    move_all.hold(&ceremony, "2", &["root"], &MOVING);
    audited(&ceremony, "KESTREL");
    publish(&ceremony, &server, "2");
    see(&watchers.look());

    ceremony.media("3");
    let mut refresh = from_server(&ceremony, &server, "3", ("refresh", "STARLING"), &[], &[]);
    refreshes(&mut refresh, &ceremony, "tagging");
    let signing = ["root-a2", "root-b2", "root-c2", "tagging"];
    refresh.hold(&ceremony, "3", &["root", "targets"], &signing);
    audited(&ceremony, "STARLING");
    publish(&ceremony, &server, "3");
    see(&watchers.look());
    see(&watchers.wake());
}

/// The online key of the third root and those that sign beside it.
fn online(change: &mut Change, ceremony: &Ceremony, [snapshot, timestamp]: [&str; 2]) {
    change.here(ceremony, "online", "Releaser");
    change.role("snapshot", "\"online\"", 1, snapshot);
    change.role("timestamp", "\"online\"", 1, timestamp);
}

#[test]
fn python_tuf_follows_every_kind_of_root_change_from_every_root_before() {
    let (ceremony, served) = first_root_of_tuf();
    served.all_find(TARGET.0);
    let held = |change: Change, round: &str, codename: &str, signed: &[&str], signing: &[&str]| {
        change.hold(&ceremony, round, signed, signing);
        audited(&ceremony, codename);
        served.add(&ceremony.at(&format!("OUT-{round}")).join(METADATA));
    };
    let from = |round: &str, kind, also: &[&str]| {
        ceremony.media(round);
        from_served(&ceremony, &served, round, kind, also)
    };

    let mut all = from("2", ("rotate-root", "KESTREL"), &["root-a", "root-b", "root-c"]);
    moves(&mut all, &ceremony, "");
    online(&mut all, &ceremony, ["6 months", "14 days"]);
    let signing: Vec<&str> = MOVING.into_iter().chain(["online"]).collect();
    held(all, "2", "KESTREL", &["root", "snapshot", "timestamp"], &signing);
    served.all_find(TARGET.0);

    let mut refresh = from("3", ("refresh", "STARLING"), &[]);
    refreshes(&mut refresh, &ceremony, "release");
    online(&mut refresh, &ceremony, ["7 months", "15 days"]);
    let signing = ["root-a2", "root-b2", "root-c2", "release", "online"];
    held(refresh, "3", "STARLING", &["root", "targets", "snapshot", "timestamp"], &signing);
    served.all_find(TARGET.0);

    // Custodian C leaves without signing anything.
    let mut replace = from("4", ("replace-custodian", "GANNET"), &[]);
    replace.here(&ceremony, "root-a2", "Custodian A");
    replace.here(&ceremony, "root-b2", "Custodian B");
    replace.made("root-d", "Custodian C", "");
    replace.role("root", "\"root-a2\", \"root-b2\", \"root-d\"", 2, "10 years");
    held(replace, "4", "GANNET", &["root"], &["root-a2", "root-b2", "root-d"]);
    served.all_find(TARGET.0);

    // The online side makes a key of its own, and signs with it as soon as the root names it.
    ceremony.media("5");
    let private = online_key(&ceremony, "5");
    let mut rotate = from_served(&ceremony, &served, "5", ("rotate-online", "SWIFT"), &[]);
    for (key, holder) in
        [("root-a2", "Custodian A"), ("root-b2", "Custodian B"), ("root-d", "Custodian C")]
    {
        rotate.here(&ceremony, key, holder);
    }
    rotate.enrolled(&ceremony, "online-2", "Releaser");
    rotate.role("root", "\"root-a2\", \"root-b2\", \"root-d\"", 2, "10 years");
    for role in ["snapshot", "timestamp"] {
        rotate.push(&format!(
            "\n[roles.{role}]\nkeys = [\"online-2\"]\nthreshold = 1\nsigned = \"online\"\n"
        ));
    }
    held(rotate, "5", "SWIFT", &["root"], &["root-a2", "root-b2", "root-d"]);
    // With the root alone no client goes on, as the check said.
    served.from("1.root.json", TARGET.0).failure(1);
    served.sign_online(&private);
    served.all_find(TARGET.0);

    // The token of B is stolen.
    let mut stolen = from("6", ("root-compromise", "HARRIER"), &[]);
    stolen.here(&ceremony, "root-a2", "Custodian A");
    stolen.here(&ceremony, "root-d", "Custodian C");
    stolen.made("root-e", "Custodian B", "");
    stolen.role("root", "\"root-a2\", \"root-d\", \"root-e\"", 2, "10 years");
    stolen.push(&compromised(&ceremony, "root-b2"));
    held(stolen, "6", "HARRIER", &["root"], &["root-a2", "root-d", "root-e"]);
    assert_eq!(served.roots().len(), 6);
    served.all_find(TARGET.0);

    // Without the root in between nobody at the first one gets on.
    let metadata = served.metadata();
    fs::copy(metadata.join("3.root.json"), metadata.join("2.root.json")).unwrap();
    served.from("1.root.json", TARGET.0).failure(1);
}

/// A key that openssl makes, its public half and its proof on IN, as docs/plan-format.md says; the private half's file.
fn online_key(ceremony: &Ceremony, round: &str) -> PathBuf {
    let script = "set -e\n\
        openssl genpkey -algorithm ed25519 -out online-2.pem\n\
        openssl pkey -in online-2.pem -pubout -out online-2.pub\n\
        FINGERPRINT=$(openssl pkey -pubin -in online-2.pub -outform DER | sha256sum | cut -d ' ' -f 1)\n\
        printf 'anchorite-proof-1\\ncarried\\n%s\\n%s\\n%s\\n' updates.example.com online-2 \"$FINGERPRINT\" >message\n\
        openssl pkeyutl -sign -rawin -inkey online-2.pem -in message -out online-2.proof\n";
    run(Command::new("sh").args(["-c", script]).current_dir(ceremony.at(""))).success();
    for file in ["online-2.pub", "online-2.proof"] {
        let bytes = fs::read(ceremony.at(file)).unwrap();
        bring(ceremony, round, &format!("new/{file}"), &bytes);
    }
    ceremony.at("online-2.pem")
}

//! A root whose keys are all replaced and that is refreshed afterwards, for real: with age keys in one workspace, judged by
//! clients that stand at every root and by fresh ones.

use std::fs;
use std::path::Path;

use anchorite::tuf::any::AnyDocument;
use anchorite::tuf::digest::Digest;
use tempfile::TempDir;

use crate::changes_real::{Change, GOOD, GUN, audited, bring, published};
use crate::support::ceremony::Ceremony;
use crate::support::{clients, notary::NotaryServer, publishing, tuf};

const CUSTODIANS: [(&str, &str, &str); 3] = [
    ("root-a", "root-a2", "Custodian A"),
    ("root-b", "root-b2", "Custodian B"),
    ("root-c", "root-c2", "Custodian C"),
];

fn head(kind: &str, codename: &str, clients: &str) -> String {
    format!(
        "kind = \"{kind}\"\ntitle = \"A root goes on\"\ncodename = \"{codename}\"\nclients = {clients}\n"
    )
}

/// All three root keys move; the old ones sign beside the new ones.
fn moves(ceremony: &Ceremony, root: Digest, clients: &str, repository: &str, more: &str) -> Change {
    let also = "also_sign = [\"root-a\", \"root-b\", \"root-c\"]\n";
    let head = head("rotate-root", "KESTREL", clients);
    let mut change = Change::new(ceremony, "2", &head, root, also);
    change.push(repository);
    for (old, new, holder) in CUSTODIANS {
        change.here(ceremony, old, holder);
        change.made(new, holder, more);
    }
    change.role("root", "\"root-a2\", \"root-b2\", \"root-c2\"", 2, "10 years");
    change
}

/// The moved keys and that of targets sign later dates.
fn refreshes(
    ceremony: &Ceremony,
    root: Digest,
    clients: &str,
    repository: &str,
    signer: &str,
) -> Change {
    let head = head("refresh", "STARLING", clients);
    let mut change = Change::new(ceremony, "3", &head, root, "");
    change.push(repository);
    for (_, new, holder) in CUSTODIANS {
        change.here(ceremony, new, holder);
    }
    change.here(ceremony, signer, "Releaser");
    change.role("root", "\"root-a2\", \"root-b2\", \"root-c2\"", 2, "11 years");
    change.role("targets", &format!("{signer:?}"), 1, "4 years");
    change
}

const MOVING: [&str; 6] = ["root-a", "root-b", "root-c", "root-a2", "root-b2", "root-c2"];

#[test]
fn notary_and_docker_follow_when_every_root_key_moves_and_root_and_targets_are_refreshed() {
    let server = NotaryServer::start();
    let (ceremony, _) = published(&server);
    let old_client = TempDir::new().unwrap();
    clients::notary(&server, old_client.path(), &["list", GUN]).success();
    let repository = format!("\n[repository]\nname = \"{GUN}\"\ndialect = \"notary1\"\n");
    for round in ["2", "3"] {
        ceremony.media(round);
        for role in ["root", "targets"] {
            let bytes = server.document(GUN, role).unwrap();
            bring(&ceremony, round, &format!("before/{role}.json"), &bytes);
        }
        let root = AnyDocument::read(&server.document(GUN, "root").unwrap()).unwrap().digest();
        let clients = "[\"notary\", \"docker\"]";
        if round == "2" {
            let certificate = "certificate = { valid_for = \"28 years\" }\n";
            let change = moves(&ceremony, root, clients, &repository, certificate);
            change.hold(&ceremony, round, &["root"], &MOVING);
            audited(&ceremony, "KESTREL");
        } else {
            let change = refreshes(&ceremony, root, clients, &repository, "tagging");
            let signing = ["root-a2", "root-b2", "root-c2", "tagging"];
            change.hold(&ceremony, round, &["root", "targets"], &signing);
            audited(&ceremony, "STARLING");
        }
        let out = ceremony.at(&format!("OUT-{round}"));
        for script in ["publish/precheck", "publish/publish", "accept/accept"] {
            publishing::run_script(&out, script, &server, &[]).success();
        }
        assert!(clients::notary_list(&server, GUN).success().contains(GOOD));
        let between = TempDir::new().unwrap();
        clients::notary(&server, between.path(), &["list", GUN]).success();
    }
    let cached = clients::notary(&server, old_client.path(), &["list", GUN]).success();
    assert!(cached.contains(GOOD), "{cached}");
    assert!(clients::docker_trust_inspect(&server, GUN).success().contains(GOOD));
}

#[test]
fn python_tuf_follows_from_every_root_when_all_root_keys_move_and_everything_is_refreshed() {
    let mut ceremony = Ceremony::of("first-root-tuf1");
    ceremony.change("length = 1000", "length = 4");
    ceremony.hold("first-root-tuf1").success();
    let metadata = "updates.example.com/metadata";
    let served = ceremony.at("served");
    fs::create_dir(&served).unwrap();
    add(&ceremony.at("OUT").join(metadata), &served);
    let repository = "\n[repository]\nname = \"updates.example.com\"\ndialect = \"tuf1\"\nconsistent_snapshot = true\n";
    for (round, version) in [("2", 1), ("3", 2)] {
        ceremony.media(round);
        let newest = |role: &str| {
            let all = (1..=version).rev().map(|v| format!("{v}.{role}.json"));
            all.into_iter().find(|name| served.join(name).exists()).unwrap()
        };
        let roots = (1..=version).map(|v| format!("{v}.root.json"));
        let others = ["targets", "snapshot"].map(newest);
        for name in roots.chain(others).chain(["timestamp.json".to_owned()]) {
            let bytes = fs::read(served.join(&name)).unwrap();
            bring(&ceremony, round, &format!("before/{name}"), &bytes);
        }
        let root = fs::read(served.join("1.root.json")).unwrap();
        let root = AnyDocument::read(&root).unwrap().digest();
        let clients = "[\"python-tuf\"]";
        let (mut change, codename) = if round == "2" {
            (moves(&ceremony, root, clients, repository, ""), "KESTREL")
        } else {
            (refreshes(&ceremony, root, clients, repository, "release"), "STARLING")
        };
        change.here(&ceremony, "online", "Releaser");
        let (snapshot, timestamp) =
            if round == "2" { ("6 months", "14 days") } else { ("7 months", "15 days") };
        change.role("snapshot", "\"online\"", 1, snapshot);
        change.role("timestamp", "\"online\"", 1, timestamp);
        if round == "2" {
            let signing: Vec<&str> = MOVING.into_iter().chain(["online"]).collect();
            change.hold(&ceremony, round, &["root", "snapshot", "timestamp"], &signing);
        } else {
            let signing = ["root-a2", "root-b2", "root-c2", "release", "online"];
            let signed = ["root", "targets", "snapshot", "timestamp"];
            change.hold(&ceremony, round, &signed, &signing);
        }
        audited(&ceremony, codename);
        add(&ceremony.at(&format!("OUT-{round}")).join(metadata), &served);
    }
    let targets = ceremony.at("targets");
    fs::create_dir_all(targets.join("app")).unwrap();
    let file = format!("app/{}.app-1.0.tar.gz", Digest::of(b"test"));
    fs::write(targets.join(file), b"test").unwrap();
    let follows = |root: &str| {
        let downloads = TempDir::new().unwrap();
        let name = "app/app-1.0.tar.gz";
        tuf::ngclient(&served.join(root), &served, &targets, name, downloads.path())
    };
    for root in ["1.root.json", "2.root.json", "3.root.json"] {
        follows(root).success();
    }
    // Without the root in between nobody at the first one gets on.
    fs::copy(served.join("3.root.json"), served.join("2.root.json")).unwrap();
    follows("1.root.json").failure(1);
}

/// Puts the files of a folder on the server.
fn add(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

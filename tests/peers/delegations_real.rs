//! Delegations and targets changed for real, with age keys in one workspace, judged by notary, docker and python-tuf.

use std::fs;
use std::process::{Command, Stdio};

use anchorite::tuf::any::AnyDocument;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::Dialect;
use anchorite::tuf::name::RoleName;
use anchorite::tuf::root::Root;
use anchorite::tuf::signed::Signed;
use tempfile::TempDir;

use crate::changes_real::{
    Change, EVIL, GOOD, GUN, attacked, audited, bring, first_root_of_tuf, published,
};
use crate::support::ceremony::{Ceremony, PASSPHRASE};
use crate::support::command::run;
use crate::support::{clients, notary::NotaryServer, publishing, tuf};

const SECOND: &str = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";
const THIRD: &str = "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13";

fn head(kind: &str, codename: &str, clients: &str) -> String {
    format!(
        "kind = \"{kind}\"\ntitle = \"Who signs\"\ncodename = \"{codename}\"\nclients = {clients}\n"
    )
}

/// A change of what the server has, with these documents of delegations.
fn change(
    ceremony: &Ceremony,
    server: &NotaryServer,
    round: &str,
    (kind, codename): (&str, &str),
    below: &[&str],
) -> Change {
    ceremony.media(round);
    for role in ["root", "targets"].iter().chain(below) {
        let bytes = server.document(GUN, role).unwrap();
        bring(ceremony, round, &format!("before/{role}.json"), &bytes);
    }
    let root = AnyDocument::read(&server.document(GUN, "root").unwrap()).unwrap().digest();
    let head = head(kind, codename, "[\"notary\", \"docker\"]");
    let mut change = Change::new(ceremony, round, &head, root, "");
    change.push(&format!("\n[repository]\nname = \"{GUN}\"\ndialect = \"notary1\"\n"));
    change
}

fn delegation(name: &str, key: &str, more: &str) -> String {
    format!("\n[[delegations]]\nname = \"{name}\"\nkeys = [\"{key}\"]\nthreshold = 1\n{more}")
}

fn target(name: &str, length: usize, sha256: &str, role: &str) -> String {
    format!(
        "\n[[targets]]\nname = \"{name}\"\nlength = {length}\nsha256 = \"{sha256}\"\nrole = \"{role}\"\n"
    )
}

/// Uploads what a round signed, by the scripts of its export.
fn publish(ceremony: &Ceremony, server: &NotaryServer, round: &str) {
    let out = ceremony.at(&format!("OUT-{round}"));
    for script in ["publish/precheck", "publish/publish", "accept/accept"] {
        publishing::run_script(&out, script, server, &[]).success();
    }
}

#[test]
fn a_signer_is_added_gets_another_key_signs_alone_and_goes_before_the_eyes_of_notary_and_docker() {
    const ALL: &str = "paths = [\"\"]\nvalid_for = \"1 year\"\n";
    let server = NotaryServer::start();
    let (ceremony, _) = published(&server);
    let old_client = TempDir::new().unwrap();
    let cached = || clients::notary(&server, old_client.path(), &["list", GUN]).success();
    cached();

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
    for listed in [clients::notary_list(&server, GUN).success(), cached()] {
        assert!(listed.contains("v2") && listed.contains(SECOND), "{listed}");
        assert!(listed.contains(GOOD), "{listed}");
    }
    let inspected = clients::docker_trust_inspect(&server, GUN).success();
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
    for listed in [clients::notary_list(&server, GUN).success(), cached()] {
        assert!(listed.contains("v2") && listed.contains("targets/releases"), "{listed}");
    }

    // A tag through the delegation: neither root nor targets.
    let mut sign = change(&ceremony, &server, "4", ("sign-targets", "SISKIN"), &both);
    sign.here(&ceremony, "releases-2", "Custodian B");
    sign.push(&delegation("targets/releases", "releases-2", ALL));
    sign.push(&target("v3", 5, THIRD, "targets/releases"));
    let targets = server.document(GUN, "targets").unwrap();
    sign.hold(&ceremony, "4", &["targets/releases"], &["releases-2"]);
    publish(&ceremony, &server, "4");
    assert_eq!(server.document(GUN, "targets").unwrap(), targets);
    for listed in [clients::notary_list(&server, GUN).success(), cached()] {
        assert!(listed.contains("v3") && listed.contains(THIRD), "{listed}");
    }

    let mut gone = change(&ceremony, &server, "5", ("remove-delegation", "KITTIWAKE"), &both);
    gone.here(&ceremony, "tagging", "Releaser");
    gone.role("targets", "\"tagging\"", 1, "3 years");
    gone.push("\n[[remove]]\ndelegation = \"targets/alice\"\nreason = \"Alice left\"\n");
    gone.hold(&ceremony, "5", &["targets"], &["tagging"]);
    publish(&ceremony, &server, "5");
    for listed in [clients::notary_list(&server, GUN).success(), cached()] {
        assert!(listed.contains("v2") && listed.contains("v3"), "{listed}");
    }
    let inspected = clients::docker_trust_inspect(&server, GUN).success();
    assert!(!inspected.contains("\"alice\"") && inspected.contains(SECOND), "{inspected}");
}

/// The fingerprint of the only targets key of a Notary root.
fn targets_key(root: &[u8]) -> String {
    let root = Signed::<Root>::read(Dialect::Notary1, root).unwrap().peek().clone();
    let id = root.roles[&RoleName::targets()].keyids[0].clone();
    root.keys[&id].public.fingerprint().to_string()
}

#[test]
fn a_repository_of_the_real_client_whose_targets_key_leaked_is_mended_with_its_own_root_key() {
    let server = NotaryServer::start();
    let owner = TempDir::new().unwrap();
    let notary = |arguments: &[&str]| clients::notary(&server, owner.path(), arguments).success();
    notary(&["init", "-p", GUN]);
    notary(&["key", "rotate", GUN, "snapshot", "-r"]);
    notary(&["addhash", "-p", GUN, "v1", "4", "--sha256", GOOD]);
    let good = server.document(GUN, "targets").unwrap();
    attacked(&server, owner.path());
    assert!(clients::notary_list(&server, GUN).success().contains(EVIL));

    // The root key that the client made goes into a store of ours.
    let ceremony = Ceremony::of("first-root-notary1");
    let root_key = fs::read_dir(owner.path().join("private"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| fs::read_to_string(path).unwrap().contains("role: root"))
        .unwrap();
    fs::write(ceremony.at("old-and-new"), format!("old\t{PASSPHRASE}\nroot-a\t{PASSPHRASE}\n"))
        .unwrap();
    run(Command::new("sh")
        .args(["-c", "exec \"$0\" \"$@\" 3<old-and-new", env!("CARGO_BIN_EXE_anchorite")])
        .args(["key", "import", "--name", "root-a", "--workspace", "BOOK", "--passphrase-fd", "3"])
        .arg(&root_key)
        .current_dir(ceremony.at(""))
        .stdin(Stdio::null()))
    .success();

    ceremony.media("2");
    let root = server.document(GUN, "root").unwrap();
    bring(&ceremony, "2", "before/root.json", &root);
    for role in ["targets", "targets/releases"] {
        if let Some(bytes) = server.document(GUN, role) {
            bring(&ceremony, "2", &format!("before/{role}.json"), &bytes);
        }
    }
    bring(&ceremony, "2", "good/targets.json", &good);
    let head = head("rotate-tagging", "OSPREY", "[\"notary\", \"docker\"]");
    let digest = AnyDocument::read(&root).unwrap().digest();
    let mut change = Change::new(&ceremony, "2", &head, digest, "");
    change.push(&format!("\n[repository]\nname = \"{GUN}\"\ndialect = \"notary1\"\n"));
    change.push("\n[known_good]\nfile = \"good/targets.json\"\nform = \"targets\"\n");
    change.here(&ceremony, "root-a", "Custodian A");
    change.made("tagging-2", "Releaser", "");
    change.role("root", "\"root-a\"", 1, "10 years");
    change.role("targets", "\"tagging-2\"", 1, "3 years");
    change.push(&format!(
        "\n[[compromised]]\nfingerprint = \"{}\"\nreason = \"seen in a build log\"\n",
        targets_key(&root)
    ));
    change.push(
        "\n[[waivers]]\nfinding = \"threshold-one\"\nreason = \"as the client made it\"\nby = \"Administrator\"\n",
    );
    let said = change.hold(&ceremony, "2", &["root", "targets"], &["root-a", "tagging-2"]);
    assert!(said.contains("delegation targets/releases: added; undone"), "{said}");
    publish(&ceremony, &server, "2");
    let fresh = clients::notary_list(&server, GUN).success();
    let docker = clients::docker_trust_inspect(&server, GUN).success();
    for listed in [fresh, docker] {
        assert!(listed.contains(GOOD) && !listed.contains(EVIL), "{listed}");
    }
    let again = ["addhash", "-p", GUN, "evil", "4", "--sha256", EVIL];
    clients::notary(&server, owner.path(), &again).failure(1);
}

#[test]
fn python_tuf_finds_what_an_added_delegation_signs() {
    let (ceremony, first, root) = first_root_of_tuf();
    let head = head("add-delegation", "WAGTAIL", "[\"python-tuf\"]");
    let mut add = Change::new(&ceremony, "2", &head, root, "");
    add.push(
        "\n[repository]\nname = \"updates.example.com\"\ndialect = \"tuf1\"\nconsistent_snapshot = true\n",
    );
    add.here(&ceremony, "release", "Releaser");
    add.here(&ceremony, "online", "Releaser");
    add.made("docs", "Custodian A", "");
    add.role("targets", "\"release\"", 1, "1 year");
    add.role("snapshot", "\"online\"", 1, "6 months");
    add.role("timestamp", "\"online\"", 1, "14 days");
    let paths = "paths = [\"docs/*\"]\nterminating = true\nvalid_for = \"1 year\"\n";
    add.push(&delegation("docs", "docs", paths));
    add.push(&target("docs/guide.txt", 4, &Digest::of(b"read").to_string(), "docs"));
    let signed = ["targets", "docs", "snapshot", "timestamp"];
    add.hold(&ceremony, "2", &signed, &["release", "online", "docs"]);
    audited(&ceremony, "WAGTAIL");

    let served = ceremony.at("served");
    fs::create_dir(&served).unwrap();
    for folder in [&first, &ceremony.at("OUT-2").join("updates.example.com/metadata")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, served.join(path.file_name().unwrap())).unwrap();
        }
    }
    let targets = ceremony.at("targets");
    for (folder, name, content) in
        [("app", "app-1.0.tar.gz", "test"), ("docs", "guide.txt", "read")]
    {
        fs::create_dir_all(targets.join(folder)).unwrap();
        let file = format!("{folder}/{}.{name}", Digest::of(content.as_bytes()));
        fs::write(targets.join(file), content).unwrap();
        let downloads = TempDir::new().unwrap();
        let target = format!("{folder}/{name}");
        let root = served.join("1.root.json");
        tuf::ngclient(&root, &served, &targets, &target, downloads.path()).success();
    }
    let downloads = TempDir::new().unwrap();
    let root = served.join("1.root.json");
    tuf::ngclient(&root, &served, &targets, "docs/none.txt", downloads.path()).failure(1);
}

//! Repositories that the real clients made, taken over and changed with their own keys, which come into our stores.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anchorite::tuf::any::AnyDocument;
use anchorite::tuf::document::Dialect;
use anchorite::tuf::name::RoleName;
use anchorite::tuf::root::Root;
use anchorite::tuf::signed::Signed;
use tempfile::TempDir;

use crate::changes_real::{
    Change, EVIL, GOOD, GUN, attacked, audited, bring, compromised, from_served, from_server,
    publish, server_key,
};
use crate::support::ceremony::{Ceremony, PASSPHRASE};
use crate::support::clients::{self, Watchers};
use crate::support::command::run;
use crate::support::tuf::Served;
use crate::support::{notary::NotaryServer, publishing, tuf};

const SECOND: &str = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";

/// Takes a key of another program into the book.
fn import(ceremony: &Ceremony, file: &Path, name: &str) {
    let secrets = format!("old\t{PASSPHRASE}\n{name}\t{PASSPHRASE}\n");
    fs::write(ceremony.at("old-and-new"), secrets).unwrap();
    run(Command::new("sh")
        .args(["-c", "exec \"$0\" \"$@\" 3<old-and-new", env!("CARGO_BIN_EXE_anchorite")])
        .args(["key", "import", "--name", name, "--workspace", "BOOK", "--passphrase-fd", "3"])
        .arg(file)
        .current_dir(ceremony.at(""))
        .stdin(Stdio::null()))
    .success();
}

/// The file of the key that a notary client made for a role.
fn key_of(trust: &Path, role: &str) -> PathBuf {
    let line = format!("role: {role}\n");
    fs::read_dir(trust.join("private"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| fs::read_to_string(path).unwrap().contains(&line))
        .unwrap()
}

/// Takes what the server has over as it is, by what `plan fetch` fetches, with all its history.
fn adopt(ceremony: &Ceremony, server: &NotaryServer, round: &str) {
    ceremony.media(round);
    fs::write(ceremony.at("fetch"), ceremony.program(&["plan", "fetch"]).success()).unwrap();
    let into = ceremony.at("fetched");
    let more = ["--gun", GUN, "--history", "yes", "--into", into.to_str().unwrap()];
    publishing::run_script(&ceremony.at(""), "fetch", server, &more).success();
    let list = fs::read_to_string(into.join("SHA256SUMS")).unwrap();
    let files: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split("  ").nth(1)?.strip_prefix(&format!("{GUN}/")))
        .filter(|name| name.strip_suffix(".json").is_some())
        .collect();
    for name in &files {
        let bytes = fs::read(into.join(GUN).join(name)).unwrap();
        bring(ceremony, round, &format!("before/{name}"), &bytes);
    }
    let first = files.iter().find(|name| **name == "1.root.json").unwrap_or(&"root.json");
    let first = fs::read(into.join(GUN).join(first)).unwrap();
    let digest = AnyDocument::read(&first).unwrap().digest();
    let head = "kind = \"adopt\"\ntitle = \"A repository that exists\"\ncodename = \"PUFFIN\"\n\
                clients = [\"notary\", \"docker\"]\n";
    let mut change = Change::new(ceremony, round, head, digest, "");
    change.push(&format!("\n[repository]\nname = \"{GUN}\"\ndialect = \"notary1\"\n"));
    change.hold(ceremony, round, &[], &[]);
    audited(ceremony, "PUFFIN");
    // Every root, and what is current, byte for byte.
    let trust = ceremony.at("BOOK/trust").join(GUN);
    for name in files.iter().filter(|name| !name.ends_with(".targets.json")) {
        let given = fs::read(into.join(GUN).join(name)).unwrap();
        let version = AnyDocument::read(&given).unwrap().version();
        let names = [(*name).to_owned(), format!("{version}.{name}")];
        let taken = names.iter().find_map(|name| fs::read(trust.join(name)).ok());
        assert!(taken == Some(given), "{name}: not taken over byte for byte");
    }
}

/// The fingerprint of the only targets key of a Notary root.
fn targets_key(root: &[u8]) -> String {
    let root = Signed::<Root>::read(Dialect::Notary1, root).unwrap().peek().clone();
    let id = root.roles[&RoleName::targets()].keyids[0].clone();
    root.keys[&id].public.fingerprint().to_string()
}

const THRESHOLD_ONE: &str = "\n[[waivers]]\nfinding = \"threshold-one\"\nreason = \"as the client made it\"\n\
                             by = \"Administrator\"\n";

#[test]
fn a_repository_of_the_real_client_is_adopted_mended_after_a_leak_and_gets_a_root_of_three() {
    let server = NotaryServer::start();
    let owner = TempDir::new().unwrap();
    let notary = |arguments: &[&str]| clients::notary(&server, owner.path(), arguments).success();
    let mut watchers = Watchers::new(&server, GUN);
    notary(&["init", "-p", GUN]);
    notary(&["addhash", "-p", GUN, "v1", "4", "--sha256", GOOD]);
    watchers.look();
    notary(&["key", "rotate", GUN, "snapshot", "-r"]);
    // Somebody signs releases, with a key of their own.
    let at = |name: &str| owner.path().join(name).to_str().unwrap().to_owned();
    let (key, certificate) = (at("releaser.key"), at("releaser.pem"));
    run(Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "900"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=releaser"])
        .args(["-keyout", &key, "-out", &certificate]))
    .success();
    notary(&["key", "import", &key, "--role", "releaser"]);
    notary(&["delegation", "add", "-p", GUN, "targets/releases", &certificate, "--all-paths"]);
    notary(&["addhash", "-p", "-r", "targets/releases", GUN, "v2", "4", "--sha256", SECOND]);
    let see = |all: &[String]| {
        for seen in all {
            assert!(seen.contains(GOOD) && seen.contains(SECOND), "{seen}");
            assert!(!seen.contains(EVIL), "{seen}");
        }
    };
    see(&watchers.look());
    let good = server.document(GUN, "targets").unwrap();
    let releases = server.document(GUN, "targets/releases").unwrap();
    attacked(&server, owner.path());
    assert!(watchers.look().iter().all(|seen| seen.contains(EVIL)));

    let ceremony = Ceremony::of("first-root-notary1");
    adopt(&ceremony, &server, "2");
    import(&ceremony, &key_of(owner.path(), "root"), "root-a");
    ceremony.media("3");
    bring(&ceremony, "3", "good/targets.json", &good);
    let below = ["targets/releases"];
    let mut mend = from_server(&ceremony, &server, "3", ("rotate-tagging", "OSPREY"), &below, &[]);
    mend.push("\n[known_good]\nfile = \"good/targets.json\"\nform = \"targets\"\n");
    mend.here(&ceremony, "root-a", "Custodian A");
    mend.made("tagging-2", "Releaser", "");
    mend.role("root", "\"root-a\"", 1, "10 years");
    mend.role("targets", "\"tagging-2\"", 1, "3 years");
    mend.push(&format!(
        "\n[[compromised]]\nfingerprint = \"{}\"\nreason = \"seen in a build log\"\n",
        targets_key(&server.document(GUN, "root").unwrap())
    ));
    mend.push(THRESHOLD_ONE);
    let said = mend.hold(&ceremony, "3", &["root", "targets"], &["root-a", "tagging-2"]);
    // The thief put a key of their own beside the releaser's.
    assert!(said.contains("delegation targets/releases: changed; undone"), "{said}");
    audited(&ceremony, "OSPREY");
    publish(&ceremony, &server, "3");
    see(&watchers.look());
    assert_eq!(server.document(GUN, "targets/releases").unwrap(), releases);
    let again = ["addhash", "-p", GUN, "evil", "4", "--sha256", EVIL];
    clients::notary(&server, owner.path(), &again).failure(1);

    // Three people in the place of one; the key that the client made signs once more.
    ceremony.media("4");
    let mut three =
        from_server(&ceremony, &server, "4", ("rotate-root", "CURLEW"), &below, &["root-a"]);
    three.here(&ceremony, "root-a", "Custodian A");
    for (key, holder) in [("one", "Custodian A"), ("two", "Custodian B"), ("three", "Custodian C")]
    {
        three.made(key, holder, "certificate = { valid_for = \"28 years\" }\n");
    }
    three.role("root", "\"one\", \"two\", \"three\"", 2, "10 years");
    three.hold(&ceremony, "4", &["root"], &["root-a", "one", "two", "three"]);
    audited(&ceremony, "CURLEW");
    publish(&ceremony, &server, "4");
    see(&watchers.look());
    // Those that saw the first root, the second, the thief's targets, and each change of ours.
    let woken = watchers.wake();
    assert_eq!(woken.len(), 5);
    see(&woken);
    // The releaser goes on with what they have.
    notary(&["reset", GUN, "--all"]);
    notary(&["addhash", "-p", "-r", "targets/releases", GUN, "v3", "4", "--sha256", GOOD]);
    assert!(clients::notary_list(&server, GUN).success().contains("v3"));
}

#[test]
fn a_snapshot_key_of_the_real_client_signs_each_change_until_the_server_takes_over() {
    let server = NotaryServer::start();
    let owner = TempDir::new().unwrap();
    let notary = |arguments: &[&str]| clients::notary(&server, owner.path(), arguments).success();
    let mut watchers = Watchers::new(&server, GUN);
    let see = |all: &[String]| assert!(all.iter().all(|seen| seen.contains(GOOD)), "{all:?}");
    notary(&["init", "-p", GUN]);
    notary(&["addhash", "-p", GUN, "v1", "4", "--sha256", GOOD]);
    see(&watchers.look());

    let ceremony = Ceremony::of("first-root-notary1");
    adopt(&ceremony, &server, "2");
    for (role, name) in [("root", "root-a"), ("targets", "tagging"), ("snapshot", "snapshot")] {
        import(&ceremony, &key_of(owner.path(), role), name);
    }
    ceremony.media("3");
    let below = ["snapshot"];
    let mut rotate =
        from_server(&ceremony, &server, "3", ("rotate-tagging", "OSPREY"), &below, &[]);
    rotate.here(&ceremony, "root-a", "Custodian A");
    rotate.here(&ceremony, "snapshot", "Releaser");
    rotate.made("tagging-2", "Releaser", "");
    rotate.role("root", "\"root-a\"", 1, "10 years");
    rotate.role("targets", "\"tagging-2\"", 1, "3 years");
    rotate.closes("snapshot");
    rotate.push(&compromised(&ceremony, "tagging"));
    rotate.push(THRESHOLD_ONE);
    // No state is known to be good: everything is read.
    let read = ["every-delegation", "every-target", "root", "targets"];
    rotate.hold(&ceremony, "3", &read, &["root-a", "tagging-2"]);
    audited(&ceremony, "OSPREY");
    publish(&ceremony, &server, "3");
    see(&watchers.look());

    // A tag: targets, and the snapshot that names them.
    ceremony.media("5");
    let mut sign = from_server(&ceremony, &server, "5", ("sign-targets", "SISKIN"), &below, &[]);
    sign.here(&ceremony, "tagging-2", "Releaser");
    sign.here(&ceremony, "snapshot", "Releaser");
    sign.role("targets", "\"tagging-2\"", 1, "3 years");
    sign.closes("snapshot");
    sign.push(&format!("\n[[targets]]\nname = \"v2\"\nlength = 4\nsha256 = \"{SECOND}\"\n"));
    sign.hold(&ceremony, "5", &["targets"], &["tagging-2"]);
    publish(&ceremony, &server, "5");
    assert!(watchers.look().iter().all(|seen| seen.contains(SECOND)));

    // From now on the server signs snapshots, and whoever has a delegation can publish alone.
    ceremony.media("4");
    let key = server.new_key(GUN, "snapshot");
    bring(&ceremony, "4", "new/snapshot.key", &key);
    let mut online = from_server(&ceremony, &server, "4", ("rotate-online", "SWIFT"), &below, &[]);
    online.here(&ceremony, "root-a", "Custodian A");
    online.push(&server_key("server-snapshot", "new/snapshot.key", &key));
    online.role("root", "\"root-a\"", 1, "10 years");
    online.push(
        "\n[roles.snapshot]\nkeys = [\"server-snapshot\"]\nthreshold = 1\nsigned = \"online\"\n",
    );
    online.push(THRESHOLD_ONE);
    online.hold(&ceremony, "4", &["root"], &["root-a"]);
    audited(&ceremony, "SWIFT");
    publish(&ceremony, &server, "4");
    see(&watchers.look());
    let woken = watchers.wake();
    assert_eq!(woken.len(), 4);
    see(&woken);
}

#[test]
fn a_repository_of_the_python_library_is_adopted_and_changed_with_its_own_keys() {
    const METADATA: &str = "updates.example.com/metadata";
    let made = TempDir::new().unwrap();
    let theirs = made.path().join("theirs");
    tuf::make_repository(&theirs, "app.txt", "hello");
    let served = Served::of(&theirs.join("metadata"));
    served.target("app.txt", "hello");
    served.all_find("app.txt");

    let ceremony = Ceremony::of("first-root-tuf1");
    ceremony.media("2");
    let change = from_served(&ceremony, &served, "2", ("adopt", "PUFFIN"), &[]);
    change.hold(&ceremony, "2", &[], &[]);
    audited(&ceremony, "PUFFIN");
    for name in served.newest() {
        let given = fs::read(served.metadata().join(&name)).unwrap();
        let taken = fs::read(ceremony.at("BOOK/trust/updates.example.com").join(&name)).unwrap();
        assert!(taken == given, "{name}: not taken over byte for byte");
    }

    for (file, name) in
        [("root-1", "root-a"), ("root-2", "root-b"), ("targets-1", "release"), ("online", "online")]
    {
        import(&ceremony, &theirs.join("keys").join(format!("{file}.pem")), name);
    }
    // A third person, so that one key may be lost.
    ceremony.media("3");
    let mut third = from_served(&ceremony, &served, "3", ("rotate-root", "CURLEW"), &[]);
    third.here(&ceremony, "root-a", "Custodian A");
    third.here(&ceremony, "root-b", "Custodian B");
    third.made("root-c", "Custodian C", "");
    third.role("root", "\"root-a\", \"root-b\", \"root-c\"", 2, "2 years");
    third.hold(&ceremony, "3", &["root"], &["root-a", "root-b", "root-c"]);
    audited(&ceremony, "CURLEW");
    served.add(&ceremony.at("OUT-3").join(METADATA));
    served.all_find("app.txt");

    ceremony.media("4");
    let mut leaked = from_served(&ceremony, &served, "4", ("rotate-tagging", "OSPREY"), &[]);
    leaked.push("\n[known_good]\nfile = \"before/1.targets.json\"\nform = \"targets\"\n");
    for (key, holder) in
        [("root-a", "Custodian A"), ("root-b", "Custodian B"), ("root-c", "Custodian C")]
    {
        leaked.here(&ceremony, key, holder);
    }
    leaked.here(&ceremony, "online", "Releaser");
    leaked.made("release-2", "Releaser", "");
    leaked.role("root", "\"root-a\", \"root-b\", \"root-c\"", 2, "2 years");
    leaked.role("targets", "\"release-2\"", 1, "1 year");
    leaked.role("snapshot", "\"online\"", 1, "6 months");
    leaked.role("timestamp", "\"online\"", 1, "14 days");
    leaked.push(&compromised(&ceremony, "release"));
    let signed = ["root", "targets", "snapshot", "timestamp"];
    let signing = ["root-a", "root-b", "root-c", "online", "release-2"];
    leaked.hold(&ceremony, "4", &signed, &signing);
    audited(&ceremony, "OSPREY");
    served.add(&ceremony.at("OUT-4").join(METADATA));
    assert_eq!(served.roots().len(), 3);
    served.all_find("app.txt");
}

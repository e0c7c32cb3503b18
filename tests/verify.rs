//! `anchorite verify`, as people run it: both dialects, every verdict, and what is said to do.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use anchorite::tuf::time::Timestamp;
use support::command::{Ran, in_package, run};
use support::notary_repo::{Cert, Files, Plan, days, role, signed_by};
use support::notary_variants::{Variant, variants};
use tempfile::TempDir;

const GUN: &str = "registry.example.com/team/app";
const NOON: &str = "2026-12-01T12:00:00Z";

fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

fn write(folder: &Path, files: &Files) {
    for (name, bytes) in files {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }
}

fn folder(files: &Files) -> TempDir {
    let folder = TempDir::new().unwrap();
    write(folder.path(), files);
    folder
}

/// `anchorite verify DIR --at NOON` and more.
fn verify(folder: &Path, more: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anchorite"));
    command.env_remove("ANCHORITE_WORKSPACE").arg("verify").arg(folder);
    run(command.args(["--at", NOON]).args(more))
}

#[track_caller]
fn says(ran: Ran, code: i32, words: &[&str]) -> String {
    let said = if code == 0 { ran.success() } else { ran.failure(code) };
    for word in words {
        assert!(said.contains(word), "expected {word:?} in:\n{said}");
    }
    said
}

fn plan() -> Plan {
    Plan::new(GUN, noon())
}

fn variant(name: &str) -> (TempDir, String) {
    static ALL: LazyLock<Vec<Variant>> = LazyLock::new(|| variants(noon()));
    let found = ALL.iter().find(|variant| variant.name == name).unwrap();
    (folder(&found.files), found.gun.clone())
}

/// What the real server served over its whole history: the last documents, and every root.
fn served_by_notary() -> TempDir {
    let meta = in_package("tests/data/notary-v1/meta");
    let copy = TempDir::new().unwrap();
    for version in 1..=6 {
        let name = format!("{version}.root.json");
        fs::copy(meta.join(&name), copy.path().join(&name)).unwrap();
    }
    fs::create_dir(copy.path().join("targets")).unwrap();
    for name in ["root", "targets", "snapshot", "timestamp", "targets/releases", "targets/alice"] {
        let name = format!("{name}.json");
        fs::copy(meta.join("10-witness").join(&name), copy.path().join(&name)).unwrap();
    }
    copy
}

#[test]
fn what_the_real_server_served_is_accepted_by_a_client_at_every_root() {
    let copy = served_by_notary();
    let more = ["--gun", "example.com/team/app", "--target", "v1"];
    let said = says(verify(copy.path(), &more), 0, &["PASS: all 7 clients", "v1 by targets"]);
    for version in 1..=6 {
        assert!(said.contains(&format!("[ok] a client at root {version}")), "{said}");
    }
    assert!(said.contains("root 1, 2, 3, 4 did not sign the newest root too"), "{said}");
    assert!(said.contains("first on 2036-11-20"), "{said}");
}

#[test]
fn a_clients_cache_without_numbered_roots_is_enough() {
    let meta = in_package("tests/data/notary-v1/meta/04-releases");
    says(verify(&meta, &[]), 0, &["PASS: a fresh client", "--gun GUN", "targets/releases.json"]);
}

#[test]
fn the_python_librarys_repository_is_accepted_and_a_touched_one_is_not() {
    let outer = TempDir::new().unwrap();
    support::tuf::make_repository(outer.path(), "app.txt", "hello");
    let metadata = outer.path().join("metadata");
    let now = ["verify", metadata.to_str().unwrap()];
    let program =
        |more: &[&str]| run(Command::new(env!("CARGO_BIN_EXE_anchorite")).args(now).args(more));
    says(program(&["--target", "app.txt"]), 0, &["tuf1, as a fresh client", "PASS"]);
    says(program(&["--target", "none"]), 3, &["nobody signs the target none", "1 targets"]);
    says(program(&["--gun", GUN]), 2, &["--gun, --pin and --pin-ca are for Notary"]);
    let path = metadata.join("1.targets.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("app.txt", "bad.txt")).unwrap();
    says(program(&[]), 3, &["[NO] 1.targets.json", "a fresh client refuses 1.targets.json"]);
}

#[test]
fn a_digest_that_people_compared_must_be_that_of_a_root_that_is_there() {
    let good = folder(&plan().files());
    let stranger = "1".repeat(64);
    says(
        verify(good.path(), &["--root-digest", &stranger]),
        3,
        &["expected the root 1111", "found "],
    );
    let said = verify(good.path(), &[]).success();
    let digest = said.lines().find_map(|line| line.strip_prefix("root 1   ")).unwrap().to_owned();
    says(verify(good.path(), &["--root-digest", &digest]), 0, &["compared"]);
    let other = Plan::new("registry.example.com/other", noon()).files();
    let other = folder(&other);
    let named = other.path().join("root.json");
    let more = ["--root", named.to_str().unwrap(), "--root-digest", &digest];
    says(verify(good.path(), &more), 3, &["expected the root"]);
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_what_to_do() {
    let files = plan().files();
    let linked = folder(&files);
    let targets = linked.path().join("targets.json");
    fs::rename(&targets, linked.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", &targets).unwrap();
    says(verify(linked.path(), &[]), 2, &["targets.json: it is a link", "plain file"]);

    let torn = folder(&files);
    fs::write(torn.path().join("targets.json"), &files["targets.json"][..99]).unwrap();
    let online = Plan { ..plan() };
    let mut again = files.clone();
    again.insert("targets.json".to_owned(), files["targets.json"][..99].to_vec());
    online.online(&mut again);
    let torn_whole = folder(&again);
    says(verify(torn.path(), &[]), 2, &["not strict JSON", "Fetch it again"]);
    says(verify(torn_whole.path(), &[]), 2, &["targets.json", "not strict JSON"]);

    let empty = TempDir::new().unwrap();
    says(verify(empty.path(), &[]), 2, &["there is no root in", "--root FILE"]);
    says(verify(&empty.path().join("none"), &[]), 2, &["is not a folder with documents"]);
    fs::write(empty.path().join("root.json"), "{}").unwrap();
    says(verify(empty.path(), &[]), 2, &["is no document of TUF or Notary", "`signed`"]);
    fs::write(empty.path().join("root.json"), &files["targets.json"]).unwrap();
    says(verify(empty.path(), &[]), 2, &["expected a root in", "found targets"]);
}

#[test]
fn metadata_of_the_other_dialect_is_told() {
    let mixed = folder(&plan().files());
    let tuf = r#"{"signatures":[],"signed":{"_type":"targets","expires":"2030-01-01T00:00:00Z","spec_version":"1.0.0","targets":{},"version":1}}"#;
    fs::write(mixed.path().join("targets.json"), tuf).unwrap();
    says(
        verify(mixed.path(), &[]),
        2,
        &["expected a notary1 targets document, found tuf1 targets"],
    );
    let outer = TempDir::new().unwrap();
    support::tuf::make_repository(outer.path(), "app.txt", "hello");
    fs::copy(outer.path().join("metadata/1.root.json"), mixed.path().join("9.root.json")).unwrap();
    says(verify(mixed.path(), &[]), 2, &["found", "one repository, of one dialect"]);
}

#[test]
fn a_target_that_nobody_signs_and_one_that_two_roles_sign_differently_are_told() {
    let plan = plan().with("targets/releases", role(&["team"], 1), Some(&[""]), &["v1", "v2"]);
    let both = folder(&plan.files());
    says(verify(both.path(), &["--target", "v3"]), 3, &["nobody signs the target v3", "3 targets"]);
    let said = says(
        verify(both.path(), &["--target", "v1"]),
        0,
        &["v1 by targets/releases", "v1 by targets:"],
    );
    assert!(!said.contains("different things"), "{said}");
    assert!(said.find("v1 by targets/releases") < said.find("v1 by targets:"), "{said}");
    let prefixed =
        self::plan().with("targets/releases", role(&["team"], 1), Some(&["prod-"]), &["v2"]);
    let hidden = folder(&prefixed.files());
    says(
        verify(hidden.path(), &["--target", "v2"]),
        3,
        &["nobody signs the target v2", "hidden from clients"],
    );
}

#[test]
fn pending_documents_cannot_be_told_unless_they_are_expected() {
    let offline = folder(&plan().offline());
    says(
        verify(offline.path(), &[]),
        5,
        &["cannot tell: snapshot.json, timestamp.json", "--before-upload"],
    );
    says(verify(offline.path(), &["--before-upload"]), 0, &["PASS so far; pending: snapshot.json"]);
    let mut files = plan().files();
    files.remove("snapshot.json");
    says(verify(folder(&files).path(), &[]), 5, &["cannot tell: snapshot.json is not there"]);
    // What is wrong beats what cannot be told.
    let mut bad = plan();
    bad.targets = signed_by(&["targets"], 1, &["stranger"]);
    let bad = folder(&bad.offline());
    says(
        verify(bad.path(), &["--before-upload"]),
        3,
        &["refuses targets.json", "0 of 1", "must sign"],
    );
}

#[test]
fn a_dropped_subtree_is_refused_by_us_and_the_report_says_that_clients_only_warn() {
    let (dropped, gun) = variant("delegation-by-one-of-two");
    let words = ["[NO] targets/releases.json", "REFUSED by us", "warns, and ends with 0"];
    let said = says(verify(dropped.path(), &["--gun", &gun]), 3, &words);
    assert!(said.contains("[ok] targets.json"), "{said}");
    let (fatal, gun) = variant("targets-expired");
    says(verify(fatal.path(), &["--gun", &gun]), 3, &["targets expired", "clients stop here"]);
    let (ours, gun) = variant("target-without-hash");
    says(verify(ours.path(), &["--gun", &gun]), 3, &["by us alone"]);
}

#[test]
fn the_client_that_is_locked_out_is_named_with_what_to_do() {
    let (chain, gun) = variant("held-expired-two-behind");
    let words = [
        "[ok] a fresh client",
        "[NO] a client at root 1",
        "locked out: root 1 expired",
        "sign the newest root too",
    ];
    says(verify(chain.path(), &["--gun", &gun]), 3, &words);
    let (chain, gun) = variant("held-expired-legacy");
    says(
        verify(chain.path(), &["--gun", &gun]),
        0,
        &["PASS: all 4 clients", "go straight to root 3"],
    );
    let (chain, gun) = variant("version-skipped");
    says(
        verify(chain.path(), &["--gun", &gun]),
        3,
        &["expected root version 2, found 3", "one at a time"],
    );
}

#[test]
fn bytes_that_a_server_would_write_otherwise_are_refused_unless_an_own_snapshot_names_them() {
    let mut files = plan().offline();
    files.get_mut("targets.json").unwrap().push(b'\n');
    let before = folder(&files);
    let words = ["not as Notary itself would write it", "Do not upload it"];
    says(verify(before.path(), &["--before-upload"]), 3, &words);
    plan().online(&mut files);
    says(
        verify(folder(&files).path(), &[]),
        0,
        &["[!!] targets.json", "own snapshot names these bytes"],
    );
}

#[test]
fn pins_are_those_of_a_first_contact() {
    let three = ["root-a", "root-b", "root-c"].map(|label| Cert::new(label, GUN, noon()));
    let files = plan().with_root(&three, 2).files();
    let ids = three.each_ref().map(|cert| support::notary_repo::list(&cert.pem()).0.to_string());
    let three = folder(&files);
    let one = ["--gun", GUN, "--pin", &ids[0]];
    says(
        verify(three.path(), &one),
        3,
        &["the client pins others", "pin as many as the threshold wants"],
    );
    let two = ["--gun", GUN, "--pin", &ids[0], "--pin", &ids[2]];
    says(verify(three.path(), &two), 0, &["PASS"]);
    says(verify(three.path(), &["--pin", "abc"]), 2, &["not a certificate id", "64 hex digits"]);
    let (signed, gun) = variant("authority-pinned");
    let mut ca = Cert::new("ca", "An authority", noon());
    ca.authority = true;
    let file = signed.path().join("ca.pem");
    fs::write(&file, ca.pem()).unwrap();
    let more = ["--gun", gun.as_str(), "--pin-ca", file.to_str().unwrap()];
    says(verify(signed.path(), &more), 0, &["PASS"]);
    says(
        verify(three.path(), &["--pin-ca", file.to_str().unwrap()]),
        3,
        &["the client pins others"],
    );
}

#[test]
fn other_repositories_for_which_the_same_bytes_are_valid_are_named() {
    let own = folder(&plan().files());
    let known = TempDir::new().unwrap();
    // The same keys under another name: the targets fit; the root does not, because of its certificate.
    write(&known.path().join("shared"), &Plan::new("registry.example.com/shared", noon()).files());
    let mut other = Plan::new("registry.example.com/own-keys", noon());
    other.targets = role(&["other"], 1);
    write(&known.path().join("own-keys"), &other.files());
    write(&known.path().join("same"), &plan().files());
    let path = known.path().to_str().unwrap();
    let said = says(verify(own.path(), &["--gun", GUN, "--known", path]), 0, &["PASS"]);
    let told: Vec<_> = said.lines().filter(|line| line.contains("also valid for")).collect();
    assert_eq!(told.len(), 1, "{said}");
    assert!(told[0].contains("the targets") && told[0].contains("/shared:"), "{said}");
    assert!(said.contains("compared with 2 other repositories"), "{said}");

    fs::remove_dir_all(known.path().join("same")).unwrap();
    let wild = plan().with_root(&[Cert::new("wild", "registry.example.com/*", noon())], 1);
    let wild = folder(&wild.files());
    let said = verify(wild.path(), &["--gun", GUN, "--known", path]).success();
    let first = said.lines().filter(|line| line.contains("first time would take this root"));
    assert_eq!(first.count(), 2, "{said}");
}

#[test]
fn the_report_as_json_has_every_client_and_every_document() {
    let (chain, gun) = variant("held-expired-two-behind");
    let said = verify(chain.path(), &["--gun", &gun, "--json", "--target", "v1"]);
    assert_eq!(said.code, Some(3));
    let report: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(report["anchorite"], 1);
    assert_eq!(report["kind"], "verify");
    assert_eq!(report["dialect"], "notary1");
    assert_eq!(report["result"], "fail");
    assert_eq!(report["exit"], 3);
    assert_eq!(report["at"], NOON);
    let clients = report["clients"].as_array().unwrap();
    let told: Vec<_> = clients
        .iter()
        .map(|c| (c["client"].as_str().unwrap(), c["accepts"].as_bool().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("a fresh client", true),
            ("a client at root 1", false),
            ("a client at root 2", true),
            ("a client at root 3", true)
        ]
    );
    assert_eq!(clients[1]["steps"][0]["verdict"], "refused");
    assert_eq!(report["target"]["signed_by"][0]["role"], "targets");
    let documented = fs::read_to_string(in_package("docs/verify.md")).unwrap();
    for member in report.as_object().unwrap().keys().chain(clients[1].as_object().unwrap().keys()) {
        assert!(documented.contains(&format!("`{member}`")), "{member} is not in docs/verify.md");
    }
}

#[test]
fn a_numbered_root_of_another_version_is_told() {
    let mut files = plan().files();
    let root = files.remove("1.root.json").unwrap();
    files.insert("2.root.json".to_owned(), root);
    says(verify(folder(&files).path(), &[]), 3, &["expected version 2 in 2.root.json, found 1"]);
    let root = files.remove("2.root.json").unwrap();
    files.insert("1.root.json".to_owned(), root);
    says(verify(folder(&files).path(), &[]), 0, &["PASS"]);
}

#[test]
fn the_root_and_the_name_of_another_repository_are_refused_and_the_own_are_not() {
    let own = folder(&plan().files());
    says(verify(own.path(), &["--gun", "registry.example.com/other"]), 3, &["root.json"]);
    says(verify(own.path(), &["--gun", GUN]), 0, &["PASS"]);
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for outer in [&one, &other] {
        support::tuf::make_repository(outer.path(), "app.txt", "hello");
    }
    let metadata = one.path().join("metadata");
    let with = |root: &TempDir| {
        let root = root.path().join("metadata/1.root.json");
        let mut command = Command::new(env!("CARGO_BIN_EXE_anchorite"));
        run(command.arg("verify").arg(&metadata).arg("--root").arg(root))
    };
    says(with(&other), 3, &["a client that holds the named root refuses timestamp.json"]);
    says(with(&one), 0, &["PASS"]);
}

#[test]
fn a_certificate_that_ends_soon_and_a_root_that_expires_soon_are_told() {
    let mut soon = plan();
    soon.root.expires = days(noon(), 90);
    says(verify(folder(&soon.files()).path(), &[]), 0, &["`notary publish` wants the root key"]);
    let (soon, gun) = variant("ends-soon");
    says(
        verify(soon.path(), &["--gun", &gun]),
        0,
        &["[!!] root.json", "then its key counts no more"],
    );
}

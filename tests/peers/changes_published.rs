//! The shell scripts of an export that changes repositories, one or many, against a real server.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use anchorite::ceremony::export::{self, Start};
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::roster::Roster;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::wire::notary1;
use tempfile::TempDir;

use crate::support::clients;
use crate::support::command::run;
use crate::support::notary::NotaryServer;
use crate::support::publishing::{command, foreign_export, results, run_script};

const GUN: &str = "registry.example.com/team/app";

/// Repositories whose first root is published, and the export that changes them all.
fn changed(folder: &TempDir, server: &NotaryServer, guns: &[&str]) -> PathBuf {
    for gun in guns {
        foreign_export(folder.path(), server, gun, "changed");
    }
    run_script(&folder.path().join("OUT-BEFORE"), "publish/publish", server, &["--accept", "no"])
        .success();
    folder.path().join("OUT")
}

/// An export of first roots.
fn new(folder: &TempDir, server: &NotaryServer, guns: &[&str]) -> PathBuf {
    for gun in guns {
        foreign_export(folder.path(), server, gun, "exact");
    }
    folder.path().join("OUT")
}

/// The detail of the last line of RESULT.
fn last(out: &Path) -> String {
    results(out).pop().unwrap()[3].clone()
}

/// `GUN step outcome` of each line of RESULT.
fn told(out: &Path) -> Vec<String> {
    results(out).into_iter().map(|line| line[..3].join(" ")).collect()
}

/// A program of this name that runs before the real one, found in a folder that is first on the path.
fn instead(folder: &TempDir, program: &str, script: &str) -> std::ffi::OsString {
    let bin = folder.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let path = bin.join(program);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let rest = std::env::var_os("PATH").unwrap();
    std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&rest))).unwrap()
}

fn real_curl() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|bin| bin.join("curl")).find(|curl| curl.exists()).unwrap()
}

#[test]
fn a_change_is_checked_published_and_accepted_where_the_server_is_as_at_the_start() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let out = changed(&folder, &server, &[GUN]);

    run_script(&out, "publish/precheck", &server, &[]).success();
    assert!(last(&out).contains("the server is as at the ceremony's start"), "{}", last(&out));
    run_script(&out, "accept/accept", &server, &["--client", "notary"]).failure(1);
    run_script(&out, "publish/publish", &server, &[]).success();
    assert!(last(&out).contains("uploaded in one request"));
    run_script(&out, "accept/accept", &server, &[]).success();
    run_script(&out, "publish/precheck", &server, &[]).success();
    assert!(last(&out).contains("already published"));
    assert!(clients::notary_list(&server, GUN).success().contains("v2 "));
}

#[test]
fn a_server_that_changed_meanwhile_is_told_before_and_nothing_is_uploaded() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let out = changed(&folder, &server, &[GUN]);
    let other = folder.path().join("OUT-OTHER");
    run_script(&other, "publish/publish", &server, &[]).success();

    for script in ["publish/precheck", "publish/publish"] {
        run_script(&out, script, &server, &[]).failure(1);
        assert!(
            last(&out).contains("the server changed since the ceremony began"),
            "{}",
            last(&out)
        );
    }
    let theirs = fs::read(other.join("app/root.json")).unwrap();
    assert_eq!(server.document(GUN, "root").unwrap(), theirs);
}

#[test]
fn a_repository_that_is_gone_is_not_made_again() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    foreign_export(folder.path(), &server, GUN, "changed");
    let out = folder.path().join("OUT");

    for script in ["publish/precheck", "publish/publish"] {
        run_script(&out, script, &server, &[]).failure(1);
        assert!(last(&out).contains("it has no root any more"), "{}", last(&out));
    }
    assert_eq!(server.document(GUN, "root"), None);
}

#[test]
fn what_others_changed_beside_the_upload_is_a_warning_unless_a_signed_snapshot_names_it() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let out = changed(&folder, &server, &[GUN]);
    let before = out.join("publish/BEFORE");
    let text = fs::read_to_string(&before).unwrap();
    fs::write(&before, format!("{text}{GUN}\ttargets/releases\t{}\n", "0".repeat(64))).unwrap();

    run_script(&out, "publish/precheck", &server, &[]).success();
    let line = results(&out).pop().unwrap();
    assert_eq!(line[2], "WARN");
    assert!(line[3].contains("not replaced: targets/releases"), "{}", line[3]);

    // The same with a snapshot that was signed here, and that replaces the one that is there.
    let uploads = out.join("publish/UPLOADS");
    let row = format!("{GUN}\tsnapshot\tapp/snapshot.json\t{}\t-\n", "1".repeat(64));
    fs::write(&uploads, fs::read_to_string(&uploads).unwrap() + &row).unwrap();
    let snapshot = Digest::of(&server.document(GUN, "snapshot").unwrap());
    let text = fs::read_to_string(&before).unwrap();
    fs::write(&before, format!("{text}{GUN}\tsnapshot\t{snapshot}\n")).unwrap();
    run_script(&out, "publish/precheck", &server, &[]).failure(1);
    assert!(last(&out).contains("the signed snapshot does not fit any more: targets/releases"));
}

#[test]
fn half_of_an_upload_that_is_there_is_told_and_the_rest_is_added() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let out = changed(&folder, &server, &[GUN]);
    let root = format!("files=@{};filename=root", out.join("app/root.json").display());
    run(std::process::Command::new("curl")
        .args(["--silent", "--fail", "--cacert"])
        .arg(server.cacert())
        .args(["-F", &root, &format!("{}/v2/{GUN}/_trust/tuf/", server.url())]))
    .success();

    run_script(&out, "publish/precheck", &server, &[]).success();
    assert!(last(&out).contains("half of it is already published"), "{}", last(&out));
    // The brick that a root alone makes.
    run_script(&out, "accept/accept", &server, &[]).failure(1);
    assert!(last(&out).contains("the client refuses it"));
    run_script(&out, "publish/publish", &server, &[]).success();
    run_script(&out, "accept/accept", &server, &[]).success();
}

#[test]
fn a_canary_that_no_client_accepts_stops_the_rest_though_the_server_took_it() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let second = "registry.example.com/team/second";
    let out = changed(&folder, &server, &[GUN, second]);
    let before = server.document(second, "root").unwrap();
    // A root alone, that changes the targets key: the server answers 200, and no client accepts the old targets.
    let uploads = out.join("publish/UPLOADS");
    let text = fs::read_to_string(&uploads).unwrap();
    let (bad, rest) = text.split_once(&format!("{GUN}\ttargets\t")).unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    fs::write(&uploads, format!("{bad}{rest}")).unwrap();

    let said = run_script(&out, "publish/publish", &server, &[]).failure(1);
    assert!(said.contains("nothing after it was touched"), "{said}");
    assert_eq!(
        told(&out),
        [
            format!("{GUN} publish PASS"),
            format!("{GUN} accept with notary FAIL"),
            format!("{GUN} accept with docker FAIL")
        ]
    );
    assert_eq!(server.document(second, "root").unwrap(), before);
    // A second run does not pass it by.
    run_script(&out, "publish/publish", &server, &[]).failure(1);
    assert_eq!(server.document(second, "root").unwrap(), before);
}

#[test]
fn waves_are_accepted_before_the_next_begins() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let guns = ["one", "two", "three", "four"].map(|name| format!("example.com/a/{name}"));
    let guns = guns.each_ref().map(String::as_str);
    let out = new(&folder, &server, &guns);
    let fewer = instead(&folder, "docker", "#!/bin/sh\nexit 1\n");

    // Without docker's own answers, which are not what this is about.
    let mut publish = command(&out, "publish/publish", &server);
    let refused = run(publish.env("PATH", &fewer).args(["--wave", "2"])).failure(1);
    assert!(refused.contains("no client accepts"), "{refused}");
    assert_eq!(server.document("example.com/a/two", "root"), None);
    fs::remove_file(out.join("RESULT")).unwrap();

    run_script(&out, "publish/publish", &server, &["--wave", "2"]).success();
    let told: Vec<_> = told(&out).into_iter().filter(|line| !line.contains("docker")).collect();
    let line = |gun: &str, step: &str| format!("{gun} {step} PASS");
    assert_eq!(
        told,
        [
            line("example.com/a/one", "publish"),
            line("example.com/a/one", "accept with notary"),
            line("example.com/a/two", "publish"),
            line("example.com/a/three", "publish"),
            line("example.com/a/two", "accept with notary"),
            line("example.com/a/three", "accept with notary"),
            line("example.com/a/four", "publish"),
        ]
    );
    for bad in ["0", "", "two"] {
        assert!(
            run_script(&out, "publish/publish", &server, &["--wave", bad])
                .failure(2)
                .contains("usage:")
        );
    }
}

#[test]
fn a_publishing_that_was_killed_goes_on_where_it_was() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let guns = ["example.com/a/one", "example.com/a/two", "example.com/a/three"];
    let out = new(&folder, &server, &guns);
    // Killed with everything it started, right after the server took the second upload and before it could say so.
    let curl = format!(
        "#!/bin/sh\n{real} \"$@\"\ncode=$?\ncase \"$*\" in *files=@*/two/*) kill -9 0 ;; esac\nexit $code\n",
        real = real_curl().display()
    );
    let path = instead(&folder, "curl", &curl);

    let mut publish = command(&out, "publish/publish", &server);
    let killed = run(publish.args(["--accept", "no"]).env("PATH", path).process_group(0));
    assert_eq!(killed.code, None);
    assert_eq!(told(&out), ["example.com/a/one publish PASS"]);
    assert!(server.document("example.com/a/two", "root").is_some());
    assert_eq!(server.document("example.com/a/three", "root"), None);

    run_script(&out, "publish/publish", &server, &["--accept", "no"]).success();
    let details: Vec<_> = results(&out)[1..].iter().map(|line| line[3].clone()).collect();
    assert!(
        details[0].contains("already live") && details[1].contains("already live"),
        "{details:?}"
    );
    assert!(details[2].contains("uploaded in one request"));
    run_script(&out, "accept/accept", &server, &[]).success();
}

/// The value of every `name = "..."` of INPUTS.
fn members(inputs: &str, name: &str) -> Vec<String> {
    inputs
        .lines()
        .filter_map(|line| {
            line.strip_prefix(name)?.trim_start().strip_prefix("= \"")?.split('"').next()
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_a_ceremony_begins_from_is_fetched_with_its_digests() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let out = changed(&folder, &server, &[GUN]);
    run_script(&out, "publish/publish", &server, &[]).success();
    let list = folder.path().join("list");
    fs::write(&list, format!("{GUN}\tnotary1\nregistry.example.com:5000/free\n")).unwrap();
    // The script as the program gives it to those who have no export yet.
    let alone = folder.path().join("fetch");
    let script =
        run(std::process::Command::new(env!("CARGO_BIN_EXE_anchorite")).args(["plan", "fetch"]));
    fs::write(&alone, script.success()).unwrap();
    let into = folder.path().join("IN");
    let fetch = |script: &Path| {
        let mut fetch = command(folder.path(), script.to_str().unwrap(), &server);
        fetch.args(["--into", into.to_str().unwrap(), "--list", list.to_str().unwrap()]);
        run(fetch.args(["--history", "yes"]))
    };
    fetch(&alone).success();

    let inputs = fs::read_to_string(into.join("INPUTS")).unwrap();
    let mut paths = members(&inputs, "path");
    for (path, digest) in paths.iter().zip(members(&inputs, "sha256")) {
        let bytes = fs::read(into.join(path)).unwrap();
        assert_eq!(Digest::of(&bytes).to_string(), digest, "{path}");
    }
    let key = fs::read(into.join(GUN).join("timestamp.key")).unwrap();
    let (id, _) = notary1::read_server_key(&key).unwrap();
    assert!(inputs.contains(&format!("# id of that key: \"{}\"", id.as_str())), "{inputs}");
    paths.sort();
    let of = |name: &str, files: &[&str]| {
        files.iter().map(|file| format!("{name}/{file}")).collect::<Vec<_>>()
    };
    let mut expected = of(
        GUN,
        &[
            "1.root.json",
            "1.targets.json",
            "root.json",
            "snapshot.json",
            "snapshot.key",
            "targets.json",
            "timestamp.key",
        ],
    );
    expected.extend(of("registry.example.com_5000/free", &["snapshot.key", "timestamp.key"]));
    expected.sort();
    assert_eq!(paths, expected);
    let root = fs::read(into.join(GUN).join("root.json")).unwrap();
    assert_eq!(root, fs::read(out.join("app/root.json")).unwrap());
    let first = fs::read(into.join(GUN).join("1.root.json")).unwrap();
    assert_eq!(first, fs::read(folder.path().join("OUT-BEFORE/app/root.json")).unwrap());
    // Never into a folder that is there.
    assert!(fetch(&out.join("publish/fetch")).failure(2).contains("must be a new folder"));
}

#[test]
fn a_fetch_takes_nothing_that_the_snapshot_does_not_name_and_leaves_its_folder_by_no_name() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let out = changed(&folder, &server, &[GUN]);
    let fetch = |into: &str, then: &str| {
        // The last argument is the address, and the answer is written behind -o.
        let spoil = format!(
            "#!/bin/sh\n{real} \"$@\" || exit\n\
             while [ $# -gt 1 ]; do [ \"$1\" != -o ] || file=$2; shift; done\n\
             case $1 in {then} esac\n",
            real = real_curl().display()
        );
        let mut fetch = command(&out, "publish/fetch", &server);
        let into = folder.path().join(into);
        fetch.args(["--gun", GUN, "--into"]).arg(into);
        run(fetch.env("PATH", instead(&folder, "curl", &spoil)))
    };

    let between = fetch("IN-1", "*/targets.json) printf ' ' >>\"$file\" ;;");
    assert!(between.failure(1).contains("it changed while it was read"));
    let names = r#"{"../evil":{},"targets/../../evil":{},"targets/$(evil)":{},"targets/.":{}}"#;
    fetch("IN-2", &format!("*/snapshot.json) printf '%s' '{names}' >>\"$file\" ;;")).success();
    let digests = fs::read_to_string(folder.path().join("IN-2/SHA256SUMS")).unwrap();
    assert_eq!(digests.lines().count(), 5, "{digests}");
}

#[test]
fn delegations_are_fetched_and_their_tags_expected() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let trust = folder.path().join("trust");
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    run(std::process::Command::new("openssl").args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        &at("releaser.key"),
        "-out",
        &at("releaser.pem"),
        "-subj",
        "/CN=releaser",
        "-days",
        "900",
    ]))
    .success();
    let notary = |arguments: &[&str]| clients::notary(&server, &trust, arguments).success();
    let add = |role: &str, tag: &str, content: &str| {
        fs::write(at("manifest"), content).unwrap();
        notary(&["add", "-p", "-r", role, GUN, tag, &at("manifest")]);
    };
    notary(&["init", "-p", GUN]);
    notary(&["key", "rotate", GUN, "snapshot", "-r"]);
    notary(&["key", "import", &at("releaser.key"), "--role", "releaser"]);
    for (role, paths) in [("targets/releases", "--all-paths"), ("targets/some", "--paths=s")] {
        notary(&["delegation", "add", "-p", GUN, role, &at("releaser.pem"), paths]);
    }
    add("targets", "v1", "by targets");
    add("targets/releases", "v1", "by releases");
    add("targets/releases", "v2", "by releases");
    add("targets/some", "s1", "by some");

    let out = new(&folder, &server, &["example.com/a/other"]);
    run_script(&out, "publish/fetch", &server, &["--gun", GUN, "--into", &at("IN")]).success();
    let fetched = folder.path().join("IN").join(GUN);
    let mut start = Start::default();
    for role in ["root", "targets", "targets/releases", "targets/some"] {
        let bytes = fs::read(fetched.join(format!("{role}.json"))).unwrap();
        assert_eq!(bytes, server.document(GUN, role).unwrap(), "{role}");
        start.before.insert(format!("{role}.json"), bytes);
    }

    let plan = include_bytes!("../../ceremonies/first-root-notary1/plan.toml");
    let plan = Plan::parse(plan).unwrap();
    let unchanged = folder.path().join("UNCHANGED");
    for (path, bytes) in export::files_from(&plan, &Roster::default(), &BTreeMap::new(), &start) {
        let path = unchanged.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let expected = fs::read_to_string(unchanged.join("accept/EXPECTED")).unwrap();
    assert_eq!(expected.lines().count(), 4, "{expected}");
    run_script(&unchanged, "accept/accept", &server, &[]).success();
    assert_eq!(
        told(&unchanged),
        [format!("{GUN} accept with notary PASS"), format!("{GUN} accept with docker PASS")]
    );
    let before = fs::read_to_string(unchanged.join("publish/BEFORE")).unwrap();
    assert_eq!(before.lines().count(), 4, "{before}");
}

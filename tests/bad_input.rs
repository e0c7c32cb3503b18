//! Bad input gets a sentence that says where, what was expected and what to do, the right exit code, and leaves nothing
//! half-written.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

struct Said {
    code: Option<i32>,
    text: String,
}

fn program(folder: &Path, arguments: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_anchorite"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("ANCHORITE_WORKSPACE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    Said { code: output.status.code(), text: String::from_utf8(text).unwrap() }
}

#[track_caller]
fn refused(folder: &Path, arguments: &[&str], code: i32, words: &[&str]) {
    let said = program(folder, arguments);
    assert_eq!(said.code, Some(code), "{}", said.text);
    for word in words {
        assert!(said.text.contains(word), "expected {word:?} in:\n{}", said.text);
    }
    assert!(!said.text.contains("panicked"), "{}", said.text);
}

fn shipped() -> String {
    fs::read_to_string("ceremonies/first-root-tuf1/plan.toml").unwrap()
}

#[test]
fn a_plan_that_is_none_is_told_by_file_line_and_field() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let plan = |text: &str| fs::write(at.join("plan.toml"), text).unwrap();
    refused(at, &["plan", "check", "plan.toml"], 2, &["plan.toml is not there"]);
    plan(&shipped().replace("threshold = 2", "treshold = 2"));
    refused(
        at,
        &["plan", "check", "plan.toml"],
        2,
        &["plan.toml is not a plan", "line ", "treshold"],
    );
    plan(&shipped().replace("anchorite = 1", "anchorite = 2"));
    refused(at, &["rehearse", "plan.toml"], 2, &["anchorite", "2"]);
    plan(&shipped().replace("holder    = \"Custodian A\"", "holder    = \"Nobody\""));
    refused(at, &["run", "plan.toml"], 2, &["root-a", "Nobody"]);
    assert_eq!(fs::read_dir(at).unwrap().count(), 1);
}

#[test]
fn a_plan_that_the_check_refuses_is_neither_rehearsed_nor_run() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    fs::write(at.join("plan.toml"), shipped().replacen("threshold = 2", "threshold = 4", 1))
        .unwrap();
    refused(at, &["rehearse", "plan.toml"], 3, &["threshold-above-keys", "nobody could sign"]);
    refused(at, &["run", "plan.toml"], 3, &["threshold-above-keys"]);
    fs::write(at.join("plan.toml"), shipped()).unwrap();
    refused(at, &["run", "plan.toml"], 3, &["no-window"]);
    assert_eq!(fs::read_dir(at).unwrap().count(), 1);
}

#[test]
fn what_is_no_document_and_no_repository_is_told_apart() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    fs::write(at.join("x.json"), "{\"signed\":{}}").unwrap();
    refused(at, &["show", "x.json"], 2, &["x.json is no root"]);
    refused(at, &["show", "y.json"], 2, &["y.json is not there"]);
    fs::create_dir(at.join("empty")).unwrap();
    refused(at, &["verify", "empty"], 2, &["no root in empty", "--root FILE"]);
    refused(at, &["verify", "nowhere"], 2, &["nowhere is not a folder"]);
    let meta = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/notary-v1/meta/02-add");
    let meta = meta.to_str().unwrap();
    let stranger = "1".repeat(64);
    refused(at, &["verify", meta, "--root-digest", &stranger], 3, &["expected the root 1111"]);
    let gun = ["verify", meta, "--gun", "example.com/other"];
    refused(at, &gun, 3, &["common name", "example.com/team/app"]);
    let late = ["verify", meta, "--at", "2099-01-01T00:00:00Z"];
    refused(at, &late, 3, &["expired"]);
}

#[test]
fn evidence_that_is_none_fails_and_a_head_that_is_none_is_explained() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    refused(at, &["evidence", "verify", "."], 3, &["Expected plan.toml and transcript.jsonl"]);
    refused(at, &["evidence", "verify", "nowhere"], 2, &["nowhere is not there"]);
    let nonsense = ["evidence", "verify", ".", "--head", "nonsense"];
    refused(at, &nonsense, 2, &["64 hex digits", "32 words"]);
    refused(at, &["resume", "."], 2, &["workspace"]);
}

#[test]
fn a_module_that_is_none_and_a_service_that_is_not_there_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let list = |module: &str| ["token", "list", "--module", module].map(ToOwned::to_owned);
    for (module, says) in [
        ("./module.so", "./module.so: expected the absolute path of a PKCS#11 module"),
        ("libsofthsm2.so", "libsofthsm2.so: expected the absolute path"),
        ("/no/such/module.so", "/no/such/module.so: No such file"),
        ("/etc/passwd", "/etc/passwd: it is no PKCS#11 module"),
    ] {
        let arguments = list(module);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(folder.path(), &arguments, 4, &[says]);
    }
    let socket = folder.path().join("no-socket");
    assert_eq!(program(folder.path(), &["media", "enrol", "BOOK", "--role", "book"]).code, Some(0));
    let provision = "token provision --serial 1 --holder A --name root-a --workspace BOOK";
    let provision: Vec<&str> = provision.split(' ').collect();
    for arguments in [&["token", "list"][..], &provision] {
        let said = Command::new(env!("CARGO_BIN_EXE_anchorite"))
            .args(arguments)
            .env("PCSCLITE_CSOCK_NAME", &socket)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(4), "{text}");
        assert!(text.contains("is pcscd running?"), "{text}");
    }
}

#[test]
fn media_and_workspaces_are_enrolled_once() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("in")).unwrap();
    assert_eq!(program(at, &["media", "enrol", "in", "--role", "in"]).code, Some(0));
    refused(at, &["media", "enrol", "in", "--role", "out"], 4, &["is there already"]);
    refused(at, &["media", "enrol", "none", "--role", "out"], 2, &["is not a directory", "Mount"]);
    assert_eq!(program(at, &["media", "enrol", "book", "--role", "book"]).code, Some(0));
    refused(at, &["media", "enrol", "book", "--role", "book"], 4, &["book"]);
    refused(at, &["key", "list"], 2, &["no workspace was found", "--workspace"]);
}

#[test]
fn a_plan_is_never_written_over() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let new = ["plan", "new", "--dialect", "tuf1", "plan.toml"];
    assert_eq!(program(at, &new).code, Some(0));
    let before = fs::read(at.join("plan.toml")).unwrap();
    refused(at, &new, 4, &["plan.toml is there already"]);
    assert_eq!(fs::read(at.join("plan.toml")).unwrap(), before);
}

#[test]
fn a_script_that_lacks_an_answer_names_the_question_and_the_way_on() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremonies/first-root-tuf1/plan.toml");
    let plan = plan.to_str().unwrap();
    fs::write(at.join("script.toml"), "[[answer]]\nask = \"room\"\nsay = true\n").unwrap();
    let arguments = ["rehearse", plan, "--script", "script.toml"];
    refused(at, &arguments, 2, &["no answer to roll-call", "anchorite resume"]);
    fs::write(at.join("script.toml"), "[[answer]]\nask = \"tea\"\nsay = true\n").unwrap();
    let other = TempDir::new().unwrap();
    fs::copy(at.join("script.toml"), other.path().join("script.toml")).unwrap();
    refused(other.path(), &arguments, 2, &["line 1", "tea"]);
}

//! What people read of documents: `show`, `diff`, `lint` and `where`, over documents that real clients and servers made.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const META: &str = "tests/data/notary-v1/meta";
/// A day after the documents were made.
const AT: &str = "2026-11-24T00:00:00Z";

struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

fn program(arguments: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_anchorite"))
        .args(arguments)
        .env_remove("ANCHORITE_WORKSPACE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        error: String::from_utf8(output.stderr).unwrap(),
    }
}

#[track_caller]
fn says(arguments: &[&str], code: i32, words: &[&str]) -> String {
    let said = program(arguments);
    assert_eq!(said.code, Some(code), "{}{}", said.out, said.error);
    let text = said.out + &said.error;
    for word in words {
        assert!(text.contains(word), "expected {word:?} in:\n{text}");
    }
    text
}

#[track_caller]
fn json(arguments: &[&str], kind: &str) -> Value {
    let said = program(&[arguments, &["--json"]].concat());
    let value: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(value.pointer("/anchorite"), Some(&Value::from(1)));
    assert_eq!(value.pointer("/kind"), Some(&Value::from(kind)));
    assert!(said.out.is_ascii());
    value
}

fn rules(value: &Value) -> BTreeSet<String> {
    let findings = value.pointer("/findings").unwrap().as_array().unwrap();
    findings.iter().map(|f| f.pointer("/rule").unwrap().as_str().unwrap().to_owned()).collect()
}

fn meta(path: &str) -> String {
    format!("{META}/{path}")
}

#[test]
fn a_notary_root_is_shown_with_its_keys_words_signers_and_two_clocks() {
    says(
        &["show", &meta("01-init/root.json"), "--at", AT],
        0,
        &[
            "root, notary1, version 1",
            "certificate the first ends 2036-11-20",
            "[!!] before the root expires",
            "root        1 of 1 key: [",
            "certificate for example.com/team/app",
            "[ok] by itself: 1 good signature, 1 needed",
        ],
    );
}

#[test]
fn who_signed_targets_is_known_only_by_somebodys_word() {
    let targets = meta("04-releases/targets.json");
    let unknown = "Who may sign it is not known from this file alone";
    says(&["show", &targets], 0, &[unknown, "--root FILE", "targets/releases", "(everything)"]);
    let root = meta("04-releases/root.json");
    let by = format!("[ok] by {root}: 1 good signature, 1 needed");
    says(&["show", &targets, "--root", &root], 0, &[&by]);
    let releases = meta("04-releases/targets/releases.json");
    says(&["show", &releases], 0, &[unknown, "--by FILE", "role        targets/releases"]);
    let by = format!("[ok] by {targets}: 1 good signature");
    says(&["show", &releases, "--by", &targets], 0, &[&by]);
    // After the targets key was rotated, the old document does not count by the new root.
    let root = meta("05-rotate-targets/root.json");
    let text = says(&["show", &targets, "--root", &root], 0, &["0 good signatures, 1 needed"]);
    assert!(text.contains("the role does not list this key id"), "{text}");
    says(&["show", &targets, "--root", &targets], 0, &[unknown]);
    says(&["show", &targets, "--root", &meta("04-releases/snapshot.json")], 2, &["nobody's keys"]);
}

#[test]
fn delegations_that_cover_the_same_paths_are_shown_with_who_is_asked() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("targets.json");
    let role = |name: &str, member: &str, paths: &str, terminating: bool| {
        format!(
            "{{\"keyids\":[],\"name\":\"{name}\",\"{member}\":[{paths}],\"terminating\":{terminating},\"threshold\":1}}"
        )
    };
    let write = |roles: &[String]| {
        let text = format!(
            "{{\"signatures\":[],\"signed\":{{\"_type\":\"targets\",\"delegations\":{{\"keys\":{{}},\"roles\":[{}]}},\
             \"expires\":\"2030-01-01T00:00:00Z\",\"spec_version\":\"1.0.0\",\"targets\":{{}},\"version\":1}}}}",
            roles.join(",")
        );
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let file = write(&[
        role("team", "paths", "\"v*\"", true),
        role("late", "paths", "\"v1\"", false),
        role("bin-a", "path_hash_prefixes", "\"ab\"", false),
        role("bin-b", "path_hash_prefixes", "\"abc\"", false),
    ]);
    let words = [
        "[!!] team and late overlap: \"v*\" and \"v1\"",
        "team ends the search; late is not asked there",
        "[!!] bin-a and bin-b overlap: \"ab\" and \"abc\"",
        "[!!] late is never asked",
    ];
    says(&["show", &file], 0, &words);
    let found = json(&["lint", &file, "--at", AT], "lint");
    assert!(rules(&found).contains("delegations-overlap"));
    assert!(rules(&found).contains("delegation-never-asked"));
    let apart = write(&[
        role("team", "paths", "\"v*\"", true),
        role("late", "paths", "\"w1\"", false),
        role("deep", "paths", "\"v/*\"", false),
    ]);
    let text = says(&["show", &apart], 0, &["late"]);
    assert!(!text.contains("overlap") && !text.contains("never asked"), "{text}");
    let found = rules(&json(&["lint", &apart, "--at", AT], "lint"));
    assert!(!found.iter().any(|rule| rule.starts_with("delegations-overlap")), "{found:?}");
}

#[test]
fn long_lists_are_counted() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("targets.json");
    let targets: Vec<String> = (0..31)
        .map(|nth| {
            format!(
                "\"t{nth:02}\":{{\"hashes\":{{\"sha256\":\"{}\"}},\"length\":1}}",
                "ab".repeat(32)
            )
        })
        .collect();
    let text = format!(
        "{{\"signatures\":[],\"signed\":{{\"_type\":\"targets\",\"expires\":\"2030-01-01T00:00:00Z\",\
         \"spec_version\":\"1.0.0\",\"targets\":{{{}}},\"version\":1}}}}",
        targets.join(",")
    );
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let text = says(&["show", path], 0, &["31, showing 20 (--all for the rest)", "t19"]);
    assert!(!text.contains("t20"));
    says(&["show", path, "--all"], 0, &["t30"]);
    assert_eq!(
        json(&["show", path], "show").pointer("/documents/0/targets/count"),
        Some(&Value::from(31))
    );
}

#[test]
fn a_file_that_is_no_document_is_told_by_what_was_expected_found_and_where() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let cut = at("cut.json", "{\"signed\": {\n \"_type\": \"root\"");
    let other = at("other.json", "{\"signed\":{\"_type\":\"mirrors\"},\"signatures\":[]}");
    let lacking = at("lacking.json", "{\"signed\":{\"_type\":\"root\"},\"signatures\":[]}");
    for command in ["show", "lint"] {
        says(&[command, &cut], 2, &["line 2", "ends in the middle"]);
        says(&[command, &other], 2, &["signed._type", "\"mirrors\""]);
        says(&[command, &lacking], 2, &["signed.", "expected"]);
        says(&[command, "nowhere.json"], 2, &["is not there"]);
    }
    says(&["diff", &cut, &cut], 2, &["line 2"]);
    let root = meta("01-init/root.json");
    says(
        &["diff", &root, &meta("01-init/targets.json")],
        2,
        &["expected two documents of one kind"],
    );
    says(&["diff", &root, META], 2, &["two documents or two folders"]);
    let empty = TempDir::new().unwrap();
    says(&["lint", empty.path().to_str().unwrap()], 2, &["there is no document"]);
}

#[test]
fn lint_of_what_the_real_client_made_warns_of_its_defaults_and_fails_nothing() {
    let value = json(&["lint", &meta("04-releases"), "--at", AT], "lint");
    // docker gives both delegations of a signer the path "".
    let usual = [
        "certificate-before-root",
        "certificate-eku",
        "delegations-overlap",
        "threshold-one",
        "threshold-one-below-root",
    ];
    assert_eq!(rules(&value), usual.map(str::to_owned).into());
    assert_eq!(value.pointer("/counts/fail"), Some(&Value::from(0)));
    let folder = meta("04-releases");
    says(&["lint", &folder, "--at", AT], 0, &["WARN  threshold-one", "RESULT  0 fail"]);
    says(&["lint", &folder, "--at", AT, "--strict"], 3, &["must be mended"]);
    says(&["lint", &folder, "--gun", "example.com/other"], 3, &["FAIL  certificate-name"]);
    says(&["lint", &folder, "--at", "2037-01-01T00:00:00Z"], 3, &["FAIL  certificate-ended"]);
    says(&["lint", &folder, "--profile", "docker", "--at", AT], 0, &["RESULT  0 fail"]);
    says(&["lint", &folder, "--profile", "tough", "--at", AT], 3, &["FAIL  client-dialect"]);
    says(&["lint", &folder, "--profile", "curl"], 2, &["tuf-js"]);
}

#[test]
fn a_changed_byte_of_a_notary_document_is_a_silent_brick() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("root.json");
    let mut bytes = fs::read(meta("01-init/root.json")).unwrap();
    fs::write(&path, &bytes).unwrap();
    says(&["lint", path.to_str().unwrap(), "--at", AT], 0, &["RESULT  0 fail"]);
    bytes.push(b'\n');
    fs::write(&path, &bytes).unwrap();
    says(
        &["lint", path.to_str().unwrap(), "--at", AT],
        3,
        &["FAIL  silent-brick", "other bytes from"],
    );
    says(&["show", path.to_str().unwrap()], 0, &["Notary would write others"]);
}

#[test]
fn a_file_called_like_a_document_that_is_none_fails_and_artefacts_do_not() {
    let folder = TempDir::new().unwrap();
    fs::copy(meta("01-init/root.json"), folder.path().join("root.json")).unwrap();
    fs::write(folder.path().join("package.json"), "{\"version\":1.5}").unwrap();
    let at = folder.path().to_str().unwrap();
    says(&["lint", at, "--at", AT], 0, &["1 JSON file beside are no documents"]);
    fs::write(folder.path().join("2.targets.json"), "{}").unwrap();
    says(&["lint", at, "--at", AT], 3, &["FAIL  not-a-document", "2.targets.json"]);
}

#[test]
fn repositories_that_share_keys_are_named() {
    // The steps of one history, taken for repositories of their own.
    let two = [meta("01-init"), meta("02-add")];
    let value = json(&["lint", &two[0], &two[1], "--at", AT], "lint");
    assert!(rules(&value).contains("key-in-several-repositories"));
    assert!(rules(&value).contains("valid-elsewhere"));
}

#[test]
fn roots_of_the_past_are_judged_by_the_keys_that_we_hold() {
    let roots: Vec<String> = (1..=6).map(|n| meta(&format!("{n}.root.json"))).collect();
    let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
    let lint = |more: &[&str]| json(&[&["lint", "--at", AT], &roots[..], more].concat(), "lint");
    // The root key was rotated on the way, so the first roots are led by a key that the last one does not hold.
    let outside = "historical-root-outside-control";
    assert!(!rules(&lint(&[])).contains("root-not-followed"));
    let fingerprints = |value: &Value| -> Vec<String> {
        let keys = value.pointer("/documents/0/keys").unwrap().as_array().unwrap();
        keys.iter()
            .map(|k| k.pointer("/fingerprint").unwrap().as_str().unwrap().to_owned())
            .collect()
    };
    let mut all: Vec<String> = Vec::new();
    for root in &roots {
        all.extend(fingerprints(&json(&["show", root], "show")));
    }
    let folder = TempDir::new().unwrap();
    let ours = folder.path().join("ours");
    let text: String = all.iter().map(|key| format!("{key} one of ours\n")).collect();
    fs::write(&ours, format!("# keys\n\n{text}")).unwrap();
    let ours = ours.to_str().unwrap();
    assert!(!rules(&lint(&["--ours", ours])).contains(outside));
    fs::write(ours, "0".repeat(64)).unwrap();
    assert!(rules(&lint(&["--ours", ours])).contains(outside));
    fs::write(ours, "\nabc\n").unwrap();
    says(&["lint", &meta("1.root.json"), "--ours", ours], 2, &["line 2", "64 hex digits"]);
}

#[test]
fn a_rotation_is_told_by_role_and_public_key() {
    let (old, new) = (meta("04-releases"), meta("05-rotate-targets"));
    let text = says(
        &["diff", &old, &new, "--at", AT],
        0,
        &["role targets: ALL KEYS REPLACED, 1 before, 1 now", "version 1 -> 2"],
    );
    assert!(!text.contains("role root:"), "{text}");
    says(&["diff", &old, &new, "--strict"], 3, &["dangerous change"]);
    // Root key rotation: the same, for root.
    let old = meta("07-timestamp/root.json");
    says(&["diff", &old, &meta("08-rotate-root/root.json")], 0, &["role root: ALL KEYS REPLACED"]);
    says(
        &["diff", &old, &old, "--strict"],
        0,
        &["what is signed is the same", "RESULT  0 changes"],
    );
}

#[test]
fn a_key_is_found_by_fingerprint_id_file_and_certificate() {
    let root = json(&["show", &meta("04-releases/root.json")], "show");
    let keys = root.pointer("/documents/0/keys").unwrap().as_array().unwrap();
    let key = keys.iter().find(|key| !key.pointer("/certificate").unwrap().is_null()).unwrap();
    let text = |name: &str| key.pointer(name).unwrap().as_str().unwrap().to_owned();
    let here = meta("04-releases");
    let found = ["now     root: one of 1 key, 1 must sign: it reaches that alone", "rotate-root"];
    let grouped = text("/fingerprint")
        .as_bytes()
        .chunks(4)
        .map(|c| String::from_utf8_lossy(c).into_owned() + " ")
        .collect::<String>();
    for name in [text("/fingerprint"), text("/id"), grouped] {
        says(&["where", &name, &here], 0, &found);
    }
    // The certificate and the bare key, as files.
    let document: Value =
        serde_json::from_slice(&fs::read(meta("04-releases/root.json")).unwrap()).unwrap();
    let public = document.pointer(&format!("/signed/keys/{}/keyval/public", text("/id"))).unwrap();
    let pem = base64(public.as_str().unwrap());
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("root.crt");
    fs::write(&path, pem).unwrap();
    says(&["where", path.to_str().unwrap(), &here], 0, &found);
    // The delegation's key, in every step that has it; before that nobody lists it.
    let targets = json(&["show", &meta("04-releases/targets.json")], "show");
    let id = targets.pointer("/documents/0/keys/0/id").unwrap().as_str().unwrap();
    let kinds = ["targets/alice", "targets/releases", "rotate-delegation"];
    says(&["where", id, &here], 0, &kinds);
    says(&["where", id, &meta("01-init")], 0, &["nothing lists this key (4 documents read)"]);
    says(&["where", "nowhere.pub", &here], 2, &["nowhere.pub is not there"]);
}

fn base64(text: &str) -> Vec<u8> {
    data_encoding::BASE64.decode(text.as_bytes()).unwrap()
}

#[test]
fn history_is_told_apart_from_what_is_current() {
    let folder = TempDir::new().unwrap();
    for n in 1..=6 {
        let name = format!("{n}.root.json");
        fs::copy(meta(&name), folder.path().join(&name)).unwrap();
    }
    let first = json(&["show", &meta("1.root.json")], "show");
    let roles = first.pointer("/documents/0/roles").unwrap().as_array().unwrap();
    let root =
        roles.iter().find(|role| role.pointer("/name") == Some(&Value::from("root"))).unwrap();
    let id = root.pointer("/keyids/0").unwrap().as_str().unwrap();
    let here = folder.path().to_str().unwrap();
    let text = says(&["where", id, here], 0, &["before  root, in root 1", "still stands there"]);
    assert!(text.contains("only history lists it") || text.contains("to remove it"), "{text}");
    // What cannot be read may list it.
    fs::write(folder.path().join("targets.json"), "{}").unwrap();
    says(&["where", &"1".repeat(64), here], 5, &["targets.json could not be read"]);
}

#[test]
fn what_names_say_moves_no_cursor() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("targets.json");
    let text = "{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"expires\":\"2030-01-01T00:00:00Z\",\
         \"spec_version\":\"1.0.0\",\"targets\":{\"a\\u001b[2J\\u202eb\":{\"hashes\":{},\"length\":1}},\"version\":1}}";
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    for (command, code) in [("show", 0), ("lint", 3)] {
        let text = says(&[command, path], code, &["\\u{1b}[2J\\u{202e}b"]);
        assert!(!text.contains(['\u{1b}', '\u{202e}']));
    }
    let value = json(&["show", path], "show");
    let name = value.pointer("/documents/0/targets/items/0/name").unwrap();
    assert_eq!(name.as_str(), Some("a\u{1b}[2J\u{202e}b"));
}

#[test]
fn the_json_of_each_command_is_stable() {
    let releases = meta("04-releases/targets/releases.json");
    let targets = meta("04-releases/targets.json");
    let raw = |arguments: &[&str]| program(&[arguments, &["--json"]].concat()).out;
    let show = ["show", &releases, "--by", &targets, "--at", AT];
    insta::assert_snapshot!("show", raw(&show));
    let (old, new) = (meta("02-add/targets.json"), meta("03-delegation/targets.json"));
    insta::assert_snapshot!("diff", raw(&["diff", &old, &new, "--at", AT]));
    insta::assert_snapshot!("lint", raw(&["lint", &releases, "--at", AT]));
    let shown = json(&["show", &targets], "show");
    let id = shown.pointer("/documents/0/keys/0/id").unwrap().as_str().unwrap();
    insta::assert_snapshot!("where", raw(&["where", id, &meta("04-releases")]));
}

#[test]
fn the_page_of_rules_is_fresh() {
    let page = program(&["lint", "--rules"]).out;
    let written = fs::read_to_string("docs/lints.md").unwrap();
    assert!(page == written, "stale: anchorite lint --rules > docs/lints.md");
}

fn sigstore() -> Option<PathBuf> {
    let data = std::env::var_os("ANCHORITE_REFERENCE_DATA")?;
    Some(Path::new(&data).join("sigstore/metadata"))
}

/// Sigstore's public repository, where the reference data is at hand: every oddity by name.
#[test]
fn every_oddity_of_the_sigstore_roots_is_a_named_finding() {
    let Some(folder) = sigstore() else { return };
    let at = "2026-08-22T00:00:00Z";
    let value = json(&["lint", folder.to_str().unwrap(), "--at", at], "lint");
    assert_eq!(value.pointer("/counts/fail"), Some(&Value::from(0)));
    let findings = value.pointer("/findings").unwrap().as_array().unwrap();
    let of = |rule: &str| -> Vec<u64> {
        let raised = findings.iter().filter(|f| f.pointer("/rule") == Some(&Value::from(rule)));
        let names = raised.filter_map(|f| f.pointer("/document")?.as_str());
        let mut found: Vec<u64> =
            names.filter_map(|name| name.strip_suffix(".root.json")?.parse().ok()).collect();
        found.sort_unstable();
        found
    };
    assert_eq!(of("hex-point"), [1, 2, 3, 4]);
    assert_eq!(of("consistent-snapshot-off"), [1, 2, 3, 4]);
    assert_eq!(of("keytype-obsolete"), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(of("date-with-offset"), [1]);
    assert_eq!(of("date-with-fraction"), [1, 2, 3]);
    assert_eq!(of("key-id-not-the-hash"), [11]);
    assert_eq!(of("client-key-ids"), [11]);
    assert_eq!(of("signature-empty"), [12, 13, 14]);
    assert_eq!(of("signature-foreign"), [5, 9, 10, 13]);
    assert_eq!(of("unknown-member"), [10, 11, 12, 13, 14, 15]);
    assert_eq!(of("same-key-twice"), [0_u64; 0]);
    for n in 1..=15 {
        let path = folder.join(format!("{n}.root.json"));
        says(&["show", path.to_str().unwrap()], 0, &["[ok] by itself"]);
    }
}

#[test]
fn keys_that_sigstore_kept_under_another_id_are_told_as_renamed() {
    let Some(folder) = sigstore() else { return };
    let renamed = |old: u32, new: u32| {
        let path = |n: u32| folder.join(format!("{n}.root.json")).to_str().unwrap().to_owned();
        let value = json(&["diff", &path(old), &path(new)], "diff");
        let changes = value.pointer("/documents/0/changes").unwrap().as_array().unwrap();
        let renamed =
            changes.iter().filter(|c| c.pointer("/change") == Some(&"key-renamed".into()));
        let keys = renamed.map(|c| c.pointer("/key").unwrap().to_string());
        keys.collect::<BTreeSet<_>>().len()
    };
    let kept: Vec<_> = (1..15).map(|old| (old + 1, renamed(old, old + 1))).collect();
    let kept: Vec<_> = kept.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(kept, [(5, 5), (9, 7), (10, 6), (12, 1)]);
}

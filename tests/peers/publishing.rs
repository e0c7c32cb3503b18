//! The shell scripts of a Notary export against a real server, with documents that another program made.

use std::fs;
use std::path::{Path, PathBuf};

use anchorite::ceremony::export::online;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::name::RoleName;
use tempfile::TempDir;

use crate::support::clients;
use crate::support::command::run;
use crate::support::loopback::{certificate, start_script};
use crate::support::notary::NotaryServer;
use crate::support::publishing::{command, foreign_export, results, run_script};
use crate::support::token_service::{NAME, PASSWORD};

const GUN: &str = "registry.example.com/team/app";

/// The outcome and the detail of the last line of RESULT.
fn last(out: &Path) -> (String, String) {
    let line = results(out).pop().unwrap();
    (line[2].clone(), line[3].clone())
}

fn export(folder: &TempDir, server: &NotaryServer) -> PathBuf {
    foreign_export(folder.path(), server, GUN, "exact")
}

#[test]
fn an_export_is_checked_published_and_accepted_and_publishing_again_changes_nothing() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let out = export(&folder, &server);

    run_script(&out, "publish/precheck", &server, &[]).success();
    run_script(&out, "publish/publish", &server, &[]).success();
    run_script(&out, "accept/accept", &server, &[]).success();
    run_script(&out, "publish/precheck", &server, &[]).success();
    run_script(&out, "publish/publish", &server, &[]).success();

    let told: Vec<_> = results(&out).into_iter().map(|line| line[..3].join(" ")).collect();
    assert_eq!(
        told,
        [
            // This server makes a new key at every question until it stores a root.
            format!("{GUN} precheck WARN"),
            format!("{GUN} publish PASS"),
            format!("{GUN} accept with notary PASS"),
            format!("{GUN} accept with docker PASS"),
            format!("{GUN} precheck PASS"),
            format!("{GUN} publish PASS"),
        ]
    );
    assert!(last(&out).1.contains("already live"));
    assert!(clients::notary_list(&server, GUN).success().contains("v1 "));
}

#[test]
fn server_keys_other_than_those_in_the_root_are_told_before() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let out = export(&folder, &server);
    let path = out.join("publish/REPOSITORIES");
    let signed = fs::read_to_string(&path).unwrap();
    certificate(folder.path());
    let (port, _running) = start_script("fixed_keys.py", folder.path(), &["c2lnbmVkIHRoaXM="]);
    let url = format!("https://127.0.0.1:{port}");
    let cacert = folder.path().join("cert.pem");
    let other = ["--server", &url, "--cacert", cacert.to_str().unwrap()];

    run_script(&out, "publish/precheck", &server, &other).failure(1);
    assert!(last(&out).1.contains("timestamp key is not the one that the root names"));
    let [gun, dir, _, _, root, ..] = signed.trim().split('\t').collect::<Vec<_>>()[..] else {
        panic!("{signed}")
    };
    fs::write(&path, format!("{gun}\t{dir}\tc2lnbmVkIHRoaXM=\t-\t{root}\t-\t-\n")).unwrap();
    run_script(&out, "publish/precheck", &server, &other).success();
    assert_eq!(last(&out).0, "PASS");
}

#[test]
fn the_tables_are_those_that_another_program_writes() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let out = foreign_export(folder.path(), &server, GUN, "changed");
    let read = |path: &str| fs::read_to_string(out.join(path)).unwrap();
    let public = |role| {
        let key = fs::read(folder.path().join(format!("{role}.key"))).unwrap();
        let key: serde_json::Value = serde_json::from_slice(&key).unwrap();
        key["keyval"]["public"].as_str().unwrap().to_owned()
    };
    let documents = |out: &Path| {
        [RoleName::root(), RoleName::targets()].map(|role| {
            let bytes = fs::read(out.join(format!("app/{role}.json"))).unwrap();
            online::Document { role, digest: Digest::of(&bytes) }
        })
    };
    let signed = documents(&out);
    let repository = online::Repository {
        name: GUN.parse().unwrap(),
        folder: "app".to_owned(),
        timestamp_key: public("timestamp"),
        snapshot_key: Some(public("snapshot")),
        keys_before: ["timestamp", "snapshot"].map(|role| Some(public(role))),
        before: documents(&folder.path().join("OUT-BEFORE")).to_vec(),
        root: signed[0].digest,
        documents: signed.to_vec(),
        tags: vec![online::Tag {
            name: "v2".to_owned(),
            digest: Digest::of(b"a manifest"),
            length: 10,
            role: RoleName::targets(),
        }],
    };
    for (path, bytes) in online::files(&[repository]).unwrap() {
        assert_eq!(String::from_utf8(bytes).unwrap(), read(path), "{path}");
    }
}

#[test]
fn a_name_that_somebody_took_is_told_before_and_refused_at_publishing() {
    let server = NotaryServer::start();
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let out = export(&second, &server);
    run_script(&export(&first, &server), "publish/publish", &server, &[]).success();

    run_script(&out, "publish/precheck", &server, &[]).failure(1);
    assert!(last(&out).1.contains("the name is taken"));
    run_script(&out, "publish/publish", &server, &[]).failure(1);
    assert!(last(&out).1.contains("the name is taken"));
    run_script(&out, "accept/accept", &server, &[]).failure(1);
    assert!(last(&out).1.contains("another root than the signed one"));
}

#[test]
fn the_first_repository_that_fails_keeps_the_rest_back_and_one_alone_can_be_chosen() {
    let server = NotaryServer::start();
    let (somebody, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    run_script(&export(&somebody, &server), "publish/publish", &server, &[]).success();
    let out = export(&folder, &server);
    let second = "registry.example.com/team/second";
    foreign_export(folder.path(), &server, second, "exact");

    run_script(&out, "publish/publish", &server, &[]).failure(1);
    assert_eq!(results(&out).len(), 1);
    assert_eq!(server.document(second, "root"), None);
    run_script(&out, "publish/publish", &server, &["--only", second]).success();
    run_script(&out, "accept/accept", &server, &["--only", second]).success();
    let said = run_script(&out, "publish/publish", &server, &["--only", "third"]).failure(2);
    assert!(said.contains("not in REPOSITORIES"));
}

#[test]
fn bytes_that_the_server_understands_otherwise_are_caught_though_it_answers_200() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let out = foreign_export(folder.path(), &server, GUN, "pretty");

    run_script(&out, "publish/publish", &server, &[]).failure(1);
    assert!(last(&out).1.contains("does not name the uploaded targets"));
    run_script(&out, "accept/accept", &server, &[]).failure(1);
    assert!(last(&out).1.contains("the client refuses it"));
}

#[test]
fn a_file_that_changed_since_the_ceremony_is_not_uploaded() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let out = export(&folder, &server);
    let root = out.join("app/root.json");
    fs::write(&root, fs::read_to_string(&root).unwrap() + "\n").unwrap();

    assert!(
        run_script(&out, "publish/publish", &server, &[])
            .failure(2)
            .contains("app/root.json: FAILED")
    );
    assert_eq!(server.document(GUN, "root"), None);
}

#[test]
fn a_tag_other_than_the_expected_ones_is_not_accepted() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let out = export(&folder, &server);
    run_script(&out, "publish/publish", &server, &[]).success();
    let expected = out.join("accept/EXPECTED");
    let signed = fs::read_to_string(&expected).unwrap();

    for altered in [
        signed.replace("v1", "v2"),
        signed.replace("\t10\t", "\t11\t"),
        format!("{signed}{}", signed.replace("v1", "v2")),
        signed.replace("\ttargets\n", "\ttargets/releases\n"),
        format!("{GUN}\t-\t-\t-\t-\n"),
    ] {
        fs::write(&expected, altered).unwrap();
        let said = run_script(&out, "accept/accept", &server, &["--client", "notary"]).failure(1);
        assert!(said.contains("other tags than were signed"), "{said}");
    }
}

#[test]
fn a_token_service_is_asked_with_the_password_from_a_file() {
    let server = NotaryServer::start_with_tokens();
    let folder = TempDir::new().unwrap();
    let out = export(&folder, &server);
    let right = server.tokens().netrc(PASSWORD);
    let wrong = server.tokens().netrc("wrong");

    for script in ["publish/precheck", "publish/publish"] {
        run_script(&out, script, &server, &[]).failure(1);
        run_script(&out, script, &server, &["--netrc-file", wrong.to_str().unwrap()]).failure(1);
        assert!(last(&out).1.contains("HTTP 401"), "{:?}", last(&out));
        run_script(&out, script, &server, &["--netrc-file", right.to_str().unwrap()]).success();
    }
    assert_eq!(server.document(GUN, "root").unwrap(), fs::read(out.join("app/root.json")).unwrap());
    // What the next ceremony begins from is fetched with it too, and not without.
    let fetch = |into: &str, login: &[&str]| {
        let into = folder.path().join(into);
        let asked = ["--gun", GUN, "--into", into.to_str().unwrap()];
        run_script(&out, "publish/fetch", &server, &[&asked[..], login].concat())
    };
    fetch("nothing", &[]).failure(1);
    assert!(!folder.path().join("nothing").join(GUN).exists());
    fetch("before", &["--netrc-file", right.to_str().unwrap()]).success();
    let fetched = fs::read(folder.path().join("before").join(GUN).join("root.json")).unwrap();
    assert_eq!(fetched, fs::read(out.join("app/root.json")).unwrap());
}

#[test]
fn clients_that_log_in_accept_what_strangers_may_not_see() {
    let server = NotaryServer::start_with_tokens();
    let folder = TempDir::new().unwrap();
    let out = export(&folder, &server);
    let netrc = server.tokens().netrc(PASSWORD);
    run_script(&out, "publish/publish", &server, &["--netrc-file", netrc.to_str().unwrap()])
        .success();

    let login = data_encoding::BASE64.encode(format!("{NAME}:{PASSWORD}").as_bytes());
    let config = format!(r#"{{"auths": {{"registry.example.com": {{"auth": "{login}"}}}}}}"#);
    fs::write(folder.path().join("config.json"), config).unwrap();
    let accept = |login: &str| {
        run(command(&out, "accept/accept", &server)
            .env("NOTARY_AUTH", login)
            .env("DOCKER_CONFIG", if login.is_empty() { &out } else { folder.path() }))
    };
    accept("").failure(1);
    accept(&login).success();
}

#[test]
fn a_token_from_a_file_is_sent_and_shown_nowhere() {
    let server = NotaryServer::start_with_tokens();
    let folder = TempDir::new().unwrap();
    let out = export(&folder, &server);
    let token = server.tokens().token(&format!("repository:{GUN}:pull,push"), &server.cacert());
    let file = folder.path().join("token");

    fs::write(&file, "not.a.token\n").unwrap();
    let option = ["--token-file", file.to_str().unwrap()];
    assert!(run_script(&out, "publish/publish", &server, &option).failure(1).contains("HTTP 401"));
    fs::write(&file, &token).unwrap();
    let said = run_script(&out, "publish/publish", &server, &option).success();
    assert!(!said.contains(&token));
    assert!(!fs::read_to_string(out.join("RESULT")).unwrap().contains(&token));
}

#[test]
fn a_server_that_does_not_answer_is_told_in_its_own_words() {
    let server = NotaryServer::start();
    let folder = TempDir::new().unwrap();
    let out = export(&folder, &server);
    let nobody = ["--server", "https://127.0.0.1:1"];

    for script in ["publish/precheck", "publish/publish"] {
        let said = run_script(&out, script, &server, &nobody).failure(1);
        assert!(said.contains("Couldn't connect") || said.contains("Failed to connect"), "{said}");
    }
    run_script(&out, "accept/accept", &server, &nobody).failure(1);
    assert!(
        run_script(&out, "publish/publish", &server, &["--server", "http://127.0.0.1:1"])
            .failure(2)
            .contains("usage:")
    );
}

//! The real clients and servers, and that the tests drive them rightly.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "peers/care_ceremonies.rs"]
mod care_ceremonies;
#[path = "peers/changes_published.rs"]
mod changes_published;
#[path = "peers/changes_real.rs"]
mod changes_real;
#[path = "peers/delegations_real.rs"]
mod delegations_real;
#[path = "peers/fleets_real.rs"]
mod fleets_real;
#[path = "peers/judgement.rs"]
mod judgement;
#[path = "pty/mod.rs"]
mod pty;
#[path = "peers/publishing.rs"]
mod publishing;
#[path = "peers/real_client.rs"]
mod real_client;
#[path = "peers/real_runs.rs"]
mod real_runs;
#[path = "peers/requests_real.rs"]
mod requests_real;
#[path = "peers/root_changes_real.rs"]
mod root_changes_real;
mod stage;
mod support;
#[path = "peers/token_ceremonies.rs"]
mod token_ceremonies;
#[path = "peers/token_commands.rs"]
mod token_commands;
#[path = "peers/tokens.rs"]
mod tokens;
#[path = "peers/yubikeys.rs"]
mod yubikeys;

use std::fs;

use support::{clients, notary::NotaryServer, tuf};
use tempfile::TempDir;

const GUN: &str = "registry.example.com/team/app";

#[test]
fn a_repository_of_the_real_client_is_read_by_notary_and_docker_from_nothing() {
    let server = NotaryServer::start();
    let trust = TempDir::new().unwrap();
    let file = trust.path().join("manifest");
    fs::write(&file, b"a manifest").unwrap();
    clients::notary(&server, trust.path(), &["init", "-p", GUN]).success();
    clients::notary(&server, trust.path(), &["add", "-p", GUN, "v1", file.to_str().unwrap()])
        .success();

    let listed = clients::notary_list(&server, GUN).success();
    assert!(
        listed.lines().any(|line| line.starts_with("v1 ") && line.contains("targets")),
        "{listed}"
    );
    let inspected = clients::docker_trust_inspect(&server, GUN).success();
    assert!(inspected.contains(r#""SignedTag": "v1""#), "{inspected}");
    assert!(server.document(GUN, "root").is_some());
    assert_eq!(server.document(GUN, "targets/releases"), None);
}

#[test]
fn a_repository_that_is_not_there_is_refused_by_both_clients() {
    let server = NotaryServer::start();
    clients::notary_list(&server, GUN).failure(1);
    clients::docker_trust_inspect(&server, GUN).failure(1);
}

#[test]
fn the_server_gives_both_keys() {
    let server = NotaryServer::start();
    for role in ["timestamp", "snapshot"] {
        let key: serde_json::Value = serde_json::from_slice(&server.key(GUN, role)).unwrap();
        assert_eq!(key["keytype"], "ed25519");
    }
}

#[test]
fn the_python_client_downloads_from_a_repository_of_its_own_library() {
    let folder = TempDir::new().unwrap();
    let repository = folder.path().join("repository");
    tuf::make_repository(&repository, "app.txt", "hello");
    let (metadata, targets) = (repository.join("metadata"), repository.join("targets"));
    let download = |name| {
        tuf::ngclient(&metadata.join("1.root.json"), &metadata, &targets, name, folder.path())
    };

    download("app.txt").success();
    assert_eq!(fs::read_to_string(folder.path().join("app.txt")).unwrap(), "hello");
    assert!(download("absent.txt").failure(1).contains("finds no target"));

    let signed = fs::read_to_string(metadata.join("1.targets.json")).unwrap();
    fs::write(metadata.join("1.targets.json"), signed.replace("app.txt", "bad.txt")).unwrap();
    assert!(download("bad.txt").failure(1).contains("UnsignedMetadataError"));
}

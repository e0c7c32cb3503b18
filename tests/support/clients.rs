//! The `notary` and `docker` clients, each with a home of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::ceremony::PASSPHRASE;
use super::command::{Ran, run, unpacked_docker};
use super::notary::NotaryServer;

/// `notary ARGUMENTS` against a server, with `trust` as its trust directory; every passphrase is that of
/// the ceremonies of these tests.
pub(crate) fn notary(server: &NotaryServer, trust: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new("notary");
    for role in ["ROOT", "TARGETS", "SNAPSHOT", "DELEGATION"] {
        command.env(format!("NOTARY_{role}_PASSPHRASE"), PASSPHRASE);
    }
    command
        .arg("-s")
        .arg(server.url())
        .arg("--tlscacert")
        .arg(server.cacert())
        .arg("-d")
        .arg(trust);
    run(command.args(arguments))
}

/// What a notary client that has never seen the repository lists: one line a tag (name, SHA-256, length, role) under two
/// lines of heading.
pub(crate) fn notary_list(server: &NotaryServer, gun: &str) -> Ran {
    notary(server, TempDir::new().unwrap().path(), &["list", gun])
}

/// `docker trust inspect` by a client that has never seen the repository: JSON.
pub(crate) fn docker_trust_inspect(server: &NotaryServer, gun: &str) -> Ran {
    let home = TempDir::new().unwrap();
    let tls = home.path().join("tls").join(server.address());
    fs::create_dir_all(&tls).unwrap();
    fs::copy(server.cacert(), tls.join("ca.crt")).unwrap();
    let program = unpacked_docker().map_or_else(|| "docker".into(), |folder| folder.join("docker"));
    run(Command::new(program)
        .env("DOCKER_CONFIG", home.path())
        .env("DOCKER_CONTENT_TRUST_SERVER", server.url())
        .args(["trust", "inspect", gun]))
}

/// Clients that look at a repository again and again: one that looks at every state, others that slept since the state
/// that they saw, and docker, which never saw it.
#[derive(Debug)]
pub(crate) struct Watchers<'a> {
    server: &'a NotaryServer,
    gun: &'a str,
    awake: TempDir,
    asleep: Vec<TempDir>,
}

impl<'a> Watchers<'a> {
    /// Nobody has looked yet.
    pub(crate) fn new(server: &'a NotaryServer, gun: &'a str) -> Self {
        Self { server, gun, awake: TempDir::new().unwrap(), asleep: Vec::new() }
    }

    /// What a client that was awake, a new one, which falls asleep, and docker read now.
    pub(crate) fn look(&mut self) -> [String; 3] {
        self.asleep.push(TempDir::new().unwrap());
        let last = self.asleep.last().unwrap();
        let [awake, fresh] = [&self.awake, last].map(|trust| self.list(trust));
        [awake, fresh, docker_trust_inspect(self.server, self.gun).success()]
    }

    /// What those read who slept, one for each time somebody looked.
    pub(crate) fn wake(&self) -> Vec<String> {
        self.asleep.iter().map(|trust| self.list(trust)).collect()
    }

    fn list(&self, trust: &TempDir) -> String {
        notary(self.server, trust.path(), &["list", self.gun]).success()
    }
}

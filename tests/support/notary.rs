//! A real `notary-server` on loopback: memory storage, keys of its own for timestamp and snapshot, TLS.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use super::command::{Ran, run};
use super::loopback::{Running, certificate, free_port};
use super::token_service::TokenService;

/// A running server; dropping it ends it and forgets what it stored.
#[derive(Debug)]
pub(crate) struct NotaryServer {
    port: u16,
    tokens: Option<TokenService>,
    // Ended before its folder goes.
    _running: Running,
    folder: TempDir,
}

impl NotaryServer {
    /// A server that asks nobody who they are.
    pub(crate) fn start() -> Self {
        Self::start_with(None)
    }

    /// A server that wants a bearer token from a token service, which it names.
    pub(crate) fn start_with_tokens() -> Self {
        Self::start_with(Some(TokenService::start()))
    }

    fn start_with(tokens: Option<TokenService>) -> Self {
        let folder = TempDir::new().unwrap();
        match &tokens {
            // One authority for both, so that one `--cacert` serves.
            Some(service) => service.copy_certificate(folder.path()),
            None => certificate(folder.path()),
        }
        let auth = tokens.as_ref().map(TokenService::server_option).unwrap_or_default();
        // Another process may take the port between finding it and using it: try another one then.
        for _ in 0..5 {
            let port = free_port();
            fs::write(folder.path().join("server.json"), configuration(port, &auth)).unwrap();
            let log = File::create(folder.path().join("log")).unwrap();
            let child = Command::new("notary-server")
                .args(["-config", "server.json"])
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap_or_else(|error| {
                    panic!("notary-server: {error}; run 'scripts/setup --tests'")
                });
            let mut running = Running(child);
            let cacert = folder.path().join("cert.pem");
            for _ in 0..200 {
                if running.0.try_wait().unwrap().is_some() {
                    break;
                }
                if answers(port, &cacert) {
                    return Self { port, tokens, _running: running, folder };
                }
                sleep(Duration::from_millis(50));
            }
        }
        panic!(
            "notary-server does not start: {}",
            fs::read_to_string(folder.path().join("log")).unwrap_or_default()
        );
    }

    /// `https://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address())
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The certificate authority to trust for this server, PEM.
    pub(crate) fn cacert(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// The token service; panics for a server that has none.
    pub(crate) fn tokens(&self) -> &TokenService {
        self.tokens.as_ref().expect("a server started with a token service")
    }

    /// The server's public key for `timestamp` or `snapshot`, the bytes that it answers. Until a first root is stored
    /// each call gives another key, and each of them will do.
    pub(crate) fn key(&self, gun: &str, role: &str) -> Vec<u8> {
        self.fetch(gun, &format!("{role}.key")).success().into_bytes()
    }

    /// Asks for another key of that role, which takes the place of the old one once a root names it.
    pub(crate) fn new_key(&self, gun: &str, role: &str) -> Vec<u8> {
        let url = format!("{}/v2/{gun}/_trust/tuf/{role}.key", self.url());
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail", "-X", "POST", "--cacert"]);
        run(command.arg(self.cacert()).arg(url)).success().into_bytes()
    }

    /// A stored document, or none when the server has none of that name.
    pub(crate) fn document(&self, gun: &str, role: &str) -> Option<Vec<u8>> {
        let answer = self.fetch(gun, &format!("{role}.json"));
        (answer.code == Some(0)).then(|| answer.stdout.into_bytes())
    }

    fn fetch(&self, gun: &str, file: &str) -> Ran {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail", "--cacert"]).arg(self.cacert());
        if let Some(service) = &self.tokens {
            let token = service.token(&format!("repository:{gun}:pull,push"), &self.cacert());
            command.arg("-H").arg(format!("Authorization: Bearer {token}"));
        }
        run(command.arg(format!("{}/v2/{gun}/_trust/tuf/{file}", self.url())))
    }
}

fn configuration(port: u16, auth: &str) -> String {
    format!(
        r#"{{"server": {{"http_addr": "127.0.0.1:{port}", "tls_cert_file": "cert.pem", "tls_key_file": "key.pem"}},
            "trust_service": {{"type": "local"}}, "storage": {{"backend": "memory"}}, {auth}
            "logging": {{"level": "info"}}}}"#
    )
}

/// Any HTTP answer will do: with a token service it is 401.
fn answers(port: u16, cacert: &PathBuf) -> bool {
    let ran = run(Command::new("curl")
        .args(["--silent", "--output", "/dev/null", "--cacert"])
        .arg(cacert)
        .arg(format!("https://127.0.0.1:{port}/v2/")));
    ran.code == Some(0)
}

//! A stand-in for a registry's token service, beside a Notary server that asks for its tokens.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::command::run;
use super::loopback::{Running, certificate, start_script};

/// The name that the service knows.
pub(crate) const NAME: &str = "publisher";
/// Its password.
pub(crate) const PASSWORD: &str = "correct-horse";

/// A running token service; dropping it ends it.
#[derive(Debug)]
pub(crate) struct TokenService {
    port: u16,
    _running: Running,
    folder: TempDir,
}

impl TokenService {
    /// Starts it with a certificate of its own.
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        certificate(folder.path());
        let options = ["notary-server", "stand-in", NAME, PASSWORD];
        let (port, running) = start_script("token_service.py", folder.path(), &options);
        Self { port, _running: running, folder }
    }

    /// Gives a server the certificate and key of this service.
    pub(crate) fn copy_certificate(&self, to: &Path) {
        for file in ["cert.pem", "key.pem"] {
            fs::copy(self.folder.path().join(file), to.join(file)).unwrap();
        }
    }

    /// The `auth` member of a Notary server's configuration, with a comma at its end.
    pub(crate) fn server_option(&self) -> String {
        format!(
            r#""auth": {{"type": "token", "options": {{"realm": "https://127.0.0.1:{}/token", "service": "notary-server",
                "issuer": "stand-in", "rootcertbundle": "cert.pem"}}}},"#,
            self.port
        )
    }

    /// A token for `scope`, such as `repository:GUN:pull,push`, as the service gives it to the name it knows.
    pub(crate) fn token(&self, scope: &str, cacert: &Path) -> String {
        let answer = run(Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--fail",
                "--user",
                &format!("{NAME}:{PASSWORD}"),
                "--cacert",
            ])
            .arg(cacert)
            .args(["--get", "--data-urlencode", &format!("scope={scope}")])
            .arg(format!("https://127.0.0.1:{}/token", self.port)))
        .success();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        answer["token"].as_str().unwrap().to_owned()
    }

    /// A netrc file with the right password, or with a wrong one.
    pub(crate) fn netrc(&self, password: &str) -> PathBuf {
        let path = self.folder.path().join(format!("netrc-{password}"));
        fs::write(&path, format!("machine 127.0.0.1 login {NAME} password {password}\n")).unwrap();
        path
    }
}

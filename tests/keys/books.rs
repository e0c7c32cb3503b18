//! A workspace with secrets handed over, for tests.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anchorite::keystore::agefile::AgeFile;
use anchorite::keystore::{KeyStore as _, Label, Rules, Secret, SecretKind, Spec, Unlock};
use anchorite::tuf::key::Algorithm;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::support::command::{Ran, in_package, run};

/// The passphrase of every key from now on.
pub(crate) const PASSPHRASE: &str = "a-long-Passphrase-for-7-tests";

/// A folder with a workspace `BOOK`.
pub(crate) struct Book(TempDir);

impl Book {
    pub(crate) fn new() -> Self {
        let book = Self(TempDir::new().unwrap());
        book.run(&["media", "enrol", "BOOK", "--role", "book"], &[]).success();
        book
    }

    /// A place beside or in the workspace.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Runs the program beside the workspace, with these secrets handed over.
    pub(crate) fn run(&self, arguments: &[&str], secrets: &[(&str, &str)]) -> Ran {
        self.run_on(&std::env::var_os("PATH").unwrap_or_default(), arguments, secrets)
    }

    /// The same, where programs are found on this path.
    pub(crate) fn run_on(&self, path: &OsStr, arguments: &[&str], secrets: &[(&str, &str)]) -> Ran {
        let lines: String =
            secrets.iter().map(|(key, secret)| format!("{key}\t{secret}\n")).collect();
        fs::write(self.at("handed"), lines).unwrap();
        let fd = if secrets.is_empty() { "" } else { " --passphrase-fd 3 3<handed" };
        run(Command::new("sh")
            .args(["-c", &format!("exec \"$0\" \"$@\"{fd}")])
            .arg(env!("CARGO_BIN_EXE_anchorite"))
            .args(arguments)
            .env("ANCHORITE_WORKSPACE", self.at("BOOK"))
            .env("PATH", path)
            .current_dir(self.0.path()))
    }

    /// With a key `tagging`, whose file takes no time to open.
    pub(crate) fn with_key() -> Self {
        let book = Self::new();
        let label = Label {
            key: "tagging".parse().unwrap(),
            holder: String::new(),
            place: String::new(),
            kind: SecretKind::Passphrase,
        };
        let spec = Spec { algorithm: Algorithm::P256, pin: None, touch: None, replaces: None };
        let mut store = AgeFile::new(book.at("BOOK/keys"), label).with_work_factor(4);
        store.make(&spec, &mut Says).unwrap();
        book
    }

    /// Puts a file of the test data beside the workspace, for its owner alone.
    pub(crate) fn bring(&self, data: &str, to: &str) {
        let to = self.at(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(in_package("tests/data/keys").join(data), &to).unwrap();
        mode(&to, 0o600);
    }

    /// The names of the key files.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.at("BOOK/keys"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A new identity of age, its owner's alone: its recipient.
    pub(crate) fn identity(&self, to: &str) -> String {
        run(Command::new("age-keygen").arg("-o").arg(self.at(to))).success();
        let text = fs::read_to_string(self.at(to)).unwrap();
        text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned()
    }
}

pub(crate) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Somebody who always says the same passphrase.
struct Says;

impl Unlock for Says {
    fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
        Some(Secret::new(Zeroizing::new(PASSPHRASE.to_owned())))
    }
    fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
        self.secret(label, None)
    }
    fn touch(&mut self, _: &Label) {}
}

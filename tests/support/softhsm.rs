//! A SoftHSM token in a folder of its own, and the program wrapped so that it finds it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::command::run;
use super::wrapped::program;

/// Where Debian puts the module.
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// The PIN of every token.
pub(crate) const PIN: &str = "314159";

/// A folder with SoftHSM tokens.
#[derive(Debug)]
pub(crate) struct SoftHsm {
    folder: TempDir,
}

impl SoftHsm {
    pub(crate) fn new() -> Self {
        assert!(Path::new(MODULE).is_file(), "{MODULE} is missing: run scripts/setup --tests");
        let folder = TempDir::new().unwrap();
        let tokens = folder.path().join("tokens");
        fs::create_dir(&tokens).unwrap();
        let settings = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        fs::write(folder.path().join("softhsm2.conf"), settings).unwrap();
        Self { folder }
    }

    /// The settings file, for the variable `SOFTHSM2_CONF`.
    pub(crate) fn conf(&self) -> PathBuf {
        self.folder.path().join("softhsm2.conf")
    }

    /// Makes a token and gives its serial number.
    pub(crate) fn token(&self, label: &str) -> String {
        self.token_with(label, PIN)
    }

    /// Makes a token with another PIN.
    pub(crate) fn token_with(&self, label: &str, pin: &str) -> String {
        let said = run(Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", label, "--pin", pin])
            .args(["--so-pin", "87654321"])
            .env("SOFTHSM2_CONF", self.conf()))
        .success();
        assert!(said.contains("initialized"), "{said}");
        let slots = run(Command::new("softhsm2-util")
            .arg("--show-slots")
            .env("SOFTHSM2_CONF", self.conf()))
        .success();
        let mut serial = String::new();
        for line in slots.lines().map(str::trim) {
            if let Some(found) = line.strip_prefix("Serial number:") {
                found.trim().clone_into(&mut serial);
            }
            if line.strip_prefix("Label:").is_some_and(|found| found.trim() == label) {
                return serial;
            }
        }
        panic!("{label} is not among the tokens: {slots}");
    }

    /// This program, with the environment that a module of these tokens needs.
    pub(crate) fn program(&self, more: &[(&str, &str)]) -> PathBuf {
        let name = more.iter().map(|(_, value)| (*value).to_owned()).collect::<Vec<_>>().join("-");
        let conf = self.conf();
        let mut variables = vec![("SOFTHSM2_CONF", conf.as_os_str())];
        variables.extend(more.iter().map(|(variable, value)| (*variable, OsStr::new(*value))));
        program(self.folder.path(), &format!("anchorite{name}"), &variables)
    }

    /// A module that is SoftHSM, but for what it does when it signs: see `bad_module.c`.
    pub(crate) fn bad_module(&self) -> PathBuf {
        let module = self.folder.path().join("bad_module.so");
        run(Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(&module)
            .args(["tests/support/bad_module.c", "-ldl"]))
        .success();
        module
    }
}

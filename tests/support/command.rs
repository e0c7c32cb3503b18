//! Running other programs and reading what they said.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a finished program left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit status; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Everything it wrote to its standard output.
    pub(crate) stdout: String,
    /// Everything it wrote to its standard error.
    pub(crate) stderr: String,
}

impl Ran {
    /// The standard output of a program that must have ended with 0.
    pub(crate) fn success(self) -> String {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// Both outputs of a program that must have ended with `code`.
    pub(crate) fn failure(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout + &self.stderr
    }
}

/// Runs a program to its end, without a terminal and without input.
pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; run 'scripts/setup --tests'"));
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A path inside the package.
pub(crate) fn in_package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A Python script of `tests/support/`, run by the pinned environment.
pub(crate) fn python(script: &str) -> Command {
    let mut command = Command::new(in_package("target/peers/venv/bin/python"));
    command.arg(in_package("tests/support").join(script));
    command
}

/// The folder of the docker client that set-up unpacked, when it had to.
pub(crate) fn unpacked_docker() -> Option<PathBuf> {
    Some(in_package("target/peers/docker/usr/bin")).filter(|folder| folder.join("docker").exists())
}

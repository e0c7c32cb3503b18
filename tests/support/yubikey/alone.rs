//! Tests that call PC/SC in their own process.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use super::pcscd::SOCKET;

const ALONE: &str = "YUBIKEY_TEST_ALONE";

/// Runs the body of the test `name` (its whole path in the test binary) in a process of its own.
///
/// A PC/SC client reads the path of its daemon's socket from the environment, once; so the path has to be there before the
/// process begins. The test binary is started again for this one test, and the daemon that the body starts takes that path:
/// each test has a daemon of its own, and tests may run side by side.
pub(crate) fn alone(name: &str, body: impl FnOnce()) {
    if env::var_os(ALONE).is_some() {
        return body();
    }
    let folder = tempfile::Builder::new().prefix("card").tempdir().unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(ALONE, "")
        .env(SOCKET, folder.path().join("pcscd.comm"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The socket that the daemon of this process is to have, when a test runs alone in it.
pub(super) fn own_socket() -> Option<PathBuf> {
    env::var_os(ALONE).and_then(|_| env::var_os(SOCKET)).map(PathBuf::from)
}

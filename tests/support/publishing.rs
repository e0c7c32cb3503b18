//! The shell scripts of a Notary export, run as the people online would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anchorite::ceremony::export::online;

use super::command::{Ran, python, run, unpacked_docker};
use super::notary::NotaryServer;

/// Runs `script` (such as `publish/precheck`) of the export in `out` with `sh`, naming the server and its authority.
/// Of an option that `more` repeats, the later one counts.
pub(crate) fn run_script(out: &Path, script: &str, server: &NotaryServer, more: &[&str]) -> Ran {
    run(command(out, script, server).args(more))
}

/// The same, not yet run.
pub(crate) fn command(out: &Path, script: &str, server: &NotaryServer) -> Command {
    let mut command = Command::new("sh");
    if let Some(folder) = unpacked_docker() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders).unwrap());
    }
    command
        .arg(out.join(script))
        .args(["--server", &server.url(), "--cacert"])
        .arg(server.cacert());
    command
}

/// The lines of an export's RESULT without their times: repository, step, outcome, detail.
pub(crate) fn results(out: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(out.join("RESULT")).unwrap();
    text.lines().map(|line| line.split('\t').skip(1).map(str::to_owned).collect()).collect()
}

/// An export of a first root with the tag `v1`, made without the program under test: `form` is `exact`, or `pretty` for
/// a targets file that a server accepts and no client does. With `changed` that export is in `OUT-BEFORE`, and two changes
/// that follow it, to the tag `v2` and another targets key, are in `OUT` and `OUT-OTHER`. Called again, it adds a repository
/// to the same exports.
pub(crate) fn foreign_export(
    folder: &Path,
    server: &NotaryServer,
    gun: &str,
    form: &str,
) -> PathBuf {
    let keys = ["timestamp", "snapshot"].map(|role| {
        let path = folder.join(format!("{role}.key"));
        fs::write(&path, server.key(gun, role)).unwrap();
        path
    });
    foreign_export_for_keys(folder, gun, &keys, form)
}

/// The same for keys that the caller fetched.
pub(crate) fn foreign_export_for_keys(
    folder: &Path,
    gun: &str,
    keys: &[PathBuf; 2],
    form: &str,
) -> PathBuf {
    let out = folder.join("OUT");
    run(python("first_root.py").arg(&out).arg(gun).args(keys).arg(form)).success();
    let made = ["OUT", "OUT-BEFORE", "OUT-OTHER"].map(|name| folder.join(name));
    for out in made.iter().filter(|out| out.exists()) {
        for (path, bytes) in online::files(&[]).unwrap() {
            if !out.join(path).exists() {
                fs::write(out.join(path), bytes).unwrap();
            }
        }
    }
    out
}

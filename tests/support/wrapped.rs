//! The program with variables in its environment, as a file: what drives tokens is started by path alone.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Writes the wrapper into a folder, and gives its path.
pub(crate) fn program(folder: &Path, name: &str, variables: &[(&str, &OsStr)]) -> PathBuf {
    let path = folder.join(name);
    let mut script = "#!/bin/sh\n".to_owned();
    for (variable, value) in variables {
        script.push_str(&format!("export {variable}='{}'\n", value.to_str().unwrap()));
    }
    script.push_str(&format!("exec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_anchorite")));
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

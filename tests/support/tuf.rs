//! The Python reference client of TUF.

use std::fs;
use std::path::{Path, PathBuf};

use anchorite::tuf::digest::Digest;
use tempfile::TempDir;

use super::command::{Ran, python, run};

/// Lets python-tuf's client, which knows `root` alone, download `target` into the folder `out`. `metadata` and `targets`
/// are read as a file server would serve them. Ends 0 with the file there, or 1 with the client's own words.
pub(crate) fn ngclient(
    root: &Path,
    metadata: &Path,
    targets: &Path,
    target: &str,
    out: &Path,
) -> Ran {
    run(python("ngclient.py").arg(root).arg(metadata).arg(targets).arg(target).arg(out))
}

/// Makes `folder/metadata` and `folder/targets` with python-tuf itself: one target, a 2-of-2 root.
pub(crate) fn make_repository(folder: &Path, target: &str, content: &str) {
    run(python("make_tuf.py").arg(folder).args([target, content])).success();
}

/// A TUF repository as a file server has it, and a client that keeps what it knows.
#[derive(Debug)]
pub(crate) struct Served(TempDir);

impl Served {
    /// Serves the files of a folder.
    pub(crate) fn of(metadata: &Path) -> Self {
        let served = Self(TempDir::new().unwrap());
        for folder in ["metadata", "targets", "cache"] {
            fs::create_dir(served.at(folder)).unwrap();
        }
        served.add(metadata);
        served
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The folder with the documents.
    pub(crate) fn metadata(&self) -> PathBuf {
        self.at("metadata")
    }

    /// Puts the documents of a folder beside, or in the place of, those that are there.
    pub(crate) fn add(&self, from: &Path) {
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, self.metadata().join(path.file_name().unwrap())).unwrap();
        }
    }

    /// Puts a target there.
    pub(crate) fn target(&self, path: &str, content: &str) {
        let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
        let folder = self.at("targets").join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{}.{name}", Digest::of(content.as_bytes()))), content)
            .unwrap();
    }

    /// Every root from the first one, by name.
    pub(crate) fn roots(&self) -> Vec<String> {
        let names = (1..).map(|version| format!("{version}.root.json"));
        names.take_while(|name| self.metadata().join(name).exists()).collect()
    }

    /// Every root, the newest one of every other document, and the timestamp, by name: where a change begins.
    pub(crate) fn newest(&self) -> Vec<String> {
        let mut all = self.roots();
        let mut others = std::collections::BTreeMap::<String, u64>::new();
        for entry in fs::read_dir(self.metadata()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if let Some((version, role)) = name.split_once('.')
                && let Ok(version) = version.parse::<u64>()
                && role != "root.json"
            {
                let known = others.entry(role.to_owned()).or_default();
                *known = version.max(*known);
            }
        }
        all.extend(others.into_iter().map(|(role, version)| format!("{version}.{role}")));
        all.push("timestamp.json".to_owned());
        all
    }

    /// What clients at every root say of a target, and one that keeps what it saw; all of them must find it.
    pub(crate) fn all_find(&self, target: &str) {
        self.ask(&self.roots(), target, true).success();
    }

    /// What a client at this root says of a target.
    pub(crate) fn from(&self, root: &str, target: &str) -> Ran {
        self.ask(&[root.to_owned()], target, false)
    }

    fn ask(&self, roots: &[String], target: &str, keeps: bool) -> Ran {
        let downloads = TempDir::new().unwrap();
        let roots: Vec<_> = roots.iter().map(|root| self.metadata().join(root)).collect();
        let mut command = python("ngclient.py");
        command.arg(std::env::join_paths(roots).unwrap()).arg(self.metadata());
        command.arg(self.at("targets")).arg(target).arg(downloads.path());
        if keeps {
            command.arg(self.at("cache"));
        }
        run(&mut command)
    }

    /// The online side signs the next snapshot and timestamp with its key.
    pub(crate) fn sign_online(&self, key: &Path) {
        run(python("sign_online.py").arg(self.metadata()).arg(key)).success();
    }
}

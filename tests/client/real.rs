//! Sigstore's own metadata: fifteen roots of five years, with all that they hold.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anchorite::driver::folder::Folder;
use anchorite::tuf::client::{Client, KeepsNothing, Walk, check_target, target_name, walk};
use anchorite::tuf::document::Dialect;
use anchorite::tuf::verify::Candidate;

const AT: &str = "2026-08-22T00:00:00Z";

/// The folder with the data of others, where there is one: it is not ours to hand on.
#[expect(clippy::print_stdout, reason = "a test that is not run says so")]
fn sigstore() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("ANCHORITE_REFERENCE_DATA") else {
        println!("not run: ANCHORITE_REFERENCE_DATA does not say where sigstore/ is");
        return None;
    };
    let folder = PathBuf::from(folder).join("sigstore");
    assert!(folder.join("metadata/1.root.json").is_file(), "{} is empty", folder.display());
    Some(folder)
}

fn walked(folder: &std::path::Path, version: u64, at: &str) -> Walk {
    let metadata = folder.join("metadata");
    let root = fs::read(metadata.join(format!("{version}.root.json"))).unwrap();
    let root = Candidate::read(Dialect::Tuf1, &root).unwrap().trusted_on_first_use().unwrap();
    let mut documents = Folder::new(&metadata);
    walk(Dialect::Tuf1, root, &mut documents, at.parse().unwrap(), &BTreeSet::new())
}

#[test]
fn sigstore_is_accepted_whole_from_each_of_its_roots() {
    let Some(folder) = sigstore() else { return };
    for version in 1..=15 {
        let walk = walked(&folder, version, AT);
        assert!(walk.accepted(), "from {version}: {:?}", walk.steps);
        assert_eq!(walk.root.unwrap().root().body().version, 15);
        let roles: Vec<_> = walk.targets.keys().map(ToString::to_string).collect();
        assert_eq!(roles, ["registry.npmjs.org", "targets"]);
    }
}

#[test]
fn sigstore_is_refused_once_it_has_expired() {
    let Some(folder) = sigstore() else { return };
    assert!(!walked(&folder, 15, "2027-08-22T00:00:00Z").accepted());
}

#[test]
fn every_target_of_sigstore_is_the_file_that_is_signed() {
    let Some(folder) = sigstore() else { return };
    let metadata = folder.join("metadata");
    let root = fs::read(metadata.join("1.root.json")).unwrap();
    let root = Candidate::read(Dialect::Tuf1, &root).unwrap().trusted_on_first_use().unwrap();
    let (mut documents, mut kept) = (Folder::new(&metadata), KeepsNothing);
    let mut client = Client::new(root, &mut documents, &mut kept, AT.parse().unwrap());
    for (path, role) in [
        ("trusted_root.json", "targets"),
        ("rekor.pub", "targets"),
        ("registry.npmjs.org/keys.json", "registry.npmjs.org"),
    ] {
        let found = client.find(path).unwrap().unwrap();
        assert_eq!(found.role.as_str(), role);
        let name = target_name(path, &found.file, true).unwrap();
        // This folder puts the hash before the first segment, where the specification puts it before the last.
        let hash = name.split('/').next_back().unwrap().split('.').next().unwrap();
        let flat = folder.join("targets").join(format!("{hash}.{path}"));
        let bytes = fs::read(&flat).or_else(|_| fs::read(folder.join("targets").join(&name)));
        check_target(&found.file, &bytes.unwrap()).unwrap();
    }
    assert!(client.find("nobody/signs/this").unwrap().is_none());
}

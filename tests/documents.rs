//! Documents that real clients and servers made are read and written again byte for byte.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};

use anchorite::tuf::document::Dialect;
use anchorite::tuf::root::Root;
use anchorite::tuf::signed::{Signed, sniff};
use anchorite::tuf::snapshot::{Snapshot, Timestamped};
use anchorite::tuf::targets::Targets;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            found.push(path);
        }
    }
}

#[test]
fn every_document_of_the_real_notary_is_written_again_byte_for_byte() {
    let mut found = Vec::new();
    files(Path::new("tests/data/notary-v1/meta"), &mut found);
    assert!(found.len() > 40, "{}", found.len());
    for path in found {
        let bytes = fs::read(&path).unwrap();
        let (dialect, kind) = sniff(&bytes).unwrap();
        assert_eq!(dialect, Dialect::Notary1);
        let again = match kind.as_str() {
            "root" => Signed::<Root>::read(dialect, &bytes).unwrap().reemitted(),
            "targets" => Signed::<Targets>::read(dialect, &bytes).unwrap().reemitted(),
            "snapshot" => Signed::<Snapshot>::read(dialect, &bytes).unwrap().reemitted(),
            _ => Signed::<Timestamped>::read(dialect, &bytes).unwrap().reemitted(),
        };
        assert_eq!(String::from_utf8(again), String::from_utf8(bytes), "{}", path.display());
    }
}

#[test]
fn a_document_of_the_other_dialect_is_named_as_such() {
    let bytes = fs::read("tests/data/notary-v1/meta/1.root.json").unwrap();
    let error = Signed::<Root>::read(Dialect::Tuf1, &bytes).unwrap_err();
    assert_eq!(error.to_string(), "expected a tuf1 root document, found notary1 root");
}

//! The house: which floor may import which, and what each may touch. Test code at the end of a file is not looked at.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each floor, what it may import, and what it may not touch.
const FLOORS: [(&str, &[&str], &[&str]); 6] = [
    ("tuf", &[], PURE),
    ("ceremony", &["tuf"], PURE),
    ("keystore", &["tuf"], &["std::time", "std::thread", "std::env", "println!", "eprintln!"]),
    ("driver", &["tuf", "ceremony", "keystore"], &["std::env::", "println!", "eprintln!"]),
    (
        "front",
        &["tuf", "ceremony", "driver", "keystore"],
        &["std::fs::read", "std::fs::write", "std::env", "println!"],
    ),
    ("cli", &["tuf", "ceremony", "keystore", "driver", "front"], &[]),
];

/// What a pure floor never touches.
const PURE: &[&str] = &[
    "std::fs",
    "std::io",
    "std::time",
    "std::thread",
    "std::env",
    "std::process",
    "getrandom",
    "rustix",
    "crossterm",
    "println!",
    "eprintln!",
];

/// What nothing touches.
const NOWHERE: [&str; 4] = ["std::net", "unsafe ", ".unwrap()", "#[ignore"];

/// The one file that may be unsafe: the heap that wipes and the pages that are locked.
const UNSAFE: &str = "src/keystore/pages.rs";

/// The longest file, tests aside. `tuf/verify.rs` is whole, so that all of trust can be audited in one sitting.
const LONGEST: usize = 560;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file: without its tests and without comments.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\n").unwrap_or(text.len());
    text.get(..end)
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// What is wrong with the code of a file of this floor.
fn faults(floor: &str, allowed: &[&str], never: &[&str], code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (other, _, _) in FLOORS {
        let imports = code.contains(&format!("crate::{other}::"))
            || code.contains(&format!("crate::{other};"))
            || code.contains(&format!("crate::{{{other}"));
        if imports && other != floor && !allowed.contains(&other) {
            found.push(format!("{floor} imports {other}"));
        }
    }
    for word in never.iter().chain(&NOWHERE) {
        if code.contains(word) {
            found.push(format!("{floor} touches {word}"));
        }
    }
    found
}

#[test]
fn imports_go_down_and_pure_floors_touch_nothing() {
    for (floor, allowed, never) in FLOORS {
        let mut found = Vec::new();
        files(&Path::new("src").join(floor), &mut found);
        assert!(!found.is_empty());
        let of_tests = |path: &Path| {
            path.to_str().is_some_and(|path| path.ends_with("tests.rs"))
                || path.components().any(|part| part.as_os_str() == "tests")
        };
        for path in found.iter().filter(|path| !of_tests(path)) {
            if path.to_str() == Some(UNSAFE) {
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            let faults = faults(floor, allowed, never, &code(&text));
            assert_eq!(faults, Vec::<String>::new(), "{}", path.display());
        }
    }
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let mut found = Vec::new();
    files(Path::new("src"), &mut found);
    for path in found {
        let lines = code(&fs::read_to_string(&path).unwrap()).lines().count();
        assert!(lines <= LONGEST, "{}: {lines} lines", path.display());
    }
}

#[test]
fn every_test_that_is_named_for_an_attack_is_there() {
    let page = fs::read_to_string("docs/assurance.md").unwrap();
    let (_, attacks) = page.split_once("## Attacks of the field").unwrap();
    let rows: Vec<_> = attacks.lines().filter(|line| line.starts_with("| T")).collect();
    assert!(rows.len() > 40);
    let mut paths = Vec::new();
    files(Path::new("src"), &mut paths);
    files(Path::new("tests"), &mut paths);
    let code: String = paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let tests: HashSet<_> = code
        .split("#[test]\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("fn ")?.1.split_once('('))
        .map(|(name, _)| name)
        .collect();
    for row in rows {
        let named: Vec<_> = row.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty() || row.contains("does not apply"), "{row}");
        for name in named {
            assert!(tests.contains(name), "{name}");
        }
    }
}

#[test]
fn what_was_found_unsound_elsewhere_is_not_built_in() {
    let named = |lock: &str, name: &str| lock.contains(&format!("\nname = \"{name}\"\n"));
    let lock = fs::read_to_string("Cargo.lock").unwrap();
    let bans = fs::read_to_string("deny.toml").unwrap();
    // Unsound (RUSTSEC-2022-0034); biased shares (RUSTSEC-2024-0398).
    for crate_name in ["pkcs11", "sharks"] {
        assert!(!named(&lock, crate_name), "{crate_name}");
        assert!(bans.contains(&format!("crate = \"{crate_name}\"")), "{crate_name}");
    }
    assert!(named(&lock, "cryptoki") && named("[[package]]\nname = \"pkcs11\"\n", "pkcs11"));
    // A name in a recipient would choose a program to run (RUSTSEC-2024-0433).
    let cargo = fs::read_to_string("Cargo.toml").unwrap();
    let age = cargo.lines().find(|line| line.starts_with("age = ")).unwrap();
    assert!(age.contains("default-features = false") && !age.contains("plugin"), "{age}");
}

#[test]
fn the_rules_themselves_find_what_they_look_for() {
    let of = |floor: &str, code: &str| {
        let (name, allowed, never) =
            FLOORS.into_iter().find(|(name, _, _)| *name == floor).unwrap();
        faults(name, allowed, never, code).len()
    };
    assert_eq!(of("tuf", "use crate::ceremony::plan::Plan;"), 1);
    assert_eq!(of("ceremony", "use crate::keystore::Label;"), 1);
    assert_eq!(of("keystore", "use crate::ceremony::plan::Plan;"), 1);
    assert_eq!(of("ceremony", "let file = std::fs::read(path);"), 1);
    assert_eq!(of("driver", "let x = y.unwrap();"), 1);
    assert_eq!(of("keystore", "let x = unsafe { y };"), 1);
    assert_eq!(of("cli", "use std::net::TcpStream;"), 1);
    assert_eq!(of("ceremony", "use crate::tuf::key::PublicKey;"), 0);
}

//! Recipients and identities that name a plugin of age: a program that would be run.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::books::{Book, PASSPHRASE, mode};
use crate::support::command::run;

const SECRETS: [(&str, &str); 1] = [("tagging", PASSPHRASE)];
/// Plugins `evil`, `../evil` and `/tmp/evil`, each twenty bytes in Bech32.
const RECIPIENTS: [&str; 3] = [
    "age1evil1qyqszqgpqyqszqgpqyqszqgpqyqszqgpxf2lap",
    "age1../evil1qyqszqgpqyqszqgpqyqszqgpqyqszqgp3v34a7",
    "age1/tmp/evil1qyqszqgpqyqszqgpqyqszqgpqyqszqgptecc2l",
];
const IDENTITIES: [&str; 2] = [
    "AGE-PLUGIN-EVIL-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGP0PX4UD",
    "AGE-PLUGIN-../EVIL-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPWN4CRJ",
];

/// A folder with a program for each of these names, which leaves a file `ran` in it; and a search path that begins there.
fn planted(folder: &Path) -> OsString {
    fs::create_dir_all(folder.join("age-plugin-..")).unwrap();
    for name in ["age-plugin-evil", "age-plugin-../evil", "age-plugin-../EVIL"] {
        let program = folder.join(name);
        fs::write(&program, format!("#!/bin/sh\ntouch '{}'\n", folder.join("ran").display()))
            .unwrap();
        mode(&program, 0o755);
    }
    let mut path = folder.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    path
}

#[test]
fn a_recipient_or_identity_that_names_a_plugin_runs_nothing() {
    let book = Book::with_key();
    let folder = book.at("path");
    let path = planted(&folder);
    let ran = || folder.join("ran").exists();
    let recipient = book.identity("identity");
    book.run(&["key", "back-up", "tagging", "--to", &recipient], &SECRETS).success();
    fs::remove_file(book.at("BOOK/keys/tagging.age")).unwrap();
    let restore = |identity: &str, to: &Path| {
        let text = format!("{identity}\n");
        fs::write(book.at("theirs"), text).unwrap();
        mode(&book.at("theirs"), 0o600);
        book.run_on(
            &path,
            &["key", "restore", to.to_str().unwrap(), "--identity", "theirs"],
            &SECRETS,
        )
    };
    let back_up = book.at("BOOK/keys/tagging.recovery.age");
    for identity in IDENTITIES {
        let said = restore(identity, &back_up).failure(4);
        assert!(said.contains("AGE-SECRET-KEY-1"), "{said}");
        assert!(!ran(), "{identity}");
    }
    let good = fs::read_to_string(book.at("identity")).unwrap();
    restore(&good, &back_up).success();

    fs::remove_file(&back_up).unwrap();
    for recipient in RECIPIENTS {
        let said = book.run_on(&path, &["key", "back-up", "tagging", "--to", recipient], &SECRETS);
        let said = said.failure(4);
        assert!(said.contains("is not a recipient"), "{said}");
        assert!(!back_up.exists() && !ran(), "{recipient}");
    }
    book.run_on(&path, &["key", "back-up", "tagging", "--to", &recipient], &SECRETS).success();
    assert!(!ran());
    // The trap works: age itself runs what it finds.
    fs::write(book.at("letter"), "x").unwrap();
    let _ = run(Command::new("age")
        .args(["-r", RECIPIENTS[0]])
        .arg(book.at("letter"))
        .env("PATH", &path));
    assert!(ran());
}

//! `key passwd`, and passphrases that the program makes.

use std::fs;
use std::process::Command;

use crate::books::{Book, PASSPHRASE};
use crate::pty::Pty;
use crate::support::command::run;

const NEW: &str = "another-Passphrase-for-9-tests";

#[test]
fn a_new_passphrase_opens_the_key_and_age_agrees() {
    let book = Book::with_key();
    let passwd = ["key", "passwd", "tagging"];
    let before = fs::read(book.at("BOOK/keys/tagging.age")).unwrap();
    for (secrets, code, words) in [
        (&[("old", "wrong"), ("tagging", NEW)][..], 4, "wrong passphrase or damaged file"),
        (&[("tagging", NEW)], 4, "no passphrase was given"),
        (&[("old", PASSPHRASE), ("tagging", "short")], 4, "no passphrase was given"),
        (&[("old", PASSPHRASE), ("tagging", PASSPHRASE)], 2, "the new passphrase is the old one"),
    ] {
        let said = book.run(&passwd, secrets).failure(code);
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(fs::read(book.at("BOOK/keys/tagging.age")).unwrap(), before);
    }
    let said = book.run(&["key", "passwd", "nobody"], &[("old", "x"), ("nobody", NEW)]).failure(2);
    assert!(said.contains("nobody.age is not there"), "{said}");

    let said = book.run(&passwd, &[("old", PASSPHRASE), ("tagging", NEW)]).success();
    assert!(said.contains("The old passphrase still opens every copy"), "{said}");
    assert_eq!(book.keys(), ["tagging.age", "tagging.pub"]);
    let out = ["key", "export", "tagging", "--as", "age", "--out", "KEYS", "--to"];
    let to = book.identity("identity");
    let export = [&out[..], &[&to]].concat();
    book.run(&export, &[("tagging", PASSPHRASE)]).failure(4);
    book.run(&export, &[("tagging", NEW)]).success();
    run(Command::new("age")
        .arg("-d")
        .arg("-i")
        .arg(book.at("identity"))
        .arg(book.at("KEYS/tagging.age")))
    .success();
}

#[test]
fn a_passphrase_that_the_program_makes_is_shown_once_typed_back_and_goes_from_the_screen() {
    let book = Book::with_key();
    let folder = book.at("");
    let arguments = ["--workspace", "BOOK", "key", "passwd", "tagging", "--generate"];
    let mut pty = Pty::start(&arguments, &folder, (100, 40));
    pty.answer("passphrase of tagging> ", PASSPHRASE);
    let shown = |pty: &mut Pty| {
        let text = pty.hear("Press Enter");
        let line = text.lines().find(|line| line.trim().split('-').count() == 7).unwrap();
        line.trim().to_owned()
    };
    let made = shown(&mut pty);
    pty.say("");
    let slip = if made.starts_with('a') { "b" } else { "a" };
    pty.answer("passphrase of tagging> ", &format!("{slip}{}", made.get(1..).unwrap()));
    pty.hear("Group 1 is not as it was shown");
    assert_eq!(shown(&mut pty), made);
    pty.say("");
    pty.see("passphrase of tagging> ");
    assert!(!pty.screen().contains(&made), "{}", pty.screen());
    pty.answer("passphrase of tagging> ", &made);
    let ended = pty.end();
    assert_eq!(ended.code, 0, "{}", ended.text);
    assert!(!ended.screen.contains(&made), "{}", ended.screen);
    let back_up = ["key", "back-up", "tagging", "--paper", "paper.txt"];
    book.run(&back_up, &[("tagging", &made)]).success();
    // A slip in it is told by its checksum group, before it is tried.
    let slipped = format!("{slip}{}", made.get(1..).unwrap());
    let back_up = ["key", "back-up", "tagging", "--paper", "other.txt"];
    let said = book.run(&back_up, &[("tagging", &slipped)]).failure(4);
    assert!(said.contains("checksum group"), "{said}");
}

#[test]
fn a_made_passphrase_is_never_written_where_nobody_sits() {
    let book = Book::with_key();
    let arguments = ["key", "passwd", "tagging", "--generate"];
    let said = run(Command::new("setsid")
        .arg("--wait")
        .arg(env!("CARGO_BIN_EXE_anchorite"))
        .args(arguments)
        .env("ANCHORITE_WORKSPACE", book.at("BOOK")))
    .failure(2);
    assert!(said.contains("--generate needs a terminal"), "{said}");
}

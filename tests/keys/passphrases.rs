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
    assert!(said.contains("The old passphrase still opens every other copy"), "{said}");
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

#[test]
fn a_second_copy_of_the_book_gets_the_new_file_or_is_told_to_lack_it() {
    let book = Book::with_key();
    let copy = book.at("COPY");
    run(Command::new("cp").arg("-r").arg(book.at("BOOK")).arg(&copy)).success();
    let age = |folder: &str| fs::read(book.at(folder).join("keys/tagging.age")).unwrap();
    let level = || anchorite::driver::workspace::level(&book.at("BOOK"), &copy);
    let passwd = ["key", "passwd", "tagging", "--medium", "BOOK-2=COPY"];
    let before = age("BOOK");
    assert_eq!(level().unwrap(), 0);
    // A copy that holds something else is left as it is, and so is the book.
    fs::write(copy.join("keys/tagging.age"), b"another").unwrap();
    let secrets = [("old", PASSPHRASE), ("tagging", NEW)];
    let said = book.run(&passwd, &secrets).failure(3);
    assert!(said.contains("BOOK-2: keys/tagging.age is another file"), "{said}");
    let said = book.run(&["key", "passwd", "tagging", "--medium", "BOOK-2=."], &secrets).failure(2);
    assert!(said.contains("is no copy of a book"), "{said}");
    assert_eq!((age("BOOK"), age("COPY")), (before.clone(), b"another".to_vec()));

    fs::write(copy.join("keys/tagging.age"), &before).unwrap();
    let said = book.run(&passwd, &secrets).success();
    assert!(said.contains("BOOK-2:keys/tagging.age was replaced"), "{said}");
    assert!(age("BOOK") != before && age("BOOK") == age("COPY"));
    assert_eq!(level().unwrap(), 0);
    // Without the copy at hand the two differ, and what to do is said beforehand.
    let secrets = [("old", NEW), ("tagging", PASSPHRASE)];
    let said = book.run(&["key", "passwd", "tagging"], &secrets).success();
    assert!(said.contains("delete keys/tagging.age there"), "{said}");
    assert!(level().unwrap_err().to_string().contains("keys/tagging.age"));
    fs::remove_file(copy.join("keys/tagging.age")).unwrap();
    assert_eq!(level().unwrap(), 1);
    assert_eq!(age("BOOK"), age("COPY"));
}

#[test]
fn a_proof_that_was_not_made_at_once_is_made_from_the_files() {
    let book = Book::new();
    let folder = book.at("");
    let make = ["key", "make", "root-a", "--for", "updates.example.com", "--out", "HOME"];
    fs::create_dir(book.at("HOME")).unwrap();
    fs::write(book.at("HOME/root-a.proof"), b"old").unwrap();
    let said = book.run(&make, &[("root-a", PASSPHRASE)]).failure(4);
    assert!(said.contains("root-a.proof is there already"), "{said}");
    assert_eq!(fs::read_dir(book.at("HOME")).unwrap().count(), 1);
    fs::remove_file(book.at("HOME/root-a.proof")).unwrap();

    let mut pty = Pty::start(&make, &folder, (120, 40));
    pty.answer("keyboard line> ", "zy-_@#");
    pty.answer("new passphrase> ", PASSPHRASE);
    pty.answer("the same passphrase again> ", PASSPHRASE);
    for wrong in ["one", "two", "three"] {
        pty.answer("passphrase of root-a> ", wrong);
    }
    let ended = pty.end();
    assert_eq!(ended.code, 4, "{}", ended.text);
    let command = "anchorite key prove root-a --for updates.example.com --out HOME";
    assert!(ended.text.contains(command), "{}", ended.text);
    assert_eq!(fs::read_dir(book.at("HOME")).unwrap().count(), 2);

    let prove: Vec<&str> = command.split(' ').skip(1).collect();
    let said = book.run(&prove, &[("root-a", "wrong")]).failure(4);
    assert!(said.contains("only the proof is missing"), "{said}");
    book.run(&prove, &[("root-a", PASSPHRASE)]).success();
    let proof = fs::read_to_string(book.at("HOME/root-a.proof")).unwrap();
    let key = fs::read_to_string(book.at("HOME/root-a.pub")).unwrap();
    let key = anchorite::tuf::key::PublicKey::from_pem(&key).unwrap();
    let challenge = anchorite::ceremony::roster::carried_challenge(
        &"updates.example.com".parse().unwrap(),
        &"root-a".parse().unwrap(),
        &key,
    );
    let signature = proof.trim().to_owned().try_into().unwrap();
    assert!(key.verifies(&challenge, &signature));
    book.run(&prove, &[("root-a", PASSPHRASE)]).failure(4);
}

//! `key back-up` and `key restore`.

use std::fs;
use std::process::Command;

use crate::books::{Book, PASSPHRASE, mode};
use crate::support::command::run;

const SECRETS: [(&str, &str); 1] = [("tagging", PASSPHRASE)];

#[test]
fn a_paper_comes_back_in_another_workspace_and_age_reads_its_middle_column() {
    let book = Book::with_key();
    let back_up = ["key", "back-up", "tagging", "--paper", "paper.txt"];
    let said = book.run(&back_up, &SECRETS).success();
    assert!(said.contains("print it, and delete it"), "{said}");
    let paper = fs::read_to_string(book.at("paper.txt")).unwrap();
    let home = fs::read(book.at("BOOK/keys/tagging.age")).unwrap();
    let public = fs::read(book.at("BOOK/keys/tagging.pub")).unwrap();
    let said = book.run(&back_up, &SECRETS).failure(4);
    assert!(said.contains("paper.txt is there already"), "{said}");

    // One character was typed wrongly, and one line was left out.
    let other = Book::new();
    let restore = ["key", "restore", "typed.txt"];
    let typed = paper.replacen("\n03/", "\n\n", 1);
    let at = typed.find("\n02/").unwrap() + 12;
    let c = typed.get(at..=at).unwrap();
    let slip = if c == "A" { "B" } else { "A" };
    let typed = format!("{}{slip}{}", typed.get(..at).unwrap(), typed.get(at + 1..).unwrap());
    fs::write(other.at("typed.txt"), &typed).unwrap();
    let said = other.run(&restore, &SECRETS).failure(2);
    assert!(said.contains("not as they were printed: 2\n"), "{said}");
    let lines: Vec<&str> = paper.lines().filter(|line| line.contains('/')).collect();
    let second = lines.iter().find(|line| line.starts_with("02/")).unwrap();
    fs::write(other.at("typed.txt"), format!("{typed}\n{second}\n")).unwrap();
    let said = other.run(&restore, &SECRETS).failure(2);
    assert!(said.contains("are missing: 3"), "{said}");
    assert_eq!(other.keys(), Vec::<String>::new());

    fs::write(other.at("typed.txt"), &paper).unwrap();
    let said = other.run(&restore, &[("tagging", "wrong")]).failure(4);
    assert!(said.contains("wrong passphrase or damaged file"), "{said}");
    assert_eq!(other.keys(), Vec::<String>::new());
    other.run(&restore, &SECRETS).success();
    assert_eq!(fs::read(other.at("BOOK/keys/tagging.age")).unwrap(), home);
    assert_eq!(fs::read(other.at("BOOK/keys/tagging.pub")).unwrap(), public);
    let said = other.run(&restore, &SECRETS).failure(4);
    assert!(said.contains("tagging.age is there already"), "{said}");
}

#[test]
fn a_back_up_for_others_opens_for_each_of_them_and_comes_back_under_a_new_passphrase() {
    let book = Book::with_key();
    let (one, two) = (book.identity("one"), book.identity("two"));
    let back_up = ["key", "back-up", "tagging", "--to", &one, "--to", &two, "--paper", "paper.txt"];
    let said = book.run(&back_up, &SECRETS).success();
    assert!(said.contains("for 2 recipients"), "{said}");
    let second = book.at("BOOK/keys/tagging.recovery.age");
    for identity in ["one", "two"] {
        run(Command::new("age").arg("-d").arg("-i").arg(book.at(identity)).arg(&second)).success();
    }
    // The paper's middle column is the same file.
    let paper = fs::read_to_string(book.at("paper.txt")).unwrap();
    assert!(paper.contains("any of 2 recipients"), "{paper}");
    let column: String = paper
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
        .map(|line| format!("{}\n", line.split_whitespace().nth(1).unwrap()))
        .collect();
    let armoured =
        format!("-----BEGIN AGE ENCRYPTED FILE-----\n{column}-----END AGE ENCRYPTED FILE-----\n");
    assert_eq!(armoured, fs::read_to_string(&second).unwrap());

    // The file at home is lost; its public half is not.
    fs::remove_file(book.at("BOOK/keys/tagging.age")).unwrap();
    let restore = ["key", "restore", "BOOK/keys/tagging.recovery.age"];
    let said = book.run(&restore, &SECRETS).failure(2);
    assert!(said.contains("--identity"), "{said}");
    let with = [&restore[..], &["--identity", "one"]].concat();
    mode(&book.at("one"), 0o644);
    let said = book.run(&with, &SECRETS).failure(4);
    assert!(said.contains("chmod 600"), "{said}");
    mode(&book.at("one"), 0o600);
    book.identity("stranger");
    let stranger = [&restore[..], &["--identity", "stranger"]].concat();
    let said = book.run(&stranger, &SECRETS).failure(4);
    assert!(said.contains("none of the identities"), "{said}");
    assert!(!book.at("BOOK/keys/tagging.age").exists());
    book.run(&with, &SECRETS).success();
    let listed = book.run(&["key", "back-up", "tagging", "--paper", "again.txt"], &SECRETS);
    listed.success();
}

#[test]
fn a_back_up_whose_identity_lies_in_the_same_workspace_is_refused() {
    let book = Book::with_key();
    let recipient = book.identity("BOOK/keys/identity.txt");
    let back_up = ["key", "back-up", "tagging", "--to", &recipient, "--paper", "paper.txt"];
    let said = book.run(&back_up, &SECRETS).failure(3);
    assert!(said.contains("keys/identity.txt in this workspace"), "{said}");
    assert!(!book.at("paper.txt").exists());
    fs::rename(book.at("BOOK/keys/identity.txt"), book.at("identity.txt")).unwrap();
    book.run(&back_up, &SECRETS).success();
}

#[test]
fn a_back_up_that_cannot_be_made_leaves_nothing() {
    let book = Book::with_key();
    let before = book.keys();
    let refused = |more: &[&str], code: i32, words: &str| {
        let arguments = [&["key", "back-up", "tagging"], more].concat();
        let said = book.run(&arguments, &SECRETS).failure(code);
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(book.keys(), before);
        assert!(!book.at("paper.txt").exists());
    };
    refused(&[], 2, "expected --to");
    refused(&["--to", "age1nobody", "--paper", "paper.txt"], 4, "age1nobody");
    let to = book.identity("identity");
    fs::create_dir(book.at("there")).unwrap();
    fs::write(book.at("there/tagging.recovery.age"), "x").unwrap();
    let there = ["--to", &to, "--paper", "paper.txt", "--out", "there"];
    refused(&there, 4, "is there already");
}

#[test]
fn what_is_no_back_up_is_told_and_nothing_is_written() {
    let book = Book::new();
    let refused = |bytes: &[u8], code: i32, words: &str| {
        fs::write(book.at("tagging.age"), bytes).unwrap();
        let said = book.run(&["key", "restore", "tagging.age"], &SECRETS).failure(code);
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(book.keys(), Vec::<String>::new());
    };
    refused(b"", 2, "no age file");
    refused(b"hello", 2, "no age file");
    refused(b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl", 2, "armour");
    let bomb = b"age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw 30\nZX\n--- mac\n";
    refused(bomb, 2, "its work factor is 30; at most 22 is tried");
    let both = b"age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw 10\nZX\n-> X25519 AA\nZX\n--- m\n";
    refused(both, 2, "never both");
}

//! `key state` and what `key list` tells of it.

use std::fs;

use crate::books::{Book, PASSPHRASE};

/// Who says so, and why.
const SAID: [&str; 4] = ["--by", "Administrator", "--reason", "the yearly inventory"];

fn state<'a>(key: &'a str, to: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["key", "state", key, "--to", to], &SAID[..], more].concat()
}

#[test]
fn a_key_goes_through_its_life_and_the_list_tells_where_it_stands() {
    let book = Book::with_key();
    let said = book.run(&["key", "list"], &[]).success();
    assert!(said.contains("not in the register"), "{said}");
    let secrets = [("tagging", PASSPHRASE)];
    book.run(&["key", "back-up", "tagging", "--paper", "paper.txt"], &secrets).success();
    let said = book.run(&["key", "list"], &[]).success();
    assert!(said.contains("pre-activation since"), "{said}");
    let bag = ["--location", "safe 1", "--seal", "A-1001", "--holder", "Custodian A"];
    let said = book.run(&state("tagging", "active", &bag), &[]).success();
    assert!(said.contains("tagging: pre-activation -> active"), "{said}");
    let said = book.run(&["key", "list"], &[]).success();
    assert!(
        said.contains("active since") && said.contains("by Administrator: the yearly"),
        "{said}"
    );
    assert!(said.contains("holder Custodian A, store age file, at safe 1, seal A-1001"), "{said}");

    // The same state is no transition, but a new bag is worth a line.
    let said = book.run(&state("tagging", "active", &[]), &[]).failure(3);
    assert!(said.contains("tagging is active already"), "{said}");
    book.run(&state("tagging", "active", &["--seal", "A-1002"]), &[]).success();
    let said = book.run(&["key", "list"], &[]).success();
    assert!(said.contains("at safe 1, seal A-1002"), "{said}");

    let fingerprint = said.lines().next().unwrap().split_whitespace().last().unwrap().to_owned();
    let said = book.run(&state(&fingerprint, "compromised", &[]), &[]).success();
    assert!(said.contains("tagging: active -> compromised"), "{said}");
    assert!(said.contains(&format!("anchorite where {fingerprint}")), "{said}");
    let before = fs::read(book.at("BOOK/register.jsonl")).unwrap();
    let said = book.run(&state("tagging", "active", &[]), &[]).failure(3);
    assert!(said.contains("tagging is compromised and cannot become active"), "{said}");
    assert_eq!(fs::read(book.at("BOOK/register.jsonl")).unwrap(), before);
}

#[test]
fn a_key_that_was_never_here_is_barred_by_its_fingerprint() {
    let book = Book::new();
    let foreign = "ab".repeat(32);
    let said = book.run(&state(&foreign, "not-recovered", &[]), &[]).success();
    assert!(said.contains("not in the register -> not-recovered"), "{said}");
    let said = book.run(&["key", "list"], &[]).success();
    assert!(said.contains("abababababababab") && said.contains("elsewhere"), "{said}");
    assert!(said.contains("1 more in its register"));
}

#[test]
fn what_cannot_be_recorded_is_told() {
    let book = Book::with_key();
    let said = book.run(&state("nobody", "active", &[]), &[]).failure(2);
    assert!(said.contains("no key nobody is in this workspace"), "{said}");
    let said = book.run(&state("tagging", "lost", &[]), &[]).failure(2);
    assert!(said.contains("expected pre-activation, active"), "{said}");
    let said = book.run(&state("tagging", "active", &["--seal", "\u{1b}[2J"]), &[]).failure(2);
    assert!(said.contains("expected printable text"), "{said}");
    fs::write(book.at("BOOK/register.jsonl"), "{\"at\":1}\n").unwrap();
    for command in [state("tagging", "active", &[]), vec!["key", "list"]] {
        let said = book.run(&command, &[]).failure(2);
        assert!(said.contains("register.jsonl, line 1: "), "{said}");
    }
    assert_eq!(fs::read(book.at("BOOK/register.jsonl")).unwrap(), b"{\"at\":1}\n");
}

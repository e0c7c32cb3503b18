//! The testkit of the age format, through our own way of opening a file.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::path::Path;

use super::seal::{Plain, by_identities, by_passphrase};
use super::{Secret, TokenError};
use crate::tuf::digest::Digest;

/// One vector: what its head says, and the age file.
struct Vector {
    name: String,
    head: BTreeMap<String, String>,
    file: Vec<u8>,
}

impl Vector {
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let (head, file) = bytes.split_at(end);
        let head = std::str::from_utf8(head).unwrap().lines();
        let head = head.map(|line| line.split_once(": ").unwrap());
        Self {
            name: path.file_name().unwrap().to_str().unwrap().to_owned(),
            head: head.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            file: file.get(2..).unwrap().to_vec(),
        }
    }

    fn open(&self) -> Result<Plain, TokenError> {
        // Some have neither: what is wrong with them comes before anything is opened.
        match (self.head.get("passphrase"), self.head.get("identity")) {
            (Some(passphrase), None) => by_passphrase(&self.file, &Secret::of(passphrase)),
            (_, Some(identity)) => by_identities(&self.file, identity),
            (None, None) => by_passphrase(&self.file, &Secret::of("x")),
        }
    }
}

#[test]
fn every_vector_of_the_age_testkit_is_opened_or_refused_as_it_says() {
    let (mut opened, mut refused) = (0, 0);
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir("tests/data/age-testkit").unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("README.md") {
            continue;
        }
        let vector = Vector::read(&path);
        let good = vector.head.get("expect").unwrap() == "success";
        match vector.open() {
            Ok(plain) if good => {
                let payload = vector.head.get("payload").unwrap();
                assert_eq!(Digest::of(plain.bytes()).to_string(), *payload, "{}", vector.name);
                opened += 1;
            }
            Err(_) if !good => refused += 1,
            Ok(_) => wrong.push(format!("{}: opened", vector.name)),
            Err(error) => wrong.push(format!("{}: {error}", vector.name)),
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!((opened, refused), (13, 90));
}

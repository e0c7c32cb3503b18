//! `key import`.

use std::fs;
use std::path::Path;
use std::process::Command;

use data_encoding::BASE64;

use crate::books::{Book, PASSPHRASE, mode};
use crate::support::clients::{notary, notary_list};
use crate::support::command::run;
use crate::support::notary::NotaryServer;

const ROOT: &str = "3c2f0313264086fab5190a3ef1602bf94f517b9729199becbccc9770dc97889d";
const LEGACY: &str = "540042d071c53c5565b5764876c9d6f977301d365815b96bbb81e0d6f8221b32";
const FOREIGN: &str = "foreign-passphrase";

#[test]
fn a_root_key_of_docker_comes_in_and_the_real_notary_signs_with_it_when_it_leaves_again() {
    let book = Book::new();
    let file = format!("private/{ROOT}.key");
    book.bring(&format!("notary/{ROOT}.key"), &file);
    let before = fs::read(book.at(&file)).unwrap();
    let secrets = [("old", "rootpass123"), ("root-a", PASSPHRASE)];
    let said = book.run(&["key", "import", &file, "--name", "root-a"], &secrets).success();
    for words in ["Docker and Notary", "ECDSA P-256", "its role     root", "go on signing with it"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    // What is known of the key comes before what is written.
    assert!(said.find("fingerprint").unwrap() < said.find("root-a.age").unwrap());
    assert_eq!(fs::read(book.at(&file)).unwrap(), before);
    assert_eq!(book.keys(), ["root-a.age", "root-a.pub"]);
    let register = fs::read_to_string(book.at("BOOK/register.jsonl")).unwrap();
    assert!(register.contains("\"import, Docker and Notary, root\""), "{register}");

    let out = ["key", "export", "root-a", "--as", "notary", "--role", "root", "--out", "T/private"];
    book.run(&out, &[("root-a", PASSPHRASE)]).success();
    assert!(book.at(&format!("T/private/{ROOT}.key")).exists());
    let server = NotaryServer::start();
    let gun = "registry.example.com/imported";
    let said = notary(&server, &book.at("T"), &["init", "-p", gun]).success();
    assert!(said.contains(ROOT), "{said}");
    notary_list(&server, gun).success();
    let root: serde_json::Value =
        serde_json::from_slice(&server.document(gun, "root").unwrap()).unwrap();
    let keys = root["signed"]["keys"].as_object().unwrap();
    let listed = keys.values().find(|key| key["keytype"] == "ecdsa-x509").unwrap();
    let pem = BASE64.decode(listed["keyval"]["public"].as_str().unwrap().as_bytes()).unwrap();
    fs::write(book.at("root.crt"), pem).unwrap();
    let public = run(Command::new("openssl")
        .args(["x509", "-pubkey", "-noout", "-in"])
        .arg(book.at("root.crt")))
    .success();
    assert_eq!(public, fs::read_to_string(book.at("BOOK/keys/root-a.pub")).unwrap());
}

#[test]
fn old_notary_files_securesystemslibs_and_go_tufs_come_in() {
    let book = Book::new();
    let old = format!("private/tuf_keys/example.com/legacy/{LEGACY}_targets.key");
    book.bring(&format!("notary-legacy/{LEGACY}.key"), &old);
    let secrets = [("old", "targetspass123"), ("tagging", PASSPHRASE)];
    let import = ["key", "import", &old, "--name", "tagging", "--as-role", "targets/ci"];
    let said = book.run(&import, &secrets).success();
    assert!(
        said.contains("example.com/legacy") && said.contains("noted as     targets/ci"),
        "{said}"
    );

    book.bring("sslib-ed25519", "python");
    let secrets = [("old", FOREIGN), ("python", PASSPHRASE)];
    book.run(&["key", "import", "python", "--name", "python"], &secrets).success();

    book.bring("go-tuf-two.json", "root.json");
    let import = ["key", "import", "root.json", "--name", "go"];
    let said = book.run(&import, &[("go", PASSPHRASE)]).failure(2);
    assert!(said.contains("holds 2 keys") && said.contains("--fingerprint"), "{said}");
    let second = said.lines().last().unwrap().trim().to_owned();
    let choice = [&import[..], &["--fingerprint", &second]].concat();
    let said = book.run(&choice, &[("go", PASSPHRASE)]).success();
    assert!(said.contains(&second) && said.contains("it is not encrypted"), "{said}");
    let listed = book.run(&["key", "list"], &[]).success();
    assert!(listed.contains("3 keys") && listed.contains(&second), "{listed}");
    // What another program reads: age and openssl, with nothing of ours.
    assert_eq!(book.keys().len(), 6);
}

#[test]
fn what_must_not_come_in_is_told_and_nothing_is_written() {
    let book = Book::new();
    let refused = |file: &str, secrets: &[(&str, &str)], code: i32, words: &[&str]| {
        let said = book.run(&["key", "import", file, "--name", "new"], secrets).failure(code);
        for word in words {
            assert!(said.contains(word), "expected {word:?} in:\n{said}");
        }
        assert_eq!(book.keys(), Vec::<String>::new());
    };
    let new = ("new", PASSPHRASE);
    refused("nowhere", &[new], 2, &["nowhere is not there"]);

    book.bring("sslib-plain", "plain");
    mode(&book.at("plain"), 0o640);
    refused("plain", &[new], 4, &["not encrypted", "others than its owner", "chmod 600"]);
    mode(&book.at("plain"), 0o600);
    refused("plain", &[("new", "short")], 4, &["no passphrase was given"]);

    let file = format!("private/{ROOT}.key");
    book.bring(&format!("notary/{ROOT}.key"), &file);
    refused(&file, &[("old", "rootpass124"), new], 4, &["wrong passphrase or damaged file"]);
    refused(&file, &[new], 4, &["no passphrase was given"]);
    let renamed = format!("private/{}.key", ROOT.replace("3c2f", "3c20"));
    book.bring(&format!("notary/{ROOT}.key"), &renamed);
    refused(&renamed, &[("old", "rootpass123"), new], 3, &[ROOT, "the file says 3c20"]);

    let rsa = book.at("rsa.pem");
    run(Command::new("openssl")
        .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out"])
        .arg(&rsa))
    .success();
    refused("rsa.pem", &[new], 2, &["RSA keys sign in tokens only"]);
    fs::write(book.at("odd"), "\u{1b}[2J").unwrap();
    refused("odd", &[new], 2, &["no private key in a form that is known"]);
    fs::write(book.at("x.age"), "age-encryption.org/v1\n").unwrap();
    refused("x.age", &[new], 2, &["anchorite key restore"]);
    refused("BOOK", &[new], 4, &["not a plain file"]);
    run(Command::new("mkfifo").arg(book.at("pipe"))).success();
    refused("pipe", &[new], 4, &["not a plain file"]);
    fs::write(book.at("big"), vec![b'x'; 70_000]).unwrap();
    refused("big", &[new], 4, &["larger than 65536 bytes"]);

    let other = "0".repeat(64);
    let import = ["key", "import", "plain", "--name", "new", "--fingerprint", &other];
    let said = book.run(&import, &[new]).failure(3);
    assert!(said.contains("another key than the one that is expected"), "{said}");
    assert_eq!(book.keys(), Vec::<String>::new());
}

#[test]
fn an_imported_key_never_takes_the_place_of_another() {
    let book = Book::with_key();
    let before = fs::read(book.at("BOOK/keys/tagging.age")).unwrap();
    book.bring("sslib-plain", "plain");
    let import = ["key", "import", "plain", "--name", "tagging"];
    let said = book.run(&import, &[("tagging", PASSPHRASE)]).failure(4);
    assert!(said.contains("tagging.age is there already"), "{said}");
    assert_eq!(fs::read(Path::new(&book.at("BOOK/keys/tagging.age"))).unwrap(), before);
}

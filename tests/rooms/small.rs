//! Plans as small as they can be, and keys that openssl made.

use std::fs;
use std::path::Path;
use std::process::Command;

use anchorite::tuf::digest::Digest;
use anchorite::tuf::key::PublicKey;

use crate::support::ceremony::{Ceremony, window};
use crate::support::command::{Ran, in_package, run};

/// The repository of all of them.
pub(crate) const REPOSITORY: &str = "updates.example.com";

/// A plan in TUF: these keys, inputs and roles, and everything that a test's room lacks waived.
pub(crate) fn plan(keys: &str, inputs: &[(&str, Digest)], roles: &str, waivers: &[&str]) -> String {
    let window = window();
    let people = [
        ("Administrator", "administrator"),
        ("Operator", "operator"),
        ("Custodian A", "custodian"),
        ("Custodian B", "custodian"),
        ("Witness 1", "witness"),
    ];
    let people: String = people
        .iter()
        .map(|(name, role)| format!("[[people]]\nname = \"{name}\"\nroles = [\"{role}\"]\n"))
        .collect();
    let inputs: String = inputs
        .iter()
        .map(|(path, digest)| {
            format!(
                "[[inputs]]\nmedium = \"IN\"\npath = \"{path}\"\nsha256 = \"{digest}\"\n\
                 confirmed_by = \"Custodian B\"\n"
            )
        })
        .collect();
    let room = ["room-network-interface", "room-default-route", "room-swap", "file-root-key"];
    let waivers: String = waivers
        .iter()
        .chain(&room)
        .map(|name| {
            format!(
                "[[waivers]]\nfinding = \"{name}\"\nreason = \"a test\"\nby = \"Administrator\"\n"
            )
        })
        .collect();
    let media: String = [("IN", "in"), ("OUT", "out"), ("KEYS", "keys")]
        .iter()
        .map(|(name, role)| format!("[[media]]\nname = \"{name}\"\nrole = \"{role}\"\n"))
        .collect();
    format!(
        "anchorite = 1\nkind = \"first-root\"\ntitle = \"A small root of trust\"\n\
         codename = \"WREN\"\n{window}\
         [repository]\nname = \"{REPOSITORY}\"\ndialect = \"tuf1\"\nconsistent_snapshot = true\n\
         {people}{media}{keys}{inputs}{roles}{waivers}"
    )
}

/// The roles but root, all signed online by these keys.
pub(crate) fn online_roles(targets: &str, others: &str) -> String {
    let role = |name: &str, keys: &str| {
        format!("[roles.{name}]\nkeys = [{keys}]\nthreshold = 1\nsigned = \"online\"\n")
    };
    role("targets", targets) + &role("snapshot", others) + &role("timestamp", others)
}

/// A `[[keys]]` entry of a key that stays elsewhere.
pub(crate) fn enrolled(name: &str, algorithm: &str, fingerprint: &str) -> String {
    format!(
        "[[keys]]\nname = \"{name}\"\nalgorithm = \"{algorithm}\"\n\
         enrol = {{ medium = \"IN\", public = \"{name}.pub\", proof = \"{name}.proof\", \
         fingerprint = \"{fingerprint}\", confirmed_by = \"Custodian B\" }}\n"
    )
}

/// Makes a P-256 key `NAME.pem` in a folder with openssl, and `NAME.pub` and `NAME.proof` as the documentation says.
pub(crate) fn by_openssl(folder: &Path, name: &str, key_name: &str, repository: &str) -> PublicKey {
    let page = fs::read_to_string(in_package("docs/plan-format.md")).unwrap();
    let block = |fence: &str| {
        let (_, after) = page.split_once(&format!("\n```{fence}\n")).unwrap();
        after.split_once("```").unwrap().0.to_owned()
    };
    let script = format!(
        "set -eu\n[ -e {name}.pem ] || openssl genpkey -algorithm EC -pkeyopt \
         ec_paramgen_curve:P-256 -out {name}.pem 2>/dev/null\n{}{}",
        block("sh"),
        block("sh ecdsa")
    );
    run(Command::new("sh")
        .args(["-c", &script])
        .env("KEY", format!("{name}.pem"))
        .env("NAME", key_name)
        .env("REPOSITORY", repository)
        .current_dir(folder))
    .success();
    public(&folder.join(format!("{key_name}.pub")))
}

/// The public key in a PEM file.
pub(crate) fn public(path: &Path) -> PublicKey {
    PublicKey::from_pem(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The digest of a file.
pub(crate) fn digest(path: &Path) -> Digest {
    Digest::of(&fs::read(path).unwrap())
}

/// Runs the program in the ceremony's folder, with the secrets of these keys.
pub(crate) fn with_secrets(
    ceremony: &Ceremony,
    arguments: &[&str],
    secrets: &[(&str, &str)],
) -> Ran {
    let lines: String = secrets.iter().map(|(key, secret)| format!("{key}\t{secret}\n")).collect();
    fs::write(ceremony.at("handed"), lines).unwrap();
    run(Command::new("sh")
        .args(["-c", "exec \"$0\" \"$@\" --passphrase-fd 3 3<handed"])
        .arg(env!("CARGO_BIN_EXE_anchorite"))
        .args(arguments)
        .current_dir(ceremony.at("")))
}

/// The `--medium` arguments of a ceremony.
pub(crate) fn media(ceremony: &Ceremony) -> Vec<String> {
    ["IN", "OUT", "KEYS"]
        .iter()
        .flat_map(|name| ["--medium".to_owned(), format!("{name}={}", ceremony.at(name).display())])
        .collect()
}

/// The public half, by openssl, of a private key in PEM.
pub(crate) fn openssl_public(pem: &Path, more: &[&str]) -> String {
    run(Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(pem).args(more)).success()
}

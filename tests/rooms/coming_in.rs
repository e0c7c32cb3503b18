//! Keys that exist already: enrolled from IN with a proof, shown by their age file; and what is refused.

use std::fs;
use std::path::Path;

use crate::small::{
    REPOSITORY, by_openssl, digest, enrolled, media, online_roles, openssl_public, plan, public,
    with_secrets,
};
use crate::support::ceremony::{Ceremony, PASSPHRASE};
use crate::support::command::run;

/// A script for a ceremony of these turns.
fn script(plan: &anchorite::tuf::digest::Digest, waivers: &[&str], hand_over: bool) -> String {
    let mut text = String::new();
    let mut answer = |ask: &str, say: &str| {
        text.push_str(&format!("[[answer]]\nask = \"{ask}\"\n{say}\n"));
    };
    let yes = "say = true";
    let people = ["Administrator", "Custodian A", "Custodian B", "Operator", "Witness 1"];
    answer("roll-call", &format!("say = {people:?}"));
    answer("room", yes);
    answer("clock", yes);
    answer("compare-plan/Witness 1", &format!("digest = \"{plan}\""));
    for ask in ["head/plan accepted", "medium/IN"] {
        answer(ask, yes);
    }
    let mut made = vec!["root-a", "root-b"];
    made.extend(hand_over.then_some("online"));
    for key in made {
        answer(&format!("ready/keys/{key}"), yes);
    }
    answer("medium/OUT", yes);
    let read: Vec<String> = std::iter::once("root".to_owned())
        .chain(waivers.iter().map(|name| format!("waiver {name}")))
        .collect();
    answer("review", &format!("say = {read:?}"));
    answer("source", "say = \"written-down\"");
    for ask in [
        "written-down",
        "head/before the first signature",
        "ready/sign/root-a",
        "ready/sign/root-b",
        "medium/export",
    ] {
        answer(ask, yes);
    }
    if hand_over {
        answer("medium/KEYS", yes);
        answer("ready/hand-over/online", yes);
    }
    for person in people {
        answer(&format!("statement/{person}"), "say = \"agree\"");
    }
    text
}

#[test]
fn keys_that_exist_already_come_in_and_age_and_openssl_read_the_copy_that_leaves() {
    let mut ceremony = Ceremony::with(String::new());
    let (home, keys) = (ceremony.at("home"), ceremony.at("BOOK/keys"));
    fs::create_dir(&home).unwrap();
    // One holder has the program, another has openssl; a third key lies in the workspace already.
    let make = |name: &str, algorithm: &str, out: &Path| {
        let out = out.to_str().unwrap();
        let arguments =
            ["key", "make", name, "--for", REPOSITORY, "--algorithm", algorithm, "--out", out];
        with_secrets(&ceremony, &arguments, &[(name, PASSPHRASE)]).success();
    };
    make("release", "ed25519", &home);
    make("root-b", "p256", &keys);
    let signer = by_openssl(&home, "signer", "signer", REPOSITORY);
    for file in ["release.pub", "release.proof", "signer.pub", "signer.proof"] {
        fs::copy(home.join(file), ceremony.at("IN").join(file)).unwrap();
    }
    let identity = ceremony.at("identity");
    let generated = run(std::process::Command::new("age-keygen").arg("-o").arg(&identity));
    assert_eq!(generated.code, Some(0));
    let text = fs::read_to_string(&identity).unwrap();
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();

    let release = public(&home.join("release.pub"));
    let root_b = public(&keys.join("root-b.pub"));
    let entries = format!(
        "[[keys]]\nname = \"root-a\"\nholder = \"Custodian A\"\nstore = {{ age = {{}} }}\n\
         algorithm = \"ed25519\"\nmake = {{}}\n\
         [[keys]]\nname = \"root-b\"\nholder = \"Custodian B\"\nstore = {{ age = {{}} }}\n\
         algorithm = \"p256\"\nfingerprint = \"{}\"\nconfirmed_by = \"Custodian B\"\n\
         [[keys]]\nname = \"online\"\nholder = \"Custodian A\"\nstore = {{ age = {{}} }}\n\
         algorithm = \"ed25519\"\nmake = {{}}\n\
         leaves = {{ medium = \"KEYS\", as = \"age\", to = [\"{recipient}\"] }}\n{}{}",
        root_b.fingerprint(),
        enrolled("release", "ed25519", &release.fingerprint().to_string()),
        enrolled("signer", "p256", &signer.fingerprint().to_string()),
    );
    let inputs: Vec<_> = ["release.pub", "release.proof", "signer.pub", "signer.proof"]
        .map(|file| (file, digest(&home.join(file))))
        .to_vec();
    let roles = "[roles.root]\nkeys = [\"root-a\", \"root-b\"]\nthreshold = 2\n\
                 valid_for = \"1 year\"\n"
        .to_owned()
        + &online_roles("\"release\", \"signer\"", "\"online\"");
    let waivers = ["threshold-all-of-n", "unattended"];
    ceremony.change("", &plan(&entries, &inputs, &roles, &waivers));
    let path = ceremony.plan();
    let all: Vec<&str> = waivers
        .into_iter()
        .chain(["room-network-interface", "room-default-route", "room-swap", "file-root-key"])
        .collect();
    let answers = script(&digest(&path), &all, true);
    fs::write(ceremony.at("answers.toml"), answers).unwrap();
    let mut arguments = vec!["run", "plan.toml", "--script", "answers.toml", "--workspace", "BOOK"];
    let media = media(&ceremony);
    arguments.extend(media.iter().map(String::as_str));
    let secrets = ["root-a", "root-b", "online"].map(|name| (name, PASSPHRASE));
    let said = with_secrets(&ceremony, &arguments, &secrets).success();

    // The root lists every one of them, and its signatures are good.
    let metadata = ceremony.at(&format!("OUT/{REPOSITORY}/metadata"));
    let root = fs::read_to_string(metadata.join("1.root.json")).unwrap();
    let listed = root.replace("\\n", "\n");
    for key in [&signer, &root_b] {
        assert!(listed.contains(key.to_pem().trim_end()), "{listed}");
    }
    let spki = data_encoding::HEXLOWER.encode(&release.ed25519_bytes().unwrap());
    assert!(root.contains(&spki), "{root}");
    let verified =
        ceremony.program(&["verify", metadata.to_str().unwrap(), "--before-upload"]).success();
    assert!(verified.contains("PASS so far"), "{verified}");
    let head = said.lines().find_map(|line| line.strip_prefix("Head:")).unwrap().trim();
    let evidence = ceremony.evidence();
    let audit = ["evidence", "verify", evidence.to_str().unwrap(), "--head", head];
    ceremony.program(&audit).success();
    let roster = ceremony.at("OUT/roster.json");
    ceremony.program(&["draft", "plan.toml", "--roster", roster.to_str().unwrap()]).success();

    // The copy on KEYS is for its recipient alone, who needs nothing of ours.
    let pem = ceremony.at("online.pem");
    run(std::process::Command::new("age")
        .args(["-d", "-i"])
        .arg(&identity)
        .arg("-o")
        .arg(&pem)
        .arg(ceremony.at("KEYS/online.age")))
    .success();
    let home_half = fs::read_to_string(keys.join("online.pub")).unwrap();
    assert_eq!(openssl_public(&pem, &[]), home_half);
    let reader = run(std::process::Command::new("openssl")
        .args(["pkey", "-in"])
        .arg(ceremony.at("KEYS/online.age")));
    assert_ne!(reader.code, Some(0));
}

/// A ceremony whose only foreign key is `signer`, with what lies on IN.
fn with_signer(fingerprint: &str, inputs: &[(&str, anchorite::tuf::digest::Digest)]) -> String {
    let keys = format!(
        "[[keys]]\nname = \"root-a\"\nholder = \"Custodian A\"\nstore = {{ age = {{}} }}\n\
         algorithm = \"ed25519\"\nmake = {{}}\n{}",
        enrolled("signer", "p256", fingerprint)
    );
    let roles = "[roles.root]\nkeys = [\"root-a\"]\nthreshold = 1\nvalid_for = \"1 year\"\n"
        .to_owned()
        + &online_roles("\"signer\"", "\"signer\"");
    plan(&keys, inputs, &roles, &["threshold-one"])
}

#[test]
fn a_key_whose_proof_or_file_is_not_what_the_plan_says_is_refused_before_anything_begins() {
    let mut ceremony = Ceremony::with(String::new());
    let on_in = ceremony.at("IN");
    let media = media(&ceremony);
    let mut before = String::new();
    let mut refused = |fingerprint: &str, words: &[&str]| {
        let inputs = ["signer.pub", "signer.proof"].map(|file| (file, digest(&on_in.join(file))));
        let text = with_signer(fingerprint, &inputs);
        ceremony.change(&before, &text);
        before = text;
        ceremony.plan();
        for command in [["plan", "check", "plan.toml"].as_slice(), &["run", "plan.toml"]] {
            let mut arguments = command.to_vec();
            arguments.extend(media.iter().map(String::as_str));
            let said = ceremony.program(&arguments).failure(3);
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            for word in words {
                assert!(said.contains(word), "{word:?} in:\n{said}");
            }
        }
        assert_eq!(fs::read_dir(ceremony.at("BOOK/evidence")).unwrap().count(), 0);
    };
    let another = ceremony_key(&on_in, "another", "signer", REPOSITORY);
    let swapped = fs::read(on_in.join("signer.pub")).unwrap();
    let key = ceremony_key(&on_in, "signer", "signer", REPOSITORY);
    let good = fs::read(on_in.join("signer.proof")).unwrap();
    let not_its = ["key-differs", "the proof of signer is not this key's signature for updates"];
    // A proof that is none.
    fs::write(on_in.join("signer.proof"), b"hello").unwrap();
    refused(&key, &not_its);
    // A proof for another repository, and for another name.
    ceremony_key(&on_in, "signer", "signer", "other.example.com");
    refused(&key, &not_its);
    ceremony_key(&on_in, "signer", "tagging", REPOSITORY);
    fs::copy(on_in.join("tagging.proof"), on_in.join("signer.proof")).unwrap();
    refused(&key, &not_its);
    // The public half was swapped: its digest is in the plan, its fingerprint is not.
    fs::write(on_in.join("signer.proof"), &good).unwrap();
    fs::write(on_in.join("signer.pub"), &swapped).unwrap();
    let found = format!("expected the fingerprint {key}, found {another}");
    refused(&key, &["key-differs", "IN:signer.pub", &found]);
    // Even a swapped half with the fingerprint that goes with it has no proof.
    refused(&another, &not_its);
    // No key at all.
    fs::write(on_in.join("signer.pub"), b"{\"signed\":{}}").unwrap();
    refused(&key, &["key-differs", "IN:signer.pub"]);
}

/// The fingerprint of a key that openssl made, with `KEYNAME.pub` and `KEYNAME.proof` beside it.
fn ceremony_key(folder: &Path, name: &str, key_name: &str, repository: &str) -> String {
    by_openssl(folder, name, key_name, repository).fingerprint().to_string()
}

#[test]
fn a_file_whose_digest_is_not_the_plans_is_refused_by_its_name() {
    let mut ceremony = Ceremony::with(String::new());
    let on_in = ceremony.at("IN");
    let key = ceremony_key(&on_in, "signer", "signer", REPOSITORY);
    let inputs = ["signer.pub", "signer.proof"].map(|file| (file, digest(&on_in.join(file))));
    ceremony.change("", &with_signer(&key, &inputs));
    let media = media(&ceremony);
    let mut check = vec!["plan", "check", "plan.toml"];
    check.extend(media.iter().map(String::as_str));
    ceremony.plan();
    ceremony.program(&check).success();
    // The same key and proof in other bytes are other files.
    let proof = fs::read(on_in.join("signer.proof")).unwrap();
    fs::write(on_in.join("signer.proof"), [proof.as_slice(), b"\n"].concat()).unwrap();
    let said = ceremony.program(&check).failure(3);
    assert!(said.contains("input-differs") && said.contains("IN:signer.proof"), "{said}");
}

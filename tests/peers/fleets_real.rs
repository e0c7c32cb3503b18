//! A fleet of repositories that another program made, changed in one real ceremony, and published by the scripts of its
//! export.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anchorite::ceremony::fleet::Line;
use anchorite::ceremony::fleet::list::documents_digest;
use anchorite::tuf::any::AnyDocument;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::Dialect;
use anchorite::tuf::key::PublicKey;
use anchorite::tuf::name::RoleName;
use anchorite::tuf::verify::RootDigest;

use super::changes_real::audited;
use crate::support::ceremony::{Ceremony, PASSPHRASE, window};
use crate::support::clients;
use crate::support::command::{Ran, run};
use crate::support::notary::NotaryServer;
use crate::support::publishing::{foreign_export, results, run_script};
use crate::support::tuf::{self, Served};

/// Who is there beside the custodians.
const PEOPLE: [&str; 4] = ["Administrator", "Operator", "Releaser", "Witness 1"];

/// The repositories, each with a root key of its own.
const NAMES: [&str; 3] = ["one", "three", "two"];

fn gun(name: &str) -> String {
    format!("registry.example.com/team/{name}")
}

/// What the script `fetch` took, by the names below the repository's folder.
fn fetched(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

/// The only key of a role.
fn key_of(root: &AnyDocument, role: &RoleName) -> PublicKey {
    let AnyDocument::Root(root) = root else { panic!("not a root") };
    let root = root.peek();
    root.keys[&root.roles[role].keyids[0]].public.clone()
}

/// The plan that puts one new root key in the place of each repository's own, in a certificate for all of them.
fn new_root(medium: &Path) -> String {
    let tagging = "\n[[keys]]\nname = \"tagging\"";
    let plan = plan(medium)
        .replace("rotate-tagging", "rotate-root")
        .replace("GANNET", "TERN")
        .replace("list = \"fleet.tsv\"\n", "list = \"fleet.tsv\"\nalso_sign = [\"root-one\"]\n");
    let (before, rest) = plan.split_once(tagging).unwrap();
    let (_, waivers) = rest.split_once("\n[[waivers]]").unwrap();
    let waivers = format!("\n[[waivers]]{waivers}").replace(&waiver("fleet-unread"), "");
    let keys: Vec<&str> = before.split("\n[[").filter(|row| !row.starts_with("comp")).collect();
    format!(
        "{}\n[[keys]]\nname = \"root-new\"\nholder = \"Custodian A\"\nstore = {{ age = {{}} }}\n\
         algorithm = \"p256\"\nmake = {{}}\ncertificate = {{ valid_for = \"20 years\", common_name = \
         \"registry.example.com/*\" }}\n\n[roles.root]\nkeys = [\"root-new\"]\nthreshold = 1\n\
         valid_for = \"3 years\"\n{waivers}",
        keys.join("\n[[")
    )
}

/// The list of the fleet, and the plan that gives all its repositories one new tagging key.
fn plan(medium: &Path) -> String {
    let mut list = String::new();
    let mut keys = String::new();
    let mut sets = String::new();
    for name in NAMES {
        let folder = gun(name);
        let files = fetched(&medium.join("before").join(&folder));
        let root = AnyDocument::read(&files["root.json"]).unwrap();
        let line = Line {
            name: folder.parse().unwrap(),
            dialect: Dialect::Notary1,
            root: RootDigest::new(root.digest()),
            documents: documents_digest(&files),
            folder: format!("before/{folder}"),
            set: (name != "one").then(|| name.parse().unwrap()),
        };
        list += &line.to_text();
        let _ = write!(
            keys,
            "\n[[keys]]\nname = \"root-{name}\"\nholder = \"Custodian A\"\nstore = {{ age = {{}} }}\n\
             algorithm = \"p256\"\nfingerprint = \"{}\"\nconfirmed_by = \"Custodian A\"\n\
             \n[[compromised]]\nfingerprint = \"{}\"\nreason = \"seen in a build log\"\n",
            key_of(&root, &RoleName::root()).fingerprint(),
            key_of(&root, &RoleName::targets()).fingerprint()
        );
        if name != "one" {
            let _ = write!(sets, "\n[fleet.sets.{name}]\nroot-one = \"root-{name}\"\n");
        }
    }
    let mut plan = head(medium, &list, &sets, &["Custodian A"]);
    plan += &keys;
    plan += "\n[[keys]]\nname = \"tagging\"\nholder = \"Releaser\"\nstore = { age = {} }\n\
             algorithm = \"p256\"\nmake = {}\n\
             \n[roles.root]\nkeys = [\"root-one\"]\nthreshold = 1\nvalid_for = \"3 years\"\n\
             \n[roles.targets]\nkeys = [\"tagging\"]\nthreshold = 1\nvalid_for = \"1 year\"\n";
    waived(&mut plan, &["threshold-one"]);
    waived(&mut plan, &WAIVED);
    plan
}

/// The plan of a fleet as far as its people and media.
fn head(medium: &Path, list: &str, sets: &str, custodians: &[&str]) -> String {
    fs::write(medium.join("fleet.tsv"), list).unwrap();
    let mut plan = format!(
        "anchorite = 1\nkind = \"rotate-tagging\"\ntitle = \"The tagging keys leaked\"\n\
         codename = \"GANNET\"\n{}\n[fleet]\nname = \"fleet.example.com\"\nmedium = \"IN\"\n\
         list = \"fleet.tsv\"\n{sets}\n[[inputs]]\nmedium = \"IN\"\npath = \"fleet.tsv\"\nsha256 = \"{}\"\n\
         confirmed_by = \"Releaser\"\nsource = \"compared on a second machine\"\n",
        window(),
        Digest::of(list.as_bytes())
    );
    for name in PEOPLE.iter().chain(custodians) {
        let role = name.split(' ').next().unwrap_or_default().to_lowercase();
        let _ = write!(plan, "\n[[people]]\nname = \"{name}\"\nroles = [\"{role}\"]\n");
    }
    for (name, role) in [("IN", "in"), ("OUT", "out")] {
        let _ = write!(plan, "\n[[media]]\nname = \"{name}\"\nrole = \"{role}\"\n");
    }
    plan
}

fn waived(plan: &mut String, findings: &[&str]) {
    plan.extend(findings.iter().map(|finding| waiver(finding)));
}

fn waiver(finding: &str) -> String {
    format!("\n[[waivers]]\nfinding = \"{finding}\"\nreason = \"a test\"\nby = \"Administrator\"\n")
}

const WAIVED: [&str; 6] = [
    "fleet-unread",
    "file-root-key",
    "unattended",
    "room-network-interface",
    "room-default-route",
    "room-swap",
];

/// Takes a private key into the workspace.
fn import(ceremony: &Ceremony, pem: &Path, name: &str) {
    fs::write(ceremony.at("secrets"), format!("{name}\t{PASSPHRASE}\n")).unwrap();
    run(Command::new("sh")
        .args(["-c", "exec \"$0\" key import \"$1\" --name \"$2\" --workspace BOOK --passphrase-fd 3 3<secrets"])
        .arg(env!("CARGO_BIN_EXE_anchorite"))
        .arg(pem)
        .arg(name)
        .current_dir(ceremony.at("")))
    .success();
}

/// What people say in the ceremony over a fleet of one shape, until they are asked to sign.
fn until_signing(keys: &[&str], custodians: &[&str], also_read: &[&str]) -> Vec<(String, String)> {
    let mut people: Vec<&str> = PEOPLE.iter().chain(custodians).copied().collect();
    people.sort_unstable();
    let yes = |ask: &str| (ask.to_owned(), "true".to_owned());
    let mut asked = vec![("roll-call".to_owned(), format!("{people:?}"))];
    asked.extend(["room", "clock", "compare-plan/Witness 1", "head/plan accepted"].map(yes));
    asked.push(yes("medium/IN"));
    asked.extend(keys.iter().map(|key| yes(&format!("ready/keys/{key}"))));
    asked.extend(["medium/OUT", "review/shape-1"].map(yes));
    asked.extend(also_read.iter().map(|part| yes(&format!("review/{part}"))));
    asked.push(yes("review/waivers"));
    asked.push(("source".to_owned(), "\"written-down\"".to_owned()));
    asked.extend(["written-down", "head/before the first signature"].map(yes));
    asked
}

/// Holds the ceremony over a fleet of one shape, by a script.
fn hold(
    ceremony: &Ceremony,
    (round, plan): (&str, &str),
    keys: &[&str],
    custodians: &[&str],
    also_read: &[&str],
) -> String {
    let mut asked = until_signing(keys, custodians, also_read);
    asked.extend(keys.iter().map(|key| (format!("ready/sign/{key}"), "true".to_owned())));
    asked.push(("medium/export".to_owned(), "true".to_owned()));
    let mut people: Vec<&str> = PEOPLE.iter().chain(custodians).copied().collect();
    people.sort_unstable();
    let agree = |person| (format!("statement/{person}"), "\"agree\"".to_owned());
    asked.extend(people.into_iter().map(agree));
    then(ceremony, round, plan, &asked, keys).success()
}

fn then(
    ceremony: &Ceremony,
    round: &str,
    plan: &str,
    asked: &[(String, String)],
    keys: &[&str],
) -> Ran {
    let asked: Vec<(&str, &str)> =
        asked.iter().map(|(ask, say)| (ask.as_str(), say.as_str())).collect();
    ceremony.then(round, plan, &asked, keys)
}

#[test]
fn a_fleet_that_python_tuf_made_is_changed_and_its_clients_follow() {
    let ceremony = Ceremony::with(String::new());
    ceremony.media("2");
    let medium = ceremony.at("IN-2");
    let (mut list, mut keys, mut secrets) = (String::new(), String::new(), Vec::new());
    let mut repositories = Vec::new();
    for name in ["one", "two"] {
        let made = ceremony.at(name);
        tuf::make_repository(&made, "app.txt", name);
        let served = Served::of(&made.join("metadata"));
        served.target("app.txt", name);
        served.all_find("app.txt");
        let files: BTreeMap<String, Vec<u8>> = ["1.root.json", "1.targets.json"]
            .map(|file| (file.to_owned(), fs::read(made.join("metadata").join(file)).unwrap()))
            .into();
        fs::create_dir_all(medium.join(name)).unwrap();
        for (file, bytes) in &files {
            fs::write(medium.join(name).join(file), bytes).unwrap();
        }
        let root = AnyDocument::read(&files["1.root.json"]).unwrap();
        list += &Line {
            name: format!("{name}.example.com").parse().unwrap(),
            dialect: Dialect::Tuf1,
            root: RootDigest::new(root.digest()),
            documents: documents_digest(&files),
            folder: name.to_owned(),
            set: (name != "one").then(|| name.parse().unwrap()),
        }
        .to_text();
        for (nth, algorithm, holder) in [(1, "ed25519", "Custodian A"), (2, "p256", "Custodian B")]
        {
            let key = format!("root-{nth}-{name}");
            import(&ceremony, &made.join(format!("keys/root-{nth}.pem")), &key);
            let pem = fs::read_to_string(ceremony.at(&format!("BOOK/keys/{key}.pub"))).unwrap();
            let _ = write!(
                keys,
                "\n[[keys]]\nname = \"{key}\"\nholder = \"{holder}\"\nstore = {{ age = {{}} }}\n\
                 algorithm = \"{algorithm}\"\nfingerprint = \"{}\"\nconfirmed_by = \"{holder}\"\n",
                PublicKey::from_pem(&pem).unwrap().fingerprint()
            );
            secrets.push(key);
        }
        let _ = write!(
            keys,
            "\n[[compromised]]\nfingerprint = \"{}\"\nreason = \"seen in a build log\"\n",
            key_of(&root, &RoleName::targets()).fingerprint()
        );
        repositories.push((name, made, served));
    }
    let sets = "\n[fleet.sets.two]\nroot-1-one = \"root-1-two\"\nroot-2-one = \"root-2-two\"\n";
    let mut plan = head(&medium, &list, sets, &["Custodian A", "Custodian B"]) + &keys;
    plan += "\n[[keys]]\nname = \"tagging\"\nholder = \"Releaser\"\nstore = { age = {} }\n\
             algorithm = \"ed25519\"\nmake = {}\n\
             \n[roles.root]\nkeys = [\"root-1-one\", \"root-2-one\"]\nthreshold = 2\nvalid_for = \"3 years\"\n\
             \n[roles.targets]\nkeys = [\"tagging\"]\nthreshold = 1\nvalid_for = \"1 year\"\n";
    waived(&mut plan, &["threshold-all-of-n"]);
    waived(&mut plan, &WAIVED);
    secrets.push("tagging".to_owned());
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let custodians = ["Custodian A", "Custodian B"];

    // People stop once one key has signed for its repository: those signatures are named before others are made.
    let mut asked = until_signing(&secrets, &custodians, &[]);
    asked.push(("ready/sign/root-1-one".to_owned(), "true".to_owned()));
    let stop =
        [("ready/sign/root-2-one", "wish abort"), ("abort", "[\"GANNET\", \"a fire alarm\"]")];
    asked.extend(stop.map(|(ask, say)| (ask.to_owned(), say.to_owned())));
    ceremony.media("stopped");
    let all = ["one", "two", "fleet.tsv"].map(|name| medium.join(name));
    run(Command::new("cp").arg("-r").args(all).arg(ceremony.at("IN-stopped"))).success();
    let said = then(&ceremony, "stopped", &plan, &asked, &secrets).failure(1);
    assert!(!said.contains("signed before"), "{said}");
    let plan = plan
        .replace("GANNET", "PETREL")
        .replace("\"1 year\"", "\"11 months\"")
        .replace("\"3 years\"", "\"2 years\"");
    // The key that was made for it stays, and is not made again.
    let plan = plan.replace("\"tagging\"", "\"tagging-2\"");
    let secrets: Vec<&str> =
        secrets.iter().map(|key| if *key == "tagging" { "tagging-2" } else { key }).collect();
    let said = hold(&ceremony, ("2", &plan), &secrets, &custodians, &["competing"]);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("1 documents were signed before with other content"), "{said}");
    assert!(said.contains("one.example.com") && said.contains("by root-1-one"), "{said}");
    audited(&ceremony, "PETREL");

    for (name, made, served) in repositories {
        served.add(&ceremony.at(&format!("OUT-2/fleet/{name}.example.com")));
        served.sign_online(&made.join("keys/online.pem"));
        assert_eq!(served.roots(), ["1.root.json", "2.root.json"], "{name}");
        served.all_find("app.txt");
        // The key that leaked signs no targets any more.
        let metadata = served.metadata();
        fs::copy(metadata.join("1.targets.json"), metadata.join("2.targets.json")).unwrap();
        served.from("1.root.json", "app.txt").failure(1);
    }
}

#[test]
fn a_fleet_is_fetched_changed_published_in_waves_and_accepted_by_real_clients() {
    let server = NotaryServer::start();
    let ceremony = Ceremony::with(String::new());
    for name in NAMES {
        let made = foreign_export(&ceremony.at(""), &server, &gun(name), "exact");
        run_script(&made, "publish/publish", &server, &["--only", &gun(name), "--accept", "no"])
            .success();
    }
    // A client that knows the repositories before they change.
    let cached = ceremony.at("cached");
    let list = |name: &str| clients::notary(&server, &cached, &["list", &gun(name)]);
    for name in NAMES {
        list(name).success();
    }
    ceremony.media("2");
    let (medium, made) = (ceremony.at("IN-2"), ceremony.at("OUT"));
    let names: String = NAMES.map(|name| gun(name) + "\n").concat();
    fs::write(ceremony.at("guns"), names).unwrap();
    let (into, guns) = (medium.join("before"), ceremony.at("guns"));
    let (into, guns) = (into.to_str().unwrap(), guns.to_str().unwrap());
    run_script(&made, "publish/fetch", &server, &["--into", into, "--list", guns]).success();
    for name in NAMES {
        import(&ceremony, &ceremony.at(&format!("{name}.pem")), &format!("root-{name}"));
    }
    let plan = plan(&medium);
    let secrets = ["root-one", "root-three", "root-two", "tagging"];
    hold(&ceremony, ("2", &plan), &secrets, &["Custodian A"], &[]);
    audited(&ceremony, "GANNET");

    // Keys of a set got a role as well.
    let known = fs::read_to_string(ceremony.at("BOOK/register.jsonl")).unwrap();
    for key in ["root-one", "root-two", "tagging"] {
        let line = known.lines().rfind(|line| line.contains(&format!("\"{key}\""))).unwrap();
        assert!(line.contains("\"active\""), "{line}");
    }

    let out = ceremony.at("OUT-2");
    run_script(&out, "publish/precheck", &server, &[]).success();
    run_script(&out, "publish/publish", &server, &["--wave", "1"]).success();
    let told: Vec<String> = results(&out).into_iter().map(|line| line[..3].join(" ")).collect();
    let each = NAMES.map(|name| {
        let gun = gun(name);
        ["publish", "accept with notary", "accept with docker"]
            .map(|step| format!("{gun} {step} PASS"))
    });
    assert_eq!(told[3..9], each[..2].concat(), "{told:?}");
    run_script(&out, "accept/accept", &server, &[]).success();
    // What the online side saw comes back to the evidence.
    let evidence = ceremony.evidence_of("GANNET");
    let evidence = evidence.to_str().unwrap();
    let result = out.join("RESULT");
    let added = ["evidence", "addendum", evidence, result.to_str().unwrap()];
    let said = ceremony.program(&added).success();
    assert!(said.contains("publish: 3 PASS"), "{said}");
    let told = ceremony.program(&["evidence", "verify", evidence]).failure(5);
    assert!(told.contains("publish: 3 PASS") && !told.contains("FAIL"), "{told}");
    for name in NAMES {
        assert!(list(name).success().contains("v1 "), "{name}");
        assert_eq!(server.document(&gun(name), "root").unwrap(), written(&out, name, "root"));
        assert_eq!(server.document(&gun(name), "targets").unwrap(), written(&out, name, "targets"));
    }

    // Then one root key in one certificate roots them all.
    ceremony.media("3");
    let medium = ceremony.at("IN-3");
    let into = medium.join("before");
    let fetch = ["--into", into.to_str().unwrap(), "--list", guns];
    run_script(&out, "publish/fetch", &server, &fetch).success();
    let plan = new_root(&medium);
    let secrets = ["root-one", "root-three", "root-two", "root-new"];
    hold(&ceremony, ("3", &plan), &secrets, &["Custodian A"], &["shape-2", "shape-3"]);
    audited(&ceremony, "TERN");
    let out = ceremony.at("OUT-3");
    run_script(&out, "publish/publish", &server, &[]).success();
    run_script(&out, "accept/accept", &server, &[]).success();
    let ids: BTreeSet<String> = NAMES
        .map(|name| {
            assert!(list(name).success().contains("v1 "), "{name}");
            let bytes = server.document(&gun(name), "root").unwrap();
            assert_eq!(bytes, written(&out, name, "root"));
            let AnyDocument::Root(root) = AnyDocument::read(&bytes).unwrap() else { panic!() };
            root.peek().roles[&RoleName::root()].keyids[0].to_string()
        })
        .into();
    assert_eq!(ids.len(), 1, "one id to pin");
}

fn written(out: &Path, name: &str, role: &str) -> Vec<u8> {
    let folder = gun(name).replace('/', "%2F");
    fs::read(out.join("fleet").join(folder).join(format!("{role}.json"))).unwrap()
}

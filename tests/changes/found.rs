//! Repositories as they are found: what the real Notary client and server made, and TUF documents in odd forms.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anchorite::ceremony::before::Before;
use anchorite::ceremony::check::{CheckReport, play};
use anchorite::ceremony::engine::Engine;
use anchorite::ceremony::event::{FileAt, Mode, Place};
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::scene::Verdict;
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::tuf::any::AnyDocument;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::{Dialect, DocId, DocRole};
use anchorite::tuf::key::KeyId;
use anchorite::tuf::name::RoleName;
use anchorite::tuf::payload::Draft;
use anchorite::tuf::root::Root;
use anchorite::tuf::signed::Signed;
use anchorite::tuf::targets::Targets;
use anchorite::tuf::wire::json::Json;

use super::root_plans::{adopt, rotate_root};
use super::sample::*;
use super::{check, passes};

const META: &str = "tests/data/notary-v1/meta";

/// What the real server served at the end, with every root.
fn real() -> BTreeMap<String, Vec<u8>> {
    let last = Path::new(META).join("10-witness");
    let mut files: BTreeMap<String, Vec<u8>> =
        ["root", "targets", "snapshot", "timestamp", "targets/releases", "targets/alice"]
            .into_iter()
            .map(|role| format!("{role}.json"))
            .map(|name| (name.clone(), fs::read(last.join(&name)).unwrap()))
            .collect();
    for version in 1..=6 {
        let name = format!("{version}.root.json");
        files.insert(name.clone(), fs::read(Path::new(META).join(&name)).unwrap());
    }
    files
}

/// A plan over the real files, from their first root.
struct Real {
    toml: String,
    at_hand: BTreeMap<FileAt, Vec<u8>>,
}

impl Real {
    fn new(kind: &str, before: &str, more: &[(&str, Vec<u8>)]) -> Self {
        let mut toml = format!(
            "anchorite = 1\nkind = \"{kind}\"\ntitle = \"What is found\"\ncodename = \"PUFFIN\"\n\
             clients = [\"notary\", \"docker\"]\n\n[repository]\nname = \"example.com/team/app\"\n\
             dialect = \"notary1\"\n"
        );
        for (name, role) in [
            ("Administrator", "administrator"),
            ("Operator", "operator"),
            ("Custodian A", "custodian"),
            ("Custodian B", "custodian"),
            ("Custodian C", "custodian"),
            ("Releaser", "releaser"),
            ("Witness 1", "witness"),
        ] {
            toml += &format!("\n[[people]]\nname = \"{name}\"\nroles = [\"{role}\"]\n");
        }
        for (name, role) in [("IN", "in"), ("OUT", "out")] {
            toml += &format!("\n[[media]]\nname = \"{name}\"\nrole = \"{role}\"\n");
        }
        let first = fs::read(Path::new(META).join("1.root.json")).unwrap();
        let root = AnyDocument::read(&first).unwrap().digest();
        toml += &format!(
            "\n[before]\nmedium = \"IN\"\nfolder = \"before\"\nroot = \"{root}\"\n\
             confirmed_by = \"Custodian A\"\n{before}"
        );
        let own = real().into_iter().map(|(name, bytes)| (format!("before/{name}"), bytes));
        let more = more.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone()));
        let mut at_hand = BTreeMap::new();
        for (path, bytes) in own.chain(more) {
            toml += &format!(
                "\n[[inputs]]\nmedium = \"IN\"\npath = \"{path}\"\nsha256 = \"{}\"\nconfirmed_by = \"Releaser\"\n",
                Digest::of(&bytes)
            );
            at_hand.insert(FileAt { place: Place::Medium("IN".parse().unwrap()), path }, bytes);
        }
        Self { toml, at_hand }
    }

    /// A key that a document of the real client lists, and that is here.
    fn here(&mut self, name: &str, holder: &str, fingerprint: &str) {
        self.toml += &format!(
            "\n[[keys]]\nname = \"{name}\"\nholder = \"{holder}\"\nstore = {AGE}\nalgorithm = \"p256\"\n\
             fingerprint = \"{fingerprint}\"\nconfirmed_by = \"{holder}\"\n"
        );
    }

    fn push(&mut self, text: &str) {
        self.toml += text;
    }

    fn plan(&self) -> Plan {
        Plan::parse(self.toml.as_bytes()).unwrap_or_else(|why| panic!("{why}\n{}", self.toml))
    }

    fn check(&self) -> CheckReport {
        CheckReport::of(&self.plan(), noon(), &self.at_hand)
    }

    /// The ceremony as the check plays it, once it passed.
    fn played(&self) -> Engine {
        passes(&self.check());
        let plan = self.plan();
        let before = Before::of(&plan, &self.at_hand).unwrap();
        play(&Twin::new(&plan, &before, Purpose::Check), noon()).unwrap()
    }
}

/// The fingerprint of the only key that a document lists for a role.
fn key_of(role: &str) -> String {
    let name: RoleName = role.parse().unwrap();
    let files = real();
    let root = Signed::<Root>::read(Dialect::Notary1, &files["root.json"]).unwrap();
    if let Some(keys) = root.peek().roles.get(&name) {
        return root.peek().keys[&keys.keyids[0]].public.fingerprint().to_string();
    }
    let targets = Signed::<Targets>::read(Dialect::Notary1, &files["targets.json"]).unwrap();
    let delegations = targets.peek().delegations.clone().unwrap();
    let role = delegations.roles.iter().find(|role| role.name == name).unwrap();
    delegations.keys[&role.keys.keyids[0]].public.fingerprint().to_string()
}

const ONE: &str =
    "\n[[waivers]]\nfinding = \"threshold-one\"\nreason = \"as it is\"\nby = \"Administrator\"\n";

fn names(engine: &Engine) -> Vec<&str> {
    engine.served().keys().map(String::as_str).collect()
}

/// The only root key of the real client.
fn root(plan: &mut Real) {
    plan.here("root-a", "Custodian A", &key_of("root"));
}

/// The only key of targets.
fn tagging(plan: &mut Real) {
    plan.here("tagging", "Releaser", &key_of("targets"));
    plan.push(&role("targets", "\"tagging\"", 1, Some("3 years")));
}

/// A root of three people.
fn three(plan: &mut Real) {
    for (name, holder) in [("one", "Custodian A"), ("two", "Custodian B"), ("three", "Custodian C")]
    {
        let certificate = "certificate = { valid_for = \"25 years\" }\n";
        plan.push(&made(name, holder, AGE, "p256", certificate));
    }
    plan.push(&role("root", "\"one\", \"two\", \"three\"", 2, Some("10 years")));
}

#[test]
fn every_change_of_a_root_begins_from_what_the_real_client_and_server_made() {
    let root_again = role("root", "\"root-a\"", 1, Some("9 years"));
    let also = "also_sign = [\"root-a\"]\n";

    for kind in ["rotate-root", "replace-custodian"] {
        let mut plan = Real::new(kind, also, &[]);
        root(&mut plan);
        three(&mut plan);
        assert_eq!(names(&plan.played()), ["root.json"]);
    }
    let mut refresh = Real::new("refresh", "", &[]);
    root(&mut refresh);
    refresh.push(&role("root", "\"root-a\"", 1, Some("10 years")));
    refresh.push(ONE);
    assert_eq!(names(&refresh.played()), ["root.json"]);

    let known = anchorite::tuf::forge::ForgedKey::new(
        &Digest::of(b"the server"),
        "snapshot",
        anchorite::tuf::key::Algorithm::Ed25519,
    );
    let known = known.unwrap();
    let (id, listed) = Dialect::Notary1.list_key(known.public_key()).unwrap();
    let key = [("new/snapshot.key", listed.wire.canonical())];
    let mut online = Real::new("rotate-online", "", &key);
    root(&mut online);
    online.push(&format!(
        "\n[[keys]]\nname = \"server\"\nalgorithm = \"ed25519\"\n\
         server = {{ medium = \"IN\", file = \"new/snapshot.key\", id = \"{id}\" }}\n"
    ));
    online.push(&root_again);
    online.push("\n[roles.snapshot]\nkeys = [\"server\"]\nthreshold = 1\nsigned = \"online\"\n");
    online.push(ONE);
    assert_eq!(names(&online.played()), ["root.json"]);

    // The tagging key was rotated by the client itself once: the state before that is signed by an earlier key.
    let good = fs::read(Path::new(META).join("04-releases/targets.json")).unwrap();
    let mut mend = Real::new("rotate-tagging", "", &[("good/targets.json", good.clone())]);
    root(&mut mend);
    mend.push("\n[known_good]\nfile = \"good/targets.json\"\nform = \"targets\"\n");
    mend.push(&made("tagging-2", "Releaser", AGE, "p256", ""));
    mend.push(&root_again);
    mend.push(&role("targets", "\"tagging-2\"", 1, Some("3 years")));
    let leaked = key_of("targets");
    mend.push(&format!("\n[[compromised]]\nfingerprint = \"{leaked}\"\nreason = \"a log\"\n"));
    mend.push(ONE);
    let engine = mend.played();
    assert_eq!(names(&engine), ["root.json", "targets.json"]);
    let read =
        |bytes: &[u8]| Signed::<Targets>::read(Dialect::Notary1, bytes).unwrap().peek().clone();
    let (old, new) = (read(&good), read(&engine.served()["targets.json"]));
    assert_eq!(new.targets, old.targets);
    let roles = |targets: Targets| {
        let all = targets.delegations.into_iter().flat_map(|all| all.roles);
        all.map(|role| (role.name, role.paths)).collect::<Vec<_>>()
    };
    assert_eq!(roles(new), roles(old));

    // With one root key out of one gone there is no way back.
    let mut lost = Real::new("root-compromise", also, &[]);
    root(&mut lost);
    three(&mut lost);
    let leaked = key_of("root");
    lost.push(&format!("\n[[compromised]]\nfingerprint = \"{leaked}\"\nreason = \"a log\"\n"));
    let report = lost.check();
    assert!(report.findings.iter().any(|f| f.name == "root-lost"), "{report:#?}");
    assert_eq!(report.verdict(Mode::Rehearsal), Verdict::Fail);
}

#[test]
fn every_change_of_delegations_and_targets_begins_from_what_the_real_client_and_server_made() {
    let own = "paths = [\"\"]\nvalid_for = \"1 year\"\n";
    let delegation = |name: &str, key: &str| {
        format!("\n[[delegations]]\nname = \"{name}\"\nkeys = [\"{key}\"]\nthreshold = 1\n{own}")
    };
    let mut add = Real::new("add-delegation", "", &[]);
    tagging(&mut add);
    add.push(&made("bob", "Custodian B", AGE, "p256", ""));
    add.push(&delegation("targets/bob", "bob"));
    assert_eq!(names(&add.played()), ["targets.json", "targets/bob.json"]);
    let mut rotate = Real::new("rotate-delegation", "", &[]);
    tagging(&mut rotate);
    rotate.push(&made("releases-2", "Custodian B", AGE, "p256", ""));
    rotate.push(&delegation("targets/releases", "releases-2"));
    assert_eq!(names(&rotate.played()), ["targets.json", "targets/releases.json"]);
    let mut remove = Real::new("remove-delegation", "", &[]);
    tagging(&mut remove);
    remove.push("\n[[remove]]\ndelegation = \"targets/alice\"\nreason = \"Alice left\"\n");
    assert_eq!(names(&remove.played()), ["targets.json"]);
    let target = |role: &str| {
        let sha256 = Digest::of(b"a build");
        format!(
            "\n[[targets]]\nname = \"v9\"\nlength = 7\nsha256 = \"{sha256}\"\nrole = \"{role}\"\n"
        )
    };
    let mut sign = Real::new("sign-targets", "", &[]);
    tagging(&mut sign);
    sign.push(&target("targets"));
    assert_eq!(names(&sign.played()), ["targets.json"]);
    let mut below = Real::new("sign-targets", "", &[]);
    below.here("alice", "Custodian A", &key_of("targets/releases"));
    below.push(&delegation("targets/releases", "alice"));
    below.push(&target("targets/releases"));
    assert_eq!(names(&below.played()), ["targets/releases.json"]);
}

/// The state before as it was given. A rehearsal's stand-ins sign it anew; a real ceremony writes these bytes.
fn is_read_as_it_is(
    plan: &Plan,
    at_hand: &BTreeMap<FileAt, Vec<u8>>,
    files: &BTreeMap<String, Vec<u8>>,
) {
    let before = Before::of(plan, at_hand).unwrap();
    let kept = before.anchor().unwrap().files();
    for (file, bytes) in files {
        let version = AnyDocument::read(bytes).unwrap().version();
        let names = [file.clone(), format!("{version}.{file}")];
        let found = names.iter().find_map(|name| kept.get(name));
        assert!(found == Some(bytes), "{file}: {:?}", kept.keys());
    }
}

#[test]
fn what_the_real_client_and_server_made_is_taken_over_byte_for_byte() {
    let plan = Real::new("adopt", "", &[]);
    assert!(plan.played().change().unwrap().payloads().is_empty());
    is_read_as_it_is(&plan.plan(), &plan.at_hand, &real());
    // The root of one key is told, and left.
    let report = plan.check();
    let odd: Vec<_> = report.findings.iter().filter(|f| f.name == "as-found").collect();
    assert!(odd.iter().any(|f| f.text.contains("threshold-one")), "{odd:#?}");
}

/// A key object with another member, or with another form of its point.
fn odd_form(wire: &Json, odd: &str, public: &anchorite::tuf::key::PublicKey) -> Json {
    let Json::Object(mut members) = wire.clone() else { panic!("{wire:?}") };
    if odd == "hex-point" {
        let spki = public.spki_der();
        let point = &spki[spki.len() - 65..];
        let hex: String = point.iter().map(|byte| format!("{byte:02x}")).collect();
        members.insert("keyval".to_owned(), Json::object([("public", Json::text(hex))]));
        members.insert("keytype".to_owned(), Json::text("ecdsa-sha2-nistp256"));
    } else {
        let algorithms = [Json::text("sha256"), Json::text("sha512")];
        let algorithms = Json::Array(algorithms.into());
        members.insert("keyid_hash_algorithms".to_owned(), algorithms);
    }
    Json::Object(members)
}

/// The sample of TUF with root keys in odd forms, under ids that are not their digests, indented.
fn odd_sample() -> Sample {
    let mut sample = Sample::new(Dialect::Tuf1);
    let mut root =
        Signed::<Root>::read(Dialect::Tuf1, &sample.files["1.root.json"]).unwrap().peek().clone();
    let mut signers = Vec::new();
    let mut ids = Vec::new();
    for (name, odd) in
        [("root-a", "hex-point"), ("root-b", "keyid-hash-algorithms"), ("root-c", "")]
    {
        let key = sample.twin.key(&name.parse().unwrap()).unwrap();
        let (id, _) = Dialect::Tuf1.list_key(key.public_key()).unwrap();
        let mut listed = root.keys.remove(&id).unwrap();
        let id = if odd.is_empty() {
            KeyId::new("custodian-c")
        } else {
            listed.wire = odd_form(&listed.wire, odd, key.public_key());
            Dialect::Tuf1.key_id(&listed.wire)
        };
        root.keys.insert(id.clone(), listed);
        ids.push(id.clone());
        signers.push((id, key));
    }
    root.roles.get_mut(&RoleName::root()).unwrap().keyids = ids;
    let repository = sample.twin.plan().repository.name.clone();
    let id = DocId { repository, role: DocRole::Root, version: 1 };
    let payload = Draft::new(id, Dialect::Tuf1, root).payload().unwrap();
    let signatures: Vec<_> = signers
        .into_iter()
        .map(|(id, key)| (id, key.for_dialect(Dialect::Tuf1).sign(payload.to_sign())))
        .collect();
    sample.files.insert("1.root.json".to_owned(), payload.envelope(&signatures));
    for bytes in sample.files.values_mut() {
        let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        *bytes = serde_json::to_vec_pretty(&value).unwrap();
        bytes.push(b'\n');
    }
    sample
}

#[test]
fn odd_forms_of_tuf_are_told_one_by_one_and_nothing_is_written_anew() {
    let sample = odd_sample();
    let report = check(&sample, &adopt(&sample));
    passes(&report);
    let odd: Vec<_> = report.findings.iter().filter(|f| f.name == "as-found").collect();
    for rule in ["hex-point", "keyid-hash-algorithms", "key-id-not-the-hash"] {
        let found = odd.iter().any(|f| f.text.starts_with(&format!("{rule}: ")));
        assert!(found, "{rule}: {odd:#?}");
    }
    let adopted = Plan::parse(plan(&sample, &adopt(&sample)).as_bytes()).unwrap();
    is_read_as_it_is(&adopted, &sample.at_hand(&[]), &sample.files);

    // The next change follows from the odd root, leaves the other documents as they are, and lists keys as they should be.
    let engine = played(&sample, &rotate_root(&sample));
    assert_eq!(names(&engine), ["2.root.json"]);
    let new = Signed::<Root>::read(Dialect::Tuf1, &engine.served()["2.root.json"]).unwrap();
    for id in &new.peek().roles[&RoleName::root()].keyids {
        assert_eq!(Dialect::Tuf1.key_id(&new.peek().keys[id].wire), *id);
    }
}

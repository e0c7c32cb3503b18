//! Real changes with age keys, after a real first root in the same workspace, judged by real clients: fresh ones, and
//! ones that knew the repository before.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anchorite::tuf::any::AnyDocument;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::{Dialect, DocId, DocRole};
use anchorite::tuf::key::{Algorithm, Fingerprint, PublicKey};
use anchorite::tuf::payload::Draft;
use anchorite::tuf::signature::{Hash, Signature};
use anchorite::tuf::signed::Signed;
use anchorite::tuf::targets::Targets;
use tempfile::TempDir;

use crate::support::ceremony::{Ceremony, PASSPHRASE, window};
use crate::support::clients::{self, Watchers};
use crate::support::command::{Ran, run};
use crate::support::tuf::Served;
use crate::support::{notary::NotaryServer, publishing};

pub(crate) const GUN: &str = "registry.example.com/team/app";
pub(crate) const GOOD: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
pub(crate) const EVIL: &str = "e258d248fda94c63753607f7c4494ee0fcbe92f1a76bfdac795c9d84101eb317";

/// A plan of a change, piece by piece.
pub(crate) struct Change {
    text: String,
    keys: Vec<String>,
    /// The keys that sign a snapshot over what the others signed.
    closing: Vec<&'static str>,
}

impl Change {
    pub(crate) fn new(
        ceremony: &Ceremony,
        round: &str,
        head: &str,
        root: Digest,
        extra: &str,
    ) -> Self {
        let mut text = format!("anchorite = 1\n{head}{}", window());
        for (name, part) in [
            ("Administrator", "administrator"),
            ("Operator", "operator"),
            ("Custodian A", "custodian"),
            ("Custodian B", "custodian"),
            ("Custodian C", "custodian"),
            ("Releaser", "releaser"),
            ("Witness 1", "witness"),
        ] {
            let _ = write!(text, "\n[[people]]\nname = \"{name}\"\nroles = [\"{part}\"]\n");
        }
        text += "\n[[media]]\nname = \"IN\"\nrole = \"in\"\n\n[[media]]\nname = \"OUT\"\nrole = \"out\"\n";
        let _ = write!(
            text,
            "\n[before]\nmedium = \"IN\"\nfolder = \"before\"\nroot = \"{root}\"\n\
             confirmed_by = \"Custodian A\"\n{extra}"
        );
        for finding in [
            "file-root-key",
            "unattended",
            "room-network-interface",
            "room-default-route",
            "room-swap",
        ] {
            let _ = write!(
                text,
                "\n[[waivers]]\nfinding = \"{finding}\"\nreason = \"a test\"\nby = \"Administrator\"\n"
            );
        }
        let folder = ceremony.at(&format!("IN-{round}"));
        let mut files = Vec::new();
        list(&folder, &folder, &mut files);
        for path in files.iter().filter(|path| !path.starts_with("anchorite-")) {
            let digest = Digest::of(&fs::read(folder.join(path)).unwrap());
            let _ = write!(
                text,
                "\n[[inputs]]\nmedium = \"IN\"\npath = \"{path}\"\nsha256 = \"{digest}\"\n\
                 confirmed_by = \"Releaser\"\n"
            );
        }
        Self { text, keys: Vec::new(), closing: Vec::new() }
    }

    /// A key that rests in the book.
    pub(crate) fn here(&mut self, ceremony: &Ceremony, key: &str, holder: &str) {
        let public = public(ceremony, key);
        let _ = write!(
            self.text,
            "\n[[keys]]\nname = \"{key}\"\nholder = \"{holder}\"\nstore = {{ age = {{}} }}\n\
             algorithm = \"{}\"\nfingerprint = \"{}\"\nconfirmed_by = \"{holder}\"\n",
            algorithm(&public),
            public.fingerprint()
        );
        self.keys.push(key.to_owned());
    }

    pub(crate) fn made(&mut self, key: &str, holder: &str, more: &str) {
        let _ = write!(
            self.text,
            "\n[[keys]]\nname = \"{key}\"\nholder = \"{holder}\"\nstore = {{ age = {{}} }}\n\
             algorithm = \"p256\"\nmake = {{}}\n{more}"
        );
        self.keys.push(key.to_owned());
    }

    /// A key that stays elsewhere: its public half and its proof are in `new` on IN, and the public half beside.
    pub(crate) fn enrolled(&mut self, ceremony: &Ceremony, key: &str, holder: &str) {
        let pem = fs::read_to_string(ceremony.at(&format!("{key}.pub"))).unwrap();
        let public = PublicKey::from_pem(&pem).unwrap();
        let _ = write!(
            self.text,
            "\n[[keys]]\nname = \"{key}\"\nholder = \"{holder}\"\nalgorithm = \"{}\"\n\
             enrol = {{ medium = \"IN\", public = \"new/{key}.pub\", proof = \"new/{key}.proof\", \
             fingerprint = \"{}\", confirmed_by = \"{holder}\" }}\n",
            algorithm(&public),
            public.fingerprint()
        );
    }

    pub(crate) fn role(&mut self, name: &str, keys: &str, threshold: u32, valid_for: &str) {
        let _ = write!(
            self.text,
            "\n[roles.{name}]\nkeys = [{keys}]\nthreshold = {threshold}\nvalid_for = \"{valid_for}\"\n"
        );
    }

    /// A snapshot of Notary that this key signs, over what the others signed.
    pub(crate) fn closes(&mut self, key: &'static str) {
        self.role("snapshot", &format!("{key:?}"), 1, "3 years");
        self.closing.push(key);
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Begins it; it must be refused before anybody is asked anything.
    pub(crate) fn refused(self, ceremony: &Ceremony, round: &str) -> Ran {
        ceremony.then(round, &self.text, &[], &[])
    }

    /// The plan's text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Holds it by a script that answers every question.
    pub(crate) fn hold(
        self,
        ceremony: &Ceremony,
        round: &str,
        signed: &[&str],
        signing: &[&str],
    ) -> String {
        let ticked = |all: &[&str]| {
            format!("[{}]", all.iter().map(|a| format!("{a:?}")).collect::<Vec<_>>().join(", "))
        };
        let people = [
            "Administrator",
            "Custodian A",
            "Custodian B",
            "Custodian C",
            "Operator",
            "Releaser",
            "Witness 1",
        ];
        let waivers: Vec<String> = self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("finding = "))
            .map(|name| format!("waiver {}", name.trim_matches('"')))
            .collect();
        let read: Vec<&str> =
            signed.iter().copied().chain(waivers.iter().map(String::as_str)).collect();
        let mut asked: Vec<(String, String)> = vec![
            ("roll-call".into(), ticked(&people)),
            ("room".into(), "true".into()),
            ("clock".into(), "true".into()),
            ("compare-plan/Witness 1".into(), String::new()),
            ("head/plan accepted".into(), "true".into()),
            ("medium/IN".into(), "true".into()),
        ];
        let ready = |turn: &str, keys: &[&str], asked: &mut Vec<(String, String)>| {
            asked.extend(keys.iter().map(|key| (format!("ready/{turn}/{key}"), "true".into())));
        };
        let keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        ready("keys", &keys, &mut asked);
        // Where nothing is signed, nothing leaves before the end, and nobody compares what would be signed.
        if !signed.is_empty() {
            asked.push(("medium/OUT".into(), "true".into()));
        }
        asked.push(("review".into(), ticked(&read)));
        if !signed.is_empty() {
            asked.push(("source".into(), "\"written-down\"".into()));
            asked.push(("written-down".into(), "true".into()));
            asked.push(("head/before the first signature".into(), "true".into()));
        }
        ready("sign", signing, &mut asked);
        if !self.closing.is_empty() {
            asked.push(("review/closing".into(), ticked(&["snapshot"])));
            asked.push(("written-down/closing".into(), "true".into()));
            ready("closing", &self.closing, &mut asked);
        }
        asked.push(("medium/export".into(), "true".into()));
        asked.extend(people.map(|person| (format!("statement/{person}"), "\"agree\"".into())));
        let asked: Vec<(&str, &str)> =
            asked.iter().map(|(ask, say)| (ask.as_str(), say.as_str())).collect();
        ceremony.then(round, &self.text, &asked, &keys).success()
    }
}

fn list(top: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(top, &path, files);
        } else {
            files.push(path.strip_prefix(top).unwrap().to_str().unwrap().to_owned());
        }
    }
    files.sort();
}

fn public(ceremony: &Ceremony, key: &str) -> PublicKey {
    let pem = fs::read_to_string(ceremony.at(&format!("BOOK/keys/{key}.pub"))).unwrap();
    PublicKey::from_pem(&pem).unwrap()
}

fn fingerprint(ceremony: &Ceremony, key: &str) -> Fingerprint {
    public(ceremony, key).fingerprint()
}

fn algorithm(public: &PublicKey) -> &'static str {
    match public.algorithm() {
        Algorithm::Ed25519 => "ed25519",
        Algorithm::P256 => "p256",
        Algorithm::P384 => "p384",
        Algorithm::Rsa => "rsa",
    }
}

/// Puts a file on IN of a round.
pub(crate) fn bring(ceremony: &Ceremony, round: &str, path: &str, bytes: &[u8]) {
    let file = ceremony.at(&format!("IN-{round}")).join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, bytes).unwrap();
}

/// A change of what the server has, with these documents of delegations; keys of earlier roots may sign too.
pub(crate) fn from_server(
    ceremony: &Ceremony,
    server: &NotaryServer,
    round: &str,
    (kind, codename): (&str, &str),
    below: &[&str],
    also: &[&str],
) -> Change {
    for role in ["root", "targets"].iter().chain(below) {
        let bytes = server.document(GUN, role).unwrap();
        bring(ceremony, round, &format!("before/{role}.json"), &bytes);
    }
    over(ceremony, server, round, (kind, codename), also)
}

/// A change of what lies on IN already, from the root that the server has.
pub(crate) fn over(
    ceremony: &Ceremony,
    server: &NotaryServer,
    round: &str,
    (kind, codename): (&str, &str),
    also: &[&str],
) -> Change {
    let root = AnyDocument::read(&server.document(GUN, "root").unwrap()).unwrap().digest();
    let head = format!(
        "kind = \"{kind}\"\ntitle = \"A change\"\ncodename = \"{codename}\"\nclients = [\"notary\", \"docker\"]\n"
    );
    let also = if also.is_empty() { String::new() } else { format!("also_sign = {also:?}\n") };
    let mut change = Change::new(ceremony, round, &head, root, &also);
    change.push(&format!("\n[repository]\nname = \"{GUN}\"\ndialect = \"notary1\"\n"));
    change
}

/// Uploads what a round signed, by the scripts of its export.
pub(crate) fn publish(ceremony: &Ceremony, server: &NotaryServer, round: &str) {
    let out = ceremony.at(&format!("OUT-{round}"));
    for script in ["publish/precheck", "publish/publish", "accept/accept"] {
        publishing::run_script(&out, script, server, &[]).success();
    }
}

/// A key of the server's, whose public half lies on IN.
pub(crate) fn server_key(name: &str, file: &str, bytes: &[u8]) -> String {
    let (id, _) = anchorite::tuf::wire::notary1::read_server_key(bytes).unwrap();
    format!(
        "\n[[keys]]\nname = \"{name}\"\nalgorithm = \"ed25519\"\n\
         server = {{ medium = \"IN\", file = \"{file}\", id = \"{id}\" }}\n"
    )
}

/// A key that somebody else may have.
pub(crate) fn compromised(ceremony: &Ceremony, key: &str) -> String {
    format!(
        "\n[[compromised]]\nfingerprint = \"{}\"\nreason = \"seen in a build log\"\n",
        fingerprint(ceremony, key)
    )
}

/// The folder of the evidence of a codename, and whether an audit without the paper's head finds nothing wrong.
pub(crate) fn audited(ceremony: &Ceremony, codename: &str) {
    let evidence = ceremony.evidence_of(codename);
    let told = ceremony.program(&["evidence", "verify", evidence.to_str().unwrap()]).failure(5);
    assert!(told.contains("consistent, not authenticated"), "{told}");
    assert!(!told.contains("FAIL"), "{told}");
}

/// A first root at the real server, and the trust folder of somebody who has the tagging key.
pub(crate) fn published(server: &NotaryServer) -> (Ceremony, TempDir) {
    let mut ceremony = Ceremony::of("first-root-notary1");
    let place_holder = |n: u8| format!("{}{n}", "0".repeat(63));
    ceremony.server_key("snapshot", &server.key(GUN, "snapshot"), &place_holder(1));
    ceremony.server_key("timestamp", &server.key(GUN, "timestamp"), &place_holder(2));
    ceremony.hold("first-root-notary1").success();
    publishing::run_script(&ceremony.at("OUT"), "publish/publish", server, &[]).success();
    let thief = TempDir::new().unwrap();
    let private = thief.path().join("private");
    fs::create_dir(&private).unwrap();
    for entry in fs::read_dir(ceremony.at("KEYS")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "key") {
            fs::copy(&path, private.join(path.file_name().unwrap())).unwrap();
        }
    }
    (ceremony, thief)
}

/// Somebody with the leaked key moves the tag, adds another one, and a delegation for a key of their own.
pub(crate) fn attacked(server: &NotaryServer, thief: &Path) {
    let notary = |arguments: &[&str]| clients::notary(server, thief, arguments).success();
    notary(&["remove", "-p", GUN, "v1"]);
    notary(&["addhash", "-p", GUN, "v1", "4", "--sha256", EVIL]);
    notary(&["addhash", "-p", GUN, "evil", "4", "--sha256", EVIL]);
    let pem = thief.join("own.pem");
    let made = Command::new("sh")
        .args([
            "-c",
            "openssl ecparam -genkey -name prime256v1 -noout | openssl ec -pubout > \"$0\"",
        ])
        .arg(&pem)
        .output()
        .unwrap();
    assert!(made.status.success());
    notary(&[
        "delegation",
        "add",
        "-p",
        GUN,
        "targets/releases",
        pem.to_str().unwrap(),
        "--all-paths",
    ]);
}

/// Later targets of the server's with `evil` in them, signed by the leaked key with openssl alone.
fn forged(ceremony: &Ceremony, server: &NotaryServer, thief: &Path, version: u64) -> Vec<u8> {
    let read = Signed::<Targets>::read(Dialect::Notary1, &server.document(GUN, "targets").unwrap());
    let mut body = read.unwrap().peek().clone();
    body.version = version;
    let mut table = body.targets.to_map();
    let evil = table.values().next().unwrap().clone();
    table.insert("evil".to_owned(), evil);
    body.targets = table.into();
    let id = DocId { repository: GUN.parse().unwrap(), role: DocRole::Targets, version };
    let payload = Draft::new(id, Dialect::Notary1, body).payload().unwrap();
    fs::write(thief.join("to-sign"), payload.to_sign()).unwrap();
    let key = fs::read_dir(thief.join("private")).unwrap().map(|entry| entry.unwrap().path());
    let key = key.into_iter().find(|path| path.is_file()).unwrap();
    let script = "sed '/^[a-z]*: /d; /^$/d' \"$0\" >key && \
                  openssl pkcs8 -in key -passin \"pass:$1\" -out plain && \
                  openssl dgst -sha256 -sign plain to-sign";
    let made = Command::new("sh")
        .args(["-c", script, key.to_str().unwrap(), PASSPHRASE])
        .current_dir(thief)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let signature = Signature::from_ecdsa_der(Algorithm::P256, Hash::Sha256, &made.stdout).unwrap();
    let (id, _) = Dialect::Notary1.list_key(&public(ceremony, "tagging")).unwrap();
    payload.envelope(&[(id, signature)])
}

/// Puts targets on the server without any client; what it says, the status last.
fn put(server: &NotaryServer, folder: &Path, targets: &[u8]) -> String {
    let file = folder.join("put.json");
    fs::write(&file, targets).unwrap();
    let part = format!("files=@{};filename=targets", file.display());
    let url = format!("{}/v2/{GUN}/_trust/tuf/", server.url());
    let mut curl = Command::new("curl");
    curl.args(["--silent", "-w", "%{http_code}", "--cacert"]).arg(server.cacert());
    run(curl.args(["-F", &part, &url])).success()
}

#[test]
fn a_leaked_tagging_key_is_replaced_and_what_it_signed_since_is_undone_for_old_and_new_clients() {
    let server = NotaryServer::start();
    let (ceremony, thief) = published(&server);
    let old_client = TempDir::new().unwrap();
    let listed = clients::notary(&server, old_client.path(), &["list", GUN]).success();
    assert!(listed.contains(GOOD), "{listed}");
    attacked(&server, thief.path());
    // So that nothing of ours would be new, they go far ahead with the version.
    let far = forged(&ceremony, &server, thief.path(), 50);
    assert_eq!(put(&server, thief.path(), &far), "200");
    let listed = clients::notary(&server, old_client.path(), &["list", GUN]).success();
    assert!(listed.contains(EVIL) && listed.contains("evil"), "{listed}");

    ceremony.media("2");
    let good = fs::read(ceremony.at("OUT").join(GUN).join("targets.json")).unwrap();
    bring(&ceremony, "2", "good/1.targets.json", &good);
    let mut change = from_server(&ceremony, &server, "2", ("rotate-tagging", "OSPREY"), &[], &[]);
    change.push("\n[known_good]\nfile = \"good/1.targets.json\"\nform = \"targets\"\n");
    for (key, holder) in
        [("root-a", "Custodian A"), ("root-b", "Custodian B"), ("root-c", "Custodian C")]
    {
        change.here(&ceremony, key, holder);
    }
    change.made("tagging-2", "Releaser", "");
    change.role("root", "\"root-a\", \"root-b\", \"root-c\"", 2, "10 years");
    change.role("targets", "\"tagging-2\"", 1, "3 years");
    change.push(&format!(
        "\n[[compromised]]\nfingerprint = \"{}\"\nreason = \"seen in a build log\"\n",
        fingerprint(&ceremony, "tagging")
    ));
    let signing = ["root-a", "root-b", "root-c", "tagging-2"];
    let said = change.hold(&ceremony, "2", &["root", "targets"], &signing);
    for words in [
        "delegation targets/releases: added; undone",
        "target v1: moved; undone",
        "target evil: added; undone",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    audited(&ceremony, "OSPREY");

    let out = ceremony.at("OUT-2");
    publishing::run_script(&out, "publish/precheck", &server, &[]).success();
    publishing::run_script(&out, "publish/publish", &server, &[]).success();
    publishing::run_script(&out, "accept/accept", &server, &[]).success();
    let fresh = clients::notary_list(&server, GUN).success();
    let cached = clients::notary(&server, old_client.path(), &["list", GUN]).success();
    let docker = clients::docker_trust_inspect(&server, GUN).success();
    for listed in [&fresh, &cached, &docker] {
        assert!(listed.contains("v1") && listed.contains(GOOD), "{listed}");
        assert!(!listed.contains("evil") && !listed.contains(EVIL), "{listed}");
    }
    // The old key signs nothing any more that the server takes, by a client or without one.
    let farther = forged(&ceremony, &server, thief.path(), 99);
    let refused = put(&server, thief.path(), &farther);
    assert!(refused.ends_with("400"), "{refused}");
    assert!(refused.contains("valid signatures did not meet threshold for targets"), "{refused}");
    let again = ["addhash", "-p", GUN, "evil", "4", "--sha256", EVIL];
    clients::notary(&server, thief.path(), &again).failure(1);
    assert!(!clients::notary_list(&server, GUN).success().contains("evil"));
    let back = TempDir::new().unwrap();
    let private = back.path().join("private");
    fs::create_dir(&private).unwrap();
    for entry in fs::read_dir(thief.path().join("private")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, private.join(path.file_name().unwrap())).unwrap();
        }
    }
    clients::notary(&server, back.path(), &again).failure(1);
}

#[test]
fn every_kind_of_root_change_is_followed_by_notary_clients_from_before_and_by_fresh_ones() {
    let server = NotaryServer::start();
    let (ceremony, _) = published(&server);
    let mut watchers = Watchers::new(&server, GUN);
    let see = |all: &[String]| assert!(all.iter().all(|seen| seen.contains(GOOD)), "{all:?}");
    see(&watchers.look());
    let held = |change: Change, round: &str, codename: &str, signing: &[&str]| {
        let said = change.hold(&ceremony, round, &["root"], signing);
        assert!(said.contains("root, by the one before"), "{said}");
        audited(&ceremony, codename);
        publish(&ceremony, &server, round);
    };
    let from = |round: &str, kind, also: &[&str]| {
        ceremony.media(round);
        from_server(&ceremony, &server, round, kind, &[], also)
    };
    let certificate = "certificate = { valid_for = \"28 years\" }\n";

    // Custodian C leaves without signing anything.
    let mut replace = from("2", ("replace-custodian", "GANNET"), &[]);
    replace.here(&ceremony, "root-a", "Custodian A");
    replace.here(&ceremony, "root-b", "Custodian B");
    replace.made("root-d", "Custodian C", certificate);
    replace.role("root", "\"root-a\", \"root-b\", \"root-d\"", 2, "10 years");
    held(replace, "2", "GANNET", &["root-a", "root-b", "root-d"]);
    see(&watchers.look());

    // B gets another token and brings both.
    let mut rotate = from("3", ("rotate-root", "CURLEW"), &["root-b"]);
    rotate.here(&ceremony, "root-a", "Custodian A");
    rotate.here(&ceremony, "root-b", "Custodian B");
    rotate.here(&ceremony, "root-d", "Custodian C");
    rotate.made("root-b2", "Custodian B", certificate);
    rotate.role("root", "\"root-a\", \"root-b2\", \"root-d\"", 2, "10 years");
    held(rotate, "3", "CURLEW", &["root-a", "root-b", "root-d", "root-b2"]);
    see(&watchers.look());

    // The server gets another snapshot key: it gives the public half, and signs with it once the root names it.
    ceremony.media("4");
    let key = server.new_key(GUN, "snapshot");
    let old = server.key(GUN, "snapshot");
    assert_ne!(key, old);
    bring(&ceremony, "4", "new/snapshot.key", &key);
    let mut online = from_server(&ceremony, &server, "4", ("rotate-online", "SWIFT"), &[], &[]);
    for (key, holder) in
        [("root-a", "Custodian A"), ("root-b2", "Custodian B"), ("root-d", "Custodian C")]
    {
        online.here(&ceremony, key, holder);
    }
    online.push(&server_key("server-snapshot-2", "new/snapshot.key", &key));
    online.role("root", "\"root-a\", \"root-b2\", \"root-d\"", 2, "10 years");
    online.push(
        "\n[roles.snapshot]\nkeys = [\"server-snapshot-2\"]\nthreshold = 1\nsigned = \"online\"\n",
    );
    held(online, "4", "SWIFT", &["root-a", "root-b2", "root-d"]);
    let told = publishing::results(&ceremony.at("OUT-4"));
    assert_eq!(told[0][2], "WARN");
    assert!(told[0][3].contains("it answers its old key until"), "{}", told[0][3]);
    assert_eq!(server.key(GUN, "snapshot"), key);
    see(&watchers.look());

    // The token of B is stolen.
    let mut stolen = from("5", ("root-compromise", "HARRIER"), &[]);
    stolen.here(&ceremony, "root-a", "Custodian A");
    stolen.here(&ceremony, "root-d", "Custodian C");
    stolen.made("root-e", "Custodian B", certificate);
    stolen.role("root", "\"root-a\", \"root-d\", \"root-e\"", 2, "10 years");
    stolen.push(&compromised(&ceremony, "root-b2"));
    held(stolen, "5", "HARRIER", &["root-a", "root-d", "root-e"]);
    see(&watchers.look());

    // Up to four changes behind, and each of them follows.
    let woken = watchers.wake();
    assert_eq!(woken.len(), 5);
    see(&woken);
}

/// The target of the sample plan, and what it holds.
pub(crate) const TARGET: (&str, &str) = ("app/app-1.0.tar.gz", "test");
pub(crate) const METADATA: &str = "updates.example.com/metadata";

/// A first root of a TUF repository, served.
pub(crate) fn first_root_of_tuf() -> (Ceremony, Served) {
    let mut ceremony = Ceremony::of("first-root-tuf1");
    ceremony.change("length = 1000", "length = 4");
    ceremony.hold("first-root-tuf1").success();
    let served = Served::of(&ceremony.at("OUT").join(METADATA));
    served.target(TARGET.0, TARGET.1);
    (ceremony, served)
}

/// A change of what is served; keys of earlier roots may sign too.
pub(crate) fn from_served(
    ceremony: &Ceremony,
    served: &Served,
    round: &str,
    (kind, codename): (&str, &str),
    also: &[&str],
) -> Change {
    for name in served.newest() {
        let bytes = fs::read(served.metadata().join(&name)).unwrap();
        bring(ceremony, round, &format!("before/{name}"), &bytes);
    }
    let root = fs::read(served.metadata().join("1.root.json")).unwrap();
    let root = AnyDocument::read(&root).unwrap().digest();
    let head = format!(
        "kind = \"{kind}\"\ntitle = \"A change\"\ncodename = \"{codename}\"\nclients = [\"python-tuf\"]\n"
    );
    let also = if also.is_empty() { String::new() } else { format!("also_sign = {also:?}\n") };
    let mut change = Change::new(ceremony, round, &head, root, &also);
    change.push(
        "\n[repository]\nname = \"updates.example.com\"\ndialect = \"tuf1\"\nconsistent_snapshot = true\n",
    );
    change
}

#[test]
fn python_tuf_follows_a_replaced_release_key_from_the_first_root_and_from_the_second() {
    let (ceremony, served) = first_root_of_tuf();
    served.all_find(TARGET.0);
    ceremony.media("2");
    let kind = ("rotate-tagging", "OSPREY");
    let mut change = from_served(&ceremony, &served, "2", kind, &[]);
    let good = "before/1.targets.json";
    change.push(&format!("\n[known_good]\nfile = \"{good}\"\nform = \"targets\"\n"));
    for (key, holder) in [
        ("root-a", "Custodian A"),
        ("root-b", "Custodian B"),
        ("root-c", "Custodian C"),
        ("online", "Releaser"),
    ] {
        change.here(&ceremony, key, holder);
    }
    change.made("release-2", "Releaser", "");
    change.role("root", "\"root-a\", \"root-b\", \"root-c\"", 2, "2 years");
    change.role("targets", "\"release-2\"", 1, "1 year");
    change.role("snapshot", "\"online\"", 1, "6 months");
    change.role("timestamp", "\"online\"", 1, "14 days");
    change.push(&compromised(&ceremony, "release"));
    let signed = ["root", "targets", "snapshot", "timestamp"];
    let signing = ["root-a", "root-b", "root-c", "online", "release-2"];
    change.hold(&ceremony, "2", &signed, &signing);
    audited(&ceremony, "OSPREY");
    // The register knows the key as compromised from now on, and the new one as active.
    let known = fs::read_to_string(ceremony.at("BOOK/register.jsonl")).unwrap();
    let line = known.lines().rfind(|line| line.contains("\"release\"")).unwrap();
    assert!(line.contains("\"compromised\"") && line.contains("rotate-tagging OSPREY"), "{line}");
    let line = known.lines().rfind(|line| line.contains("\"release-2\"")).unwrap();
    assert!(line.contains("\"active\""), "{line}");

    // The server has the files of both ceremonies.
    served.add(&ceremony.at("OUT-2").join(METADATA));
    served.all_find(TARGET.0);
    // With the old targets in the place of the new ones it refuses.
    let metadata = served.metadata();
    fs::copy(metadata.join("1.targets.json"), metadata.join("2.targets.json")).unwrap();
    served.from("1.root.json", TARGET.0).failure(1);
}

//! Real changes with age keys, after a real first root in the same workspace, judged by real clients: fresh ones, and
//! ones that knew the repository before.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anchorite::tuf::any::AnyDocument;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::key::{Fingerprint, PublicKey};
use tempfile::TempDir;

use crate::support::ceremony::{Ceremony, window};
use crate::support::{clients, notary::NotaryServer, publishing, tuf};

pub(crate) const GUN: &str = "registry.example.com/team/app";
pub(crate) const GOOD: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
pub(crate) const EVIL: &str = "e258d248fda94c63753607f7c4494ee0fcbe92f1a76bfdac795c9d84101eb317";

/// A plan of a change, piece by piece.
pub(crate) struct Change {
    text: String,
    keys: Vec<String>,
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
        Self { text, keys: Vec::new() }
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

    pub(crate) fn role(&mut self, name: &str, keys: &str, threshold: u32, valid_for: &str) {
        let _ = write!(
            self.text,
            "\n[roles.{name}]\nkeys = [{keys}]\nthreshold = {threshold}\nvalid_for = \"{valid_for}\"\n"
        );
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
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
        asked.push(("medium/OUT".into(), "true".into()));
        asked.push(("review".into(), ticked(&read)));
        asked.push(("source".into(), "\"written-down\"".into()));
        asked.push(("written-down".into(), "true".into()));
        asked.push(("head/before the first signature".into(), "true".into()));
        ready("sign", signing, &mut asked);
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
    use anchorite::tuf::key::Algorithm;
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

/// The folder of the evidence of a codename, and whether an audit without the paper's head finds nothing wrong.
pub(crate) fn audited(ceremony: &Ceremony, codename: &str) {
    let folder = fs::read_dir(ceremony.at("BOOK/evidence")).unwrap();
    let evidence = folder
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with(codename));
    let evidence = evidence.unwrap();
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
    let made = std::process::Command::new("sh")
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

#[test]
fn a_leaked_tagging_key_is_replaced_and_what_it_signed_since_is_undone_for_old_and_new_clients() {
    let server = NotaryServer::start();
    let (ceremony, thief) = published(&server);
    let old_client = TempDir::new().unwrap();
    let listed = clients::notary(&server, old_client.path(), &["list", GUN]).success();
    assert!(listed.contains(GOOD), "{listed}");
    attacked(&server, thief.path());
    let listed = clients::notary(&server, old_client.path(), &["list", GUN]).success();
    assert!(listed.contains(EVIL) && listed.contains("evil"), "{listed}");

    ceremony.media("2");
    for role in ["root", "targets"] {
        let bytes = server.document(GUN, role).unwrap();
        bring(&ceremony, "2", &format!("before/{role}.json"), &bytes);
    }
    let good = fs::read(ceremony.at("OUT").join(GUN).join("targets.json")).unwrap();
    bring(&ceremony, "2", "good/1.targets.json", &good);
    let root = fs::read(ceremony.at("OUT").join(GUN).join("root.json")).unwrap();
    let root = AnyDocument::read(&root).unwrap().digest();
    let head = "kind = \"rotate-tagging\"\ntitle = \"The tagging key leaked\"\ncodename = \"OSPREY\"\n\
                clients = [\"notary\", \"docker\"]\n";
    let repository = format!("\n[repository]\nname = \"{GUN}\"\ndialect = \"notary1\"\n");
    let mut change = Change::new(&ceremony, "2", head, root, "");
    change.push(&repository);
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
    // The old key signs nothing any more that the server takes.
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
fn two_root_changes_are_followed_by_notary_clients_from_before_and_by_fresh_ones() {
    let server = NotaryServer::start();
    let (ceremony, _) = published(&server);
    let old_client = TempDir::new().unwrap();
    clients::notary(&server, old_client.path(), &["list", GUN]).success();
    let repository = format!("\n[repository]\nname = \"{GUN}\"\ndialect = \"notary1\"\n");

    // Custodian C leaves without signing anything; then B gets another token and brings both.
    let mut keys = vec![("root-a", "Custodian A"), ("root-b", "Custodian B")];
    for (round, kind, codename, new, holder, leaves) in [
        ("2", "replace-custodian", "GANNET", "root-d", "Custodian C", None),
        ("3", "rotate-root", "CURLEW", "root-b2", "Custodian B", Some("root-b")),
    ] {
        ceremony.media(round);
        for role in ["root", "targets"] {
            let bytes = server.document(GUN, role).unwrap();
            bring(&ceremony, round, &format!("before/{role}.json"), &bytes);
        }
        let root = AnyDocument::read(&server.document(GUN, "root").unwrap()).unwrap().digest();
        let head = format!(
            "kind = \"{kind}\"\ntitle = \"Other root keys\"\ncodename = \"{codename}\"\n\
             clients = [\"notary\", \"docker\"]\n"
        );
        let also = leaves.map(|key| format!("also_sign = [\"{key}\"]\n")).unwrap_or_default();
        let mut change = Change::new(&ceremony, round, &head, root, &also);
        change.push(&repository);
        for (key, holder) in &keys {
            change.here(&ceremony, key, holder);
        }
        change.made(new, holder, "certificate = { valid_for = \"28 years\" }\n");
        keys.push((new, holder));
        let signing: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
        keys.retain(|(key, _)| Some(*key) != leaves);
        let listed: Vec<String> = keys.iter().map(|(key, _)| format!("{key:?}")).collect();
        change.role("root", &listed.join(", "), 2, "10 years");
        let said = change.hold(&ceremony, round, &["root"], &signing);
        assert!(said.contains("root, by the one before"), "{said}");
        audited(&ceremony, codename);
        let out = ceremony.at(&format!("OUT-{round}"));
        publishing::run_script(&out, "publish/precheck", &server, &[]).success();
        publishing::run_script(&out, "publish/publish", &server, &[]).success();
        publishing::run_script(&out, "accept/accept", &server, &[]).success();
        assert!(clients::notary_list(&server, GUN).success().contains(GOOD));
    }
    // Two rotations behind, and it follows.
    let cached = clients::notary(&server, old_client.path(), &["list", GUN]).success();
    assert!(cached.contains(GOOD), "{cached}");
    assert!(clients::docker_trust_inspect(&server, GUN).success().contains(GOOD));
}

/// A first root of a TUF repository, the folder of its documents, its root digest, and the documents on IN of a second
/// round.
pub(crate) fn first_root_of_tuf() -> (Ceremony, PathBuf, Digest) {
    let mut ceremony = Ceremony::of("first-root-tuf1");
    ceremony.change("length = 1000", "length = 4");
    ceremony.hold("first-root-tuf1").success();
    let first = ceremony.at("OUT").join("updates.example.com/metadata");
    ceremony.media("2");
    for entry in fs::read_dir(&first).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        bring(&ceremony, "2", &format!("before/{name}"), &fs::read(&path).unwrap());
    }
    let root = AnyDocument::read(&fs::read(first.join("1.root.json")).unwrap()).unwrap().digest();
    (ceremony, first, root)
}

#[test]
fn python_tuf_follows_a_replaced_release_key_from_the_first_root_and_from_the_second() {
    let (ceremony, first, root) = first_root_of_tuf();
    let head = "kind = \"rotate-tagging\"\ntitle = \"The release key leaked\"\ncodename = \"OSPREY\"\n\
                clients = [\"python-tuf\"]\n";
    let mut change = Change::new(&ceremony, "2", head, root, "");
    change.push(
        "\n[repository]\nname = \"updates.example.com\"\ndialect = \"tuf1\"\nconsistent_snapshot = true\n",
    );
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
    change.push(&format!(
        "\n[[compromised]]\nfingerprint = \"{}\"\nreason = \"seen in a build log\"\n",
        fingerprint(&ceremony, "release")
    ));
    let signed = ["root", "targets", "snapshot", "timestamp"];
    let signing = ["root-a", "root-b", "root-c", "online", "release-2"];
    change.hold(&ceremony, "2", &signed, &signing);
    audited(&ceremony, "OSPREY");

    // The server has the files of both ceremonies.
    let served = ceremony.at("served");
    fs::create_dir(&served).unwrap();
    for folder in [&first, &ceremony.at("OUT-2").join("updates.example.com/metadata")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, served.join(path.file_name().unwrap())).unwrap();
        }
    }
    let targets = ceremony.at("targets");
    fs::create_dir_all(targets.join("app")).unwrap();
    fs::write(targets.join(format!("app/{}.app-1.0.tar.gz", Digest::of(b"test"))), b"test")
        .unwrap();
    for root in ["1.root.json", "2.root.json"] {
        let downloads = TempDir::new().unwrap();
        let target = "app/app-1.0.tar.gz";
        tuf::ngclient(&served.join(root), &served, &targets, target, downloads.path()).success();
    }
    // With the old targets in the place of the new ones it refuses.
    fs::copy(first.join("1.targets.json"), served.join("2.targets.json")).unwrap();
    let downloads = TempDir::new().unwrap();
    let target = "app/app-1.0.tar.gz";
    tuf::ngclient(&served.join("1.root.json"), &served, &targets, target, downloads.path())
        .failure(1);
}

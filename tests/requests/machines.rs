//! Several machines as people use them: an office, and two custodians with a workspace each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anchorite::ceremony::check::play;
use anchorite::ceremony::event::Mode;
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::request::{Request, RequestFile};
use anchorite::ceremony::roster::Roster;
use anchorite::driver::bench::system_time;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::{Dialect, DocRole};
use anchorite::tuf::forge::ForgedKey;
use anchorite::tuf::key::Algorithm;
use anchorite::tuf::signed::Signed;
use anchorite::tuf::time::Timestamp;
use anchorite::tuf::verify::{Candidate, RootDigest};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::desk::*;
use crate::sample::*;
use crate::support::ceremony::{PASSPHRASE, window};
use crate::support::command::{Ran, run};

/// The private half of a throw-away key, PKCS#8 in PEM, from what it was made of.
pub(crate) fn pem(seed: &Digest, label: &str, key: &ForgedKey) -> String {
    let mut hash = Sha256::new();
    hash.update(b"anchorite-forge-1");
    hash.update(seed.as_bytes());
    hash.update([0, 0]);
    hash.update(label.as_bytes());
    let secret = hash.finalize();
    let prefix = match key.public_key().algorithm() {
        Algorithm::Ed25519 => "302e020100300506032b657004220420",
        _ => "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420",
    };
    let mut der = data_encoding::HEXLOWER.decode(prefix.as_bytes()).unwrap();
    der.extend(secret);
    let text = data_encoding::BASE64.encode(&der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|c| std::str::from_utf8(c).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// A key of a sample as a PEM file.
pub(crate) fn write_pem(sample: &Sample, key: &str, path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, pem(&sample.twin.seed(), key, &secret(sample, key))).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A sample that was made a month ago, so that its certificates are valid by this machine's clock.
fn old_sample(dialect: Dialect) -> Sample {
    let sample = Sample::new(dialect);
    let ago = system_time().plus_seconds(-30 * 86_400).unwrap();
    let engine = play(&sample.twin, ago).unwrap();
    Sample { files: engine.served().clone(), engine, ..sample }
}

/// An office with a plan, and the workspaces of custodians beside it.
pub(crate) struct Machines {
    folder: TempDir,
    pub(crate) sample: Sample,
    toml: String,
}

impl Machines {
    /// An office that plans this change of a sample, signed for real within a window round now.
    pub(crate) fn of(dialect: Dialect, change: impl Fn(&Sample) -> Text) -> Self {
        let sample = old_sample(dialect);
        let text = change(&sample);
        let mut toml = plan(&sample, &text);
        toml = toml.replacen("\n[repository]", &format!("\n{}\n[repository]", window()), 1);
        for finding in [
            "file-root-key",
            "unattended",
            "room-network-interface",
            "room-default-route",
            "room-swap",
        ] {
            if !toml.contains(&format!("finding = \"{finding}\"")) {
                toml.push_str(&format!(
                    "\n[[waivers]]\nfinding = \"{finding}\"\nreason = \"a test\"\nby = \"Administrator\"\n"
                ));
            }
        }
        let machines = Self { folder: TempDir::new().unwrap(), sample, toml };
        fs::write(machines.at("plan.toml"), &machines.toml).unwrap();
        let own = machines.sample.files.iter();
        let own = own.map(|(name, bytes)| (format!("before/{name}"), bytes));
        let more = text.inputs.iter().map(|(name, bytes)| (name.clone(), bytes));
        for (name, bytes) in own.chain(more) {
            let path = machines.at("IN").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        machines
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn program(&self, arguments: &[&str]) -> Ran {
        run(Command::new(env!("CARGO_BIN_EXE_anchorite"))
            .args(arguments)
            .current_dir(self.folder.path()))
    }

    /// The office makes a request, with what a room wrote where a key is made.
    pub(crate) fn make(&self, out: &str, more: &[&str]) -> Ran {
        let mut arguments = vec!["request", "make", "plan.toml", "-o", out];
        if self.toml.contains("root-d") {
            let plan = Plan::parse(self.toml.as_bytes()).unwrap();
            fs::write(self.at("roster.json"), roster(&plan, "root-d", system_time()).to_json())
                .unwrap();
            arguments.extend(["--roster", "roster.json"]);
        }
        arguments.extend_from_slice(more);
        self.program(&arguments)
    }

    pub(crate) fn request(&self, file: &str) -> Request {
        Request::open(&fs::read(self.at(file)).unwrap()).unwrap()
    }

    /// A custodian's own workspace, with a key of the sample in it.
    pub(crate) fn workspace(&self, book: &str, key: &str) {
        let at = self.at(book);
        self.program(&["media", "enrol", at.to_str().unwrap(), "--role", "book"]).success();
        let file = self.at(&format!("{key}.pem"));
        write_pem(&self.sample, key, &file);
        fs::write(self.at("secrets"), format!("{key}\t{PASSPHRASE}\n")).unwrap();
        self.secretly(&[
            "key",
            "import",
            file.to_str().unwrap(),
            "--name",
            key,
            "--workspace",
            book,
        ])
        .success();
    }

    pub(crate) fn secretly(&self, arguments: &[&str]) -> Ran {
        run(Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" --passphrase-fd 3 3<secrets"])
            .arg(env!("CARGO_BIN_EXE_anchorite"))
            .args(arguments)
            .current_dir(self.folder.path()))
    }

    /// The script of somebody who was told this digest of the change.
    fn script(&self, holder: &str, key: &str, plan: Digest, change: Digest, roles: &[&str]) {
        let waivers = self.toml.lines().filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == "finding").then(|| format!("waiver {}", value.trim().trim_matches('"')))
        });
        let read: Vec<String> =
            roles.iter().map(|role| (*role).to_owned()).chain(waivers).collect();
        let script = format!(
            "[[answer]]\nask = \"roll-call\"\nsay = [\"{holder}\"]\n\
             [[answer]]\nask = \"room\"\nsay = true\n\
             [[answer]]\nask = \"clock\"\nsay = true\n\
             [[answer]]\nask = \"compare-plan/{holder}\"\ndigest = \"{plan}\"\n\
             [[answer]]\nask = \"head/plan accepted\"\nsay = true\n\
             [[answer]]\nask = \"review\"\nsay = {read:?}\n\
             [[answer]]\nask = \"compare-change\"\ndigest = \"{change}\"\n\
             [[answer]]\nask = \"head/before the first signature\"\nsay = true\n\
             [[answer]]\nask = \"ready/sign/{key}\"\nsay = true\n"
        );
        fs::write(self.at("answers.toml"), script).unwrap();
    }

    /// A custodian answers a request in a workspace of their own.
    pub(crate) fn sign(
        &self,
        book: &str,
        holder: &str,
        key: &str,
        file: &str,
        more: &[&str],
    ) -> Ran {
        // What a picture holds is the request that the office made.
        let bytes = fs::read(self.at(file)).unwrap_or_default();
        let office = || fs::read(self.at("request.json")).unwrap();
        let bytes = if bytes.starts_with(b"{") { bytes } else { office() };
        if let Ok(request) = Request::open(&bytes) {
            let change = request.change();
            let roles: Vec<String> =
                change.payloads().iter().map(|p| p.id().role.to_string()).collect();
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            self.script(holder, key, request.plan().digest, change.digest(), &roles);
        }
        fs::write(self.at("secrets"), format!("{key}\t{PASSPHRASE}\n")).unwrap();
        let mut arguments = vec![
            "request",
            "sign",
            file,
            "--key",
            key,
            "--workspace",
            book,
            "--script",
            "answers.toml",
        ];
        arguments.extend_from_slice(more);
        self.secretly(&arguments)
    }

    /// The register of what was signed.
    pub(crate) fn signed(&self, book: &str) -> String {
        fs::read_to_string(self.at(book).join("signed.jsonl")).unwrap_or_default()
    }

    pub(crate) fn evidence(&self, book: &str) -> Vec<PathBuf> {
        let Ok(found) = fs::read_dir(self.at(book).join("evidence")) else { return Vec::new() };
        let mut all: Vec<_> = found.map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all
    }
}

pub(crate) fn head(said: &str) -> String {
    let line = said.lines().find_map(|line| line.strip_prefix("Head:")).unwrap();
    line.trim().to_owned()
}

fn shift(bytes: &[u8], change: impl FnOnce(&mut RequestFile)) -> Vec<u8> {
    let mut file: RequestFile = serde_json::from_slice(bytes).unwrap();
    change(&mut file);
    file.to_json()
}

#[test]
fn two_custodians_on_two_machines_rotate_a_root_that_an_office_asked_for() {
    for dialect in [Dialect::Notary1, Dialect::Tuf1] {
        let machines = Machines::of(dialect, rotate_root);
        let told = machines.make("request.json", &["--qr", "--payloads", "payloads"]).success();
        let request = machines.request("request.json");
        assert!(told.contains(&request.change().digest().groups()[..8].join(" ")), "{told}");
        assert!(told.contains("openssl dgst -sha256 -sign root-a.pem"), "{told}");
        assert!(told.contains('█'), "{told}");
        let again = machines.program(&["request", "show", "request.json"]).success();
        assert!(again.contains(&request.digest().to_string()), "{again}");

        machines.workspace("A", "root-a");
        machines.workspace("B", "root-b");
        let root = machines.sample.root().to_string();
        let own = |more: &[&'static str]| {
            let mut all = vec!["--pin-root", root.as_str()];
            all.extend_from_slice(more);
            all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()
        };
        let sign = |book, holder, key, file, more: &[String]| {
            let more: Vec<&str> = more.iter().map(String::as_str).collect();
            machines.sign(book, holder, key, file, &more)
        };
        // Nothing is trusted in a new workspace, so that without a pin of one's own nothing can be told.
        let blind = machines.sign("A", "Custodian A", "root-a", "request.json", &["-o", "a.json"]);
        assert!(blind.failure(5).contains("no root of this repository is trusted here"));
        let said =
            sign("A", "Custodian A", "root-a", "request.json", &own(&["-o", "a.json"])).success();

        // One is handed an altered request.
        let bytes = fs::read(machines.at("request.json")).unwrap();
        let altered = shift(&bytes, |file| file.plan = file.plan.replace("12 years", "13 years"));
        fs::write(machines.at("altered.json"), altered).unwrap();
        let refused = sign("B", "Custodian B", "root-b", "altered.json", &own(&["-o", "b.json"]));
        assert!(refused.failure(3).contains("of the plan"));
        assert_eq!(machines.signed("B"), "");
        assert!(machines.evidence("B").is_empty(), "nothing was begun");
        sign("B", "Custodian B", "root-b", "request.json", &own(&["-o", "b.json"])).success();

        // Each has evidence of their own.
        let evidence = machines.evidence("A").pop().unwrap();
        let by_paper = machines
            .program(&["evidence", "verify", evidence.to_str().unwrap(), "--head", &head(&said)])
            .success();
        assert!(by_paper.contains("RESULT   PASS"), "{by_paper}");
        assert!(by_paper.contains("root: 1 of 1 signature"), "{by_paper}");

        let short =
            machines.program(&["request", "merge", "request.json", "a.json", "-o", "short"]);
        assert!(short.failure(5).contains("nothing was written"));
        assert!(!machines.at("short").exists());
        let merged = machines
            .program(&["request", "merge", "request.json", "a.json", "b.json", "-o", "merged"])
            .success();
        let joined = machines.at("merged/evidence");
        let whole = machines
            .program(&["evidence", "verify", joined.to_str().unwrap(), "--head", &head(&merged)])
            .success();
        assert!(whole.contains("UNATTENDED"), "{whole}");
        assert!(joined.join("signers/root-a/transcript.jsonl").is_file());

        // Our own client follows, from the old root.
        let (folder, name) = match dialect {
            Dialect::Notary1 => ("registry.example.com/team/app", "root.json"),
            Dialect::Tuf1 => ("updates.example.com/metadata", "2.root.json"),
        };
        let new = fs::read(machines.at("merged/export").join(folder).join(name)).unwrap();
        let old = machines.sample.files.iter().find(|(name, _)| name.ends_with("root.json"));
        let trusted = Candidate::read(dialect, old.unwrap().1)
            .unwrap()
            .compared(RootDigest::new(machines.sample.root()))
            .unwrap();
        let followed = trusted.succeed(Signed::read(dialect, &new).unwrap()).unwrap();
        assert_eq!(followed.root().body().version, 2);

        // Once the new root is trusted at A, the request that led to it is handed in again.
        let trust = machines
            .at("A/trust")
            .join(machines.request("request.json").plan().repository.name.as_str());
        fs::create_dir_all(&trust).unwrap();
        fs::write(trust.join("1.root.json"), old.unwrap().1).unwrap();
        let answers = ["request.json", "a.json", "b.json", "--trust", "--workspace", "A"];
        machines.program(&[&["request", "merge"], &answers[..]].concat()).success();
        let (signed, held) = (machines.signed("A"), machines.evidence("A").len());
        let replayed =
            machines.sign("A", "Custodian A", "root-a", "request.json", &["-o", "c.json"]);
        let said = replayed.failure(3);
        assert!(said.contains("the next after what is trusted here is version 3"), "{said}");
        assert!(!machines.at("c.json").exists());
        assert_eq!((machines.signed("A"), machines.evidence("A").len()), (signed, held));
    }
}

#[test]
fn a_request_that_is_too_late_rehearsed_or_of_an_older_root_is_not_signed() {
    let machines = Machines::of(Dialect::Tuf1, refresh_of_files);
    machines.make("request.json", &[]).success();
    machines.workspace("A", "root-a");
    let root = machines.sample.root().to_string();
    let sign = |file: &str, pin: &str| {
        machines.sign("A", "Custodian A", "root-a", file, &["--pin-root", pin, "-o", "a.json"])
    };
    let bytes = fs::read(machines.at("request.json")).unwrap();
    let past: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    fs::write(machines.at("late.json"), shift(&bytes, |file| file.use_by = past)).unwrap();
    let late = sign("late.json", &root).failure(3);
    assert!(late.contains("was to be used by 2026-01-01"), "{late}");

    let plan = Plan::parse(&fs::read(machines.at("plan.toml")).unwrap()).unwrap();
    let mut rehearsed = roster_of(&plan, Roster::default(), system_time());
    rehearsed.facts.mode = Mode::Rehearsal;
    fs::write(machines.at("rehearsed.roster.json"), rehearsed.to_json()).unwrap();
    machines.make("rehearsed.json", &["--roster", "rehearsed.roster.json"]).success();
    let rehearsed = sign("rehearsed.json", &root).failure(3);
    assert!(rehearsed.contains("REHEARSAL"), "{rehearsed}");
    machines.program(&["request", "merge", "rehearsed.json"]).failure(3);

    let other = sign("request.json", &"0".repeat(64)).failure(3);
    assert!(other.contains("is not among the roots of the request"), "{other}");
    let stranger = machines
        .sign("A", "Custodian A", "nobody", "request.json", &["--pin-root", &root, "-o", "a.json"])
        .failure(3);
    assert!(
        stranger.contains("Signatures of these keys count: root-a, root-b, root-c"),
        "{stranger}"
    );
    fs::write(machines.at("torn.json"), &bytes[..bytes.len() / 2]).unwrap();
    sign("torn.json", &root).failure(2);
    assert_eq!(machines.signed("A"), "");
    assert!(machines.evidence("A").is_empty());

    // A workspace that trusts version 2 already is asked for version 2 again.
    sign("request.json", &root).success();
    machines.workspace("C", "root-c");
    machines
        .sign("C", "Custodian C", "root-c", "request.json", &["--pin-root", &root, "-o", "c.json"])
        .success();
    machines
        .program(&["request", "merge", "request.json", "a.json", "c.json", "-o", "merged"])
        .success();
    let trust = machines.at("A/trust/updates.example.com");
    fs::create_dir_all(&trust).unwrap();
    fs::write(trust.join("1.root.json"), &machines.sample.files["1.root.json"]).unwrap();
    machines
        .program(&[
            "request",
            "merge",
            "request.json",
            "a.json",
            "c.json",
            "--trust",
            "--workspace",
            "A",
        ])
        .success();
    assert!(trust.join("2.root.json").is_file());
    let replayed = machines
        .sign("A", "Custodian A", "root-a", "request.json", &["-o", "again.json"])
        .failure(3);
    assert!(replayed.contains("the next after what is trusted here is version 3"), "{replayed}");
}

#[test]
fn a_second_document_of_one_version_is_refused_and_named_where_the_first_is_given_up() {
    let machines = Machines::of(Dialect::Tuf1, refresh_of_files);
    machines.make("first.json", &[]).success();
    machines.workspace("A", "root-a");
    let root = machines.sample.root().to_string();
    let sign = |file: &str, more: &[&str]| {
        let mut all = vec!["--pin-root", root.as_str()];
        all.extend_from_slice(more);
        machines.sign("A", "Custodian A", "root-a", file, &all)
    };
    sign("first.json", &["-o", "one.json"]).success();
    let toml = fs::read_to_string(machines.at("plan.toml")).unwrap();
    fs::write(machines.at("plan.toml"), toml.replace("12 years", "13 years")).unwrap();
    machines.make("second.json", &[]).success();
    let before = machines.signed("A");
    let refused = sign("second.json", &["-o", "two.json"]).failure(3);
    let first = machines.request("first.json").change().payload(&DocRole::Root).unwrap().digest();
    assert!(refused.contains("other content was signed here as root"), "{refused}");
    assert!(refused.contains(&first.to_string()), "{refused}");
    assert_eq!(machines.signed("A"), before);

    let hex = first.to_string();
    let said = sign("second.json", &["-o", "two.json", "--instead-of", &hex]).success();
    assert!(said.contains("was signed before with other content"), "{said}");
    // An answer to the first does not count for the second.
    let merged = machines.program(&["request", "merge", "second.json", "two.json", "one.json"]);
    assert!(merged.failure(3).contains("answers another request"));
    // And the first is not signed again beside the second.
    let again = sign("first.json", &["-o", "again.json"]).failure(3);
    assert!(again.contains("other content was signed here as root"), "{again}");
}

/// A refresh whose keys rest in age files.
pub(crate) fn refresh_of_files(sample: &Sample) -> Text {
    let mut text = refresh(sample);
    for store in [YUBI_A, YUBI_B, YUBI_C] {
        text.body = text.body.replace(store, AGE);
    }
    text
}

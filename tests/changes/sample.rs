//! The sample repositories from which the shipped changes start, and the plans of those changes. They are made from the
//! shipped first roots with the throw-away keys of their checks, so that they are the same wherever they are made.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anchorite::ceremony::before::Before;
use anchorite::ceremony::check::{CheckReport, Ground, base, play};
use anchorite::ceremony::engine::Engine;
use anchorite::ceremony::event::{
    FileAt, Mode, Opening, Outcome, Place, SessionId, ToolId, Wanted,
};
use anchorite::ceremony::model::Room;
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::scene::Scene;
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::Dialect;
use anchorite::tuf::time::Timestamp;

/// A repository as a first root made it.
pub(crate) struct Sample {
    pub(crate) dialect: Dialect,
    /// The documents as a server serves them.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// The plan that made it, its twin, and the ceremony.
    pub(crate) twin: Twin,
    pub(crate) engine: Engine,
}

pub(crate) fn noon() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

/// When the samples were made: so long ago that every certificate is good, and that new dates are later ones.
fn made_at() -> Timestamp {
    "2026-01-05T12:00:00Z".parse().unwrap()
}

impl Sample {
    /// The sample lives longer than the shipped first root, so that a rehearsal of its change can be held for years.
    pub(crate) fn new(dialect: Dialect) -> Self {
        let file = format!("ceremonies/first-root-{dialect}/plan.toml");
        let text = fs::read_to_string(file)
            .unwrap()
            .replace("\"2 years\"", "\"10 years\"")
            .replace("\"1 year\"", "\"5 years\"");
        let plan = Plan::parse(text.as_bytes()).unwrap();
        let twin = Twin::new(&plan, &Before::none(), Purpose::Check);
        let engine = play(&twin, made_at()).unwrap();
        let files = engine.served().clone();
        Self { dialect, files, twin, engine }
    }

    pub(crate) fn fingerprint(&self, key: &str) -> String {
        let name = key.parse().unwrap();
        self.engine.roster().keys.get(&name).unwrap().key().fingerprint().to_string()
    }

    /// The root digest of its root.
    pub(crate) fn root(&self) -> Digest {
        let name = match self.dialect {
            Dialect::Notary1 => "root.json",
            Dialect::Tuf1 => "1.root.json",
        };
        anchorite::tuf::any::AnyDocument::read(&self.files[name]).unwrap().digest()
    }

    /// The files as the check of a change wants them.
    pub(crate) fn at_hand(&self, extra: &[(&str, &[u8])]) -> BTreeMap<FileAt, Vec<u8>> {
        let at = |path: String| FileAt { place: Place::Medium("IN".parse().unwrap()), path };
        let own =
            self.files.iter().map(|(name, bytes)| (at(format!("before/{name}")), bytes.clone()));
        own.chain(extra.iter().map(|(path, bytes)| (at((*path).to_owned()), bytes.to_vec())))
            .collect()
    }
}

fn parsed(toml: &str) -> Plan {
    Plan::parse(toml.as_bytes()).unwrap_or_else(|why| panic!("{why}\n{toml}"))
}

fn extra(inputs: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    inputs.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect()
}

/// The check of a plan's text.
pub(crate) fn check_toml(sample: &Sample, toml: &str, inputs: &[(String, Vec<u8>)]) -> CheckReport {
    CheckReport::of(&parsed(toml), noon(), &sample.at_hand(&extra(inputs)))
}

pub(crate) fn check_at(sample: &Sample, text: &Text, at: &str) -> CheckReport {
    let plan = parsed(&plan(sample, text));
    CheckReport::of(&plan, at.parse().unwrap(), &sample.at_hand(&extra(&text.inputs)))
}

/// The ceremony of a plan, played to its end by stand-ins.
pub(crate) fn played(sample: &Sample, text: &Text) -> Engine {
    let plan = parsed(&plan(sample, text));
    let before = Before::of(&plan, &sample.at_hand(&extra(&text.inputs))).unwrap();
    play(&Twin::new(&plan, &before, Purpose::Check), noon()).unwrap()
}

/// A rehearsal of a plan in a model of the room, and every screen at which people were asked.
pub(crate) fn rehearsed(sample: &Sample, text: &Text, at: Timestamp) -> (Engine, Vec<Scene>) {
    let plan = parsed(&plan(sample, text));
    let at_hand = sample.at_hand(&extra(&text.inputs));
    let before = Before::of(&plan, &at_hand).unwrap();
    let twin = Twin::new(&plan, &before, Purpose::Rehearse);
    let report = CheckReport::of(&plan, at, &at_hand);
    let checked =
        report.clear(twin.plan(), Mode::Rehearsal).unwrap_or_else(|| panic!("{report:#?}"));
    let opening = Opening {
        mode: Mode::Rehearsal,
        session: SessionId::new([7; 16]),
        tool: ToolId { name: "anchorite".to_owned(), version: String::new() },
        plan: plan.digest,
        base: base(twin.plan(), at),
        at,
        check: None,
        unattended: false,
        asked: None,
        earlier: Vec::new(),
    };
    let mut room = Room::new(twin.clone());
    let (mut engine, mut next) = Engine::open(Ground::new(checked, twin.before().clone()), opening);
    let mut scenes = Vec::new();
    loop {
        next = match next.wanted {
            Wanted::Close(outcome) => {
                assert_eq!(outcome, Outcome::Done);
                return (engine, scenes);
            }
            Wanted::Act(id, act) => {
                let what = room.act(&id, &act);
                engine.happened(at, id, what, 0)
            }
            Wanted::Ask(ask) => {
                assert_eq!(engine.trouble(), None, "before {}", ask.id);
                scenes.push(engine.scene());
                let said = room.answer(&ask, &engine);
                engine.people(at, said).unwrap()
            }
        };
    }
}

/// What stands in a plan beside what every sample plan has.
#[derive(Default, Clone)]
pub(crate) struct Text {
    pub(crate) kind: &'static str,
    pub(crate) codename: &'static str,
    pub(crate) title: &'static str,
    /// Further lines at the beginning.
    pub(crate) head: &'static str,
    /// Further lines in `[before]`.
    pub(crate) before: String,
    /// Everything after the inputs.
    pub(crate) body: String,
    /// Further inputs: path and bytes.
    pub(crate) inputs: Vec<(String, Vec<u8>)>,
}

/// The text of a plan that changes a sample.
pub(crate) fn plan(sample: &Sample, text: &Text) -> String {
    let (name, clients, consistent) = match sample.dialect {
        Dialect::Notary1 => ("registry.example.com/team/app", "[\"notary\", \"docker\"]", ""),
        Dialect::Tuf1 => (
            "updates.example.com",
            "[\"python-tuf\", \"tuf-js\", \"go-tuf\", \"tough\"]",
            "consistent_snapshot = true\n",
        ),
    };
    let mut out = format!(
        "anchorite = 1\nkind      = \"{}\"\ntitle     = \"{}\"\ncodename  = \"{}\"\nclients   = {clients}\n{}\n\
         [repository]\nname    = \"{name}\"\ndialect = \"{}\"\n{consistent}",
        text.kind, text.title, text.codename, text.head, sample.dialect
    );
    for (name, role) in [
        ("Administrator", "administrator"),
        ("Operator", "operator"),
        ("Custodian A", "custodian"),
        ("Custodian B", "custodian"),
        ("Custodian C", "custodian"),
        ("Custodian D", "custodian"),
        ("Releaser", "releaser"),
        ("Witness 1", "witness"),
    ] {
        let _ = write!(out, "\n[[people]]\nname  = \"{name}\"\nroles = [\"{role}\"]\n");
    }
    for (name, role) in [("IN", "in"), ("OUT", "out"), ("KEYS", "keys")] {
        let _ = write!(out, "\n[[media]]\nname = \"{name}\"\nrole = \"{role}\"\n");
    }
    let _ = write!(
        out,
        "\n[before]\nmedium       = \"IN\"\nfolder       = \"before\"\nroot         = \"{}\"\n\
         confirmed_by = \"Custodian A\"\nsource       = \"the card of the last ceremony\"\n{}",
        sample.root(),
        text.before
    );
    let own = sample.files.iter().map(|(name, bytes)| (format!("before/{name}"), bytes));
    let more = text.inputs.iter().map(|(name, bytes)| (name.clone(), bytes));
    for (path, bytes) in own.chain(more) {
        let _ = write!(
            out,
            "\n[[inputs]]\nmedium       = \"IN\"\npath         = \"{path}\"\nsha256       = \"{}\"\n\
             confirmed_by = \"Releaser\"\nsource       = \"fetched from the server, compared on a second machine\"\n",
            Digest::of(bytes)
        );
    }
    out.push_str(&text.body);
    out
}

/// A key of the sample that comes to the room.
pub(crate) fn here(sample: &Sample, key: &str, holder: &str, store: &str) -> String {
    let planned = sample.twin.plan().key(&key.parse().unwrap()).unwrap();
    format!(
        "\n[[keys]]\nname         = \"{key}\"\nholder       = \"{holder}\"\nstore        = {store}\n\
         algorithm    = \"{}\"\nfingerprint  = \"{}\"\nconfirmed_by = \"{holder}\"\n\
         source       = \"the label of the token\"\n",
        algorithm(planned.algorithm),
        sample.fingerprint(key)
    )
}

/// A key of the sample that stays where it is.
pub(crate) fn listed(sample: &Sample, key: &str) -> String {
    let planned = sample.twin.plan().key(&key.parse().unwrap()).unwrap();
    format!(
        "\n[[keys]]\nname      = \"{key}\"\nalgorithm = \"{}\"\nlisted    = \"{}\"\n",
        algorithm(planned.algorithm),
        sample.fingerprint(key)
    )
}

fn algorithm(algorithm: anchorite::tuf::key::Algorithm) -> &'static str {
    use anchorite::tuf::key::Algorithm;
    match algorithm {
        Algorithm::Ed25519 => "ed25519",
        Algorithm::P256 => "p256",
        Algorithm::P384 => "p384",
        Algorithm::Rsa => "rsa",
    }
}

/// A key that is made.
pub(crate) fn made(key: &str, holder: &str, store: &str, algorithm: &str, more: &str) -> String {
    format!(
        "\n[[keys]]\nname      = \"{key}\"\nholder    = \"{holder}\"\nstore     = {store}\n\
         algorithm = \"{algorithm}\"\nmake      = {{}}\n{more}"
    )
}

pub(crate) const YUBI_A: &str = "{ yubikey = { serial = 18158855, slot = \"9c\" } }";
pub(crate) const YUBI_B: &str = "{ yubikey = { serial = 18158861, slot = \"9c\" } }";
pub(crate) const YUBI_C: &str = "{ yubikey = { serial = 18158872, slot = \"9c\" } }";
pub(crate) const YUBI_D: &str = "{ yubikey = { serial = 18158899, slot = \"9c\" } }";
pub(crate) const AGE: &str = "{ age = {} }";

/// The three root keys of the sample, as they come to the room.
pub(crate) fn root_keys(sample: &Sample) -> String {
    let third = match sample.dialect {
        Dialect::Notary1 => YUBI_C,
        Dialect::Tuf1 => AGE,
    };
    [
        here(sample, "root-a", "Custodian A", YUBI_A),
        here(sample, "root-b", "Custodian B", YUBI_B),
        here(sample, "root-c", "Custodian C", third),
    ]
    .concat()
}

pub(crate) fn role(name: &str, keys: &str, threshold: u32, valid_for: Option<&str>) -> String {
    let valid = valid_for.map(|v| format!("valid_for = \"{v}\"\n")).unwrap_or_default();
    format!("\n[roles.{name}]\nkeys      = [{keys}]\nthreshold = {threshold}\n{valid}")
}

pub(crate) const WAIVE_FILE_ROOT: &str = "\n[[waivers]]\nfinding = \"file-root-key\"\n\
     reason  = \"The third root key rests in a sealed file until its token arrives.\"\nby      = \"Administrator\"\n";

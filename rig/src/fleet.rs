//! A change of 10,000 repositories: a list and documents on disk, walked, signed in batches and put together, with every
//! check. What stands in for the people's key files are keys in memory.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use anchorite::ceremony::ask::{Answer, Ask, Form, People};
use anchorite::ceremony::before::Before;
use anchorite::ceremony::check::{CheckReport, base, play};
use anchorite::ceremony::event::{Fleet, Happened, Mode, Refusal, SessionId};
use anchorite::ceremony::fleet::list::documents_digest;
use anchorite::ceremony::fleet::{BATCH, Line, batches};
use anchorite::ceremony::model::word;
use anchorite::ceremony::mounted::MediumId;
use anchorite::ceremony::plan::{Kind, MediumRole, Plan, PlannedKey};
use anchorite::ceremony::roster::{Enrolled, Facts, Proof, Roster};
use anchorite::ceremony::scene::{Scene, Verdict};
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::driver::bench::{Bench, Clock, Setting, Stores};
use anchorite::driver::fleet::{Barred, Batch, Results, Tables, Turns, Yard, walk, walk_for_check};
use anchorite::driver::media::{MARKER, Media, enrol};
use anchorite::driver::ports::{Company, Front, FrontFailed, Progress};
use anchorite::driver::session::{Begin, Resumed, Session};
use anchorite::keystore::{
    KeyStore, Label, Made, Rules, Secret, Seen, Signer, Spec, TokenError, Unlock,
};
use anchorite::tuf::any::AnyDocument;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::Dialect;
use anchorite::tuf::forge::ForgedKey;
use anchorite::tuf::key::{Algorithm, Fingerprint, PublicKey};
use anchorite::tuf::payload::Draft;
use anchorite::tuf::root::{Expires, RoleKeys, Root, StatedThreshold};
use anchorite::tuf::signature::Signature;
use anchorite::tuf::time::Timestamp;
use anchorite::tuf::verify::RootDigest;
use anchorite::tuf::wire::json::Json;

use crate::keys::document;

type Done = Result<(), Box<dyn Error>>;

/// Keys of the fleet by name: the seed is the same for every run.
fn key(name: &str, algorithm: Algorithm) -> ForgedKey {
    ForgedKey::new(&Digest::of(b"rig"), name, algorithm).unwrap()
}

fn noon() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

/// The plan that first made the repositories. Its twin's keys play the custodians'.
fn first(dialect: Dialect, name: &str) -> Result<Twin, Box<dyn Error>> {
    let file =
        format!("{}/../ceremonies/first-root-{dialect}/plan.toml", env!("CARGO_MANIFEST_DIR"));
    let mut plan = Plan::parse(&fs::read(file)?).map_err(|why| why.to_string())?;
    plan.repository.name = name.parse()?;
    Ok(Twin::new(&plan, &Before::none(), Purpose::Check))
}

/// Puts `count` repositories of one dialect, or of both in turns, on a medium.
pub fn make(to: &Path, dialects: &str, count: u32) -> Done {
    let all: Vec<Dialect> = match dialects {
        "tuf1" => vec![Dialect::Tuf1],
        "notary1" => vec![Dialect::Notary1],
        _ => vec![Dialect::Notary1, Dialect::Tuf1],
    };
    let mut list = String::new();
    for (nth, dialect) in (0..count).zip(all.iter().cycle()) {
        let name = format!("registry.example.com/team/app-{nth:05}");
        let files = if dialects == "tuf1" {
            root_alone(&name)?
        } else {
            play(&first(*dialect, &name)?, noon())?.served().clone()
        };
        let folder = format!("r/{nth:05}");
        fs::create_dir_all(to.join(&folder))?;
        for (path, bytes) in &files {
            fs::write(to.join(&folder).join(path), bytes)?;
        }
        let root = files.get("root.json").or_else(|| files.get("1.root.json")).ok_or("no root")?;
        let line = Line {
            name: name.parse()?,
            dialect: *dialect,
            root: RootDigest::new(AnyDocument::read(root).map_err(|why| why.to_string())?.digest()),
            documents: documents_digest(&files),
            folder,
            set: (*dialect == Dialect::Notary1).then(|| "notary".parse().unwrap()),
        };
        list += &line.to_text();
    }
    fs::write(to.join("fleet.tsv"), &list)?;
    fs::write(to.join("plan.toml"), plan(dialects, &list)?)?;
    Ok(())
}

/// A TUF repository of which only the root is brought: three Ed25519 keys, two of which sign, as in the other jobs.
fn root_alone(name: &str) -> Result<BTreeMap<String, Vec<u8>>, Box<dyn Error>> {
    let roots = ["root-a", "root-b", "root-c"].map(|name| key(name, Algorithm::Ed25519));
    let online = ["targets", "snapshot", "timestamp"].map(|name| key(name, Algorithm::Ed25519));
    let listed = |key: &ForgedKey| Dialect::Tuf1.list_key(key.public_key()).unwrap();
    let role = |keys: &[ForgedKey], threshold: i64| RoleKeys {
        keyids: keys.iter().map(|key| listed(key).0).collect(),
        threshold: StatedThreshold(threshold),
        unknown: BTreeMap::new(),
    };
    let mut roles = BTreeMap::from([("root".parse()?, role(&roots, 2))]);
    for (name, key) in ["targets", "snapshot", "timestamp"].iter().zip(online.chunks(1)) {
        roles.insert(name.parse()?, role(key, 1));
    }
    let body = Root {
        version: 1,
        expires: Expires::new("2030-01-01T00:00:00Z".parse()?),
        consistent_snapshot: true,
        keys: roots.iter().chain(&online).map(listed).collect(),
        roles,
        spec_version: Some("1.0.0".to_owned()),
        unknown: BTreeMap::from([("x-name".to_owned(), Json::text(name.to_owned()))]),
    };
    let payload = Draft::new(document("root", 1), Dialect::Tuf1, body).payload()?;
    let signatures: Vec<_> =
        roots.iter().take(2).map(|key| (listed(key).0, key.sign(payload.to_sign()))).collect();
    Ok(BTreeMap::from([("1.root.json".to_owned(), payload.envelope(&signatures))]))
}

/// The plan that replaces one key: a root key of TUF repositories, the tagging key of Notary's and of mixed fleets.
fn plan(dialects: &str, list: &str) -> Result<String, Box<dyn Error>> {
    let tagging = dialects != "tuf1";
    let kind = if tagging { "rotate-tagging" } else { "rotate-root" };
    let set = "\n[fleet.sets.notary]\nroot-a = \"n-root-a\"\nroot-b = \"n-root-b\"\nroot-c = \"n-root-c\"\n";
    let set = if tagging { set } else { "" };
    let mut out = format!(
        "anchorite = 1\nkind = \"{kind}\"\ntitle = \"A key of a fleet\"\ncodename = \"GANNET\"\n\n[fleet]\n\
         name = \"fleet.example.com\"\nmedium = \"IN\"\nlist = \"fleet.tsv\"\n{set}"
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
        write!(out, "\n[[people]]\nname = \"{name}\"\nroles = [\"{role}\"]\n")?;
    }
    for (name, role) in [("IN", "in"), ("OUT", "out")] {
        write!(out, "\n[[media]]\nname = \"{name}\"\nrole = \"{role}\"\n")?;
    }
    write!(
        out,
        "\n[[inputs]]\nmedium = \"IN\"\npath = \"fleet.tsv\"\nsha256 = \"{}\"\nconfirmed_by = \"Releaser\"\n",
        Digest::of(list.as_bytes())
    )?;
    for (dialect, prefix) in [(Dialect::Tuf1, ""), (Dialect::Notary1, "n-")] {
        if !tagging && !prefix.is_empty() {
            continue;
        }
        let twin = first(dialect, "x")?;
        for (name, holder) in
            [("root-a", "Custodian A"), ("root-b", "Custodian B"), ("root-c", "Custodian C")]
        {
            let mut public = twin.key(&name.parse()?).ok_or("no such key")?.public_key().clone();
            if !tagging {
                public = key(name, Algorithm::Ed25519).public_key().clone();
            }
            let algorithm = match public.algorithm() {
                Algorithm::Ed25519 => "ed25519",
                Algorithm::P256 => "p256",
                Algorithm::P384 | Algorithm::Rsa => return Err("another algorithm".into()),
            };
            write!(
                out,
                "\n[[keys]]\nname = \"{prefix}{name}\"\nholder = \"{holder}\"\nstore = {{ age = {{}} }}\n\
                 algorithm = \"{algorithm}\"\nfingerprint = \"{}\"\nconfirmed_by = \"{holder}\"\n",
                public.fingerprint()
            )?;
        }
    }
    let (new, algorithm) = if tagging { ("tagging-2", "p256") } else { ("root-d", "ed25519") };
    write!(
        out,
        "\n[[keys]]\nname = \"{new}\"\nholder = \"Releaser\"\nstore = {{ age = {{}} }}\nalgorithm = \"{algorithm}\"\nmake = {{}}\n"
    )?;
    // Two of three sign, as in the other jobs of this table.
    let roots = if tagging {
        "\"root-a\", \"root-b\", \"root-c\""
    } else {
        "\"root-a\", \"root-b\", \"root-d\""
    };
    write!(
        out,
        "\n[roles.root]\nkeys = [{roots}]\nthreshold = 2\nsign = \"threshold\"\nvalid_for = \"10 years\"\n"
    )?;
    if tagging {
        out +=
            "\n[roles.targets]\nkeys = [\"tagging-2\"]\nthreshold = 1\nvalid_for = \"3 years\"\n";
    }
    for finding in ["file-root-key", "not-all-sign", "no-window", "fleet-unread"].into_iter().chain([
        "room-network-interface",
        "room-default-route",
        "room-swap",
    ]) {
        write!(
            out,
            "\n[[waivers]]\nfinding = \"{finding}\"\nreason = \"measured\"\nby = \"Administrator\"\n"
        )?;
    }
    Ok(out)
}

/// Every key of the plan: the first keys of the shipped plans, or our own.
fn keys(plan: &Plan) -> Result<BTreeMap<String, Rc<ForgedKey>>, Box<dyn Error>> {
    let mut keys: BTreeMap<String, Rc<ForgedKey>> = BTreeMap::new();
    let twins = [(first(Dialect::Tuf1, "x")?, ""), (first(Dialect::Notary1, "x")?, "n-")];
    for planned in &plan.keys {
        let name = planned.name.as_str();
        let of =
            |(twin, prefix): &(Twin, &str)| twin.key(&name.strip_prefix(prefix)?.parse().ok()?);
        let of_first = plan.kind == Kind::RotateTagging;
        let found = if !of_first {
            None
        } else if name.starts_with("n-") {
            of(&twins[1])
        } else {
            of(&twins[0])
        };
        let found = found.unwrap_or_else(|| key(name, planned.algorithm));
        keys.insert(name.to_owned(), Rc::new(found));
    }
    Ok(keys)
}

/// Walks, signs and puts together a fleet that [`make`] made.
pub fn change(from: &Path, to: &Path) -> Done {
    let plan = Plan::parse(&fs::read(from.join("plan.toml"))?).map_err(|why| why.to_string())?;
    let (evidence, out, trust) = (to.join("evidence"), to.join("OUT"), to.join("trust"));
    for folder in [&evidence, &out, &trust] {
        fs::create_dir_all(folder)?;
    }
    let yard = Yard { plan: plan.clone(), purpose: None, from: from.to_owned(), trust: None, barred: Barred::default() };
    let keys = keys(&plan)?;
    let mut roster = Roster::default();
    for planned in &plan.keys {
        let forged = &keys[planned.name.as_str()];
        let made = Enrolled::Made { key: forged.public_key().clone() };
        roster.keys.insert(planned.name.clone(), made);
        roster.proofs.insert(planned.name.clone(), Proof::Challenge(forged.sign(b"rig")));
    }
    let facts = Facts {
        mode: Mode::Real,
        session: SessionId::new([0; 16]),
        plan: plan.digest,
        base: base(&plan, noon()),
    };
    let mut fleet = Fleet { roster, facts, at: noon(), drafts: None };
    let survey =
        walk(&yard, &fleet, &Tables::Kept(&evidence), |_, _, _| {}).map_err(|t| t.found)?;
    if survey.left_out > 0 {
        return Err(format!("refused: {:?}", survey.first_refused).into());
    }
    fleet.drafts = Some(survey.drafts);
    let mut turns = Turns::default();
    for planned in &plan.keys {
        let Some(turn) = survey.turns.get(&planned.name) else { continue };
        let mut store = Memory(Rc::clone(&keys[planned.name.as_str()]));
        let public = store.0.public_key().clone();
        for nth in 0..batches(turn.repositories, BATCH) {
            let batch =
                Batch { key: planned, public: &public, nth, of: turn.repositories, fleet: &fleet };
            turns
                .batch(&yard, &evidence, &mut store, &batch, &mut Nobody, &|error| {
                    panic!("{error}")
                })
                .map_err(|trouble| trouble.found)?;
        }
    }
    let mut written = 0;
    for nth in 0..batches(survey.repositories, BATCH) {
        let results =
            Results { to: &out, nth, of: survey.repositories, trust: &trust, fleet: &fleet };
        let made = turns
            .assemble(&yard, &evidence, &results, &mut Nobody)
            .map_err(|trouble| trouble.found)?;
        if let Happened::Assembled { repositories, .. } = made {
            written += repositories;
        }
    }
    println!(
        "{written} repositories, {} documents, {} shapes",
        survey.documents,
        survey.shapes.len()
    );
    Ok(())
}

/// A key in memory.
struct Memory(Rc<ForgedKey>);

impl KeyStore for Memory {
    fn look(&mut self) -> Result<Seen, TokenError> {
        Ok(Seen { keys: vec![self.0.public_key().clone()], ..Seen::default() })
    }

    fn make(&mut self, _: &Spec, _: &mut dyn Unlock) -> Result<Made, TokenError> {
        // The keys that the plan makes are in memory already.
        Ok(Made { public: self.0.public_key().clone() })
    }

    fn signer(
        &mut self,
        _: &Fingerprint,
        _: &mut dyn Unlock,
    ) -> Result<Box<dyn Signer + '_>, TokenError> {
        Ok(Box::new(Open(Rc::clone(&self.0))))
    }
}

struct Open(Rc<ForgedKey>);

impl Signer for Open {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&mut self, message: &[u8], _: &mut dyn Unlock) -> Result<Signature, TokenError> {
        Ok(self.0.sign(message))
    }
}

/// Nobody is asked anything.
struct Nobody;

impl Unlock for Nobody {
    fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
        None
    }
    fn new_secret(&mut self, _: &Label, _: &Rules) -> Option<Secret> {
        None
    }
    fn touch(&mut self, _: &Label) {}
}

impl Company for Nobody {
    fn progress(&mut self, _: &Progress) {}
    fn wish(&mut self) -> Option<anchorite::ceremony::ask::Wish> {
        None
    }
}

/// Holds a whole ceremony over a fleet that [`make`] made, or goes on with one that was cut off: record, walk, signatures,
/// results, sealed evidence. People answer at once.
pub fn hold(from: &Path, to: &Path) -> Done {
    let bytes = fs::read(from.join("plan.toml"))?;
    let plan = Plan::parse(&bytes).map_err(|why| why.to_string())?;
    let (book, evidence, out) = (to.join("BOOK"), to.join("BOOK/evidence"), to.join("OUT"));
    let mut people = Room { plan: plan.digest };
    let session = if evidence.join("transcript.jsonl").exists() {
        match Session::resume(&evidence, noon()).map_err(|why| why.to_string())? {
            Resumed::Open { session, .. } => *session,
            Resumed::Ended(_) => return Err("it had ended".into()),
        }
    } else {
        fs::create_dir_all(&evidence)?;
        fs::create_dir_all(&out)?;
        for (at, name, role) in [(from, "IN", MediumRole::In), (&out, "OUT", MediumRole::Out)] {
            let _ = fs::remove_file(at.join(MARKER));
            enrol(
                at,
                &name.parse()?,
                role,
                MediumId::new(&[u8::try_from(name.len())?; 16]),
                false,
            )?;
        }
        let walked = walk_for_check(&plan, from, noon()).map_err(|trouble| trouble.found);
        let report = CheckReport::with_fleet(&plan, noon(), &BTreeMap::new(), Some(&walked));
        let Some(checked) = report.clear(&plan, Mode::Real) else {
            return Err(format!("{:#?}", report.findings).into());
        };
        Session::begin(Begin {
            plan_bytes: &bytes,
            plan: &plan,
            twin: None,
            before: &Before::none(),
            report: &report,
            checked,
            mode: Mode::Real,
            session: SessionId::new([7; 16]),
            at: noon(),
            unattended: false,
            folder: &evidence,
            answering: None,
            earlier: Vec::new(),
        })?
    };
    let media =
        [("IN", from), ("OUT", &out)].map(|(name, at)| (name.parse().unwrap(), at.to_owned()));
    let mut bench = Bench::new(Setting {
        plan: plan.clone(),
        stores: Memories(keys(&plan)?),
        media: Media::new(media.into(), false),
        clock: Clock::Steps { next: noon(), step: 1 },
        room: to.join("no-such-room"),
        rehearsal: false,
        evidence: evidence.clone(),
        book,
    });
    let ended = session.hold(&mut people, &mut bench).map_err(|why| why.to_string())?;
    println!("{:?}", ended.outcome);
    Ok(())
}

/// What a stranger says of the evidence of [`hold`].
pub fn audit(from: &Path, to: &Path) -> Done {
    let evidence = to.join("BOOK/evidence");
    let files = anchorite::driver::evidence::read(&evidence)?;
    let mut audit = anchorite::ceremony::audit::audit(&files, None);
    let plan = Plan::parse(&files["plan.toml"]).map_err(|why| why.to_string())?;
    let (engine, _) = anchorite::ceremony::audit::replay(
        &plan,
        &Before::none(),
        None,
        &files["transcript.jsonl"],
    )
    .map_err(|claim| claim.text)?;
    audit.claims.extend(anchorite::driver::fleet::claims(&plan, &engine, &evidence, Some(from)));
    for claim in &audit.claims {
        println!("{:<8} {}: {}", claim.verdict.to_string(), claim.name, claim.text);
    }
    let fails = audit.claims.iter().any(|claim| claim.verdict == Verdict::Fail);
    if fails { Err("the evidence does not verify".into()) } else { Ok(()) }
}

/// Every key of the plan, in memory.
struct Memories(BTreeMap<String, Rc<ForgedKey>>);

impl Stores for Memories {
    fn store(&mut self, key: &PlannedKey) -> Result<Box<dyn KeyStore>, TokenError> {
        let forged = self.0.get(key.name.as_str()).ok_or(TokenError::Absent)?;
        Ok(Box::new(Memory(Rc::clone(forged))))
    }

    fn copy_out(
        &mut self,
        _: &PlannedKey,
        _: &PublicKey,
        _: &mut dyn Unlock,
    ) -> Result<(String, Vec<u8>), TokenError> {
        Err(stays())
    }

    fn provision(
        &mut self,
        _: &PlannedKey,
        _: &mut dyn Unlock,
    ) -> Result<anchorite::keystore::provision::Provisioned, TokenError> {
        Err(stays())
    }

    fn change_secret(&mut self, _: &PlannedKey, _: &mut dyn Unlock) -> Result<(), TokenError> {
        Err(stays())
    }

    fn back_up(
        &mut self,
        _: &PlannedKey,
        _: &PublicKey,
        _: &anchorite::ceremony::plan::BackUpForm,
        _: &mut dyn Unlock,
    ) -> Result<Vec<u8>, TokenError> {
        Err(stays())
    }

    fn recover(
        &mut self,
        _: &PlannedKey,
        _: &anchorite::driver::bench::Kit,
        _: &[u8],
        _: &mut dyn Unlock,
    ) -> Result<(PublicKey, anchorite::tuf::signature::Signature), TokenError> {
        Err(stays())
    }
}

/// A fleet's change asks for nothing but signatures.
fn stays() -> TokenError {
    TokenError::Unsupported("keys in memory only sign".to_owned())
}

/// People who answer at once, and rightly.
struct Room {
    plan: Digest,
}

impl Unlock for Room {
    fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
        None
    }
    fn new_secret(&mut self, _: &Label, _: &Rules) -> Option<Secret> {
        None
    }
    fn touch(&mut self, _: &Label) {}
}

impl Company for Room {
    fn progress(&mut self, _: &Progress) {}
    fn wish(&mut self) -> Option<anchorite::ceremony::ask::Wish> {
        None
    }
}

impl Front for Room {
    fn show(&mut self, _: Scene) {}

    fn ask(&mut self, ask: &Ask) -> Result<People, FrontFailed> {
        let say = match &ask.form {
            Form::Press { .. } => Answer::Pressed,
            Form::Choose(choices) => {
                let wanted = ["again", "written-down", "agree", "stop"];
                let word = wanted.iter().find(|word| choices.iter().any(|c| c.word == **word));
                Answer::Chose((*word.unwrap_or(&"")).to_owned())
            }
            Form::Tick { items, .. } => {
                Answer::Ticked(items.iter().map(|item| item.word.clone()).collect())
            }
            Form::Fill(fields) => Answer::Typed(fields.iter().map(|_| "text".to_owned()).collect()),
            Form::Words(fields) => {
                Answer::Typed(fields.iter().map(|field| word(&self.plan, &field.label)).collect())
            }
        };
        Ok(People::Answer { ask: ask.id.clone(), say })
    }

    fn refused(&mut self, refusal: &Refusal) {
        panic!("{refusal}");
    }
}

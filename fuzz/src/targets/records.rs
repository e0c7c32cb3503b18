//! What ceremonies read and write: plans, transcripts, rosters, key files, scripts.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anchorite::ceremony::audit;
use anchorite::ceremony::before::Before;
use anchorite::ceremony::check::{CheckReport, Checked, Ground, base};
use anchorite::ceremony::engine::Engine;
use anchorite::ceremony::event::{Entry, Mode, Opening, SessionId, ToolId, Wanted};
use anchorite::ceremony::model::Room;
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::recipe::Recipe;
use anchorite::ceremony::roster::{Facts, RosterFile};
use anchorite::ceremony::transcript;
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::front::script::Script;
use anchorite::front::secrets::Secrets;
use anchorite::keystore::Secret;
use anchorite::keystore::agefile;
use anchorite::keystore::software_key::SoftwareKey;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::time::Timestamp;
use zeroize::Zeroizing;

const PLANS: [&[u8]; 2] = [
    include_bytes!("../../../ceremonies/first-root-notary1/plan.toml"),
    include_bytes!("../../../ceremonies/first-root-tuf1/plan.toml"),
];

fn noon() -> Timestamp {
    Timestamp::from_unix_seconds(1_800_014_400).expect("a day in 2027")
}

pub(crate) fn plans() -> Vec<Vec<u8>> {
    // Comments are many, and nothing in them can break.
    let bare = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.split(" # ").next().unwrap_or_default().trim_end().to_owned() + "\n")
            .collect::<String>()
            .into_bytes()
    };
    PLANS.iter().map(|bytes| bare(bytes)).collect()
}

/// A plan that parses has a recipe, and the check says something about it.
pub(crate) fn plan(bytes: &[u8]) {
    match Plan::parse(bytes) {
        Err(errors) => assert!(!errors.to_string().is_empty()),
        Ok(plan) => {
            assert_eq!(plan.digest, Digest::of(bytes));
            assert_eq!(Plan::parse(bytes).as_ref(), Ok(&plan));
            let recipe = Recipe::of(&plan);
            for key in &plan.keys {
                let _ = recipe.signatures_of(&key.name);
            }
            // Playing the whole ceremony takes a while: for every eighth plan.
            if plan.digest.as_bytes()[0] % 8 == 0 {
                let report = CheckReport::of(&plan, noon(), &BTreeMap::new());
                assert!(!report.to_json().is_empty());
            }
        }
    }
}

/// A plan and what was recorded of it.
struct Held {
    plan: Plan,
    entries: Vec<Entry>,
    roster: RosterFile,
}

/// Ceremonies that the model of the room held.
static HELD: LazyLock<Vec<Held>> = LazyLock::new(|| PLANS.iter().map(|plan| held(plan)).collect());

fn held(plan: &[u8]) -> Held {
    let plan = Plan::parse(plan).expect("a shipped plan");
    let twin = Twin::new(&plan, &Before::none(), Purpose::Check);
    let opening = Opening {
        mode: Mode::Check,
        session: SessionId::new([7; 16]),
        tool: ToolId { name: "anchorite".to_owned(), version: "0".to_owned() },
        plan: plan.digest,
        base: base(&plan, noon()),
        at: noon(),
        check: None,
        unattended: false,
        asked: None,
        earlier: Vec::new(),
    };
    let facts = Facts {
        session: opening.session,
        base: opening.base,
        mode: opening.mode,
        plan: plan.digest,
    };
    let ground = Ground::new(Checked::on_record(twin.plan().clone(), None), Before::none());
    let mut room = Room::new(twin);
    let (mut engine, mut next) = Engine::open(ground, opening);
    let mut entries = vec![next.entry.clone()];
    loop {
        next = match next.wanted {
            Wanted::Close(_) => break,
            Wanted::Act(id, act) => {
                let what = room.act(&id, &act);
                engine.happened(noon(), id, what, 0)
            }
            Wanted::Ask(ask) => {
                let said = room.answer(&ask, &engine);
                engine.people(noon(), said).expect("the model answers well")
            }
        };
        entries.push(next.entry.clone());
    }
    let roster = RosterFile {
        format: 1,
        codename: plan.codename.clone(),
        facts,
        roster: engine.roster().clone(),
        head: Digest::of(b"head"),
    };
    Held { plan, entries, roster }
}

/// Entries without their chain, one a line: the chain is made again for what was mutated.
pub(crate) fn transcripts() -> Vec<Vec<u8>> {
    HELD.iter()
        .map(|held| {
            let lines = held.entries.iter().map(|entry| serde_json::to_vec(entry).expect("JSON"));
            lines.collect::<Vec<_>>().join(&b'\n')
        })
        .collect()
}

/// What is read and written again is the same, and any chain of entries replays or is refused.
pub(crate) fn transcript(bytes: &[u8]) {
    let entries: Vec<Entry> = bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .take(200)
        .collect();
    for held in HELD.iter() {
        let _ = transcript::read(bytes, held.plan.digest);
        let (mut prev, mut written) = (held.plan.digest, Vec::new());
        for (nth, entry) in entries.iter().enumerate() {
            let line = transcript::line(prev, nth == 0, entry);
            prev = transcript::head_of(&line);
            written.extend(line);
        }
        if written.is_empty() {
            return;
        }
        assert_eq!(transcript::head(&written), prev);
        let read = transcript::read(&written, held.plan.digest);
        assert_eq!(read.as_ref(), Ok(&entries));
        if let Err(claim) = audit::replay(&held.plan, &Before::none(), None, &written) {
            assert!(!claim.text.is_empty());
        }
    }
}

pub(crate) fn rosters() -> Vec<Vec<u8>> {
    HELD.iter().map(|held| held.roster.to_json()).collect()
}

pub(crate) fn roster(bytes: &[u8]) {
    let Ok(read) = RosterFile::parse(bytes) else { return };
    assert_eq!(RosterFile::parse(&read.to_json()), Ok(read.clone()));
    for held in HELD.iter() {
        let _ = read.verify(&held.plan);
    }
}

const KEY_FILE: &[u8] = include_bytes!("../../seeds/root-a.age");
const KEY_PASSPHRASE: &str = "a-long-Passphrase-for-7-seeds";

pub(crate) fn key_files() -> Vec<Vec<u8>> {
    let held = agefile::decrypt(KEY_FILE, &passphrase()).expect("the seed opens");
    let pem = held.to_pkcs8_pem().expect("a key is PKCS#8");
    vec![
        KEY_FILE.to_vec(),
        unarmoured(KEY_FILE).expect("a seed is armoured"),
        pem.as_bytes().to_vec(),
    ]
}

fn passphrase() -> Secret {
    Secret::new(Zeroizing::new(KEY_PASSPHRASE.to_owned()))
}

static FILED: LazyLock<Digest> = LazyLock::new(|| {
    let key = agefile::decrypt(KEY_FILE, &passphrase()).expect("the seed opens");
    Digest::of(key.public_key().spki_der())
});

/// A key file that opens holds the key that was put in; PKCS#8 that is read is written again as the same key.
pub(crate) fn key_file(bytes: &[u8]) {
    if cheap(bytes)
        && let Ok(key) = agefile::decrypt(bytes, &passphrase())
    {
        assert_eq!(Digest::of(key.public_key().spki_der()), *FILED, "another key than was put in");
    }
    let text = String::from_utf8_lossy(bytes);
    if let Some(key) = SoftwareKey::from_pkcs8_pem(&text) {
        let pem = key.to_pkcs8_pem().expect("a key is PKCS#8");
        let again = SoftwareKey::from_pkcs8_pem(&pem).expect("what we write is read");
        assert_eq!(again.public_key(), key.public_key());
    }
}

/// Whether the header asks for no more work than a moment's: minutes of scrypt find nothing.
fn cheap(bytes: &[u8]) -> bool {
    let plain = unarmoured(bytes).unwrap_or_else(|| bytes.to_vec());
    let header = String::from_utf8_lossy(plain.get(..2048.min(plain.len())).unwrap_or_default())
        .into_owned();
    header
        .lines()
        .filter(|line| line.contains("scrypt"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok())
        .all(|factor| !(9..=22).contains(&factor))
}

fn unarmoured(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    data_encoding::BASE64.decode(body.as_bytes()).ok()
}

pub(crate) fn scripts() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../../../ceremonies/first-root-notary1/answers.toml").to_vec(),
        include_bytes!("../../../ceremonies/first-root-tuf1/answers.toml").to_vec(),
        include_bytes!("../../../ceremonies/first-root-tuf1/rehearsal-secrets").to_vec(),
    ]
}

pub(crate) fn script(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(why) = Script::parse(&text, Secrets::default()) {
        assert!(!why.to_string().is_empty());
    }
    if let Err(why) = Secrets::read(bytes) {
        assert!(!why.to_string().is_empty());
    }
}

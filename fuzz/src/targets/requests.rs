//! What several machines exchange: requests, answers, detached signatures, and their pictures.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anchorite::ceremony::before::Before;
use anchorite::ceremony::check::{Checked, Ground};
use anchorite::ceremony::engine::Engine;
use anchorite::ceremony::event::{
    AskedFor, FileAt, Mode, Opening, Place, SessionId, ToolId, Wanted,
};
use anchorite::ceremony::model::Room;
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::request::answer::AnswerFile;
use anchorite::ceremony::request::codes::{join, split};
use anchorite::ceremony::request::merge::Gathering;
use anchorite::ceremony::request::pin::{Pinned, follows};
use anchorite::ceremony::request::{Asked, Request, RequestFile, make};
use anchorite::ceremony::roster::{Facts, Roster, RosterFile};
use anchorite::ceremony::transcript;
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::driver::picture;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::name::KeyName;
use anchorite::tuf::qr;
use anchorite::tuf::time::Timestamp;

const SESSION: SessionId = SessionId::new([7; 16]);

/// A shipped change and the documents that it starts from.
type Shipped = (&'static str, &'static [(&'static str, &'static [u8])]);

macro_rules! before {
    ($kind:literal $($name:literal)*) => {
        &[$((
            concat!("before/", $name),
            include_bytes!(concat!("../../../ceremonies/", $kind, "/IN/before/", $name)),
        )),*]
    };
}

const CHANGES: [Shipped; 2] = [
    (
        include_str!("../../../ceremonies/refresh-notary1/plan.toml"),
        before!("refresh-notary1" "root.json" "targets.json"),
    ),
    (
        include_str!("../../../ceremonies/sign-targets-tuf1/plan.toml"),
        before!(
            "sign-targets-tuf1" "1.root.json" "2.targets.json" "1.releases.json" "1.alice.json"
            "2.snapshot.json" "timestamp.json"
        ),
    ),
];

fn noon() -> Timestamp {
    Timestamp::from_unix_seconds(1_800_014_400).expect("a day in 2027")
}

/// A request of the check's twin, whose keys can sign, and an answer to it.
struct Held {
    request: Request,
    file: Vec<u8>,
    key: KeyName,
    answer: Vec<u8>,
    detached: Vec<u8>,
}

static HELD: LazyLock<Vec<Held>> = LazyLock::new(|| CHANGES.iter().map(held).collect());

fn held((text, files): &Shipped) -> Held {
    let plan = Plan::parse(text.as_bytes()).expect("a shipped plan");
    let at = |path: &str| FileAt {
        place: Place::Medium("IN".parse().expect("a name")),
        path: path.to_owned(),
    };
    let at_hand: BTreeMap<FileAt, Vec<u8>> =
        files.iter().map(|(path, bytes)| (at(path), bytes.to_vec())).collect();
    let facts = Facts {
        mode: Mode::Check,
        session: SESSION,
        plan: plan.digest,
        base: anchorite::ceremony::check::base(&plan, noon()),
    };
    let roster = RosterFile {
        format: 1,
        codename: plan.codename.clone(),
        facts,
        roster: Roster::default(),
        head: Digest::of(b"head"),
    };
    let use_by = noon().plus_seconds(86_400).expect("a day later");
    let (request, file) = make(text, &at_hand, Some(&roster), SESSION, noon(), use_by)
        .unwrap_or_else(|why| panic!("{why}"));
    let before = Before::of(&plan, &at_hand).expect("a shipped state");
    let twin = Twin::new(&plan, &before, Purpose::Check);
    let names = request.roster().keys.keys();
    let key = names.clone().find(|key| !request.asks(key).is_empty()).expect("a signer").clone();
    let payload = request.asks(&key)[0].to_sign().to_vec();
    let signature = twin.key(&key).expect("a stand-in").sign(&payload);
    let detached = String::from(signature).into_bytes();
    let answer = answered(&request, &key, twin);
    let mut gathering = Gathering::new(&request);
    gathering.take(&answer).expect("a good answer");
    gathering.take_detached(&key, &detached).expect("a good signature");
    Held { request, file, key, answer, detached }
}

fn answered(request: &Request, key: &KeyName, twin: Twin) -> Vec<u8> {
    let asked = Asked::new(request, key).expect("it is asked for");
    let opening = Opening {
        mode: Mode::Check,
        session: SESSION,
        tool: ToolId { name: "anchorite".to_owned(), version: "0".to_owned() },
        plan: request.plan().digest,
        base: request.facts().base,
        at: noon(),
        check: None,
        unattended: false,
        asked: Some(AskedFor {
            request: request.digest(),
            key: key.clone(),
            pinned: request.anchor().pinned().digest(),
        }),
        earlier: Vec::new(),
    };
    let checked = Checked::on_record(request.plan().clone(), None);
    let mut room = Room::new(twin);
    let (mut engine, mut next) = Engine::open(Ground::asked(&checked, request, asked), opening);
    let (mut head, mut record) = (request.plan().digest, Vec::new());
    loop {
        let line = transcript::line(head, record.is_empty(), &next.entry);
        head = transcript::head_of(&line);
        record.extend(line);
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
    }
    AnswerFile::of(&engine, &record).expect("it was held to its end").to_json()
}

pub(crate) fn requests() -> Vec<Vec<u8>> {
    HELD.iter().map(|held| held.file.clone()).collect()
}

/// What is taken is bound to what it states, and leads to the same documents again.
pub(crate) fn request(bytes: &[u8]) {
    opens(bytes);
    let Ok(mut file) = serde_json::from_slice::<RequestFile>(bytes) else { return };
    // As somebody would write it who can do more than flip bits.
    opens(&file.to_json());
    file.facts.plan = Digest::of(file.plan.as_bytes());
    opens(&file.to_json());
}

fn opens(bytes: &[u8]) {
    let request = match Request::open(bytes) {
        Ok(request) => request,
        Err(why) => return assert!(!why.to_string().is_empty()),
    };
    assert_eq!(request.digest(), Digest::of(bytes));
    let again = Request::open(bytes).expect("it was opened");
    assert_eq!(again.change().digest(), request.change().digest());
    let file: RequestFile = serde_json::from_slice(bytes).expect("it was read");
    assert_eq!(file.to_json(), bytes);
    let payloads = request.change().payloads();
    assert!(!payloads.is_empty() && payloads.len() == file.documents.len());
    for key in request.roster().keys.keys() {
        let asks = !request.asks(key).is_empty();
        assert_eq!(Asked::new(&request, key).is_some(), asks);
    }
    follows(&request, request.previous_root()).expect("its newest root leads to itself");
    assert!(Gathering::new(&request).complete(noon()).is_none(), "nobody has signed");
    let known = request.files().into_iter().map(|(at, bytes)| (at.path, bytes)).collect();
    let _ = Pinned::of(file.dialect, &known).map(|pinned| pinned.is_before(&request));
}

/// Answers, and signatures of other programs.
pub(crate) fn answers() -> Vec<Vec<u8>> {
    HELD.iter().flat_map(|held| [held.answer.clone(), held.detached.clone()]).collect()
}

/// What counts was signed by the key, over the very documents.
pub(crate) fn answer(bytes: &[u8]) {
    let _ = AnswerFile::request_of(bytes);
    let file = serde_json::from_slice::<AnswerFile>(bytes).ok();
    let again = file.as_ref().map(AnswerFile::to_json);
    let chained = file.and_then(chained).map(|file| file.to_json());
    for held in HELD.iter() {
        let mut gathering = Gathering::new(&held.request);
        for bytes in [Some(bytes), again.as_deref(), chained.as_deref()].into_iter().flatten() {
            if let Err(why) = gathering.take(bytes) {
                assert!(!why.to_string().is_empty());
            }
        }
        if let Ok(role) = gathering.take_detached(&held.key, bytes) {
            assert!(held.request.change().payload(&role).is_some());
        }
        for (request, answer, _) in gathering.answers() {
            assert_eq!(request, held.request.digest());
            let public = held.request.roster().keys[&answer.key].key();
            for (role, signature) in &answer.signatures {
                let payload = held.request.change().payload(role).expect("a document");
                assert!(public.verifies(payload.to_sign(), signature), "{role}");
            }
        }
        let signed = gathering.standing().iter().map(|standing| standing.signed.len()).max();
        assert!(signed <= Some(1), "one key was asked");
    }
}

/// An answer whose record was chained again.
fn chained(mut file: AnswerFile) -> Option<AnswerFile> {
    let mut head =
        HELD.iter().find(|held| held.request.digest() == file.request)?.request.plan().digest;
    for line in &mut file.transcript {
        let mut value: serde_json::Value = serde_json::from_str(line).ok()?;
        *value.get_mut("prev")? = head.to_string().into();
        *line = serde_json::to_string(&value).ok()?;
        head = transcript::head_of(line.as_bytes());
    }
    file.head = head;
    Some(file)
}

/// Codes drawn in text, and their texts.
pub(crate) fn pictures() -> Vec<Vec<u8>> {
    let file: Vec<u8> = (0..=255).collect();
    let texts = split(&file).expect("a small file");
    let drawn = |text: &str| qr::drawn(text).expect("a short text").into_bytes();
    let sheet = [drawn("a digest"), drawn(&texts[0])].concat();
    vec![drawn("ANCHORITE1"), drawn(&texts[0]), sheet, texts.join("\n").into_bytes()]
}

/// What a camera would see of it is read or refused, and so are parts of a file; a file that is joined is split the same.
pub(crate) fn picture(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts: Vec<String> = text.lines().map(str::to_owned).collect();
    let _ = picture::texts(bytes);
    if let Some(png) = seen(&text) {
        match picture::texts(&png) {
            Ok(texts) => parts.extend(texts),
            Err(why) => assert!(!why.to_string().is_empty()),
        }
    }
    match join(&parts) {
        Ok(file) => {
            let texts = split(&file).expect("it came from codes");
            assert_eq!(join(&texts), Ok(file));
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    }
}

/// Text as a picture: cells of 3 by 6 points.
fn seen(text: &str) -> Option<Vec<u8>> {
    let rows: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let columns = rows.iter().map(Vec::len).max().filter(|columns| (1..=200).contains(columns))?;
    let (width, height) = ((columns + 4) * 3, rows.len().min(200) * 6);
    let dark = |x: usize, y: usize| {
        let cell = rows[y / 6].get(x / 3).copied().unwrap_or(' ');
        cell == '█' || cell == if y % 6 < 3 { '▀' } else { '▄' }
    };
    let point = |nth: usize| if dark(nth % width, nth / width) { 0 } else { 255 };
    let points: Vec<u8> = (0..width * height).map(point).collect();
    let mut bytes = Vec::new();
    let side = |points: usize| u32::try_from(points).expect("a small picture");
    let mut encoder = png::Encoder::new(&mut bytes, side(width), side(height));
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().ok()?.write_image_data(&points).ok()?;
    Some(bytes)
}

//! A signer's desk without a machine: the throw-away keys of a sample sign what a request asks for.

use anchorite::ceremony::ask::{Answer, Ask, AskKind, Form, People, Wish};
use anchorite::ceremony::change::certificate;
use anchorite::ceremony::check::{CheckReport, Ground, base};
use anchorite::ceremony::engine::Engine;
use anchorite::ceremony::event::{
    Act, AskedFor, Earlier, Happened, Mode, Next, Opening, Outcome, RoomFact, Seen, SessionId,
    ToolId, Wanted,
};
use anchorite::ceremony::model::word;
use anchorite::ceremony::plan::{Plan, Store};
use anchorite::ceremony::request::answer::AnswerFile;
use anchorite::ceremony::request::{Asked, Request, make};
use anchorite::ceremony::roster::{Enrolled, Facts, Proof, Roster, RosterFile, room_challenge};
use anchorite::ceremony::scene::{Scene, Verdict};
use anchorite::ceremony::transcript;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::{Dialect, DocRole};
use anchorite::tuf::forge::ForgedKey;
use anchorite::tuf::key::{Algorithm, KeyId};
use anchorite::tuf::name::KeyName;
use anchorite::tuf::time::Timestamp;

use crate::sample::*;

/// The same root with later dates: no key is made, so that an office can ask for it.
pub(crate) fn refresh(sample: &Sample) -> Text {
    let third = match sample.dialect {
        Dialect::Notary1 => YUBI_C,
        Dialect::Tuf1 => AGE,
    };
    let keys = [
        here(sample, "root-a", "Custodian A", YUBI_A),
        here(sample, "root-b", "Custodian B", YUBI_B),
        here(sample, "root-c", "Custodian C", third),
    ];
    let mut body = keys.concat();
    body += &role("root", "\"root-a\", \"root-b\", \"root-c\"", 2, Some("12 years"));
    if sample.dialect == Dialect::Tuf1 {
        body += WAIVE_FILE_ROOT;
    }
    Text {
        kind: "refresh",
        codename: "EGRET",
        title: "The root of trust gets later dates",
        body,
        ..Text::default()
    }
}

/// A plan in which root-d, made in a room, takes the place of root-c. Keys rest in age files.
pub(crate) fn rotate_root(sample: &Sample) -> Text {
    let certificate = match sample.dialect {
        Dialect::Notary1 => "certificate = { valid_for = \"25 years\" }\n",
        Dialect::Tuf1 => "",
    };
    let keys = [
        here(sample, "root-a", "Custodian A", AGE),
        here(sample, "root-b", "Custodian B", AGE),
        made("root-d", "Custodian D", AGE, "p256", certificate),
    ];
    let mut body = keys.concat();
    body += &role("root", "\"root-a\", \"root-b\", \"root-d\"", 2, Some("12 years"));
    body += WAIVE_FILE_ROOT;
    Text {
        kind: "rotate-root",
        codename: "HERON",
        title: "Custodian D takes the place of Custodian C",
        body,
        ..Text::default()
    }
}

/// What a room in which only this key was made wrote to OUT.
pub(crate) fn roster(plan: &Plan, key: &str, at: Timestamp) -> RosterFile {
    let facts = facts(plan, at);
    let name: KeyName = key.parse().unwrap();
    let new = new_key();
    let public = new.public_key().clone();
    let mut roster = Roster::default();
    let proof = match plan.repository.dialect {
        Dialect::Notary1 => {
            let payload = certificate(plan, plan.key(&name).unwrap(), &public, &facts).unwrap();
            let signature = new.sign(payload.to_sign());
            let pem = payload.envelope(&[(KeyId::new(key), signature.clone())]);
            roster.certificates.insert(name.clone(), String::from_utf8(pem).unwrap());
            Proof::Certificate(signature)
        }
        Dialect::Tuf1 => Proof::Challenge(new.sign(&room_challenge(&facts, &name, &public))),
    };
    roster.proofs.insert(name.clone(), proof);
    roster.keys.insert(name, Enrolled::Made { key: public });
    roster_of(plan, roster, at)
}

/// A roster with these keys.
pub(crate) fn roster_of(plan: &Plan, roster: Roster, at: Timestamp) -> RosterFile {
    RosterFile {
        format: 1,
        codename: plan.codename.clone(),
        facts: facts(plan, at),
        roster,
        head: Digest::of(b"head"),
    }
}

fn facts(plan: &Plan, at: Timestamp) -> Facts {
    Facts { mode: Mode::Real, session: SESSION, plan: plan.digest, base: base(plan, at) }
}

/// The key that was made in the room.
pub(crate) fn new_key() -> ForgedKey {
    ForgedKey::new(&Digest::of(b"a new key"), "root-d", Algorithm::P256).unwrap()
}

pub(crate) const SESSION: SessionId = SessionId::new([5; 16]);

/// A request for what a plan makes of a sample.
pub(crate) fn request(sample: &Sample, text: &Text) -> (Request, Vec<u8>) {
    let extra: Vec<(&str, &[u8])> =
        text.inputs.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let toml = plan(sample, text);
    let use_by = "2026-12-24T00:00:00Z".parse().unwrap();
    make(&toml, &sample.at_hand(&extra), None, SESSION, noon(), use_by)
        .unwrap_or_else(|why| panic!("{why}"))
}

/// The same for a plan whose new key was made in a room.
pub(crate) fn request_with(sample: &Sample, key: &str, text: &Text) -> (Request, Vec<u8>) {
    let toml = plan(sample, text);
    let roster = roster(&Plan::parse(toml.as_bytes()).unwrap(), key, noon());
    let use_by = "2026-12-24T00:00:00Z".parse().unwrap();
    make(&toml, &sample.at_hand(&[]), Some(&roster), SESSION, noon(), use_by)
        .unwrap_or_else(|why| panic!("{why}"))
}

/// One key's holder answers a request, with a key that the test holds.
pub(crate) fn sign(request: &Request, key: &str, secret: &ForgedKey) -> Vec<u8> {
    sign_as(request, key, secret, 9)
}

/// The same, in another session.
pub(crate) fn sign_as(request: &Request, key: &str, secret: &ForgedKey, session: u8) -> Vec<u8> {
    let (mut engine, mut next) = open(request, key, session, Vec::new());
    let mut record = Vec::new();
    let mut head = request.plan().digest;
    for _ in 0..100 {
        let line = transcript::line(head, record.is_empty(), &next.entry);
        head = transcript::head_of(&line);
        record.extend(line);
        next = match next.wanted {
            Wanted::Close(outcome) => {
                assert_eq!(outcome, Outcome::Done);
                return AnswerFile::of(&engine, &record).unwrap().to_json();
            }
            Wanted::Act(id, act) => {
                let what = act_of(&act, secret);
                engine.happened(noon(), id, what, 0)
            }
            Wanted::Ask(ask) => {
                let said = People::Answer { ask: ask.id.clone(), say: say(&ask, request) };
                engine.people(noon(), said).unwrap_or_else(|why| panic!("{}: {why}", ask.id))
            }
        };
    }
    panic!("it does not end: {:?}", engine.scene());
}

fn open(request: &Request, key: &str, session: u8, earlier: Vec<Earlier>) -> (Engine, Next) {
    let name: KeyName = key.parse().unwrap();
    let asked = Asked::new(request, &name).unwrap();
    let report = CheckReport::of(request.plan(), noon(), &request.files());
    let checked = report
        .clear(request.plan(), Mode::Rehearsal)
        .unwrap_or_else(|| panic!("{:#?}", report.findings));
    let opening = Opening {
        mode: Mode::Real,
        session: SessionId::new([session; 16]),
        tool: ToolId { name: "anchorite".to_owned(), version: "0".to_owned() },
        plan: request.plan().digest,
        base: request.facts().base,
        at: noon(),
        check: Some(Digest::of(&report.to_json())),
        unattended: false,
        asked: Some(AskedFor {
            request: request.digest(),
            key: name.clone(),
            pinned: request.anchor().pinned().digest(),
        }),
        earlier,
    };
    Engine::open(Ground::asked(&checked, request, asked), opening)
}

/// The holder signs, and the ceremony is stopped for good after that. The workspace knows of another root that root-b
/// signed. What was shown at each question comes back too.
pub(crate) fn stop_after_signing(
    request: &Request,
    key: &str,
    secret: &ForgedKey,
) -> (Vec<Scene>, Engine) {
    let earlier = Earlier {
        role: DocRole::Root,
        version: 2,
        payload: Digest::of(b"another root"),
        at: noon(),
        keys: vec!["root-b".parse().unwrap()],
    };
    let (mut engine, mut next) = open(request, key, 9, vec![earlier]);
    let mut scenes = Vec::new();
    let mut stopped = false;
    loop {
        next = match next.wanted {
            Wanted::Close(outcome) => {
                assert_eq!(outcome, Outcome::Aborted);
                return (scenes, engine);
            }
            Wanted::Act(_, Act::Seal(_)) if !stopped => {
                stopped = true;
                engine.people(noon(), People::Wish(Wish::Abort)).unwrap()
            }
            Wanted::Act(id, act) => {
                let what = act_of(&act, secret);
                engine.happened(noon(), id, what, 0)
            }
            Wanted::Ask(ask) => {
                scenes.push(engine.scene());
                let say = match ask.id.kind {
                    AskKind::Abort => Answer::Typed(vec!["EGRET".to_owned(), "a test".to_owned()]),
                    _ => say(&ask, request),
                };
                engine.people(noon(), People::Answer { ask: ask.id.clone(), say }).unwrap()
            }
        };
    }
}

fn act_of(act: &Act, secret: &ForgedKey) -> Happened {
    match act {
        Act::Room => Happened::Room(vec![RoomFact {
            name: "model".to_owned(),
            verdict: Verdict::Pass,
            text: "a desk".to_owned(),
        }]),
        Act::Look(key) => Happened::Seen(Seen {
            serial: match &key.store {
                Some(Store::Yubikey { serial, .. }) => Some(serial.to_string()),
                _ => None,
            },
            keys: vec![secret.public_key().clone()],
            tries_left: None,
            remarks: Vec::new(),
            attestation: Vec::new(),
        }),
        Act::Sign { payload, .. } => Happened::Signed(secret.sign(payload.to_sign())),
        Act::Write { bytes, .. } => Happened::Written { digest: Digest::of(bytes) },
        Act::Seal(_) => Happened::Sealed { tree: Digest::of(b"sealed") },
        other => panic!("a signer is never asked for {other:?}"),
    }
}

fn say(ask: &Ask, request: &Request) -> Answer {
    match &ask.form {
        Form::Press { .. } => Answer::Pressed,
        Form::Tick { items, .. } => {
            Answer::Ticked(items.iter().map(|item| item.word.clone()).collect())
        }
        Form::Words(fields) => {
            let digest = match ask.id.kind {
                AskKind::CompareChange => request.change().digest(),
                _ => request.plan().digest,
            };
            Answer::Typed(fields.iter().map(|field| word(&digest, &field.label)).collect())
        }
        other => panic!("{}: {other:?}", ask.id),
    }
}

/// The key that a sample's check made under this name.
pub(crate) fn secret(sample: &Sample, key: &str) -> ForgedKey {
    sample.twin.key(&key.parse().unwrap()).unwrap()
}

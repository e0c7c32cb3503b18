//! A signer's desk without a machine: the throw-away keys of a sample sign what a request asks for.

use std::collections::BTreeMap;

use anchorite::ceremony::ask::{Answer, Ask, AskKind, Form, People};
use anchorite::ceremony::check::{CheckReport, Ground};
use anchorite::ceremony::engine::Engine;
use anchorite::ceremony::event::{
    Act, AskedFor, Happened, Mode, Opening, Outcome, RoomFact, Seen, SessionId, ToolId, Wanted,
};
use anchorite::ceremony::model::word;
use anchorite::ceremony::plan::Store;
use anchorite::ceremony::request::answer::AnswerFile;
use anchorite::ceremony::request::{Asked, Request, make};
use anchorite::ceremony::scene::Verdict;
use anchorite::ceremony::transcript;
use anchorite::tuf::digest::Digest;
use anchorite::tuf::document::Dialect;
use anchorite::tuf::forge::ForgedKey;
use anchorite::tuf::name::KeyName;

use crate::sample::*;

/// A plan that takes root-c out and lets root-d, enrolled with its proof, come in; in Notary, where a new root key needs a
/// certificate, the same keys stay and the dates move.
pub(crate) fn rotate_root(sample: &Sample) -> Text {
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
    body += &role("root", "\"root-a\", \"root-b\", \"root-c\"", 2, Some("8 years"));
    body += WAIVE_FILE_ROOT;
    Text {
        kind: "refresh",
        codename: "EGRET",
        title: "The root of trust gets later dates",
        body,
        ..Text::default()
    }
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

/// One key's holder answers a request, with a key that the test holds.
pub(crate) fn sign(request: &Request, key: &str, secret: &ForgedKey) -> Vec<u8> {
    let name: KeyName = key.parse().unwrap();
    let asked = Asked::new(request, &name).unwrap();
    let report = CheckReport::of(request.plan(), noon(), &request.files());
    let checked = report
        .clear(request.plan(), Mode::Rehearsal)
        .unwrap_or_else(|| panic!("{:#?}", report.findings));
    let opening = Opening {
        mode: Mode::Real,
        session: SessionId::new([9; 16]),
        tool: ToolId { name: "anchorite".to_owned(), version: "0".to_owned() },
        plan: request.plan().digest,
        base: request.facts().base,
        at: noon(),
        check: Some(Digest::of(&report.to_json())),
        unattended: false,
        asked: Some(AskedFor { request: request.digest(), key: name.clone() }),
        earlier: Vec::new(),
    };
    let (mut engine, mut next) = Engine::open(Ground::asked(checked, request, asked), opening);
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
                engine.happened(noon(), id, what)
            }
            Wanted::Ask(ask) => {
                let said = People::Answer { ask: ask.id.clone(), say: say(&ask, request) };
                engine.people(noon(), said).unwrap_or_else(|why| panic!("{}: {why}", ask.id))
            }
        };
    }
    panic!("it does not end: {:?}", engine.scene());
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

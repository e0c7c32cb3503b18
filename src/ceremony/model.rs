//! The model of the room: it answers every question and carries out every act as a good room would, with throw-away
//! keys, so that a plan can be played from end to end without anybody.

use std::collections::BTreeMap;

use crate::tuf::digest::Digest;
use crate::tuf::name::KeyName;

use super::ask::{Answer, Ask, AskKind, Form, People};
use super::engine::Engine;
use super::event::{
    Act, ActId, Base64, FileAt, Happened, Place, Remains, RoomFact, Seen, Trouble, TroubleKind,
};
use super::fleet::{BATCH, Survey, batch_of};
use super::mounted::{MediumId, Mounted};
use super::plan::{Drill, Origin, PlannedKey, Store};
use super::scene::Verdict;
use super::twin::Twin;

/// A room in which everything works and everybody answers.
#[derive(Debug, Clone)]
pub struct Room {
    twin: Twin,
    files: BTreeMap<FileAt, Vec<u8>>,
    survey: Option<Survey>,
}

impl Room {
    /// A room with the twin's stand-ins on its media.
    pub fn new(twin: Twin) -> Self {
        let files = twin.inputs().clone();
        Self { twin, files, survey: None }
    }

    /// A room with a fleet, which was walked before.
    #[must_use]
    pub fn with_fleet(mut self, survey: Option<Survey>) -> Self {
        self.survey = survey;
        self
    }

    /// Carries out an act.
    pub fn act(&mut self, id: &ActId, act: &Act) -> Happened {
        match act {
            Act::Room => Happened::Room(vec![RoomFact {
                name: "model".to_owned(),
                verdict: Verdict::Pass,
                text: "a model of a room".to_owned(),
            }]),
            Act::Mount(name) => Happened::Mounted(self.mounted(name)),
            Act::Read(file) => match self.files.get(file) {
                Some(bytes) => {
                    Happened::Read { digest: Digest::of(bytes), content: Base64(bytes.clone()) }
                }
                None => failed(TroubleKind::Absent, format!("{file} is not there")),
            },
            Act::Look(key) => Happened::Seen(self.look(key)),
            Act::Make(key) => match self.twin.key(&key.name) {
                Some(forged) => Happened::Made { public: forged.public_key().clone() },
                None => unforgeable(key),
            },
            Act::Prove { key, message, .. } => self.sign(key, message),
            Act::Sign { key, payload, .. } => self.sign(key, payload.to_sign()),
            Act::Write { file, bytes } => {
                if self.files.contains_key(file) {
                    return failed(TroubleKind::Occupied, format!("{file} is there already"));
                }
                self.files.insert(file.clone(), bytes.clone());
                Happened::Written { digest: Digest::of(bytes) }
            }
            Act::ReadBack(file) => match self.files.get(file) {
                Some(bytes) => Happened::ReadBack { digest: Digest::of(bytes) },
                None => failed(TroubleKind::Absent, format!("{file} is not there")),
            },
            Act::HandOver { key, .. } => Happened::HandedOver { file: format!("{}.age", key.name) },
            Act::Provision(_) => {
                Happened::Provisioned { pin: true, puk: true, management_key: true }
            }
            Act::ChangeSecret(_) => Happened::SecretChanged,
            Act::BackUp { back_up, .. } => Happened::BackedUp { file: back_up.file() },
            Act::Drill { key, drill, message } => self.drill(key, drill, message),
            Act::Level(_) => Happened::Levelled { files: 0 },
            Act::Inspect { .. } => Happened::Inspected(Remains::Nothing),
            Act::Survey(_) => match &self.survey {
                Some(survey) => Happened::Surveyed(Box::new(survey.clone())),
                None => failed(TroubleKind::Absent, "the fleet is not at hand".to_owned()),
            },
            Act::Batch { key, nth, of, .. } => {
                let batch = batch_of(key);
                let repositories = batch.min(of.saturating_sub(nth * batch));
                let file = Digest::of(id.to_string().as_bytes());
                Happened::Batched { repositories, signatures: repositories, file }
            }
            Act::Assemble { nth, of, .. } => {
                let repositories = BATCH.min(of.saturating_sub(nth * BATCH));
                let file = Digest::of(id.to_string().as_bytes());
                Happened::Assembled { repositories, file, endings: Vec::new(), notary: 0 }
            }
            Act::Seal(_) => Happened::Sealed { tree: Digest::of(id.to_string().as_bytes()) },
        }
    }

    /// Answers a question: everybody is here, everything is read, and the words are right.
    pub fn answer(&self, ask: &Ask, engine: &Engine) -> People {
        let say = match &ask.form {
            Form::Press { .. } => Answer::Pressed,
            Form::Choose(choices) => {
                Answer::Chose(choices.first().map(|c| c.word.clone()).unwrap_or_default())
            }
            Form::Tick { items, .. } => {
                Answer::Ticked(items.iter().map(|item| item.word.clone()).collect())
            }
            Form::Fill(fields) => {
                Answer::Typed(fields.iter().map(|field| field.label.clone()).collect())
            }
            Form::Words(fields) => {
                let digest = match (ask.id.kind == AskKind::CompareChange, engine.change_digest()) {
                    (true, Some(change)) => change,
                    (true, None) | (false, _) => engine.plan().digest,
                };
                Answer::Typed(fields.iter().map(|field| word(&digest, &field.label)).collect())
            }
        };
        People::Answer { ask: ask.id.clone(), say }
    }

    /// The files that the ceremony left on the media.
    pub const fn files(&self) -> &BTreeMap<FileAt, Vec<u8>> {
        &self.files
    }

    fn mounted(&self, name: &KeyName) -> Mounted {
        let place = Place::Medium(name.clone());
        let there = self.files.keys().filter(|file| file.place == place);
        let files: Vec<_> = there.map(|file| file.path.clone()).collect();
        Mounted { id: MediumId::new(&[0; 16]), count: files.len(), files }
    }

    fn look(&self, key: &PlannedKey) -> Seen {
        let serial = match &key.store {
            Some(Store::Yubikey { serial, .. } | Store::Virtual { serial }) => {
                Some(serial.to_string())
            }
            Some(Store::Pkcs11 { serial, .. }) => Some(serial.clone()),
            Some(Store::Age { .. }) | None => None,
        };
        let there = match key.origin {
            Origin::Fingerprint(_) => true,
            Origin::Make { .. }
            | Origin::Enrol { .. }
            | Origin::Server { .. }
            | Origin::Listed(_) => false,
        };
        let known = self.twin.key(&key.name).map(|forged| forged.public_key().clone());
        let made = self.twin.plan().key(&key.name).is_some();
        let keys = if there || made { known.into_iter().collect() } else { Vec::new() };
        Seen { serial, keys, tries_left: None, remarks: Vec::new(), attestation: Vec::new() }
    }

    /// Brings a key back, if its back-up and what opens it are there.
    fn drill(&self, key: &PlannedKey, drill: &Drill, message: &[u8]) -> Happened {
        let identity = drill.identity.clone();
        let kit = std::iter::once((drill.medium.clone(), drill.file.clone())).chain(identity);
        for (medium, path) in kit {
            let file = FileAt { place: Place::Medium(medium), path };
            if !self.files.contains_key(&file) {
                return failed(TroubleKind::Absent, format!("{file} is not there"));
            }
        }
        match self.twin.key(&key.name) {
            Some(forged) => Happened::Recovered {
                public: forged.public_key().clone(),
                signature: forged.sign(message),
            },
            None => unforgeable(key),
        }
    }

    fn sign(&self, key: &PlannedKey, message: &[u8]) -> Happened {
        match self.twin.key(&key.name) {
            Some(forged) => Happened::Signed(forged.sign(message)),
            None => unforgeable(key),
        }
    }
}

/// The word of a digest that a field such as `word 7` asks for; nothing for other labels.
pub fn word(digest: &Digest, label: &str) -> String {
    let position: usize =
        label.strip_prefix("word ").and_then(|n| n.parse().ok()).unwrap_or_default();
    let words = digest.words();
    let found = position.checked_sub(1).and_then(|index| words.get(index));
    found.map(|word| (*word).to_owned()).unwrap_or_default()
}

fn failed(kind: TroubleKind, found: String) -> Happened {
    Happened::Failed(Trouble { kind, found })
}

fn unforgeable(key: &PlannedKey) -> Happened {
    failed(TroubleKind::Unsupported, format!("no throw-away {} key can be made", key.algorithm))
}

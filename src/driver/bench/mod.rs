//! The benches: the machines of a ceremony, real or virtual. They differ in their stores and their clock only.

mod barring;
mod care;
mod holding;
mod real;
mod virtual_bench;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::ceremony::ask::Wish;
use crate::ceremony::event::{
    Act, Base64, FileAt, Happened, MAX_INPUT, Place, Remains, RoomFact, Seen, Trouble, TroubleKind,
};
use crate::ceremony::fleet::Survey;
use crate::ceremony::plan::{BackUpForm, Plan, PlannedKey};
use crate::ceremony::scene::Verdict;
use crate::ceremony::twin::Purpose;
use crate::keystore::provision::Provisioned;
use crate::keystore::{self, KeyStore, Secret, Spec, TokenError, Unlock};
use crate::tuf::digest::Digest;
use crate::tuf::key::PublicKey;
use crate::tuf::name::KeyName;
use crate::tuf::nonces::Nonces;
use crate::tuf::signature::Signature;
use crate::tuf::time::Timestamp;

use super::file::{self, Readers};
use super::fleet::{Barred, Batch, Results, Tables, Turns, Yard, competing, walk};
use super::media::{Media, public};
use super::ports::{Company, Progress, World};
use super::workspace::{self, TRUST};
use super::{attestation, evidence, room};

use holding::{HeldPin, Holding};
pub use real::RealStores;
pub use virtual_bench::VirtualStores;

/// The stores of a bench.
pub trait Stores {
    /// Opens the store of a key.
    fn store(&mut self, key: &PlannedKey) -> Result<Box<dyn KeyStore>, TokenError>;

    /// The keys that are given no role any more; none where nobody keeps a register.
    fn barred(&self) -> Barred {
        Barred::default()
    }

    /// Writes an encrypted copy of a key, as its `leaves` says: the file's name and its bytes, proven to hold the key.
    fn copy_out(
        &mut self,
        key: &PlannedKey,
        public: &PublicKey,
        unlock: &mut dyn Unlock,
    ) -> Result<(String, Vec<u8>), TokenError>;

    /// Replaces what is still the factory's on the token of a key.
    fn provision(
        &mut self,
        key: &PlannedKey,
        unlock: &mut dyn Unlock,
    ) -> Result<Provisioned, TokenError>;

    /// Changes the secret of a key's store. Submits the old one once.
    fn change_secret(
        &mut self,
        key: &PlannedKey,
        unlock: &mut dyn Unlock,
    ) -> Result<(), TokenError>;

    /// The bytes of a back-up of a key, which was opened for it.
    fn back_up(
        &mut self,
        key: &PlannedKey,
        public: &PublicKey,
        form: &BackUpForm,
        unlock: &mut dyn Unlock,
    ) -> Result<Vec<u8>, TokenError>;

    /// Opens a back-up in memory, has the key in it sign, and lets it go. The key's own store is not touched.
    fn recover(
        &mut self,
        key: &PlannedKey,
        kit: &Kit,
        message: &[u8],
        unlock: &mut dyn Unlock,
    ) -> Result<(PublicKey, Signature), TokenError>;
}

/// A recovery kit as it was read.
#[derive(Debug)]
pub struct Kit {
    /// The name of the back-up's file, for people.
    pub name: String,
    /// The back-up: an age file or lines of the paper.
    pub file: Vec<u8>,
    /// The identity that opens it, where a passphrase does not.
    pub identity: Option<Secret>,
}

/// Where a bench gets the time.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// The system's clock.
    System,
    /// A clock that begins here and goes on by so many seconds each time it is read.
    Steps {
        /// What it says next.
        next: Timestamp,
        /// By how many seconds it goes on.
        step: i64,
    },
}

impl Clock {
    /// The time now.
    pub fn now(&mut self) -> Timestamp {
        match self {
            Self::System => system_time(),
            Self::Steps { next, step } => {
                let now = *next;
                *next = now.plus_seconds(*step).unwrap_or(now);
                now
            }
        }
    }
}

/// The system's time, in whole seconds.
pub fn system_time() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = since.map(|since| since.as_secs()).unwrap_or_default();
    i64::try_from(seconds)
        .ok()
        .and_then(Timestamp::from_unix_seconds)
        .expect("the system clock is within the years that can be written")
}

/// The machines of one ceremony.
pub struct Bench<S> {
    plan: Plan,
    stores: S,
    media: Media,
    clock: Clock,
    room: PathBuf,
    rehearsal: bool,
    evidence: PathBuf,
    book: PathBuf,
    nonces: Nonces,
    /// Keys whose hand-over was interrupted: what it may have left on the medium was never proven.
    unproven: BTreeSet<KeyName>,
    held_pin: Option<HeldPin>,
    /// The plan of a fleet as people wrote it: its repositories have twins of their own.
    fleet: Option<Plan>,
    turns: Turns,
}

/// What a bench is made of.
pub struct Setting<S> {
    /// The plan that is played.
    pub plan: Plan,
    /// The stores.
    pub stores: S,
    /// The media.
    pub media: Media,
    /// The clock.
    pub clock: Clock,
    /// Below which `/proc` and `/sys` are read.
    pub room: PathBuf,
    /// Whether it is a rehearsal: then the room's faults are warnings.
    pub rehearsal: bool,
    /// The evidence folder.
    pub evidence: PathBuf,
    /// The workspace.
    pub book: PathBuf,
}

impl<S: Stores> Bench<S> {
    /// Sets up a bench.
    pub fn new(setting: Setting<S>) -> Self {
        Self {
            plan: setting.plan,
            stores: setting.stores,
            media: setting.media,
            clock: setting.clock,
            room: setting.room,
            rehearsal: setting.rehearsal,
            evidence: setting.evidence,
            book: setting.book,
            nonces: Nonces::default(),
            unproven: BTreeSet::new(),
            held_pin: None,
            fleet: None,
            turns: Turns::default(),
        }
    }

    /// The plan of a fleet as people wrote it, in a rehearsal.
    #[must_use]
    pub fn with_fleet(mut self, plan: &Plan) -> Self {
        self.fleet = plan.fleet.is_some().then(|| plan.clone());
        self
    }

    /// Where the fleet of the plan lies.
    fn yard(&self) -> Result<Yard, Trouble> {
        let plan = self.fleet.as_ref().unwrap_or(&self.plan);
        let medium = plan.fleet.as_ref().map(|fleet| &fleet.medium);
        let Some(medium) = medium else {
            let found = "the plan is of no fleet".to_owned();
            return Err(Trouble { kind: TroubleKind::Unsupported, found });
        };
        Ok(Yard {
            plan: plan.clone(),
            purpose: self.rehearsal.then_some(Purpose::Rehearse),
            from: self.media.folder(&self.plan, medium)?,
            trust: (!self.rehearsal).then(|| self.book.join(TRUST)),
            barred: self.stores.barred(),
        })
    }

    fn carry_out(&mut self, act: &Act, company: &mut dyn Company) -> Result<Happened, Trouble> {
        HeldPin::end_of_turn(&mut self.held_pin, act);
        match act {
            Act::Room => Ok(self.look_around()),
            Act::Mount(name) => Ok(Happened::Mounted(self.media.mount(&self.plan, name)?)),
            Act::Read(at) => {
                let bytes = self.media.read(&self.plan, at)?;
                Ok(Happened::Read { digest: Digest::of(&bytes), content: Base64(bytes) })
            }
            Act::Look(key) => {
                let seen = self.stores.store(key).and_then(|mut store| store.look());
                let seen = seen.map_err(|error| token_trouble(key, &error))?;
                Ok(Happened::Seen(judged(key, seen)))
            }
            Act::Make(key) => self.make(key, company),
            Act::Prove { key, public, message } => {
                let proven = self.sign(key, public, message, company)?;
                self.let_old_secret_go(key);
                Ok(proven)
            }
            Act::Sign { key, public, payload } => {
                self.sign_held(key, public, payload.to_sign(), company)
            }
            Act::Write { file, bytes } => self.write(file, bytes),
            Act::ReadBack(at) => {
                let bytes = self.read_back(at)?;
                Ok(Happened::ReadBack { digest: Digest::of(&bytes) })
            }
            Act::HandOver { key, public, .. } => self.hand_over(key, public, company),
            Act::Provision(key) => self.provision(key, company),
            Act::ChangeSecret(key) => self.change_secret(key, company),
            Act::BackUp { key, public, back_up } => self.back_up(key, public, back_up, company),
            Act::Drill { key, drill, message } => self.drill(key, drill, message, company),
            Act::Inspect { act, .. } => Ok(Happened::Inspected(self.inspect(act))),
            Act::Level(name) => {
                let second = self.media.folder(&self.plan, name)?;
                workspace::level(&self.book, &second)
                    .map(|files| Happened::Levelled { files })
                    .map_err(|error| file::trouble(name.as_str(), &error))
            }
            Act::Survey(of) => {
                let yard = self.yard()?;
                let doing = "walking the fleet";
                walk(&yard, of, &Tables::Kept(&self.evidence), |count, _, _| {
                    if count % 16 == 1 {
                        let doing = format!("{doing}: repository {count}");
                        company.progress(&Progress { doing, done: None });
                    }
                })
                .and_then(|survey| self.compared(survey))
                .map(|survey| Happened::Surveyed(Box::new(survey)))
            }
            Act::Batch { key, public, nth, of, fleet } => {
                let yard = self.yard()?;
                let mut store =
                    self.stores.store(key).map_err(|error| token_trouble(key, &error))?;
                let batch = Batch { key, public, nth: *nth, of: *of, fleet };
                let trouble = |error: &TokenError| token_trouble(key, error);
                let (turns, folder) = (&mut self.turns, &self.evidence);
                let made = turns.batch(&yard, folder, store.as_mut(), &batch, company, &trouble);
                made.inspect_err(|_| self.turns.rest())
            }
            Act::Assemble { medium, nth, of, fleet } => {
                let yard = self.yard()?;
                let to = self.media.folder(&self.plan, medium)?;
                let trust = self.book.join(TRUST);
                let results = Results { to: &to, nth: *nth, of: *of, trust: &trust, fleet };
                let made = self.turns.assemble(&yard, &self.evidence, &results, company);
                made.inspect_err(|_| self.turns.rest())
            }
            Act::Seal(files) => {
                let sealed = evidence::seal(&self.evidence, files);
                sealed
                    .map(|tree| Happened::Sealed { tree })
                    .map_err(|error| file::trouble("evidence", &error))
            }
        }
    }

    /// Adds what was signed before under the same versions. Nobody believes what a rehearsal signed.
    fn compared(&self, survey: Survey) -> Result<Survey, Trouble> {
        if self.rehearsal {
            return Ok(survey);
        }
        let found = competing(&self.book, &self.evidence);
        let competing = found.map_err(|error| file::trouble("signed before", &error))?;
        Ok(Survey { competing, ..survey })
    }

    fn look_around(&mut self) -> Happened {
        let now = self.clock.now();
        let mut facts = room::check(&self.room, now);
        if self.rehearsal {
            // A rehearsal may be held at any desk: it says what the real room would refuse.
            for fact in facts.iter_mut().filter(|fact| fact.verdict == Verdict::Fail) {
                fact.verdict = Verdict::Warn;
            }
        }
        Happened::Room(facts)
    }

    fn make(&mut self, key: &PlannedKey, company: &mut dyn Company) -> Result<Happened, Trouble> {
        use crate::ceremony::plan::Origin;
        let (pin, touch, replaces) = match &key.origin {
            Origin::Make { pin, touch, replaces } => (*pin, *touch, *replaces),
            Origin::Fingerprint(_)
            | Origin::Enrol { .. }
            | Origin::Server { .. }
            | Origin::Listed(_) => (None, None, None),
        };
        let spec = Spec { algorithm: key.algorithm, pin, touch, replaces };
        company.progress(&doing(format!("making the key {}", key.name)));
        let made = self.stores.store(key).and_then(|mut store| store.make(&spec, &mut *company));
        let made = made.map_err(|error| token_trouble(key, &error))?;
        Ok(Happened::Made { public: made.public })
    }

    /// A signature whose PIN may be held for the next ones. One that fails ends that.
    fn sign_held(
        &mut self,
        key: &PlannedKey,
        public: &PublicKey,
        message: &[u8],
        company: &mut dyn Company,
    ) -> Result<Happened, Trouble> {
        let Some(limit) = key.hold_pin else { return self.sign(key, public, message, company) };
        let mut held = self.held_pin.take();
        let mut holding = Holding { company, held: &mut held, limit, asked: false };
        let signed = self.sign(key, public, message, &mut holding)?;
        HeldPin::count(&mut held);
        self.held_pin = held;
        Ok(signed)
    }

    /// One signature: verified in software, and never with a nonce that was used before.
    fn sign(
        &mut self,
        key: &PlannedKey,
        public: &PublicKey,
        message: &[u8],
        company: &mut dyn Company,
    ) -> Result<Happened, Trouble> {
        company.progress(&doing(format!("{} signs", key.name)));
        let trouble = |error: TokenError| token_trouble(key, &error);
        let mut store = self.stores.store(key).map_err(trouble)?;
        let fingerprint = public.fingerprint();
        let signed = store.sign(&fingerprint, message, &mut *company).map_err(trouble)?;
        let signature = signed.signature;
        if !public.verifies(message, &signature) {
            return Err(token_trouble(key, &TokenError::BadSignature));
        }
        // It does not go on record either: with the one before it, everybody could compute the key.
        if !self.nonces.note(fingerprint, &signature, Digest::of(message)) {
            return Err(Trouble {
                kind: TroubleKind::BadSignature,
                found: format!("{}: a nonce was used twice; do not use this key", key.name),
            });
        }
        Ok(Happened::Signed(signature))
    }

    fn folder(&self, at: &FileAt) -> Result<(PathBuf, Readers), Trouble> {
        match &at.place {
            Place::Medium(name) => Ok((self.media.folder(&self.plan, name)?, Readers::All)),
            Place::Evidence => Ok((self.evidence.clone(), Readers::Owner)),
            Place::Trust => Ok((self.book.join(TRUST), Readers::Owner)),
        }
    }

    fn write(&mut self, at: &FileAt, bytes: &[u8]) -> Result<Happened, Trouble> {
        let (folder, readers) = self.folder(at)?;
        if matches!(at.place, Place::Medium(_)) {
            public(&at.path, bytes).map_err(|why| Trouble {
                kind: TroubleKind::Mismatch,
                found: format!("{at} may not go out: {why}"),
            })?;
        }
        file::write_new(&folder, &at.path, bytes, readers)
            .map_err(|error| file::trouble(&at.to_string(), &error))?;
        Ok(Happened::Written { digest: Digest::of(bytes) })
    }

    fn read_back(&self, at: &FileAt) -> Result<Vec<u8>, Trouble> {
        let (folder, _) = self.folder(at)?;
        file::read_back(&folder, &at.path, u64::MAX - 1)
            .map_err(|error| file::trouble(&at.to_string(), &error))
    }

    fn hand_over(
        &mut self,
        key: &PlannedKey,
        public: &PublicKey,
        company: &mut dyn Company,
    ) -> Result<Happened, Trouble> {
        let Some(leaves) = &key.leaves else {
            return Err(token_trouble(key, &TokenError::Unsupported("it does not leave".into())));
        };
        let folder = self.media.folder(&self.plan, &leaves.medium)?;
        company.progress(&doing(format!("writing an encrypted copy of {}", key.name)));
        let copied = self.stores.copy_out(key, public, &mut *company);
        let (name, bytes) = copied.map_err(|error| token_trouble(key, &error))?;
        let shown = format!("{}:{name}", leaves.medium);
        self.carry(&key.name, (&folder, &name), &shown, &bytes)?;
        Ok(Happened::HandedOver { file: name })
    }

    /// Puts a copy of a key on a medium and reads it back. One that an interruption left unproven is set aside first.
    fn carry(
        &mut self,
        key: &KeyName,
        (folder, name): (&Path, &str),
        shown: &str,
        bytes: &[u8],
    ) -> Result<(), Trouble> {
        let failed = |error| file::trouble(shown, &error);
        if self.unproven.remove(key) {
            set_aside(folder, name).map_err(failed)?;
        }
        file::write_new(folder, name, bytes, Readers::Owner).map_err(failed)?;
        if file::read_back(folder, name, MAX_INPUT).map_err(failed)? == bytes {
            return Ok(());
        }
        Err(Trouble {
            kind: TroubleKind::Mismatch,
            found: format!("{shown}: what is there is not what was written"),
        })
    }

    /// What an interrupted act left behind.
    fn inspect(&mut self, act: &Act) -> Remains {
        match act {
            Act::Make(key) => {
                let seen = self.stores.store(key).and_then(|mut store| store.look());
                seen.ok()
                    .and_then(|seen| seen.keys.into_iter().next())
                    // The old one was not overwritten yet.
                    .filter(|found| Some(found.fingerprint()) != key.replaces())
                    .map_or(Remains::Nothing, Remains::Key)
            }
            Act::Write { file, .. } => match self.read_back(file) {
                Ok(bytes) => Remains::File(Digest::of(&bytes)),
                Err(_) => Remains::Nothing,
            },
            Act::HandOver { key, .. } | Act::BackUp { key, .. } => {
                self.unproven.insert(key.name.clone());
                Remains::Nothing
            }
            Act::Room
            | Act::Provision(_)
            | Act::ChangeSecret(_)
            | Act::Drill { .. }
            | Act::Mount(_)
            | Act::Level(_)
            | Act::Read(_)
            | Act::Look(_)
            | Act::Prove { .. }
            | Act::Sign { .. }
            | Act::ReadBack(_)
            | Act::Inspect { .. }
            | Act::Survey(_)
            | Act::Batch { .. }
            | Act::Assemble { .. }
            | Act::Seal(_) => Remains::Nothing,
        }
    }
}

impl<S: Stores> World for Bench<S> {
    fn now(&mut self) -> Timestamp {
        self.clock.now()
    }

    fn recall(&mut self, nonces: &Nonces) {
        self.nonces.clone_from(nonces);
    }

    fn act(&mut self, act: &Act, company: &mut dyn Company) -> (Happened, Option<Wish>) {
        let what = self.carry_out(act, company).unwrap_or_else(Happened::Failed);
        (what, company.wish())
    }
}

/// What a look showed, with a judgement of each remark and of the attestation.
fn judged(key: &PlannedKey, seen: keystore::Seen) -> Seen {
    let mut remarks: Vec<RoomFact> = seen
        .remarks
        .into_iter()
        .map(|remark| RoomFact {
            verdict: match (remark.weak, remark.name.starts_with("factory-")) {
                (true, true) => Verdict::Fail,
                (true, false) => Verdict::Warn,
                (false, _) => Verdict::Pass,
            },
            name: remark.name,
            text: remark.text,
        })
        .collect();
    let public = seen.keys.first();
    let mut attestation = seen.attestation;
    if let Some(old) = key.replaces()
        && public.is_some_and(|public| public.fingerprint() == old)
    {
        // What the card says of the old key is of no use to the new one.
        attestation.clear();
        remarks.push(RoomFact {
            name: "will-be-overwritten".to_owned(),
            verdict: Verdict::Warn,
            text: format!("the key {old} is there, and {} is made over it", key.name),
        });
    }
    if let [slot, device] = attestation.as_slice() {
        let serial = seen.serial.as_deref();
        remarks.push(attestation::remark((slot, device), key, public, serial));
    }
    Seen {
        serial: seen.serial,
        keys: seen.keys,
        tries_left: seen.tries_left,
        remarks,
        attestation: attestation.into_iter().map(Base64).collect(),
    }
}

/// Moves a copy that was never proven out of the way, as `NAME.unproven-N`: it is kept, and nothing is written over.
fn set_aside(folder: &std::path::Path, name: &str) -> io::Result<()> {
    let from = folder.join(name);
    if !from.exists() {
        return Ok(());
    }
    let free = (1..=u32::MAX)
        .map(|n| folder.join(format!("{name}.unproven-{n}")))
        .find(|path| !path.exists())
        .ok_or(io::ErrorKind::AlreadyExists)?;
    std::fs::rename(from, free)?;
    file::sync_folder(folder)
}

fn doing(what: String) -> Progress {
    Progress { doing: what, done: None }
}

/// What a store's error means for the ceremony.
fn token_trouble(key: &PlannedKey, error: &TokenError) -> Trouble {
    let kind = match error {
        TokenError::Absent => TroubleKind::Absent,
        TokenError::Other { .. } | TokenError::NoSuchKey(_) => TroubleKind::Other,
        TokenError::Occupied(_) => TroubleKind::Occupied,
        TokenError::WrongSecret { .. } => TroubleKind::WrongSecret,
        TokenError::Blocked => TroubleKind::Blocked,
        TokenError::NoSecret | TokenError::NoTouch => TroubleKind::NobodyAnswered,
        TokenError::Gone | TokenError::Silent => TroubleKind::Gone,
        TokenError::Crashed { .. } | TokenError::Device(_) => TroubleKind::Device,
        TokenError::BadSignature => TroubleKind::BadSignature,
        TokenError::Unsupported(_) => TroubleKind::Unsupported,
        TokenError::Unguarded(_) | TokenError::File { .. } => TroubleKind::Mismatch,
    };
    // Only a token counts tries, and a token is no file.
    let found = if let TokenError::WrongSecret { tries_left: Some(left) } = error {
        let tries = if *left == 1 { "1 try is" } else { &format!("{left} tries are") };
        format!("wrong PIN; {tries} left")
    } else {
        error.to_string()
    };
    Trouble { kind, found: format!("{}: {found}", key.name) }
}

/// Reads a file of the bench's own, for its stores.
fn own_io(name: &str, error: &io::Error) -> TokenError {
    TokenError::File { path: name.to_owned(), what: error.to_string() }
}

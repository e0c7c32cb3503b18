//! A rehearsal on a seeded bench with a fixed clock, and people who answer as a good room would.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};

use anchorite::ceremony::ask::{Answer, Ask, AskKind, Form, People, Wish};
use anchorite::ceremony::before::Before;
use anchorite::ceremony::change::ChangeSet;
use anchorite::ceremony::check::CheckReport;
use anchorite::ceremony::engine::Engine;
use anchorite::ceremony::event::{Entry, FileAt, Mode, Place, Refusal, SessionId};
use anchorite::ceremony::model::word;
use anchorite::ceremony::mounted::MediumId;
use anchorite::ceremony::plan::Plan;
use anchorite::ceremony::scene::{Block, Scene};
use anchorite::ceremony::transcript;
use anchorite::ceremony::twin::{Purpose, Twin};
use anchorite::driver::bench::{Bench, Clock, Setting, VirtualStores};
use anchorite::driver::file::{self, Readers};
use anchorite::driver::media::{self, Media};
use anchorite::driver::ports::{Company, Front, FrontFailed, Progress};
use anchorite::driver::session::{Begin, Session};
use anchorite::keystore::virtual_token::Planned;
use anchorite::keystore::{Label, Rules, Secret, Unlock};
use anchorite::tuf::digest::Digest;
use anchorite::tuf::time::Timestamp;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// People who answer every question as a good room would, and adopt what an interruption left behind.
pub(crate) struct GoodPeople {
    pub(crate) plan: Digest,
    pub(crate) change: Option<Digest>,
    pub(crate) asked: u32,
}

impl GoodPeople {
    pub(crate) fn of(engine: &Engine, plan: Digest) -> Self {
        Self { plan, change: engine.change().map(ChangeSet::digest), asked: 0 }
    }
}

impl Unlock for GoodPeople {
    fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
        Some(Secret::new(Zeroizing::new("123456".to_owned())))
    }
    fn new_secret(&mut self, label: &Label, _: &Rules) -> Option<Secret> {
        self.secret(label, None)
    }
    fn touch(&mut self, _: &Label) {}
}

impl Company for GoodPeople {
    fn progress(&mut self, _: &Progress) {}
    fn wish(&mut self) -> Option<Wish> {
        None
    }
}

impl Front for GoodPeople {
    fn show(&mut self, scene: Scene) {
        // Whoever writes the digest of the change down reads it from the screen.
        for block in &scene.blocks {
            if let Block::Digest { label, digest } = block
                && label == "digest of the change"
            {
                self.change = Some(*digest);
            }
        }
    }

    fn ask(&mut self, ask: &Ask) -> Result<People, FrontFailed> {
        self.asked += 1;
        assert!(self.asked < 200, "the same is asked again and again: {}", ask.id);
        let say = match &ask.form {
            Form::Press { .. } => Answer::Pressed,
            Form::Choose(choices) => {
                let wanted = ["adopt", "again", "written-down", "agree"];
                let found = wanted.iter().find(|word| choices.iter().any(|c| c.word == **word));
                Answer::Chose((*found.unwrap()).to_owned())
            }
            Form::Tick { items, .. } => {
                Answer::Ticked(items.iter().map(|item| item.word.clone()).collect())
            }
            Form::Fill(fields) => Answer::Typed(fields.iter().map(|_| "text".to_owned()).collect()),
            Form::Words(fields) => {
                let digest = if ask.id.kind == AskKind::CompareChange {
                    self.change.unwrap()
                } else {
                    self.plan
                };
                Answer::Typed(fields.iter().map(|field| word(&digest, &field.label)).collect())
            }
        };
        Ok(People::Answer { ask: ask.id.clone(), say })
    }

    fn refused(&mut self, refusal: &Refusal) {
        panic!("{refusal}");
    }
}

/// A rehearsal on a seeded bench with a fixed clock.
pub(crate) struct Stage {
    folder: TempDir,
    plan_bytes: Vec<u8>,
    pub(crate) plan: Plan,
    before: Before,
    twin: Twin,
}

pub(crate) fn noon() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

impl Stage {
    pub(crate) fn set(name: &str) -> Self {
        let file = format!("ceremonies/{name}/plan.toml");
        let bytes = fs::read(&file).unwrap();
        let at_hand = media::beside(Path::new(&file), &Plan::parse(&bytes).unwrap());
        Self::with(bytes, &at_hand)
    }

    /// Sets the stage for the plan in these bytes.
    pub(crate) fn of(plan_bytes: Vec<u8>) -> Self {
        Self::with(plan_bytes, &std::collections::BTreeMap::new())
    }

    /// The same for a change of what these files are.
    fn with(plan_bytes: Vec<u8>, at_hand: &std::collections::BTreeMap<FileAt, Vec<u8>>) -> Self {
        let plan = Plan::parse(&plan_bytes).unwrap();
        let before = Before::of(&plan, at_hand).unwrap();
        let twin = Twin::new(&plan, &before, Purpose::Rehearse);
        // A disk that syncs for real would take minutes here; what is tested is the order of things.
        let shm = Path::new("/dev/shm");
        let folder = if shm.is_dir() { TempDir::new_in(shm) } else { TempDir::new() }.unwrap();
        file::make_folder(&folder.path().join("BOOK/evidence")).unwrap();
        for (nth, medium) in (1..).zip(plan.mounted()) {
            let at = folder.path().join(medium.name.as_str());
            file::make_folder(&at).unwrap();
            media::enrol(&at, &medium.name, medium.role, MediumId::new(&[nth; 16]), true).unwrap();
        }
        for (at, bytes) in twin.inputs() {
            if let Place::Medium(name) = &at.place {
                let medium = folder.path().join(name.as_str());
                file::write_new(&medium, &at.path, bytes, Readers::All).unwrap();
            }
        }
        Self { folder, plan_bytes, plan, before, twin }
    }

    pub(crate) fn book(&self) -> PathBuf {
        self.folder.path().join("BOOK")
    }

    pub(crate) fn evidence(&self) -> PathBuf {
        self.book().join("evidence")
    }

    /// Where a medium is mounted.
    pub(crate) fn medium(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn bench(&self) -> Bench<VirtualStores> {
        let plan = self.twin.plan();
        let mounts = plan
            .mounted()
            .map(|m| (m.name.clone(), self.folder.path().join(m.name.as_str())))
            .collect();
        Bench::new(Setting {
            plan: plan.clone(),
            stores: self.stores(),
            media: Media::new(mounts, true),
            clock: Clock::Steps { next: noon(), step: 0 },
            room: self.folder.path().join("no-such-room"),
            rehearsal: true,
            evidence: self.evidence(),
            book: self.book(),
        })
    }

    pub(crate) fn stores(&self) -> VirtualStores {
        let tokens = self.folder.path().join("tokens");
        VirtualStores::new(tokens, self.twin.seed(), self.twin.plan().repository.dialect)
    }

    /// Plans faults of the token that plays a key's store.
    pub(crate) fn plan_faults(&self, key: &str, faults: &[Planned]) {
        let key = self.twin.plan().key(&key.parse().unwrap()).unwrap();
        self.stores().token(key).unwrap().plan_faults(faults).unwrap();
    }

    pub(crate) fn begin(&self, report: &CheckReport) -> Session {
        Session::begin(Begin {
            plan_bytes: &self.plan_bytes,
            plan: &self.plan,
            twin: Some(&self.twin),
            before: &self.before,
            report,
            checked: report.clear(&self.plan, Mode::Rehearsal).unwrap(),
            mode: Mode::Rehearsal,
            session: SessionId::new([7; 16]),
            at: noon(),
            unattended: false,
            folder: &self.evidence(),
            answering: None,
            earlier: Vec::new(),
        })
        .unwrap()
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        let bytes = fs::read(self.evidence().join("transcript.jsonl")).unwrap();
        let whole = transcript::whole_length(&bytes);
        transcript::read(&bytes[..whole], self.plan.digest).unwrap()
    }
}

/// People who decide some things by themselves and the rest as good people would, and who want something while a token
/// waits for a touch.
pub(crate) struct Deciding<F> {
    pub(crate) good: GoodPeople,
    /// What they say to a question, where it is not what good people say.
    pub(crate) decide: F,
    /// What they want at which touch of which key, counted from 1.
    pub(crate) wish_at: Option<(&'static str, u32, Wish)>,
    /// What they want when a machine says that it does this, and is so far.
    pub(crate) wish_while: Option<(&'static str, u64, Wish)>,
    touches: u32,
    wished: Option<Wish>,
}

impl<F: FnMut(&Ask) -> Option<Result<People, FrontFailed>>> Deciding<F> {
    pub(crate) const fn new(good: GoodPeople, decide: F) -> Self {
        Self { good, decide, wish_at: None, wish_while: None, touches: 0, wished: None }
    }
}

impl<F> Unlock for Deciding<F> {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        self.good.secret(label, tries_left)
    }
    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        self.good.new_secret(label, rules)
    }
    fn touch(&mut self, label: &Label) {
        let Some((key, nth, wish)) = self.wish_at else { return };
        if label.key.as_str() == key {
            self.touches += 1;
            self.wished = (self.touches == nth).then_some(wish);
        }
    }
}

impl<F> Company for Deciding<F> {
    fn progress(&mut self, progress: &Progress) {
        let Some((doing, at, wish)) = self.wish_while else { return };
        if progress.doing.starts_with(doing) && progress.done.is_some_and(|(done, _)| done == at) {
            self.wished = Some(wish);
            self.wish_while = None;
        }
    }
    fn wish(&mut self) -> Option<Wish> {
        self.wished.take()
    }
}

impl<F: FnMut(&Ask) -> Option<Result<People, FrontFailed>>> Front for Deciding<F> {
    fn show(&mut self, scene: Scene) {
        self.good.show(scene);
    }
    fn ask(&mut self, ask: &Ask) -> Result<People, FrontFailed> {
        (self.decide)(ask).unwrap_or_else(|| self.good.ask(ask))
    }
    fn refused(&mut self, refusal: &Refusal) {
        self.good.refused(refusal);
    }
}

/// This answer to this question.
pub(crate) fn said(ask: &Ask, say: Answer) -> People {
    People::Answer { ask: ask.id.clone(), say }
}

/// The front is gone.
pub(crate) const fn gone() -> FrontFailed {
    FrontFailed::Ended { signal: "SIGTERM" }
}

/// What the check says of a shipped plan.
pub(crate) fn report(name: &str) -> CheckReport {
    let file = format!("ceremonies/{name}/plan.toml");
    let plan = Plan::parse(&fs::read(&file).unwrap()).unwrap();
    CheckReport::of(&plan, noon(), &media::beside(Path::new(&file), &plan))
}

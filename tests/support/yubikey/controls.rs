//! What a test does to a card and sees of it: touch, faults, the log.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::apdu::{Command, Status};

/// How the card is touched when it asks for it. [`Card::touch`](super::Card::touch) always counts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touch {
    /// At once.
    Granted,
    /// After this long.
    After(Duration),
    /// Only by [`Card::touch`](super::Card::touch); the card gives up after this long and answers 6982.
    ByHand(Duration),
}

/// The commands that a fault or a log entry can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Select,
    Verify,
    /// Changing the PIN or the PUK.
    Change,
    /// A new PIN with the PUK.
    Unblock,
    Sign,
    /// Either step of proving the management key.
    Authenticate,
    Generate,
    Import,
    Attest,
    Metadata,
    ReadObject,
    WriteObject,
    SetTries,
    SetManagementKey,
    MoveKey,
    Reset,
    Version,
    Serial,
    Other,
}

impl Kind {
    pub(super) fn of(command: &Command) -> Self {
        match (command.instruction, command.p2) {
            (0xa4, _) => Self::Select,
            (0x20, _) => Self::Verify,
            (0x24, _) => Self::Change,
            (0x2c, _) => Self::Unblock,
            (0x87, 0x9b) => Self::Authenticate,
            (0x87, _) => Self::Sign,
            (0x47, _) => Self::Generate,
            (0xfe, _) => Self::Import,
            (0xf9, _) => Self::Attest,
            (0xf7, _) => Self::Metadata,
            (0xcb, _) => Self::ReadObject,
            (0xdb, _) => Self::WriteObject,
            (0xfa, _) => Self::SetTries,
            (0xff, _) => Self::SetManagementKey,
            (0xf6, _) => Self::MoveKey,
            (0xfb, _) => Self::Reset,
            (0xfd, _) => Self::Version,
            (0xf8, _) => Self::Serial,
            _ => Self::Other,
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The card is pulled before it does anything.
    Unplug,
    /// The card does its work and is pulled before it can answer.
    UnplugAfter,
    /// The card does nothing and answers this.
    Answer(Status),
    /// One bit of the signature is wrong.
    CorruptSignature,
    /// The signature is one of a key that nobody knows.
    OtherKey,
    /// ECDSA with the same secret number in all signatures with this effect: they share their `r`.
    RepeatedNonce,
    /// The card does its work this much later.
    Stall(Duration),
}

/// One command as it went; chained pieces are one command.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// Class, instruction, P1, P2.
    pub(crate) header: [u8; 4],
    /// Bytes of data that came with it. The data itself is not kept: it may be a PIN.
    pub(crate) length: usize,
    /// What was answered; none when the card was pulled first.
    pub(crate) status: Option<Status>,
    /// Since the card was made.
    pub(crate) started: Duration,
    /// Waiting for touch included.
    pub(crate) took: Duration,
}

/// How often things happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Commands to sign that came, refused ones too.
    pub(crate) signatures_asked: u32,
    /// Signatures made.
    pub(crate) signatures: u32,
    pub(crate) touches_asked: u32,
    pub(crate) touches: u32,
}

/// The side of the card that tests hold.
#[derive(Debug)]
pub(super) struct Controls {
    made: Instant,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner {
    touch: Touch,
    /// The light blinks: the card waits for touch.
    blinking: bool,
    touched: bool,
    pulled: bool,
    faults: Vec<(Kind, u32, Effect)>,
    log: Vec<Entry>,
    counts: Counts,
}

impl Controls {
    pub(super) fn new() -> Self {
        let inner = Inner {
            touch: Touch::Granted,
            blinking: false,
            touched: false,
            pulled: false,
            faults: Vec::new(),
            log: Vec::new(),
            counts: Counts::default(),
        };
        Self { made: Instant::now(), inner: Mutex::new(inner), changed: Condvar::new() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked elsewhere must not hide its own message behind a second panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.inner());
        self.changed.notify_all();
    }

    /// Waits until `done` or until the time is over; the answer is what `done` says then.
    fn wait(&self, limit: Duration, done: impl Fn(&Inner) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.inner(), limit, |inner| !done(inner));
        let (inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        done(&inner)
    }

    pub(super) fn set_touch(&self, touch: Touch) {
        self.change(|inner| inner.touch = touch);
    }

    pub(super) fn touch(&self) {
        self.change(|inner| inner.touched = true);
    }

    pub(super) fn wait_for_blinking(&self, limit: Duration) -> bool {
        self.wait(limit, |inner| inner.blinking)
    }

    pub(super) fn add_fault(&self, kind: Kind, nth: u32, effect: Effect) {
        assert!(nth > 0, "the next command is the first");
        self.change(|inner| inner.faults.push((kind, nth, effect)));
    }

    pub(super) fn log(&self) -> Vec<Entry> {
        self.inner().log.clone()
    }

    pub(super) fn counts(&self) -> Counts {
        self.inner().counts
    }

    pub(super) fn forget(&self) {
        self.change(|inner| {
            inner.log.clear();
            inner.counts = Counts::default();
            inner.faults.clear();
        });
    }

    /// The card is in a reader, or is not: then everything that waits ends.
    pub(super) fn set_pulled(&self, pulled: bool) {
        self.change(|inner| inner.pulled = pulled);
    }

    pub(super) fn is_pulled(&self) -> bool {
        self.inner().pulled
    }

    /// Waits for touch; false when it does not come.
    pub(super) fn await_touch(&self) -> bool {
        let mut how = Touch::Granted;
        self.change(|inner| {
            how = inner.touch;
            inner.counts.touches_asked += 1;
            inner.touched = how == Touch::Granted;
            inner.blinking = true;
        });
        let (limit, by_itself) = match how {
            Touch::Granted => (Duration::ZERO, true),
            Touch::After(delay) => (delay, true),
            Touch::ByHand(limit) => (limit, false),
        };
        let touched = self.wait(limit, |inner| inner.touched || inner.pulled);
        let mut granted = false;
        self.change(|inner| {
            inner.blinking = false;
            granted = !inner.pulled && (touched || by_itself);
            inner.counts.touches += u32::from(granted);
        });
        granted
    }

    pub(super) fn stall(&self, delay: Duration) {
        self.wait(delay, |inner| inner.pulled);
    }

    /// What goes wrong with this command, if anything; each fault happens once.
    pub(super) fn fault(&self, kind: Kind) -> Option<Effect> {
        let mut inner = self.inner();
        inner.counts.signatures_asked += u32::from(kind == Kind::Sign);
        for fault in inner.faults.iter_mut().filter(|fault| fault.0 == kind) {
            fault.1 -= 1;
        }
        let due = inner.faults.iter().position(|fault| fault.1 == 0)?;
        Some(inner.faults.remove(due).2)
    }

    pub(super) fn signed(&self) {
        self.change(|inner| inner.counts.signatures += 1);
    }

    pub(super) fn note(&self, command: &Command, started: Instant, status: Option<Status>) {
        let entry = Entry {
            kind: Kind::of(command),
            header: [command.class, command.instruction, command.p1, command.p2],
            length: command.data.len(),
            status,
            started: started.duration_since(self.made),
            took: started.elapsed(),
        };
        self.change(|inner| inner.log.push(entry));
    }
}

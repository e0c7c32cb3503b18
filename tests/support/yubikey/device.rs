//! A card as its reader sees it: power, and bytes that are answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::apdu::{Answer, Exchange, Step};
use super::applet::Applications;
use super::controls::{Controls, Effect, Kind};
use super::piv::{Identity, Piv};
use super::reader::Reader;

/// Historical bytes `YubiKey`, and the protocol T=1.
pub(super) const ATR: [u8; 23] = [
    0x3b, 0xfd, 0x13, 0, 0, 0x81, 0x31, 0xfe, 0x15, 0x80, 0x73, 0xc0, 0x21, 0xc0, 0x57, 0x59, 0x75,
    0x62, 0x69, 0x4b, 0x65, 0x79, 0x40,
];

#[derive(Debug)]
pub(super) struct Device {
    pub(super) controls: Controls,
    applications: Mutex<Applications>,
    /// Where the card is.
    pub(super) reader: Mutex<Option<Arc<Reader>>>,
}

impl Device {
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            controls: Controls::new(),
            applications: Mutex::new(Applications::new(Piv::new(identity))),
            reader: Mutex::new(None),
        }
    }

    /// What the card holds; waits while the card is at work, for touch too.
    pub(super) fn applications(&self) -> MutexGuard<'_, Applications> {
        self.applications.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The power came, went or came again.
    pub(super) fn power(&self) {
        self.applications().power();
    }

    /// Answers the bytes of one command; none when the card was pulled instead.
    pub(super) fn answer(&self, exchange: &mut Exchange, bytes: &[u8]) -> Option<Vec<u8>> {
        let command = match exchange.take(bytes) {
            Step::Answered(bytes) => return Some(bytes),
            Step::Run(command) => command,
        };
        let started = Instant::now();
        let effect = self.controls.fault(Kind::of(&command));
        let run = || self.applications().run(&command, &self.controls, effect);
        let answer = match effect {
            Some(Effect::Unplug) => None,
            Some(Effect::UnplugAfter) => {
                run();
                None
            }
            Some(Effect::Answer(status)) => Some(Answer::from(status)),
            Some(Effect::Stall(delay)) => {
                self.controls.stall(delay);
                Some(run())
            }
            Some(Effect::CorruptSignature | Effect::OtherKey | Effect::RepeatedNonce) | None => {
                Some(run())
            }
        };
        let answer = answer.filter(|_| !self.controls.is_pulled());
        self.controls.note(&command, started, answer.as_ref().map(|answer| answer.status));
        Some(exchange.finish(&command, answer?))
    }
}

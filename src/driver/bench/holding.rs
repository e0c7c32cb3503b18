//! A PIN that is held in locked memory for an exact count of signatures, where the plan says so.

use crate::ceremony::ask::Wish;
use crate::ceremony::event::Act;
use crate::keystore::{Label, Rules, Secret, SecretKind, Unlock};
use crate::tuf::name::KeyName;

use super::super::ports::{Company, Progress};

/// The PIN of one key, in a locked page, for the rest of its holder's turn.
#[derive(Debug)]
pub(super) struct HeldPin {
    key: KeyName,
    pin: Secret,
    left: u32,
}

impl HeldPin {
    /// Ends the turn when something else is done than the next signature of the same key: what is held is wiped.
    pub(super) fn end_of_turn(held: &mut Option<Self>, act: &Act) {
        let goes_on =
            matches!((&*held, act), (Some(held), Act::Sign { key, .. }) if key.name == held.key);
        if !goes_on {
            *held = None;
        }
    }

    /// Counts a signature that was made; the last one wipes the PIN.
    pub(super) fn count(held: &mut Option<Self>) {
        if let Some(pin) = held {
            pin.left = pin.left.saturating_sub(1);
        }
        if held.as_ref().is_some_and(|pin| pin.left == 0) {
            *held = None;
        }
    }
}

/// People, in whose place a held PIN answers.
pub(super) struct Holding<'a> {
    pub(super) company: &'a mut dyn Company,
    pub(super) held: &'a mut Option<HeldPin>,
    /// For how many signatures a PIN that is typed now will be held.
    pub(super) limit: u32,
    /// A signature asks once. What asks again was not content with what was held.
    pub(super) asked: bool,
}

impl Unlock for Holding<'_> {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        let again = std::mem::replace(&mut self.asked, true);
        if label.kind != SecretKind::Pin || again {
            *self.held = None;
            return self.company.secret(label, tries_left);
        }
        if let Some(held) = self.held.as_ref().filter(|held| held.key == label.key) {
            let doing =
                format!("the held PIN opens {}, {} of its signatures left", held.key, held.left);
            self.company.progress(&Progress { doing, done: None });
            return Some(Secret::of(held.pin.expose()));
        }
        let pin = self.company.secret(label, tries_left)?;
        let copy = Secret::of(pin.expose());
        *self.held = Some(HeldPin { key: label.key.clone(), pin: copy, left: self.limit });
        Some(pin)
    }

    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        self.company.new_secret(label, rules)
    }

    fn touch(&mut self, label: &Label) {
        self.company.touch(label);
    }

    fn given_up(&mut self) -> bool {
        self.company.given_up()
    }
}

impl Company for Holding<'_> {
    fn progress(&mut self, progress: &Progress) {
        self.company.progress(progress);
    }

    fn wish(&mut self) -> Option<Wish> {
        self.company.wish()
    }
}

//! The loop that holds a ceremony: write, then carry out, then tell the engine.

use std::io;

use crate::ceremony::ask::{People, Wish};
use crate::ceremony::engine::Engine;
use crate::ceremony::event::{Next, Outcome, Refusal, Wanted};
use crate::keystore::{Label, Rules, Secret, Unlock};

use super::ports::{Company, Front, FrontFailed, Journal, Progress, World};

/// Why a ceremony cannot go on now. It can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// The record cannot be written, so nothing more is done.
    #[error("the record cannot be written: {0}")]
    Journal(#[from] io::Error),
    /// The front cannot go on.
    #[error(transparent)]
    Front(#[from] FrontFailed),
    /// The engine refused a wish, which it never does: a bug of ours.
    #[error("a wish was refused: {0}")]
    Wish(Refusal),
}

/// Holds a ceremony from its next entry to its end. An entry is on disk before what it wants is carried out.
pub fn hold(
    engine: &mut Engine,
    mut next: Next,
    front: &mut dyn Front,
    world: &mut dyn World,
    journal: &mut dyn Journal,
) -> Result<Outcome, HoldError> {
    world.recall(&engine.record().nonces);
    loop {
        journal.append(&next.entry)?;
        front.show(engine.scene());
        next = match next.wanted {
            Wanted::Close(outcome) => return Ok(outcome),
            Wanted::Act(id, act) => {
                let mut people = Counted { front, touches: 0 };
                let (what, wish) = world.act(&act, &mut people);
                let touches = people.touches;
                let happened = engine.happened(world.now(), id, what, touches);
                match (wish, &happened.wanted) {
                    // At the end it is too late for a wish.
                    (None, _) | (Some(_), Wanted::Close(_)) => happened,
                    (Some(wish), Wanted::Act(..) | Wanted::Ask(_)) => {
                        journal.append(&happened.entry)?;
                        engine.people(world.now(), People::Wish(wish)).map_err(HoldError::Wish)?
                    }
                }
            }
            Wanted::Ask(ask) => loop {
                let said = front.ask(&ask)?;
                match engine.people(world.now(), said) {
                    Ok(next) => break next,
                    Err(refusal) => front.refused(&refusal),
                }
            },
        };
    }
}

/// The people at hand during one act, and how often a token asked them for a touch.
struct Counted<'a> {
    front: &'a mut dyn Front,
    touches: u32,
}

impl Unlock for Counted<'_> {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        self.front.secret(label, tries_left)
    }

    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        self.front.new_secret(label, rules)
    }

    fn touch(&mut self, label: &Label) {
        self.touches = self.touches.saturating_add(1);
        self.front.touch(label);
    }

    fn given_up(&mut self) -> bool {
        self.front.given_up()
    }
}

impl Company for Counted<'_> {
    fn progress(&mut self, progress: &Progress) {
        self.front.progress(progress);
    }

    fn wish(&mut self) -> Option<Wish> {
        self.front.wish()
    }
}

//! The loop that holds a ceremony: write, then carry out, then tell the engine.

use std::io;

use crate::ceremony::ask::People;
use crate::ceremony::engine::Engine;
use crate::ceremony::event::{Next, Outcome, Refusal, Wanted};

use super::ports::{Front, FrontFailed, Journal, World};

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
                let (what, wish) = world.act(&act, front);
                let happened = engine.happened(world.now(), id, what);
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

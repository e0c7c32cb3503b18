//! The three faces of a ceremony, each a [`Front`](crate::driver::ports::Front): the screen, plain text, a script.
//!
//! A ceremony says what people see as a [`Scene`](crate::ceremony::scene::Scene) and what it wants to know as an
//! [`Ask`](crate::ceremony::ask::Ask) of one of five forms. The fronts draw every scene and every form in the same
//! few ways, so what can be done in one of them can be done in all.

pub mod page;
pub mod plain;
pub mod script;
pub mod secrets;
pub mod signals;
pub mod tui;
pub mod words;

use crate::tuf::time::Timestamp;

/// Tells the time for display only; what is recorded has its time from the driver.
pub type Clock = Box<dyn FnMut() -> Timestamp + Send>;

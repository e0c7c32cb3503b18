//! The ceremony on a terminal's screen: a model, how it changes, and how it looks.
//!
//! [`update`] and [`view()`] are pure; only [`terminal`] knows that there is a terminal. The
//! design size is 80 by 24, and a Linux console is enough: eight colours, ASCII marks, and box drawing only where the
//! character set has it.

mod hidden;
pub mod keymap;
pub mod layout;
pub mod model;
pub mod terminal;
mod update;
pub mod view;

pub use model::{Effect, Input, Looks, Model, Round};
pub use terminal::Terminal;
pub use update::update;
pub use view::{cursor, view};

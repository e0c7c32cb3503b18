//! What the screen knows.

use std::collections::BTreeSet;
use std::fmt;

use crate::ceremony::ask::{Answer, Ask, Choice, Field, Form, People, Wish};
use crate::ceremony::scene::Scene;
use crate::driver::ports::Progress;
use crate::front::secrets::NewSecret;
use crate::front::words::Charset;
use crate::keystore::{Label, Rules, Secret};
use crate::tuf::time::Timestamp;

use super::keymap::Key;

/// How the screen may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looks {
    /// Which characters can be drawn.
    pub charset: Charset,
    /// Whether colours are used; bold and reverse always are.
    pub colour: bool,
    /// Whether the bell rings.
    pub bell: bool,
}

impl Looks {
    /// What the environment says: `NO_COLOR`, `TERM`, and the locale's character set.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Self {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(given).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let unicode = locale.contains("utf-8") || locale.contains("utf8");
        let dumb = given("TERM").is_none_or(|term| term == "dumb");
        Self {
            charset: if unicode { Charset::Unicode } else { Charset::Ascii },
            colour: !dumb && given("NO_COLOR").is_none(),
            bell: true,
        }
    }
}

/// Numbers the turns in which the screen waits for people, so that a late answer is known as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Round(pub u64);

/// Everything that the screen draws.
#[derive(Debug)]
pub struct Model {
    /// How it may look.
    pub looks: Looks,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The UTC minute, in words.
    pub minute: String,
    /// The scene shown last.
    pub scene: Option<Scene>,
    /// Whose turn it is.
    pub turn: Turn,
    /// A view that covers the scene.
    pub view: Option<View>,
    /// The first line of the body that is shown.
    pub top: usize,
    /// The first line of the view that is shown.
    pub view_top: usize,
    /// How many lines of the body have been shown, counted from its first without a gap.
    pub seen: usize,
    /// A sentence about the last key or answer.
    pub notice: Option<String>,
}

/// Whose turn it is.
#[derive(Debug)]
pub enum Turn {
    /// A machine works, or is about to.
    Machine(Work),
    /// A question is open.
    People(Sheet),
    /// A secret is asked for.
    Secret(SecretSheet),
}

/// A view that covers the scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// What this screen is for, and the keys.
    Help,
    /// What has happened so far.
    Log,
    /// More about the matter at hand.
    Details,
}

/// What a machine is doing.
#[derive(Debug, Default)]
pub struct Work {
    /// What it said last.
    pub progress: Option<Progress>,
    /// The token that waits for a touch.
    pub touch: Option<Label>,
    /// A wish that waits for the machine.
    pub noted: Option<Wish>,
}

/// An open question and what was put in so far.
#[derive(Debug)]
pub struct Sheet {
    /// Which turn it is.
    pub round: Round,
    /// The question.
    pub ask: Ask,
    /// The item or field that has the cursor; behind the last field stands the button.
    pub focus: usize,
    /// The items that are ticked.
    pub ticked: BTreeSet<usize>,
    /// The items that have been shown, counted from the first.
    pub seen_items: usize,
    /// The fields' lines.
    pub lines: Vec<TypedLine>,
}

/// A line that can be edited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TypedLine {
    /// The characters before the cursor.
    pub before: String,
    /// The characters behind the cursor.
    pub after: String,
}

/// A secret that is asked for.
pub struct SecretSheet {
    /// Which turn it is.
    pub round: Round,
    /// Whose secret.
    pub label: Label,
    /// How many tries are left.
    pub tries_left: Option<u8>,
    /// The dialog, where a new secret is chosen.
    pub dialog: Option<NewSecret>,
    /// What was typed so far.
    pub typed: Secret,
}

/// What happens to the model.
pub enum Input {
    /// A scene is shown.
    Scene(Box<Scene>),
    /// A question is asked.
    Ask(Round, Box<Ask>),
    /// The last answer was not taken, for this reason.
    Refused(String),
    /// A machine says what it does.
    Progress(Progress),
    /// A token waits for a touch.
    Touch(Label),
    /// A secret is asked for.
    Secret(Round, Label, Option<u8>),
    /// A new secret is asked for.
    NewSecret(Round, Label, Rules),
    /// A key was pressed.
    Key(Key),
    /// A key was pressed so soon after a question came that it cannot have been meant for it.
    Early,
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size: columns and rows.
    Resize(u16, u16),
    /// The time is this now.
    Clock(Timestamp),
}

/// What the terminal does because of an input.
#[derive(Debug)]
pub enum Effect {
    /// Hand on what people said.
    Said(Round, People),
    /// Hand on a secret.
    Secret(Round, Secret),
    /// Hand on a wish.
    Wish(Wish),
    /// Give up a token that does not answer.
    GiveUp,
    /// Ring the bell.
    Bell,
    /// Draw everything anew.
    Redraw,
}

impl Model {
    /// An empty screen of this size.
    pub const fn new(looks: Looks, size: (u16, u16)) -> Self {
        Self {
            looks,
            size,
            minute: String::new(),
            scene: None,
            turn: Turn::Machine(Work { progress: None, touch: None, noted: None }),
            view: None,
            top: 0,
            view_top: 0,
            seen: 0,
            notice: None,
        }
    }
}

impl Sheet {
    /// Opens a question.
    pub fn new(round: Round, ask: Ask) -> Self {
        let lines = match &ask.form {
            Form::Fill(fields) | Form::Words(fields) => vec![TypedLine::default(); fields.len()],
            Form::Press { .. } | Form::Choose(_) | Form::Tick { .. } => Vec::new(),
        };
        Self { round, ask, focus: 0, ticked: BTreeSet::new(), seen_items: 0, lines }
    }

    /// The items that can be ticked.
    pub fn items(&self) -> &[Choice] {
        match &self.ask.form {
            Form::Tick { items, .. } => items,
            Form::Press { .. } | Form::Choose(_) | Form::Fill(_) | Form::Words(_) => &[],
        }
    }

    /// The fields that are filled in.
    pub fn fields(&self) -> &[Field] {
        match &self.ask.form {
            Form::Fill(fields) | Form::Words(fields) => fields,
            Form::Press { .. } | Form::Choose(_) | Form::Tick { .. } => &[],
        }
    }

    /// Whether letters are text now.
    pub const fn is_text(&self) -> bool {
        matches!(self.ask.form, Form::Fill(_) | Form::Words(_))
    }

    /// Whether the open question names this key.
    pub fn names(&self, key: char) -> bool {
        match &self.ask.form {
            Form::Press { key: named, .. } => *named == key,
            Form::Choose(choices) => choices.iter().any(|choice| choice.key == key),
            Form::Tick { items, key: named, .. } => {
                *named == key || items.iter().any(|item| item.key == key)
            }
            Form::Fill(_) | Form::Words(_) => false,
        }
    }

    /// This answer to this question.
    pub fn said(&self, say: Answer) -> Effect {
        Effect::Said(self.round, People::Answer { ask: self.ask.id.clone(), say })
    }
}

impl TypedLine {
    /// The whole line.
    pub fn text(&self) -> String {
        format!("{}{}", self.before, self.after)
    }

    /// How many characters it has.
    pub fn chars(&self) -> usize {
        self.before.chars().count() + self.after.chars().count()
    }
}

impl fmt::Debug for SecretSheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretSheet").field("label", &self.label).finish_non_exhaustive()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys may be parts of a secret.
        f.write_str(match self {
            Self::Scene(_) => "Scene",
            Self::Ask(..) => "Ask",
            Self::Refused(_) => "Refused",
            Self::Progress(_) => "Progress",
            Self::Touch(_) => "Touch",
            Self::Secret(..) => "Secret",
            Self::NewSecret(..) => "NewSecret",
            Self::Key(_) => "Key",
            Self::Early => "Early",
            Self::Paste(_) => "Paste",
            Self::Resize(..) => "Resize",
            Self::Clock(_) => "Clock",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_how_the_screen_may_look() {
        let looks = |pairs: &[(&str, &str)]| {
            Looks::from_env(|name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let console = looks(&[("TERM", "linux"), ("LANG", "C.UTF-8")]);
        assert_eq!((console.charset, console.colour), (Charset::Unicode, true));
        let plain =
            looks(&[("TERM", "linux"), ("LANG", "C.UTF-8"), ("LC_ALL", "C"), ("NO_COLOR", "1")]);
        assert_eq!((plain.charset, plain.colour), (Charset::Ascii, false));
        assert!(looks(&[("TERM", "xterm"), ("NO_COLOR", "")]).colour);
        assert!(!looks(&[("TERM", "dumb")]).colour);
    }
}

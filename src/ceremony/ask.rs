//! What people are asked, and in which form they may answer.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One question, open until it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Which question it is.
    pub id: AskId,
    /// The form of its answer. The words of the question are in the scene.
    pub form: Form,
}

/// Names one question of one ceremony: `review`, `compare-plan/Witness 1`, `ready/root-a`. As text it is the kind, then,
/// where there is one, a slash and the subject; a script matches this text. Repeated asks differ in `nth`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskId {
    /// The kind of question.
    pub kind: AskKind,
    /// Whom or what it is about; empty where there is only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Counts from 1 when the same question is asked again.
    pub nth: u32,
}

/// The kinds of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskKind {
    /// Who is in the room.
    RollCall,
    /// Does the machine's clock agree with an independent one.
    Clock,
    /// What the room checks found, and whether to go on.
    Room,
    /// Words of the plan's digest, from the paper script.
    ComparePlan,
    /// The transcript's head, to be written on paper.
    Head,
    /// A key's holder is ready, with the token or at the keyboard.
    Ready,
    /// The last try of a token: consent, on record.
    LastTry,
    /// The media are ready.
    Medium,
    /// The change, item by item.
    Review,
    /// How the digest of the change will be compared.
    Source,
    /// Words of the digest of the change, from a second laptop.
    CompareChange,
    /// The digest of the change, shown because nothing outside can know it, written down by people.
    WrittenDown,
    /// Something did not work: try again, file an exception, or stop.
    Trouble,
    /// A note, a drill or a seal that the plan inserted.
    Note,
    /// Agree or disagree, and why, for each participant.
    Statement,
    /// The exception sheet.
    Exception,
    /// The ceremony rests.
    Pause,
    /// Whether to stop for good.
    Abort,
}

/// The form in which an answer is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// One named key continues; nothing else does.
    Press {
        /// The key.
        key: char,
        /// What pressing it says.
        label: String,
    },
    /// One of several named keys.
    Choose(Vec<Choice>),
    /// Any number of items, then a named key.
    Tick {
        /// The items; all must be seen, each may be ticked.
        items: Vec<Choice>,
        /// The key that ends it.
        key: char,
        /// What pressing it says.
        label: String,
    },
    /// Lines of text.
    Fill(Vec<Field>),
    /// Words that the screen does not show; `n` says that they differ.
    Words(Vec<Field>),
}

/// One thing that can be chosen or ticked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The key on the keyboard.
    pub key: char,
    /// The word that is recorded and that a script says.
    pub word: String,
    /// What it means, for people. May hold foreign text: fronts escape it.
    pub label: String,
}

/// One line to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What is asked for: `word 7`, `what happened`.
    pub label: String,
    /// The most characters it takes.
    pub max: usize,
    /// Whether it may stay empty.
    pub optional: bool,
}

/// What people said to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// They pressed the named key.
    Pressed,
    /// They chose this word.
    Chose(String),
    /// They ticked these words.
    Ticked(Vec<String>),
    /// They filled in these lines, in the order of the fields.
    Typed(Vec<String>),
    /// They said that the words differ.
    Differ,
}

/// What people can want at any time, at every question and while a machine works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// To file an exception.
    Exception,
    /// To rest.
    Pause,
    /// To stop for good.
    Abort,
}

/// What people say: an answer to the open question, or a wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum People {
    /// An answer.
    Answer {
        /// The question.
        ask: AskId,
        /// What was said.
        say: Answer,
    },
    /// A wish; a dialog of its own follows.
    Wish(Wish),
}

impl AskKind {
    const ALL: [Self; 18] = [
        Self::RollCall,
        Self::Clock,
        Self::Room,
        Self::ComparePlan,
        Self::Head,
        Self::Ready,
        Self::LastTry,
        Self::Medium,
        Self::Review,
        Self::Source,
        Self::CompareChange,
        Self::WrittenDown,
        Self::Trouble,
        Self::Note,
        Self::Statement,
        Self::Exception,
        Self::Pause,
        Self::Abort,
    ];

    /// The kind as records and scripts write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RollCall => "roll-call",
            Self::Clock => "clock",
            Self::Room => "room",
            Self::ComparePlan => "compare-plan",
            Self::Head => "head",
            Self::Ready => "ready",
            Self::LastTry => "last-try",
            Self::Medium => "medium",
            Self::Review => "review",
            Self::Source => "source",
            Self::CompareChange => "compare-change",
            Self::WrittenDown => "written-down",
            Self::Trouble => "trouble",
            Self::Note => "note",
            Self::Statement => "statement",
            Self::Exception => "exception",
            Self::Pause => "pause",
            Self::Abort => "abort",
        }
    }
}

impl FromStr for AskKind {
    type Err = String;
    /// The error is the text that is no kind of question.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| text.to_owned())
    }
}

impl AskId {
    /// The text that a script uses: kind, and subject after a slash.
    pub fn script_name(&self) -> String {
        if self.about.is_empty() {
            self.kind.as_str().to_owned()
        } else {
            format!("{}/{}", self.kind.as_str(), self.about)
        }
    }
}

impl fmt::Display for AskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}", self.script_name(), self.nth)
    }
}

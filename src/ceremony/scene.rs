//! All that people may see, as plain values: the fronts draw it, and nothing else reaches them.

use std::fmt;

use crate::tuf::digest::Digest;

use super::ask::Ask;
use super::event::Mode;

/// What the room sees now.
///
/// A scene never holds the words or the digest that an open comparison asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// Real, rehearsal or check.
    pub mode: Mode,
    /// The plan's codename.
    pub codename: String,
    /// The step's number, from 1, and how many there are.
    pub step: (usize, usize),
    /// What the step is called, short: `SIGN - Custodian B`.
    pub title: String,
    /// Signatures so far, one line a document and authority, while signing; else empty.
    pub tallies: Vec<TallyLine>,
    /// The body, from top to bottom.
    pub blocks: Vec<Block>,
    /// The open question, if it is people's turn; nothing while a machine works.
    pub ask: Option<Ask>,
    /// More about the matter at hand, on demand: exact bytes, full lists.
    pub details: Vec<Block>,
    /// What has happened so far, one line each, oldest first.
    pub log: Vec<String>,
    /// What this screen is for, who should be doing it, what could go wrong.
    pub help: Vec<String>,
}

/// Whose signatures are good, towards which threshold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallyLine {
    /// What is counted: `root`, `targets`.
    pub what: String,
    /// How many good signatures there are.
    pub have: usize,
    /// How many the threshold wants.
    pub need: usize,
    /// Names of the keys that signed.
    pub signed: Vec<String>,
    /// Names of the keys that are still to sign.
    pub open: Vec<String>,
}

/// One piece of a scene's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Words to read aloud. They come from templates only, with names from the plan.
    ReadAloud(String),
    /// A paragraph of our own.
    Text(String),
    /// A heading inside the body.
    Heading(String),
    /// Rows of label and value; values may be foreign text and are escaped by the front.
    Rows(Vec<(String, String)>),
    /// A judgement of our own.
    Mark(Verdict, String),
    /// A digest to be read or written down, in hex groups and words.
    Digest {
        /// What it is the digest of.
        label: String,
        /// The digest.
        digest: Digest,
    },
    /// A counted list; fronts show as many as fit and say how many there are. Items may be foreign text.
    List {
        /// What is listed.
        title: String,
        /// The items.
        items: Vec<String>,
    },
    /// Something that everybody must notice: touch now, wrong token, stop.
    Banner(String),
    /// An empty line.
    Gap,
}

/// A judgement, never shown by colour alone.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Checked and right.
    Pass,
    /// Right, but somebody should know.
    Warn,
    /// Cannot be told from what is at hand.
    Unknown,
    /// Checked and wrong.
    Fail,
}

impl Verdict {
    /// The mark in plain ASCII: `[ok]`, `[!!]`, `[??]`, `[NO]`.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Pass => "[ok]",
            Self::Warn => "[!!]",
            Self::Unknown => "[??]",
            Self::Fail => "[NO]",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::Unknown => "UNKNOWN",
            Self::Fail => "FAIL",
        })
    }
}

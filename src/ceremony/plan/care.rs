//! What a plan states about the care of keys: tokens and their bags, back-ups, drills, and keys that are given up.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tuf::key::Fingerprint;
use crate::tuf::name::KeyName;
use crate::tuf::policy::{PinPolicy, TouchPolicy};

use super::{Label, Origin, PlannedKey};

/// Where a key and what opens it are kept from now on. They never lie in one bag or in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bags {
    /// The key.
    pub key: KeyName,
    /// The number of the bag that holds the token or the medium.
    pub bag: Label,
    /// Where that bag is kept.
    pub place: Label,
    /// The number of the bag that holds the paper with PIN and PUK, or with the passphrase.
    pub secrets_bag: Label,
    /// Where that one is kept.
    pub secrets_place: Label,
    /// How many repositories the key will sign for, each at every change.
    pub repositories: u32,
}

/// One back-up of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackUp {
    /// The key, which lives in an age file.
    pub key: KeyName,
    /// The KEYS medium that it is written to.
    pub medium: KeyName,
    /// Who may open it.
    pub form: BackUpForm,
    /// Who keeps it.
    pub holder: Label,
    /// Where it is kept.
    pub place: Label,
    /// Where the key itself is kept.
    pub home: Label,
}

/// In which form a back-up is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackUpForm {
    /// An age file for these recipients, each of whom opens it alone.
    Recipients(Vec<Recipient>),
    /// The key's own file, still under its passphrase, as lines and codes to print.
    Paper,
}

/// Somebody who can open a back-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// `age1…`.
    pub recipient: String,
    /// Who keeps its identity.
    pub kept_by: Label,
    /// Where its identity is kept.
    pub place: Label,
    /// The key in whose file or back-up the identity lies, where it lies nowhere else.
    #[serde(default)]
    pub inside: Option<KeyName>,
}

/// A drill: the key comes back from this file and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drill {
    /// The key.
    pub key: KeyName,
    /// The KEYS medium of the recovery kit.
    pub medium: KeyName,
    /// The back-up on it: an age file, or typed or scanned lines of the paper.
    pub file: String,
    /// The file of the identity that opens it, on a KEYS medium; a passphrase where there is none.
    pub identity: Option<(KeyName, String)>,
}

/// A key that is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retired {
    /// What plans called it.
    pub name: KeyName,
    /// Its fingerprint, which is never authorised again.
    pub fingerprint: Fingerprint,
    /// The serial number of its token.
    pub serial: Option<Label>,
    /// Who held it.
    pub holder: Label,
    /// What became of it.
    pub fate: Fate,
    /// Why: 1 to 200 printable characters.
    pub reason: String,
}

/// What became of a key that is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is destroyed before the eyes of witnesses.
    Destroyed,
    /// Nobody can say where it is; it counts as compromised.
    NotRecovered,
}

/// Seconds that a PIN and a touch take a practised holder.
const SECONDS: (u64, u64) = (10, 3);

impl BackUp {
    /// The file on its medium.
    pub fn file(&self) -> String {
        match self.form {
            BackUpForm::Recipients(_) => format!("{}.recovery.age", self.key),
            BackUpForm::Paper => format!("{}.paper.txt", self.key),
        }
    }
}

/// What a key's policies will ask of its holder at each change of so many repositories, in words.
pub fn cost(key: &PlannedKey, repositories: u32) -> String {
    let (pin, touch) = match &key.origin {
        Origin::Make { pin, touch, .. } => (*pin, *touch),
        Origin::Fingerprint(_)
        | Origin::Enrol { .. }
        | Origin::Server { .. }
        | Origin::Listed(_) => (None, None),
    };
    let all = u64::from(repositories);
    let pins = match pin {
        // A held PIN is typed once for so many signatures.
        Some(PinPolicy::Always) | None => all.div_ceil(u64::from(key.hold_pin.unwrap_or(1).max(1))),
        Some(PinPolicy::Once) => 1,
        Some(PinPolicy::Never) => 0,
    };
    let touches = match touch {
        Some(TouchPolicy::Always) | None => all,
        // A touch is good for 15 seconds, and a card signs in well under one.
        Some(TouchPolicy::Cached) => all.div_ceil(15),
        Some(TouchPolicy::Never) => 0,
    };
    let minutes = (pins * SECONDS.0 + touches * SECONDS.1).div_ceil(60);
    format!(
        "{} at each change: {} and {}, about {minutes} min",
        counted(all, "repository", "repositories"),
        counted(pins, "PIN", "PINs"),
        counted(touches, "touch", "touches")
    )
}

fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Destroyed => "destroyed",
            Self::NotRecovered => "not recovered",
        })
    }
}

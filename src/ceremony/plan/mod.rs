//! The plan: who, which keys, which change, by when. The only place where policy is decided.
//!
//! A [`Plan`] is parsed strictly and holds only names and values that make sense by themselves; whether they make
//! sense together is for the check to say.

mod care;
mod change;
mod file;
pub(in crate::ceremony) mod fleet;
mod kind;
mod label;
pub mod parse;
pub mod print;
pub mod template;
pub mod token_uri;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::document::Dialect;
use crate::tuf::key::{Algorithm, Fingerprint, KeyId};
use crate::tuf::name::{KeyName, RepoName, RoleName};
use crate::tuf::policy::{PinPolicy, TouchPolicy};
use crate::tuf::time::{Lifetime, Timestamp};

pub use care::{BackUp, BackUpForm, Bags, Drill, Fate, Recipient, Retired, cost};
pub use change::{
    BeforePlan, Compromised, Goodness, KeptBack, KnownGood, PlannedBins, PlannedDelegation,
    Removed, What,
};
pub use fleet::FleetPlan;
pub use kind::Kind;
pub(in crate::ceremony) use label::is_format;
pub use label::{BadLabel, Label};

/// A plan, as one TOML file states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// SHA-256 of the plan file.
    pub digest: Digest,
    /// The kind of ceremony.
    pub kind: Kind,
    /// What it is for, one line.
    pub title: Label,
    /// The name by which people speak of it.
    pub codename: KeyName,
    /// The clients that must accept what comes out.
    pub clients: Vec<Client>,
    /// Whether it is signed on several machines only: then keys that stay elsewhere sign too, and no room is held.
    pub by_request: bool,
    /// When it may be held.
    pub window: Option<Window>,
    /// When the next one is to be held.
    pub next: Option<NextCeremony>,
    /// The repository it concerns.
    pub repository: Repository,
    /// Who takes part.
    pub people: Vec<Person>,
    /// The media.
    pub media: Vec<Medium>,
    /// The keys.
    pub keys: Vec<PlannedKey>,
    /// The roles: all four of a first root, and of a change those that it touches or whose keys sign in it.
    pub roles: BTreeMap<RoleName, PlannedRole>,
    /// The fleet, in a change of many repositories; `repository` is then the name by which people speak of it.
    pub fleet: Option<FleetPlan>,
    /// What a change starts from; nothing for a first root and for a fleet.
    pub before: Option<BeforePlan>,
    /// The last state that is known to be good, where a signing key leaked.
    pub known_good: Option<KnownGood>,
    /// Delegations that are added, changed, or signed for.
    pub delegations: Vec<PlannedDelegation>,
    /// Hash bins that are added, or get other keys.
    pub bins: Option<PlannedBins>,
    /// Targets and delegations that are taken out.
    pub removed: Vec<Removed>,
    /// What was signed after the known-good state and stays all the same.
    pub kept: Vec<KeptBack>,
    /// Keys that somebody else may have.
    pub compromised: Vec<Compromised>,
    /// Where keys and what opens them are kept from now on.
    pub bags: Vec<Bags>,
    /// The back-ups that are made.
    pub back_ups: Vec<BackUp>,
    /// The drills that are held.
    pub drills: Vec<Drill>,
    /// The keys that are given up.
    pub retired: Vec<Retired>,
    /// Every file taken from IN.
    pub inputs: Vec<Input>,
    /// The targets to sign.
    pub targets: Vec<PlannedTarget>,
    /// Notes, drills and second gatherings put in after a step.
    pub steps: Vec<InsertedStep>,
    /// Findings that somebody answers for.
    pub waivers: Vec<Waiver>,
}

/// Client programs that must accept the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Client {
    /// The `notary` command.
    Notary,
    /// `docker` with content trust.
    Docker,
    /// python-tuf.
    PythonTuf,
    /// go-tuf version 2.
    GoTuf,
    /// tuf-js.
    TufJs,
    /// The Rust crate `tough`.
    Tough,
    /// The Rust crate `tuf`.
    RustTuf,
}

/// When a ceremony may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Not before this.
    pub from: Timestamp,
    /// Not after this.
    pub until: Timestamp,
}

/// When the next ceremony is to be held, and how long after it everything must still be valid, should it fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextCeremony {
    /// The day.
    pub at: Timestamp,
    /// The time that is left after it.
    pub standby: Lifetime,
}

/// The repository of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name; in Notary the GUN.
    pub name: RepoName,
    /// Its dialect.
    pub dialect: Dialect,
    /// Whether files are named with version and hash (tuf1 only; false in notary1).
    pub consistent_snapshot: bool,
}

/// Somebody who takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name, as it is spoken.
    pub name: Label,
    /// What they do.
    pub roles: Vec<Part>,
}

/// What somebody does in a ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Holds a key.
    Custodian,
    /// The only one at the keyboard.
    Operator,
    /// Watches, compares, signs the paper.
    Witness,
    /// Reads aloud and decides exceptions.
    Administrator,
    /// Holds a key below root: targets or a delegation.
    Releaser,
}

/// The name of the workspace among the media.
pub const BOOK: &str = "BOOK";

/// A medium: a directory enrolled beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// Its name in the plan.
    pub name: KeyName,
    /// What it is for.
    pub role: MediumRole,
}

/// What a medium is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediumRole {
    /// Brings public inputs in.
    In,
    /// Carries public results out, and never comes back in.
    Out,
    /// The workspace, and its second copies.
    Book,
    /// Carries encrypted private keys that must leave.
    Keys,
}

/// One key of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedKey {
    /// What the plan calls it.
    pub name: KeyName,
    /// Who holds it; nobody in the room for enrolled and server keys.
    pub holder: Option<Label>,
    /// Where its private half lives, if it comes to the room, or signs by request.
    pub store: Option<Store>,
    /// Where it is kept between ceremonies, if the plan says so.
    pub place: Option<Label>,
    /// Its algorithm, always stated, so that a twin can play it.
    pub algorithm: Algorithm,
    /// Where it comes from.
    pub origin: Origin,
    /// The certificate to make for it (notary1 root keys).
    pub certificate: Option<CertificatePlan>,
    /// How a copy of it leaves the room.
    pub leaves: Option<Leaves>,
    /// For how many signatures one typed PIN is held, within one turn; typed for each where nothing is stated.
    pub hold_pin: Option<u32>,
}

/// Where a private key lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "file::StoreFile")]
pub enum Store {
    /// An age file in the workspace.
    Age {
        /// Recipients of a second file, `NAME.recovery.age`.
        recovery: Vec<String>,
    },
    /// The PIV applet of a `YubiKey`.
    Yubikey {
        /// The serial number printed on it.
        serial: u32,
        /// The slot: `9a`, `9c`, `9d`, `9e`, or `82` to `95`.
        slot: String,
    },
    /// A PKCS#11 token.
    Pkcs11 {
        /// Absolute path of the module.
        module: String,
        /// The token's serial number.
        serial: String,
        /// The key's `CKA_ID` in hex.
        id: String,
    },
    /// A virtual token: for rehearsals and samples only.
    Virtual {
        /// The serial number it plays.
        serial: u32,
    },
}

/// Where a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It is made in the ceremony.
    Make {
        /// When its token asks for the PIN.
        pin: Option<PinPolicy>,
        /// When its token asks for a touch.
        touch: Option<TouchPolicy>,
        /// The key in the same place of the token that is overwritten by it. No other one ever is.
        replaces: Option<Fingerprint>,
    },
    /// It exists and comes to the room in its store.
    Fingerprint(Confirmed<Fingerprint>),
    /// It stays elsewhere; its public half and a proof of possession come on IN.
    Enrol {
        /// The IN medium.
        medium: KeyName,
        /// The public half, PEM, a path on the medium.
        public: String,
        /// The proof, a path on the medium.
        proof: String,
        /// Its fingerprint.
        fingerprint: Confirmed<Fingerprint>,
    },
    /// The server holds it and will sign with it; there is no proof.
    Server {
        /// The IN medium.
        medium: KeyName,
        /// The file that the server gave, a path on the medium.
        file: String,
        /// The id under which the document will list it.
        id: KeyId,
    },
    /// A document of the state before lists it, and its private half is not needed.
    Listed(Fingerprint),
}

/// A value that somebody confirms from a source of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed<T> {
    /// The value.
    pub value: T,
    /// Who confirms it.
    pub by: Label,
    /// From which source of their own.
    pub source: Option<Label>,
}

/// A Notary root key's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePlan {
    /// How long it is valid, from the ceremony's base.
    pub valid_for: Lifetime,
    /// Its common name, where that is not the repository's: a beginning of it and `*`, for many repositories.
    pub common_name: Option<String>,
}

/// How a copy of a made key leaves the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaves {
    /// The KEYS medium.
    pub medium: KeyName,
    /// In which form.
    pub form: LeavingForm,
}

/// In which form a key leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeavingForm {
    /// As an age file for these recipients.
    Age {
        /// `age1…` recipients.
        to: Vec<String>,
    },
    /// As Docker and Notary read it, under a new passphrase.
    Notary,
}

/// A role of the new root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRole {
    /// Its keys, by name.
    pub keys: Vec<KeyName>,
    /// How many must sign.
    pub threshold: u32,
    /// Who signs here.
    pub sign: SignWho,
    /// Where its document is signed.
    pub signed: SignedWhere,
    /// How long its document is valid; needed where it is signed here. In a change, a role without it makes no document.
    pub valid_for: Option<Lifetime>,
    /// The version of its document, where the next one would not do: above what somebody else may have signed.
    pub version: Option<u64>,
}

/// Who signs a document of this role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignWho {
    /// All keys of the role, so that each is proven.
    All,
    /// As many as the threshold wants.
    Threshold,
}

/// Where a role's document is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignedWhere {
    /// In this ceremony.
    Here,
    /// By the online side, later.
    Online,
}

/// A file taken from IN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The medium.
    pub medium: KeyName,
    /// Its path there.
    pub path: String,
    /// Its digest, and who confirms it from which source.
    pub sha256: Confirmed<Digest>,
}

/// A target to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTarget {
    /// Its path; in Notary the tag.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// SHA-256 of its content; in Notary of the manifest.
    pub sha256: Digest,
    /// Who signs it; `targets` where the plan says nothing.
    pub role: RoleName,
    /// What the name stood for until now, where it is moved.
    pub was: Option<Digest>,
}

/// Something put in after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsertedStep {
    /// The step after which it comes.
    pub after: String,
    /// What it is.
    pub insert: Insert,
    /// What it says.
    pub text: String,
}

/// What can be put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Insert {
    /// A note to read.
    Note,
    /// A drill to hold.
    Drill,
    /// A back-up to make.
    BackUp,
    /// A second gathering of inputs.
    Gather,
}

/// A finding that somebody answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The finding's stable name.
    pub finding: String,
    /// Why it is all right here: 1 to 200 printable characters.
    pub reason: String,
    /// Who says so.
    pub by: Label,
}

impl Plan {
    /// The version that the plan states for a role's document, top-level or delegated.
    pub fn stated_version(&self, role: &RoleName) -> Option<u64> {
        let below = || self.delegations.iter().find(|planned| planned.name == *role)?.version;
        self.roles.get(role).and_then(|planned| planned.version).or_else(below)
    }

    /// Every key that the plan gives a role, with the role: at the top, by delegation, in bins; of a fleet by the names of most
    /// repositories, without its sets.
    pub fn authorised(&self) -> impl Iterator<Item = (&RoleName, &KeyName)> {
        let top = self.roles.iter().map(|(name, role)| (name, &role.keys));
        let below = self.delegations.iter().map(|role| (&role.name, &role.keys));
        let bins = self.bins.iter().map(|bins| (&bins.prefix, &bins.keys));
        let all = top.chain(below).chain(bins);
        all.flat_map(|(role, keys)| keys.iter().map(move |key| (role, key)))
    }

    /// The key that the plan calls `name`.
    pub fn key(&self, name: &KeyName) -> Option<&PlannedKey> {
        self.keys.iter().find(|key| key.name == *name)
    }

    /// The media of one role, in the plan's order.
    pub fn media(&self, role: MediumRole) -> impl Iterator<Item = &Medium> {
        self.media.iter().filter(move |medium| medium.role == role)
    }

    /// The second copies of the BOOK: media with its role and another name than `BOOK`, which is the workspace itself.
    pub fn copies(&self) -> impl Iterator<Item = &Medium> {
        self.media(MediumRole::Book).filter(|medium| medium.name.as_str() != BOOK)
    }

    /// The media that somebody must mount: all but the workspace itself.
    pub fn mounted(&self) -> impl Iterator<Item = &Medium> {
        self.media.iter().filter(|m| m.role != MediumRole::Book || m.name.as_str() != BOOK)
    }

    /// The waiver of a finding, if the plan has one.
    pub fn waiver(&self, finding: &str) -> Option<&Waiver> {
        self.waivers.iter().find(|waiver| waiver.finding == finding)
    }

    /// The inputs that are the state before, and what states the known-good one.
    pub fn before_inputs(&self) -> impl Iterator<Item = &Input> {
        let good = self.known_good.as_ref().map(|good| good.file.as_str());
        self.inputs.iter().filter(move |input| {
            self.before.as_ref().is_some_and(|before| {
                before.name_of(input).is_some()
                    || (input.medium == before.medium && good == Some(input.path.as_str()))
            })
        })
    }

    /// Whether a key may sign what the plan makes: one that comes to the room, and by request every key that is no server's.
    pub const fn may_sign(&self, key: &PlannedKey) -> bool {
        key.is_here() || (self.by_request && !matches!(key.origin, Origin::Server { .. }))
    }

    /// The people who do `part`.
    pub fn people_who(&self, part: Part) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(move |person| person.roles.contains(&part))
    }
}

impl PlannedKey {
    /// Whether its private half comes to the room.
    pub const fn is_here(&self) -> bool {
        match self.origin {
            Origin::Make { .. } | Origin::Fingerprint(_) => true,
            Origin::Enrol { .. } | Origin::Server { .. } | Origin::Listed(_) => false,
        }
    }

    /// The key that is overwritten when this one is made.
    pub const fn replaces(&self) -> Option<Fingerprint> {
        match self.origin {
            Origin::Make { replaces, .. } => replaces,
            Origin::Fingerprint(_)
            | Origin::Enrol { .. }
            | Origin::Server { .. }
            | Origin::Listed(_) => None,
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Age { .. } => f.write_str("age file"),
            Self::Yubikey { serial, slot } => write!(f, "YubiKey {serial}, slot {slot}"),
            Self::Pkcs11 { serial, .. } => write!(f, "PKCS#11 token {serial}"),
            Self::Virtual { serial } => write!(f, "virtual token {serial}"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Custodian => "custodian",
            Self::Operator => "operator",
            Self::Witness => "witness",
            Self::Administrator => "administrator",
            Self::Releaser => "releaser",
        })
    }
}

impl fmt::Display for MediumRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Book => "book",
            Self::Keys => "keys",
        })
    }
}

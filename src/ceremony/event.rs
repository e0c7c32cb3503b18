//! What is put on record: every fact with its time, and what was wanted next.
//!
//! An entry is one line of the transcript. `then` is written and synced before it is carried out, so it is the
//! intent of the next act. The engine is a function of these entries.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tuf::digest::Digest;
use crate::tuf::document::DocRole;
use crate::tuf::key::PublicKey;
use crate::tuf::name::KeyName;
use crate::tuf::payload::Payload;
use crate::tuf::signature::Signature;
use crate::tuf::time::Timestamp;

use super::ask::{Ask, AskId, People};
use super::export::calendar::Ending;
use super::fleet::Survey;
use super::mounted::Mounted;
use super::plan::{BackUp, Drill, PlannedKey};
use super::roster::{Facts, Roster};
use super::scene::Verdict;

/// One line of the transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When it happened, by the machine's clock.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// What is wanted next: on disk before it is carried out.
    pub then: Request,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// The ceremony began.
    Opened(Opening),
    /// People said something.
    People(People),
    /// An act ended, one way or another.
    Happened {
        /// Which act.
        act: ActId,
        /// What came of it.
        what: Happened,
        /// How often a token asked for a touch meanwhile, whether one came or not.
        #[serde(default, skip_serializing_if = "is_zero")]
        touches: u32,
    },
    /// The program was started again in the middle.
    Resumed {
        /// The program that goes on.
        tool: ToolId,
        /// The act whose result was not on record.
        #[serde(skip_serializing_if = "Option::is_none")]
        interrupted: Option<ActId>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What is wanted next. Exactly one thing is outstanding at any time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// An act of a machine.
    Act(ActId),
    /// An answer of people.
    Ask(AskId),
    /// The end.
    Close(Outcome),
}

/// How a ceremony ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything was done.
    Done,
    /// People stopped it.
    Aborted,
}

/// How the ceremony began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Real, rehearsal or check.
    pub mode: Mode,
    /// Which session it is.
    pub session: SessionId,
    /// The program.
    pub tool: ToolId,
    /// SHA-256 of the plan file, always of the file itself, in a rehearsal too.
    pub plan: Digest,
    /// The day from which lifetimes count.
    pub base: Timestamp,
    /// The moment of opening.
    pub at: Timestamp,
    /// SHA-256 of the check report that cleared the plan; nothing in a check's own run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Digest>,
    /// Whether a script answers instead of people.
    pub unattended: bool,
    /// What another machine asks for; nothing in a ceremony of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<AskedFor>,
    /// Other content that was signed before under versions that this ceremony signs, as the workspace knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
}

/// Which request is answered, by which key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedFor {
    /// SHA-256 of the request.
    pub request: Digest,
    /// The key that signs.
    pub key: KeyName,
    /// The root digest that its holder trusted beforehand, and from which the request follows.
    pub pinned: Digest,
}

/// A document that was signed before and never became the repository's: whoever has the signatures can still publish it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Earlier {
    /// Its role.
    pub role: DocRole,
    /// Its version.
    pub version: u64,
    /// SHA-256 of the bytes that were signed.
    pub payload: Digest,
    /// When.
    pub at: Timestamp,
    /// The keys that signed it.
    pub keys: Vec<KeyName>,
}

/// What kind of run it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The machine plays the whole ceremony by itself.
    Check,
    /// People play it over stand-ins.
    Rehearsal,
    /// The real thing.
    Real,
}

/// 16 random bytes that name one session, as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId([u8; 16]);

/// Which program wrote the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolId {
    /// Its name: `anchorite`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Names an act: its kind, its subject, what it signs or writes, and how often it was tried.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActId {
    /// The kind of act.
    pub kind: ActKind,
    /// The key, the file (`OUT:root.json`), or nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// SHA-256 of the bytes to sign or to write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Digest>,
    /// Counts from 1 when the same act is tried again.
    pub nth: u32,
}

/// The kinds of acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActKind {
    /// Check the room: network, swap, clock, core dumps.
    Room,
    /// Find a medium and see what is on it.
    Mount,
    /// Read a file from a medium.
    Read,
    /// Look at a token or a key file.
    Look,
    /// Make a key.
    Make,
    /// Sign a challenge to prove possession.
    Prove,
    /// Sign a payload.
    Sign,
    /// Write a new file.
    Write,
    /// Read a written file back, past the cache.
    ReadBack,
    /// Write a private key, encrypted, to the KEYS medium, and prove it.
    HandOver,
    /// Replace the factory's secrets of a token.
    Provision,
    /// Change the secret of a store.
    ChangeSecret,
    /// Write a back-up of a key and read it back.
    BackUp,
    /// Bring a key back from its back-up in memory, and have it sign.
    Drill,
    /// After an interruption: look at what the interrupted act left behind.
    Inspect,
    /// Bring a second copy of the BOOK level.
    Level,
    /// Walk a fleet: read, verify and draft, one repository after the other.
    Survey,
    /// Sign a piece of a key's turn in a fleet.
    Batch,
    /// Put the results of a piece of a fleet together on OUT.
    Assemble,
    /// Put the evidence together and hash it.
    Seal,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On a medium of the plan, by its name.
    Medium(KeyName),
    /// In the evidence folder of this ceremony, in the BOOK.
    Evidence,
    /// In the BOOK's folder of trusted documents.
    Trust,
}

/// A file, by where it is and its relative path with `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileAt {
    /// Where it is.
    pub place: Place,
    /// Its path there: relative, no `..`.
    pub path: String,
}

/// What the driver carries out, with all that it needs. Only its [`ActId`] is put on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Check the room.
    Room,
    /// Find a medium, check that it is the right one, and list what is on it.
    Mount(KeyName),
    /// Read a file of the plan's inputs. The driver reads at most [`MAX_INPUT`] bytes.
    Read(FileAt),
    /// Look at the store of a key.
    Look(PlannedKey),
    /// Make a key in its store.
    Make(PlannedKey),
    /// Sign a challenge with a key.
    Prove {
        /// The key in the plan.
        key: PlannedKey,
        /// Its public half.
        public: PublicKey,
        /// The challenge, whole; it is never valid metadata.
        message: Vec<u8>,
    },
    /// Sign a payload with a key.
    Sign {
        /// The key in the plan.
        key: PlannedKey,
        /// Its public half.
        public: PublicKey,
        /// What to sign.
        payload: Payload,
    },
    /// Write a new file; an existing one is trouble.
    Write {
        /// Where.
        file: FileAt,
        /// What.
        bytes: Vec<u8>,
    },
    /// Read a file back past the cache and hash it.
    ReadBack(FileAt),
    /// Hand a private key over to a medium.
    HandOver {
        /// The key in the plan, with its `leaves`.
        key: PlannedKey,
        /// Its public half.
        public: PublicKey,
        /// A challenge that the written copy must sign where we hold what opens it.
        message: Vec<u8>,
    },
    /// Replace what is still the factory's on the token of a key.
    Provision(PlannedKey),
    /// Change the secret that opens the store of a key.
    ChangeSecret(PlannedKey),
    /// Write a back-up of a key.
    BackUp {
        /// The key in the plan.
        key: PlannedKey,
        /// Its public half.
        public: PublicKey,
        /// For whom, and where to.
        back_up: BackUp,
    },
    /// Bring a key back from a back-up, in memory only, and have it sign.
    Drill {
        /// The key in the plan; its own store is not looked at.
        key: PlannedKey,
        /// The back-up and what opens it.
        drill: Drill,
        /// The challenge.
        message: Vec<u8>,
    },
    /// See what an interrupted act left behind.
    Inspect {
        /// The act.
        interrupted: ActId,
        /// What it was about, carried out nowhere.
        act: Box<Act>,
    },
    /// Bring the second copy of the BOOK on this medium level with it.
    Level(KeyName),
    /// Walk the fleet of the plan: read, verify and draft each repository, and write the tables into the evidence.
    Survey(Fleet),
    /// Sign the payloads of a key for some repositories of the fleet; each is derived again and must equal its row.
    Batch {
        /// The key in the plan.
        key: PlannedKey,
        /// Its public half.
        public: PublicKey,
        /// Which batch of its turn, from 0.
        nth: u64,
        /// For how many repositories it signs in all.
        of: u64,
        /// What is derived from.
        fleet: Fleet,
    },
    /// Put the new documents of some repositories together, each aside and renamed: wholly old or wholly new.
    Assemble {
        /// The OUT medium.
        medium: KeyName,
        /// Which batch, from 0.
        nth: u64,
        /// How many repositories there are in all.
        of: u64,
        /// What is derived from.
        fleet: Fleet,
    },
    /// Put the evidence together and hash its tree.
    Seal(Vec<EvidenceFile>),
}

/// What the documents of a fleet are derived from, beside plan and list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// The keys, known and proven.
    pub roster: Roster,
    /// The recorded facts.
    pub facts: Facts,
    /// When the ceremony was opened: the time for which repositories are judged.
    pub at: Timestamp,
    /// The digest of the table of drafts, once there is one.
    pub drafts: Option<Digest>,
}

/// The most bytes that are read from one input file: 64 MiB, as much as a Notary document may have.
pub const MAX_INPUT: u64 = 64 << 20;

/// A file that the engine puts into the evidence when it is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceFile {
    /// Its path below the evidence folder.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What came of an act. Useful or not, it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Happened {
    /// The room's facts.
    Room(Vec<RoomFact>),
    /// A medium was found.
    Mounted(Mounted),
    /// A file was read.
    Read {
        /// SHA-256 of its bytes.
        digest: Digest,
        /// Its bytes, base64. Inputs are public.
        content: Base64,
    },
    /// A store was looked at.
    Seen(Seen),
    /// A key was made.
    Made {
        /// Its public half.
        public: PublicKey,
    },
    /// A challenge or a payload was signed, and the signature was verified in software.
    Signed(Signature),
    /// A file was written and synced.
    Written {
        /// SHA-256 of the bytes.
        digest: Digest,
    },
    /// A file was read back.
    ReadBack {
        /// SHA-256 of what was there.
        digest: Digest,
    },
    /// A private key was handed over; never a digest of its ciphertext.
    HandedOver {
        /// The file on the medium.
        file: String,
    },
    /// What was the factory's on a token is its holder's own.
    Provisioned {
        /// Whether the PIN was the factory's until now.
        pin: bool,
        /// Whether the PUK was the factory's until now.
        puk: bool,
        /// Whether the management key was the factory's until now.
        management_key: bool,
    },
    /// The secret of a store was changed.
    SecretChanged,
    /// A back-up was written and read back; never a digest of its ciphertext.
    BackedUp {
        /// The file on the medium.
        file: String,
    },
    /// A key came back from its back-up, signed, and was let go.
    Recovered {
        /// Its public half.
        public: PublicKey,
        /// Its signature on the challenge.
        signature: Signature,
    },
    /// What an interrupted act left behind.
    Inspected(Remains),
    /// A second copy of the BOOK is level with it.
    Levelled {
        /// How many files were copied or grew.
        files: usize,
    },
    /// A fleet was walked.
    Surveyed(Box<Survey>),
    /// A batch was signed, and every signature verified in software.
    Batched {
        /// For how many repositories.
        repositories: u64,
        /// How many signatures.
        signatures: u64,
        /// SHA-256 of the file of signatures.
        file: Digest,
    },
    /// A batch of results is on OUT, read back, and accepted by the roots before and after.
    Assembled {
        /// Of how many repositories.
        repositories: u64,
        /// SHA-256 of the lines `sha256  path` of all files written.
        file: Digest,
        /// What ends first among them, of each kind of thing.
        endings: Vec<Ending>,
        /// How many of the repositories are Notary's.
        notary: u64,
    },
    /// The evidence was put together.
    Sealed {
        /// SHA-256 of the sorted lines `sha256  path` of all sealed files.
        tree: Digest,
    },
    /// It did not work.
    Failed(Trouble),
}

/// What a look at a store showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The serial number, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The fingerprints of the keys it holds.
    pub keys: Vec<PublicKey>,
    /// How many wrong secrets are left, where the store counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<u8>,
    /// What else the store shows, judged: firmware, policy, attestation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<RoomFact>,
    /// Certificates that prove where the key was made, DER in base64: the slot's, then the device's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestation: Vec<Base64>,
}

/// What an interrupted act left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remains {
    /// Nothing that can be seen; a signature may have been made and lost all the same.
    Nothing,
    /// A key that nobody recorded.
    Key(PublicKey),
    /// A file, by its digest.
    File(Digest),
}

/// One fact of the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomFact {
    /// Its stable name, for waivers: `network-interface`, `swap`; a plan waives it as `room-NAME`.
    pub name: String,
    /// The judgement.
    pub verdict: Verdict,
    /// What was found, and what to do about it.
    pub text: String,
}

/// Why an act did not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// The kind of trouble.
    pub kind: TroubleKind,
    /// What was found, in words, without any secret and without a path outside the medium.
    pub found: String,
}

/// The kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TroubleKind {
    /// The token, file or medium is not there.
    Absent,
    /// Another token or medium is there.
    Other,
    /// There is something already where something new should go.
    Occupied,
    /// The secret was wrong.
    WrongSecret,
    /// The token is blocked.
    Blocked,
    /// Nobody gave a secret or a touch.
    NobodyAnswered,
    /// It went away in the middle.
    Gone,
    /// The signature that came back is wrong, or repeats a nonce.
    BadSignature,
    /// A file is not what the plan says.
    Mismatch,
    /// The disk or medium is full.
    Full,
    /// The file system or device failed.
    Device,
    /// The store cannot do it.
    Unsupported,
}

/// Bytes that are written as base64.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Base64(pub Vec<u8>);

/// What the driver carries out once the entry is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The line to write and sync first.
    pub entry: Entry,
    /// What to do then.
    pub wanted: Wanted,
}

/// A request with all that is needed to carry it out.
#[expect(clippy::large_enum_variant, reason = "one value lives at a time")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Carry out this act and report with this id.
    Act(ActId, Act),
    /// Ask people this.
    Ask(Ask),
    /// Stop.
    Close(Outcome),
}

/// Why people's answer was not taken. A refusal changes nothing and is not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another question is open.
    #[error("the open question is {open}, not {answered}")]
    OtherQuestion {
        /// The question that is open.
        open: String,
        /// The question that was answered.
        answered: String,
    },
    /// It is the machine's turn.
    #[error("no question is open now")]
    NoQuestion,
    /// The answer does not fit the question's form.
    #[error("{expected}")]
    Form {
        /// What would fit, as a sentence.
        expected: String,
    },
}

impl SessionId {
    /// Takes 16 random bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for SessionId {
    type Error = BadRecord;
    fn try_from(text: String) -> Result<Self, BadRecord> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| BadRecord)?;
        bytes.try_into().map(Self).map_err(|_| BadRecord)
    }
}

impl From<Base64> for String {
    fn from(bytes: Base64) -> Self {
        data_encoding::BASE64.encode(&bytes.0)
    }
}

impl TryFrom<String> for Base64 {
    type Error = BadRecord;
    fn try_from(text: String) -> Result<Self, BadRecord> {
        data_encoding::BASE64.decode(text.as_bytes()).map(Self).map_err(|_| BadRecord)
    }
}

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// A record that is not written as we write records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is not hex or base64 of the expected length")]
pub struct BadRecord;

impl ActKind {
    /// The kind as records write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Mount => "mount",
            Self::Read => "read",
            Self::Look => "look",
            Self::Make => "make",
            Self::Prove => "prove",
            Self::Sign => "sign",
            Self::Write => "write",
            Self::ReadBack => "read-back",
            Self::HandOver => "hand-over",
            Self::Provision => "provision",
            Self::ChangeSecret => "change-secret",
            Self::BackUp => "back-up",
            Self::Drill => "drill",
            Self::Inspect => "inspect",
            Self::Level => "level",
            Self::Survey => "survey",
            Self::Batch => "batch",
            Self::Assemble => "assemble",
            Self::Seal => "seal",
        }
    }
}

impl fmt::Display for ActId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.as_str())?;
        if !self.subject.is_empty() {
            write!(f, " {}", self.subject)?;
        }
        write!(f, " #{}", self.nth)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Check => "CHECK",
            Self::Rehearsal => "REHEARSAL",
            Self::Real => "PRODUCTION",
        })
    }
}

impl fmt::Display for FileAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Medium(name) => write!(f, "{name}:{}", self.path),
            Place::Evidence => write!(f, "evidence:{}", self.path),
            Place::Trust => write!(f, "trust:{}", self.path),
        }
    }
}

//! Where private keys live and sign: one file a store, all behind the same three traits.
//!
//! A store is looked at without asking anybody for anything; it is unlocked through [`Unlock`], which
//! belongs to whoever talks to people; and it gives a [`Signer`] that returns typed signatures.

pub mod agefile;
pub mod attest;
pub mod child;
pub mod forgetful;
pub mod generated;
pub mod import;
pub mod leaving;
pub mod memory;
pub mod pages;
pub mod paper;
pub mod pkcs11;
pub mod provision;
pub mod secret;
pub mod software_key;
pub mod strength;
pub mod virtual_token;
pub mod yubikey;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tuf::key::{Algorithm, Fingerprint, PublicKey};
use crate::tuf::name::KeyName;
use crate::tuf::policy::{PinPolicy, TouchPolicy};
use crate::tuf::signature::Signature;

pub use secret::Secret;

/// A place that holds private keys: a file, or a token in a reader.
pub trait KeyStore {
    /// Says what is there now. Asks for no secret and uses no try.
    fn look(&mut self) -> Result<Seen, TokenError>;

    /// Makes a new key. What it holds afterwards is proven by a signature, not by this answer.
    fn make(&mut self, spec: &Spec, unlock: &mut dyn Unlock) -> Result<Made, TokenError>;

    /// Opens the key with this fingerprint. Submits at most one secret.
    fn signer(
        &mut self,
        key: &Fingerprint,
        unlock: &mut dyn Unlock,
    ) -> Result<Box<dyn Signer + '_>, TokenError>;

    /// Opens the key and signs one message with it. Submits at most one secret.
    fn sign(
        &mut self,
        key: &Fingerprint,
        message: &[u8],
        unlock: &mut dyn Unlock,
    ) -> Result<Signed, TokenError> {
        let mut signer = self.signer(key, unlock)?;
        let signature = signer.sign(message, unlock)?;
        Ok(Signed { public: signer.public_key().clone(), signature })
    }

    /// Opens the key so that it stays open after the store is closed, for many signatures in one turn; nothing where only the
    /// store itself can sign.
    fn stay_open(
        &mut self,
        _key: &Fingerprint,
        _unlock: &mut dyn Unlock,
    ) -> Result<Option<Box<dyn Signer>>, TokenError> {
        Ok(None)
    }
}

/// An unlocked key.
pub trait Signer {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// Signs the whole message (the signer hashes it). Submits at most one secret, where the key's policy wants
    /// one for each signature, and asks for a touch where the policy wants a touch.
    fn sign(&mut self, message: &[u8], unlock: &mut dyn Unlock) -> Result<Signature, TokenError>;
}

/// The way to the people who know the secrets. `None` means that nobody answered.
pub trait Unlock {
    /// Asks for the secret that the label names.
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret>;

    /// Asks for a new secret: checks the keyboard layout, checks its strength against the rules, has it typed back.
    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret>;

    /// Says that the token now waits for a touch. Returns at once.
    fn touch(&mut self, label: &Label);

    /// Whether people want to give up a call that does not answer. Never waits.
    fn given_up(&mut self) -> bool {
        false
    }
}

/// Whose secret is asked for, in the words of the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The key, as the plan names it.
    pub key: KeyName,
    /// Who holds it.
    pub holder: String,
    /// Where it lives, in words: `YubiKey 18158855, slot 9c` or `age file`.
    pub place: String,
    /// What kind of secret opens it.
    pub kind: SecretKind,
}

/// What kind of secret it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecretKind {
    /// A token's PIN.
    Pin,
    /// What unblocks a PIN.
    Puk,
    /// A file's passphrase.
    Passphrase,
}

/// What a new secret must be like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The least number of characters.
    pub min_chars: usize,
    /// The most characters.
    pub max_chars: usize,
    /// The least estimated strength in bits.
    pub min_bits: u32,
    /// Whether only digits are taken, as for a PIN pad.
    pub digits_only: bool,
}

impl Rules {
    /// What a passphrase must be like: it stands between a stolen file and its key for years.
    pub const fn passphrase() -> Self {
        Self { min_chars: 12, max_chars: 200, min_bits: 60, digits_only: false }
    }

    /// What a PIN must be like: a token counts wrong ones, so it may be short (PIV: 6 to 8 characters).
    pub const fn pin() -> Self {
        Self { min_chars: 6, max_chars: 8, min_bits: 0, digits_only: false }
    }
}

/// What a look at a store showed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Seen {
    /// The serial number that the device gives, as it prints it.
    pub serial: Option<String>,
    /// The public keys it holds.
    pub keys: Vec<PublicKey>,
    /// How many wrong secrets are left, where the store counts.
    pub tries_left: Option<u8>,
    /// What else is worth saying of the store or its key.
    pub remarks: Vec<Remark>,
    /// What proves that the key was made on its device, DER: the slot's certificate, then the device's. Empty where there
    /// is none.
    pub attestation: Vec<Vec<u8>>,
}

/// One thing worth saying of a store: a fact for the record, or a weakness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// Its stable name, such as `extractable`.
    pub name: String,
    /// Whether it is a weakness that people must know of.
    pub weak: bool,
    /// What was found, in words.
    pub text: String,
}

/// What key to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// When the secret is asked for; files ask once for each unlocking.
    pub pin: Option<PinPolicy>,
    /// When a touch is asked for.
    pub touch: Option<TouchPolicy>,
    /// The key that is in its place and is overwritten; a place that holds another one is left as it is. Tokens only.
    pub replaces: Option<Fingerprint>,
}

/// A key that was made just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its public half.
    pub public: PublicKey,
}

/// A signature that was made just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The public half of the key that made it.
    pub public: PublicKey,
    /// The signature.
    pub signature: Signature,
}

/// What went wrong with a store. Each is something that people can cause, so each becomes an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum TokenError {
    /// No such token or file is there.
    #[error("nothing is there")]
    Absent,
    /// Another token is there.
    #[error("another token is there: {serial}")]
    Other {
        /// Its serial number.
        serial: String,
    },
    /// The key is not in the store.
    #[error("the store does not hold the key {0}")]
    NoSuchKey(Fingerprint),
    /// There is a key already where the new one should go.
    #[error("a key is there already: {0}")]
    Occupied(String),
    /// The secret was wrong; for a file it may be damaged instead.
    #[error("wrong secret, or a damaged file")]
    WrongSecret {
        /// How many tries are left, where the store counts.
        tries_left: Option<u8>,
    },
    /// Too many wrong secrets.
    #[error("the token is blocked")]
    Blocked,
    /// Nobody gave the secret.
    #[error("no secret was given")]
    NoSecret,
    /// Nobody touched the token in time.
    #[error("no touch in time")]
    NoTouch,
    /// The token went away in the middle.
    #[error("the token went away")]
    Gone,
    /// It gave no answer in time, or people gave it up: whether it signed or made anything is not known.
    #[error("it gave no answer and was given up; what it did is not known")]
    Silent,
    /// The process that drives it ended in the middle.
    #[error("its driver ended in the middle: {how}; what it did is not known")]
    Crashed {
        /// How it ended: `signal 11`.
        how: String,
    },
    /// The device or its driver failed.
    #[error("{0}")]
    Device(String),
    /// The signature that came back is not the key's over the message.
    #[error("the signature that came back is not right")]
    BadSignature,
    /// The token does not guard the private key: there may be copies. Nothing was signed; a second try signs all the same.
    #[error(
        "the token says that its private key {0}: there may be copies. Nothing was signed; trying again signs all the same"
    )]
    Unguarded(String),
    /// The store cannot do what was asked.
    #[error("the store cannot do this: {0}")]
    Unsupported(String),
    /// A file is not what it should be.
    #[error("{path}: {what}")]
    File {
        /// The file, as a path below its store.
        path: String,
        /// What was found, without any secret.
        what: String,
    },
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pin => "PIN",
            Self::Puk => "PUK",
            Self::Passphrase => "passphrase",
        })
    }
}

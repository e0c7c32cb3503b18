//! Hardware stores in a process of their own: a vendor's library may crash, hang or keep what it was told, so it runs in
//! a child of this program that ends after use. This is the child, and what the two say to each other; who starts it and
//! talks to it is `driver::token`.
//!
//! They talk over the child's standard input and output: one JSON line each way, and a secret as a frame of its own (one
//! byte that says whether there is one, two bytes of length, its bytes), so that it is never part of a line. The child
//! submits at most one secret an order. What it signs is verified on the other side, where no vendor's code runs.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::tuf::key::{Fingerprint, PublicKey};

use super::memory;
use super::pkcs11::{self, Pkcs11Key, Pkcs11Token};
use super::provision::{Provisioned, provision};
use super::yubikey::{self, YubikeySlot, YubikeyStore};
use super::{
    KeyStore, Label, Made, Rules, Secret, SecretKind, Seen, Signed, Spec, TokenError, Unlock,
};

/// The hidden command under which this program is such a child.
pub const COMMAND: &str = "token-driver";

/// Which store the child drives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// A key of a PKCS#11 token.
    Pkcs11(Pkcs11Key),
    /// A slot of a YubiKey.
    Yubikey(YubikeySlot),
}

/// A token that is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its serial number.
    pub serial: String,
    /// What it calls itself.
    pub name: String,
}

/// A whole token, whatever keys it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Token {
    /// A YubiKey, by the serial number that is printed on it.
    Yubikey(u32),
    /// A token of a PKCS#11 module.
    Pkcs11 {
        /// The module: an absolute path.
        module: PathBuf,
        /// The token's serial number.
        serial: String,
    },
}

/// A place on a token that is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The slot or the id, in words.
    pub place: String,
    /// The public key there; nothing where it cannot be read.
    pub key: Option<PublicKey>,
}

/// What the child is told to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    List { module: Option<PathBuf> },
    Provision { serial: u32, label: Label },
    ChangeSecret { token: Token, label: Label },
    Unblock { serial: u32, label: Label },
    Inventory { token: Token },
    Reset { serial: u32 },
    Open { device: Device, label: Label },
    Look,
    Make(Spec),
    Find(Fingerprint),
    Sign { key: Fingerprint, message: String },
}

/// What the child says. From `Opened` on, it ends an order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Said {
    Secret { kind: SecretKind, tries_left: Option<u8> },
    NewSecret { kind: SecretKind, rules: Rules },
    Touch,
    Opened,
    Listed(Vec<Listed>),
    Provisioned(Provisioned),
    Changed,
    Inventory(Vec<Held>),
    Emptied,
    Seen(Seen),
    Made(Made),
    Found(PublicKey),
    Signed(Signed),
    Failed(TokenError),
}

impl Said {
    pub(crate) fn seen(self) -> Option<Seen> {
        if let Self::Seen(seen) = self { Some(seen) } else { None }
    }
}

/// Is the child: takes orders until its input ends. Nothing that it was told outlives it.
pub fn serve(input: &mut dyn Read, output: &mut dyn Write) -> io::Result<()> {
    memory::harden();
    let mut other_side = OtherSide { input, output };
    let mut store: Option<Box<dyn KeyStore>> = None;
    while let Some(order) = other_side.order()? {
        let done = match (order, &mut store) {
            (Order::Provision { serial, label }, _) => {
                provision(serial, &label, &mut other_side).map(Said::Provisioned)
            }
            (Order::ChangeSecret { token, label }, _) => {
                change(token, label, &mut other_side).map(|()| Said::Changed)
            }
            (Order::Unblock { serial, label }, _) => {
                yubikey::unblock(serial, &label, &mut other_side).map(|()| Said::Changed)
            }
            (Order::Inventory { token }, _) => inventory(token).map(Said::Inventory),
            (Order::Reset { serial }, _) => yubikey::reset(serial).map(|()| Said::Emptied),
            (Order::List { module }, _) => listed(module.as_deref()).map(Said::Listed),
            (Order::Open { device, label }, _) => open(device, label).map(|opened| {
                store = Some(opened);
                Said::Opened
            }),
            (Order::Look | Order::Make(_) | Order::Find(_) | Order::Sign { .. }, None) => {
                Err(TokenError::Device("nothing is open".to_owned()))
            }
            (Order::Look, Some(store)) => store.look().map(Said::Seen),
            (Order::Make(spec), Some(store)) => store.make(&spec, &mut other_side).map(Said::Made),
            (Order::Find(key), Some(store)) => store
                .signer(&key, &mut other_side)
                .map(|signer| Said::Found(signer.public_key().clone())),
            (Order::Sign { key, message }, Some(store)) => {
                let message = data_encoding::BASE64.decode(message.as_bytes()).unwrap_or_default();
                store.sign(&key, &message, &mut other_side).map(Said::Signed)
            }
        };
        other_side.say(&done.unwrap_or_else(Said::Failed))?;
    }
    Ok(())
}

fn listed(module: Option<&Path>) -> Result<Vec<Listed>, TokenError> {
    match module {
        Some(module) => pkcs11::list(module),
        None => Ok(yubikey::serials()?
            .into_iter()
            .map(|serial| Listed { serial: serial.to_string(), name: "YubiKey".to_owned() })
            .collect()),
    }
}

fn change(token: Token, label: Label, unlock: &mut dyn Unlock) -> Result<(), TokenError> {
    match token {
        Token::Yubikey(serial) => yubikey::change_secret(serial, &label, unlock),
        Token::Pkcs11 { module, serial } => pkcs11::change_pin(module, serial, label, unlock),
    }
}

fn inventory(token: Token) -> Result<Vec<Held>, TokenError> {
    match token {
        Token::Yubikey(serial) => yubikey::inventory(serial),
        Token::Pkcs11 { module, serial } => pkcs11::inventory(module, serial),
    }
}

fn open(device: Device, label: Label) -> Result<Box<dyn KeyStore>, TokenError> {
    Ok(match device {
        Device::Pkcs11(key) => Box::new(Pkcs11Token::load(key, label)?),
        Device::Yubikey(slot) => Box::new(YubikeyStore::new(slot, label)?),
    })
}

/// The people, as the child sees them: at the other end of the line.
struct OtherSide<'a> {
    input: &'a mut dyn Read,
    output: &'a mut dyn Write,
}

impl OtherSide<'_> {
    /// The next order; nothing when there will be none. Read byte by byte, so that no secret behind it is read ahead.
    fn order(&mut self) -> io::Result<Option<Order>> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            if self.input.read(&mut byte)? == 0 {
                return Ok(None);
            }
            match byte {
                [b'\n'] => break,
                [other] => line.push(other),
            }
        }
        serde_json::from_slice(&line).map(Some).map_err(io::Error::from)
    }

    fn say(&mut self, said: &Said) -> io::Result<()> {
        let mut line = serde_json::to_vec(said)?;
        line.push(b'\n');
        self.output.write_all(&line)?;
        self.output.flush()
    }

    fn answer(&mut self) -> Option<Secret> {
        let mut head = [0; 3];
        self.input.read_exact(&mut head).ok()?;
        let [given, high, low] = head;
        let mut bytes = Zeroizing::new(vec![0; usize::from(u16::from_be_bytes([high, low]))]);
        self.input.read_exact(&mut bytes).ok()?;
        if given == 0 {
            return None;
        }
        std::str::from_utf8(&bytes).ok().map(Secret::of)
    }
}

impl Unlock for OtherSide<'_> {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        self.say(&Said::Secret { kind: label.kind, tries_left }).ok()?;
        self.answer()
    }

    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        self.say(&Said::NewSecret { kind: label.kind, rules: rules.clone() }).ok()?;
        self.answer()
    }

    fn touch(&mut self, _: &Label) {
        let _ = self.say(&Said::Touch);
    }
}

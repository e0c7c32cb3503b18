//! `token`: which tokens are in, what proves where their keys were made, and what becomes of them.

mod pin;
mod retire;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::ceremony::plan::token_uri::uri_of_token;
use crate::driver::attestation::words;
use crate::driver::token::{list, provision_yubikey};
use crate::front::words::escape;
use crate::keystore::attest::{Anchors, BadAttestation, flaws, verify};
use crate::keystore::child::{Listed, Token};
use crate::keystore::{Label, Rules, Secret, SecretKind, TokenError, Unlock, memory};
use crate::tuf::key::{Fingerprint, KeyId, PublicKey};
use crate::tuf::name::KeyName;
use crate::tuf::root::Root;
use crate::tuf::signed::{Signed, sniff};

use super::people::Keyboards;
use super::{Exit, Failure, MAX_DOCUMENT, say};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the YubiKeys that are in, or the tokens of a PKCS#11 module.
    List {
        /// The module: an absolute path.
        #[arg(long, value_name = "FILE")]
        module: Option<PathBuf>,
    },
    /// Replace the factory's PIN, PUK and management key of a YubiKey by its holder's own.
    Provision {
        /// The serial number that is printed on it.
        #[arg(long)]
        serial: u32,
        /// Who will hold it.
        #[arg(long)]
        holder: String,
        /// What plans will call its key.
        #[arg(long)]
        name: KeyName,
        /// Read lines NAME<TAB>PIN and puk<TAB>PUK from this file descriptor.
        #[arg(long, value_name = "N")]
        passphrase_fd: Option<u32>,
    },
    /// Change the PIN or the PUK of a YubiKey, unblock its PIN, or change the user's PIN of a PKCS#11 token.
    Pin(pin::NewPin),
    /// Retire a token: prove that no document lists its keys, record it, and say or do how it is emptied.
    Retire(retire::Retire),
    /// Verify where a key was made, from a YubiKey's certificates, offline.
    Attest(Attest),
}

#[derive(Debug, Args)]
pub(super) struct Attest {
    /// The slot's attestation and the device's (f9) certificate, PEM or DER.
    #[arg(long, value_names = ["SLOT", "F9"], num_args = 2, required = true)]
    verify: Vec<PathBuf>,
    /// A root document: its keys must include the attested one.
    #[arg(long = "in", value_name = "ROOT")]
    within: Option<PathBuf>,
    /// One more intermediate certificate; it is believed only where its own chain ends in a root of Yubico's.
    #[arg(long, value_name = "FILE")]
    intermediate: Vec<PathBuf>,
}

impl Command {
    pub(super) fn run(self, workspace: Option<&Path>) -> Result<(), Failure> {
        match self {
            Self::Pin(pin) => pin.run(workspace),
            Self::Retire(retire) => retire.run(workspace),
            Self::List { module } => tell_tokens(module.as_deref()),
            Self::Provision { serial, holder, name, passphrase_fd } => {
                let place = format!("YubiKey {serial}");
                let label = Label { key: name, holder, place, kind: SecretKind::Pin };
                provision(serial, label, passphrase_fd)
            }
            Self::Attest(attest) => attest.run(),
        }
    }
}

fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure::new(Exit::Machine, error.to_string()))
}

fn provision(serial: u32, label: Label, passphrase_fd: Option<u32>) -> Result<(), Failure> {
    memory::harden();
    let mut people = Owner(Keyboards::open(passphrase_fd)?);
    let done = provision_yubikey(&program()?, serial, label, &mut people)?;
    let word = |changed| if changed { "changed" } else { "was not the factory's; left as it is" };
    say(format!("PIN             {}", word(done.pin)));
    say(format!("PUK             {}", word(done.puk)));
    say(format!("management key  {}", word(done.management_key)));
    say("Keep the PUK in a bag of its own, in another place than the card.");
    Ok(())
}

/// Whoever makes a card their own. Among secrets that were handed over the PUK has a name of its own.
struct Owner(Keyboards);

impl Unlock for Owner {
    fn secret(&mut self, label: &Label, tries_left: Option<u8>) -> Option<Secret> {
        self.0.secret(label, tries_left)
    }

    fn new_secret(&mut self, label: &Label, rules: &Rules) -> Option<Secret> {
        let mut label = label.clone();
        if self.0.handed() && label.kind == SecretKind::Puk {
            label.key = "puk".parse().ok()?;
        }
        self.0.new_secret(&label, rules)
    }

    fn touch(&mut self, label: &Label) {
        self.0.touch(label);
    }
}

fn tell_tokens(module: Option<&Path>) -> Result<(), Failure> {
    let listed = list(&program()?, module)?;
    say(format!("{} tokens", listed.len()));
    for Listed { serial, name } in listed {
        say(format!("  {}  {}", escape(&serial), escape(&name)));
        if let Some(module) = module {
            // As a plan takes it, once the key's id is put in: ;id=%0a before the question mark.
            say(format!("    {}", uri_of_token(&module.display().to_string(), &serial)));
        }
    }
    Ok(())
}

impl Attest {
    fn run(self) -> Result<(), Failure> {
        let [slot, device] = self.verify.as_slice() else {
            return Err(Failure::input("--verify takes two files: the slot's and the device's"));
        };
        let mut anchors = Anchors::yubico();
        for path in &self.intermediate {
            anchors = anchors.with_intermediate(certificate(path)?);
        }
        let proven = verify(&certificate(slot)?, &certificate(device)?, &anchors).map_err(|why| {
            let (exit, hint) = match &why {
                BadAttestation::Foreign { .. } => (
                    Exit::CannotTell,
                    "Some intermediates are not bundled: name one with --intermediate FILE.",
                ),
                BadAttestation::NotACertificate { .. } => {
                    (Exit::Input, "Expected a certificate in PEM or DER.")
                }
                BadAttestation::NotSigned { .. } | BadAttestation::Missing { .. } => (
                    Exit::Wrong,
                    "Expected what `yubico-piv-tool -a attest` or `ykman piv keys attest` writes, and \
                     the certificate of slot f9.",
                ),
            };
            Failure::new(exit, escape(&why.to_string())).hint(hint)
        })?;
        say(format!("[ok] {}", escape(&words(&proven))));
        say(format!("     key {}", proven.public.fingerprint()));
        for flaw in flaws(proven.firmware) {
            say(format!("[!!] {}", flaw.text));
        }
        match &self.within {
            None => Ok(()),
            Some(root) => listed_in(root, &proven.public),
        }
    }
}

/// Where a root lists the key, by its public half.
fn listed_in(path: &Path, key: &PublicKey) -> Result<(), Failure> {
    let bytes = super::read(path, MAX_DOCUMENT)?;
    let shown = escape(&path.display().to_string());
    let root = match sniff(&bytes) {
        Some((dialect, kind)) if kind == "root" => Signed::<Root>::read(dialect, &bytes)
            .map_err(|why| Failure::input(escape(&format!("{shown}: {why}"))))?,
        Some(_) | None => return Err(Failure::input(format!("{shown} is no root"))),
    };
    let body = root.peek();
    let ids: Vec<&KeyId> =
        body.keys.iter().filter(|(_, listed)| listed.public == *key).map(|(id, _)| id).collect();
    let roles: Vec<String> = body
        .roles
        .iter()
        .filter(|(_, role)| role.keyids.iter().any(|id| ids.contains(&id)))
        .map(|(name, _)| escape(name.as_str()))
        .collect();
    if roles.is_empty() {
        let fingerprint: Fingerprint = key.fingerprint();
        return Err(Failure::new(
            Exit::Wrong,
            format!("no role of {shown} lists the attested key {fingerprint}"),
        ));
    }
    say(format!("[ok] {shown}, version {}, lists it for {}", body.version, roles.join(", ")));
    Ok(())
}

/// Which token is meant: a YubiKey by its number, or one of a PKCS#11 module.
fn token(serial: &str, module: Option<&Path>) -> Result<(Token, String), Failure> {
    if let Some(module) = module {
        let token = Token::Pkcs11 { module: module.to_owned(), serial: serial.to_owned() };
        return Ok((token, format!("PKCS#11 token {}", escape(serial))));
    }
    let number = serial.parse().map_err(|_| {
        Failure::input(format!("{} is no serial number of a YubiKey", escape(serial)))
            .hint("For a PKCS#11 token, name its module with --module FILE.")
    })?;
    Ok((Token::Yubikey(number), format!("YubiKey {number}")))
}

/// What went wrong with a token, with its name and what to do.
fn trouble(error: &TokenError, place: &str) -> Failure {
    let what = error.to_string();
    let failure = Failure::from(error.clone());
    let said = |what: &str| Failure { what: format!("{place}: {}", escape(what)), ..failure };
    match error {
        TokenError::WrongSecret { tries_left: Some(1) } => said("wrong; 1 try is left"),
        TokenError::WrongSecret { tries_left: Some(left) } => {
            said(&format!("wrong; {left} tries are left"))
        }
        TokenError::WrongSecret { tries_left: None } => said("wrong; how many tries are left it does not tell"),
        TokenError::Absent | TokenError::Other { .. } => {
            said(&what).hint("Which tokens are in: anchorite token list")
        }
        TokenError::Blocked => said(&what).hint(
            "A YubiKey gets a new PIN with its PUK: anchorite token pin SERIAL --unblock. A blocked PUK is \
             never unblocked. A PKCS#11 token is unblocked by its security officer, with the vendor's tool.",
        ),
        TokenError::NoSecret => said(&what).hint("Nothing was changed."),
        TokenError::NoSuchKey(_)
        | TokenError::Occupied(_)
        | TokenError::NoTouch
        | TokenError::Gone
        | TokenError::Silent
        | TokenError::Crashed { .. }
        | TokenError::Device(_)
        | TokenError::BadSignature
            | TokenError::Unguarded(_)
        | TokenError::Unsupported(_)
        | TokenError::File { .. } => said(&what),
    }
}

/// Reads a certificate in PEM or DER.
fn certificate(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = super::read(path, 1 << 16)?;
    match der::pem::decode_vec(&bytes) {
        Ok((_, der)) => Ok(der),
        Err(_) => Ok(bytes),
    }
}

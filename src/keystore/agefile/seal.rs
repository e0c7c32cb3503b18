//! Encrypting a key into an age file, and the way back.

use std::io::{Read as _, Write as _};
use std::str::FromStr as _;

use age::secrecy::SecretString;
use zeroize::Zeroizing;

use super::super::pages::Locked;
use super::super::software_key::SoftwareKey;
use super::super::{Secret, TokenError};
use super::header::OpensWith;
use super::{MAX_FILE, MAX_WORK_FACTOR};

/// Room for a private key in PEM, more than any needs: two pages.
const MAX_PLAIN: usize = 8192;

/// Encrypts under a passphrase, armoured.
pub(super) fn encrypt(pem: &str, secret: &Secret, work_factor: u8) -> Result<Vec<u8>, TokenError> {
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(secret.expose().to_owned()));
    recipient.set_work_factor(work_factor);
    let recipient: &dyn age::Recipient = &recipient;
    seal(pem, &[recipient])
}

/// Encrypts a key for `age1…` recipients, armoured.
pub fn encrypt_for(recipients: &[String], pem: &str) -> Result<Vec<u8>, TokenError> {
    let read = recipients
        .iter()
        .map(|text| {
            age::x25519::Recipient::from_str(text).map_err(|_| TokenError::File {
                path: text.clone(),
                what: "is not a recipient such as age1…".to_owned(),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut all: Vec<&dyn age::Recipient> = Vec::new();
    for recipient in &read {
        all.push(recipient);
    }
    seal(pem, &all)
}

fn seal(pem: &str, recipients: &[&dyn age::Recipient]) -> Result<Vec<u8>, TokenError> {
    let failed = |what: String| TokenError::Unsupported(format!("encryption failed: {what}"));
    let encryptor = age::Encryptor::with_recipients(recipients.iter().copied())
        .map_err(|_| failed("no usable recipient".to_owned()))?;
    let mut out = Vec::new();
    let armour = age::armor::ArmoredWriter::wrap_output(&mut out, age::armor::Format::AsciiArmor)
        .map_err(|error| failed(error.to_string()))?;
    let mut writer = encryptor.wrap_output(armour).map_err(|error| failed(error.to_string()))?;
    writer
        .write_all(pem.as_bytes())
        .and_then(|()| writer.finish())
        .and_then(age::armor::ArmoredWriter::finish)
        .map_err(|error| failed(error.to_string()))?;
    Ok(out)
}

/// Decrypts a key file with a passphrase. Nothing of the plaintext is used before its end was authenticated.
pub fn decrypt(bytes: &[u8], secret: &Secret) -> Result<SoftwareKey, TokenError> {
    by_passphrase(bytes, secret)?.key()
}

/// Decrypts a key file with identities: lines `AGE-SECRET-KEY-1…`, empty ones, and comments.
pub fn decrypt_with(bytes: &[u8], identities: &Secret) -> Result<SoftwareKey, TokenError> {
    by_identities(bytes, identities.expose())?.key()
}

pub(super) fn by_passphrase(bytes: &[u8], secret: &Secret) -> Result<Plain, TokenError> {
    let binary = unarmoured(bytes)?;
    match opens_with(&binary)? {
        OpensWith::Passphrase { .. } => {}
        OpensWith::Recipients(_) => {
            return Err(file("it has recipients instead of a passphrase"));
        }
    }
    let mut identity = age::scrypt::Identity::new(SecretString::from(secret.expose().to_owned()));
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    open(&binary, &[&identity], &TokenError::WrongSecret { tries_left: None })
}

pub(super) fn by_identities(bytes: &[u8], identities: &str) -> Result<Plain, TokenError> {
    let known = identities_of(identities)?;
    let binary = unarmoured(bytes)?;
    match opens_with(&binary)? {
        OpensWith::Recipients(_) => {}
        OpensWith::Passphrase { .. } => {
            return Err(file("it has a passphrase instead of recipients"));
        }
    }
    let mut all: Vec<&dyn age::Identity> = Vec::new();
    for identity in &known {
        all.push(identity);
    }
    open(&binary, &all, &file("none of the identities opens it, or it is damaged"))
}

/// What opens a key file, armoured or not.
pub fn opened_by(bytes: &[u8]) -> Result<OpensWith, TokenError> {
    opens_with(&unarmoured(bytes)?)
}

/// The recipients whose identities stand in a text; nothing for a text that holds none.
pub fn recipients_in(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| age::x25519::Identity::from_str(line.trim()).ok())
        .map(|identity| identity.to_public().to_string())
        .collect()
}

fn identities_of(text: &str) -> Result<Vec<age::x25519::Identity>, TokenError> {
    let bad = || file("expected an identity file of age: lines AGE-SECRET-KEY-1…");
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let known = lines
        .map(|line| age::x25519::Identity::from_str(line).map_err(|_| bad()))
        .collect::<Result<Vec<_>, _>>()?;
    if known.is_empty() { Err(bad()) } else { Ok(known) }
}

/// An error whose file is named by the caller.
fn file(what: &str) -> TokenError {
    TokenError::File { path: String::new(), what: what.to_owned() }
}

fn opens_with(binary: &[u8]) -> Result<OpensWith, TokenError> {
    OpensWith::read(binary, MAX_WORK_FACTOR).map_err(|why| file(&why.to_string()))
}

/// The file without its armour, where it has one.
fn unarmoured(bytes: &[u8]) -> Result<Vec<u8>, TokenError> {
    let trimmed = bytes.trim_ascii_start();
    if !trimmed.starts_with(b"-----BEGIN AGE") {
        return Ok(bytes.to_vec());
    }
    let mut binary = Vec::new();
    age::armor::ArmoredReader::new(trimmed).take(MAX_FILE + 1).read_to_end(&mut binary).map_err(
        |_| file("its armour is damaged or cut short, or something else stands beside it"),
    )?;
    Ok(binary)
}

/// Decrypts with any of these; `locked` is the error where none fits.
fn open(
    binary: &[u8],
    identities: &[&dyn age::Identity],
    locked: &TokenError,
) -> Result<Plain, TokenError> {
    let decryptor = age::Decryptor::new_buffered(binary)
        .map_err(|_| file("its header is damaged or cut short"))?;
    let mut stream = decryptor.decrypt(identities.iter().copied()).map_err(|_| locked.clone())?;
    let mut bytes = Locked::new(Zeroizing::new([0; MAX_PLAIN]));
    let mut length = 0;
    loop {
        let rest = bytes.get_mut(length..).unwrap_or_default();
        match stream.read(rest).map_err(|_| file("it is damaged or cut short"))? {
            0 if length == MAX_PLAIN => return Err(file("it holds more than a private key")),
            0 => return Ok(Plain { bytes, length }),
            count => length += count,
        }
    }
}

/// What was in a file, up to its authenticated end.
pub(super) struct Plain {
    bytes: Locked<Zeroizing<[u8; MAX_PLAIN]>>,
    length: usize,
}

impl Plain {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn key(&self) -> Result<SoftwareKey, TokenError> {
        std::str::from_utf8(self.bytes())
            .ok()
            .and_then(SoftwareKey::from_pkcs8_pem)
            .ok_or_else(|| file("it holds no private key that can be used"))
    }
}

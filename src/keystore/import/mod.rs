//! Key files from elsewhere: PKCS#8, Docker and Notary, securesystemslib, go-tuf. They are read here and never written.
//!
//! A file is read in two steps: what it is, for which nobody is asked anything, and then the key in it.

mod go_tuf;
mod legacy;
mod notary;
mod pbes2;
mod pem;
mod pkcs8;
mod securesystemslib;
mod text;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::tuf::key::KeyId;

use super::{Secret, software_key::SoftwareKey};

/// The largest key file: 64 KiB.
const MAX_FILE: u64 = 64 * 1024;

/// A key file from elsewhere: what can be said of it without its passphrase.
pub struct KeyFile {
    form: Form,
    note: notary::Note,
    body: Body,
}

/// In whose form a key file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `PRIVATE KEY` or `ENCRYPTED PRIVATE KEY` (RFC 5958).
    Pkcs8,
    /// `EC PRIVATE KEY` (RFC 5915).
    Sec1,
    /// Docker's and Notary's: PEM with header lines.
    Notary,
    /// securesystemslib's: JSON, or its parts between `@@@@`.
    Securesystemslib,
    /// go-tuf's `keys/ROLE.json`.
    GoTuf,
}

/// What holds the key.
enum Body {
    /// PKCS#8 in DER.
    Pkcs8(Zeroizing<Vec<u8>>),
    /// PKCS#8 in DER, encrypted.
    Pbes2(Box<pbes2::Sealed>),
    /// An old PEM block: what is inside, how it is encrypted, if it is, and its bytes.
    Legacy(legacy::Inside, Option<legacy::Cipher>, Zeroizing<Vec<u8>>),
    /// A JSON key of securesystemslib.
    Json(Zeroizing<Vec<u8>>),
    /// The same, encrypted.
    SealedJson(securesystemslib::Sealed),
    /// A list of JSON keys of go-tuf.
    List(Zeroizing<Vec<u8>>),
    /// The same, encrypted.
    SealedList(go_tuf::Sealed),
}

impl KeyFile {
    /// Says what a file is. Its path counts, since Notary keeps ids, roles and repositories in file names.
    pub fn read(path: &Path, bytes: &[u8]) -> Result<Self, BadImport> {
        let shown = bytes.trim_ascii_start();
        if shown.starts_with(b"age-encryption.org/") || shown.starts_with(b"-----BEGIN AGE") {
            return Err(BadImport::AgeFile);
        }
        let plain = |form, body| Ok(Self { form, note: notary::Note::default(), body });
        if shown.starts_with(b"{") {
            return match go_tuf::read(shown)? {
                Some(go_tuf::Found::Sealed(sealed)) => plain(Form::GoTuf, Body::SealedList(sealed)),
                Some(go_tuf::Found::Plain(list)) => plain(Form::GoTuf, Body::List(list)),
                None => {
                    let json = Zeroizing::new(shown.to_vec());
                    plain(Form::Securesystemslib, Body::Json(json))
                }
            };
        }
        if let Some(sealed) = securesystemslib::Sealed::read(shown)? {
            return plain(Form::Securesystemslib, Body::SealedJson(sealed));
        }
        Self::of_block(path, pem::private_block(bytes)?)
    }

    fn of_block(path: &Path, block: pem::Block) -> Result<Self, BadImport> {
        let note = notary::Note::of(path, &block);
        let (form, body) = match block.label.as_str() {
            "PRIVATE KEY" => (Form::Pkcs8, Body::Pkcs8(block.der)),
            "ENCRYPTED PRIVATE KEY" => {
                (Form::Pkcs8, Body::Pbes2(Box::new(pbes2::Sealed::read(&block.der)?)))
            }
            "EC PRIVATE KEY" => {
                let cipher = legacy::Cipher::of(&block)?;
                (Form::Sec1, Body::Legacy(legacy::Inside::Sec1, cipher, block.der))
            }
            "ED25519 PRIVATE KEY" => {
                let cipher = legacy::Cipher::of(&block)?;
                (Form::Notary, Body::Legacy(legacy::Inside::Ed25519, cipher, block.der))
            }
            "RSA PRIVATE KEY" => return Err(BadImport::Rsa),
            "OPENSSH PRIVATE KEY" => return Err(BadImport::OpenSsh),
            other => return Err(BadImport::Label(other.to_owned())),
        };
        let form = if note.is_notary() { Form::Notary } else { form };
        Ok(Self { form, note, body })
    }

    /// In whose form it is.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The role that the file, or its place, says the key is for.
    pub fn role(&self) -> Option<&str> {
        self.note.role.as_deref()
    }

    /// The repository that the file, or its place, says the key is for.
    pub fn gun(&self) -> Option<&str> {
        self.note.gun.as_deref()
    }

    /// Whether a passphrase is needed.
    pub const fn is_encrypted(&self) -> bool {
        match &self.body {
            Body::Pbes2(_) | Body::SealedJson(_) | Body::SealedList(_) => true,
            Body::Legacy(_, cipher, _) => cipher.is_some(),
            Body::Pkcs8(_) | Body::Json(_) | Body::List(_) => false,
        }
    }

    /// Takes the keys out: one, but for go-tuf, whose files may hold several. Where the file's name is a key id, the key
    /// must have that id: Notary's encryption alone does not tell a wrong passphrase from a right one.
    pub fn open(&self, secret: Option<&Secret>) -> Result<Vec<SoftwareKey>, BadImport> {
        let secret = || secret.ok_or(BadImport::NoPassphrase);
        // Bytes that were deciphered and make no sense were deciphered with the wrong passphrase, or are damaged.
        let garbage = |error: BadImport| match error {
            BadImport::Rsa | BadImport::Algorithm(_) => error,
            BadImport::NoKey
            | BadImport::AgeFile
            | BadImport::Several(_)
            | BadImport::Label(_)
            | BadImport::OpenSsh
            | BadImport::Damaged(_)
            | BadImport::Encryption(_)
            | BadImport::TooMuchWork(_)
            | BadImport::NoPassphrase
            | BadImport::WrongPassphrase
            | BadImport::OtherPublic
            | BadImport::OtherId { .. } => BadImport::WrongPassphrase,
        };
        let key = match &self.body {
            Body::Pkcs8(der) => pkcs8::key(der)?,
            Body::Pbes2(sealed) => pkcs8::key(&sealed.open(secret()?)?).map_err(garbage)?,
            Body::Legacy(inside, None, bytes) => inside.key(bytes)?,
            Body::Legacy(inside, Some(cipher), bytes) => {
                inside.key(&cipher.open(bytes, secret()?)?).map_err(garbage)?
            }
            Body::Json(json) => securesystemslib::key(json)?,
            Body::SealedJson(sealed) => securesystemslib::key(&sealed.open(secret()?)?)?,
            Body::List(list) => return go_tuf::keys(list),
            Body::SealedList(sealed) => return go_tuf::keys(&sealed.open(secret()?)?),
        };
        self.note.check(key.public_key())?;
        Ok(vec![key])
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFile({})", self.form)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pkcs8 => "PKCS#8 PEM",
            Self::Sec1 => "EC PRIVATE KEY PEM",
            Self::Notary => "Docker and Notary",
            Self::Securesystemslib => "securesystemslib",
            Self::GoTuf => "go-tuf",
        })
    }
}

/// A key file as it lies on disk.
pub struct OnDisk {
    /// Its bytes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Whether others than its owner may read it, or change it.
    pub open_to_others: bool,
}

/// Reads a file that may hold a secret: a plain file of at most 64 KiB, into memory that is wiped and never grows.
pub fn read_file(path: &Path) -> io::Result<OnDisk> {
    let waits_for_nobody = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(waits_for_nobody).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file"));
    }
    let capacity = usize::try_from(MAX_FILE + 2).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE {
        let why = format!("it is larger than {MAX_FILE} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(OnDisk { bytes, open_to_others: found.mode() & 0o077 != 0 })
}

/// Why a key does not come in. No value holds anything secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadImport {
    /// There is no private key in the file.
    #[error("it holds no private key in a form that is known here")]
    NoKey,
    /// It is an age file.
    #[error("it is an age file")]
    AgeFile,
    /// More than one private key in PEM.
    #[error("it holds {0} private keys, expected one")]
    Several(usize),
    /// A PEM block of another kind.
    #[error("it holds a PEM block labelled {0:?}, expected a private key")]
    Label(String),
    /// OpenSSH's own form.
    #[error("it is in OpenSSH's own form")]
    OpenSsh,
    /// An RSA key.
    #[error("it holds an RSA key; RSA keys sign in tokens only")]
    Rsa,
    /// Another algorithm or curve.
    #[error("its algorithm or curve is {0}; Ed25519, P-256 and P-384 are known")]
    Algorithm(String),
    /// Bytes that do not make sense at this place.
    #[error("it is damaged or cut short: {0}")]
    Damaged(&'static str),
    /// An encryption that is not known.
    #[error("its encryption is not known here: {0}")]
    Encryption(String),
    /// A derivation that would take too long or too much memory.
    #[error("its passphrase derivation asks for {0}, more than is tried")]
    TooMuchWork(String),
    /// It is encrypted and nobody gave the passphrase.
    #[error("no passphrase was given")]
    NoPassphrase,
    /// What was deciphered makes no sense.
    #[error("wrong passphrase or damaged file")]
    WrongPassphrase,
    /// The public half beside the private one is another key's.
    #[error("the public half in it does not belong to its private half")]
    OtherPublic,
    /// The key is another than the file's name or header says.
    #[error("the key in it has the id {found}, and the file says {expected}")]
    OtherId {
        /// The key's own canonical id.
        found: KeyId,
        /// The id by the file's name or `path:` header.
        expected: KeyId,
    },
}

#[cfg(test)]
mod tests;

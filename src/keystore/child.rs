//! Hardware stores in a process of their own: a vendor's library may crash, hang or keep what it was told, so it runs in
//! a child of this program that ends after use.
//!
//! The two talk over the child's standard input and output: one JSON line each way, and a secret as a frame of its
//! own (one byte that says whether there is one, two bytes of length, its bytes), so that it is never part of a line. The child
//! submits at most one secret an order. What it signs is verified again on this side.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::tuf::key::{Fingerprint, PublicKey};
use crate::tuf::signature::Signature;

use super::memory;
use super::pkcs11::{self, Pkcs11Key, Pkcs11Token};
use super::provision::{Provisioned, provision};
use super::yubikey::{self, YubikeySlot, YubikeyStore};
use super::{KeyStore, Label, Made, Rules, Secret, Seen, Signer, Spec, TokenError, Unlock};

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

/// What the child is told to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Order {
    List { module: Option<PathBuf> },
    Provision { serial: u32, label: Label },
    Open { device: Device, label: Label },
    Look,
    Make(Spec),
    Sign { key: Fingerprint, message: String },
}

/// What the child says. From `Opened` on, it ends an order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Said {
    Secret { tries_left: Option<u8> },
    NewSecret(Rules),
    Touch,
    Opened,
    Listed(Vec<Listed>),
    Provisioned(Provisioned),
    Seen(Seen),
    Made(Made),
    Signed(Signature),
    Failed(TokenError),
}

impl Said {
    fn seen(self) -> Option<Seen> {
        if let Self::Seen(seen) = self { Some(seen) } else { None }
    }
}

/// How long the child may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// After this, what drives the token is taken to hang, and is ended.
    pub limit: Duration,
    /// After this, people may give it up before the limit.
    pub give_up: Duration,
}

impl Default for Patience {
    /// Two minutes, for slow cards that wait for a touch; people may give up after three seconds.
    fn default() -> Self {
        Self { limit: Duration::from_mins(2), give_up: Duration::from_secs(3) }
    }
}

/// A hardware store, driven by a child process.
#[derive(Debug, Clone)]
pub struct Driven {
    program: PathBuf,
    device: Device,
    label: Label,
    patience: Patience,
}

impl Driven {
    /// Drives `device` by `program`, which is this program's own file.
    pub fn new(program: PathBuf, device: Device, label: Label) -> Self {
        Self { program, device, label, patience: Patience::default() }
    }

    /// Waits no longer than this.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    fn start(&self, unlock: &mut dyn Unlock) -> Result<Line, TokenError> {
        let mut line = Line::start(&self.program, self.label.clone(), self.patience)?;
        let open = Order::Open { device: self.device.clone(), label: self.label.clone() };
        line.carry_out(&open, unlock, |said| matches!(said, Said::Opened).then_some(()))?;
        Ok(line)
    }
}

impl KeyStore for Driven {
    fn look(&mut self) -> Result<Seen, TokenError> {
        let mut line = self.start(&mut Nobody)?;
        line.carry_out(&Order::Look, &mut Nobody, Said::seen)
    }

    fn make(&mut self, spec: &Spec, unlock: &mut dyn Unlock) -> Result<Made, TokenError> {
        let mut line = self.start(unlock)?;
        line.carry_out(&Order::Make(spec.clone()), unlock, |said| {
            if let Said::Made(made) = said { Some(made) } else { None }
        })
    }

    fn signer(
        &mut self,
        key: &Fingerprint,
        unlock: &mut dyn Unlock,
    ) -> Result<Box<dyn Signer + '_>, TokenError> {
        let mut line = self.start(unlock)?;
        let seen = line.carry_out(&Order::Look, unlock, Said::seen)?;
        let public = seen.keys.into_iter().find(|public| public.fingerprint() == *key);
        let public = public.ok_or(TokenError::NoSuchKey(*key))?;
        Ok(Box::new(DrivenSigner { line, public }))
    }
}

struct DrivenSigner {
    line: Line,
    public: PublicKey,
}

impl Signer for DrivenSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&mut self, message: &[u8], unlock: &mut dyn Unlock) -> Result<Signature, TokenError> {
        let order = Order::Sign {
            key: self.public.fingerprint(),
            message: data_encoding::BASE64.encode(message),
        };
        let signature = self.line.carry_out(&order, unlock, |said| {
            if let Said::Signed(signature) = said { Some(signature) } else { None }
        })?;
        if self.public.verifies(message, &signature) {
            Ok(signature)
        } else {
            Err(TokenError::BadSignature)
        }
    }
}

/// A token that is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its serial number.
    pub serial: String,
    /// What it calls itself.
    pub name: String,
}

/// Lists the tokens of a PKCS#11 module, or the YubiKeys where none is named.
pub fn list(program: &Path, module: Option<&Path>) -> Result<Vec<Listed>, TokenError> {
    let label = Label {
        key: "list".parse().expect("it is a name"),
        holder: String::new(),
        place: String::new(),
        kind: super::SecretKind::Pin,
    };
    let mut line = Line::start(program, label, Patience::default())?;
    let order = Order::List { module: module.map(Path::to_owned) };
    line.carry_out(&order, &mut Nobody, |said| {
        if let Said::Listed(listed) = said { Some(listed) } else { None }
    })
}

/// Replaces what is still the factory's on a `YubiKey`.
pub fn provision_yubikey(
    program: &Path,
    serial: u32,
    label: Label,
    unlock: &mut dyn Unlock,
) -> Result<Provisioned, TokenError> {
    let mut line = Line::start(program, label.clone(), Patience::default())?;
    line.carry_out(&Order::Provision { serial, label }, unlock, |said| {
        if let Said::Provisioned(done) = said { Some(done) } else { None }
    })
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

/// A look asks nobody for anything.
struct Nobody;

impl Unlock for Nobody {
    fn secret(&mut self, _: &Label, _: Option<u8>) -> Option<Secret> {
        None
    }
    fn new_secret(&mut self, _: &Label, _: &Rules) -> Option<Secret> {
        None
    }
    fn touch(&mut self, _: &Label) {}
}

/// The line to a child that lives.
struct Line {
    child: Child,
    orders: Option<ChildStdin>,
    said: Receiver<io::Result<Said>>,
    label: Label,
    patience: Patience,
}

impl Line {
    fn start(program: &Path, label: Label, patience: Patience) -> Result<Self, TokenError> {
        let failed = |error: io::Error| TokenError::Device(format!("its driver: {error}"));
        let mut child = Command::new(program)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let orders = child.stdin.take();
        let Some(output) = child.stdout.take() else {
            return Err(TokenError::Device("its driver has no output".to_owned()));
        };
        let (heard, said) = channel();
        thread::Builder::new()
            .name("token".to_owned())
            .spawn(move || {
                for line in BufReader::new(output).lines() {
                    let read = line.and_then(|line| {
                        serde_json::from_str(&line).map_err(|_| io::ErrorKind::InvalidData.into())
                    });
                    let over = read.is_err();
                    if heard.send(read).is_err() || over {
                        return;
                    }
                }
            })
            .map_err(failed)?;
        Ok(Self { child, orders, said, label, patience })
    }

    /// Gives an order, stays on the line until it has ended, and takes from its end what was asked for.
    fn carry_out<T>(
        &mut self,
        order: &Order,
        unlock: &mut dyn Unlock,
        take: impl FnOnce(Said) -> Option<T>,
    ) -> Result<T, TokenError> {
        let mut line = serde_json::to_vec(order)
            .map_err(|error| TokenError::Device(format!("its driver: {error}")))?;
        line.push(b'\n');
        self.write(&line)?;
        loop {
            match self.wait(unlock)? {
                Said::Secret { tries_left } => {
                    let secret = unlock.secret(&self.label, tries_left);
                    self.answer(secret.as_ref())?;
                }
                Said::NewSecret(rules) => {
                    let secret = unlock.new_secret(&self.label, &rules);
                    self.answer(secret.as_ref())?;
                }
                Said::Touch => unlock.touch(&self.label),
                Said::Failed(error) => return Err(error),
                ended @ (Said::Opened
                | Said::Listed(_)
                | Said::Provisioned(_)
                | Said::Seen(_)
                | Said::Made(_)
                | Said::Signed(_)) => {
                    return take(ended).ok_or_else(|| {
                        self.end();
                        let what = "its driver answered something else than was asked";
                        TokenError::Device(what.to_owned())
                    });
                }
            }
        }
    }

    /// Waits for what the child says next. One that hangs is ended.
    fn wait(&mut self, unlock: &mut dyn Unlock) -> Result<Said, TokenError> {
        let since = Instant::now();
        loop {
            match self.said.recv_timeout(Duration::from_millis(100)) {
                Ok(Ok(said)) => return Ok(said),
                Ok(Err(_)) => {
                    self.end();
                    return Err(TokenError::Device("its driver talks nonsense".to_owned()));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.crashed()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let silent = since.elapsed();
            let given_up = silent >= self.patience.give_up && unlock.given_up();
            if given_up || silent >= self.patience.limit {
                self.end();
                return Err(TokenError::Silent);
            }
        }
    }

    fn answer(&mut self, secret: Option<&Secret>) -> Result<(), TokenError> {
        let text = secret.map(Secret::expose).unwrap_or_default();
        let length = u16::try_from(text.len()).map_err(|_| {
            TokenError::Unsupported("a secret of more than 65,535 bytes".to_owned())
        })?;
        let mut frame = Zeroizing::new(Vec::with_capacity(3 + text.len()));
        frame.push(u8::from(secret.is_some()));
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(text.as_bytes());
        self.write(&frame)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TokenError> {
        let written = match &mut self.orders {
            Some(orders) => orders.write_all(bytes).and_then(|()| orders.flush()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        written.map_err(|_| self.crashed())
    }

    fn crashed(&mut self) -> TokenError {
        self.orders = None;
        let how = match self.child.wait() {
            Ok(status) => match (status.signal(), status.code()) {
                (Some(signal), _) => format!("signal {signal}"),
                (None, Some(code)) => format!("status {code}"),
                (None, None) => "no status".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        TokenError::Crashed { how }
    }

    fn end(&mut self) {
        self.orders = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Line {
    /// A child that has nothing more to do ends by itself when its input ends; one that does not is ended.
    fn drop(&mut self) {
        self.orders = None;
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            thread::sleep(Duration::from_millis(2));
        }
        self.end();
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
            (Order::List { module }, _) => listed(module.as_deref()).map(Said::Listed),
            (Order::Open { device, label }, _) => open(device, label).map(|opened| {
                store = Some(opened);
                Said::Opened
            }),
            (Order::Look | Order::Make(_) | Order::Sign { .. }, None) => {
                Err(TokenError::Device("nothing is open".to_owned()))
            }
            (Order::Look, Some(store)) => store.look().map(Said::Seen),
            (Order::Make(spec), Some(store)) => store.make(&spec, &mut other_side).map(Said::Made),
            (Order::Sign { key, message }, Some(store)) => {
                let message = data_encoding::BASE64.decode(message.as_bytes()).unwrap_or_default();
                store
                    .signer(&key, &mut other_side)
                    .and_then(|mut signer| signer.sign(&message, &mut other_side))
                    .map(Said::Signed)
            }
        };
        other_side.say(&done.unwrap_or_else(Said::Failed))?;
    }
    Ok(())
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
    fn secret(&mut self, _: &Label, tries_left: Option<u8>) -> Option<Secret> {
        self.say(&Said::Secret { tries_left }).ok()?;
        self.answer()
    }

    fn new_secret(&mut self, _: &Label, rules: &Rules) -> Option<Secret> {
        self.say(&Said::NewSecret(rules.clone())).ok()?;
        self.answer()
    }

    fn touch(&mut self, _: &Label) {
        let _ = self.say(&Said::Touch);
    }
}

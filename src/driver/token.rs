//! The line to the child that drives a token: started, given orders, waited for, and ended when it hangs. What it signs is
//! verified again on this side.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::keystore::child::{COMMAND, Device, Held, Listed, Order, Said, Token};
use crate::keystore::provision::Provisioned;
use crate::keystore::{
    KeyStore, Label, Made, Rules, Secret, SecretKind, Seen, Signed, Signer, Spec, TokenError,
    Unlock,
};
use crate::tuf::key::{Fingerprint, PublicKey};
use crate::tuf::signature::Signature;

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

/// How long a child may take to end once its input has ended.
const FAREWELL: Duration = Duration::from_millis(100);

/// A hardware store, driven by a child process. Its clones know together what people were told.
#[derive(Debug, Clone)]
pub struct Driven {
    program: PathBuf,
    device: Device,
    label: Label,
    patience: Patience,
    /// Whether people were told that the token does not guard the key.
    told: Arc<AtomicBool>,
}

impl Driven {
    /// Drives `device` by `program`, which is this program's own file.
    pub fn new(program: PathBuf, device: Device, label: Label) -> Self {
        let told = Arc::new(AtomicBool::new(false));
        Self { program, device, label, patience: Patience::default(), told }
    }

    /// Waits no longer than this.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    fn start(&self, unlock: &mut dyn Unlock) -> Result<Line, TokenError> {
        let mut line = Line::start(&self.program, self.label.clone(), self.patience)?;
        let mut device = self.device.clone();
        if let Device::Pkcs11(key) = &mut device {
            key.unguarded = self.told.load(Ordering::Relaxed);
        }
        let open = Order::Open { device, label: self.label.clone() };
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
        let public = line.carry_out(&Order::Find(*key), unlock, |said| {
            if let Said::Found(public) = said { Some(public) } else { None }
        })?;
        if public.fingerprint() != *key {
            return Err(TokenError::NoSuchKey(*key));
        }
        Ok(Box::new(DrivenSigner { line, public, told: Arc::clone(&self.told) }))
    }

    fn sign(
        &mut self,
        key: &Fingerprint,
        message: &[u8],
        unlock: &mut dyn Unlock,
    ) -> Result<Signed, TokenError> {
        self.start(unlock)?.sign(key, message, unlock, &self.told)
    }
}

struct DrivenSigner {
    line: Line,
    public: PublicKey,
    told: Arc<AtomicBool>,
}

impl Signer for DrivenSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&mut self, message: &[u8], unlock: &mut dyn Unlock) -> Result<Signature, TokenError> {
        let key = self.public.fingerprint();
        self.line.sign(&key, message, unlock, &self.told).map(|signed| signed.signature)
    }
}

/// Lists the tokens of a PKCS#11 module, or the YubiKeys where none is named.
pub fn list(program: &Path, module: Option<&Path>) -> Result<Vec<Listed>, TokenError> {
    let mut line = Line::start(program, nobodys(), Patience::default())?;
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

/// Changes the PIN of a token, or the PUK of a `YubiKey`: the one that the label names.
pub fn change_secret(
    program: &Path,
    token: Token,
    label: Label,
    unlock: &mut dyn Unlock,
) -> Result<(), TokenError> {
    let mut line = Line::start(program, label.clone(), Patience::default())?;
    line.carry_out(&Order::ChangeSecret { token, label }, unlock, |said| {
        matches!(said, Said::Changed).then_some(())
    })
}

/// Sets a new PIN of a `YubiKey` with its PUK, where the PIN is blocked or forgotten.
pub fn unblock_yubikey(
    program: &Path,
    serial: u32,
    label: Label,
    unlock: &mut dyn Unlock,
) -> Result<(), TokenError> {
    let mut line = Line::start(program, label.clone(), Patience::default())?;
    line.carry_out(&Order::Unblock { serial, label }, unlock, |said| {
        matches!(said, Said::Changed).then_some(())
    })
}

/// Says which places of a token are taken, and by which keys. Asks for nothing.
pub fn inventory(program: &Path, token: Token) -> Result<Vec<Held>, TokenError> {
    let mut line = Line::start(program, nobodys(), Patience::default())?;
    line.carry_out(&Order::Inventory { token }, &mut Nobody, |said| {
        if let Said::Inventory(held) = said { Some(held) } else { None }
    })
}

/// Destroys every key, certificate and secret of a `YubiKey`'s PIV application, and looks that they are gone.
pub fn reset_yubikey(program: &Path, serial: u32) -> Result<(), TokenError> {
    let mut line = Line::start(program, nobodys(), Patience::default())?;
    line.carry_out(&Order::Reset { serial }, &mut Nobody, |said| {
        matches!(said, Said::Emptied).then_some(())
    })
}

/// The label of what asks nobody.
fn nobodys() -> Label {
    Label {
        key: "token".parse().expect("it is a name"),
        holder: String::new(),
        place: String::new(),
        kind: SecretKind::Pin,
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

    /// Has the key sign, and verifies what comes back.
    fn sign(
        &mut self,
        key: &Fingerprint,
        message: &[u8],
        unlock: &mut dyn Unlock,
        told: &AtomicBool,
    ) -> Result<Signed, TokenError> {
        let order = Order::Sign { key: *key, message: data_encoding::BASE64.encode(message) };
        let signed = self.carry_out(&order, unlock, |said| {
            if let Said::Signed(signed) = said { Some(signed) } else { None }
        });
        if matches!(signed, Err(TokenError::Unguarded(_))) {
            told.store(true, Ordering::Relaxed);
        }
        let signed = signed?;
        if signed.public.fingerprint() == *key && signed.public.verifies(message, &signed.signature)
        {
            Ok(signed)
        } else {
            Err(TokenError::BadSignature)
        }
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
                Said::Secret { kind, tries_left } => {
                    let secret = unlock.secret(&self.named(kind), tries_left);
                    self.answer(secret.as_ref())?;
                }
                Said::NewSecret { kind, rules } => {
                    let secret = unlock.new_secret(&self.named(kind), &rules);
                    self.answer(secret.as_ref())?;
                }
                Said::Touch => unlock.touch(&self.label),
                Said::Failed(error) => return Err(error),
                ended @ (Said::Opened
                | Said::Listed(_)
                | Said::Provisioned(_)
                | Said::Changed
                | Said::Inventory(_)
                | Said::Emptied
                | Said::Seen(_)
                | Said::Made(_)
                | Said::Found(_)
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

    /// The label, with the kind of secret that is asked for.
    fn named(&self, kind: SecretKind) -> Label {
        Label { kind, ..self.label.clone() }
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
        let since = Instant::now();
        let left = || FAREWELL.saturating_sub(since.elapsed());
        // Its output ends with it, and wakes us.
        while self.said.recv_timeout(left()).is_ok() {}
        while !left().is_zero() {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            thread::sleep(Duration::from_micros(100));
        }
        self.end();
    }
}

//! A reader: the daemon's driver listens on a port, and a card that is plugged in connects to it. The protocol is that of vpcd:
//! two bytes of length, then a command, or one byte for the power.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::linux::net::TcpStreamExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::apdu::Exchange;
use super::device::{ATR, Device};

const OFF: u8 = 0;
const ON: u8 = 1;
const RESET: u8 = 2;
const TELL_ATR: u8 = 4;

#[derive(Debug)]
pub(super) struct Reader {
    name: String,
    port: u16,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    card: Option<Arc<Device>>,
    stream: Option<TcpStream>,
    /// The daemon has asked the card, awake, what it is.
    seen: bool,
    /// How many cards were pulled after that.
    gone: usize,
    ended: bool,
}

impl Reader {
    /// An empty reader, by the name that the daemon gives it; its driver listens on this port of the loopback interface.
    pub(super) fn new(name: String, port: u16) -> Arc<Self> {
        Arc::new(Self { name, port, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state().card.is_none()
    }

    /// Whether the daemon knows what is in the reader: it woke the card that is there, or its log says that each card that it
    /// woke is gone.
    pub(super) fn is_settled(&self, log: &str) -> bool {
        let state = self.state();
        if state.card.is_some() {
            return state.seen;
        }
        let line = format!("Card Removed From {}", self.name);
        log.lines().filter(|found| found.ends_with(&line)).count() >= state.gone
    }

    /// Puts a card in; [`Reader::is_settled`] says when the daemon has seen it.
    pub(super) fn insert(self: &Arc<Self>, card: &Arc<Device>) {
        card.controls.set_pulled(false);
        {
            let mut state = self.state();
            state.seen = false;
            state.card = Some(Arc::clone(card));
        }
        let (reader, card) = (Arc::clone(self), Arc::clone(card));
        thread::spawn(move || {
            if let Some(mut stream) = reader.connect(&card) {
                // The connection ends when either side wants it to.
                let _ = reader.talk(&mut stream, &card);
            }
        });
    }

    /// Takes the card out, in the middle of whatever it does.
    pub(super) fn pull(&self) {
        let (card, stream) = {
            let mut state = self.state();
            state.gone += usize::from(std::mem::take(&mut state.seen));
            (state.card.take(), state.stream.take())
        };
        if let Some(card) = card {
            card.controls.set_pulled(true);
        }
        if let Some(stream) = stream {
            // The daemon may have closed its end already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// The daemon is about to end.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.pull();
    }

    /// None when the card was pulled before the driver took it.
    fn connect(&self, card: &Arc<Device>) -> Option<TcpStream> {
        loop {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
            let mut state = self.state();
            if state.ended || !state.card.as_ref().is_some_and(|inside| Arc::ptr_eq(inside, card)) {
                return None;
            }
            if let Ok(stream) = stream {
                state.stream = stream.try_clone().ok();
                return Some(stream);
            }
            drop(state);
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn talk(&self, stream: &mut TcpStream, card: &Device) -> io::Result<()> {
        let mut exchange = Exchange::default();
        let mut awake = false;
        card.power();
        loop {
            let message = receive(stream)?;
            match message.as_slice() {
                [control @ (OFF | ON | RESET)] => {
                    card.power();
                    exchange = Exchange::default();
                    awake = *control != OFF;
                }
                [TELL_ATR] => {
                    send(stream, &ATR)?;
                    let mut state = self.state();
                    state.seen |= awake && state.card.is_some();
                }
                command => {
                    let Some(answer) = card.answer(&mut exchange, command) else {
                        self.pull();
                        return Ok(());
                    };
                    send(stream, &answer)?;
                }
            }
        }
    }
}

/// The other side sends length and content apart; unless each is acknowledged at once, it waits 40 ms in between.
fn receive(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.set_quickack(true)?;
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.set_quickack(true)?;
    stream.read_exact(&mut message)?;
    Ok(message)
}

fn send(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).expect("no answer is that long");
    stream.write_all(&[length.to_be_bytes().as_slice(), message].concat())
}

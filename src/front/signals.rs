//! Signals: what they ask of a ceremony. None of them kills it in the middle of an act.
//!
//! Ctrl-C (SIGINT) asks for a pause. SIGTERM, SIGHUP and SIGQUIT ask for the end of the program: it is heard at the next
//! question, when the result of the last act is on record, so that the ceremony can be resumed.

use std::io::{self, Read as _};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::{flag, low_level};

/// The signals that end the program, by the number under which they are noted.
const ENDS: [(i32, &str); 3] = [(SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP"), (SIGQUIT, "SIGQUIT")];

/// The signals that came since somebody began to listen. Clones hear the same.
#[derive(Debug, Clone)]
pub struct Signals {
    paused: Arc<AtomicBool>,
    /// 0, or one more than the place in [`ENDS`].
    ended: Arc<AtomicUsize>,
    woken: Arc<std::fs::File>,
}

impl Signals {
    /// Listens from now on, until the program ends.
    pub fn listen() -> io::Result<Self> {
        let (woken, wakes) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let heard =
            Self { paused: Arc::default(), ended: Arc::default(), woken: Arc::new(woken.into()) };
        // What is noted comes before what wakes.
        flag::register(SIGINT, Arc::clone(&heard.paused))?;
        for ((signal, _), number) in ENDS.into_iter().zip(1..) {
            flag::register_usize(signal, Arc::clone(&heard.ended), number)?;
        }
        for signal in ENDS.map(|(signal, _)| signal).into_iter().chain([SIGINT]) {
            low_level::pipe::register(signal, wakes.try_clone()?)?;
        }
        Ok(heard)
    }

    /// Whether a pause was asked for since this was called last.
    pub fn pause(&self) -> bool {
        self.paused.swap(false, Ordering::SeqCst)
    }

    /// The signal that asked for the end, once one did.
    pub fn end(&self) -> Option<&'static str> {
        let number = self.ended.load(Ordering::SeqCst);
        number.checked_sub(1).and_then(|place| ENDS.get(place)).map(|(_, name)| *name)
    }

    /// Waits until something can be read from `input` or a signal came; whether something can be read.
    pub fn wait(&self, input: impl AsFd) -> io::Result<bool> {
        let mut ready =
            [PollFd::new(&input, PollFlags::IN), PollFd::new(&*self.woken, PollFlags::IN)];
        match poll(&mut ready, None) {
            // The caller looks for signals, and waits again.
            Err(rustix::io::Errno::INTR) => return Ok(false),
            other => other?,
        };
        let [input, woken] = ready;
        if woken.revents().is_empty() {
            return Ok(!input.revents().is_empty());
        }
        // What woke us is read away; what it meant is noted already.
        let _ = (&*self.woken).read(&mut [0; 64]);
        Ok(false)
    }
}

//! A smart card daemon of the test's own: the real pcscd with the driver for virtual readers, on a socket of its own, without
//! root. It ends with the process that started it, however that ends.

use std::ffi::OsStr;
use std::fs;
use std::io::{PipeWriter, pipe};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::alone::own_socket;
use super::card::Card;
use super::reader::Reader;

/// The variable by which every PC/SC client finds its daemon.
pub(crate) const SOCKET: &str = "PCSCLITE_CSOCK_NAME";

const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
/// Programs that look for cards by the names of readers want to see this one.
const NAME: &str = "Yubico YubiKey CCID";
const PACKAGES: &str = "run 'scripts/setup --tests'; without root, /run/pcscd has to exist";
/// The daemon asks every 0.4 seconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between the answer that tells the daemon of a change and the moment when its clients can know.
const SETTLING: Duration = Duration::from_millis(20);

/// Standard input is the socket, standard output the reading end of a pipe that the test holds open. The daemon takes over
/// descriptor 3 when it is told that the socket was made for its own process (systemd's protocol); it is ended when the pipe
/// closes, and the script ends with it. An empty folder of USB drivers keeps it from the real cards of this computer.
const SCRIPT: &str = r#"
exec 3<&0 4<&1 </dev/null >/dev/null
PATH=$PATH:/usr/sbin
export PCSCLITE_HP_DROPDIR="$1/usb"
sh -c 'LISTEN_FDS=1 LISTEN_PID=$$ exec pcscd --foreground --info --config "$1/readers"' sh "$1" 4<&- >&2 &
daemon=$!
exec 3<&-
{ cat >/dev/null; kill $daemon; } <&4 &
watch=$!
exec 4<&-
wait $daemon
kill $watch 2>/dev/null
"#;

/// A running daemon; dropping it ends it, and its cards are unplugged.
#[derive(Debug)]
pub(crate) struct Pcscd {
    readers: Vec<Arc<Reader>>,
    socket: PathBuf,
    /// The daemon runs while this is open.
    pipe: Option<PipeWriter>,
    script: Child,
    // Goes last.
    folder: TempDir,
}

impl Pcscd {
    /// A daemon with these cards in its readers already: much sooner ready than plugging them in later. It has as many
    /// readers as cards, and one more when that is odd.
    pub(crate) fn with_cards(cards: &[&Card]) -> Self {
        Self::start(cards.len(), cards)
    }

    /// A daemon with at least that many readers (at most 16), all empty.
    pub(crate) fn with_readers(readers: usize) -> Self {
        Self::start(readers, &[])
    }

    fn start(readers: usize, cards: &[&Card]) -> Self {
        let mut pcscd = Self::spawn(readers);
        // Another process may have taken a port between finding it and using it: others are tried then.
        while pcscd.log().contains("Could not initialize connection") {
            pcscd = Self::spawn(readers);
        }
        for (reader, card) in pcscd.readers.iter().zip(cards) {
            card.insert(reader);
        }
        pcscd.settle();
        pcscd
    }

    fn spawn(readers: usize) -> Self {
        let folder = tempfile::Builder::new().prefix("pcscd").tempdir().unwrap();
        let path = folder.path();
        for name in ["readers", "usb"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        let entries: Vec<_> = (0..readers.max(1).div_ceil(2))
            .map(|entry| {
                let port = free_pair();
                configure(path, entry, port);
                port
            })
            .collect();
        let socket = own_socket().unwrap_or_else(|| path.join("pcscd.comm"));
        // That of a daemon that ended.
        let _ = fs::remove_file(&socket);
        let (reading, writing) = pipe().unwrap();
        let script = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(path)
            .stdin(OwnedFd::from(UnixListener::bind(&socket).unwrap()))
            .stdout(reading)
            .stderr(fs::File::create(path.join("log")).unwrap())
            .spawn()
            .unwrap();
        let readers = entries.into_iter().enumerate().flat_map(|(entry, port)| {
            [0, 1].map(|n| Reader::new(format!("{NAME} {entry} 00 0{n}"), port + n))
        });
        let mut pcscd =
            Self { readers: readers.collect(), socket, pipe: Some(writing), script, folder };
        pcscd.wait("to start", |pcscd| pcscd.log().contains("daemon ready"));
        pcscd
    }

    /// The variable that a client is to have in its environment, and its value: the path of the socket.
    pub(crate) fn variable(&self) -> (&'static str, &OsStr) {
        (SOCKET, self.socket.as_os_str())
    }

    /// Plugs cards into empty readers and waits until the daemon has seen them all.
    pub(crate) fn plug(&mut self, cards: &[&Card]) {
        // A card that is swapped too fast for the daemon is still the old card to it.
        self.settle();
        for card in cards {
            let reader = self.readers.iter().find(|reader| reader.is_empty());
            card.insert(reader.expect("an empty reader"));
        }
        self.settle();
    }

    /// Waits until the daemon knows what is in each of its readers.
    pub(crate) fn settle(&mut self) {
        self.wait("to look at its readers", |pcscd| {
            let log = pcscd.log();
            pcscd.readers.iter().all(|reader| reader.is_settled(&log))
        });
        thread::sleep(SETTLING);
    }

    fn wait(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !done(self) {
            let ended = self.script.try_wait().unwrap().is_some();
            assert!(
                !ended && started.elapsed() < PATIENCE,
                "pcscd was {what} and did not ({PACKAGES}): {}",
                self.log()
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Ends the daemon under the hands of its clients.
    pub(crate) fn end(&mut self) {
        for reader in &self.readers {
            reader.end();
        }
        self.pipe = None;
        // A daemon that ended by itself is as good.
        let _ = self.script.wait();
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        self.end();
    }
}

/// The driver serves two readers an entry, on neighbouring ports, and keeps its state by reader number alone: each entry gets a
/// driver file of its own.
fn configure(folder: &Path, entry: usize, port: u16) {
    let driver = folder.join(format!("vpcd{entry}.so"));
    fs::copy(DRIVER, &driver).unwrap_or_else(|error| panic!("{DRIVER}: {error}; {PACKAGES}"));
    let text = format!(
        "FRIENDLYNAME \"{NAME} {entry}\"\nDEVICENAME /dev/null:{port}\nLIBPATH {}\nCHANNELID {port}\n",
        driver.display()
    );
    fs::write(folder.join(format!("readers/{entry}")), text).unwrap();
}

/// A port that is free and has a free neighbour, below those that the system hands out by itself.
fn free_pair() -> u16 {
    let free = |port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
    loop {
        let mut random = [0; 2];
        getrandom::fill(&mut random).expect("the system has randomness");
        let port = 10_000 + u16::from_be_bytes(random) % 10_000 * 2;
        if free(port) && free(port + 1) {
            return port;
        }
    }
}

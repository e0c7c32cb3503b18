//! The client under test of the public TUF conformance suite: the command line that the suite speaks, over the library's
//! TUF client. For tests on loopback only; plain HTTP, no redirects. The product has no network code.
//!
//! ```text
//! conformance_client --metadata-dir DIR init ROOT
//! conformance_client --metadata-dir DIR --metadata-url URL refresh
//! conformance_client --metadata-dir DIR --metadata-url URL (--target-name NAME)+
//!                    --target-dir DIR --target-base-url URL download
//! ```
//!
//! Ends 0, or 1 with a sentence. The suite (theupdateframework/tuf-conformance) is run with
//! `pytest tuf_conformance --entrypoint target/debug/examples/conformance_client`.
#![expect(clippy::print_stderr, reason = "a program of one sentence")]

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anchorite::driver::bench::system_time;
use anchorite::tuf::client::{
    Client, FetchFailed, Fetcher, Kept, check_target, percent_encoded, target_name,
};
use anchorite::tuf::document::Dialect;
use anchorite::tuf::name::RoleName;
use anchorite::tuf::verify::Candidate;

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(1)
        }
    }
}

/// Does what the arguments say.
pub(crate) fn run(arguments: impl Iterator<Item = String>) -> Outcome<()> {
    Arguments::read(arguments)?.run()
}

#[derive(Default)]
struct Arguments {
    metadata_dir: PathBuf,
    metadata_url: String,
    target_dir: PathBuf,
    target_url: String,
    targets: Vec<String>,
    words: Vec<String>,
}

impl Arguments {
    fn read(mut given: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut read = Self::default();
        while let Some(word) = given.next() {
            let mut value = || given.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--metadata-dir" => read.metadata_dir = value()?.into(),
                "--metadata-url" => read.metadata_url = value()?,
                "--target-dir" => read.target_dir = value()?.into(),
                "--target-base-url" => read.target_url = value()?,
                "--target-name" => read.targets.push(value()?),
                _ => read.words.push(word),
            }
        }
        Ok(read)
    }

    fn run(&self) -> Outcome<()> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["init", root] => {
                fs::create_dir_all(&self.metadata_dir)?;
                put(&self.metadata_dir.join("root.json"), &fs::read(root)?)?;
                Ok(())
            }
            ["refresh"] => self.update(&[]),
            ["download"] => self.update(&self.targets),
            other => {
                Err(format!("expected init ROOT, refresh or download, found {other:?}").into())
            }
        }
    }

    fn update(&self, targets: &[String]) -> Outcome<()> {
        let mut kept = Folder { path: self.metadata_dir.clone(), failed: None };
        let mut documents = Http(self.metadata_url.clone());
        let root = fs::read(self.metadata_dir.join("root.json"))?;
        let root = Candidate::read(Dialect::Tuf1, &root)?.trusted_on_first_use()?;
        let mut client = Client::new(root, &mut documents, &mut kept, system_time());
        let done = client
            .refresh()
            .map_err(Into::into)
            .and_then(|()| targets.iter().try_for_each(|name| self.download(&mut client, name)));
        drop(client);
        match kept.failed {
            Some(failed) => Err(failed.into()),
            None => done,
        }
    }

    fn download(&self, client: &mut Client<'_>, path: &str) -> Outcome<()> {
        let found = client.find(path)?.ok_or_else(|| format!("nobody signs the target {path}"))?;
        let place = self.target_dir.join(percent_encoded(path));
        if fs::read(&place).is_ok_and(|bytes| check_target(&found.file, &bytes).is_ok()) {
            return Ok(());
        }
        let consistent = client.root().root().body().consistent_snapshot;
        let name = target_name(path, &found.file, consistent).ok_or("no hash of it is known")?;
        let bytes = Http(self.target_url.clone()).fetch(&name, found.file.length)?;
        let bytes = bytes.ok_or_else(|| format!("{name} is not there"))?;
        check_target(&found.file, &bytes)?;
        put(&place, &bytes)?;
        Ok(())
    }
}

/// Writes a file aside and renames it, so that it is wholly old or wholly new.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("new");
    fs::write(&aside, bytes)?;
    fs::rename(aside, path)
}

/// What the client keeps: a folder with one file a role.
struct Folder {
    path: PathBuf,
    failed: Option<io::Error>,
}

impl Folder {
    fn file(&self, role: &RoleName) -> PathBuf {
        self.path.join(format!("{}.json", percent_encoded(role.as_str())))
    }
}

impl Kept for Folder {
    fn recall(&self, role: &RoleName) -> Option<Vec<u8>> {
        fs::read(self.file(role)).ok()
    }

    fn keep(&mut self, role: &RoleName, bytes: &[u8]) {
        if let Err(error) = put(&self.file(role), bytes) {
            self.failed = Some(error);
        }
    }

    fn forget(&mut self, role: &RoleName) {
        match fs::remove_file(self.file(role)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => self.failed = Some(error),
            Ok(()) | Err(_) => {}
        }
    }
}

/// A server, by the URL under which its files are.
struct Http(String);

impl Fetcher for Http {
    fn fetch(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, FetchFailed> {
        get(&self.0, name, limit)
            .map_err(|why| FetchFailed { name: name.to_owned(), why: why.to_string() })
    }
}

fn get(base: &str, name: &str, limit: u64) -> Outcome<Option<Vec<u8>>> {
    let (host, path) = base
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or("expected a URL http://HOST:PORT/…/")?;
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let slash = if path.is_empty() || path.ends_with('/') { "" } else { "/" };
    let name: String = name.chars().map(visible).collect();
    write!(stream, "GET /{path}{slash}{name} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut answer = Vec::new();
    // Headers are short.
    stream.take(limit.saturating_add(64 << 10)).read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no answer")?;
    let body = answer.split_off(end + 4);
    let head = String::from_utf8_lossy(&answer).to_lowercase();
    match head.split(' ').nth(1) {
        Some("200") => {}
        Some("404") => return Ok(None),
        other => return Err(format!("the server says {other:?}").into()),
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: u64 = length.ok_or("no length")?.trim().parse()?;
    if length > limit || u64::try_from(body.len())? != length {
        return Err(format!("{length} bytes stated, {} came, {limit} allowed", body.len()).into());
    }
    Ok(Some(body))
}

/// A character as a request line may hold it; names of documents need none of this.
fn visible(letter: char) -> String {
    if letter.is_ascii_graphic() && !"?#".contains(letter) {
        letter.to_string()
    } else {
        percent_encoded(&letter.to_string())
    }
}

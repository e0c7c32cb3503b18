//! `request`: one machine asks, others sign, and what comes back is put together.

mod codes;
mod export;
mod make;
mod merge;
mod sign;
mod words;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::ceremony::request::answer::BadAnswer;
use crate::ceremony::request::merge::NotTaken;
use crate::ceremony::request::{BadRequest, MAX_REQUEST, NoRequest, Request};
use crate::driver::file;
use crate::driver::session::read_request;
use crate::front::words::escape;

use super::picture::file_or_codes;
use super::{Exit, Failure};

pub(super) use sign::answered;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a request of a plan: one file for everybody who signs elsewhere.
    Make(make::Make),
    /// Derive a request again, and show the digests that signers compare.
    Show {
        /// The request.
        file: PathBuf,
        /// The digests as QR codes too.
        #[arg(long)]
        qr: bool,
    },
    /// Write the exact bytes of one document that is to be signed, for openssl or pkcs11-tool.
    Export(export::Export),
    /// Show a small request or answer as QR codes, or write them as pictures.
    Codes(codes::Codes),
    /// Answer a request with one key: review, compare, sign, with a record of its own.
    Sign(sign::Sign),
    /// Write the answer once more from the evidence of a signing that was held to its end.
    Answer {
        /// The evidence folder.
        dir: PathBuf,
        /// Where the answer goes.
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Verify and count answers, and write the documents once the set is complete.
    Merge(merge::Merge),
}

impl Command {
    pub(super) fn run(self, workspace: Option<&Path>) -> Result<(), Failure> {
        match self {
            Self::Make(make) => make.run(),
            Self::Show { file, qr } => {
                let (_, request) = open(&file)?;
                words::tell(&request, qr)
            }
            Self::Export(export) => export.run(),
            Self::Codes(codes) => codes.run(),
            Self::Sign(sign) => sign.run(workspace),
            Self::Answer { dir, out } => {
                if read_request(&dir)?.is_none() {
                    return Err(Failure::input(
                        "this evidence is of a ceremony that answered no request",
                    ));
                }
                sign::write_answer(&dir, &out)
            }
            Self::Merge(merge) => merge.run(workspace),
        }
    }
}

/// Reads a request, as a file or from pictures of its QR codes, and derives it again.
fn open(path: &Path) -> Result<(Vec<u8>, Request), Failure> {
    let bytes = file_or_codes(path, MAX_REQUEST)?;
    let request = Request::open(&bytes).map_err(|why| refused(&why))?;
    Ok((bytes, request))
}

/// What a request that is not taken means.
fn refused(why: &BadRequest) -> Failure {
    let said = escape(&why.to_string());
    match why {
        BadRequest::Unreadable(_) | BadRequest::Plan(_) => Failure::input(said),
        BadRequest::Before(crate::ceremony::before::NoBefore::NotAtHand(_))
        | BadRequest::Alone(NoRequest::NotAtHand(_)) => Failure::new(Exit::CannotTell, said)
            .hint("Put the files into a folder called like the medium beside the plan, or name the medium."),
        BadRequest::OtherPlan { .. }
        | BadRequest::OtherFile { .. }
        | BadRequest::Foreign(_)
        | BadRequest::Before(_)
        | BadRequest::Roster(_)
        | BadRequest::OtherBase(_)
        | BadRequest::Draft(_)
        | BadRequest::Bound { .. }
        | BadRequest::Alone(_) => Failure::new(Exit::Wrong, said),
    }
}

/// What an answer that does not count means.
fn not_taken(path: &Path, why: &NotTaken) -> Failure {
    let said = escape(&format!("{}: {why}", path.display()));
    let exit = match why {
        NotTaken::Answer(BadAnswer::Unreadable(_)) => Exit::Input,
        NotTaken::Answer(_) | NotTaken::Twice { .. } | NotTaken::Detached { .. } => Exit::Wrong,
    };
    Failure::new(exit, said).hint("Nothing was counted and nothing was written.")
}

/// Writes a new file that the caller named.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let name = path.file_name().and_then(std::ffi::OsStr::to_str);
    let name = name.ok_or_else(|| Failure::input("expected the name of a file"))?;
    file::write_new(parent.unwrap_or(Path::new(".")), name, bytes, file::Readers::All)
        .map_err(failed)
}

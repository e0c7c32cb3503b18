//! `request codes`: a small request or answer as QR codes, for machines that nothing is carried to.

use std::path::PathBuf;

use clap::Args;

use crate::ceremony::request::answer::AnswerFile;
use crate::ceremony::request::{MAX_REQUEST, codes};
use crate::driver::file;
use crate::tuf::qr;

use super::super::{Exit, Failure, read, say};
use super::{open, write_new};

/// Show a small request or answer as QR codes.
#[derive(Debug, Args)]
pub(in super::super) struct Codes {
    /// The request or the answer.
    file: PathBuf,
    /// Write them as PNG pictures into this folder, which is made; otherwise they are shown in text, 105 columns wide.
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Codes {
    pub(super) fn run(self) -> Result<(), Failure> {
        let bytes = read(&self.file, MAX_REQUEST)?;
        if AnswerFile::request_of(&bytes).is_none() {
            open(&self.file)?;
        }
        let texts =
            codes::split(&bytes).map_err(|why| Failure::new(Exit::Wrong, why.to_string()))?;
        let too_long = |error: qr::TooLong| Failure::new(Exit::Bug, error.to_string());
        let count = texts.len();
        let Some(folder) = &self.out else {
            for (text, nth) in texts.iter().zip(1..) {
                say(format!("code {nth} of {count}"));
                say(qr::drawn(text).map_err(too_long)?);
            }
            return Ok(());
        };
        file::make_folder(folder).map_err(|error| Failure::file(folder, &error))?;
        for (text, nth) in texts.iter().zip(1..) {
            let name = format!("code-{nth:02}-of-{count:02}.png");
            write_new(&folder.join(name), &qr::picture(text).map_err(too_long)?)?;
        }
        say(format!("{count} QR codes in {}", folder.display()));
        say(
            "Whoever photographs or carries them names the folder of the pictures in place of the file.",
        );
        Ok(())
    }
}

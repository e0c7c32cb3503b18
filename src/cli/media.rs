//! `media enrol`: directories become media, or a workspace.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::ceremony::mounted::MediumId;
use crate::ceremony::plan::{BOOK, MediumRole};
use crate::driver::media;
use crate::driver::workspace::Workspace;
use crate::tuf::name::KeyName;

use super::{Exit, Failure, say};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Enrol a directory: write its marker, or make a workspace (role book).
    Enrol {
        /// The directory; it must exist, except for a book.
        dir: PathBuf,
        /// What it is for.
        #[arg(long)]
        role: Role,
        /// Its name in plans; IN, OUT and KEYS by default. A book with another name is a second copy.
        #[arg(long)]
        name: Option<KeyName>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Role {
    In,
    Out,
    Book,
    Keys,
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Self::Enrol { dir, role, name } = self;
        let (role, default) = match role {
            Role::In => (MediumRole::In, "IN"),
            Role::Out => (MediumRole::Out, "OUT"),
            Role::Keys => (MediumRole::Keys, "KEYS"),
            Role::Book if name.as_ref().is_some_and(|name| name.as_str() != BOOK) => {
                (MediumRole::Book, BOOK)
            }
            Role::Book => {
                Workspace::create(&dir)?;
                say(format!("The workspace is {}.", dir.display()));
                return Ok(());
            }
        };
        let name = match name {
            Some(name) => name,
            None => default.parse().map_err(|bad| Failure::input(format!("{bad}")))?,
        };
        if !dir.is_dir() {
            return Err(Failure::input(format!("{} is not a directory", dir.display()))
                .hint("Mount the medium first, then enrol the directory on it."));
        }
        let mut id = [0; 16];
        getrandom::fill(&mut id)
            .map_err(|error| Failure::new(Exit::Machine, format!("no random bytes: {error}")))?;
        media::enrol(&dir, &name, role, MediumId::new(&id), false)
            .map_err(|error| Failure::file(&dir.join(media::MARKER), &error))?;
        say(format!("{name} is enrolled as \"{role}\" in {}.", dir.display()));
        Ok(())
    }
}

//! `media enrol`: directories become media, or a workspace.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::ceremony::plan::MediumRole;
use crate::driver::media;
use crate::driver::workspace::Workspace;
use crate::tuf::name::KeyName;

use super::{Failure, say};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Enrol a directory: write its marker, or make a workspace (role book).
    Enrol {
        /// The directory; it must exist, except for a book.
        dir: PathBuf,
        /// What it is for.
        #[arg(long)]
        role: Role,
        /// Its name in plans; IN, OUT and KEYS by default.
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
        media::enrol(&dir, &name, role, false)
            .map_err(|error| Failure::file(&dir.join(media::MARKER), &error))?;
        say(format!("{name} is enrolled as \"{role}\" in {}.", dir.display()));
        Ok(())
    }
}

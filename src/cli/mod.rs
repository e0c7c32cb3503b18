//! The commands: arguments, subcommands, one file each, and failures in words.

mod ceremony;
mod diff;
mod doctor;
mod draft;
mod evidence;
mod failure;
mod gather;
mod image;
mod json;
mod key;
mod lint;
mod media;
mod people;
mod picture;
mod plan;
mod request;
mod roots;
mod show;
mod token;
mod verify;
mod where_key;

use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::keystore::child;
use crate::keystore::forgetful::Forgetful;

pub use failure::{Exit, Failure};

/// Offline key management and signing ceremonies for Docker Content Trust (Notary v1) and TUF 1.0.
#[derive(Debug, Parser)]
#[command(name = "anchorite", version, max_term_width = 100)]
struct Arguments {
    /// The workspace (BOOK); otherwise `ANCHORITE_WORKSPACE`, or the nearest parent folder that is one.
    #[arg(long, global = true, value_name = "DIR")]
    workspace: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make, check and print plans.
    #[command(subcommand)]
    Plan(plan::Command),
    /// Draft a plan's documents on a second laptop, and show their digest in words.
    Draft(draft::Draft),
    /// Hold a rehearsal: the same screens, with virtual tokens and scratch media.
    Rehearse(ceremony::Rehearse),
    /// Hold a real ceremony.
    Run(ceremony::Run),
    /// Go on with a ceremony that was interrupted.
    Resume(ceremony::Resume),
    /// Ask other machines for signatures, answer them, and put the answers together.
    #[command(subcommand)]
    Request(request::Command),
    /// Show what a document says and who signed it.
    Show(show::Show),
    /// Say what changed between two documents or repositories, by role and public key.
    Diff(diff::Diff),
    /// Say what a wise reviewer would object to in documents.
    Lint(lint::Lint),
    /// Walk a repository as a client does.
    Verify(verify::Verify),
    /// Find every role that lists a key, and the kind of ceremony that removes it.
    Where(where_key::Where),
    /// Check an image against what trust metadata signs for its tag.
    #[command(subcommand)]
    Image(image::Command),
    /// Verify the evidence of a ceremony, or read its report.
    #[command(subcommand)]
    Evidence(evidence::Command),
    /// Make, import, list, export, back up and restore keys in age files.
    #[command(subcommand)]
    Key(key::Command),
    /// List, provision and retire tokens, change their PINs, and verify where their keys were made.
    #[command(subcommand)]
    Token(token::Command),
    /// Enrol media and workspaces.
    #[command(subcommand)]
    Media(media::Command),
    /// Check this machine and its room.
    Doctor(doctor::Doctor),
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// The most bytes of a document that is shown or verified: 256 MiB.
const MAX_DOCUMENT: u64 = 256 << 20;

/// Parses the arguments, carries the command out, and says how it ended.
pub fn main() -> ExitCode {
    // What drives a token is started for each signature, and has no arguments to make sense of.
    let driver = std::env::args_os().skip(1).eq([child::COMMAND]);
    match if driver { drive_token() } else { carry_out(Arguments::parse()) } {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure);
            ExitCode::from(failure.exit.code())
        }
    }
}

fn carry_out(arguments: Arguments) -> Result<(), Failure> {
    let workspace = arguments.workspace.or_else(|| {
        std::env::var_os("ANCHORITE_WORKSPACE").filter(|value| !value.is_empty()).map(PathBuf::from)
    });
    match arguments.command {
        Command::Plan(command) => command.run(workspace.as_deref()),
        Command::Draft(command) => command.run(),
        Command::Rehearse(command) => command.run(),
        Command::Run(command) => command.run(workspace.as_deref()),
        Command::Resume(command) => command.run(workspace.as_deref()),
        Command::Request(command) => command.run(workspace.as_deref()),
        Command::Show(command) => command.run(),
        Command::Diff(command) => command.run(),
        Command::Lint(command) => command.run(),
        Command::Verify(command) => command.run(workspace.as_deref()),
        Command::Where(command) => command.run(workspace.as_deref()),
        Command::Image(command) => command.run(),
        Command::Evidence(command) => command.run(),
        Command::Key(command) => command.run(workspace.as_deref()),
        Command::Token(command) => command.run(workspace.as_deref()),
        Command::Media(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "anchorite", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// Drives a token for the process at the other end of standard input, which is read past the library's buffer: PINs come there.
fn drive_token() -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Machine, error.to_string());
    let input = std::io::stdin().as_fd().try_clone_to_owned().map_err(failed)?;
    let mut input = Forgetful::new(std::fs::File::from(input));
    child::serve(&mut input, &mut std::io::stdout()).map_err(failed)
}

/// Tells a failure on standard error; a terminal that went away is no second failure.
fn complain(failure: &Failure) {
    use std::io::Write as _;
    if !failure.what.is_empty() {
        let _ = writeln!(std::io::stderr(), "{failure}");
    }
}

/// Writes a line to standard output; a reader that went away is no failure.
fn say(text: impl AsRef<str>) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{}", text.as_ref());
}

/// Writes bytes to standard output as they are.
fn pour(bytes: &[u8]) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(bytes);
}

/// Reads a file that the caller named, at most `limit` bytes.
fn read(path: &std::path::Path, limit: u64) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
        let shown = crate::front::words::escape(&path.display().to_string());
        return Err(Failure::input(format!("{shown} is larger than {limit} bytes")));
    }
    Ok(bytes)
}

/// Reads and parses a plan.
fn read_plan(path: &std::path::Path) -> Result<(Vec<u8>, crate::ceremony::plan::Plan), Failure> {
    let bytes = read(path, 1 << 20)?;
    let plan = crate::ceremony::plan::Plan::parse(&bytes).map_err(|errors| {
        let shown = crate::front::words::escape(&path.display().to_string());
        let lines: Vec<String> = errors.errors.iter().map(ToString::to_string).collect();
        let failure = Failure::input(format!("{shown} is not a plan:"));
        lines
            .into_iter()
            .fold(failure, |failure, line| failure.hint(crate::front::words::escape(&line)))
    })?;
    Ok((bytes, plan))
}

/// What a change starts from, verified; a first root starts from nothing.
/// Where the fleet of a plan lies: on its mounted medium, or in a folder of that name beside the plan.
fn fleet_folder(
    plan: &crate::ceremony::plan::Plan,
    plan_file: &std::path::Path,
    media: &crate::driver::media::Media,
) -> Option<std::path::PathBuf> {
    let fleet = plan.fleet.as_ref()?;
    let beside = || {
        let folder = plan_file.parent().unwrap_or(std::path::Path::new(""));
        Some(folder.join(fleet.medium.as_str())).filter(|folder| folder.join(&fleet.list).is_file())
    };
    media.folder(plan, &fleet.medium).ok().or_else(beside)
}

/// What a walk of the plan's fleet leads to, for a check; nothing for other plans, and where it is not at hand.
fn walked(
    plan: &crate::ceremony::plan::Plan,
    plan_file: &std::path::Path,
    media: &crate::driver::media::Media,
    at: crate::tuf::time::Timestamp,
) -> Option<crate::ceremony::check::Walked> {
    let folder = fleet_folder(plan, plan_file, media)?;
    let walked = crate::driver::fleet::walk_for_check(plan, &folder, at);
    Some(walked.map_err(|trouble| trouble.found))
}

fn before(
    plan: &crate::ceremony::plan::Plan,
    at_hand: &std::collections::BTreeMap<crate::ceremony::event::FileAt, Vec<u8>>,
) -> Result<crate::ceremony::before::Before, Failure> {
    use crate::ceremony::before::{Before, NoBefore};
    Before::of(plan, at_hand).map_err(|why| {
        let said = crate::front::words::escape(&format!("the state before: {why}"));
        match why {
            NoBefore::NotAtHand(_) => Failure::new(Exit::CannotTell, said).hint(
                "Put the files into a folder called like the medium beside the plan, or name the medium.",
            ),
            NoBefore::Unreadable { .. }
            | NoBefore::NoRoot
            | NoBefore::TwoRoots { .. }
            | NoBefore::OtherRoot { .. }
            | NoBefore::NotTrusted { .. }
            | NoBefore::Succession { .. }
            | NoBefore::Rejected { .. }
            | NoBefore::NotDelegated { .. }
            | NoBefore::Stale { .. }
            | NoBefore::Twice { .. } => Failure::new(Exit::Wrong, said),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The name of every argument that takes a value.
    fn arguments(command: &clap::Command, found: &mut BTreeSet<String>) {
        let takes = command.get_arguments().filter(|found| found.get_action().takes_values());
        found.extend(takes.map(|argument| argument.get_id().to_string()));
        for below in command.get_subcommands() {
            arguments(below, found);
        }
    }

    #[test]
    fn no_argument_takes_a_secret() {
        let mut found = BTreeSet::new();
        arguments(&Arguments::command(), &mut found);
        assert!(found.len() > 50, "{found:?}");
        found.retain(|name| {
            ["pass", "pin", "puk", "secret", "code"].iter().any(|word| name.contains(word))
        });
        // The number of a descriptor; roots and certificates that are pinned.
        let known = ["passphrase_fd", "pin_ca", "pin_root", "pins"];
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), known);
    }
}

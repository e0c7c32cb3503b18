//! The transcript in words: one line for each entry, for the log and the report. No line holds a digest that a
//! comparison could ask for.

use crate::tuf::name::KeyName;
use crate::tuf::time::Timestamp;

use super::ask::{Answer, AskKind, People, Wish};
use super::event::{Entry, Event, Happened, Remains};

/// What an entry says, on one line, without any secret and without foreign text that is not quoted.
pub fn log_line(entry: &Entry) -> String {
    let time = entry.at.to_minute();
    let time = time.get(11..16).unwrap_or_default();
    format!("{time}  {}", what(&entry.event))
}

fn what(event: &Event) -> String {
    match event {
        Event::Opened(opening) => {
            format!("opened, session {}", opening.session)
        }
        // The next witness may be asked for the same word, and the log is there to be read.
        Event::People(People::Answer { ask, say: Answer::Typed(words) })
            if matches!(ask.kind, AskKind::ComparePlan | AskKind::CompareChange) =>
        {
            format!("{}: {} words typed", ask.script_name(), words.len())
        }
        Event::People(People::Answer { ask, say }) => {
            format!("{}: {}", ask.script_name(), said(say))
        }
        Event::People(People::Wish(wish)) => match wish {
            Wish::Exception => "people file an exception".to_owned(),
            Wish::Pause => "people rest".to_owned(),
            Wish::Abort => "people want to stop".to_owned(),
        },
        Event::Happened { act, what, touches: 0 } => format!("{act}: {}", happened(what)),
        Event::Happened { act, what, touches: 1 } => {
            format!("{act}: {}; 1 touch asked for", happened(what))
        }
        Event::Happened { act, what, touches } => {
            format!("{act}: {}; {touches} touches asked for", happened(what))
        }
        Event::Resumed { tool, interrupted } => match interrupted {
            Some(act) => {
                format!("resumed by {} {}; {act} was interrupted", tool.name, tool.version)
            }
            None => format!("resumed by {} {}", tool.name, tool.version),
        },
    }
}

/// What became of a held PIN by the signature of the line before.
pub fn held_pin(at: Timestamp, key: &KeyName, left: u32) -> String {
    let time = at.to_minute();
    let time = time.get(11..16).unwrap_or_default();
    match left {
        0 => format!("{time}  the PIN of {key} is wiped: the last signature for which it was held"),
        1 => format!("{time}  the PIN of {key} is held for 1 more signature of this turn"),
        _ => format!("{time}  the PIN of {key} is held for {left} more signatures of this turn"),
    }
}

/// What was being done, in words, from what an act is about: `sign root-a` is `A signature of root-a`.
pub fn doing(about: &str) -> String {
    let (kind, subject) = about.split_once(' ').unwrap_or((about, ""));
    match kind {
        "look" => format!("Looking at {subject}"),
        "make" => format!("Making the key {subject}"),
        "prove" => format!("The proof of {subject}"),
        "sign" => format!("A signature of {subject}"),
        "read" => format!("Reading {subject}"),
        "write" => format!("Writing {subject}"),
        "read-back" => format!("Reading {subject} back"),
        "provision" => format!("Provisioning the token of {subject}"),
        "change-secret" => format!("The new secret of {subject}"),
        "back-up" => format!("The back-up of {subject}"),
        "drill" => format!("Bringing {subject} back"),
        "hand-over" => format!("Handing over {subject}"),
        "roll-call" => "The roll call".to_owned(),
        _ => about.to_owned(),
    }
}

fn said(answer: &Answer) -> String {
    match answer {
        Answer::Pressed => "done".to_owned(),
        Answer::Chose(word) => word.clone(),
        Answer::Ticked(words) => format!("{} noted", words.len()),
        Answer::Typed(lines) => {
            lines.iter().map(|line| format!("{line:?}")).collect::<Vec<_>>().join(", ")
        }
        Answer::Differ => "they differ".to_owned(),
    }
}

fn happened(what: &Happened) -> String {
    match what {
        Happened::Room(facts) => format!("{} facts", facts.len()),
        Happened::Mounted(mounted) => {
            format!("medium {}, {} files", mounted.id, mounted.count)
        }
        Happened::Read { digest, .. } => format!("read, sha256 {digest}"),
        Happened::Seen(seen) => match &seen.serial {
            Some(serial) => format!("serial {serial}, {} keys", seen.keys.len()),
            None => format!("{} keys", seen.keys.len()),
        },
        Happened::Made { public } => format!("made, fingerprint {}", public.fingerprint()),
        Happened::Signed(_) => "signed and verified".to_owned(),
        Happened::Written { .. } => "written and synced".to_owned(),
        Happened::ReadBack { .. } => "read back".to_owned(),
        Happened::HandedOver { file } => format!("handed over in {file:?}"),
        Happened::Provisioned { pin, puk, management_key } => {
            let named = [("PIN", pin), ("PUK", puk), ("management key", management_key)];
            let changed: Vec<_> =
                named.iter().filter(|(_, changed)| **changed).map(|(name, _)| *name).collect();
            if changed.is_empty() {
                "nothing was the factory's any more".to_owned()
            } else {
                format!("the factory's {} replaced", changed.join(", "))
            }
        }
        Happened::SecretChanged => "changed".to_owned(),
        Happened::BackedUp { file } => format!("back-up written in {file:?}"),
        Happened::Recovered { public, .. } => {
            format!("recovered and signed, fingerprint {}", public.fingerprint())
        }
        Happened::Inspected(Remains::Nothing) => "nothing was left behind".to_owned(),
        Happened::Inspected(Remains::Key(key)) => {
            format!("a key was left behind, fingerprint {}", key.fingerprint())
        }
        Happened::Inspected(Remains::File(digest)) => {
            format!("a file was left behind, sha256 {digest}")
        }
        Happened::Levelled { files } => format!("level, {files} files copied"),
        Happened::Surveyed(survey) => {
            format!("{} repositories drafted, {} refused", survey.repositories, survey.left_out)
        }
        Happened::Batched { repositories, signatures, .. } => {
            format!("{signatures} signatures for {repositories} repositories, verified")
        }
        Happened::Assembled { repositories, .. } => {
            format!("{repositories} repositories written, whole")
        }
        Happened::Sealed { tree } => format!("evidence sealed, tree {tree}"),
        Happened::Failed(trouble) => format!("did not work: {}", trouble.found),
    }
}

#[cfg(test)]
mod tests {
    use super::doing;

    #[test]
    fn what_was_being_done_is_said_in_words() {
        assert_eq!(doing("sign root-a"), "A signature of root-a");
        assert_eq!(doing("read-back OUT:a b"), "Reading OUT:a b back");
        assert_eq!(doing("client walk"), "client walk");
    }
}

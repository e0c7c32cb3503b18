//! What each screen is for, who should be doing it, and what could go wrong.

use super::super::ask::AskKind;

/// The help for a kind of question.
pub(super) fn help(kind: AskKind) -> Vec<String> {
    let lines: &[&str] = match kind {
        AskKind::RollCall => &[
            "Tick everybody who is in the room. The operator is the only one at the keyboard.",
            "Everybody whose key is needed must be here; so must somebody who compares words.",
        ],
        AskKind::Clock => &[
            "A wrong clock makes wrong expiry dates. Compare with a watch, not with this machine.",
            "If it differs by more than 3 minutes, file an exception or stop and set the clock.",
        ],
        AskKind::Room => &[
            "These are facts that this machine can see. It cannot see a hidden camera.",
            "[NO] stops a real ceremony unless the plan waives it by name.",
        ],
        AskKind::ComparePlan | AskKind::CompareChange => &[
            "The words stand for the bytes of a digest. This screen never shows them, so that a",
            "machine that lies cannot give itself the answer. Type what is read aloud to you.",
        ],
        AskKind::Head => &[
            "The head is a hash over the whole record so far. On signed paper it proves later",
            "that the record was not changed. Copy all groups, and have a second person check.",
        ],
        AskKind::Ready | AskKind::LastTry => &[
            "The named holder comes to the keyboard, alone. Others look away while a secret is",
            "typed. The token is recognised by its serial number and key before a PIN is asked.",
        ],
        AskKind::Medium => {
            &["Media are enrolled beforehand. A wrong medium is refused and nothing is written."]
        }
        AskKind::Review => &[
            "Read every line aloud. d shows the exact bytes. Tick each item when it was read.",
            "After this the digest of exactly these bytes is compared or written down.",
        ],
        AskKind::Source | AskKind::WrittenDown => &[
            "A second laptop that drafts the same plan makes the comparison worth more: two",
            "machines would have to lie in the same way.",
        ],
        AskKind::Trouble => &[
            "What happened is on record already. Trying again is safe unless the screen says",
            "otherwise. x files an exception with your words for it.",
        ],
        AskKind::Note => &["The plan put this in. Do what it says, then go on."],
        AskKind::Statement => {
            &["Each participant answers for themselves. Not agreeing is all right, and recorded."]
        }
        AskKind::Exception => &["Exceptions are normal as long as they are written down."],
        AskKind::Pause => &["Nothing continues until you say so."],
        AskKind::Abort => {
            &["Stopping before the first signature leaves nothing that could be used."]
        }
    };
    lines.iter().map(|line| (*line).to_owned()).collect()
}

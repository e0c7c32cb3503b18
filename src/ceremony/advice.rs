//! What to do about trouble, in one sentence or two.

use super::event::{Mode, TroubleKind};

/// The advice for a kind of trouble. A stand-in cannot be carried to another console.
pub const fn of(kind: TroubleKind, mode: Mode) -> &'static str {
    match kind {
        TroubleKind::Blocked if matches!(mode, Mode::Rehearsal) => {
            "A YubiKey would take no PIN any more until it gets a new one with its PUK, on another \
             console: anchorite token pin SERIAL --unblock. This stand-in is unblocked when you try \
             again, under the same PIN."
        }
        TroubleKind::Absent => "Bring what is missing, then try again.",
        TroubleKind::Other => {
            "Take it out and insert the right one. No secret was asked for, no try was used."
        }
        TroubleKind::Occupied => {
            "Nothing was overwritten. Use an empty place, or move what is there away, then try again."
        }
        TroubleKind::WrongSecret => {
            "The secret was wrong, or the file is damaged. Check the keyboard layout and try again."
        }
        TroubleKind::Blocked => {
            "The token takes no PIN any more. A YubiKey gets a new one with its PUK, on another console: \
             anchorite token pin SERIAL --unblock. Then try again. Without the PUK, stop, and plan a \
             replacement."
        }
        TroubleKind::NobodyAnswered => "Nothing was used up. Try again when the holder is ready.",
        TroubleKind::Gone => "Insert it again and try again. The attempt is counted.",
        TroubleKind::BadSignature => {
            "The signature was thrown away. Trying again asks for another; twice means a bad token."
        }
        TroubleKind::Mismatch => {
            "Do not use what was found. Find out who made it; a new file needs a new plan."
        }
        TroubleKind::Full => "Make room or use another medium, then try again.",
        TroubleKind::Device => "Check the medium and its cable, then try again.",
        TroubleKind::Unsupported => "This store cannot do it. Stop, and make a new plan.",
    }
}

//! What to do about what a client refuses.

use crate::tuf::client::Refused;
use crate::tuf::client::notary1::{LeftOut, Reason};
use crate::tuf::verify::{NotASuccessor, Rejected};
use crate::tuf::wire::WireError;

/// Advice, a sentence each; the first is the most likely to help.
pub(super) fn on(why: &Refused) -> Vec<String> {
    let advice: &[&str] = match why {
        Refused::Missing => {
            &["Bring the document; clients ask the server for it and stop without it."]
        }
        Refused::Fetch(_) => {
            &["Make the file readable, as a plain file and not a link, and try again."]
        }
        Refused::Wire(WireError::OtherDocument { .. }) => {
            &["A folder holds one repository, of one dialect, each document under its own name."]
        }
        Refused::Wire(_) => {
            &["The file is damaged or is not a document. Fetch it again from the server."]
        }
        Refused::Rejected(why) => rejected(why),
        Refused::Succession(why) => succession(why),
        Refused::Mismatch { .. } => &[
            "The file is not the one that was signed for. Fetch all documents again, at one time.",
            "If it stays so, the one who serves them changed one, or mixed two uploads.",
        ],
        Refused::Rollback { .. } => {
            &["The server went back. Fetch again; if it stays so, somebody serves old documents."]
        }
        Refused::Jump { .. } => &[
            "Find out who signed it: with a stolen key versions are made to jump, so that nothing newer can follow.",
            "If it was meant, keep these documents as the new ground and compare with them from now on.",
        ],
        Refused::Delegation(_) => &[
            "The delegations of that document make no sense. Let its signers mend and sign it again.",
        ],
        Refused::Certificate(_) => &["Hold a ceremony that gives the root certificates that fit."],
        Refused::Notary(why) => notary(why),
    };
    advice.iter().map(|text| (*text).to_owned()).collect()
}

fn rejected(why: &Rejected) -> &'static [&'static str] {
    match why {
        Rejected::NoAuthority(_) => &[
            "Nobody can ever sign this role so that it counts. Mend the document that states its keys.",
        ],
        Rejected::Threshold { .. } => &[
            "More of the role's keys must sign. If the keys were changed, the role must be signed again with the new ones.",
        ],
        Rejected::Repeated { .. } => &[
            "Two signatures stand under one key id, which clients refuse. Take one of them out: what is signed stays the same.",
        ],
        Rejected::Expired { .. } => &[
            "Sign the role again, one version up, with a later date; or verify for an earlier time with --at.",
        ],
    }
}

fn succession(why: &NotASuccessor) -> &'static [&'static str] {
    match why {
        NotASuccessor::Version { .. } => &[
            "Root versions go up one at a time, and each stays there as N.root.json. Bring the one that is missing.",
        ],
        NotASuccessor::Old(_) => &[
            "Let as many of the keys of the root before sign as its threshold wants: signatures can be added.",
            "Without them its clients never follow: they must be given the new root by hand.",
        ],
        NotASuccessor::Own(why) => rejected(why),
    }
}

fn notary(why: &Reason) -> &'static [&'static str] {
    match why {
        Reason::Certificates { left_out, .. } | Reason::Held { left_out, .. } => {
            if left_out.iter().any(|(_, why)| *why == LeftOut::NotPinned) {
                &[
                    "A client counts pinned certificates only: pin as many as the threshold wants, the old and the new ones.",
                ]
            } else if left_out.iter().any(|(_, why)| matches!(why, LeftOut::Ended(_))) {
                &[
                    "An ended certificate cannot be renewed once too few are left: the repository must be deleted and made again.",
                    "Clients that hold this root must delete their cache, tuf/GUN in their trust folder.",
                ]
            } else {
                &[
                    "Hold a ceremony whose root has certificates for this name, in the form that Notary writes.",
                ]
            }
        }
        Reason::OneKeySeveralIds { .. } => {
            &["Give each id a key of its own: with one key under several ids one theft is enough."]
        }
        Reason::LockedOut { .. } => &[
            "Let the keys of that earlier root sign the newest root too: signatures can be added, and are harmless.",
            "Otherwise its clients recover only by deleting their cache, tuf/GUN in their trust folder.",
        ],
        Reason::TwoRoots(_) => &[
            "Find out who signed the other one before anything else: two roots of one version are a mistake or a theft.",
        ],
        Reason::Inexact { .. } => &[
            "A server that signs the snapshot would answer 200 and leave a repository that every client refuses.",
            "Do not upload it. Write the document again without changing it: no white space, no added members.",
        ],
        Reason::Bricked { .. } => &[
            "The server wrote the document again for itself. Sign it one version up, in exact form, and upload only that.",
        ],
        Reason::NotNamed { .. } => &[
            "Sign the document that must name it again; a Notary snapshot names root and targets.",
        ],
        Reason::DelegationName { .. } => {
            &["Delegate under another name, one level at a time, and sign the document again."]
        }
        Reason::BadRole { .. } => {
            &["State a threshold of at least 1, and list every key, and sign the document again."]
        }
        Reason::OtherId { .. } => &["List the key under its own id, and sign the document again."],
        Reason::NoHash(_) => {
            &["Sign the document again with the target's SHA-256, or without the target."]
        }
    }
}

//! Signatures: what stands in the list, and who of a role signed.

use std::collections::BTreeMap;

use crate::tuf::any::AnyDocument;
use crate::tuf::verify::{Authority, Ignored};

use super::table::{
    SIGNATURE_AGAIN, SIGNATURE_EMPTY, SIGNATURE_FOREIGN, SIGNATURE_KEY_ID_TWICE, SIGNATURE_WRONG,
    THRESHOLD_NOT_REACHED,
};
use super::{Counted, Raised};

/// What can be said of the list without knowing who may sign.
pub(super) fn entries(document: &AnyDocument, raised: &mut Raised<'_>) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut empty = Counted::default();
    for entry in document.signatures() {
        *seen.entry(entry.keyid.as_str()).or_default() += 1;
        if entry.raw.is_empty() {
            empty.add(|| entry.keyid.to_string());
        }
    }
    raised.raise_counted(&SIGNATURE_EMPTY, "signatures", &empty);
    let mut twice = Counted::default();
    for (id, _) in seen.into_iter().filter(|(_, times)| *times > 1) {
        twice.add(|| id.to_owned());
    }
    raised.raise_counted(&SIGNATURE_KEY_ID_TWICE, "signatures", &twice);
}

/// Who signed, by the word of somebody.
pub(super) fn tallied(document: &AnyDocument, authority: &Authority, raised: &mut Raised<'_>) {
    let tally = document.tally(authority);
    let (mut foreign, mut wrong, mut again) =
        (Counted::default(), Counted::default(), Counted::default());
    for (id, why) in &tally.ignored {
        let stated = |entry: &&crate::tuf::signed::SignatureEntry| entry.keyid == *id;
        let mut of_it = document.signatures().iter().filter(stated);
        let empty = of_it.clone().all(|entry| entry.raw.is_empty());
        match why {
            Ignored::Stranger => foreign.add(|| id.to_string()),
            Ignored::Wrong | Ignored::NotOfItsKind if !empty => wrong.add(|| id.to_string()),
            Ignored::Again if of_it.nth(1).is_none() => again.add(|| id.to_string()),
            // An empty place-holder and the same id twice are other findings.
            Ignored::Wrong | Ignored::NotOfItsKind | Ignored::Again => {}
        }
    }
    raised.raise_counted(&SIGNATURE_FOREIGN, "signatures", &foreign);
    raised.raise_counted(&SIGNATURE_WRONG, "signatures", &wrong);
    raised.raise_counted(&SIGNATURE_AGAIN, "signatures", &again);
    if !tally.reached() {
        raised.raise(
            &THRESHOLD_NOT_REACHED,
            authority.role().as_str(),
            format!("{} of {} needed signatures", tally.good.len(), tally.threshold.count()),
        );
    }
}

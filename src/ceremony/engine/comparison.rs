//! Comparisons that are not circular: the screen asks for words that it does not show.

use sha2::{Digest as _, Sha256};

use crate::tuf::digest::Digest;

use super::super::ask::{AskId, Field, Form};
use super::super::event::SessionId;

/// How many words of a digest there are: one a byte.
const WORDS: u8 = 32;

/// The positions, from 1, that this attempt of a comparison asks for: distinct, derived from
/// SHA-256(session ‖ question ‖ attempt), in ascending order.
pub(super) fn positions(session: SessionId, ask: &AskId, count: usize) -> Vec<u8> {
    let mut found: Vec<u8> = Vec::new();
    let mut round = 0_u32;
    while found.len() < count.min(usize::from(WORDS)) {
        let mut hash = Sha256::new();
        hash.update(session.as_bytes());
        hash.update(ask.script_name().as_bytes());
        hash.update(ask.nth.to_be_bytes());
        hash.update(round.to_be_bytes());
        for byte in hash.finalize() {
            let position = byte % WORDS + 1;
            if found.len() < count && !found.contains(&position) {
                found.push(position);
            }
        }
        round += 1;
    }
    found.sort_unstable();
    found
}

/// The form that asks for the words at these positions.
pub(super) fn form(positions: &[u8]) -> Form {
    let field = |n: &u8| Field { label: format!("word {n}"), max: 16, optional: false };
    Form::Words(positions.iter().map(field).collect())
}

/// Whether the typed words are those of `digest` at these positions; capitals and outer spaces do not matter.
pub(super) fn right(digest: &Digest, positions: &[u8], typed: &[String]) -> bool {
    let words = digest.words();
    typed.len() == positions.len()
        && positions.iter().zip(typed).all(|(position, typed)| {
            words
                .get(usize::from(*position).wrapping_sub(1))
                .is_some_and(|word| word.eq_ignore_ascii_case(typed.trim()))
        })
}

#[cfg(test)]
mod tests {
    use super::super::super::ask::AskKind;
    use super::*;

    fn ask(nth: u32) -> AskId {
        AskId { kind: AskKind::ComparePlan, about: "Witness".to_owned(), nth }
    }

    #[test]
    fn each_attempt_asks_for_other_words_and_a_replay_for_the_same() {
        let session = SessionId::new([3; 16]);
        let asked: Vec<_> = (1..20).map(|nth| positions(session, &ask(nth), 2)).collect();
        let mut distinct = asked.clone();
        distinct.sort();
        distinct.dedup();
        assert!(distinct.len() > 15, "{asked:?}");
        assert_eq!(positions(session, &ask(1), 2), positions(session, &ask(1), 2));
    }

    #[test]
    fn positions_are_distinct_and_within_the_digest() {
        let all = positions(SessionId::new([9; 16]), &ask(1), 32);
        assert_eq!(all, (1..=32).collect::<Vec<u8>>());
    }
}

//! Answers: what counts, and what does not.

use anchorite::ceremony::request::answer::{AnswerFile, BadAnswer};
use anchorite::ceremony::request::merge::{Gathering, NotTaken};
use anchorite::tuf::document::{Dialect, DocRole};

use crate::desk::*;
use crate::sample::*;

#[test]
fn two_of_three_custodians_at_their_own_desks_complete_a_root() {
    for dialect in [Dialect::Notary1, Dialect::Tuf1] {
        let sample = Sample::new(dialect);
        let (request, _) = request(&sample, &rotate_root(&sample));
        let mut gathering = Gathering::new(&request);
        gathering.take(&sign(&request, "root-a", &secret(&sample, "root-a"))).unwrap();
        assert!(gathering.complete(noon()).is_none());
        let standing = gathering.standing();
        assert_eq!(standing.len(), 2, "the root before, and its own keys: {standing:?}");
        assert!(standing.iter().all(|s| s.signed.len() == 1 && s.need == 2 && !s.reached()));
        gathering.take(&sign(&request, "root-c", &secret(&sample, "root-c"))).unwrap();
        let complete = gathering.complete(noon()).unwrap().unwrap();
        let name = match dialect {
            Dialect::Notary1 => "root.json",
            Dialect::Tuf1 => "2.root.json",
        };
        assert!(complete.served.contains_key(name), "{:?}", complete.served.keys());
    }
}

//! The plans of these kinds that are shipped, each with the repository that it starts from.

use super::grown::names as of;
use super::{delegations, tagging, tags, *};

/// The shipped changes of targets and delegations.
pub(crate) fn all(dialect: Dialect) -> Vec<(Sample, Text)> {
    let of = of(dialect);
    let grown = || Grown::with_delegations(dialect);
    let stolen = grown().attacked();
    let rotated = tagging::since_good(&stolen, tagging::rotate(&stolen, ""));
    let (young, other, third, last) = (Grown::new(dialect), grown(), grown(), grown());
    let target = delegations::signed_target(of.bad, of.releases);
    let texts = vec![
        delegations::add(&young, ""),
        delegations::rotate(&other),
        delegations::remove(&third, of.alice),
        tags::sign_below(&last, &target),
    ];
    let others = vec![young, other, third, last].into_iter().map(|grown| grown.sample).zip(texts);
    std::iter::once((stolen.sample, rotated)).chain(others).collect()
}

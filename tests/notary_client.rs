//! What our own Notary client makes of repositories, right and wrong; `tests/peers/judgement.rs` asks the real one of the
//! same.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod support;

use anchorite::tuf::time::Timestamp;

use support::notary_variants::{judged, variants};

fn noon() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

#[test]
fn every_variant_is_judged_as_it_should_be() {
    let all = variants(noon());
    assert!(all.len() > 60, "{}", all.len());
    let wrong: Vec<String> = all
        .iter()
        .filter_map(|variant| {
            let (found, walk) = judged(variant, noon());
            (found != variant.ours)
                .then(|| format!("{}: {found:?}: {:#?}", variant.name, walk.map(|walk| walk.steps)))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! Plans to start from: `plan new` writes one of these, and people fill it in.

use crate::tuf::document::Dialect;

/// A commented plan of a first root in a dialect. It parses, and passes a rehearsal's check, as it is.
pub const fn template(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Notary1 => include_str!("templates/first-root-notary1.toml"),
        Dialect::Tuf1 => include_str!("templates/first-root-tuf1.toml"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use std::collections::BTreeMap;

    use super::super::super::check::CheckReport;
    use super::super::super::event::Mode;
    use super::super::super::scene::Verdict;
    use super::super::Plan;
    use super::*;

    #[test]
    fn every_template_parses_and_may_be_rehearsed() {
        for dialect in [Dialect::Notary1, Dialect::Tuf1] {
            let plan = Plan::parse(template(dialect).as_bytes()).unwrap();
            assert_eq!(plan.repository.dialect, dialect);
            let noon = "2026-12-01T12:00:00Z".parse().unwrap();
            let report = CheckReport::of(&plan, noon, &BTreeMap::new());
            assert!(report.verdict(Mode::Rehearsal) < Verdict::Fail, "{report:#?}");
        }
    }

    #[test]
    fn every_comment_of_a_template_fits_a_screen() {
        for dialect in [Dialect::Notary1, Dialect::Tuf1] {
            for line in template(dialect).lines().filter(|line| line.starts_with('#')) {
                assert!(line.chars().count() <= 100, "{line}");
            }
        }
    }
}

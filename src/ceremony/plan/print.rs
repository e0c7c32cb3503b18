//! The paper script: the same steps as on the screen, as text of 80 columns, with boxes to sign. Witnesses read the words
//! that the screen asks for from this paper, so it is printed where the plan is approved, not in the room.

mod pages;
mod paper;

use crate::tuf::digest::Digest;

use super::Plan;
use paper::Paper;

/// Digests that can be known before the ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownDigests {
    /// The digest of the change set; nothing where keys are made in the ceremony.
    pub change: Option<Digest>,
}

/// Prints a plan as a paper script: pages of 60 lines and 80 columns, parted by form feeds.
///
/// Box A is the digest of the plan file in hex and in 32 numbered words, box D the digest of the change, boxes H1 to H3
/// the heads of the transcript.
pub fn script(plan: &Plan, known: &KnownDigests) -> String {
    let mut paper = Paper::default();
    pages::title(&mut paper, plan);
    pages::people_and_things(&mut paper, plan);
    pages::change(&mut paper, plan);
    pages::steps(&mut paper, plan);
    pages::boxes(&mut paper, plan, known);
    pages::tally(&mut paper, plan);
    pages::exceptions(&mut paper);
    pages::statements(&mut paper, plan);
    let groups = plan.digest.groups();
    let short = groups.get(..4).unwrap_or_default().join(" ");
    paper.finish(&format!("{}  plan {short} ...", plan.codename))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::super::super::steps::steps;
    use super::*;

    fn plan() -> Plan {
        let file = include_str!("../../../ceremonies/first-root-notary1/plan.toml");
        Plan::parse(file.as_bytes()).unwrap()
    }

    fn text() -> String {
        script(&plan(), &KnownDigests::default())
    }

    #[test]
    fn every_line_fits_80_columns_and_every_page_60_lines() {
        for page in text().split('\u{c}') {
            assert_eq!(page.lines().count(), 60, "{page}");
            for line in page.lines() {
                assert!(line.width() <= 80, "{line:?}");
            }
        }
    }

    #[test]
    fn all_32_words_of_the_plan_stand_in_box_a_under_their_numbers() {
        let (plan, text) = (plan(), text());
        let first = text.split('\u{c}').next().unwrap();
        for (nth, word) in (1..).zip(plan.digest.words()) {
            assert!(first.contains(&format!("{nth:>2} {word}")), "{nth} {word}\n{first}");
        }
        let groups = plan.digest.groups();
        assert!(first.contains(&groups.first().unwrap().clone()), "{first}");
    }

    #[test]
    fn paper_and_screen_have_the_same_steps_and_words() {
        let (plan, text) = (plan(), text());
        let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for (nth, step) in (1..).zip(steps(&plan)) {
            assert!(text.contains(&format!("STEP {nth}. {}", step.title)), "{}", step.title);
            for line in step.read_aloud {
                assert!(flat.contains(&line), "{line}");
            }
        }
    }

    #[test]
    fn everybody_has_a_place_to_sign_and_every_key_a_tally() {
        let (plan, text) = (plan(), text());
        let last = text.rsplit_once("STATEMENTS OF THE PARTICIPANTS").unwrap().1;
        for person in &plan.people {
            assert!(last.contains(person.name.as_str()), "{}", person.name);
        }
        let tally = text.split_once("TALLY OF SIGNATURES").unwrap().1;
        for key in plan.keys.iter().filter(|key| key.is_here()) {
            assert!(tally.contains(key.name.as_str()), "{}", key.name);
        }
    }

    #[test]
    fn a_digest_known_beforehand_is_printed_and_an_unknown_one_is_left_blank() {
        let known = KnownDigests { change: Some(Digest::of(b"change")) };
        let word = |text: &str| text.contains(&Digest::of(b"change").groups().join(" ")[..39]);
        assert!(word(&script(&plan(), &known)));
        assert!(!word(&text()));
    }

    #[test]
    fn text_of_the_plan_cannot_leave_its_line() {
        let mut plan = plan();
        plan.targets.first_mut().unwrap().name = "x\u{202e}\n".repeat(60);
        let text = script(&plan, &KnownDigests::default());
        assert!(!text.contains('\u{202e}'));
        for line in text.lines() {
            assert!(line.trim_start_matches('\u{c}').width() <= 80, "{line:?}");
        }
    }
}

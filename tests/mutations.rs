//! Every parser against mutations of good input: the targets of `fuzz/` with a seeded generator, a few seconds in all.
//! `fuzz/run` looks for more, guided by coverage, for as long as one likes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "image/forge.rs"]
mod forge;
#[path = "../fuzz/src/targets/mod.rs"]
mod targets;

use std::panic::catch_unwind;

use targets::{TARGETS, Target};

/// A small generator (SplitMix64): the same seed gives the same inputs on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 for 0.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 11).unwrap() % limit.max(1)
    }
}

/// What parsers stumble over.
const TOKENS: [&[u8]; 28] = [
    b"null",
    b"true",
    b"-1",
    b"0",
    b"9007199254740991",
    b"9007199254740992",
    b"1.5",
    b"1e9",
    b"\"",
    b"{}",
    b"[]",
    b"{\"a\":{",
    b"\\u0000",
    b"\\ud800",
    b"\\",
    b"..",
    b"/",
    b":",
    b"=",
    b"\n",
    b"\0",
    b"\xff",
    b"\xe2\x80\xae",
    b"2027-01-01T00:00:00Z",
    b"99999",
    b"-----END CERTIFICATE-----",
    b" ",
    b"#",
];

/// One to eight small changes of a seed.
fn mutated(numbers: &mut Numbers, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[numbers.below(seeds.len())].clone();
    for _ in 0..=numbers.below(8) {
        let at = numbers.below(bytes.len() + 1);
        let length = numbers.below(24).min(bytes.len() - at);
        match numbers.below(11) {
            0 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            1 if at < bytes.len() => bytes[at] = u8::try_from(numbers.below(256)).unwrap(),
            2 => drop(bytes.drain(at..at + length)),
            3 => {
                let copy = bytes[at..at + length].to_vec();
                let to = numbers.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            4 => {
                let token = TOKENS[numbers.below(TOKENS.len())];
                bytes.splice(at..at + length.min(token.len()), token.iter().copied());
            }
            5 => {
                let other = &seeds[numbers.below(seeds.len())];
                let from = numbers.below(other.len() + 1);
                let taken = &other[from..other.len().min(from + numbers.below(200))];
                bytes.splice(at..at + length, taken.iter().copied());
            }
            // A number or a value becomes another one.
            6 => {
                if let Some(digit) = bytes[at..].iter().position(u8::is_ascii_digit) {
                    bytes[at + digit] = b'0' + u8::try_from(numbers.below(10)).unwrap();
                }
            }
            // A whole line, twice or not at all.
            7 => {
                let start =
                    bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |n| n + 1);
                let end = bytes[at..].iter().position(|byte| *byte == b'\n');
                let end = end.map_or(bytes.len(), |n| at + n + 1);
                let line = bytes[start..end].to_vec();
                let times = if numbers.below(2) == 0 { Vec::new() } else { line.repeat(2) };
                bytes.splice(start..end, times);
            }
            // In place, so that what lies behind stays where formats with offsets look for it.
            8 | 9 => {
                let token = TOKENS[numbers.below(TOKENS.len())];
                let end = bytes.len().min(at + token.len());
                bytes[at..end].copy_from_slice(&token[..end - at]);
            }
            10 if numbers.below(8) == 0 => bytes.truncate(at),
            _ => {}
        }
    }
    bytes
}

fn smoke(target: &Target, seed: u64, inputs: u32) {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    for seed in &seeds {
        (target.run)(seed);
    }
    let mut numbers = Numbers(seed);
    for nth in 0..inputs {
        let input = mutated(&mut numbers, &seeds);
        let found = catch_unwind(|| (target.run)(&input));
        assert!(found.is_ok(), "{} {nth}: {}", target.name, input.escape_ascii());
    }
}

/// One test a target, so that they run side by side.
macro_rules! targets {
    ($($test:ident $name:literal)*) => {
        $(#[test]
        fn $test() {
            let target = TARGETS.iter().find(|target| target.name == $name).unwrap();
            // More for an evening: ANCHORITE_MUTATIONS=100000 cargo test --test mutations
            let stated = std::env::var("ANCHORITE_MUTATIONS").ok();
            let (seed, inputs) = stated.map_or((1, target.smoke), |count| (2, count.parse().unwrap()));
            smoke(target, seed, inputs);
        })*

        #[test]
        fn every_target_is_tried() {
            assert_eq!([$($name),*].len(), TARGETS.len());
        }
    };
}

targets! {
    json_that_is_read_is_written_as_the_same "json"
    documents_that_are_read_are_written_as_the_same "document"
    nothing_forged_is_believed "forgery"
    certificates_are_read_or_refused "certificate"
    keys_and_signatures_have_one_form "key"
    plans_are_read_or_refused "plan"
    transcripts_replay_or_are_refused "transcript"
    rosters_are_read_or_refused "roster"
    key_files_open_as_the_key_that_was_put_in_or_not_at_all "key-file"
    scripts_are_read_or_refused "script"
    requests_lead_to_what_they_state_or_are_refused "request"
    answers_count_for_what_was_signed_or_for_nothing "answer"
    pictures_are_read_or_refused "picture"
    indexes_name_nothing_outside "index"
    archives_hold_nothing_outside "tar"
    texts_are_written_as_they_were_read "text"
}

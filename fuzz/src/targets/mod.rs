//! What is fuzzed: every parser, with what must hold for whatever it accepts. The same functions run under libFuzzer
//! (`fuzz/run`) and, with a seeded generator, in the program's own tests (`tests/mutations.rs`).
#![allow(dead_code, reason = "each of the two takes what it needs")]

mod documents;
mod images;
mod records;
mod requests;
mod texts;

/// One target.
pub(crate) struct Target {
    /// Its name.
    pub(crate) name: &'static str,
    /// Good input to begin with.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    /// Reads the input and panics when something that must hold does not.
    pub(crate) run: fn(&[u8]),
    /// How many inputs the smoke test tries; slow targets get fewer.
    pub(crate) smoke: u32,
}

/// Every target.
pub(crate) const TARGETS: &[Target] = &[
    Target { name: "json", seeds: documents::seeds, run: documents::json, smoke: 1500 },
    Target { name: "document", seeds: documents::seeds, run: documents::document, smoke: 1500 },
    Target { name: "forgery", seeds: documents::seeds, run: documents::forgery, smoke: 600 },
    Target {
        name: "certificate",
        seeds: documents::certificates,
        run: documents::certificate,
        smoke: 3000,
    },
    Target { name: "key", seeds: documents::keys, run: documents::key, smoke: 3000 },
    Target { name: "plan", seeds: records::plans, run: records::plan, smoke: 400 },
    Target {
        name: "transcript",
        seeds: records::transcripts,
        run: records::transcript,
        smoke: 150,
    },
    Target { name: "roster", seeds: records::rosters, run: records::roster, smoke: 1000 },
    Target { name: "key-file", seeds: records::key_files, run: records::key_file, smoke: 300 },
    Target { name: "script", seeds: records::scripts, run: records::script, smoke: 1000 },
    Target { name: "request", seeds: requests::requests, run: requests::request, smoke: 80 },
    Target { name: "answer", seeds: requests::answers, run: requests::answer, smoke: 80 },
    Target { name: "picture", seeds: requests::pictures, run: requests::picture, smoke: 80 },
    Target { name: "index", seeds: images::indexes, run: images::index, smoke: 3000 },
    Target { name: "tar", seeds: images::archives, run: images::archive, smoke: 3000 },
    Target { name: "text", seeds: texts::seeds, run: texts::text, smoke: 5000 },
];

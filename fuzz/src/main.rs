//! One fuzzer for every target; `ANCHORITE_FUZZ` names the target. See `fuzz/README.md`.
#![no_main]

#[path = "../../tests/image/forge.rs"]
mod forge;
mod targets;

use std::sync::LazyLock;

use targets::{TARGETS, Target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("ANCHORITE_FUZZ").unwrap_or_default();
    let known = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(" ");
    TARGETS
        .iter()
        .find(|target| target.name == name)
        .unwrap_or_else(|| panic!("ANCHORITE_FUZZ must be one of: {}", known()))
});

libfuzzer_sys::fuzz_target!(init: {
    // With a folder named, the seeds are written there first.
    if let Some(folder) = std::env::var_os("ANCHORITE_FUZZ_SEEDS") {
        for (nth, seed) in (TARGET.seeds)().iter().enumerate() {
            let path = std::path::Path::new(&folder).join(format!("seed-{nth}"));
            std::fs::write(path, seed).expect("the folder for seeds can be written");
        }
    }
}, |bytes: &[u8]| (TARGET.run)(bytes));

//! What the process does for its secrets at the start: no core dumps, and no other process of the same user may read it.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// What could be done; `doctor` and the room checks tell people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hardened {
    /// Whether core dumps are off.
    pub no_core_dumps: bool,
    /// Whether other processes of the same user are kept out.
    pub not_dumpable: bool,
}

/// Hardens this process. What the system refuses is a value, not an error.
pub fn harden() -> Hardened {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    Hardened {
        no_core_dumps: setrlimit(Resource::Core, none).is_ok(),
        not_dumpable: set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok(),
    }
}

//! What the process does for its secrets at the start: no core dumps, no other process of the same user may read it, and
//! its heap wipes what is given back.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use super::pages::Heap;

/// What could be done; `doctor` and the room checks tell people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hardened {
    /// Whether core dumps are off.
    pub no_core_dumps: bool,
    /// Whether other processes of the same user are kept out.
    pub not_dumpable: bool,
}

/// Hardens this process. What the system refuses is a value, not an error. A second time changes nothing.
pub fn harden() -> Hardened {
    Heap::wipe_from_now_on();
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    Hardened {
        no_core_dumps: setrlimit(Resource::Core, none).is_ok(),
        not_dumpable: set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok(),
    }
}

//! Versions that leave no room: an attacker who had a key makes them jump, and nothing newer can follow.

use crate::tuf::wire::json::MAX_INTEGER;

/// How many versions must be left before the last one that every reader takes.
pub const ROOM: u64 = 1_000_000;

/// The most versions between two documents that follow one another at some distance: more than a signature an hour makes in
/// eleven years.
pub const JUMP: u64 = 100_000;

/// Whether fewer than [`ROOM`] versions are left after this one before 2^53 - 1.
pub fn ends_soon(version: u64) -> bool {
    version > MAX_INTEGER.unsigned_abs() - ROOM
}

/// Whether a later version is further from an earlier one than [`JUMP`].
pub const fn jumps(from: u64, to: u64) -> bool {
    to.saturating_sub(from) > JUMP
}

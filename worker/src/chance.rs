//! Chance: numbers that differ from process to process, for jitter and for names. Nothing secret is
//! made of them.

use std::hash::{BuildHasher, RandomState};

/// Any number: every `RandomState` has keys of its own.
pub fn number() -> u64 {
    RandomState::new().hash_one(0)
}

//! Counts: how many partitions are in which state. Pure.

use std::ops::AddAssign;

use crate::verify::state::State;

/// Partitions by state, and what is proven of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    by_state: [u64; State::ALL.len()],
    /// Rows in the files that ledgers prove and that are there.
    pub rows: u64,
    /// Bytes of these files.
    pub bytes: u64,
}

impl Counts {
    /// Counts a partition.
    pub fn count(&mut self, state: State) {
        self.add(state, 1);
    }

    /// Counts some more.
    pub fn add(&mut self, state: State, partitions: u64) {
        self.by_state[state as usize] += partitions;
    }

    /// One that counted as covered is `state`.
    pub fn becomes(&mut self, state: State) {
        let covered = &mut self.by_state[State::Covered as usize];
        if *covered > 0 {
            *covered -= 1;
            self.add(state, 1);
        }
    }

    /// How many are in `state`.
    pub fn of(&self, state: State) -> u64 {
        self.by_state[state as usize]
    }

    /// All, those outside the listing among them.
    pub fn all(&self) -> u64 {
        self.by_state.iter().sum()
    }

    /// Those on which rows are expected.
    pub fn expected(&self) -> u64 {
        self.all() - self.of(State::OutsideListing)
    }

    /// The worst state that occurs.
    pub fn worst(&self) -> Option<State> {
        State::ALL.into_iter().rev().find(|state| self.of(*state) > 0)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        for (own, theirs) in self.by_state.iter_mut().zip(other.by_state) {
            *own += theirs;
        }
        self.rows = self.rows.saturating_add(other.rows);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

//! Measures: in what the work of a run is counted, for its progress and for the time that it takes. Pure.
//!
//! Tickers are a poor measure where the heaviest come first: after them each takes a fraction of the time.

use crate::plan::weights::Weight;
use crate::supervise::batch::Batch;
use crate::supervise::machine::Machine;

/// In what work is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Each is as much as any other; a part of one counts like one.
    Tickers,
    /// As many as are expected of each.
    Rows,
    /// The root of these: who is said to be a hundred times as large may take only ten times as long.
    RootsOfRows,
}

impl Measure {
    /// For progress.
    pub fn of(machine: &Machine) -> Self {
        *Self::fitting(machine).last().expect("at least one fits")
    }

    /// Those between which the truth lies.
    pub fn fitting(machine: &Machine) -> &'static [Self] {
        let mut fitting: &[Self] =
            if machine.batches().next().is_some() { &[Self::Rows] } else { &[Self::Tickers] };
        for (_, batch) in machine.batches() {
            match batch.weight() {
                Weight::Unknown => return &[Self::Tickers],
                Weight::Guessed(_) => fitting = &[Self::Rows, Self::RootsOfRows],
                Weight::Known(_) => {}
            }
        }
        fitting
    }

    /// So many tickers of `batch`, whose members are about alike.
    pub fn work(self, batch: &Batch, tickers: usize) -> f64 {
        let count = tickers as f64;
        let rows_of_each =
            batch.weight().rows().map_or(1.0, |rows| rows as f64 / batch.members().len() as f64);
        match self {
            Self::Tickers => count,
            Self::Rows => count * rows_of_each,
            Self::RootsOfRows => count * rows_of_each.sqrt(),
        }
    }

    /// How much of the work of all batches is behind, done or given up, of so many equal `parts`.
    pub fn parts_behind(self, machine: &Machine, parts: u64) -> u64 {
        let (mut left, mut all) = (0.0, 0.0);
        for (_, batch) in machine.batches() {
            left += self.work(batch, batch.left().len());
            all += self.work(batch, batch.members().len());
        }
        let behind = if left > 0.0 { 1.0 - left / all } else { 1.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to parts")]
        let whole = (behind * parts as f64) as u64;
        whole
    }
}

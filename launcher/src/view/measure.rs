//! Measures: in what the work of a run is counted, for its progress and for the time that it takes.
//! Pure.
//!
//! Tickers are a poor measure where the heaviest come first: after them each takes a fraction of
//! the time.

use shared::run::workdir::BatchId;

use crate::plan::weights::Weight;
use crate::supervise::batch::Batch;
use crate::supervise::machine::Machine;

/// In what work is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Every ticker counts the same; a part of a ticker counts like one.
    Tickers,
    /// As many as are expected of each.
    Rows,
    /// The square root of the weight: a ticker with a hundred times the size may take only ten
    /// times as long.
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

    /// The work of so many tickers of `batch`, whose members are similar.
    pub fn work(self, batch: &Batch, tickers: f64) -> f64 {
        let rows_of_each =
            batch.weight().rows().map_or(1.0, |rows| rows as f64 / batch.members().len() as f64);
        match self {
            Self::Tickers => tickers,
            Self::Rows => tickers * rows_of_each,
            Self::RootsOfRows => tickers * rows_of_each.sqrt(),
        }
    }

    /// How much of the work of all batches is behind, done or given up, of so many equal `parts`.
    /// Of the tickers of a batch that are left, so many are `finished` by the word of a worker.
    pub fn parts_behind(
        self,
        machine: &Machine,
        parts: u64,
        finished: impl Fn(BatchId) -> f64,
    ) -> u64 {
        let (mut left, mut all) = (0.0, 0.0);
        for (id, batch) in machine.batches() {
            left += self.work(batch, (batch.left().len() as f64 - finished(id)).max(0.0));
            all += self.work(batch, batch.members().len() as f64);
        }
        let behind = if left > 0.0 { 1.0 - left / all } else { 1.0 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to parts"
        )]
        let whole = (behind * parts as f64) as u64;
        whole
    }
}

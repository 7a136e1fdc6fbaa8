//! Actions: what a worker does, one after the other, and when.

use jiff::Timestamp;
use shared::dataset::answers::Said;
use shared::dataset::coverage::Coverage;
use shared::dataset::ledger::Entry;
use shared::dataset::merge::DatedBar;
use shared::dataset::partition::Partition;
use shared::run::events::Event;

use super::disk::File;

/// Something that a worker does.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// It says something in its events.
    Says(Event),
    /// It asks the source.
    Asks(usize),
    /// It moves a file that is of no use out of the way of readers.
    SetsAside(usize, Partition),
    /// It renames a file into its place, with these days of the answer; and when that was asked
    /// for.
    Publishes(usize, Partition, File, Vec<DatedBar>, Coverage, Timestamp),
    /// It appends to a ledger; the days were answered like this.
    Proves(usize, Vec<Entry>, Vec<Answered>),
}

/// What a line tells that was not told before.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    /// The number of the line, of those that are appended with it.
    pub(crate) line: usize,
    pub(crate) days: Coverage,
    pub(crate) said: Said,
    pub(crate) asked_at: Timestamp,
}

/// All that one worker does.
#[derive(Debug)]
pub(crate) struct Log {
    /// Now, ms since the life began.
    pub(crate) t: u64,
    /// In time order.
    pub(crate) actions: Vec<(u64, Action)>,
}

impl Log {
    /// Of a worker that is started at `t`.
    pub(crate) fn since(t: u64) -> Self {
        Self { t, actions: Vec::new() }
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.t += ms;
    }

    /// It does something now.
    pub(crate) fn does(&mut self, action: Action) {
        self.actions.push((self.t, action));
    }
}

//! Closing: before a run is called complete, or incomplete, everything that it has proven is
//! checked once more. Files can be deleted or moved during a run, and the journal knows only what
//! was there at the time.

use super::{DriveError, Supervisor};
use crate::facts::{Fact, JournalEntry, Outcome};
use crate::plan::weights::Sizes;
use crate::process::clock;
use crate::supervise::prepare::{self, Prepared};

/// How often missing files are fetched again; after that a person has to find out what deletes
/// them.
const TIMES: u32 = 3;

impl Supervisor<'_> {
    pub(super) fn close(&mut self, outcome: Outcome) -> Result<(), DriveError> {
        let counts_the_done = match &outcome {
            Outcome::Complete | Outcome::Incomplete { .. } => true,
            Outcome::Stopped { .. } => false,
        };
        if counts_the_done && self.finds_something_gone()? {
            return Ok(());
        }
        self.shims.dismiss();
        self.end_strangers()?;
        if let Some(group) = &self.group {
            group.dissolve();
        }
        self.write(vec![JournalEntry {
            at: self.clock.now().stamp(),
            fact: Fact::Closed { outcome },
        }])
        .map(drop)
    }

    /// Checks whether anything done is gone. If so it is done again, and the journal records that.
    fn finds_something_gone(&mut self) -> Result<bool, DriveError> {
        let request = &self.run.request;
        let tickers = request.frozen_tickers(&self.run.workdir)?;
        // As of the creation of the run (or of now, if the clock was ahead then): an empty answer
        // that has since become old enough to be asked again is left to the next run. Ledgers use
        // the source's clock.
        let as_of = request.created_at.min(clock::now());
        let as_of = self.machine.clocks().map_or(as_of, |clocks| clocks.earlier(as_of));
        let sizes = Sizes::default();
        let Prepared { facts, .. } =
            prepare::prepare(&self.machine, request, &tickers, &sizes, as_of);
        if !facts.iter().any(|fact| matches!(fact, Fact::Reopened { .. } | Fact::Planned { .. })) {
            return Ok(false);
        }
        if self.times_gone == TIMES {
            return Err(DriveError::Vanishes(request.settings.outdir.clone()));
        }
        if let Err(error) = prepare::write_batch_files(&self.run.workdir, &facts) {
            return self.cannot_write(error.into()).map(|()| true);
        }
        let at = self.clock.now().stamp();
        if self.write(facts.into_iter().map(|fact| JournalEntry { at, fact }).collect())? {
            self.times_gone += 1;
        }
        Ok(true)
    }
}

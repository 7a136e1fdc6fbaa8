//! Promises: what must never be said of a ticker, whatever a life was dealt.

use jiff::SignedDuration;
use launcher::facts::Partway;
use shared::dataset::coverage::DateRange;
use shared::market::ticker::Ticker;

use super::life::{Life, Running, Wrong};
use super::truth::Reader;

impl Life<'_> {
    /// `ticker` is called done for `days`: then the tree holds what the source has said last.
    pub(crate) fn must_be_there(&self, ticker: &Ticker, days: DateRange) -> Result<(), Wrong> {
        let whom = self.security(ticker);
        if let Some(day) = self.folders[whom].denied(days) {
            return Err(Wrong(format!(
                "{ticker} is called done, and rows of {day} stand there that its ledger denies"
            )));
        }
        let reader = Reader { run_began: self.created.0, is_anew: self.is_anew, now: self.now() };
        match self.truths[whom].contradicts(self.scenario, &self.folders[whom], days, reader) {
            None => Ok(()),
            Some(what) => Err(Wrong(format!("{ticker} is called done, and {what}"))),
        }
    }

    /// Everybody whom the run calls done has what the source has said.
    pub(crate) fn all_done_are_there(&self) -> Result<(), Wrong> {
        for (_, batch) in self.machine.batches() {
            for ticker in batch.done() {
                self.must_be_there(ticker, batch.part().days(self.scenario.asked))?;
            }
        }
        for security in &self.scenario.securities {
            let mut batches = self.machine.batches();
            if !batches.any(|(_, batch)| batch.members().contains(&security.ticker)) {
                self.must_be_there(&security.ticker, self.scenario.asked)?;
            }
        }
        Ok(())
    }

    /// Whoever is said to have moved on in an attempt was given an answer in it.
    pub(crate) fn moved_on_by_itself(
        &self,
        ticker: &Ticker,
        running: &Running,
        partway: Partway,
    ) -> Result<(), Wrong> {
        let truth = &self.truths[self.security(ticker)];
        // Facts are stamped by the clock of a supervisor, answers by the one on the wall. How far
        // they are apart is known while nobody sets the wall from the attempt on; the next
        // supervisor knows it only if nobody has set it since the one before.
        let is_same = running.clock_from == self.clock_from;
        let known_from = running.began.filter(|_| is_same).unwrap_or(running.clock_from);
        let is_steady = self.scenario.clock.is_steady(known_from, self.t);
        let Some(began) = running.began.filter(|_| is_steady) else { return Ok(()) };
        // Ledgers keep whole seconds.
        let stamp = self.scenario.wall(began) - SignedDuration::from_secs(2);
        if partway.fresh_days == 0 || truth.was_answered(began, stamp) {
            return Ok(());
        }
        let days = partway.fresh_days;
        Err(Wrong(format!("{ticker} is said to have got {days} days in an attempt that got none")))
    }

    /// The run is about to be closed as incomplete. Whoever is good is not given up while the
    /// source serves it, but for more violent ends than its retries.
    pub(crate) fn nobody_innocent_is_given_up(&self) -> Result<(), Wrong> {
        for (_, batch) in self.machine.batches() {
            for (ticker, failure) in batch.failures() {
                let whom = self.security(ticker);
                let is_good = self.scenario.is_good(whom);
                let was_served = self.scenario.was_served(whom, self.anew_at, self.t);
                let is_beaten = self.blows[whom] > self.scenario.rules.retries;
                if is_good && was_served && !is_beaten {
                    let cause = &failure.cause;
                    return Err(Wrong(format!(
                        "{ticker} is good, was served, and is given up: {cause}"
                    )));
                }
            }
        }
        Ok(())
    }
}

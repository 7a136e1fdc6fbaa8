//! Whose trouble it is when nothing comes: a session that has come before is asked for, or one that
//! may come now. Pure.

use shared::dataset::coverage::DateRange;

use super::cuts::stands_alone;
use super::{Division, Why};
use crate::api::failure::Failure;

/// So many small questions that do not come mean that the source is in trouble.
pub(super) const SILENT: usize = 4;
/// What waits until a session that comes has shown that the source is well.
#[derive(Debug)]
pub(super) enum Waiting {
    /// To be cut into pieces.
    Cut(DateRange),
    /// To be called bad.
    Call(DateRange),
    /// What is to be asked next anyway.
    Next,
}

/// A question about the source alone.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) session: DateRange,
    /// Has it come before, or is it a probe?
    pub(super) why: Why,
    /// For whose sake.
    pub(super) waiting: Waiting,
    pub(super) failure: Failure,
}

impl Division {
    /// Asks for a session that has come before, else for one that may come now.
    pub(super) fn ask_whose_trouble_it_is(
        &mut self,
        waiting: Waiting,
        failure: Failure,
    ) -> Result<(), Failure> {
        let in_place = self.session_in_place().map(|session| (session, Why::Control));
        let is_silent = self.silent.len() >= SILENT;
        let asked_for = in_place.or_else(|| {
            let probe = (!is_silent).then(|| self.to_ask.take_far_from(&self.silent)).flatten();
            probe.map(|session| (session, Why::Probe))
        });
        let Some((session, why)) = asked_for else { return Err(failure) };
        self.control = Some(Control { session, why, waiting, failure });
        Ok(())
    }

    /// Nothing was asked, so nothing new is known: the suspect days get another turn.
    pub(super) fn wait_on(&mut self) {
        if let Some(Control { waiting: Waiting::Call(days), .. }) = self.control.take() {
            self.push(days, Why::Suspect);
        }
    }

    /// The source is well: goes on with what waited for that.
    pub(super) fn go_on(&mut self) {
        let Some(Control { waiting, failure, .. }) = self.control.take() else { return };
        self.page_came();
        match waiting {
            Waiting::Cut(days) => self.cut(days),
            Waiting::Call(days) => self.found_bad(days, failure),
            Waiting::Next => {}
        }
    }

    /// A session that the source has served, in this visit or before it.
    pub(super) fn session_in_place(&self) -> Option<DateRange> {
        self.in_place.or_else(|| self.portion.newest_session())
    }

    pub(super) fn cut_if_the_source_is_well(&mut self, days: DateRange, failure: Failure) {
        match self.session_in_place() {
            Some(session) => {
                self.control = Some(Control {
                    session,
                    why: Why::Control,
                    waiting: Waiting::Cut(days),
                    failure,
                });
            }
            None => self.cut(days),
        }
    }

    /// `days` did not come and can't be divided: they are bad, unless the source is in trouble.
    pub(super) fn call_bad(&mut self, days: DateRange, failure: Failure) -> Result<(), Failure> {
        if stands_alone(self.kind, days) {
            self.silent.push(days);
        }
        self.ask_whose_trouble_it_is(Waiting::Call(days), failure)
    }
}

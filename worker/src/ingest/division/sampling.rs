//! Whether a partition comes in pieces: before it is cut, a few of its sessions are asked for.
//! Pure.

use shared::dataset::coverage::{Coverage, DateRange};

use super::control::{SILENT, Waiting};
use super::cuts::{first_session, halves_of, is_single, last_session, session_far_from};
use super::{Division, RangeRequest, Why};
use crate::api::failure::Failure;

/// A partition of which so many sessions do not come is bad as a whole.
const SAMPLES: usize = 3;
/// A partition, or a part of one, of which sessions are asked for before it is cut.
#[derive(Debug)]
pub(super) struct Sampling {
    pub(super) days: DateRange,
    /// The session that is asked for now.
    pub(super) sample: DateRange,
    /// Those that did not come.
    pub(super) failed: Vec<DateRange>,
}

impl Division {
    /// In halves; but of a partition of which nothing has come one session is asked for first.
    pub(super) fn cut(&mut self, days: DateRange) {
        let is_sampled = !is_single(self.kind, days)
            || self.portion.serves_some_of_partition(days)
            || first_session(days) == last_session(days);
        match last_session(days) {
            Some(sample) if !is_sampled => {
                self.sampling = Some(Sampling { days, sample, failed: Vec::new() });
            }
            Some(_) | None => self.push_halves(days),
        }
    }

    pub(super) fn push_halves(&mut self, days: DateRange) {
        match halves_of(self.kind, days) {
            Some((older, newer)) => {
                self.push(newer, Why::Suspect);
                self.push(older, Why::Suspect);
            }
            None => self.push(days, Why::Alone),
        }
    }

    /// It comes in pieces, as far as is known.
    pub(super) fn cut_what_was_sampled(&mut self) {
        let Some(Sampling { days, sample, failed }) = self.sampling.take() else { return };
        let asked: Coverage = failed.iter().copied().chain([sample]).collect();
        for days in Coverage::from(days).minus(&asked).ranges().iter().rev() {
            self.push_halves(*days);
        }
        for days in failed {
            self.to_ask.push_last(RangeRequest { days, why: Why::Alone });
        }
    }

    /// The last session, the first and one between them; where nothing is in place, whose trouble
    /// it is is asked before the third, elsewhere, or by one more sample where there is nothing
    /// else to ask for.
    pub(super) fn sample_failed(&mut self, failure: Failure) -> Result<(), Failure> {
        let Some(Sampling { days, sample, mut failed }) = self.sampling.take() else {
            return Err(failure);
        };
        self.silent.push(sample);
        failed.push(sample);
        let (is_known, is_all) = (self.session_in_place().is_some(), self.to_ask.is_empty());
        let is_enough =
            if is_known || !is_all { failed.len() >= SAMPLES } else { self.silent.len() >= SILENT };
        let next = match failed.len() {
            1 => first_session(days).filter(|first| *first != sample),
            _ if is_enough => None,
            _ => session_far_from(days, &failed),
        };
        let asks_elsewhere = failed.len() > 1 && !is_known && !is_all;
        let Some(sample) = next else { return self.call_bad(days, failure) };
        self.sampling = Some(Sampling { days, sample, failed });
        if asks_elsewhere { self.ask_whose_trouble_it_is(Waiting::Next, failure) } else { Ok(()) }
    }
}

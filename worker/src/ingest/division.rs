//! What to request next when a part of a ticker can't be fetched. The range is divided until the
//! bad part stands alone, and everything else is fetched. Pure.
//!
//! A range whose reply can't be believed is divided along partitions. A range that does not come,
//! again and again, may be too large for one reply: it is divided along partitions and then within
//! them, down to one session. (A partition grows on disk by days, and its ledger line says which.)
//! Days that came in smaller requests tell how much to request at a time (`portion`). A session
//! that does not come stands alone. Trades are in files of a day, and nothing smaller is requested.
//!
//! Division costs requests, so it is bounded. What does not answer at all is not divided. A source
//! in trouble is found out by a control, which is a session that has come before: nothing that does
//! not come is called bad without it. Where none has come yet, up to four small questions look for
//! one: the first partition (or the sessions that a partition is sampled by), and then sessions,
//! each as far as can be from those before it. Only where all of them fail is it the source's
//! trouble, so an outage costs a ticker four questions more in a visit. Before a partition is cut,
//! one session of it is asked for, and two more where that does not come: where none of them does,
//! all of it is bad. What failed is cut in two and not asked for again, so of the questions at most
//! `3 + pieces that come + 4 × bad ones` fail (`questions_are_bounded`), and each but the first and
//! the last ones has two tries. Where the source serves so many days and no more, about two a level
//! fail until that is known.
//!
//! At most 16 bad pieces are looked for in one visit, and after a few bad partitions in a row
//! without a page between them the rest is left: two next to each other and one as far from all
//! that is bad as there is. What was refused in an earlier visit comes last, longest ago first, and
//! what is near a bad session comes behind the rest: whatever is left in one visit has its turn in
//! one of the next.

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::trading_day::TradingDay;

use self::control::{Control, Waiting};
use self::cuts::{around, halves_of, is_single, split_off_first, stands_alone};
use self::portion::Portion;
use self::queue::Queue;
use self::sampling::Sampling;
use crate::api::failure::{Failure, Meaning};

pub mod cuts;
mod portion;
mod queue;
mod control;
mod sampling;

/// Questions in a row that may fail with one partition each and without a page between.
const BARREN: u32 = 3;
/// More that is bad of a ticker is not looked for in one visit.
const MOST_BAD: usize = 16;

/// Why a piece is asked for, and so how patiently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nothing is known against it.
    Wanted,
    /// A part of it may be bad, or it may be too much at a time.
    Suspect,
    /// The likely culprit, which can't be divided.
    Alone,
    /// The same, when it has had its tries.
    LastTime,
    /// One partition or session, to see whether the source serves anything.
    Probe,
    /// One session of a partition that did not come: does it come in pieces?
    Sample,
    /// One session that is in place, to see whether the source serves anything. Nothing of it is
    /// kept.
    Control,
}

/// Days to ask for in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeRequest {
    pub days: DateRange,
    pub why: Why,
}

/// Days that can't be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// Which; of one partition, but where the question as such was refused.
    pub days: DateRange,
    /// How it failed alone.
    pub failure: Failure,
}

/// What is still to be asked of one ticker, and what is known to be bad.
#[derive(Debug)]
pub struct Division {
    kind: Kind,
    to_ask: Queue,
    bad: Vec<Bad>,
    /// Not asked for any more.
    left_out: Coverage,
    /// Has any page come in this visit?
    came: bool,
    /// Single partitions that failed since a page came.
    barren: u32,
    /// Sessions of small questions that did not come, while none has come; of a partition its first
    /// day.
    silent: Vec<DateRange>,
    /// How many days at a time the source serves.
    portion: Portion,
    /// A session that was in place before this visit.
    in_place: Option<DateRange>,
    /// Asked for before anything else.
    control: Option<Control>,
    /// Asked for before anything but a control.
    sampling: Option<Sampling>,
}

impl Division {
    /// For `requests` in time order, when nothing is known of earlier visits.
    pub fn new(kind: Kind, requests: &[DateRange]) -> Self {
        Self::after(kind, requests, &[])
    }

    /// For `requests` in time order, when `refused` were refused in earlier visits, in this order.
    pub fn after(kind: Kind, requests: &[DateRange], refused: &[Partition]) -> Self {
        Self {
            kind,
            to_ask: Queue::new(kind, requests, refused),
            bad: Vec::new(),
            left_out: Coverage::empty(),
            came: false,
            barren: 0,
            silent: Vec::new(),
            portion: Portion::new(kind),
            in_place: None,
            control: None,
            sampling: None,
        }
    }

    /// Knows a session that is in place, which the source has served before.
    #[must_use]
    pub fn with_control(self, in_place: Option<DateRange>) -> Self {
        Self { in_place, ..self }
    }

    /// What to ask for now. How it ends is told by [`Self::served`], [`Self::failed`] or
    /// [`Self::not_wanted`].
    pub fn next_request(&mut self) -> Option<RangeRequest> {
        if let Some(control) = &self.control {
            return Some(RangeRequest { days: control.session, why: control.why });
        }
        if let Some(sampling) = &self.sampling {
            return Some(RangeRequest { days: sampling.sample, why: Why::Sample });
        }
        loop {
            let piece = if self.barren + 1 == BARREN {
                self.to_ask.pop_far_from(self.bad.iter().map(|bad| bad.days))
            } else {
                self.to_ask.pop()
            }?;
            let halves =
                halves_of(self.kind, piece.days).filter(|_| self.portion.is_too_much(piece.days));
            let Some((older, newer)) = halves else { return Some(piece) };
            self.to_ask.push(RangeRequest { days: newer, ..piece });
            self.to_ask.push(RangeRequest { days: older, ..piece });
        }
    }

    /// A page has come: the source serves this ticker.
    pub fn page_came(&mut self) {
        self.came = true;
        self.barren = 0;
        self.silent.clear();
    }

    /// All of `piece` came.
    pub fn served(&mut self, piece: RangeRequest) {
        self.page_came();
        match piece.why {
            Why::Control => self.go_on(),
            Why::Probe => {
                self.portion.served(piece.days);
                self.go_on();
            }
            Why::Sample => {
                self.portion.served(piece.days);
                self.cut_what_was_sampled();
            }
            Why::Wanted | Why::Suspect | Why::Alone | Why::LastTime => {
                self.portion.served(piece.days);
            }
        }
    }

    /// Nothing of `piece` is missing, so it was not asked for.
    pub fn not_wanted(&mut self, piece: RangeRequest) {
        match piece.why {
            Why::Sample => self.cut_what_was_sampled(),
            Why::Probe if self.came => self.go_on(),
            Why::Probe => self.wait_on(),
            Why::Wanted | Why::Suspect | Why::Alone | Why::LastTime | Why::Control => {}
        }
    }

    /// `piece` failed while the days `left` of it were not answered for; the row that was wrong, if
    /// it was one, is of the day `hint`. What is no reason to go on comes back.
    pub fn failed(
        &mut self,
        piece: RangeRequest,
        failure: Failure,
        left: DateRange,
        hint: Option<TradingDay>,
    ) -> Result<(), Failure> {
        for days in around(piece.days, left) {
            self.portion.served(days);
        }
        match failure.meaning() {
            // Of a control the plan's refusal is an answer like any other.
            Meaning::Nothing
                if piece.why == Why::Control && matches!(failure, Failure::OutsidePlan(_)) =>
            {
                self.go_on();
            }
            Meaning::Nothing => return Err(failure),
            Meaning::TooHeavyOrInTrouble => {
                return self.too_heavy_or_in_trouble(piece, failure, left);
            }
            Meaning::Unanswerable => match piece.why {
                // An answer came.
                Why::Control => self.go_on(),
                Why::Sample => {
                    self.cut_what_was_sampled();
                    self.found_bad(left, failure);
                }
                Why::Probe => {
                    self.go_on();
                    self.found_bad(left, failure);
                }
                Why::Wanted | Why::Suspect | Why::Alone | Why::LastTime => {
                    self.found_bad(left, failure);
                }
            },
            Meaning::BadPart => match piece.why {
                Why::Wanted | Why::Suspect => self.divide(left, piece.why, hint),
                // It serves something, if not this: one try tells no more.
                Why::Probe => {
                    self.go_on();
                    self.push(left, Why::Alone);
                }
                Why::Sample => {
                    self.cut_what_was_sampled();
                    self.push(left, Why::Alone);
                }
                Why::Alone | Why::LastTime => self.found_bad(left, failure),
                Why::Control => self.go_on(),
            },
        }
        Ok(())
    }

    /// What is bad, in time order, and what was not asked for any more.
    pub fn end(mut self) -> (Vec<Bad>, Coverage) {
        self.bad.sort_by_key(|bad| bad.days);
        (self.bad, self.left_out)
    }

    fn too_heavy_or_in_trouble(
        &mut self,
        piece: RangeRequest,
        failure: Failure,
        left: DateRange,
    ) -> Result<(), Failure> {
        if failure.is_out_of_time() && piece.why != Why::Control {
            self.portion.took_too_long(left);
        }
        match piece.why {
            Why::Wanted => {
                if let Some((first, rest)) = split_off_first(self.kind, left) {
                    self.to_ask.push(RangeRequest { days: rest, why: Why::Suspect });
                    self.push(first, Why::Probe);
                } else if !stands_alone(self.kind, left) {
                    self.cut_if_the_source_is_well(left, failure);
                } else if self.came || !self.to_ask.is_empty() {
                    self.push(left, Why::LastTime);
                } else {
                    return self.call_bad(left, failure);
                }
            }
            Why::Suspect => self.cut(left),
            Why::Probe => {
                let why = if stands_alone(self.kind, left) { Why::Alone } else { Why::Suspect };
                self.to_ask.push_last(RangeRequest { days: left, why });
                self.silent.push(left.from().into());
                let control = self.control.take();
                let (waiting, failure) = control
                    .map_or((Waiting::Next, failure), |control| (control.waiting, control.failure));
                return self.ask_whose_trouble_it_is(waiting, failure);
            }
            Why::Sample => return self.sample_failed(failure),
            Why::Alone | Why::LastTime if stands_alone(self.kind, left) => {
                return self.call_bad(left, failure);
            }
            Why::Alone | Why::LastTime => self.cut_if_the_source_is_well(left, failure),
            Why::Control => {
                return Err(self.control.take().map_or(failure, |control| control.failure));
            }
        }
        Ok(())
    }

    fn found_bad(&mut self, days: DateRange, failure: Failure) {
        match failure.meaning() {
            Meaning::TooHeavyOrInTrouble => self.portion.is_bad(days),
            // It was answered in time, if not well.
            Meaning::BadPart | Meaning::Unanswerable | Meaning::Nothing => {
                self.portion.served(days);
            }
        }
        self.to_ask.put_behind(Partition::of(self.kind, days.from()));
        self.bad.push(Bad { days, failure });
        self.barren += 1;
        if self.barren >= BARREN || self.bad.len() >= MOST_BAD {
            self.left_out = self.to_ask.clear();
        }
    }

    /// Around the day that is known to be wrong, else in halves of partitions.
    fn divide(&mut self, days: DateRange, why: Why, hint: Option<TradingDay>) {
        if is_single(self.kind, days) {
            let had_its_tries = why == Why::Wanted;
            return self.push(days, if had_its_tries { Why::LastTime } else { Why::Alone });
        }
        let hinted = hint.and_then(|day| Partition::of(self.kind, day).span().intersection(days));
        let Some(culprit) = hinted else {
            let (older, newer) = halves_of(self.kind, days).expect("of more than one partition");
            for days in [newer, older] {
                self.push(days, if is_single(self.kind, days) { Why::Alone } else { Why::Suspect });
            }
            return;
        };
        if let Some(behind) = DateRange::new(culprit.to().next(), days.to()) {
            self.push(behind, Why::Wanted);
        }
        self.push(culprit, Why::Alone);
        let before = (days.from() < culprit.from())
            .then(|| DateRange::new(days.from(), culprit.from().previous()));
        if let Some(before) = before.flatten() {
            self.push(before, Why::Wanted);
        }
    }

    fn push(&mut self, days: DateRange, why: Why) {
        let why =
            if why == Why::Suspect && stands_alone(self.kind, days) { Why::Alone } else { why };
        self.to_ask.push(RangeRequest { days, why });
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_sessions;

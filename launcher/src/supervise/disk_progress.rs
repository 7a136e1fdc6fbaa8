//! How far a running attempt has come, by what it has left on disk.

use std::time::SystemTime;

use jiff::Timestamp;

use super::activity;
use super::batch::Work;
use super::evidence;
use crate::plan::request::Request;
use crate::plan::settings::Program;

/// How far a running attempt has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskProgress {
    /// How many days of its tickers are proven.
    Days(u64),
    /// The time of its latest file: all that shows where there is no ledger, or where a ticker is
    /// proven in one go.
    Latest(Option<SystemTime>),
}

impl DiskProgress {
    /// The progress of an attempt at `work`, at `now`.
    pub fn of(request: &Request, work: &Work, now: Timestamp) -> Self {
        let settings = &request.settings;
        match &settings.program {
            Program::Worker => {
                let days = work.part.days(request.days());
                let proven = |ticker| evidence::proven_days(request, ticker, days, now);
                Self::Days(work.tickers.iter().map(proven).sum())
            }
            Program::Bars(_) | Program::Script(_) => {
                let latest = |ticker: &shared::market::ticker::Ticker| {
                    activity::latest_file(&settings.outdir.join(ticker.as_str()))
                };
                Self::Latest(work.tickers.iter().filter_map(latest).max())
            }
        }
    }

    /// Is it further than `before`? Of files only a new one counts.
    pub fn is_further_than(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Days(days), Self::Days(before)) => days > before,
            (Self::Latest(latest), Self::Latest(before)) => latest.is_some() && latest != before,
            (Self::Days(_), Self::Latest(_)) | (Self::Latest(_), Self::Days(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_days_are_further_and_so_is_another_file_whatever_the_clock_has_done() {
        assert!(DiskProgress::Days(2).is_further_than(&DiskProgress::Days(1)));
        assert!(!DiskProgress::Days(2).is_further_than(&DiskProgress::Days(2)));
        let (early, late) = (
            Some(SystemTime::UNIX_EPOCH),
            Some(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1)),
        );
        assert!(DiskProgress::Latest(late).is_further_than(&DiskProgress::Latest(early)));
        assert!(
            DiskProgress::Latest(early).is_further_than(&DiskProgress::Latest(late)),
            "the clock was set back"
        );
        assert!(!DiskProgress::Latest(None).is_further_than(&DiskProgress::Latest(None)));
    }
}

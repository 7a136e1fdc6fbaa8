//! Requests the details of many tickers on a few threads. Each answer is logged at once; known ones
//! are not requested again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use shared::disk::publish::DiskError;
use shared::error_chain::with_causes;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::events::Persistence;
use shared::run::exit::Exit;
use shared::run::thousands::counted;

use super::answers::{DetailsAnswer, DetailsLog};
use super::ask::ReferenceSource;
use super::details;
use super::error::exit_of;
use super::tickers::Listed;
use crate::api::failure::Failure;
use crate::crew;
use crate::report::Level;

/// One ticker to ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailsQuery {
    /// Who.
    pub ticker: Ticker,
    /// As of which day; `None` is today.
    pub date: Option<TradingDay>,
    /// Does it trade, says the snapshot?
    pub active: bool,
    /// When it was delisted, says the snapshot.
    pub delisted_utc: Option<String>,
}

/// What there is to ask about the rows of a snapshot: each ticker once, in order, and the names
/// that are none.
///
/// A delisted ticker is asked about as of the day before its delisting: of today, nothing is known
/// of it (protocol sheet 1.5).
pub fn queries(listed: Vec<Listed>, date: Option<TradingDay>) -> (Vec<DetailsQuery>, Vec<String>) {
    let mut queries: Vec<DetailsQuery> = Vec::new();
    let mut unusable = Vec::new();
    for Listed { ticker: name, active, delisted_utc } in listed {
        let Ok(ticker) = name.parse::<Ticker>() else {
            unusable.push(name);
            continue;
        };
        let date = if active { date } else { day_before(delisted_utc.as_deref()).or(date) };
        queries.push(DetailsQuery { ticker, date, active, delisted_utc });
    }
    // Of several rows of a ticker the one that trades counts, else the one that traded last.
    queries.sort_by(|a, b| {
        let order = (b.active, &b.delisted_utc).cmp(&(a.active, &a.delisted_utc));
        a.ticker.cmp(&b.ticker).then(order)
    });
    queries.dedup_by(|later, kept| later.ticker == kept.ticker);
    (queries, unusable)
}

fn day_before(instant: Option<&str>) -> Option<TradingDay> {
    // The vendor writes a bare date as midnight UTC: the day is in the text, not in a time zone.
    let text = instant?;
    text.parse::<Timestamp>().ok()?;
    Some(text.get(..10)?.parse::<TradingDay>().ok()?.previous())
}

/// How a survey ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SurveyCounts {
    /// Answered, before or now.
    pub answered: u64,
    /// May be tried again.
    pub transient: u64,
    /// Will not get better.
    pub permanent: u64,
    /// What ended it before its time.
    pub cut_short: Option<Exit>,
}

impl SurveyCounts {
    /// How the process ends.
    pub fn exit(&self, asked: usize) -> Exit {
        match self.cut_short {
            Some(Exit::Stopped) if self.answered == asked as u64 => Exit::Done,
            Some(exit) => exit,
            None if self.transient > 0 => Exit::Transient,
            None if self.permanent > 0 => Exit::Permanent,
            None => Exit::Done,
        }
    }
}

/// What all threads share.
struct Desk<'a> {
    source: &'a ReferenceSource<'a>,
    answers: Mutex<&'a mut DetailsLog>,
    counts: Mutex<SurveyCounts>,
}

/// Asks every query that `answers` does not answer.
pub fn run(
    source: &ReferenceSource<'_>,
    queries: &[DetailsQuery],
    answers: &mut DetailsLog,
    threads: usize,
) -> SurveyCounts {
    let open: Vec<&DetailsQuery> =
        queries.iter().filter(|query| answers.of(&query.ticker, query.date).is_none()).collect();
    let known = queries.len() - open.len();
    if known > 0 {
        source.reporter.run(
            Level::Info,
            &format!(
                "details: {} answered before, {} to ask",
                counted(known as u64, "ticker"),
                open.len()
            ),
        );
    }
    let counts = Mutex::new(SurveyCounts { answered: known as u64, ..SurveyCounts::default() });
    let desk = Desk { source, answers: Mutex::new(answers), counts };
    crew::each(threads, open, source.stop, |query| desk.visit(query));
    let mut counts = desk.counts.into_inner().unwrap_or_else(PoisonError::into_inner);
    if source.stop.is_asked() {
        counts.cut_short.get_or_insert(Exit::Stopped);
    }
    counts
}

impl Desk<'_> {
    fn visit(&self, query: &DetailsQuery) {
        let reporter = self.source.reporter;
        let ticker = &query.ticker;
        reporter.start(ticker);
        let url = details::url(&self.source.base, ticker, query.date);
        let details = match self.source.details(ticker, &url) {
            Ok(details) => details,
            Err(failure) => return self.failed(ticker, &failure),
        };
        let rows = u64::from(details.is_some());
        if let Some(details) = &details {
            debug_assert_eq!(details.ticker, ticker.as_str(), "the decoder has compared them");
        } else {
            reporter.ticker(Level::Info, ticker, "the source does not know it");
        }
        let answer = DetailsAnswer { ticker: ticker.clone(), date: query.date, details };
        let kept = self.answers.lock().unwrap_or_else(PoisonError::into_inner).keep(answer);
        match kept {
            Ok(()) => {
                self.counts().answered += 1;
                reporter.done(ticker, rows, 1);
            }
            Err(error) => self.unkept(&error),
        }
    }

    fn failed(&self, ticker: &Ticker, failure: &Failure) {
        let exit = exit_of(failure);
        match exit {
            Exit::Transient | Exit::Permanent => {
                let trouble = failure.trouble();
                match trouble.persistence {
                    Persistence::Transient => self.counts().transient += 1,
                    Persistence::Permanent => self.counts().permanent += 1,
                }
                self.source.reporter.failed(ticker, &failure.to_string(), trouble);
            }
            Exit::Stopped => self.end(exit),
            _ => {
                let text = format!("the run ends here: {ticker}: {failure}");
                self.source.reporter.run(Level::Error, &text);
                self.end(exit);
            }
        }
    }

    fn unkept(&self, error: &DiskError) {
        let text = with_causes(error);
        self.source.reporter.run(Level::Error, &format!("the run ends here: {text}"));
        self.end(Exit::LocalResource);
    }

    fn end(&self, exit: Exit) {
        self.counts().cut_short.get_or_insert(exit);
        self.source.stop.ask();
    }

    fn counts(&self) -> MutexGuard<'_, SurveyCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ticker_is_asked_about_once_as_of_a_day_on_which_it_traded() {
        let listed = |ticker: &str, gone: Option<&str>| Listed {
            ticker: ticker.to_owned(),
            active: gone.is_none(),
            delisted_utc: gone.map(str::to_owned),
        };
        let rows = vec![
            listed("A", None),
            listed("A", Some("2010-05-04T00:00:00Z")),
            listed("GONE", Some("2010-05-04T00:00:00Z")),
            listed("GONE", Some("2019-01-02T00:00:00Z")),
            listed("O:X", None),
        ];
        let (queries, unusable) = queries(rows, None);
        let asked: Vec<_> = queries
            .iter()
            .map(|query| (query.ticker.as_str(), query.date.map(|date| date.to_string())))
            .collect();
        assert_eq!(asked, [("A", None), ("GONE", Some("2019-01-01".to_owned()))]);
        assert_eq!(unusable, ["O:X"]);
    }
}

//! Answers about tickers as they come in, kept in a checked log beside the table they will become:
//! a killed run goes on behind the last one.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use shared::disk::audience::Audience;
use shared::disk::checked_lines::{Appender, LinesError};
use shared::disk::folder::Folder;
use shared::disk::publish::DiskError;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

use super::details::Details;

/// What the source said of one ticker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetailsAnswer {
    /// Who was asked about.
    pub ticker: Ticker,
    /// As of which day; `None` is the day of the snapshot.
    pub date: Option<TradingDay>,
    /// `None`: nothing is known of it (404).
    pub details: Option<Details>,
}

/// Are answers of an earlier run taken up?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierAnswers {
    /// Everything is asked again.
    AskedAgain,
    /// Only what is missing is asked.
    Kept,
}

/// The log and what is in it.
pub struct DetailsLog {
    log: Appender<DetailsAnswer>,
    known: HashMap<Ticker, DetailsAnswer>,
}

impl DetailsLog {
    /// Opens the log at `path`, which lies below `root`. One process at a time: the lock of the
    /// output sees to that.
    pub fn open(root: &Path, path: &Path, begin: EarlierAnswers) -> Result<Self, LinesError> {
        if begin == EarlierAnswers::AskedAgain {
            let folder = Folder::of(Audience::AsUmaskSays, root, path)?;
            folder.remove(path.file_name().unwrap_or_default())?;
        }
        let mut log = Appender::below(root, path)?;
        let known = log
            .recover()?
            .into_iter()
            .map(|answer: DetailsAnswer| (answer.ticker.clone(), answer))
            .collect();
        Ok(Self { log, known })
    }

    /// What was said of `ticker` as of `date`.
    pub fn of(&self, ticker: &Ticker, date: Option<TradingDay>) -> Option<&DetailsAnswer> {
        self.known.get(ticker).filter(|answer| answer.date == date)
    }

    /// Keeps an answer: when it returns, no crash loses it.
    pub fn keep(&mut self, answer: DetailsAnswer) -> Result<(), DiskError> {
        self.log.append(std::slice::from_ref(&answer))?;
        self.known.insert(answer.ticker.clone(), answer);
        Ok(())
    }
}

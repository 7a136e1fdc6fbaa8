//! Ledger entries: what one line proves of one partition, and how an answer, a loss and a new file
//! change it. Pure.
//!
//! Evidence is monotone: no sequence of answers and losses makes a day believed whose rows are not
//! in the file.

use serde::{Deserialize, Serialize};

use super::answers::{Answers, Asking, Said};
use super::coverage::{Coverage, DateRange};
use super::loss::{Loss, Settled};
use super::partition::Partition;
use super::seen::Seen;
use super::writer::Fingerprint;
use crate::formats::{self, Format};
use crate::market::ticker::Ticker;
use crate::market::trading_day::TradingDay;

/// The version of this program, as written into each line.
pub const CODE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a published file holds, and its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProof {
    /// Rows in the file, at least 1.
    pub rows: u64,
    /// How many of the rows lie on proven days, if not all do: rows of others were there before us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven_rows: Option<u64>,
    /// First stamp in the file, in the unit of its rows (ms for bars, ns for trades; UTC).
    pub first: i64,
    /// Last stamp in the file.
    pub last: i64,
    /// Bars that came in two versions, where there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<KeptDuplicates>,
    /// Length and SHA-256.
    #[serde(flatten)]
    pub fingerprint: Fingerprint,
    /// How the file looked when its SHA-256 was computed; older lines do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

impl FileProof {
    /// For a file whose rows are all proven.
    pub fn new(rows: u64, first: i64, last: i64, fingerprint: Fingerprint) -> Self {
        Self { rows, proven_rows: None, first, last, duplicates: None, fingerprint, seen: None }
    }

    fn proven_rows(&self) -> u64 {
        self.proven_rows.unwrap_or(self.rows)
    }
}

/// Bars that the source sent in two versions, and which of them the user chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptDuplicates {
    /// The choice, as it is given to the worker: `keep-last`, `keep-first`.
    pub kept: String,
    /// How many.
    pub rows: u64,
}

/// Days that nobody has asked the source for: another program left their rows, and `launcher verify
/// --adopt` found them whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// Which.
    pub days: Coverage,
    /// What was taken for proof.
    pub by: AdoptedBy,
}

/// What was taken for proof that days of another program's file are whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdoptedBy {
    /// Each session has its bar; there is no more to a day.
    Calendar,
    /// Each session has rows, and nothing speaks against them: the user chose to believe that.
    Looks,
}

/// One line: what is proven of one partition. The last line of a partition wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Which partition. Its form implies the kind: a year of daily bars, a month of minutes, a day
    /// of trades.
    pub partition: Partition,
    /// Whose data; older lines do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticker: Option<Ticker>,
    /// What the source has said of its days.
    pub answers: Answers,
    /// The file with its rows; a partition without a row has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileProof>,
    /// What an earlier file held and is still missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// Pages that the last fetch read for this partition, including pages shared with neighbours.
    pub pages: u64,
    /// Days whose rows another program brought, as far as the source has not brought them again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adopted>,
    /// Version of the program that wrote the line.
    pub code: String,
    /// Version of the line ([`Format::Ledger`]).
    #[serde(rename = "v", default = "formats::first", skip_serializing_if = "formats::is_first")]
    pub format: u32,
}

/// The source sent fewer rows than there were before (proven and then lost, or in a file without a
/// line).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shorter {
    /// The days, which stay lost.
    pub days: Coverage,
    /// Rows that there were.
    pub had: u64,
    /// Rows that came.
    pub came: u64,
}

impl Entry {
    /// An entry that knows nothing of its partition.
    pub fn new(ticker: &Ticker, partition: Partition) -> Self {
        Self {
            partition,
            ticker: Some(ticker.clone()),
            answers: Answers::default(),
            file: None,
            loss: None,
            pages: 0,
            adopted: None,
            code: CODE_VERSION.to_owned(),
            format: Format::Ledger.version(),
        }
    }

    /// The days whose rows must be in the file.
    pub fn data_days(&self) -> Coverage {
        self.answers.days(|answer| answer.said == Said::Data)
    }

    /// The file is missing or damaged: its days become lost and must be fetched again.
    pub fn lose_file(&mut self) {
        let Some(file) = self.file.take() else { return };
        let days = self.data_days();
        self.answers.lose_data();
        let before = self.loss.take().unwrap_or(Loss::nothing());
        let loss = Loss {
            days: before.days.union(&days),
            rows: before.rows.saturating_add(file.proven_rows().saturating_sub(before.found)),
            found: 0,
            stamps: before.stamps_with((file.first, file.last)),
            elsewhere: 0,
            witness: before.witness,
        };
        self.loss = Some(loss).filter(|loss| !loss.days.is_empty());
    }

    /// A line of a version that did not record losses.
    pub fn remember_loss(&mut self) {
        let days = self.answers.lost();
        if self.loss.is_none() && !days.is_empty() {
            // Its file held rows of the lost day, or of some of the lost days.
            let had_some = self.file.is_none() || matches!(self.partition, Partition::Day(_));
            self.loss = Some(Loss { days, rows: u64::from(had_some), ..Loss::nothing() });
        }
    }

    /// While any day of a loss is not answered for, no answer for its other days is believed. The
    /// worker that got those answers did not finish, and the source may have had fewer rows then.
    /// One visit has to hear of all lost days before it can tell whether the source has fewer rows
    /// than there were. What this visit has `brought` so far is kept.
    pub fn reopen_loss(&mut self, brought: &Coverage) {
        let Some(loss) = &self.loss else { return };
        let answered = loss.days.minus(&self.answers.lost());
        if !answered.minus(brought).is_empty() {
            let loss = loss.clone();
            self.lose_again(loss);
        }
    }

    /// Every day of `loss` must be fetched again, as if nothing had come back.
    fn lose_again(&mut self, loss: Loss) {
        self.answers.lose(&loss.days);
        if let Some(file) = &mut self.file {
            file.proven_rows = Some(file.proven_rows().saturating_sub(loss.found));
        }
        self.loss = Some(Loss { found: 0, elsewhere: 0, ..loss });
    }

    /// The part of `days` that may have rows in the file without a line: a writer that died between
    /// file and line leaves them, and so may earlier owners.
    pub fn untold(&self, days: &Coverage) -> Coverage {
        if self.file.as_ref().is_some_and(|file| file.proven_rows.is_none()) {
            return Coverage::empty();
        }
        let lost = self.loss.as_ref().map_or_else(Coverage::empty, |loss| loss.days.clone());
        days.minus(&self.data_days()).minus(&lost)
    }

    /// The source says that `days` are empty, but the file has `rows` rows there without a line.
    /// These days count as lost from now on, until the source sends as many rows or has confirmed
    /// fewer.
    pub fn deny(&mut self, days: &Coverage, rows: u64, asking: Asking) -> Result<(), Shorter> {
        if rows == 0 {
            return Ok(());
        }
        days.ranges().iter().for_each(|days| self.answers.record(*days, Said::Lost, asking));
        let loss = self.loss.get_or_insert(Loss::nothing());
        loss.days = loss.days.union(days);
        loss.rows = loss.rows.saturating_add(rows);
        loss.stamps = None;
        Err(Shorter { days: days.clone(), had: rows, came: 0 })
    }

    /// There is a file although the answer says "no rows": the days must be asked again.
    pub fn doubt_empty_answers(&mut self) {
        if self.file.is_none() {
            let empty = self.answers.days(|answer| matches!(answer.said, Said::Empty { .. }));
            self.answers.lose(&empty);
        }
    }

    /// The source has answered for `days`; `found` of the rows that came lie on lost days.
    pub fn answer(&mut self, days: &Coverage, said: Said, asking: Asking, found: u64) {
        days.ranges().iter().for_each(|days| self.answers.record(*days, said, asking));
        if said == Said::Data {
            self.asked_for(days);
        }
        if let Some(loss) = &mut self.loss {
            loss.found = loss.found.saturating_add(found);
        }
    }

    /// The source has brought `days` itself: what was adopted of them counts no more.
    fn asked_for(&mut self, days: &Coverage) {
        let left = |adopted: Adopted| Adopted { days: adopted.days.minus(days), ..adopted };
        self.adopted = self.adopted.take().map(left).filter(|adopted| !adopted.days.is_empty());
    }

    /// The whole of `days` was found in `file`, which another program left and which was last
    /// written at `asking`.
    pub fn adopt(
        &mut self,
        days: &Coverage,
        by: AdoptedBy,
        file: Option<FileProof>,
        asking: Asking,
    ) {
        // A day without a session has nothing in any file.
        let said = if file.is_some() { Said::Data } else { Said::Empty { asks: 1 } };
        days.ranges().iter().for_each(|days| self.answers.record(*days, said, asking));
        self.file = file;
        self.adopted = Some(Adopted { days: days.clone(), by });
    }

    /// The days that are proven by nothing but adoption.
    pub fn adopted_days(&self) -> Coverage {
        let known = self.answers.days(|answer| answer.said.is_known());
        self.adopted.as_ref().map_or_else(Coverage::empty, |it| it.days.intersection(&known))
    }

    /// The lost days among `days` that lie beyond the stamps of all lost rows: rows that come there
    /// are new.
    pub fn lost_elsewhere(
        &self,
        days: &Coverage,
        day_of: impl Fn(i64) -> Option<TradingDay>,
    ) -> Coverage {
        let stamps = self.loss.as_ref().and_then(|loss| loss.stamps);
        let held = stamps.and_then(|(first, last)| DateRange::new(day_of(first)?, day_of(last)?));
        let beyond = |held: DateRange| self.answers.lost().intersection(days).minus(&held.into());
        held.map_or_else(Coverage::empty, beyond)
    }

    /// Counts `rows` that came there.
    pub fn found_elsewhere(&mut self, rows: u64) {
        if let Some(loss) = &mut self.loss {
            loss.elsewhere = loss.elsewhere.saturating_add(rows);
        }
    }

    /// Once every lost day is answered for: did all lost rows come back? If not, all lost days stay
    /// lost.
    pub fn settle(&mut self, asking: Asking) -> Result<(), Shorter> {
        let is_open = |loss: &Loss| !self.answers.lost().intersection(&loss.days).is_empty();
        let Some(loss) = self.loss.take_if(|loss| !is_open(loss)) else { return Ok(()) };
        // A file with kept rows that did not come again does not show what the source confirms.
        let all_came = self.file.as_ref().filter(|file| file.proven_rows.is_none());
        let sha256 = all_came.map(|file| file.fingerprint.sha256.as_str());
        match loss.settle(sha256, asking.at) {
            Settled::Made => Ok(()),
            Settled::Short(loss) => {
                let shorter =
                    Shorter { days: loss.days.clone(), had: loss.rows, came: loss.came_back() };
                self.lose_again(loss);
                Err(shorter)
            }
        }
    }
}

#[cfg(test)]
mod tests;

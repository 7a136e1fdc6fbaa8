//! Whole: which days of a ticker's files are all there, as far as files and calendar can tell.
//! Pure.
//!
//! A daily bar is all that there is of a day: a session with a bar is whole, and a day without a
//! session has nothing to miss. Of minutes and trades no file tells how many a day has; they count
//! as whole only if the user has chosen to believe their looks: each session has rows, and rows of
//! a later day show that the download went past it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use shared::dataset::answers::Asking;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::entry::{AdoptedBy, Entry, FileProof};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::session::session;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;

use super::facts::{DayFacts, FileFacts};
use super::oddity::Oddity;

/// Rows of a full page. A download that was cut between two pages has a multiple of it.
const PAGE_ROWS: u64 = 50_000;

/// How long after its session a day may still change.
pub const SETTLE: SignedDuration = SignedDuration::from_hours(15);

/// By what files are judged.
#[derive(Debug, Clone, Copy)]
pub struct Ground {
    /// What rows.
    pub kind: Kind,
    /// In which zone days are counted.
    pub zone: Zone,
    /// What counts as a proof; `None` where nothing does.
    pub by: Option<AdoptedBy>,
    /// When it is judged.
    pub now: Timestamp,
}

impl Ground {
    /// What counts as a proof of `kind`, if the user chose to believe looks or not.
    pub fn proof_of(kind: Kind, believes_looks: bool) -> Option<AdoptedBy> {
        match kind {
            Kind::Daily => Some(AdoptedBy::Calendar),
            Kind::Minute | Kind::Trades => believes_looks.then_some(AdoptedBy::Looks),
        }
    }
}

/// What came of the files of a ticker.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Lines for partitions of which some days are whole.
    pub lines: Vec<Entry>,
    /// Sessions that are proven by them.
    pub proven: u64,
    /// Sessions between the first row of the ticker and its last that are not.
    pub unproven: u64,
    /// What speaks against the others: days of which partition.
    pub oddities: Vec<(Partition, Oddity, Vec<TradingDay>)>,
}

/// Judges `files`, all of the same `ticker`.
pub fn judge(ground: Ground, ticker: &Ticker, files: &[FileFacts]) -> Verdict {
    let mut verdict = Verdict::default();
    let days = || files.iter().flat_map(|file| &file.days).map(|facts| facts.day);
    let Some(held) = days().min().zip(days().max()).and_then(|(a, b)| DateRange::new(a, b)) else {
        return verdict;
    };
    for file in files {
        let sieve = Sieve { ground, held, file };
        let whole = sieve.whole(&mut verdict.oddities);
        if let Some(line) = sieve.line(ticker, &whole) {
            verdict.lines.push(line);
        }
    }
    if ground.kind == Kind::Trades {
        verdict.lines.extend(days_off(ground, ticker, held, files));
    }
    let proven: Coverage =
        verdict.lines.iter().fold(Coverage::empty(), |all, line| all.union(&line.adopted_days()));
    let is_session = |day: &TradingDay| session(*day).is_some();
    let sessions = each_day(held).filter(is_session);
    (verdict.proven, verdict.unproven) = sessions.fold((0, 0), |(proven_so_far, not), day| {
        if proven.contains(day) { (proven_so_far + 1, not) } else { (proven_so_far, not + 1) }
    });
    verdict
}

/// Days of trades without a session and without a file, between days that are believed.
fn days_off(ground: Ground, ticker: &Ticker, held: DateRange, files: &[FileFacts]) -> Vec<Entry> {
    let Some(by) = ground.by else { return Vec::new() };
    let there: BTreeSet<Partition> = files.iter().map(|file| file.partition).collect();
    let written = files.iter().map(|file| file.written_at).max().unwrap_or(ground.now);
    let is_off = |day: &TradingDay| {
        // The evening of a session may belong to the next day in UTC.
        let evening_before = ground.zone == Zone::Utc && session(day.previous()).is_some();
        session(*day).is_none() && !evening_before && !there.contains(&Partition::Day(*day))
    };
    let line = |day: TradingDay| {
        let mut line = Entry::new(ticker, Partition::Day(day));
        line.adopt(&one(day).into(), by, None, asking(written, ground.now));
        line
    };
    each_day(held).filter(is_off).map(line).collect()
}

fn each_day(days: DateRange) -> impl Iterator<Item = TradingDay> {
    let next = |day: &TradingDay| (*day < TradingDay::MAX).then(|| day.next());
    std::iter::successors(Some(days.from()), next).take_while(move |day| *day <= days.to())
}

/// A day as a range.
pub fn one(day: TradingDay) -> DateRange {
    day.into()
}

/// When the source was asked is not known: not after the file was written.
fn asking(written_at: Timestamp, now: Timestamp) -> Asking {
    let at = written_at.min(now);
    Timestamp::from_second(at.as_second()).unwrap_or(at).into()
}

/// A file, and the days that the ticker has rows of in any.
struct Sieve<'a> {
    ground: Ground,
    held: DateRange,
    file: &'a FileFacts,
}

impl Sieve<'_> {
    /// Its days that are whole; what speaks against the others goes into `oddities`.
    fn whole(&self, oddities: &mut Vec<(Partition, Oddity, Vec<TradingDay>)>) -> Coverage {
        let Some(days) = self.file.partition.span().intersection(self.held) else {
            return Coverage::empty();
        };
        let facts: BTreeMap<TradingDay, &DayFacts> =
            self.file.days.iter().map(|facts| (facts.day, facts)).collect();
        let settled = TradingDay::last_settled(self.file.written_at.min(self.ground.now), SETTLE);
        let mut against: BTreeMap<Oddity, Vec<TradingDay>> = BTreeMap::new();
        let mut whole = Vec::new();
        for day in each_day(days) {
            match self.flaw(day, facts.get(&day).copied(), settled) {
                None => whole.push(one(day)),
                Some(oddity) => against.entry(oddity).or_default().push(day),
            }
        }
        let partition = self.file.partition;
        oddities.extend(against.into_iter().map(|(oddity, days)| (partition, oddity, days)));
        whole.into_iter().collect()
    }

    /// What speaks against a day being whole.
    fn flaw(
        &self,
        day: TradingDay,
        facts: Option<&DayFacts>,
        settled: TradingDay,
    ) -> Option<Oddity> {
        let Ground { kind, zone, by, .. } = self.ground;
        let is_rest_of_evening = zone == Zone::Utc
            && kind != Kind::Daily
            && day.previous() >= self.held.from()
            && session(day.previous()).is_some();
        match (session(day), facts) {
            _ if by.is_none() => Some(Oddity::WithinDays),
            _ if day == self.held.to() => Some(Oddity::LastSession),
            _ if day > settled => Some(Oddity::Unsettled),
            (_, Some(facts)) if !facts.is_finite => Some(Oddity::NotFinite),
            (Some(_), None) => Some(Oddity::NoRows),
            (None, Some(_)) if !is_rest_of_evening => Some(Oddity::NoSession),
            (_, Some(_)) if self.may_be_cut(day) => Some(Oddity::FullPages),
            (Some(_) | None, Some(_)) | (None, None) => None,
        }
    }

    /// Is it the last day of a file that may lack its last pages?
    fn may_be_cut(&self, day: TradingDay) -> bool {
        let is_last = self.file.days.last().is_some_and(|last| last.day == day);
        let is_paged = self.ground.kind != Kind::Daily && self.file.rows.is_multiple_of(PAGE_ROWS);
        is_last && is_paged
    }

    fn line(&self, ticker: &Ticker, whole: &Coverage) -> Option<Entry> {
        let by = self.ground.by.filter(|_| !whole.is_empty())?;
        let FileFacts { partition, rows, stamps, days, fingerprint, seen, .. } = self.file;
        let proven: u64 =
            days.iter().filter(|facts| whole.contains(facts.day)).map(|facts| facts.rows).sum();
        let mut file = FileProof::new(*rows, stamps.0, stamps.1, fingerprint.clone());
        file.proven_rows = Some(proven).filter(|proven| proven != rows);
        file.seen = Some(seen.clone());
        let mut line = Entry::new(ticker, *partition);
        line.adopt(whole, by, Some(file), asking(self.file.written_at, self.ground.now));
        Some(line)
    }
}

#[cfg(test)]
mod tests;

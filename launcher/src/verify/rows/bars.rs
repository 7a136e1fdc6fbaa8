//! Rows of daily and minute bars: one pass over a file, from pieces to facts and flaws.
//!
//! The key of a daily bar is its date, that of a minute its stamp. Bars are stamped in ms; a daily
//! bar with any instant of its day.

use std::ops::Range;

use shared::dataset::partition::Partition;
use shared::dataset::row_stream::Bars;
use shared::market::session::session;
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;

use super::clock::{Day, Hours, Place};
use super::facts::{DayFacts, FileFacts};
use super::flaws::Flaws;
use super::labels;
use super::prices::{Lone, is_number};
use super::unit;
use crate::verify::rule::Rule;

const MINUTE_MS: i64 = 60_000;

/// A pass over a file of bars.
pub(super) struct BarPass<'a> {
    ticker: &'a str,
    partition: Partition,
    zone: Zone,
    span: Range<i64>,
    facts: FileFacts,
    flaws: Flaws,
    last_key: Option<i64>,
    day: Option<Day>,
    hours: Option<Hours>,
    lone: Lone,
}

impl<'a> BarPass<'a> {
    pub(super) fn new(ticker: &'a str, partition: Partition, zone: Zone) -> Self {
        let days = partition.span();
        let span = zone.start_ms(days.from())..zone.start_ms(days.to().next());
        let (facts, flaws) = (FileFacts::default(), Flaws::default());
        let (day, hours, lone) = (None, None, Lone::default());
        Self { ticker, partition, zone, span, facts, flaws, last_key: None, day, hours, lone }
    }

    pub(super) fn end(self) -> (FileFacts, Flaws) {
        (self.facts, self.flaws)
    }

    /// The next rows.
    pub(super) fn take(&mut self, bars: &Bars<'_>) {
        let ticker = self.ticker;
        let words = |theirs: &str| format!("is one of {theirs:?} in a file of {ticker}");
        let (row, flaws) = (self.facts.rows, &mut self.flaws);
        labels::all_are(ticker, &bars.tickers, row, flaws, Rule::RowsOfAnother, words);
        let mut done = 0;
        while done < bars.t.len() {
            let first = done;
            done = if bars.minutes.is_some() {
                self.minutes(bars, first)
            } else {
                self.one_day(bars, first)
            };
            self.facts.rows += (done - first) as u64;
        }
        if let (Some(first), Some(last)) = (bars.t.first(), bars.t.last()) {
            let first = self.facts.stamps.map_or(*first, |(first, _)| first);
            self.facts.stamps = Some((first, *last));
        }
    }

    /// One daily bar; returns the row after it.
    fn one_day(&mut self, bars: &Bars<'_>, row: usize) -> usize {
        let (number, stamp) = (self.facts.rows, bars.t[row]);
        let text = bars.dates.text(bars.dates.keys()[row]);
        let Ok(day) = text.parse::<TradingDay>() else {
            self.flaws.note(Rule::WrongLabel, 1, || format!("row {number} is dated {text:?}"));
            return row + 1;
        };
        let key = i64::from(TradingDay::MIN.days_until(day));
        self.key(key, || format!("row {number} of {day}"));
        if !self.partition.span().contains(day) {
            let partition = self.partition;
            self.flaws.note(Rule::OutsidePartition, 1, || {
                format!("row {number} is of {day}, in the file of {}", partition.period())
            });
            return row + 1;
        }
        let zones = [Zone::NewYork, Zone::Utc];
        let is_of_day = |zone: &Zone| zone.day_of_ms(stamp) == Some(day);
        if !zones.iter().any(is_of_day) {
            let of_day = zones.map(|zone| zone.start_ms(day)..zone.start_ms(day.next()));
            match of_day.iter().find_map(|span| unit::meant(stamp, span, unit::MS)) {
                Some(unit) => self.flaws.note(Rule::StampUnit, 1, || {
                    format!("row {number} of {day} is stamped {stamp}: {unit}, where ms belong")
                }),
                None => self.flaws.note(Rule::WrongLabel, 1, || {
                    let at = labels::spelled(Zone::NewYork, stamp);
                    format!("row {number} is dated {text:?}, and its stamp is {at}")
                }),
            }
        }
        let mut facts = DayFacts::of(day);
        facts.without_session = u32::from(session(day).is_none());
        self.values(bars, row..row + 1, &mut facts);
        (facts.regular_open, facts.regular_close) = (Some(facts.open), Some(facts.close));
        self.facts.days.push(facts);
        row + 1
    }

    /// The minutes from row `first` on that are of its day; returns the row after them.
    fn minutes(&mut self, bars: &Bars<'_>, first: usize) -> usize {
        let stamp = bars.t[first];
        if !self.span.contains(&stamp) {
            self.outside(stamp);
            self.minute_key(stamp, 0);
            return first + 1;
        }
        if self.day.as_ref().is_none_or(|day| !day.stamps.contains(&stamp)) {
            self.day = Day::of(self.zone, 1, stamp);
        }
        let Some(day) = self.day.clone() else {
            self.outside(stamp);
            return first + 1;
        };
        let of_others = |stamp: &i64| !day.stamps.contains(stamp);
        let end = bars.t[first..].iter().position(of_others).map_or(bars.t.len(), |at| first + at);
        for (ahead, stamp) in (0..).zip(&bars.t[first..end]) {
            self.minute_key(*stamp, ahead);
        }
        let (rows, row) = (first..end, self.facts.rows);
        labels::dates_are(day.day, &bars.dates, rows.clone(), row, &mut self.flaws);
        if let Some(minutes) = &bars.minutes {
            let stamped = (rows.clone(), &bars.t[rows.clone()]);
            labels::minutes_are(self.zone, &day, minutes, stamped, row, &mut self.flaws);
        }
        // A day may go on from one piece to the next.
        let known = self.facts.days.pop_if(|known| known.day == day.day);
        let is_new = known.is_none();
        let mut facts = known.unwrap_or_else(|| DayFacts::of(day.day));
        self.session(bars, rows.clone(), &mut facts);
        self.values(bars, rows.clone(), &mut facts);
        if is_new {
            facts.first = bars.t[first] - day.stamps.start;
        }
        facts.last = bars.t[end - 1] - day.stamps.start;
        self.facts.days.push(facts);
        end
    }

    fn minute_key(&mut self, stamp: i64, ahead: u64) {
        let (zone, number) = (self.zone, self.facts.rows + ahead);
        self.key(stamp, || format!("row {number}, {},", labels::spelled(zone, stamp)));
    }

    /// Keys rise.
    fn key(&mut self, key: i64, words: impl FnOnce() -> String) {
        match self.last_key {
            Some(last) if key == last => {
                self.flaws
                    .note(Rule::DuplicateKey, 1, || format!("{} stands there twice", words()));
            }
            Some(last) if key < last => {
                self.flaws
                    .note(Rule::OutOfOrder, 1, || format!("{} comes after a later one", words()));
            }
            Some(_) | None => {}
        }
        self.last_key = Some(key);
    }

    fn outside(&mut self, stamp: i64) {
        let (number, period, zone) = (self.facts.rows, self.partition.period(), self.zone);
        match unit::meant(stamp, &self.span, unit::MS) {
            Some(unit) => self.flaws.note(Rule::StampUnit, 1, || {
                format!("row {number} is stamped {stamp}: {unit}, where ms belong")
            }),
            None => self.flaws.note(Rule::OutsidePartition, 1, || {
                format!(
                    "row {number} is stamped {}, in the file of {period}",
                    labels::spelled(zone, stamp)
                )
            }),
        }
    }

    /// Where the minutes `rows`, which are of one day, lie in their session.
    fn session(&mut self, bars: &Bars<'_>, rows: Range<usize>, facts: &mut DayFacts) {
        for row in rows {
            let stamp = bars.t[row];
            if self.hours.as_ref().is_none_or(|hours| !hours.are_of(stamp)) {
                self.hours = Hours::of(1, stamp);
            }
            let Some(hours) = &self.hours else { continue };
            match hours.place(stamp) {
                Place::Regular => {
                    facts.regular_open.get_or_insert(bars.open[row]);
                    facts.regular_close = Some(bars.close[row]);
                }
                Place::Extended => {}
                Place::Beyond(by) => {
                    facts.beyond_hours.0 += 1;
                    facts.beyond_hours.1 = facts.beyond_hours.1.max(by / MINUTE_MS);
                }
                Place::NoSession => facts.without_session += 1,
            }
        }
    }

    /// Prices and sizes of `rows`, which are of one day.
    fn values(&mut self, bars: &Bars<'_>, rows: Range<usize>, facts: &mut DayFacts) {
        let first = rows.start;
        for row in rows {
            let [open, high, low, close, volume] =
                [bars.open[row], bars.high[row], bars.low[row], bars.close[row], bars.volume[row]];
            let number = self.facts.rows + (row - first) as u64;
            let (trades, vwap) = (bars.trades.get(row), bars.vwap.get(row));
            let is_sound = [open, high, low, close, volume, vwap.unwrap_or(0.0)]
                .iter()
                .all(|value| is_number(*value));
            facts.rows += 1;
            if !is_sound || trades.is_some_and(|trades| trades < 0) {
                self.flaws.note(Rule::ImpossibleNumber, 1, || {
                    let n = trades.map_or_else(|| "none".to_owned(), |trades| trades.to_string());
                    let vw = vwap.map_or_else(|| "none".to_owned(), |vwap| vwap.to_string());
                    format!(
                        "row {number} of {} has o {open}, h {high}, l {low}, c {close}, \
                         v {volume}, n {n}, vw {vw}",
                        facts.day
                    )
                });
                continue;
            }
            if open.min(close) < low || open.max(close) > high || low > high {
                self.flaws.note(Rule::PriceBounds, 1, || {
                    format!(
                        "row {number} of {} has open {open} and close {close} between low {low} \
                         and high {high}",
                        facts.day
                    )
                });
            }
            if facts.low > facts.high {
                facts.open = open;
            }
            facts.close = close;
            facts.high = facts.high.max(high);
            facts.low = facts.low.min(low);
            facts.volume += volume;
            facts.most = facts.most.max(volume);
            facts.zero_prices += u32::from(open.min(close).min(low).min(high) <= 0.0);
            facts.zero_sizes += u32::from(volume <= 0.0);
            if let Some(spike) =
                self.lone.next(bars.t[row], (open, high.max(low), low.min(high), close))
            {
                // It is the row before, of this day or of the last one.
                match self.facts.days.last_mut().filter(|_| facts.rows == 1) {
                    Some(before) => before.note_spike(spike),
                    None => facts.note_spike(spike),
                }
            }
        }
    }
}

//! The statistics of a series, gathered bar by bar. Pure. Memory grows with days, not with bars.

use serde::Serialize;
use shared::market::bar::Bar;
use shared::market::trading_day::TradingDay;

use super::median::{Median, Middle};
use super::moments::Moments;
use super::returns::{Between, Closes, Returns, Shape};
use crate::bars::stored::Dated;

const NS_A_SECOND: f64 = 1e9;

/// Statistics of the closed bars.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// Closed bars.
    pub bars: u64,
    /// Bars that opened on each New York day, and session days without one.
    #[serde(skip)]
    pub by_day: Vec<(TradingDay, u64)>,
    pub bars_a_day: Daily,
    /// Dollars per bar.
    pub dollars: Typical,
    /// Seconds per bar.
    pub seconds: Typical,
    /// Log returns from close to close of all consecutive bars, nights included.
    pub returns: Shape,
    /// Log returns between bars that ended on one day.
    pub returns_within_days: Shape,
    /// The share of each day in its largest bar.
    pub largest: Option<Largest>,
}

/// Bars per day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Daily {
    /// Days counted.
    pub days: u64,
    /// Days without a bar.
    pub empty_days: u64,
    pub mean: f64,
    pub median: f64,
    /// Fewest.
    pub least: u64,
    pub most: u64,
}

/// Mean and median of a property of bars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Typical {
    /// Bars that have the property.
    pub bars: u64,
    pub mean: Option<f64>,
    pub median: Option<Middle>,
}

/// The share of a day in its largest bar, by trades; by dollars if bars do not count trades.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Largest {
    /// By what bars are compared.
    pub of: Weight,
    /// Mean over the days with bars.
    pub mean_share: f64,
    /// The largest share.
    pub worst_share: f64,
    /// Its day, the first of several.
    pub worst_day: TradingDay,
}

/// What decides which bar of a day is the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Trades, from the extended columns.
    Trades,
    Dollars,
}

/// Gathers [`Statistics`] from bars.
#[derive(Debug)]
pub struct Gatherer {
    weight: Weight,
    bars: u64,
    days: Vec<OneDay>,
    dollars: (Moments, Median),
    seconds: (Moments, Median),
    closes: Closes,
    returns: Returns,
    within_days: Returns,
    last: Option<(TradingDay, i64)>,
}

#[derive(Debug)]
struct OneDay {
    date: TradingDay,
    bars: u64,
    all: f64,
    largest: f64,
}

impl Gatherer {
    /// Without bars so far.
    pub fn new(weight: Weight) -> Self {
        Self {
            weight,
            bars: 0,
            days: Vec::new(),
            dollars: Default::default(),
            seconds: Default::default(),
            closes: Closes::default(),
            returns: Returns::default(),
            within_days: Returns::default(),
            last: None,
        }
    }

    /// Takes the next bar.
    pub fn take(&mut self, dated: Dated<'_>) {
        self.bars += 1;
        self.count(dated.opened, dated.bar);
        add(&mut self.dollars, dated.bar.dollar);
        self.time(dated);
        let told = self.closes.take(dated);
        self.tell(told);
    }

    fn tell(&mut self, told: Option<(f64, Between)>) {
        let Some((value, between)) = told else { return };
        self.returns.take(value);
        match between {
            Between::Day => self.within_days.take(value),
            Between::Night => self.within_days.cut(),
        }
    }

    fn count(&mut self, day: TradingDay, bar: &Bar) {
        let weight = match self.weight {
            Weight::Trades => bar.n as f64,
            Weight::Dollars => bar.dollar,
        };
        match self.days.last_mut().filter(|last| last.date == day) {
            Some(last) => {
                last.bars += 1;
                last.all += weight;
                last.largest = last.largest.max(weight);
            }
            None => self.days.push(OneDay { date: day, bars: 1, all: weight, largest: weight }),
        }
    }

    /// Counts the seconds of bars within one day; other bars include a night.
    fn time(&mut self, Dated { opened, closed, bar }: Dated<'_>) {
        let before = self.last.replace((opened, bar.t));
        let from_to = match closed {
            Some(closed) => Some((bar.t, bar.t_close)).filter(|_| closed == opened),
            None => before.filter(|(day, _)| *day == opened).map(|(_, t)| (t, bar.t)),
        };
        if let Some((from, to)) = from_to {
            add(&mut self.seconds, (to - from) as f64 / NS_A_SECOND);
        }
    }

    /// The statistics; `sessions` are the days that could have bars. `None` without bars.
    pub fn finish(mut self, sessions: impl Iterator<Item = TradingDay>) -> Option<Statistics> {
        if self.bars == 0 {
            return None;
        }
        let told = self.closes.finish();
        self.tell(told);
        let by_day = with_empty(&self.days, sessions);
        Some(Statistics {
            bars: self.bars,
            bars_a_day: daily(&by_day, self.days.len()),
            by_day,
            dollars: typical(&mut self.dollars),
            seconds: typical(&mut self.seconds),
            returns: self.returns.shape(),
            returns_within_days: self.within_days.shape(),
            largest: largest(&self.days, self.weight),
        })
    }
}

fn add((moments, median): &mut (Moments, Median), value: f64) {
    moments.take(value);
    median.take(value);
}

fn typical((moments, median): &mut (Moments, Median)) -> Typical {
    Typical { bars: moments.n(), mean: moments.mean(), median: median.middle() }
}

/// Merges days with bars and sessions without bars, in order.
fn with_empty(
    days: &[OneDay],
    sessions: impl Iterator<Item = TradingDay>,
) -> Vec<(TradingDay, u64)> {
    let mut all: Vec<(TradingDay, u64)> = days.iter().map(|day| (day.date, day.bars)).collect();
    let empty =
        sessions.filter(|session| days.binary_search_by_key(session, |day| day.date).is_err());
    all.extend(empty.map(|day| (day, 0)));
    all.sort_unstable();
    all
}

fn daily(by_day: &[(TradingDay, u64)], with_bars: usize) -> Daily {
    let mut counts: Vec<u64> = by_day.iter().map(|(_, bars)| *bars).collect();
    counts.sort_unstable();
    let (days, half) = (counts.len(), counts.len() / 2);
    let median = if days % 2 == 0 {
        f64::midpoint(counts[half - 1] as f64, counts[half] as f64)
    } else {
        counts[half] as f64
    };
    Daily {
        days: days as u64,
        empty_days: (days - with_bars) as u64,
        mean: counts.iter().sum::<u64>() as f64 / days as f64,
        median,
        least: counts[0],
        most: counts[days - 1],
    }
}

fn largest(days: &[OneDay], of: Weight) -> Option<Largest> {
    let share = |day: &OneDay| if day.all > 0.0 { day.largest / day.all } else { 0.0 };
    let worst = days.iter().rev().max_by(|a, b| share(a).total_cmp(&share(b)))?;
    let mean_share = days.iter().map(share).sum::<f64>() / days.len() as f64;
    Some(Largest { of, mean_share, worst_share: share(worst), worst_day: worst.date })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spelled::day;

    /// A bar that opens so many seconds after New York's midnight and lasts.
    fn bar(day: TradingDay, second: i64, lasts: i64, close: f64, n: i64) -> Bar {
        let t = day.start_utc_ms() * 1_000_000 + second * 1_000_000_000;
        let dollar = close * n as f64;
        let (open, high, low, v) = (close, close, close, n as f64);
        let t_close = t + lasts * 1_000_000_000;
        let threshold = 1.0;
        Bar { t, open, high, low, close, v, dollar, t_close, n, threshold, ..Bar::default() }
    }

    fn of(weight: Weight) -> Statistics {
        let (monday, wednesday) = (day("2024-01-08"), day("2024-01-10"));
        let mut gatherer = Gatherer::new(weight);
        for (day, second, lasts, close, n) in [
            (monday, 36_000, 10, 100.0, 10),
            (monday, 36_020, 30, 101.0, 30),
            // Ends on Wednesday.
            (monday, 50_000, 150_000, 100.0, 10),
            (wednesday, 36_000, 20, 102.0, 5),
        ] {
            let bar = bar(day, second, lasts, close, n);
            let closed = match weight {
                Weight::Trades => TradingDay::of_utc_ms(bar.t_close / 1_000_000),
                Weight::Dollars => None,
            };
            gatherer.take(Dated { opened: day, closed, bar: &bar });
        }
        let sessions = [monday, day("2024-01-09"), wednesday];
        gatherer.finish(sessions.into_iter()).expect("bars")
    }

    #[test]
    fn a_session_without_a_bar_counts_as_a_day() {
        let daily = of(Weight::Trades).bars_a_day;
        let expected =
            Daily { days: 3, empty_days: 1, mean: 4.0 / 3.0, median: 1.0, least: 0, most: 3 };
        assert_eq!(daily, expected);
    }

    #[test]
    fn a_bar_over_a_night_has_no_length_in_seconds() {
        let seconds = of(Weight::Trades).seconds;
        assert_eq!((seconds.bars, seconds.mean), (3, Some(20.0)));
        assert_eq!(seconds.median, Some(Middle { value: 20.0, exact: true }));
    }

    #[test]
    fn without_closing_stamps_a_bar_lasts_until_the_next_of_its_day() {
        let seconds = of(Weight::Dollars).seconds;
        assert_eq!((seconds.bars, seconds.mean), (2, Some(7_000.0)));
    }

    #[test]
    fn the_largest_bar_is_weighed_against_its_day() {
        let largest = of(Weight::Trades).largest.expect("days");
        assert_eq!((largest.mean_share, largest.worst_share), (0.8, 1.0));
        assert_eq!(largest.worst_day, day("2024-01-10"), "its one bar is all of it");
        assert!(of(Weight::Dollars).largest.expect("days").mean_share > 0.8);
    }

    #[test]
    fn returns_are_told_with_nights_and_without() {
        let statistics = of(Weight::Trades);
        assert_eq!((statistics.returns.n, statistics.returns_within_days.n), (3, 2));
        assert!((statistics.returns.mean.expect("returns") - 1.02_f64.ln() / 3.0).abs() < 1e-15);
        // From 100 to 101 on Monday, from 100 to 102 on Wednesday.
        let within = f64::midpoint(1.01_f64.ln(), 1.02_f64.ln());
        assert!((statistics.returns_within_days.mean.expect("returns") - within).abs() < 1e-15);
        assert_eq!(
            of(Weight::Dollars).returns_within_days.n,
            1,
            "the last bar of a day may end on another"
        );
    }

    #[test]
    fn no_bars_have_no_statistics() {
        assert_eq!(Gatherer::new(Weight::Trades).finish([day("2024-01-08")].into_iter()), None);
    }
}

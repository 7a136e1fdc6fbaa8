//! `thin-month`: a month that has hardly any rows next to its neighbours. Somebody has lost pages,
//! or days.
//!
//! Rows are counted a session, and only sessions count that are proven, or better, on which the
//! daily bar had volume: a halt is no loss. A ticker that has grown or shrunk is none either: the
//! months before and those after must both have had more.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::session::sessions;
use shared::market::trading_day::TradingDay;

use super::facts::{PartitionFacts, TickerFacts, TreeFacts};
use crate::verify::finding::Finding;
use crate::verify::rule::{Rule, Rules};

/// So many months before, and after, are looked at.
const NEIGHBOURS: usize = 3;
/// A month of fewer sessions is not judged.
const LEAST_SESSIONS: u32 = 5;
/// Where no more rows are to be expected, few of them are chance.
const LEAST_ROWS: f64 = 30.0;

#[derive(Debug, Clone, Copy, Default)]
struct Month<'a> {
    rows: u64,
    sessions: u32,
    file: Option<&'a PartitionFacts>,
}

impl Month<'_> {
    fn rate(&self) -> f64 {
        self.rows as f64 / f64::from(self.sessions)
    }
}

/// A month by its first day.
type Months<'a> = BTreeMap<TradingDay, Month<'a>>;

pub(super) fn find(ticker: &TickerFacts, rules: &Rules) -> Vec<Finding> {
    let at_most = rules.threshold(Rule::ThinMonth) / 100.0;
    let mut found = Vec::new();
    for tree in &ticker.trees {
        let months = months(ticker, tree);
        let rates: Vec<(TradingDay, Month<'_>)> = months.into_iter().collect();
        for at in 1..rates.len().saturating_sub(1) {
            let (first, month) = rates[at];
            let before = median(&rates[at.saturating_sub(NEIGHBOURS)..at]);
            let after = median(&rates[at + 1..rates.len().min(at + 1 + NEIGHBOURS)]);
            let around = before.min(after);
            let expected = around * f64::from(month.sessions);
            let Some(file) = month.file.filter(|_| expected >= LEAST_ROWS) else { continue };
            if month.rate() > around * at_most {
                continue;
            }
            let reason = format!(
                "{} rows in {} sessions; by the months around it there would be about \
                 {expected:.0}",
                month.rows, month.sessions
            );
            let days = DateRange::new(first, first.last_of_month());
            let finding = ticker.finding(tree, file, Rule::ThinMonth, reason);
            found.push(Finding { days, ..finding });
        }
    }
    found
}

/// The middle one of the rates of some months; of two the smaller one.
fn median(months: &[(TradingDay, Month<'_>)]) -> f64 {
    let mut rates = [f64::INFINITY; NEIGHBOURS];
    for (rate, (_, month)) in rates.iter_mut().zip(months) {
        *rate = month.rate();
    }
    rates.sort_by(f64::total_cmp);
    if months.is_empty() { 0.0 } else { rates[(months.len() - 1) / 2] }
}

/// The months of a tree in which so much was to be had that they can be judged.
fn months<'a>(ticker: &TickerFacts, tree: &'a TreeFacts) -> Months<'a> {
    let mut months = Months::new();
    let first_of = |day: TradingDay| TradingDay::from_ymd(day.year(), day.month(), 1);
    for file in &tree.files {
        let days = &file.facts.days;
        if days.is_empty() && !matches!(file.partition, Partition::Year(_)) {
            let month = first_of(file.partition.span().from());
            count(&mut months, month, file.facts.rows, file);
        }
        for day in days {
            count(&mut months, first_of(day.day), u64::from(day.rows), file);
        }
    }
    let ends = months.keys().next().copied().zip(months.keys().next_back().copied());
    let Some((mut first, last)) = ends else { return months };
    let traded = traded(ticker, tree);
    while first <= last {
        let days = DateRange::new(first, first.last_of_month()).expect("a month has days");
        let month = months.entry(first).or_default();
        month.sessions = sessions_that_count(tree, days, &traded);
        if month.file.is_none() && tree.kind == Kind::Daily {
            let of_year = |file: &&PartitionFacts| file.partition.span().contains(first);
            month.file = tree.files.iter().find(of_year);
        }
        first = days.to().next();
    }
    months.retain(|_, month| month.sessions >= LEAST_SESSIONS);
    months
}

fn count<'a>(
    months: &mut Months<'a>,
    month: Option<TradingDay>,
    rows: u64,
    file: &'a PartitionFacts,
) {
    let Some(month) = month else { return };
    let known = months.entry(month).or_default();
    known.rows += rows;
    known.file = known.file.or(Some(file));
}

/// The days on which the daily bars say that there was volume; none where there are no daily bars.
fn traded(ticker: &TickerFacts, tree: &TreeFacts) -> Vec<TradingDay> {
    let daily = ticker.tree(Kind::Daily).filter(|daily| daily.kind != tree.kind);
    let days = daily.into_iter().flat_map(TreeFacts::days);
    days.filter(|(_, day)| day.volume > 0.0).map(|(_, day)| day.day).collect()
}

/// On how many sessions of a month rows are to be expected: those with daily volume where that is
/// told, else those that are proven.
fn sessions_that_count(tree: &TreeFacts, month: DateRange, traded: &[TradingDay]) -> u32 {
    let is_whole = tree.covered.includes(month);
    let is_proven = |day: TradingDay| is_whole || tree.covered.contains(day);
    let is_told = traded
        .first()
        .zip(traded.last())
        .is_some_and(|(first, last)| *first <= month.from() && month.to() <= *last);
    let counted = if is_told {
        let from = traded.partition_point(|day| *day < month.from());
        traded[from..]
            .iter()
            .take_while(|day| **day <= month.to())
            .filter(|day| is_proven(**day))
            .count()
    } else if is_whole {
        return sessions_of(month.from());
    } else {
        sessions(month.from(), month.to()).filter(|(day, _)| is_proven(*day)).count()
    };
    u32::try_from(counted).unwrap_or(u32::MAX)
}

/// How many sessions each month has, from the first day that can be named on: they are asked for a
/// million times.
static SESSIONS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut months = Vec::new();
    for (day, _) in sessions(TradingDay::MIN, TradingDay::MAX) {
        let at = number_of(day);
        months.resize(at + 1, 0);
        months[at] += 1;
    }
    months
});

fn sessions_of(month: TradingDay) -> u32 {
    SESSIONS.get(number_of(month)).copied().unwrap_or(0).into()
}

fn number_of(day: TradingDay) -> usize {
    let years = i32::from(day.year() - TradingDay::MIN.year());
    usize::try_from(years * 12 + i32::from(day.month()) - 1).unwrap_or(0)
}

//! Rows of trades: one pass over a file, from pieces to facts and flaws.
//!
//! Trades are stamped in ns, and are many: what can be asked of a piece at once is not asked row by
//! row. They need no key. Where the file says what tells trades apart, the same trade twice in a
//! row is found.

use std::ops::Range;

use shared::dataset::partition::Partition;
use shared::dataset::row_stream::{Identity, Trades};
use shared::market::trading_day::NS_PER_MS;
use shared::market::zone::Zone;

use super::clock::{Day, Hours, Place};
use super::facts::{DayFacts, FileFacts};
use super::flaws::Flaws;
use super::labels;
use super::prices::{Lone, is_number};
use super::unit;
use crate::verify::rule::Rule;

const MINUTE_NS: i64 = 60_000 * NS_PER_MS;

/// A pass over a file of trades.
pub(super) struct TradePass<'a> {
    ticker: &'a str,
    day: Day,
    day_text: String,
    hours: Option<Hours>,
    zone: Zone,
    facts: FileFacts,
    of_day: DayFacts,
    flaws: Flaws,
    last: Option<i64>,
    last_identity: Option<(i64, i64, i32, String)>,
    lone: Lone,
}

impl<'a> TradePass<'a> {
    pub(super) fn new(ticker: &'a str, partition: Partition, zone: Zone) -> Self {
        let day = partition.span().from();
        let stamps = zone.start_ms(day) * NS_PER_MS..zone.start_ms(day.next()) * NS_PER_MS;
        Self {
            ticker,
            day: Day { day, stamps },
            day_text: day.to_string(),
            hours: None,
            zone,
            facts: FileFacts::default(),
            of_day: DayFacts::of(day),
            flaws: Flaws::default(),
            last: None,
            last_identity: None,
            lone: Lone::default(),
        }
    }

    pub(super) fn end(mut self) -> (FileFacts, Flaws) {
        if self.of_day.rows > 0 {
            self.facts.days.push(self.of_day);
        }
        (self.facts, self.flaws)
    }

    /// The next rows.
    pub(super) fn take(&mut self, trades: &Trades<'_>) {
        let (ticker, day) = (self.ticker, self.day_text.as_str());
        let (row, flaws) = (self.facts.rows, &mut self.flaws);
        let of_another = |theirs: &str| format!("is one of {theirs:?} in a file of {ticker}");
        labels::all_are(ticker, &trades.tickers, row, flaws, Rule::RowsOfAnother, of_another);
        let of_other_day = |theirs: &str| format!("is of day {theirs:?} in the file of {day}");
        labels::all_are(day, &trades.days, row, flaws, Rule::WrongLabel, of_other_day);
        let is_sorted = self.order(trades.sip_ns);
        let ours = self.ours(trades.sip_ns, is_sorted);
        self.session(trades, ours.clone(), is_sorted);
        self.prices(trades);
        self.sizes(trades);
        if let Some(identity) = &trades.identity {
            self.identity(trades.sip_ns, identity);
        }
        self.of_day.rows = self.of_day.rows.saturating_add(u32::try_from(ours.len()).unwrap_or(0));
        if let (Some(first), Some(last)) = (trades.sip_ns.first(), trades.sip_ns.last()) {
            let first = self.facts.stamps.map_or(*first, |(first, _)| first);
            self.facts.stamps = Some((first, *last));
            self.of_day.first = first - self.day.stamps.start;
            self.of_day.last = last - self.day.stamps.start;
        }
        self.facts.rows += trades.sip_ns.len() as u64;
    }

    /// Stamps never fall.
    fn order(&mut self, stamps: &[i64]) -> bool {
        let before = self.last.unwrap_or(i64::MIN);
        let falls = u64::from(stamps[0] < before)
            + stamps.windows(2).map(|pair| u64::from(pair[1] < pair[0])).sum::<u64>();
        if falls > 0 {
            let all = || std::iter::once(&before).chain(stamps);
            let at = all().zip(stamps).position(|(before, stamp)| stamp < before).unwrap_or(0);
            let (row, zone) = (self.facts.rows + at as u64, self.zone);
            self.flaws.note(Rule::OutOfOrder, falls, || {
                let (stamp, before) = (stamps[at], all().nth(at).copied().unwrap_or(before));
                format!(
                    "row {row} is stamped {stamp} ({}), after {before}",
                    labels::spelled(zone, stamp / NS_PER_MS)
                )
            });
        }
        self.last = stamps.last().copied();
        falls == 0
    }

    /// The rows that lie on the file's day, where the stamps are sorted; otherwise all or none.
    fn ours(&mut self, stamps: &[i64], is_sorted: bool) -> Range<usize> {
        let (first, last) = (stamps[0], stamps[stamps.len() - 1]);
        if is_sorted && self.day.stamps.contains(&first) && self.day.stamps.contains(&last) {
            return 0..stamps.len();
        }
        let is_ours = |stamp: &i64| self.day.stamps.contains(stamp);
        let others: Vec<usize> = (0..stamps.len()).filter(|at| !is_ours(&stamps[*at])).collect();
        for at in &others {
            let (row, stamp, day) = (self.facts.rows + *at as u64, stamps[*at], self.day.day);
            match unit::meant(stamp, &self.day.stamps, unit::NS) {
                Some(unit) => self.flaws.note(Rule::StampUnit, 1, || {
                    format!("row {row} is stamped {stamp}: {unit}, where ns belong")
                }),
                None => self.flaws.note(Rule::OutsidePartition, 1, || {
                    let at = labels::spelled(self.zone, stamp.div_euclid(NS_PER_MS));
                    format!("row {row} is stamped {stamp} ({at}), in the file of {day}")
                }),
            }
        }
        match (others.is_empty(), is_sorted) {
            (true, _) => 0..stamps.len(),
            (false, true) => {
                let from = stamps.partition_point(|stamp| *stamp < self.day.stamps.start);
                from..stamps.partition_point(|stamp| *stamp < self.day.stamps.end)
            }
            (false, false) => 0..0,
        }
    }

    /// Where `rows`, which are of the file's day, lie in their session.
    fn session(&mut self, trades: &Trades<'_>, rows: Range<usize>, is_sorted: bool) {
        let stamps = &trades.sip_ns[rows.clone()];
        let (Some(first), Some(last)) = (stamps.first(), stamps.last()) else { return };
        if self.hours.as_ref().is_none_or(|hours| !hours.are_of(*first)) {
            self.hours = Hours::of(NS_PER_MS, *first);
        }
        let Some(hours) = &self.hours else { return };
        if is_sorted && hours.hold(*first, *last) {
            let Some(regular) = hours.regular() else { return };
            let from = stamps.partition_point(|stamp| *stamp < regular.start);
            let to = stamps.partition_point(|stamp| *stamp < regular.end);
            if from < to {
                let price = &trades.price[rows];
                self.of_day.regular_open.get_or_insert(price[from]);
                self.of_day.regular_close = Some(price[to - 1]);
            }
            return;
        }
        for (stamp, price) in stamps.iter().zip(&trades.price[rows]) {
            if self.hours.as_ref().is_none_or(|hours| !hours.are_of(*stamp)) {
                self.hours = Hours::of(NS_PER_MS, *stamp);
            }
            let Some(hours) = &self.hours else { continue };
            match hours.place(*stamp) {
                Place::Regular => {
                    self.of_day.regular_open.get_or_insert(*price);
                    self.of_day.regular_close = Some(*price);
                }
                Place::Extended => {}
                Place::Beyond(by) => {
                    self.of_day.beyond_hours.0 += 1;
                    self.of_day.beyond_hours.1 = self.of_day.beyond_hours.1.max(by / MINUTE_NS);
                }
                Place::NoSession => self.of_day.without_session += 1,
            }
        }
    }

    fn prices(&mut self, trades: &Trades<'_>) {
        let (mut low, mut high, mut wrong, mut zero) = (f64::INFINITY, 0.0_f64, 0_u64, 0_u32);
        for price in trades.price {
            low = if *price < low { *price } else { low };
            high = if *price > high { *price } else { high };
            wrong += u64::from(!is_number(*price));
            zero += u32::from(*price <= 0.0);
        }
        if wrong > 0 {
            self.impossible("price", trades.price, wrong);
            return;
        }
        let close = trades.price[trades.price.len() - 1];
        if self.of_day.low > self.of_day.high {
            self.of_day.open = trades.price[0];
        }
        self.of_day.close = close;
        self.of_day.high = self.of_day.high.max(high);
        self.of_day.low = self.of_day.low.min(low);
        self.of_day.zero_prices += zero;
        if !self.lone.pass((high, low), close) {
            for (stamp, price) in trades.sip_ns.iter().zip(trades.price) {
                if let Some(spike) = self.lone.next(*stamp, (*price, *price, *price, *price)) {
                    self.of_day.note_spike(spike);
                }
            }
        }
    }

    fn sizes(&mut self, trades: &Trades<'_>) {
        let (mut volume, mut most, mut wrong, mut zero) = (0.0_f64, 0.0_f64, 0_u64, 0_u32);
        for size in trades.size {
            volume += *size;
            most = if *size > most { *size } else { most };
            wrong += u64::from(!is_number(*size));
            zero += u32::from(*size <= 0.0);
        }
        if wrong > 0 {
            self.impossible("size", trades.size, wrong);
            return;
        }
        self.of_day.volume += volume;
        self.of_day.most = self.of_day.most.max(most);
        self.of_day.zero_sizes += zero;
    }

    fn impossible(&mut self, what: &str, values: &[f64], wrong: u64) {
        let at = values.iter().position(|value| !is_number(*value)).unwrap_or(0);
        let (row, value) = (self.facts.rows + at as u64, values[at]);
        self.flaws.note(Rule::ImpossibleNumber, wrong, || format!("row {row} has {what} {value}"));
    }

    /// Trades that are told apart by nothing, and stamps of a venue in another unit.
    fn identity(&mut self, stamps: &[i64], identity: &Identity<'_>) {
        let of = |at: usize| (stamps[at], identity.sequence[at], identity.exchange[at]);
        let is_twice = |at: usize| {
            // Old rows have neither number nor id.
            of(at) == of(at - 1)
                && identity.sequence[at] != 0
                && !identity.ids.value(at).is_empty()
                && identity.ids.value(at) == identity.ids.value(at - 1)
        };
        let number = self.facts.rows;
        let is_first_twice = self.last_identity.as_ref().is_some_and(|(stamp, seq, venue, id)| {
            of(0) == (*stamp, *seq, *venue)
                && id == identity.ids.value(0)
                && !id.is_empty()
                && *seq != 0
        });
        let twice = (1..stamps.len()).filter(|at| is_twice(*at));
        for at in is_first_twice.then_some(0).into_iter().chain(twice) {
            self.flaws.note(Rule::DuplicateKey, 1, || {
                let (stamp, sequence, exchange) = of(at);
                format!(
                    "row {} is the trade before it again (sip_ts {stamp}, sequence_number \
                     {sequence}, exchange {exchange})",
                    number + at as u64
                )
            });
        }
        let last = stamps.len() - 1;
        let (stamp, sequence, exchange) = of(last);
        self.last_identity = Some((stamp, sequence, exchange, identity.ids.value(last).to_owned()));
        // Hours may lie between both, never a factor.
        let is_other_unit = |(sip, venue): (&i64, &i64)| {
            *venue != 0 && (*venue > sip.saturating_mul(2) || *venue < *sip / 2)
        };
        let others =
            stamps.iter().zip(identity.participant_ns).filter(|pair| is_other_unit(*pair)).count()
                as u64;
        if others > 0 {
            let at =
                stamps.iter().zip(identity.participant_ns).position(is_other_unit).unwrap_or(0);
            let (row, venue) = (number + at as u64, identity.participant_ns[at]);
            self.flaws.note(Rule::StampUnit, others, || {
                format!("row {row} has participant_ts {venue} beside sip_ts {}", stamps[at])
            });
        }
    }
}

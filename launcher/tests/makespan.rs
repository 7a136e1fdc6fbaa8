//! Story: how long a run takes, in virtual time, against what no order of its batches could beat.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::{SignedDuration, Timestamp};
use launcher::facts::Fact;
use launcher::plan::batches::{DEFAULT_SIZE, FairShare, Load, Weighed, split};
use launcher::plan::part::{self, Part};
use launcher::plan::settings::Batching;
use launcher::plan::weights::{Sizes, Unit, Weight, weigh};
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use shared::run::workdir::BatchId;

use crate::machine::{Story, exited, rules, ticker};

/// Seconds from start to end of a run in which every attempt takes as long as its tickers together.
fn makespan(batches: &[Load], seconds_of: impl Fn(&Ticker, Part) -> i64) -> i64 {
    let mut story = Story::of(rules(8, 0), &[]);
    for (number, Load { tickers, part, weight }) in (1..).zip(batches.iter().cloned()) {
        story.hear(Fact::Planned { batch: BatchId(number), tickers, part, weight });
    }
    let began = story.now;
    let mut ends: std::collections::BTreeSet<(Timestamp, u32)> = std::collections::BTreeSet::new();
    while story.closes().is_none() {
        for launched in story.launch() {
            let batch: u32 = launched.split_once('.').expect("a name").0.parse().expect("a number");
            let load = &batches[batch as usize - 1];
            let seconds = load.tickers.iter().map(|ticker| seconds_of(ticker, load.part)).sum();
            ends.insert((
                story.now.checked_add(SignedDuration::from_secs(seconds)).expect("in range"),
                batch,
            ));
        }
        let (at, batch) = ends.pop_first().expect("something runs");
        story.now = at;
        story.end(batch, exited(0, batches[batch as usize - 1].tickers.len() as u64, &[]));
    }
    story.now.duration_since(began).as_secs()
}

/// Of the market below: 5 % elephants among the others.
pub(crate) fn seconds_of(ticker: &Ticker) -> i64 {
    let number: i64 = ticker.as_str()[1..].parse().expect("a number");
    let chance = number * 7_919 % 1_000;
    if number % 20 == 7 { 600 + chance * 600 / 1_000 } else { 5 + chance * 25 / 1_000 }
}

pub(crate) fn market(count: i64) -> Vec<Ticker> {
    (0..count).map(|number| ticker(&format!("T{number}"))).collect()
}

/// Seconds that eight workers need at least.
fn ideal(market: &[Ticker]) -> i64 {
    market.iter().map(seconds_of).sum::<i64>() / 8
}

fn on_eight_workers(weighed: Vec<Weighed>) -> i64 {
    let batches = split(weighed, Batching::Size(DEFAULT_SIZE), 8.try_into().expect("not zero"));
    makespan(&batches, |ticker, _| seconds_of(ticker))
}

#[test]
fn with_five_percent_elephants_the_run_is_within_two_percent_of_the_ideal() {
    let known = |ticker: &Ticker| {
        Weight::Known(u64::try_from(seconds_of(ticker)).expect("positive") * 10_000)
    };
    for count in [400, 3_000] {
        let market = market(count);
        let of = |weight: &dyn Fn(&Ticker) -> Weight| {
            on_eight_workers(market.iter().map(|it| Weighed::of(it.clone(), weight(it))).collect())
        };
        let (ideal, known, unknown) = (ideal(&market), of(&known), of(&|_| Weight::Unknown));
        eprintln!("{count} tickers: ideal {ideal} s, known {known} s, unknown {unknown} s");
        assert!(known * 100 <= ideal * 102, "{known} s, ideal {ideal} s");
    }
}

/// Sizes as another source may have them: of the true ones something between half and double.
pub(crate) fn noisy(market: &[Ticker], draw: u64) -> Sizes {
    let size = |ticker: &Ticker| {
        let mut hasher = DefaultHasher::new();
        (ticker, draw).hash(&mut hasher);
        let chance = (hasher.finish() % 1_000_000) as f64 / 1_000_000.0;
        (ticker.clone(), seconds_of(ticker) as f64 * 1e6 * 4_f64.powf(chance - 0.5))
    };
    let of = market.iter().map(size).collect();
    Sizes { unit: Unit::Whatever, of, source: "market_cap in small.csv".to_owned() }
}

/// A run that knows nothing of the market but these sizes.
pub(crate) fn guessed(market: &[Ticker], sizes: &Sizes) -> Vec<Weighed> {
    let nothing: Vec<_> = market.iter().map(|ticker| (ticker.clone(), None)).collect();
    let (weights, _) = weigh(&nothing, &[], sizes);
    market
        .iter()
        .cloned()
        .zip(weights)
        .map(|(ticker, weight)| Weighed::of(ticker, weight))
        .collect()
}

#[test]
fn sizes_that_are_wrong_by_a_factor_of_two_keep_a_first_run_within_two_percent_of_the_ideal() {
    for count in [400, 3_000] {
        let market = market(count);
        let ideal = ideal(&market);
        let takes = (0..30).map(|draw| on_eight_workers(guessed(&market, &noisy(&market, draw))));
        let worst = takes.max().expect("thirty");
        eprintln!("{count} tickers: ideal {ideal} s, by noisy sizes {worst} s at worst");
        assert!(worst * 100 <= ideal * 102, "{worst} s, ideal {ideal} s");
    }
}

#[test]
fn an_elephant_heavier_than_the_whole_run_should_take_is_split_and_the_run_within_two_percent_of_the_ideal()
 {
    let year =
        DateRange::new("2024-01-01".parse().expect("a day"), "2024-12-31".parse().expect("a day"));
    let year = year.expect("in order");
    // Two for three times as many seconds as the ideal, and the rest of the market.
    let seconds_of = |number: u64| if number < 2 { 30_000 } else { 20 };
    let (count, rows_a_second) = (3_000, 10_000);
    let ideal = (0..count).map(seconds_of).sum::<u64>() / 8;
    assert!(seconds_of(0) > 2 * ideal);
    let weighed: Vec<Weighed> = (0..count)
        .map(|number| {
            Weighed::of(
                ticker(&format!("T{number}")),
                Weight::Known(seconds_of(number) * rows_a_second),
            )
        })
        .collect();
    let slots = 8.try_into().expect("not zero");
    let fair = FairShare::of(&weighed, slots).expect("known");
    // No two days of an elephant are alike.
    let slices = |rows: u64| -> Vec<part::Slice> {
        let days = Partition::within(Kind::Trades, year).map(Partition::span);
        let weight = |day: u64| 1 + day * 7 % 11;
        let total: u64 = (0..366).map(weight).sum();
        days.zip(0..).map(|(day, number)| (day, (rows * weight(number)).div_ceil(total))).collect()
    };
    let cut = |weighed: &Weighed| -> Vec<Weighed> {
        let rows = weighed.weight.rows().expect("known");
        let parts = part::cut(&slices(rows), fair.parts(rows));
        let one = |(part, rows)| Weighed { part, weight: Weight::Known(rows), ..weighed.clone() };
        parts.into_iter().map(one).collect()
    };
    let takes = |loads: &[Load]| {
        let of = |ticker: &Ticker, part: Part| {
            let seconds = seconds_of(ticker.as_str()[1..].parse().expect("a number"));
            let own = slices(seconds * rows_a_second).into_iter();
            let own = own.filter(|(day, _)| part.days(year).intersection(*day).is_some());
            i64::try_from(own.map(|(_, rows)| rows).sum::<u64>() / rows_a_second).expect("small")
        };
        u64::try_from(makespan(loads, of)).expect("forward")
    };
    let batching = Batching::Size(DEFAULT_SIZE);
    let whole = takes(&split(weighed.clone(), batching, slots));
    let parted = takes(&split(weighed.iter().flat_map(cut).collect(), batching, slots));
    eprintln!("ideal {ideal} s, an elephant in one piece {whole} s, in parts {parted} s");
    assert!(whole >= 30_000 - 1, "an elephant takes as long as it takes");
    assert!(parted * 100 <= ideal * 102, "{parted} s, ideal {ideal} s");
}

//! Tickers made of days: for each rule what it finds, and what looks like it and is not.

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::descriptor::Adjusted;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::session::sessions;
use shared::market::trading_day::TradingDay;

use super::facts::{PartitionFacts, TickerFacts, TreeFacts};
use super::of_ticker;
use crate::verify::rows::facts::{DayFacts, FileFacts, Spike};
use crate::verify::rule::Rules;

fn day(text: &str) -> TradingDay {
    text.parse().expect(text)
}

/// Every session of 2023 with so many rows, at prices around 10 that differ from day to day.
fn year(rows: u32) -> Vec<DayFacts> {
    let of = |(number, (day, _)): (u32, (TradingDay, _))| {
        let price = 10.0 + f64::from(number % 9) / 10.0;
        DayFacts {
            day,
            rows,
            first: 34_200_000,
            last: 57_000_000 + i64::from(number),
            open: price,
            high: price + 0.2,
            low: price - 0.2,
            close: price + 0.1,
            regular_open: Some(price),
            regular_close: Some(price + 0.1),
            volume: 1_000.0 + f64::from(number),
            most: 100.0,
            zero_prices: 0,
            zero_sizes: 0,
            without_session: 0,
            beyond_hours: (0, 0),
            spike: None,
        }
    };
    (0..).zip(sessions(day("2023-01-01"), day("2023-12-31"))).map(of).collect()
}

fn tree(kind: Kind, days: Vec<DayFacts>) -> TreeFacts {
    let mut files: Vec<PartitionFacts> = Vec::new();
    for day in days {
        let partition = Partition::of(kind, day.day);
        if files.last().is_none_or(|file| file.partition != partition) {
            let path = format!("OUT/AIG/{partition}/{}", kind.file_name()).into();
            files.push(PartitionFacts { partition, path, facts: FileFacts::default() });
        }
        let file = files.last_mut().expect("just pushed");
        file.facts.rows += u64::from(day.rows);
        file.facts.days.push(day);
    }
    let covered = DateRange::new(day("2023-01-01"), day("2023-12-31")).expect("a year");
    TreeFacts { kind, adjusted: Adjusted::No, covered: covered.into(), files }
}

fn ticker(trees: Vec<TreeFacts>) -> TickerFacts {
    TickerFacts {
        ticker: "AIG".parse().expect("a ticker"),
        listed: DateRange::ALL,
        gaps: Vec::new(),
        trees,
    }
}

/// `RULE in PERIOD, DAYS: REASON` of each finding.
fn found_with(ticker: &TickerFacts, settings: &[&str]) -> Vec<String> {
    let rules: Rules = settings.iter().map(|text| text.parse().expect(text)).collect();
    let said = |finding: crate::verify::finding::Finding| {
        let period = finding.partition.map(Partition::period).unwrap_or_default();
        let days = finding.days.map(|days| days.to_string()).unwrap_or_default();
        format!("{} in {period}, {days}: {}", finding.rule, finding.reason)
    };
    of_ticker(ticker, &rules).into_iter().map(said).collect()
}

fn found(trees: Vec<TreeFacts>) -> Vec<String> {
    found_with(&ticker(trees), &[])
}

const NOTHING: [String; 0] = [];

#[test]
fn a_ticker_without_a_fault_is_not_suspect() {
    let trees = vec![
        tree(Kind::Daily, year(1)),
        tree(Kind::Minute, year(300)),
        tree(Kind::Trades, year(2_000)),
    ];
    assert_eq!(found(trees), NOTHING);
}

#[test]
fn a_month_with_a_tenth_of_its_neighbours_is_thin_and_a_halt_a_listing_and_growth_are_not() {
    let month = |day: &DayFacts, number: i8| day.day.month() == number;
    let thin = |days: Vec<DayFacts>, keep: &dyn Fn(usize, &DayFacts) -> bool| {
        let numbered = days.into_iter().enumerate();
        numbered.filter(|(at, day)| keep(*at, day)).map(|(_, day)| day).collect::<Vec<_>>()
    };
    let two_days_of_may = || thin(year(300), &|_, it| !month(it, 5) || it.day <= day("2023-05-02"));
    let said = found(vec![tree(Kind::Minute, two_days_of_may())]);
    assert_eq!(
        said,
        [
            "thin-month in 2023-05, 2023-05-01..2023-05-31: 600 rows in 22 sessions; by the months around it there would be about 6600"
        ]
    );
    // The same where files were not read.
    let mut by_rows = tree(Kind::Minute, two_days_of_may());
    by_rows.files.iter_mut().for_each(|file| file.facts.days.clear());
    assert_eq!(found(vec![by_rows]), said);
    // Two months in a row.
    let cut = thin(year(300), &|at, it| !(month(it, 5) || month(it, 6)) || at % 20 == 0);
    assert_eq!(found(vec![tree(Kind::Minute, cut)]).len(), 2);

    let daily = thin(year(1), &|_, it| !month(it, 5) || it.day <= day("2023-05-02"));
    assert_eq!(
        found(vec![tree(Kind::Daily, daily.clone()), tree(Kind::Minute, two_days_of_may())]),
        NOTHING,
        "the daily bars know of the halt, and have few rows themselves"
    );
    let growing: Vec<DayFacts> = year(300)
        .into_iter()
        .map(|day| DayFacts { rows: 3_u32.pow(day.day.month().unsigned_abs().into()), ..day })
        .collect();
    assert_eq!(found(vec![tree(Kind::Minute, growing)]), NOTHING, "it grows threefold each month");
    let illiquid = thin(year(1), &|at, it| at % 3 == 0 && !month(it, 5));
    assert_eq!(found(vec![tree(Kind::Minute, illiquid)]), NOTHING, "few rows are chance");
    let since_may = thin(year(300), &|_, it| it.day > day("2023-05-30"));
    assert_eq!(found(vec![tree(Kind::Minute, since_may)]), NOTHING, "listed on the last of May");
    let half_proven = TreeFacts {
        covered: Coverage::from(
            DateRange::new(day("2023-01-01"), day("2023-05-02")).expect("days"),
        )
        .union(&DateRange::new(day("2023-06-01"), day("2023-12-31")).expect("days").into()),
        ..tree(Kind::Minute, two_days_of_may())
    };
    assert_eq!(found(vec![half_proven]), NOTHING, "what is not proven is another rule's");
}

#[test]
fn a_file_that_ends_with_a_page_is_named() {
    let with_rows = |rows: u32| {
        let mut days = year(2_000);
        days[100].rows = rows;
        found(vec![tree(Kind::Trades, days)])
    };
    let expected = "page-cut in 2023-05-26, 2023-05-26: exactly 50,000 rows, a multiple of a page's 50,000: it may end with a page instead of its day";
    assert_eq!(with_rows(50_000), [expected]);
    assert_eq!(with_rows(150_000).len(), 1);
    assert_eq!(with_rows(50_001), NOTHING);
    let mut days = year(2_000);
    days[100].rows = 400;
    let smaller = ["page-cut=400"];
    assert_eq!(found_with(&ticker(vec![tree(Kind::Trades, days)]), &smaller).len(), year(1).len());
}

#[test]
fn two_sessions_with_the_same_rows_are_named_and_flat_or_far_ones_are_not() {
    let copied = |kind: Kind, rows: u32, from: usize, to: usize| {
        let mut days = year(rows);
        days[to] = DayFacts { day: days[to].day, ..days[from] };
        found(vec![tree(kind, days)])
    };
    assert_eq!(
        copied(Kind::Minute, 300, 100, 101),
        ["identical-days in 2023-05, 2023-05-30: 2023-05-30 has the 300 rows of 2023-05-26"]
    );
    assert_eq!(copied(Kind::Daily, 1, 100, 101).len(), 1);
    assert_eq!(copied(Kind::Minute, 2, 100, 101), NOTHING, "of so few rows it is chance");
    assert_eq!(copied(Kind::Minute, 300, 100, 103), NOTHING, "they are no neighbours");
    let mut flat = year(1);
    for day in &mut flat[100..120] {
        (day.open, day.high, day.low, day.close, day.volume) = (1.0, 1.0, 1.0, 1.0, 100.0);
    }
    assert_eq!(
        found(vec![tree(Kind::Daily, flat.clone())]),
        NOTHING,
        "a hundred shares at a dollar"
    );
    for day in &mut flat[100..120] {
        (day.high, day.close) = (1.01, 1.01);
    }
    assert_eq!(found(vec![tree(Kind::Daily, flat)]), NOTHING, "two trades, a cent apart");
}

fn times(factor: f64, day: DayFacts) -> DayFacts {
    let DayFacts { open, high, low, close, regular_open, regular_close, .. } = day;
    DayFacts {
        open: open * factor,
        high: high * factor,
        low: low * factor,
        close: close * factor,
        regular_open: regular_open.map(|price| price * factor),
        regular_close: regular_close.map(|price| price * factor),
        ..day
    }
}

fn adjusted_in(months: std::ops::RangeInclusive<i8>, rows: u32) -> Vec<DayFacts> {
    let scale =
        |day: DayFacts| if months.contains(&day.day.month()) { times(0.25, day) } else { day };
    year(rows).into_iter().map(scale).collect()
}

#[test]
fn days_on_another_scale_than_the_daily_bars_are_named_and_a_bad_print_is_not() {
    let daily = || tree(Kind::Daily, year(1));
    let said = found(vec![daily(), tree(Kind::Minute, adjusted_in(5..=5, 300))]);
    assert_eq!(
        said,
        [
            "split-ratio in 2023-05, 2023-05-01..2023-05-31: 22 days, the first: on 2023-05-01 the prices are 1/4.00 of those of the daily bar (2.525 and 10.1)"
        ]
    );
    let adjusted =
        TreeFacts { adjusted: Adjusted::Yes, ..tree(Kind::Minute, adjusted_in(1..=5, 300)) };
    assert_eq!(found(vec![daily(), adjusted]), NOTHING, "two scales differ by the splits");
    let mut days = year(300);
    days[50].regular_close = Some(45.0);
    days[51].high = 45.0;
    assert_eq!(found(vec![daily(), tree(Kind::Minute, days)]), NOTHING, "the first price is right");
    let with_split: Vec<DayFacts> = adjusted_in(6..=12, 1);
    let minutes = adjusted_in(6..=12, 300);
    assert_eq!(
        found(vec![tree(Kind::Daily, with_split), tree(Kind::Minute, minutes)]),
        NOTHING,
        "a split in both"
    );
}

#[test]
fn a_step_at_the_border_of_a_file_that_is_undone_at_another_is_named() {
    let said = |months| found(vec![tree(Kind::Minute, adjusted_in(months, 300))]);
    assert_eq!(
        said(5..=5),
        [
            "step-and-back in 2023-05, 2023-05-01..2023-05-31: its prices are 1/4.36 of those before it, and it is undone right after it (2023-05)"
        ]
    );
    assert_eq!(
        said(5..=6)[0].split(": ").next(),
        Some("step-and-back in 2023-05, 2023-05-01..2023-06-30")
    );
    assert_eq!(said(5..=12), NOTHING, "a split is not undone");
    assert_eq!(said(5..=8), NOTHING, "nor is one that is undone by another, long after");
}

#[test]
fn what_single_rows_show_is_named_by_their_days() {
    type Harm = fn(&mut DayFacts);
    let cases: [(Kind, Harm, &str); 9] = [
        (
            Kind::Minute,
            |day| day.zero_prices = 2,
            "zero-price in 2023-05, 2023-05-26: 2 of 300 rows of 2023-05-26 have a price of 0",
        ),
        (
            Kind::Minute,
            |day| day.zero_sizes = 100,
            "zero-size in 2023-05, 2023-05-26: 100 of 300 rows of 2023-05-26 have a size of 0",
        ),
        (Kind::Minute, |day| day.zero_sizes = 3, ""),
        (
            Kind::Minute,
            |day| day.most = day.volume,
            "one-bar-volume in 2023-05, 2023-05-26: one of the 300 rows around 2023-05-26 has 1100 of the 1100 shares",
        ),
        (Kind::Minute, |day| (day.most, day.rows) = (day.volume, 3), ""),
        (
            Kind::Minute,
            |day| day.spike = Some(Spike { stamp: 7, price: 1_000.0, times: 100.0 }),
            "price-spike in 2023-05, 2023-05-26: on 2023-05-26 one row has the price 1000, 100 times off its neighbours (stamp 7 ms)",
        ),
        (Kind::Minute, |day| day.spike = Some(Spike { stamp: 7, price: 500.0, times: 50.0 }), ""),
        (
            Kind::Trades,
            |day| day.beyond_hours = (2, 30),
            "rows-beyond-hours in 2023-05-26, 2023-05-26: 2 of 300 rows of 2023-05-26 lie up to 30 minutes outside extended hours",
        ),
        (
            Kind::Trades,
            |day| day.without_session = 300,
            "rows-without-session in 2023-05-26, 2023-05-26: 300 rows of 2023-05-26, a day without session",
        ),
    ];
    for (kind, harm, expected) in cases {
        let mut days = year(300);
        harm(&mut days[100]);
        let said = found(vec![tree(kind, days)]);
        assert_eq!(said.join("\n"), expected);
    }
    let mut daily = year(1);
    daily[100].volume = 1e12;
    assert_eq!(found(vec![tree(Kind::Daily, daily)]).len(), 1, "a year's volume on one bar");
}

#[test]
fn rows_of_days_before_the_listing_or_after_its_end_are_named() {
    let listed = DateRange::new(day("2023-02-01"), day("2023-11-30")).expect("in order");
    let of = TickerFacts { listed, ..ticker(vec![tree(Kind::Minute, year(300))]) };
    let said = found_with(&of, &[]);
    assert_eq!(said.len(), 2);
    assert!(said[0].starts_with("rows-outside-listing in 2023-01, 2023-01-03..2023-01-31: 20 days, the first: rows of 2023-01-03, and the listing began on 2023-02-01"), "{said:?}");
    assert!(said[1].ends_with("and the listing ended on 2023-11-30"), "{said:?}");
    assert_eq!(found_with(&of, &["rows-outside-listing=off"]), NOTHING);

    // Between two securities nobody had the symbol.
    let gap = DateRange::new(day("2023-02-06"), day("2023-02-10")).expect("in order");
    let of = TickerFacts { listed: DateRange::ALL, gaps: vec![gap], ..of };
    let said = found_with(&of, &[]);
    assert!(said[0].starts_with("rows-outside-listing in 2023-02, 2023-02-06..2023-02-10: 5 days, the first: rows of 2023-02-06, and nobody had the symbol in 2023-02-06..2023-02-10"), "{said:?}");
}

//! What differs between two files, counted and named.

use std::path::PathBuf;

use super::super::merge::DatedBar;
use super::super::writer::{TradesFile, publish_bars};
use super::*;
use crate::dataset::coverage::DateRange;
use crate::disk::publish::Draft;
use crate::market::ohlcv::Ohlcv;
use crate::market::trade::Trade;
use crate::market::zone::Zone;

fn ticker() -> Ticker {
    "AIG".parse().expect("a ticker")
}

fn day(text: &str) -> TradingDay {
    text.parse().expect("a day")
}

fn one_day() -> Coverage {
    let day = day("2024-03-11");
    DateRange::new(day, day).expect("in order").into()
}

/// A minute of 2024-03-11, or a day of March, with a close.
fn bar(date: &str, minute: i64, close: f64) -> DatedBar {
    let date = day(date);
    let t = date.start_utc_ms() + minute * 60_000;
    let (open, volume) = (close, 100.0);
    let (trades, vwap) = (Some(3), None);
    DatedBar { date, bar: Ohlcv { t, open, high: 9.0, low: 1.0, close, volume, trades, vwap } }
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn of_bars(&self, name: &str, kind: Kind, rows: &[DatedBar]) -> PathBuf {
        let path = self.0.path().join(name);
        let draft = Draft::create(&path).expect("begun");
        publish_bars(draft, kind, Zone::NewYork, &ticker(), rows).expect("published");
        path
    }

    /// Each trade is stamp and price.
    fn of_trades(&self, name: &str, columns: Columns, trades: &[(i64, f64)]) -> PathBuf {
        let path = self.0.path().join(name);
        let draft = Draft::create(&path).expect("begun");
        let mut file =
            TradesFile::create(draft, &ticker(), day("2024-03-11"), columns).expect("begun");
        let trade = |(at, (sip_ns, price)): (usize, &(i64, f64))| Trade {
            sip_ns: *sip_ns,
            price: *price,
            size: 1.0,
            sequence_number: i64::try_from(at).expect("few"),
            exchange: 4,
            id: "x".into(),
            conditions: Some([12, 37].into_iter().collect()),
            correction: None,
            tape: 1,
            participant_ns: 0,
            trf_ns: None,
        };
        file.append(trades.iter().enumerate().map(trade).collect()).expect("taken");
        file.publish().expect("published");
        path
    }
}

fn differ(kind: Kind, columns: Columns, first: &Path, second: &Path) -> Difference {
    let days = DateRange::new(day("2024-03-01"), day("2024-03-31")).expect("in order").into();
    let ticker = ticker();
    let subject = Subject { kind, columns, ticker: &ticker, days: &days };
    between(subject, Some(first), Some(second)).expect("both can be read")
}

#[test]
fn bars_that_were_added_removed_and_changed_are_counted_and_the_first_is_named() {
    let files = Files::new();
    let ours = [2, 3, 5, 7].map(|minute| bar("2024-03-11", minute, 2.5));
    let theirs = [
        bar("2024-03-11", 3, 2.75),
        bar("2024-03-11", 4, 2.5),
        bar("2024-03-11", 5, 2.5),
        bar("2024-03-11", 7, 2.5),
        bar("2024-03-11", 8, 2.5),
    ];
    let [ours, theirs] = [("ours", &ours[..]), ("theirs", &theirs[..])]
        .map(|(name, rows)| files.of_bars(name, Kind::Minute, rows));
    let found = differ(Kind::Minute, Columns::Narrow, &ours, &theirs);
    assert_eq!((found.added, found.removed, found.changed), (2, 1, 1));
    assert_eq!(found.first.as_deref(), Some("2024-03-11 00:02: only here"));
    assert_eq!(found.to_string(), "1 row changed, 1 row only here, 2 rows only there");
    let back = differ(Kind::Minute, Columns::Narrow, &theirs, &ours);
    assert_eq!((back.added, back.removed, back.changed), (1, 2, 1));
    assert!(differ(Kind::Minute, Columns::Narrow, &ours, &ours).is_none());
}

#[test]
fn a_changed_value_is_named_with_both_its_spellings() {
    let files = Files::new();
    let ours = files.of_bars("ours", Kind::Daily, &[bar("2024-03-11", 0, 17.25)]);
    let theirs = files.of_bars("theirs", Kind::Daily, &[bar("2024-03-11", 0, 17.3)]);
    let found = differ(Kind::Daily, Columns::Narrow, &ours, &theirs);
    assert_eq!(found.first.as_deref(), Some("2024-03-11: o is 17.25 here and 17.3 there"));
}

#[test]
fn a_daily_bar_is_the_same_whether_it_is_stamped_at_the_open_or_at_the_close() {
    let files = Files::new();
    let ours = files.of_bars("ours", Kind::Daily, &[bar("2024-03-11", 0, 2.0)]);
    let theirs = files.of_bars("theirs", Kind::Daily, &[bar("2024-03-11", 960, 2.0)]);
    assert!(differ(Kind::Daily, Columns::Narrow, &ours, &theirs).is_none());
}

#[test]
fn rows_of_days_that_do_not_count_are_passed_over() {
    let files = Files::new();
    let ours = files.of_bars("ours", Kind::Daily, &[bar("2024-03-11", 0, 2.0)]);
    let more = [bar("2024-02-09", 0, 2.0), bar("2024-03-11", 0, 2.0)];
    let theirs = files.of_bars("theirs", Kind::Daily, &more);
    assert!(differ(Kind::Daily, Columns::Narrow, &ours, &theirs).is_none());
}

#[test]
fn trades_of_one_stamp_are_compared_as_a_set_and_then_by_their_order() {
    let files = Files::new();
    for (theirs, expected) in [
        (vec![(10, 1.0), (10, 2.0), (11, 3.0)], "no difference"),
        (vec![(10, 2.0), (10, 1.0), (11, 3.0)], "2 rows in another order"),
        (vec![(10, 1.0), (11, 3.0)], "1 row only here"),
        (vec![(10, 1.0), (10, 2.0), (10, 2.0), (11, 3.0)], "1 row only there"),
        (vec![(10, 1.0), (10, 2.5), (11, 3.0)], "1 row changed"),
        (vec![(9, 1.0), (10, 1.0), (10, 2.0), (11, 3.0), (12, 1.0)], "2 rows only there"),
        (vec![], "3 rows only here"),
    ] {
        let ours = files.of_trades("o", Columns::Narrow, &[(10, 1.0), (10, 2.0), (11, 3.0)]);
        let other = files.of_trades("t", Columns::Narrow, &theirs);
        let theirs_path = (!theirs.is_empty()).then_some(other.as_path());
        let days = one_day();
        let (ticker, kind) = (ticker(), Kind::Trades);
        let subject = Subject { kind, columns: Columns::Narrow, ticker: &ticker, days: &days };
        let found = between(subject, Some(&ours), theirs_path).expect("read");
        assert_eq!(found.to_string(), expected, "{theirs:?}");
    }
}

#[test]
fn a_column_of_full_trades_that_differs_is_named() {
    let files = Files::new();
    let ours = files.of_trades("o", Columns::Full, &[(10, 1.0), (11, 3.0)]);
    let theirs = files.of_trades("t", Columns::Full, &[(11, 3.0)]);
    let found = differ(Kind::Trades, Columns::Full, &ours, &theirs);
    assert_eq!((found.removed, found.changed), (1, 1), "{found:?}");
    let theirs = files.of_trades("t", Columns::Full, &[(10, 1.0), (11, 3.0), (11, 3.0)]);
    let found = differ(Kind::Trades, Columns::Full, &ours, &theirs);
    assert_eq!((found.added, found.first), (1, Some("sip_ts 11: only there".to_owned())));
}

#[test]
fn a_file_that_can_t_be_read_is_an_error_that_names_it() {
    let files = Files::new();
    let ours = files.of_bars("ours", Kind::Daily, &[bar("2024-03-11", 0, 2.0)]);
    let torn = files.0.path().join("torn");
    let bytes = std::fs::read(&ours).expect("read");
    std::fs::write(&torn, &bytes[..bytes.len() - 9]).expect("written");
    for (first, second) in [(&ours, &torn), (&torn, &ours)] {
        let days = one_day();
        let ticker = ticker();
        let subject =
            Subject { kind: Kind::Daily, columns: Columns::Narrow, ticker: &ticker, days: &days };
        let error = between(subject, Some(first), Some(second)).expect_err("torn").to_string();
        assert!(error.contains("torn"), "{error}");
    }
}

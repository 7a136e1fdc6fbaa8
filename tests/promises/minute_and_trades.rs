//! Promise: minutes and trades, too, are on disk as the source has them, row for row and in order.

use jiff::Timestamp;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::market::session::sessions;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use tests::harness::place::{Place, beside_the_project, days, ticker};
use tests::harness::program::{Ended, run};
use tests::harness::says::says;
use tests::harness::{tree, truth};
use tests::sim::config::Config;
use tests::sim::faults::Fault;
use tests::sim::server::Exchange;
use tests::sim::synthetic::ELEPHANT;

#[track_caller]
fn check(
    place: &Place,
    exchange: &Exchange,
    kind: Kind,
    tickers: &[Ticker],
    asked: DateRange,
) -> usize {
    let mut rows = 0;
    for ticker in tickers {
        assert!(tree::is_proven(&place.outdir(), kind, ticker, asked), "{kind} {ticker}");
        rows += match kind {
            Kind::Trades => same(
                &tree::trades(&place.outdir(), ticker),
                &truth::trades(exchange, ticker, asked),
                ticker,
            ),
            _ => same(
                &tree::bars(&place.outdir(), kind, ticker),
                &truth::minute_bars(exchange, ticker, asked),
                ticker,
            ),
        };
    }
    assert_eq!(tree::strays(&place.outdir()), [] as [std::path::PathBuf; 0]);
    rows
}

#[track_caller]
fn same<T: PartialEq + std::fmt::Debug>(on_disk: &[T], truth: &[T], ticker: &Ticker) -> usize {
    // Not assert_eq on the whole: a difference in a million rows is not to be printed whole.
    assert_eq!(on_disk.len(), truth.len(), "{ticker}");
    if let Some(at) = on_disk.iter().zip(truth).position(|(a, b)| a != b) {
        panic!("{ticker}: row {at} is {:?} and should be {:?}", on_disk[at], truth[at]);
    }
    truth.len()
}

fn resume(place: &Place, exchange: &Exchange, kind: Kind, asked: DateRange) -> Ended {
    run(place.worker_of(kind, &exchange.base_url(), asked).arg("--resume"))
}

#[test]
fn the_real_minutes_and_trades_survive_the_trip() {
    let Some(market) = beside_the_project("market") else { return };
    let exchange = Exchange::start(Config::replay(market)).expect("started");
    let tickers = [ticker("AIG"), ticker("BAC")];
    let place = Place::with_tickers(["AIG", "BAC"]);
    let asked = days("2013-10-01", "2013-10-31");
    resume(&place, &exchange, Kind::Minute, asked).expect_code(0);
    assert!(check(&place, &exchange, Kind::Minute, &tickers, asked) > 5_000);
    assert_eq!(exchange.stats().total, 2, "one page each");
    // Another kind in the same tree is refused; trades get a place of their own.
    let said = resume(&place, &exchange, Kind::Trades, asked).expect_code(2).stderr;
    says(&said, &["this tree has kind minute, but kind trades was requested"]);
    let place = Place::with_tickers(["AIG", "BAC"]);
    resume(&place, &exchange, Kind::Trades, asked).expect_code(0);
    assert_eq!(check(&place, &exchange, Kind::Trades, &tickers, asked), 206_337 + 573_620);
}

/// Fetches `asked` in two halves and many attempts from an exchange with every fault, and compares
/// with the truth and with the bytes that a calm exchange makes, twice.
#[track_caller]
fn survive_every_fault(
    kind: Kind,
    config: &Config,
    cast: usize,
    middle: TradingDay,
    asked: DateRange,
) {
    let faulty = config.clone().with_all_faults(5, 0.05).with_fault(Fault::SlowBody, 0.005);
    let exchange = Exchange::start(faulty).expect("started");
    let tickers = truth::cast(&exchange, cast, asked);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let newer = DateRange::new(middle, asked.to()).expect("in order");
    // Under faults a ticker may fail by name; what is committed stays and another attempt goes on.
    let attempts = std::iter::once(newer).chain(std::iter::repeat_n(asked, 8));
    let done = attempts.map(|part| (part, resume(&place, &exchange, kind, part).code()));
    assert!(
        done.into_iter().any(|(part, code)| part == asked && code == Some(0)),
        "{kind}: never done"
    );
    assert!(check(&place, &exchange, kind, &tickers, asked) > 5_000, "{kind}");
    let first = tree::parquet_bytes(&place.outdir());
    let before = exchange.stats().total;
    resume(&place, &exchange, kind, asked).expect_code(0);
    assert_eq!(exchange.stats().total, before, "{kind}: nothing is missing");

    let calm = Exchange::start(config.clone()).expect("started");
    let whole = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    for _ in ["at first", "fetched anew"] {
        run(&mut whole.worker_of(kind, &calm.base_url(), asked)).expect_code(0);
        assert!(
            tree::parquet_bytes(&whole.outdir()) == first,
            "{kind}: the same bytes, whatever went wrong"
        );
    }
}

#[test]
fn under_all_faults_short_pages_and_halves_minutes_and_trades_are_equal_to_the_source() {
    let config = Config::synthetic(31).with_tickers(1_000).with_page_rows_max(900);
    let day = |text: &str| text.parse().expect("a day");
    let minutes = days("2023-11-20", "2024-04-19");
    survive_every_fault(Kind::Minute, &config, 10, day("2024-02-09"), minutes);
    let trades = days("2024-02-20", "2024-03-28");
    survive_every_fault(Kind::Trades, &config, 10, day("2024-03-08"), trades);
}

#[test]
#[ignore = "forty tickers and eighteen months take minutes: scripts/soak"]
fn eighteen_months_of_forty_tickers_under_all_faults_are_equal_to_the_source() {
    let config = Config::synthetic(31).with_tickers(1_000).with_page_rows_max(10_000);
    // With the last listings of the made-up market, and three months of the elephant at its full
    // weight.
    let (middle, asked) = ("2024-08-19".parse().expect("a day"), days("2023-10-01", "2025-03-31"));
    survive_every_fault(Kind::Minute, &config, 40, middle, asked);
    survive_every_fault(Kind::Trades, &config, 40, middle, asked);
}

/// The weeks around both changes of the clocks in 2024, and a day each in winter and summer.
const AROUND_THE_CLOCKS: [(&str, &str); 4] = [
    ("2024-03-06", "2024-03-14"),
    ("2024-10-30", "2024-11-07"),
    ("2024-01-09", "2024-01-09"),
    ("2024-07-09", "2024-07-09"),
];

#[test]
fn a_winter_evening_and_the_closing_auction_are_filed_under_their_new_york_day() {
    let exchange = Exchange::start(Config::synthetic(31).with_tickers(8)).expect("started");
    let stock = ticker(ELEPHANT);
    for (from, to) in AROUND_THE_CLOCKS {
        let asked = days(from, to);
        let place = Place::with_tickers([ELEPHANT]);
        resume(&place, &exchange, Kind::Trades, asked).expect_code(0);
        check(&place, &exchange, Kind::Trades, std::slice::from_ref(&stock), asked);
        let stamps: Vec<i64> =
            tree::trades(&place.outdir(), &stock).iter().map(|trade| trade.0).collect();
        for (day, session) in sessions(asked.from(), asked.to()) {
            let close = session.regular_close(day).as_nanosecond();
            let is_auction =
                |stamp: &i64| (0..1_000_000_000).contains(&(i128::from(*stamp) - close));
            assert!(stamps.iter().any(is_auction), "{day}: an auction");
        }
    }
}

#[test]
fn the_minute_of_the_closing_auction_is_called_16_00_in_winter_and_in_summer() {
    let exchange = Exchange::start(Config::synthetic(31).with_tickers(8)).expect("started");
    let stock = ticker(ELEPHANT);
    for (from, to) in AROUND_THE_CLOCKS {
        let asked = days(from, to);
        let place = Place::with_tickers([ELEPHANT]);
        resume(&place, &exchange, Kind::Minute, asked).expect_code(0);
        check(&place, &exchange, Kind::Minute, std::slice::from_ref(&stock), asked);
        let minutes = tree::minute_labels(&place.outdir(), &stock);
        for (day, _) in sessions(asked.from(), asked.to()) {
            let of_day = || minutes.iter().filter(|minute| minute.starts_with(&day.to_string()));
            assert!(of_day().any(|minute| *minute == format!("{day} 16:00")), "{day}: an auction");
            let extended = format!("{day} 04:00")..format!("{day} 20:00");
            assert!(
                of_day().all(|minute| extended.contains(minute)),
                "{day}: from 4 to 20 o'clock"
            );
        }
    }
}

#[test]
fn utc_days_are_what_the_older_system_wrote_and_do_not_mix_with_new_york_days() {
    let exchange = Exchange::start(Config::synthetic(31).with_tickers(8)).expect("started");
    let place = Place::with_tickers([ELEPHANT]);
    let asked = days("2024-01-02", "2024-01-05");
    let in_utc = || {
        let mut worker = place.worker_of(Kind::Trades, &exchange.base_url(), asked);
        worker.args(["--tz", "UTC", "--resume"]);
        worker
    };
    run(&mut in_utc()).expect_code(0);
    for (stamp, _, _) in tree::trades(&place.outdir(), &ticker(ELEPHANT)) {
        let at = Timestamp::from_nanosecond(stamp.into()).expect("an instant").to_string();
        assert!(("2024-01-02".."2024-01-06").contains(&&at[..10]), "{at}");
    }
    let said = resume(&place, &exchange, Kind::Trades, asked).expect_code(2).stderr;
    says(&said, &["this tree has time zone UTC;", "give --tz UTC"]);
}

/// Rows and requests of `count` tickers' minutes, asked for by `window`.
fn cost_of_minutes(
    exchange: &Exchange,
    count: usize,
    asked: DateRange,
    window: &str,
) -> (u64, u64) {
    let tickers = truth::universe(exchange, count);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let before = exchange.stats().total;
    let mut worker = place.worker_of(Kind::Minute, &exchange.base_url(), asked);
    run(worker.args(["--resume", "--window", window])).expect_code(0);
    let requests = exchange.stats().total - before;
    run(&mut worker).expect_code(0);
    assert_eq!(exchange.stats().total - before, requests, "nothing is missing");
    let rows: usize =
        tickers.iter().map(|ticker| tree::bars(&place.outdir(), Kind::Minute, ticker).len()).sum();
    eprintln!("{window}: {requests} requests for {rows} rows of {count} tickers");
    (rows as u64, requests)
}

/// A tenth more than the pages that hold `rows`, and one request a ticker.
fn economical(rows: u64, tickers: u64) -> u64 {
    rows.div_ceil(50_000) * 11 / 10 + tickers
}

#[test]
fn minutes_cost_as_few_requests_as_there_are_pages() {
    let exchange = Exchange::start(Config::synthetic(31).with_tickers(10)).expect("started");
    let (rows, requests) =
        cost_of_minutes(&exchange, 10, days("2023-01-01", "2023-12-31"), "range");
    assert!(requests <= economical(rows, 10), "{requests} requests for {rows} rows");
    let by_month = cost_of_minutes(&exchange, 2, days("2022-01-01", "2023-12-31"), "month").1;
    assert_eq!(by_month, 2 * 24, "one request a month");
}

#[test]
#[ignore = "fifty tickers and five years take minutes: scripts/soak"]
fn five_years_of_minutes_of_fifty_tickers_cost_as_few_requests_as_there_are_pages() {
    let exchange = Exchange::start(Config::synthetic(31).with_tickers(50)).expect("started");
    let asked = days("2021-01-01", "2025-12-31");
    let (rows, requests) = cost_of_minutes(&exchange, 50, asked, "range");
    assert!(requests <= economical(rows, 50), "{requests} requests for {rows} rows");
    assert_eq!(
        cost_of_minutes(&exchange, 50, asked, "month"),
        (rows, 50 * 60),
        "one request a month"
    );
}

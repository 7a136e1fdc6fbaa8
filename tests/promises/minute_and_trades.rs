//! Promise: minutes and trades, too, are on disk as the source has them, row for row and in order.

use jiff::Timestamp;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;
use tests::harness::place::{Place, beside_the_project, days, ticker};
use tests::harness::program::{Ended, run};
use tests::harness::{tree, truth};
use tests::sim::config::Config;
use tests::sim::faults::Fault;
use tests::sim::server::Exchange;
use tests::sim::synthetic::ELEPHANT;

#[track_caller]
fn check(place: &Place, exchange: &Exchange, kind: Kind, tickers: &[Ticker], asked: DateRange) -> usize {
    let mut rows = 0;
    for ticker in tickers {
        assert!(tree::is_proven(&place.outdir(), kind, ticker, asked), "{kind} {ticker}");
        rows += match kind {
            Kind::Trades => {
                same(&tree::trades(&place.outdir(), ticker), &truth::trades(exchange, ticker, asked), ticker)
            }
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
    assert!(said.contains("this tree has kind minute, you ask for kind trades"), "{said}");
    let place = Place::with_tickers(["AIG", "BAC"]);
    resume(&place, &exchange, Kind::Trades, asked).expect_code(0);
    assert_eq!(check(&place, &exchange, Kind::Trades, &tickers, asked), 206_337 + 573_620);
}

#[test]
fn under_all_faults_short_pages_and_halves_minutes_and_trades_are_equal_to_the_source() {
    for (kind, from, middle, to) in [
        (Kind::Minute, "2023-11-20", "2024-02-09", "2024-04-19"),
        (Kind::Trades, "2024-02-20", "2024-03-08", "2024-03-28"),
    ] {
        let config = Config::synthetic(31).with_tickers(8).with_page_rows_max(900);
        let exchange = Exchange::start(config.with_all_faults(5, 0.05).with_fault(Fault::SlowBody, 0.005))
            .expect("started");
        let tickers = truth::universe(&exchange, 8);
        let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
        let asked = days(from, to);
        for part in [days(middle, to), asked, asked, asked, asked] {
            resume(&place, &exchange, kind, part);
        }
        resume(&place, &exchange, kind, asked).expect_code(0);
        assert!(check(&place, &exchange, kind, &tickers, asked) > 5_000, "{kind}");

        let calm = Exchange::start(Config::synthetic(31).with_tickers(8)).expect("started");
        let whole = Place::with_tickers(tickers.iter().map(Ticker::as_str));
        resume(&whole, &calm, kind, asked).expect_code(0);
        assert_eq!(tree::parquet_bytes(&place.outdir()), tree::parquet_bytes(&whole.outdir()), "{kind}");
        run(&mut whole.worker_of(kind, &calm.base_url(), asked)).expect_code(0);
        assert_eq!(
            tree::parquet_bytes(&place.outdir()),
            tree::parquet_bytes(&whole.outdir()),
            "{kind}: fetched anew"
        );
    }
}

#[test]
fn a_winter_evening_and_the_closing_auction_are_filed_under_their_new_york_day() {
    let exchange = Exchange::start(Config::synthetic(31).with_tickers(8)).expect("started");
    let stock = ticker(ELEPHANT);
    // The weeks around both changes of 2024, and a day each in winter and summer.
    for (from, to) in [
        ("2024-03-06", "2024-03-14"),
        ("2024-10-30", "2024-11-07"),
        ("2024-01-09", "2024-01-09"),
        ("2024-07-09", "2024-07-09"),
    ] {
        let asked = days(from, to);
        let place = Place::with_tickers([ELEPHANT]);
        resume(&place, &exchange, Kind::Trades, asked).expect_code(0);
        check(&place, &exchange, Kind::Trades, std::slice::from_ref(&stock), asked);
        let stamps: Vec<i64> = tree::trades(&place.outdir(), &stock).iter().map(|trade| trade.0).collect();
        let mut closes = 0;
        for (day, session) in shared::market::session::sessions(asked.from(), asked.to()) {
            let close = session.regular_close(day).as_nanosecond();
            closes += usize::from(
                stamps.iter().any(|stamp| (0..1_000_000_000).contains(&(i128::from(*stamp) - close))),
            );
        }
        assert_eq!(
            closes,
            shared::market::session::sessions(asked.from(), asked.to()).count(),
            "{from}: an auction each day"
        );
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
    assert!(said.contains("this tree has time zone UTC, you ask for time zone America/New_York"), "{said}");
}

#[test]
fn minutes_cost_as_few_requests_as_there_are_pages() {
    let exchange = Exchange::start(Config::synthetic(31).with_tickers(10)).expect("started");
    let tickers = truth::universe(&exchange, 10);
    let asked = days("2022-01-01", "2023-12-31");
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    resume(&place, &exchange, Kind::Minute, asked).expect_code(0);
    let rows = check(&place, &exchange, Kind::Minute, &tickers, asked);
    let requests = exchange.stats().total;
    assert!(
        requests <= (rows.div_ceil(50_000) + tickers.len()) as u64,
        "{requests} requests for {rows} rows"
    );
    let monthly = Place::with_tickers(["NA"]);
    let mut worker = monthly.worker_of(Kind::Minute, &exchange.base_url(), asked);
    run(worker.args(["--window", "month"])).expect_code(0);
    assert_eq!(exchange.stats().total - requests, 24, "one request a month");
    assert_eq!(resume(&place, &exchange, Kind::Minute, asked).expect_code(0).code(), Some(0));
    assert_eq!(exchange.stats().total - requests, 24, "nothing is missing");
}

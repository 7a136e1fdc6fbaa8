//! Promise: what a worker holds is bounded, however many threads it has and however large its pages
//! are.

use shared::dataset::kind::Kind;
use tests::harness::place::{Place, days};
use tests::harness::program::run;
use tests::harness::wide::{Rows, Wide};

const MIB: u64 = 1 << 20;

/// 64 MiB. What is built for tests has twelve more of them in its code alone.
const MOST: u64 = if cfg!(debug_assertions) { 77 * MIB } else { 64 * MIB };

/// The most memory of a worker with so many threads, each with tickers of its own.
fn peak(kind: Kind, rows: Rows, threads: usize, tickers: usize) -> u64 {
    peak_of(kind, &Wide::serving(rows), threads, tickers, 0)
}

/// The same of whatever `server` serves; the worker ends with `code`.
fn peak_of(kind: Kind, server: &Wide, threads: usize, tickers: usize, code: i32) -> u64 {
    let place = Place::with_tickers((0..tickers).map(|number| format!("T{number}")));
    let asked = match kind {
        Kind::Trades => days("2025-03-04", "2025-03-04"),
        Kind::Daily | Kind::Minute => days("2025-01-02", "2025-06-30"),
    };
    let mut worker = place.worker_of(kind, server.base_url(), asked);
    worker.args(["--max-workers", &threads.to_string()]);
    if kind == Kind::Trades {
        worker.args(["--columns", "full"]);
    }
    let ended = run(&mut worker).expect_code(code);
    eprintln!(
        "{kind}, {threads} threads: {} MiB in {:.1?}, cpu {:.1?}, {} requests",
        ended.peak_rss_bytes / MIB,
        ended.took,
        ended.cpu,
        server.requests()
    );
    ended.peak_rss_bytes
}

fn trades(count: usize, id_bytes: usize, conditions: usize) -> Rows {
    let day = "2025-03-04".parse().expect("a day");
    Rows::Trades { day, count, id_bytes, conditions }
}

#[test]
fn pages_of_50_000_trades_with_every_column_take_no_more_on_64_threads_than_on_4() {
    let few = peak(Kind::Trades, trades(100_000, 16, 2), 4, 8);
    let many = peak(Kind::Trades, trades(50_000, 16, 2), 64, 32);
    assert!(few <= MOST, "{few} bytes on 4 threads");
    assert!(many <= MOST, "{many} bytes on 64 threads");
}

#[test]
fn pages_of_50_000_trades_with_the_longest_ids_and_the_most_conditions_take_no_more() {
    let peak = peak(Kind::Trades, trades(60_000, 64, 16), 4, 8);
    assert!(peak <= MOST, "{peak} bytes");
}

#[test]
fn pages_of_50_000_minutes_take_no_more_on_64_threads_than_on_4() {
    let rows = |count| Rows::Minutes { day: "2025-01-02".parse().expect("a day"), count };
    let few = peak(Kind::Minute, rows(100_000), 4, 8);
    let many = peak(Kind::Minute, rows(50_000), 64, 32);
    assert!(few <= MOST, "{few} bytes on 4 threads");
    assert!(many <= MOST, "{many} bytes on 64 threads");
}

#[test]
fn a_small_body_that_unpacks_to_rows_without_end_is_refused_before_it_takes_more() {
    let peak = peak_of(Kind::Trades, &Wide::packing(200_000), 4, 2, 10);
    assert!(peak <= MOST, "{peak} bytes");
}

#[test]
#[ignore = "measures: M_THREADS, M_COUNT, M_ID, M_COND, M_TICKERS, M_MINUTES"]
fn measure_one() {
    let number = |name: &str, otherwise: usize| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let day = "2025-03-04".parse().expect("a day");
    let (threads, count) = (number("M_THREADS", 4), number("M_COUNT", 150_000));
    let rows =
        Rows::Trades { day, count, id_bytes: number("M_ID", 16), conditions: number("M_COND", 2) };
    if number("M_MINUTES", 0) > 0 {
        let day = "2025-01-02".parse().expect("a day");
        peak(Kind::Minute, Rows::Minutes { day, count }, threads, number("M_TICKERS", threads * 4));
    } else {
        peak(Kind::Trades, rows, threads, number("M_TICKERS", threads * 4));
    }
}

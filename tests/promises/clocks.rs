//! Promise: what counts as settled is told by the earlier of two clocks, this machine's and the
//! source's. A source whose `Date` is days behind looks the same as a machine whose clock is days
//! ahead.

use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::events::{Event, EventTail, Origin, Persistence};
use tests::harness::place::Place;
use tests::harness::program::{eventually, run};
use tests::harness::says::says;
use tests::harness::tree;
use tests::harness::truth::{daily_bars, universe};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
const DAYS: SignedDuration = SignedDuration::from_hours(2 * 24);
const SETTLE: SignedDuration = SignedDuration::from_hours(15);

/// A market that trades to this day, and says that now is so far from now.
fn market(today: TradingDay, date_offset: SignedDuration) -> Exchange {
    let config =
        Config::synthetic(7).with_tickers(8).with_last_day(today).with_date_offset(date_offset);
    Exchange::start(config).expect("started")
}

#[test]
fn a_clock_that_is_a_week_ahead_brings_no_day_that_is_not_settled_and_a_right_one_brings_the_rest()
{
    let now = Timestamp::now();
    let today = TradingDay::of(now).expect("a day");
    let asked = DateRange::new(today.plus_days(-30), today).expect("in order");
    let by_source = TradingDay::last_settled(now - WEEK, SETTLE);
    let settled = DateRange::new(asked.from(), by_source).expect("in order");
    for via in ["ticker", "grouped"] {
        let exchange = market(today, -WEEK);
        let tickers = universe(&exchange, 3);
        let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
        let ended =
            run(place.worker(&exchange.base_url(), asked).args(["--via", via])).expect_code(0);
        let said = &ended.stderr;
        let line = "WARN  this machine's clock is 7 days 0 h ahead of the source's";
        assert_eq!(said.matches(line).count(), 1, "{via}: {said}");
        for ticker in &tickers {
            let left_out = format!("{ticker}: {}..", by_source.next());
            says(said, &[&left_out, "is not settled by the source's clock"]);
            assert!(
                tree::is_proven(&place.outdir(), Kind::Daily, ticker, settled),
                "{via}: {ticker}"
            );
            let rows = tree::daily_rows(&place.outdir(), ticker);
            assert_eq!(rows, daily_bars(&exchange, ticker, settled), "{via}: nothing beyond");
            let ledger = Ledger::read(&place.outdir(), Kind::Daily, ticker).expect("sound");
            assert!(
                ledger.answered().intersection(&beyond(by_source, today)).is_empty(),
                "{via}: {ticker}"
            );
            let latest = latest_question(&place, ticker);
            assert!(
                latest <= Timestamp::now() - WEEK,
                "{via}: nothing was asked in the source's future: {latest}"
            );
        }
        // The clock is set right.
        let right = market(today, SignedDuration::ZERO);
        let before = right.stats().total;
        run(place.worker(&right.base_url(), asked).args(["--via", via, "--resume"])).expect_code(0);
        assert!(right.stats().total > before, "{via}: what was left out is asked for");
        let all =
            DateRange::new(asked.from(), TradingDay::last_settled(now, SETTLE)).expect("in order");
        for ticker in &tickers {
            assert_eq!(
                tree::daily_rows(&place.outdir(), ticker),
                daily_bars(&right, ticker, all),
                "{via}: {ticker}"
            );
        }
    }
}

fn beyond(day: TradingDay, today: TradingDay) -> shared::dataset::coverage::Coverage {
    DateRange::new(day.next(), today).expect("in order").into()
}

/// The time of the last question that the ledger of `ticker` tells of.
fn latest_question(place: &Place, ticker: &Ticker) -> Timestamp {
    let text = std::fs::read_to_string(Ledger::path(&place.outdir(), ticker)).expect("read");
    let times = text
        .split("\"asked_at\":\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap_or_default());
    times.map(|time| time.parse().expect("an instant")).max().expect("a question")
}

/// A run of `place` until its end: what it says of itself, and how it ends.
fn run_to_end(place: &Place, start: &mut Command, exit: i32) -> String {
    let started = run(start.args(["--rate", "60000/min"])).expect_code(0).stdout;
    started + &run(&mut place.launcher("wait")).expect_code(exit).stdout
}

/// `launcher start --resume` to `to`, with another source.
fn resume(place: &Place, exchange: &Exchange, to: TradingDay) -> Command {
    let mut start = place.launcher("start");
    start.args(["--resume", "--to", &to.to_string(), "--base-url", &exchange.base_url()]);
    start
}

#[test]
fn a_run_and_its_extension_end_complete_at_the_days_that_both_clocks_know_and_the_rest_comes_later()
{
    let now = Timestamp::now();
    let today = TradingDay::of(now).expect("a day");
    let (ten_days_ago, asked) =
        (today.plus_days(-10), DateRange::new(today.plus_days(-40), today).expect("in order"));
    let by_source = TradingDay::last_settled(now - DAYS, SETTLE);
    let last = TradingDay::last_settled(now, SETTLE);
    for (what, first) in [("new", asked.to()), ("extended", ten_days_ago)] {
        let (exchange, right) = (market(today, -DAYS), market(today, SignedDuration::ZERO));
        let tickers = universe(&exchange, 3);
        let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
        let range = DateRange::new(asked.from(), first).expect("in order");
        let mut said =
            run_to_end(&place, &mut place.launcher_start(&exchange.base_url(), range), 0);
        if first < asked.to() {
            said = run_to_end(&place, &mut resume(&place, &exchange, asked.to()), 0);
        }
        assert!(said.contains(&format!("this run ends at {by_source}")), "{what}: {said}");
        assert!(
            said.contains("this machine's clock is 2 days 0 h ahead of the source's"),
            "{what}: {said}"
        );
        assert!(said.contains("COMPLETE") && said.contains("3 / 3 verified"), "{what}: {said}");
        // The clock is set right.
        let said = run_to_end(&place, &mut resume(&place, &right, asked.to()), 0);
        assert!(
            said.contains(&format!("days settled since: {by_source} → {last}")),
            "{what}: {said}"
        );
        let all = DateRange::new(asked.from(), last).expect("in order");
        for ticker in &tickers {
            let rows = tree::daily_rows(&place.outdir(), ticker);
            assert_eq!(rows, daily_bars(&right, ticker, all), "{what}: {ticker}");
        }
    }
}

/// What `status` says.
fn status(place: &Place) -> String {
    run(&mut place.launcher("status")).stdout
}

#[test]
fn a_run_whose_days_the_source_does_not_know_as_settled_waits_charges_nobody_and_names_the_clock() {
    let now = Timestamp::now();
    let today = TradingDay::of(now).expect("a day");
    let asked = DateRange::new(today.plus_days(-40), today).expect("in order");
    let exchange = market(today, SignedDuration::ZERO);
    let tickers = universe(&exchange, 2);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    run_to_end(&place, &mut place.launcher_start(&exchange.base_url(), asked), 0);
    // All that one of them has is lost, and the clock of this machine is set a week ahead.
    std::fs::remove_dir_all(place.outdir().join(tickers[0].as_str())).expect("removed");
    exchange.set_date_offset(-WEEK);
    let mut again = resume(&place, &exchange, asked.to());
    run(again.args(["--retries", "0", "--rate", "60000/min"])).expect_code(0);
    eventually("the run pauses", || status(&place).contains("PAUSED"));
    let said = status(&place);
    says(
        &said,
        &[
            &format!("this machine is in the way: {}: ", tickers[0]),
            "is not settled by the source's clock: this machine's clock is 7 days 0 h ahead",
        ],
    );
    // The clock is set right, and nobody does anything else.
    exchange.set_date_offset(SignedDuration::ZERO);
    let said = run(&mut place.launcher("wait")).expect_code(0).stdout;
    says(&said, &["COMPLETE", "2 / 2 verified"]);
    let all =
        DateRange::new(asked.from(), TradingDay::last_settled(now, SETTLE)).expect("in order");
    assert_eq!(
        tree::daily_rows(&place.outdir(), &tickers[0]),
        daily_bars(&exchange, &tickers[0], all)
    );
}

#[test]
fn a_clock_that_is_set_while_a_run_lives_costs_nobody_an_attempt_and_is_named() {
    let today = TradingDay::of(Timestamp::now()).expect("a day");
    let asked = DateRange::new(today.plus_days(-120), today.plus_days(-60)).expect("in order");
    for (offset, side) in [(-DAYS, "ahead of"), (DAYS, "behind")] {
        for via in ["ticker", "grouped"] {
            let exchange = market(today, SignedDuration::ZERO);
            let known = universe(&exchange, 2);
            let nobody = ["NOBODYA", "NOBODYB", "NOBODYC", "NOBODYD"];
            let place = Place::with_tickers(known.iter().map(Ticker::as_str).chain(nobody));
            // One request of `start` is answered, and two of the workers.
            exchange.close_the_door_after(3);
            let mut start = place.launcher_start(&exchange.base_url(), asked);
            start.args("--retries 0 --rate 60000/min --batch-size 2 --via".split(' ')).arg(via);
            run(&mut start).expect_code(0);
            eventually("workers ask", || exchange.stats().total > 3);
            exchange.set_date_offset(offset);
            exchange.open_the_door();
            let said = run(&mut place.launcher("wait")).expect_code(0).stdout;
            assert!(said.contains("COMPLETE"), "{side} {via}: {said}");
            let logs = logs(&place);
            // A `Date` has whole seconds: two days, or a minute less.
            let mut warned =
                logs.lines().filter(|line| line.contains("WARN  this machine's clock is "));
            assert!(
                warned.any(|line| line.contains(&format!("{side} the source's"))),
                "{via}: {logs}"
            );
            for ticker in known {
                let rows = tree::daily_rows(&place.outdir(), &ticker);
                assert_eq!(rows, daily_bars(&exchange, &ticker, asked), "{side} {via}: {ticker}");
            }
        }
    }
}

/// All that the workers of a run have logged.
fn logs(place: &Place) -> String {
    let files = std::fs::read_dir(place.workdir().join("logs")).expect("logs");
    files
        .map(|file| std::fs::read_to_string(file.expect("an entry").path()).expect("text"))
        .collect()
}

#[test]
fn a_worker_says_whose_clock_keeps_it_from_days_that_a_run_counts_on() {
    let now = Timestamp::now();
    let today = TradingDay::of(now).expect("a day");
    for via in ["ticker", "grouped"] {
        for (offset, to, kind) in [
            (
                -WEEK,
                TradingDay::last_settled(now, SETTLE),
                "the clock of this machine is ahead of the source's",
            ),
            (
                SignedDuration::ZERO,
                today.plus_days(3),
                "the clock of this machine is behind the days of the run",
            ),
        ] {
            let exchange = market(today, offset);
            let tickers = universe(&exchange, 2);
            let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
            let asked = DateRange::new(today.plus_days(-30), to).expect("in order");
            let path = place.path().join("events.jsonl");
            let mut worker = place.worker(&exchange.base_url(), asked);
            worker
                .args(["--via", via, "--resume", "--run-mark", "0123abcd", "--events"])
                .arg(&path);
            run(&mut worker).expect_code(10);
            let mut tail = EventTail::new(&path);
            let said = tail.read_new().filter_map(|said| match said.event {
                Event::TickerFailed { origin, kind, persistence, .. } => {
                    Some((origin, kind, persistence))
                }
                _ => None,
            });
            let expected = (Some(Origin::Machine), Some(kind.to_owned()), Persistence::Transient);
            assert_eq!(said.collect::<Vec<_>>(), vec![expected; 2], "{via}");
        }
    }
}

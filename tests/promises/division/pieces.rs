//! A partition that the source never serves as a whole comes in pieces of days, down to one
//! session, by itself; a session that never comes stands alone.

use std::path::Path;

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::events::{Event, EventTail, Origin, Persistence};
use tests::harness::effort;
use tests::harness::place::{Place, days};
use tests::harness::program::run;
use tests::harness::says::says;
use tests::harness::strace::{Follows, can_trace, each};
use tests::harness::tree;
use tests::harness::truth::{daily_bars, trades, universe};
use tests::sim::config::Config;
use tests::sim::defects::Defect;
use tests::sim::faults::Fault;
use tests::sim::server::Exchange;

use super::Scene;

const KEY: u64 = 11;

const TWO_TRIES: [&str; 2] = ["--tries", "2"];

fn mute(day: &str) -> impl Fn(Ticker) -> Defect {
    let day = day.parse().expect("a day");
    move |ticker| Defect::Mute(ticker, day)
}

impl Scene {
    /// A tree of the same days from a source that has nothing wrong.
    fn undisturbed(&self) -> Place {
        let exchange = Exchange::start(Config::synthetic(KEY).with_tickers(4)).expect("started");
        let place = Place::with_tickers([self.ticker.as_str()]);
        run(&mut place.worker_of(self.kind, &exchange.base_url(), self.asked)).expect_code(0);
        place
    }

    #[track_caller]
    fn has_the_bytes_of(&self, other: &Place) {
        let (ours, theirs) =
            (tree::parquet_bytes(&self.place.outdir()), tree::parquet_bytes(&other.outdir()));
        assert!(
            !ours.is_empty() && ours == theirs,
            "{:?} against {:?}",
            ours.keys(),
            theirs.keys()
        );
        assert_eq!(tree::strays(&self.place.outdir()), [] as [&Path; 0]);
    }
}

/// Sessions and requests of a visit that divides what takes more than `most` days, and its bytes.
#[track_caller]
fn comes_in_pieces(kind: Kind, asked: DateRange, most: u32, most_requests: u64) {
    let scene = Scene::new(Config::synthetic(KEY), kind, asked, |_| Defect::TooHeavy(most));
    let (said, requests) = scene.run(&TWO_TRIES, 0);
    says(&said, &["504"]);
    assert!(requests <= most_requests, "{kind:?}, at most {most} days: {requests} requests");
    scene.has_the_bytes_of(&scene.undisturbed());
    assert_eq!(scene.in_place().len(), Partition::within(kind, asked).count());
    let (_, again) = scene.run(&["--resume"], 0);
    assert_eq!(again, 0, "every day is proven");
}

#[test]
fn years_that_the_source_serves_only_in_pieces_come_in_pieces_by_themselves() {
    let asked = days("2022-01-03", "2024-12-31");
    // 3 years in pieces of at most 91 days, 16 of them, and what did not come: the range, a year,
    // and a few levels twice.
    comes_in_pieces(Kind::Daily, asked, 100, 16 + 20);
    let scene = Scene::new(Config::synthetic(KEY), Kind::Daily, asked, |_| Defect::TooHeavy(100));
    scene.run(&TWO_TRIES, 0);
    let truth = daily_bars(&scene.exchange, &scene.ticker, asked);
    assert_eq!(tree::daily_rows(&scene.place.outdir(), &scene.ticker), truth);
}

#[test]
fn months_of_minutes_that_the_source_serves_only_in_pieces_come_in_pieces_by_themselves() {
    comes_in_pieces(Kind::Minute, days("2024-01-02", "2024-04-30"), 9, 16 + 2 + 24);
}

#[test]
fn one_month_that_the_source_serves_only_by_the_session_comes_by_the_session() {
    // 20 sessions, the weekends, and what did not come.
    comes_in_pieces(Kind::Minute, days("2024-03-01", "2024-03-31"), 0, 31 + 2 * 12);
}

#[test]
fn a_session_of_minutes_that_never_comes_stands_alone_and_only_that_day_is_asked_for_again() {
    let asked = days("2023-01-01", "2024-12-31");
    let scene = Scene::new(Config::synthetic(KEY), Kind::Minute, asked, mute("2023-05-04"));
    let (said, requests) = scene.run(&TWO_TRIES, 10);
    says(
        &said,
        &[
            "2023-05-04 could not be fetched: the server answered 504",
            "; the rest of 2023-05 and the other 23 months are in place",
            "--resume requests it again",
        ],
    );
    assert!(requests <= 14 + 2 * 14, "{requests}");
    assert_eq!(scene.in_place(), scene.all_but("2023-05-04"));
    for rest in [days("2023-05-01", "2023-05-03"), days("2023-05-05", "2023-05-31")] {
        assert!(
            tree::is_proven(&scene.place.outdir(), Kind::Minute, &scene.ticker, rest),
            "{rest}"
        );
    }

    let events = scene.place.path().join("events.jsonl");
    let resumed = ["--resume", "--events", events.to_str().expect("plain")];
    let (said, requests) = scene.run(&[&TWO_TRIES[..], &resumed[..]].concat(), 10);
    assert_eq!(requests, 3, "two tries, and a session that is in place: the source is well");
    says(&said, &["2023-05-04 could not be fetched"]);
    let failed = EventTail::new(&events).read_new().find_map(|said| match said.event {
        Event::TickerFailed { persistence, origin, kind, .. } => Some((persistence, origin, kind)),
        _ => None,
    });
    let kind = Some("a part of it could not be fetched".into());
    assert_eq!(
        failed,
        Some((Persistence::Transient, Some(Origin::Ticker), kind)),
        "it is the ticker's own"
    );

    let healed = Exchange::start(Config::synthetic(KEY).with_tickers(4)).expect("started");
    let mut worker = scene.place.worker_of(Kind::Minute, &healed.base_url(), asked);
    run(worker.arg("--resume")).expect_code(0);
    assert_eq!(healed.stats().total, 1);
    scene.has_the_bytes_of(&scene.undisturbed());
}

#[test]
fn where_no_month_comes_as_a_whole_a_session_near_the_end_that_never_comes_stands_alone_too() {
    let asked = days("2024-01-08", "2025-03-08");
    let config = Config::synthetic(KEY).with_defect(Defect::TooHeavy(20));
    let scene = Scene::new(config, Kind::Minute, asked, mute("2025-03-07"));
    let (said, requests) = scene.run(&TWO_TRIES, 10);
    says(
        &said,
        &[
            "2025-03-07 could not be fetched: the server answered 504",
            "; the rest of 2025-03 and the other 14 months are in place",
        ],
    );
    assert!(requests <= 90, "{requests}");
    assert_eq!(scene.in_place(), scene.all_but("2025-03-07"));
    let (_, requests) = scene.run(&[&TWO_TRIES[..], &["--resume"]].concat(), 10);
    assert_eq!(requests, 3, "two tries, and a session that is in place");
}

#[test]
fn a_session_of_daily_bars_that_never_comes_stands_alone() {
    let asked = days("2020-01-01", "2023-12-31");
    let scene = Scene::new(Config::synthetic(KEY), Kind::Daily, asked, mute("2021-08-18"));
    let (said, requests) = scene.run(&TWO_TRIES, 10);
    says(
        &said,
        &[
            "2021-08-18 could not be fetched: the server answered 504",
            "; the rest of 2021 and the other 3 years are in place",
        ],
    );
    assert!(requests <= 12 + 2 * 12, "{requests}");
}

#[test]
fn a_day_of_trades_that_never_comes_stands_alone_and_the_way_on_is_said() {
    let config = Config::synthetic(KEY).with_elephant_trades(1_000).with_page_rows_max(300);
    let scene =
        Scene::new(config, Kind::Trades, days("2024-01-08", "2024-01-19"), mute("2024-01-10"));
    let (said, _) = scene.run(&TWO_TRIES, 10);
    says(
        &said,
        &[
            "2024-01-10 could not be fetched: the server answered 504",
            "; the other 11 days are in place",
            "--resume requests it again",
        ],
    );
    let truth = trades(&scene.exchange, &scene.ticker, scene.asked);
    let is_of_bad_day =
        |print: &&tree::Print| TradingDay::of_utc_ns(print.0) == "2024-01-10".parse().ok();
    let (bad, good): (Vec<_>, Vec<_>) = truth.iter().partition(is_of_bad_day);
    assert!(
        !bad.is_empty() && good.len() > 9 * 2 * 5,
        "a day comes in several pages: {}",
        good.len()
    );
    assert_eq!(tree::trades(&scene.place.outdir(), &scene.ticker), good);
    let (_, requests) = scene.run(&[&TWO_TRIES[..], &["--resume"]].concat(), 10);
    assert_eq!(requests, 3, "two tries, and one page of a day that is in place");
    assert_eq!(scene.in_place(), scene.all_but("2024-01-10"));
}

#[test]
fn while_the_source_serves_nothing_division_costs_four_questions_a_ticker() {
    for kind in [Kind::Daily, Kind::Minute, Kind::Trades] {
        for asked in [days("2022-01-03", "2024-12-31"), days("2024-03-01", "2024-03-31")] {
            let config = Config::synthetic(KEY).with_tickers(4);
            let well = Exchange::start(config.clone()).expect("started");
            let exchange =
                Exchange::start(config.with_fault(Fault::BadGateway, 1.0)).expect("started");
            let tickers = universe(&exchange, 3);
            let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
            let mut worker = place.worker_of(kind, &exchange.base_url(), asked);
            if kind == Kind::Daily {
                worker.args(["--via", "ticker"]);
            }
            run(worker.args(TWO_TRIES)).expect_code(10);
            // The tries, and four small questions; a sample of a month has two tries.
            let most = 3 * (2 + 4 * 2);
            assert!(exchange.stats().total <= most, "{kind:?} {asked}: {}", exchange.stats().total);
            drop(well);
        }
    }
}

#[test]
fn a_worker_killed_between_pieces_is_gone_on_with_to_the_same_bytes() {
    if !can_trace() {
        return;
    }
    let asked = days("2024-01-02", "2024-02-29");
    let scene = Scene::new(Config::synthetic(KEY), Kind::Minute, asked, |_| Defect::TooHeavy(7));
    let undisturbed = scene.undisturbed();
    let (stride, least) = effort::choose((23, 6), (7, 20));
    each(stride, least, |point| {
        let place = Place::with_tickers([scene.ticker.as_str()]);
        let worker = || {
            let mut worker = place.worker_of(Kind::Minute, &scene.exchange.base_url(), asked);
            worker.args(["--resume", "--max-workers", "1"]).args(TWO_TRIES);
            worker
        };
        let survived = tests::harness::strace::survives(point, Follows::Threads, &worker());
        // Killed between file and line, a month has a file that its line does not tell of: it is
        // brought again, whole.
        run(&mut worker()).expect_code(0);
        assert!(
            tree::parquet_bytes(&place.outdir()) == tree::parquet_bytes(&undisturbed.outdir()),
            "{point:?}"
        );
        assert!(tree::is_proven(&place.outdir(), Kind::Minute, &scene.ticker, asked), "{point:?}");
        assert_eq!(tree::strays(&place.outdir()), [] as [&Path; 0], "{point:?}");
        survived
    });
}

/// A run of four tickers over four months of minutes, and what it says at its end.
fn launched(defect: impl Fn(Ticker) -> Defect, code: i32) -> (Place, Vec<Ticker>, String) {
    let config = Config::synthetic(KEY).with_tickers(4);
    let exchange = Exchange::start(config.clone()).expect("started");
    let tickers = universe(&exchange, 4);
    let exchange =
        Exchange::start(config.with_defect(defect(tickers[0].clone()))).expect("started");
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let mut start = place.launcher_start_of(
        Kind::Minute,
        &exchange.base_url(),
        days("2024-01-02", "2024-04-30"),
    );
    start.args(["--foreground", "--batch-size", "1", "--retries", "1"]).args(TWO_TRIES);
    let said = run(&mut start).expect_code(code).stdout;
    if code != 0 {
        // Of the ticker nothing but that day is asked for now: no page tells that the source is
        // well, but the control's.
        let mut again = place.launcher("start");
        again.args(["--resume", "--foreground"]);
        run(&mut again).expect_code(code);
    }
    let log = std::fs::read_to_string(place.workdir().join("launcher.log")).expect("a log");
    assert!(!log.contains("paused") && !log.contains("got nothing done"), "{log}");
    (place, tickers, said)
}

#[test]
fn a_run_over_months_that_come_only_in_pieces_is_complete_by_itself() {
    let (place, tickers, said) = launched(|_| Defect::TooHeavy(9), 0);
    says(&said, &["COMPLETE"]);
    for ticker in &tickers {
        assert!(tree::is_proven(
            &place.outdir(),
            Kind::Minute,
            ticker,
            days("2024-01-02", "2024-04-30")
        ));
    }
}

#[test]
fn a_run_with_a_session_that_never_comes_ends_by_itself_and_names_that_day() {
    let (place, tickers, said) = launched(mute("2024-02-14"), 1);
    assert!(said.contains("INCOMPLETE") && !said.contains("paused"), "{said}");
    let why = run(place.launcher("why").arg(tickers[0].as_str())).stdout;
    says(&why, &["2024-02-14 could not be fetched"]);
    for rest in [days("2024-01-02", "2024-02-13"), days("2024-02-15", "2024-04-30")] {
        assert!(tree::is_proven(&place.outdir(), Kind::Minute, &tickers[0], rest), "{rest}");
    }
}

#[test]
fn a_month_that_was_lost_comes_back_but_for_the_session_that_does_not_come_any_more() {
    let asked = days("2024-01-02", "2024-03-29");
    let scene = Scene::new(Config::synthetic(KEY), Kind::Minute, asked, mute("2024-02-14"));
    let undisturbed = scene.undisturbed();
    let well = Exchange::start(Config::synthetic(KEY).with_tickers(4)).expect("started");
    run(&mut scene.place.worker_of(Kind::Minute, &well.base_url(), asked)).expect_code(0);
    let month = Partition::of(Kind::Minute, "2024-02-14".parse().expect("a day"));
    std::fs::remove_file(month.file(&scene.place.outdir(), &scene.ticker, Kind::Minute))
        .expect("it was there");

    for visit in 1..=3 {
        let (said, requests) = scene.run(&[&TWO_TRIES[..], &["--resume"]].concat(), 10);
        assert!(
            said.contains("2024-02-14 could not be fetched: the server answered 504"),
            "{visit}: {said}"
        );
        assert!(requests <= 40, "{visit}: {requests}");
    }
    run(scene.place.worker_of(Kind::Minute, &well.base_url(), asked).arg("--resume"))
        .expect_code(0);
    scene.has_the_bytes_of(&undisturbed);
}

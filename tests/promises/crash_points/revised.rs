//! The same points, while the source changes its mind: a worker that asks for everything anew is
//! killed at each of its changes, and the source tells something else to the one that goes on.

use std::path::Path;

use shared::dataset::kind::Kind;
use tests::harness::epochs::Served;
use tests::harness::place::{Place, days};
use tests::harness::program::run;
use tests::harness::strace::{CHANGES, Follows, Point, can_trace, each_of, survives};
use tests::harness::truth::universe;
use tests::harness::{effort, tree};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

/// Minds that the source has, the first of which is the rows as they are.
const EPOCHS: u64 = 5;

/// Workers that fetch anew what was whole, killed; `least` times in all.
fn refetchers(
    kind: Kind,
    asked: (&str, &str),
    kinds: &[&'static str],
    stride: usize,
    least: usize,
) {
    if !can_trace() {
        return;
    }
    let config = Config::synthetic(21).with_tickers(3).with_page_rows_max(200).revising(7);
    let exchange = Exchange::start(config).expect("started");
    let (tickers, asked) = (universe(&exchange, 3), days(asked.0, asked.1));
    let served = Served::of(&exchange, kind, &tickers, asked, EPOCHS);
    let worker = |place: &Place, more: &[&str]| {
        let mut worker = place.worker_of(kind, &exchange.base_url(), asked);
        worker.args(["--max-workers", "1"]).args(more);
        worker
    };
    let mut moment = 0;
    each_of(kinds, stride, least, |point: Point| {
        let place = Place::with_tickers(tickers.iter().map(shared::market::ticker::Ticker::as_str));
        let prove = || {
            for ticker in &tickers {
                served.prove(&place.outdir(), ticker);
            }
        };
        exchange.turn_to_epoch(0);
        run(&mut worker(&place, &["--resume"])).expect_code(0);
        exchange.turn_to_epoch(1 + moment % (EPOCHS - 1));
        let survived = survives(point, Follows::Threads, &worker(&place, &[]));
        prove();

        // Rows that are lost are brought again, or their ticker fails by name.
        exchange.turn_to_epoch(1 + (moment + 1) % (EPOCHS - 1));
        let ended = run(&mut worker(&place, &["--resume"]));
        assert!([Some(0), Some(11)].contains(&ended.code()), "{point:?}: {ended:?}");
        assert_eq!(
            ended.code() == Some(11),
            ended.stderr.contains("rows were"),
            "{point:?}: {ended:?}"
        );
        prove();

        exchange.turn_to_epoch(0);
        run(&mut worker(&place, &[])).expect_code(0);
        assert_eq!(tree::strays(&place.outdir()), [] as [&Path; 0], "{point:?}");
        for ticker in &tickers {
            assert!(served.is_on_disk(0, &place.outdir(), ticker), "{ticker}, {point:?}");
            assert!(tree::is_proven(&place.outdir(), kind, ticker, asked), "{ticker}, {point:?}");
        }
        moment += 1;
        survived
    });
}

/// What publishing a file and its line is made of.
const PUBLISHING: [&str; 4] = ["write", "fdatasync", "fsync", "rename"];

#[test]
fn a_worker_killed_at_a_change_of_what_the_source_revised_leaves_nothing_that_is_believed_and_not_there()
 {
    let (stride, least) = effort::choose((19, 4), (7, 8));
    refetchers(Kind::Trades, ("2024-03-04", "2024-03-06"), &PUBLISHING, stride, least);
    refetchers(Kind::Daily, ("2022-01-01", "2024-06-28"), &PUBLISHING, stride, least);
}

#[test]
#[ignore = "takes minutes; scripts/soak runs it"]
fn a_worker_killed_at_each_change_of_what_the_source_revised_leaves_nothing_that_is_believed_and_not_there()
 {
    refetchers(Kind::Trades, ("2024-03-04", "2024-03-06"), &CHANGES, 1, 50);
    refetchers(Kind::Daily, ("2022-01-01", "2024-06-28"), &CHANGES, 1, 50);
}

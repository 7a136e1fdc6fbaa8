//! Promise: rows in a file that no ledger line tells of, as a crash between the two leaves them,
//! are never taken for nothing: a source that denies them fails the ticker by name, and one that
//! brings them mends it.

use std::fs;

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, run};
use tests::harness::says::says;
use tests::harness::tree;
use tests::harness::truth::universe;
use tests::sim::config::Config;
use tests::sim::server::Exchange;

/// A file of one ticker, and two sources: one knows the ticker, the other says that there is
/// nothing.
struct Scene {
    knows: Exchange,
    denies: Exchange,
    kind: Kind,
    asked: DateRange,
    ticker: Ticker,
    place: Place,
}

impl Scene {
    fn after_the_crash(kind: Kind) -> Self {
        let knows = Exchange::start(Config::synthetic(5).with_tickers(12)).expect("started");
        let denies = Exchange::start(Config::synthetic(5).with_tickers(3)).expect("started");
        let asked = days("2024-03-11", "2024-03-13");
        let ticker = universe(&knows, 12).pop().expect("a ticker");
        let place = Place::with_tickers([ticker.as_str()]);
        let scene = Self { knows, denies, kind, asked, ticker, place };
        scene.fetch(&scene.knows, &[]).expect_code(0);
        assert!(scene.file().exists(), "a ticker with rows");
        fs::remove_file(Ledger::path(&scene.place.outdir(), &scene.ticker)).expect("removed");
        scene
    }

    fn fetch(&self, source: &Exchange, more: &[&str]) -> Ended {
        let mut worker = self.place.worker_of(self.kind, &source.base_url(), self.asked);
        run(worker.args(more))
    }

    fn file(&self) -> std::path::PathBuf {
        Partition::of(self.kind, self.asked.from()).file(
            &self.place.outdir(),
            &self.ticker,
            self.kind,
        )
    }
}

#[test]
fn a_source_that_denies_rows_that_stand_there_fails_the_ticker_by_name_until_it_brings_them() {
    let ways: [(Kind, &[&str]); 4] = [
        (Kind::Trades, &["--resume"]),
        (Kind::Minute, &["--resume"]),
        (Kind::Daily, &["--resume", "--via", "ticker"]),
        (Kind::Daily, &["--resume", "--via", "grouped"]),
    ];
    for (kind, way) in ways {
        let scene = Scene::after_the_crash(kind);
        let before = tree::parquet_bytes(&scene.place.outdir());
        for _ in 0..2 {
            let said = scene.fetch(&scene.denies, way).expect_code(11).stderr;
            assert!(said.contains("rows were there that no file proves now"), "{way:?}: {said}");
            assert!(
                said.contains("2024-03-11") && said.contains("move the folder"),
                "{way:?}: {said}"
            );
            assert_eq!(tree::parquet_bytes(&scene.place.outdir()), before, "{way:?}: they stay");
        }
        scene.fetch(&scene.knows, way).expect_code(0);
        assert_eq!(tree::parquet_bytes(&scene.place.outdir()), before, "{way:?}");
        let asked = scene.knows.stats().total;
        scene.fetch(&scene.knows, way).expect_code(0);
        assert_eq!(scene.knows.stats().total, asked, "{way:?}: proven");
    }
}

#[test]
fn a_run_is_not_complete_while_its_source_denies_rows_that_stand_there() {
    let scene = Scene::after_the_crash(Kind::Trades);
    let mut start =
        scene.place.launcher_start_of(scene.kind, &scene.denies.base_url(), scene.asked);
    let ended = run(start.args(["--foreground", "--retries", "0"])).expect_code(1);
    let said = ended.stdout + &ended.stderr;
    says(&said, &[scene.ticker.as_str(), "rows were there"]);
}

//! Promise: files that pandas, pyarrow and polars wrote are gone on with like our own, and a tree that
//! is refused is left as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::zone::Zone;
use tests::harness::old_tree::{self, Rows, Writer};
use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, command, run};
use tests::harness::tree;
use tests::harness::truth::{daily_bars, minute_bars, trades, universe};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

/// An exchange, some of its tickers, and a tree of theirs that the old scripts left.
struct Scene {
    exchange: Exchange,
    tickers: Vec<Ticker>,
    place: Place,
    kind: Kind,
}

impl Scene {
    /// With the rows of `held` of all tickers, as `writer` writes them.
    fn new(writer: Writer, kind: Kind, zone: Zone, (tickers, held): (usize, DateRange)) -> Self {
        let exchange = Exchange::start(Config::synthetic(7).with_tickers(30)).expect("started");
        let tickers: Vec<Ticker> = universe(&exchange, tickers);
        let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
        let scene = Self { exchange, tickers, place, kind };
        old_tree::write(writer, kind, zone, &scene.rows(held), &scene.out());
        scene
    }

    fn out(&self) -> PathBuf {
        self.place.outdir()
    }

    fn rows(&self, held: DateRange) -> Rows {
        let own = |ticker: &Ticker| ticker.clone();
        let bars = |of: fn(&Exchange, &Ticker, DateRange) -> Vec<Ohlcv>| {
            Rows::Bars(
                self.tickers.iter().map(|it| (own(it), of(&self.exchange, it, held))).collect(),
            )
        };
        match self.kind {
            Kind::Daily => bars(daily_bars),
            Kind::Minute => bars(minute_bars),
            Kind::Trades => Rows::Trades(
                self.tickers.iter().map(|it| (own(it), trades(&self.exchange, it, held))).collect(),
            ),
        }
    }

    fn file(&self, ticker: usize, partition: &str) -> PathBuf {
        let partition: Partition = partition.parse().expect(partition);
        partition.file(&self.out(), &self.tickers[ticker], self.kind)
    }

    fn go_on(&self, asked: DateRange, more: &[&str]) -> Ended {
        let url = self.exchange.base_url();
        let mut start = self.place.launcher_start_of(self.kind, &url, asked);
        run(start.args(["--resume", "--foreground"]).args(more))
    }
}

/// What stands below `root`, folders too.
fn everything(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut all: BTreeMap<PathBuf, Option<Vec<u8>>> = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).expect("listed") {
            let path = entry.expect("listed").path();
            if path.is_dir() {
                pending.push(path.clone());
                all.insert(path, None);
            } else {
                let bytes = fs::read(&path).expect("read");
                all.insert(path, Some(bytes));
            }
        }
    }
    all
}

#[test]
fn a_tree_that_nobody_has_adopted_is_gone_on_with_all_the_same() {
    let held = days("2022-01-03", "2022-12-30");
    let asked = days("2022-06-01", "2023-03-31");
    for writer in Writer::all() {
        let scene = Scene::new(writer, Kind::Daily, Zone::NewYork, (3, held));
        scene.go_on(asked, &[]).expect_code(0);
        for ticker in &scene.tickers {
            let whole = daily_bars(&scene.exchange, ticker, days("2022-01-03", "2023-03-31"));
            assert!(tree::daily_rows(&scene.out(), ticker) == whole, "{writer:?}: {ticker}");
        }
    }
}

#[test]
fn a_tree_that_is_refused_is_left_as_it_was() {
    let held = days("2022-01-03", "2022-03-31");
    // Columns that are none of ours.
    let scene = Scene::new(Writer::Rust, Kind::Daily, Zone::NewYork, (2, held));
    for ticker in 0..2 {
        let prices = Arc::new(Float64Array::from(vec![1.0])) as ArrayRef;
        old_tree::write_file(&scene.file(ticker, "year=2022"), vec![("close", prices)]);
    }
    let before = everything(&scene.out());
    let said = scene.go_on(held, &[]).expect_code(2).stderr;
    assert!(said.contains("close Float64") && said.contains("nothing was changed"), "{said}");
    let mut worker = scene.place.worker(&scene.exchange.base_url(), held);
    let said = run(&mut worker).expect_code(2).stderr;
    assert!(said.contains("close Float64"), "{said}");
    assert_eq!(everything(&scene.out()), before);
}

#[test]
fn bars_are_the_same_bytes_whoever_wrote_their_input() {
    for (kind, root, held) in [
        (Kind::Trades, "--trades-root", days("2024-03-04", "2024-03-08")),
        (Kind::Minute, "--agg1m-root", days("2024-03-04", "2024-03-08")),
    ] {
        let bars_of = |scene: &Scene| {
            let bars = scene.place.path().join("bars");
            let mut build = command("bars");
            build.arg(root).arg(scene.out()).arg("--outdir").arg(&bars);
            build.args(["--ticker", scene.tickers[0].as_str(), "--mode", "DB"]);
            build.args(["--target", "50000", "--from", "2024-03-04", "--to", "2024-03-08"]);
            run(&mut build).expect_code(0);
            tree::parquet_bytes(&bars)
        };
        let clean = Scene::new(Writer::Rust, kind, Zone::NewYork, (1, held));
        fs::remove_dir_all(clean.out()).expect("removed");
        let url = clean.exchange.base_url();
        run(&mut clean.place.worker_of(kind, &url, held)).expect_code(0);
        let expected = bars_of(&clean);
        assert_eq!(expected.len(), 1, "a file of bars");
        for writer in Writer::all() {
            let scene = Scene::new(writer, kind, Zone::NewYork, (1, held));
            assert!(bars_of(&scene) == expected, "{kind} by {writer:?}");
        }
    }
}

//! Promise: a tree that the old Python scripts wrote is certified as far as files and calendar can
//! tell, without a request and without a change to a data file; a run that goes on with it brings
//! the rest, and nothing of what was proven. Afterwards it has the rows of a clean download. A tree
//! that is refused is left as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
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

    fn adopt(&self, more: &[&str]) -> Ended {
        let mut verify = command("launcher");
        verify.current_dir(self.place.path()).args(["verify", "--adopt", "--outdir"]);
        run(verify.arg(self.out()).args(more))
    }

    fn go_on(&self, asked: DateRange, more: &[&str]) -> Ended {
        let url = self.exchange.base_url();
        let mut start = self.place.launcher_start_of(self.kind, &url, asked);
        run(start.args(["--resume", "--foreground"]).args(more))
    }

    /// Every ticker has what a clean download of `asked` brings.
    fn is_as_downloaded(&self, asked: DateRange, case: &str) {
        self.is_as_downloaded_in(Zone::NewYork, asked, case);
    }

    /// The same of the days of a zone.
    fn is_as_downloaded_in(&self, zone: Zone, asked: DateRange, case: &str) {
        for ticker in &self.tickers {
            match self.kind {
                Kind::Daily | Kind::Minute => {
                    let truth = if self.kind == Kind::Daily { daily_bars } else { minute_bars };
                    let mut expected = truth(&self.exchange, ticker, asked);
                    let is_asked = |day| asked.contains(day);
                    expected.retain(|bar| zone.day_of_ms(bar.t).is_some_and(is_asked));
                    let found = tree::bars(&self.out(), self.kind, ticker);
                    assert!(found == expected, "{case}: {ticker} has other rows");
                }
                Kind::Trades => {
                    let expected = trades(&self.exchange, ticker, asked);
                    let found = tree::trades(&self.out(), ticker);
                    assert!(found == expected, "{case}: {ticker} has other trades");
                }
            }
            assert!(tree::is_proven(&self.out(), self.kind, ticker, asked), "{case}: {ticker}");
        }
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
fn daily_bars_are_proven_session_by_session_and_only_the_rest_is_asked_for() {
    let held = days("2021-01-04", "2023-06-30");
    let asked = days("2021-01-04", "2023-12-29");
    for writer in Writer::all() {
        let case = format!("{writer:?}");
        let scene = Scene::new(writer, Kind::Daily, Zone::NewYork, (8, held));
        // Of those that have traded in all these years.
        let traded = |it: &usize| scene.file(*it, "year=2021").exists();
        let [one, other]: [usize; 2] =
            (0..8).filter(traded).take(2).collect::<Vec<_>>().try_into().expect("two");
        let gone = scene.file(one, "year=2022");
        fs::remove_file(&gone).expect("removed");
        let cut = scene.file(other, "year=2021");
        let bytes = fs::read(&cut).expect("read");
        fs::write(&cut, &bytes[..bytes.len() / 2]).expect("written");
        let marker = gone.with_file_name("empty.parquet");
        fs::write(&marker, b"").expect("written");
        fs::write(scene.out().join("_SUCCESS"), b"").expect("written");
        let data = tree::parquet_bytes(&scene.out());

        let said = scene.adopt(&[]).expect_code(4).stdout;
        assert_eq!(tree::parquet_bytes(&scene.out()), data, "{case}: no data file is changed");
        assert_eq!(scene.exchange.stats().total, 0, "{case}: nothing is asked");
        for words in ["daily, America/New_York days", "empty.parquet", "no whole Parquet files"] {
            assert!(said.contains(words), "{case}: {words}: {said}");
        }
        for ticker in &scene.tickers {
            let ledger = Ledger::read(&scene.out(), Kind::Daily, ticker).expect("sound");
            assert_eq!(ledger.answered(), ledger.adopted(), "{case}: {ticker}");
        }
        let bars = |it: &Ticker| daily_bars(&scene.exchange, it, asked).len() as u64;
        let rows: u64 = scene.tickers.iter().map(bars).sum();
        scene.go_on(asked, &[]).expect_code(0);
        scene.is_as_downloaded(asked, &case);
        let mut deep = command("launcher");
        deep.args(["verify", "--deep", "--from", "2021-01-04", "--to", "2023-12-29", "--outdir"]);
        let said = run(deep.arg(scene.out())).stdout;
        assert!(said.contains("every file was read"), "{case}: {said}");
        assert!(!said.contains("DAMAGED") && !said.contains("wrong-columns"), "{case}: {said}");
        let stats = scene.exchange.stats();
        let (brought, requests) = (stats.rows, stats.requests["aggs/day"]);
        // Holes of those who hardly trade share a request, which brings what lies between them too.
        assert!(
            brought * 3 < rows * 2 && requests <= 16,
            "{case}: {brought} of {rows}, {requests}"
        );
    }
}

#[test]
fn a_session_that_is_missing_in_the_middle_is_asked_for_alone() {
    let held = days("2021-01-04", "2021-12-31");
    let mut scene = Scene::new(Writer::Rust, Kind::Daily, Zone::NewYork, (1, held));
    let gap = days("2021-05-11", "2021-05-11");
    let mut all = daily_bars(&scene.exchange, &scene.tickers[0], held);
    let before = all.len();
    all.retain(|bar| Zone::NewYork.day_of_ms(bar.t) != Some(gap.from()));
    assert_eq!(all.len() + 1, before, "it has traded on that day");
    let rows = Rows::Bars(vec![(scene.tickers[0].clone(), all)]);
    scene.place = Place::with_tickers(scene.tickers.iter().map(Ticker::as_str));
    old_tree::write(Writer::Rust, Kind::Daily, Zone::NewYork, &rows, &scene.out());

    scene.adopt(&[]).expect_code(4);
    let ledger = Ledger::read(&scene.out(), Kind::Daily, &scene.tickers[0]).expect("sound");
    let asked = days("2021-01-04", "2021-12-30");
    let proven = ledger.adopted().intersection(&asked.into()).days();
    assert_eq!(proven + 1, u64::from(asked.days()));
    assert!(!ledger.adopted().contains(gap.from()));
    scene.go_on(asked, &[]).expect_code(0);
    let stats = scene.exchange.stats();
    // The launcher looks before it begins whether the source answers.
    assert_eq!((stats.requests["aggs/day"], stats.rows), (1, 2), "one request, for one bar");
    let ticker = &scene.tickers[0];
    assert!(tree::daily_rows(&scene.out(), ticker) == daily_bars(&scene.exchange, ticker, held));
    assert!(tree::is_proven(&scene.out(), Kind::Daily, ticker, asked));
}

#[test]
fn minutes_in_utc_days_are_known_as_such_and_proven_by_the_source_alone() {
    let held = days("2024-01-02", "2024-02-15");
    let asked = days("2024-01-02", "2024-02-29");
    for writer in Writer::all() {
        let case = format!("{writer:?}");
        let scene = Scene::new(writer, Kind::Minute, Zone::Utc, (3, held));
        let said = scene.adopt(&[]).expect_code(4).stdout;
        assert!(said.contains("minute, UTC days"), "{case}: {said}");
        assert!(said.contains("only the source knows"), "{case}: {said}");
        let refused = scene.go_on(asked, &[]).expect_code(2).stderr;
        assert!(refused.contains("time zone UTC"), "{case}: {refused}");
        scene.go_on(asked, &["--tz", "UTC"]).expect_code(0);
        scene.is_as_downloaded_in(Zone::Utc, asked, &case);
    }
}

#[test]
fn minutes_and_trades_may_be_believed_on_their_looks_and_are_not_asked_for_again() {
    for (kind, held, asked) in [
        (Kind::Minute, days("2024-01-02", "2024-02-15"), days("2024-01-02", "2024-02-16")),
        (Kind::Trades, days("2024-03-04", "2024-03-11"), days("2024-03-04", "2024-03-12")),
    ] {
        for writer in Writer::all() {
            let case = format!("{kind} {writer:?}");
            let scene = Scene::new(writer, kind, Zone::NewYork, (3, held));
            let said = scene.adopt(&["--believe-sessions"]).expect_code(4).stdout;
            assert!(said.contains("believed, not proven"), "{case}: {said}");
            assert_eq!(scene.exchange.stats().total, 0, "{case}: nothing is asked");
            scene.go_on(asked, &[]).expect_code(0);
            scene.is_as_downloaded(asked, &case);
            let rows: u64 = scene
                .tickers
                .iter()
                .map(|ticker| match kind {
                    Kind::Trades => trades(&scene.exchange, ticker, asked).len() as u64,
                    Kind::Daily | Kind::Minute => {
                        minute_bars(&scene.exchange, ticker, asked).len() as u64
                    }
                })
                .sum();
            let brought = scene.exchange.stats().rows;
            assert!(brought * 2 < rows, "{case}: {brought} of {rows} rows");
        }
    }
}

#[test]
fn a_second_adoption_finds_what_the_first_one_wrote_and_changes_nothing() {
    let held = days("2021-01-04", "2022-06-30");
    let scene = Scene::new(Writer::Rust, Kind::Daily, Zone::NewYork, (3, held));
    scene.adopt(&[]).expect_code(4);
    let before = everything(&scene.out());
    let said = scene.adopt(&[]).stdout;
    assert!(said.contains("a ledger tells of already"), "{said}");
    assert_eq!(everything(&scene.out()), before);
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

    // Two kinds of data in one tree; and none.
    let minutes = scene.out().join("AAA/year=2022/month=03/minute.parquet");
    fs::create_dir_all(minutes.parent().expect("a folder")).expect("made");
    fs::write(&minutes, b"PAR1").expect("written");
    let before = everything(&scene.out());
    let said = scene.adopt(&[]).expect_code(2).stderr;
    assert!(said.contains("holds daily and minute files"), "{said}");
    assert_eq!(everything(&scene.out()), before);
    let nothing = Place::with_tickers(["AAA"]);
    fs::create_dir_all(nothing.outdir().join("AAA/year=2022")).expect("made");
    let mut verify = command("launcher");
    let said = run(verify.args(["verify", "--adopt", "--outdir"]).arg(nothing.outdir()));
    let said = said.expect_code(2).stderr;
    assert!(said.contains("year=YYYY/daily.parquet"), "{said}");
    assert_eq!(everything(&nothing.outdir()).len(), 2);
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

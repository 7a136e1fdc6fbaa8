//! Promise: one bad bar holds up nothing but its own partition. The rest is in place, the bad one
//! is named, only that one is asked for again, and the requests that it costs are bounded. What
//! does not come as a whole is in `pieces`.

mod pieces;

use std::os::unix::fs::PermissionsExt;

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use tests::harness::place::{Place, days};
use tests::harness::program::{SECRET, run};
use tests::harness::says::says;
use tests::harness::tree;
use tests::harness::truth::{daily_bars, minute_bars, trades, universe};
use tests::sim::config::Config;
use tests::sim::defects::Defect;
use tests::sim::server::Exchange;

/// What a page that lies costs alone: it is asked for, again, and once more with parameters of our
/// own.
const LIES: u64 = 3;

struct Scene {
    exchange: Exchange,
    ticker: Ticker,
    place: Place,
    kind: Kind,
    asked: DateRange,
}

impl Scene {
    /// The first ticker of the universe, and something that is wrong with it for good.
    fn new(
        config: Config,
        kind: Kind,
        asked: DateRange,
        defect: impl FnOnce(Ticker) -> Defect,
    ) -> Self {
        let config = config.with_tickers(4);
        let exchange = Exchange::start(config.clone()).expect("started");
        let ticker = universe(&exchange, 1).remove(0);
        let exchange =
            Exchange::start(config.with_defect(defect(ticker.clone()))).expect("started");
        let place = Place::with_tickers([ticker.as_str()]);
        Self { exchange, ticker, place, kind, asked }
    }

    /// Runs the worker to its end with `code`; returns what it said and how many requests it sent.
    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> (String, u64) {
        let before = self.exchange.stats().total;
        let mut worker = self.place.worker_of(self.kind, &self.exchange.base_url(), self.asked);
        let said = run(worker.args(arguments)).expect_code(code).stderr;
        (said, self.exchange.stats().total - before)
    }

    /// The partitions in which nothing is missing.
    fn in_place(&self) -> Vec<Partition> {
        let is_proven = |partition: &Partition| {
            let days = partition.span().intersection(self.asked).expect("asked for");
            tree::is_proven(&self.place.outdir(), self.kind, &self.ticker, days)
        };
        Partition::within(self.kind, self.asked).filter(is_proven).collect()
    }

    fn all_but(&self, day: &str) -> Vec<Partition> {
        let bad = Partition::of(self.kind, day.parse().expect("a day"));
        Partition::within(self.kind, self.asked).filter(|partition| *partition != bad).collect()
    }

    /// What the exchange has of minutes, without those of the partition of `day`.
    fn true_minutes_without(&self, day: &str) -> Vec<i64> {
        let bad = Partition::of(self.kind, day.parse().expect("a day")).span();
        let of = |t: i64| TradingDay::of_utc_ms(t).expect("a day");
        let bars = minute_bars(&self.exchange, &self.ticker, self.asked);
        bars.iter().map(|bar| bar.t).filter(|t| !bad.contains(of(*t))).collect()
    }

    fn minutes(&self) -> Vec<i64> {
        tree::bars(&self.place.outdir(), self.kind, &self.ticker).iter().map(|bar| bar.t).collect()
    }
}

fn two_years() -> DateRange {
    days("2023-01-01", "2024-12-31")
}

fn with_a_twin() -> Scene {
    // So that a page has several months and a chain several pages.
    let config = Config::synthetic(11).with_page_rows_max(3_000);
    let twin = |ticker| Defect::Twin(ticker, "2023-05-04".parse().expect("a day"));
    Scene::new(config, Kind::Minute, two_years(), twin)
}

#[test]
fn two_years_of_minutes_with_one_twin_have_23_of_24_months_in_place_and_the_24th_is_named() {
    let scene = with_a_twin();
    let pages =
        minute_bars(&scene.exchange, &scene.ticker, two_years()).len().div_ceil(3_000) as u64;
    assert!(pages > 2, "{pages} pages");
    let (said, requests) = scene.run(&[], 10);
    says(
        &said,
        &[
            "2023-05 could not be fetched: the source contradicts itself: two different rows",
            "; the other 23 months are in place",
        ],
    );
    assert_eq!(scene.in_place(), scene.all_but("2023-05-04"));
    assert_eq!(scene.minutes(), scene.true_minutes_without("2023-05-04"));
    // The chain up to the lie, the lie; what is before it; the bad month alone; what is behind it.
    let most = pages + 2 * LIES + 3;
    assert!(requests <= most, "{requests} requests for {pages} pages, at most {most}");

    let page =
        scene.place.outdir().join("_quarantine").join(format!("{}-2023-05.json", scene.ticker));
    says(&said, &[&page.display().to_string()]);
    let kept: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&page).expect("kept")).expect("a whole page");
    assert!(kept["results"].as_array().expect("rows").len() > 100);
    let mode = std::fs::metadata(&page).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    let about = std::fs::read_to_string(page.with_extension("about.json")).expect("kept");
    assert!(
        about.contains("/range/1/minute/")
            && about.contains("two different rows")
            && !about.contains(SECRET)
    );
    assert_eq!(tree::strays(&scene.place.outdir()), [] as [std::path::PathBuf; 0]);

    let (said, requests) = scene.run(&["--resume"], 10);
    assert_eq!(requests, LIES + 1, "only the bad month, and once more to be sure");
    says(&said, &["2023-05 could not be fetched"]);
}

#[test]
fn a_page_that_is_refused_is_not_kept_behind_a_link() {
    let scene = with_a_twin();
    let outside = scene.place.path().join("outside");
    std::fs::create_dir_all(scene.place.outdir()).expect("made");
    std::fs::create_dir(&outside).expect("made");
    std::os::unix::fs::symlink(&outside, scene.place.outdir().join("_quarantine")).expect("linked");
    // As if a writer of pages had died there. No kernel numbers a process like that.
    let of_others = outside.join("_page.json.2000000000.tmp");
    std::fs::write(&of_others, "half").expect("written");
    let (said, _) = scene.run(&[], 10);
    says(
        &said,
        &[
            "a refused page can't be kept: can't follow ",
            "/_quarantine",
            "; the other 23 months are in place",
        ],
    );
    assert_eq!(tree::files(&outside), [of_others], "nothing was written there, and nothing swept");
}

#[test]
fn month_by_month_a_twin_holds_up_its_own_month_only() {
    let scene = with_a_twin();
    let (said, requests) = scene.run(&["--window", "month"], 10);
    says(&said, &["2023-05 could not be fetched", "the other 23 months are in place"]);
    assert_eq!(scene.in_place(), scene.all_but("2023-05-04"));
    assert!(requests <= 23 + LIES + 1, "{requests}");
}

#[test]
fn with_duplicates_keep_last_or_first_a_twin_is_one_bar_and_all_24_months_are_in_place() {
    for (choice, which, more) in [("keep-last", "last", 1.0), ("keep-first", "first", 0.0)] {
        let scene = with_a_twin();
        let (said, _) = scene.run(&["--duplicates", choice], 0);
        let words = format!("1 bar came in two versions; the one sent {which} is kept");
        says(&said, &[&words]);
        let mut truth = minute_bars(&scene.exchange, &scene.ticker, two_years());
        let day = |t| TradingDay::of_utc_ms(t).expect("a day").to_string();
        let twin = truth.iter_mut().find(|bar| day(bar.t) == "2023-05-04").expect("it traded");
        twin.volume += more;
        assert_eq!(tree::bars(&scene.place.outdir(), Kind::Minute, &scene.ticker), truth);
        assert_eq!(scene.in_place().len(), 24);
        let path = Ledger::path(&scene.place.outdir(), &scene.ticker);
        let lines = std::fs::read_to_string(path).expect("a ledger");
        let noted: Vec<_> = lines.lines().filter(|line| line.contains("duplicates")).collect();
        let words = format!(r#""duplicates":{{"kept":"{choice}","rows":1}}"#);
        assert!(
            noted.len() == 1 && noted[0].contains("month=05") && noted[0].contains(&words),
            "{noted:?}"
        );
    }
    let scene = with_a_twin();
    let (said, _) = scene.run(&[], 10);
    assert!(
        said.contains("--duplicates keep-last, or keep-first, takes one of them"),
        "the way on is said: {said}"
    );
}

#[test]
fn a_trade_without_a_price_holds_up_its_own_day_only() {
    let bad = |ticker| Defect::TextPrice(ticker, "2024-01-18".parse().expect("a day"));
    let config = Config::synthetic(11).with_elephant_trades(1_000).with_page_rows_max(1_500);
    let scene = Scene::new(config, Kind::Trades, days("2024-01-02", "2024-02-09"), bad);
    let tries = 3;
    let (said, requests) = scene.run(&["--tries", "3"], 10);
    says(
        &said,
        &[
            "2024-01-18 could not be fetched: the server answered 200, but the body is not a page",
            "; the other 38 days are in place",
        ],
    );
    assert_eq!(scene.in_place(), scene.all_but("2024-01-18"));
    let truth: Vec<_> = trades(&scene.exchange, &scene.ticker, scene.asked);
    let is_of_bad_day = |ns: i64| TradingDay::of_utc_ns(ns) == "2024-01-18".parse().ok();
    let expected: Vec<_> = truth.iter().copied().filter(|print| !is_of_bad_day(print.0)).collect();
    assert_eq!(tree::trades(&scene.place.outdir(), &scene.ticker), expected);
    // Halving: six levels for 39 days, two tries each, and each good half at least a page.
    let pages = truth.len().div_ceil(1_500) as u64;
    let most = pages + 2 * tries + 2 * 6 + 6;
    assert!(requests <= most, "{requests} requests for {pages} pages, at most {most}");
}

#[test]
fn a_range_that_is_too_heavy_is_halved_until_the_source_serves_it() {
    let asked = days("2005-01-03", "2024-12-31");
    let scene = Scene::new(Config::synthetic(11), Kind::Daily, asked, |_| Defect::TooHeavy(1_000));
    let (said, requests) = scene.run(&["--tries", "3"], 0);
    says(&said, &["504"]);
    assert_eq!(scene.in_place().len(), 20);
    let truth = daily_bars(&scene.exchange, &scene.ticker, asked);
    assert_eq!(tree::daily_rows(&scene.place.outdir(), &scene.ticker), truth);
    // The tries and a small question; twice for each of at most five levels, since the size is
    // remembered; and the pieces of one to two years that are served.
    assert!(requests <= 3 + 1 + 5 * 2 + 14, "{requests}");
}

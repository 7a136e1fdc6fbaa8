//! Promise: `verify --audit N` asks the source again for what chance has drawn and for nothing
//! else, tells a revision of the source from damage here, and says what its sample proves.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use tests::harness::damage;
use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, command, run};
use tests::harness::tree;
use tests::harness::truth;
use tests::sim::config::Config;
use tests::sim::server::Exchange;

const JANUARY: Partition = Partition::Month(2024, 1);

/// A tree of minutes: so many tickers and three months.
struct Scene {
    exchange: Exchange,
    tickers: Vec<Ticker>,
    asked: DateRange,
    place: Place,
}

impl Scene {
    fn new(count: usize) -> Self {
        let exchange = Exchange::start(Config::synthetic(5).with_tickers(60)).expect("started");
        let asked = days("2024-01-02", "2024-03-28");
        let lively = |ticker: &Ticker| {
            [days("2024-01-02", "2024-01-05"), days("2024-03-25", "2024-03-28")].iter().all(
                |days| (20..2_000).contains(&truth::minute_bars(&exchange, ticker, *days).len()),
            )
        };
        let tickers: Vec<Ticker> =
            truth::universe(&exchange, 60).into_iter().filter(lively).take(count).collect();
        assert_eq!(tickers.len(), count, "as many lively tickers");
        let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
        let mut worker = place.worker_of(Kind::Minute, &exchange.base_url(), asked);
        run(worker.arg("--resume")).expect_code(0);
        Self { exchange, tickers, asked, place }
    }

    fn verify(&self, more: &[&str]) -> Ended {
        let mut verify = command("launcher");
        verify.current_dir(self.place.path()).arg("verify");
        verify.arg("--outdir").arg(self.place.outdir());
        verify.arg("--tickers-csv").arg(self.place.tickers_csv());
        verify.args(["--from", &self.asked.from().to_string()]);
        verify.args(["--to", &self.asked.to().to_string()]);
        verify.arg("--workdir").arg(self.place.workdir());
        verify.args(["--base-url", &self.exchange.base_url(), "--backoff-base", "5ms"]);
        run(verify.args(more))
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        tree::parquet_bytes(&self.place.outdir())
    }

    fn file(&self, ticker: &Ticker) -> PathBuf {
        JANUARY.file(&self.place.outdir(), ticker, Kind::Minute)
    }

    /// A price that the source has revised since: the file is what its line says, and both say
    /// something else than the source does.
    fn plant_revision(&self, ticker: &Ticker) {
        damage::rewrite_bars(&self.place.outdir(), ticker, JANUARY, |rows| {
            rows[3].bar.volume += 100.0;
            rows.remove(9);
        });
    }
}

#[test]
fn a_sample_that_is_the_same_proves_a_bound_and_leaves_nothing_behind() {
    let scene = Scene::new(2);
    let before = scene.files();
    let asked = scene.exchange.stats().total;
    let ended = scene.verify(&["--audit", "100", "--seed", "7"]);
    let said = ended.stdout;
    assert!(matches!(ended.status.code(), Some(0 | 3)), "{said}\n{}", ended.stderr);
    assert!(said.contains("100 of "), "{said}");
    assert!(said.contains("every partition with rows was drawn: 0 of 6 differ"), "{said}");
    assert_eq!(scene.exchange.stats().total, asked + 6, "each of the months once, and no other");
    assert!(scene.files() == before);
    assert_eq!(tree::files(&scene.place.workdir()), [] as [PathBuf; 0], "nothing is left");

    let ended = scene.verify(&["--audit", "2", "--seed", "1", "--audit-by", "partitions"]);
    let said = ended.stdout;
    assert!(said.contains("2 partitions of 6 drawn by chance (--seed 1)"), "{said}");
    assert!(said.contains("with 95 % confidence at most 67 % of the partitions differ"), "{said}");
    assert_eq!(scene.exchange.stats().total, asked + 8, "two more");
}

#[test]
fn a_revision_is_told_from_damage_and_a_repair_takes_what_the_source_says_now() {
    let scene = Scene::new(2);
    let truth = scene.files();
    scene.plant_revision(&scene.tickers[0]);
    let audit = ["--audit", "6", "--seed", "3", "--audit-by", "partitions"];
    let ended = scene.verify(&audit).expect_code(6);
    let revised = format!("{} 2024-01: revised: 1 row changed, 1 row only there", scene.tickers[0]);
    for expected in [revised.as_str(), "1 revised by the source since", "--repair=suspect"] {
        assert!(ended.stdout.contains(expected), "{expected}\n{}", ended.stdout);
    }

    // A byte in the middle: its length is what it was.
    let other = scene.file(&scene.tickers[1]);
    let mut bytes = fs::read(&other).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(&other, bytes).expect("written");
    let said = scene.verify(&audit).expect_code(5).stdout;
    let damaged = format!("{} 2024-01: damaged: its content is not", scene.tickers[1]);
    for expected in [revised.as_str(), &damaged, "1 damaged here"] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }

    let ended = scene.verify(&[&audit[..], &["--repair=suspect"]].concat());
    assert!(matches!(ended.status.code(), Some(0 | 3)), "{}\n{}", ended.stdout, ended.stderr);
    assert!(scene.files() == truth, "as the source says now");
    let said = ended.stdout;
    for expected in [
        "audit of minute before the repair (--seed 3): 2 of 6 partitions drawn differed",
        "replaced 2 files: ",
        &format!("{} 2024-01: rows ", scene.tickers[0]),
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(!said.contains("1 revised by the source since"), "the old audit is not told: {said}");
    let kept = tree::files(&scene.place.outdir().join("_set_aside"));
    assert_eq!(kept.len(), 2, "{kept:?}");
}

#[test]
fn a_tree_of_another_source_is_not_audited() {
    let scene = Scene::new(1);
    let path = scene.place.outdir().join("_dataset.json");
    let text = fs::read_to_string(&path).expect("read");
    fs::write(&path, text.replace("127.0.0.1", "massive.com")).expect("written");
    let said = scene.verify(&["--audit", "3"]).expect_code(2).stderr;
    assert!(said.contains("holds data of massive.com, and the source given (--base-url or POLYGON_BASE_URL) is 127.0.0.1"), "{said}");
}

#[test]
fn the_run_that_made_a_tree_says_whom_an_audit_asks() {
    let scene = Scene::new(1);
    let base = scene.exchange.base_url();
    let mut start = scene.place.launcher_start_of(Kind::Minute, &base, scene.asked);
    run(start.args(["--foreground", "--resume"])).expect_code(0);
    let audit = |workdir: PathBuf| {
        let mut verify = command("launcher");
        verify.current_dir(scene.place.path()).args(["verify", "--audit", "9", "--workdir"]);
        verify.arg(workdir);
        verify
    };
    let ended = run(&mut audit(scene.place.workdir()));
    let said = ended.stdout + &ended.stderr;
    assert!(matches!(ended.status.code(), Some(0 | 3)), "{said}");
    assert!(said.contains("the same"), "{said}");

    // No run says so, and nobody gave a source: no --base-url is blamed.
    let mut alone = audit(scene.place.path().join("elsewhere"));
    alone.arg("--outdir").arg(scene.place.outdir()).args(["--from", "2024-01-02"]);
    let said = run(&mut alone).expect_code(2).stderr;
    assert!(said.contains("unless told otherwise is massive.com: give --base-url"), "{said}");
}

#[test]
fn what_the_source_does_not_bring_is_not_called_the_same() {
    let scene = Scene::new(1);
    let denies = Exchange::start(Config::synthetic(5).with_tickers(1)).expect("started");
    let base = denies.base_url();
    let mut verify = command("launcher");
    verify.current_dir(scene.place.path()).arg("verify");
    verify.arg("--outdir").arg(scene.place.outdir());
    verify.args(["--from", "2024-01-02", "--to", "2024-03-28", "--audit", "20", "--seed", "1"]);
    verify.arg("--workdir").arg(scene.place.workdir()).args(["--base-url", &base]);
    let said =
        run(verify.arg("--tickers-csv").arg(scene.place.tickers_csv())).expect_code(6).stdout;
    assert!(said.contains("rows only here"), "a source that has none of them any more: {said}");
}

//! Promise: no day is believed whose rows are not on disk, whatever the source says today, whose
//! folder it was yesterday and what the clock said; and no file of ours needs a person.

use std::fs::{self};
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use shared::dataset::answers::Answer;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{Entry, Ledger};
use shared::dataset::partition::Partition;
use shared::disk::checked_lines;
use shared::market::ticker::Ticker;
use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, run};
use tests::harness::says::says;
use tests::harness::tree;
use tests::harness::truth::{self, universe};
use tests::sim::config::Config;
use tests::sim::revising::{Change, change};
use tests::sim::server::Exchange;

const SEED: u64 = 11;

/// Two tickers with trades on one day.
pub(crate) struct Scene {
    pub(crate) exchange: Exchange,
    pub(crate) tickers: Vec<Ticker>,
    pub(crate) place: Place,
    pub(crate) day: DateRange,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let exchange =
            Exchange::start(Config::synthetic(5).with_tickers(12).revising(SEED)).expect("started");
        let day = days("2024-03-11", "2024-03-11");
        let trades = |ticker: &Ticker| truth::trades(&exchange, ticker, day).len();
        let busy = |ticker: &Ticker| (20..2_000).contains(&trades(ticker));
        let tickers: Vec<Ticker> =
            universe(&exchange, 12).into_iter().filter(busy).take(2).collect();
        assert_eq!(tickers.len(), 2);
        let place = Place::with_tickers(tickers.iter().take(1).map(Ticker::as_str));
        Self { exchange, tickers, place, day }
    }

    pub(crate) fn fetch(&self, arguments: &[&str]) -> Ended {
        let mut worker = self.place.worker_of(Kind::Trades, &self.exchange.base_url(), self.day);
        run(worker.args(arguments))
    }

    pub(crate) fn file(&self, ticker: &Ticker) -> PathBuf {
        Partition::Day(self.day.from()).file(&self.place.outdir(), ticker, Kind::Trades)
    }

    pub(crate) fn ledger(&self, ticker: &Ticker) -> PathBuf {
        Ledger::path(&self.place.outdir(), ticker)
    }

    /// Turns to an epoch that does this to the day of the first ticker.
    pub(crate) fn turn_to(&self, wanted: Change) {
        let is_it =
            |epoch: &u64| change(SEED, *epoch, self.tickers[0].as_str(), self.day.from()) == wanted;
        self.exchange.turn_to_epoch((0..1_000).find(is_it).expect("some epoch does it"));
    }

    pub(crate) fn check(&self) {
        let truth = truth::trades(&self.exchange, &self.tickers[0], self.day);
        assert_eq!(tree::trades(&self.place.outdir(), &self.tickers[0]), truth);
    }

    pub(crate) fn launch(&self, more: &[&str]) -> Ended {
        let mut start =
            self.place.launcher_start_of(Kind::Trades, &self.exchange.base_url(), self.day);
        run(start.args(["--foreground", "--retries", "0"]).args(more))
    }
}

/// Rewrites every line of a ledger.
pub(crate) fn rewrite(path: &PathBuf, change: impl Fn(Entry) -> Entry) {
    let entries: Vec<Entry> = checked_lines::read(path).expect("a ledger").entries;
    let lines: String =
        entries.into_iter().map(|entry| checked_lines::encode(&change(entry))).collect();
    fs::write(path, lines).expect("written");
}

#[test]
fn a_day_that_had_trades_is_not_believed_to_be_empty_when_its_file_is_gone() {
    let scene = Scene::new();
    let ticker = &scene.tickers[0];
    scene.fetch(&["--resume"]).expect_code(0);
    let rows = tree::trades(&scene.place.outdir(), ticker).len();

    scene.turn_to(Change::Vanished);
    let said = scene.fetch(&[]).expect_code(0).stderr;
    let kept =
        format!("2024-03-11: the source now sends nothing; the {rows} rows on disk are kept");
    says(&said, &[&kept]);
    assert_eq!(tree::trades(&scene.place.outdir(), ticker).len(), rows);

    fs::remove_file(scene.file(ticker)).expect("removed");
    let said = scene.fetch(&["--resume"]).expect_code(11).stderr;
    let lost = format!(
        "2024-03-11: {rows} rows were there that no file proves now, and the source sends 0"
    );
    says(&said, &[&lost]);
    let asked = scene.exchange.stats().total;
    scene.fetch(&["--resume"]).expect_code(11);
    assert_eq!(scene.exchange.stats().total, asked + 1, "asked for again by every run");

    scene.turn_to(Change::Nothing);
    scene.fetch(&["--resume"]).expect_code(0);
    scene.check();
}

#[test]
fn fewer_trades_than_were_lost_are_published_but_the_day_stays_open_until_all_are_there() {
    let scene = Scene::new();
    let ticker = &scene.tickers[0];
    scene.fetch(&["--resume"]).expect_code(0);
    let rows = tree::trades(&scene.place.outdir(), ticker).len();
    fs::remove_file(scene.file(ticker)).expect("removed");
    scene.turn_to(Change::Shorter);
    for _ in 0..2 {
        let said = scene.fetch(&["--resume"]).expect_code(11).stderr;
        says(&said, &[&format!("2024-03-11: {rows} rows were there that no file proves now")]);
        scene.check();
    }
    // Who says the same for a day is believed.
    rewrite(&scene.ledger(ticker), |mut entry| {
        if let Some(witness) = entry.loss.as_mut().and_then(|loss| loss.witness.as_mut()) {
            witness.since -= SignedDuration::from_hours(25);
        }
        entry
    });
    scene.fetch(&["--resume"]).expect_code(0);
    scene.check();
}

#[test]
fn a_healthy_day_is_replaced_by_the_newest_answer_and_both_counts_are_said() {
    let scene = Scene::new();
    scene.fetch(&["--resume"]).expect_code(0);
    let had = tree::trades(&scene.place.outdir(), &scene.tickers[0]).len();
    scene.turn_to(Change::Shorter);
    let said = scene.fetch(&[]).expect_code(0).stderr;
    scene.check();
    let has = tree::trades(&scene.place.outdir(), &scene.tickers[0]).len();
    says(&said, &[&format!("now answers {has} rows where it had {had}")]);
}

#[test]
fn a_crash_between_a_revised_file_and_its_line_needs_nobody() {
    for wanted in [Change::Price, Change::Shorter] {
        let scene = Scene::new();
        let path = scene.ledger(&scene.tickers[0]);
        scene.fetch(&["--resume"]).expect_code(0);
        let before = fs::read(&path).expect("read");
        scene.turn_to(wanted);
        scene.fetch(&[]).expect_code(0);
        fs::write(&path, before).expect("the crash: the file is new, its line is not there");
        scene.fetch(&[]).expect_code(0);
        scene.check();
        scene.fetch(&["--resume"]).expect_code(0);
    }
}

#[test]
fn trades_of_another_ticker_in_our_place_are_left_alone() {
    let scene = Scene::new();
    let [ours, other] = &scene.tickers[..] else { panic!("two") };
    scene.fetch(&["--resume"]).expect_code(0);
    let theirs = fs::read(scene.file(ours)).expect("read");
    let name = format!("ticker\n{other}\n");
    fs::write(scene.place.tickers_csv(), name).expect("written");
    fs::create_dir_all(scene.file(other).parent().expect("a folder")).expect("made");
    fs::write(scene.file(other), &theirs).expect("written");
    let said = scene.fetch(&["--resume"]).expect_code(11).stderr;
    says(&said, &[&format!("a row of {ours} in a file of {other}")]);
    assert_eq!(fs::read(scene.file(other)).expect("read"), theirs);
}

#[test]
fn a_folder_that_was_moved_copied_or_linked_proves_nothing_of_another_ticker() {
    let old_lines = |entry: Entry| Entry { ticker: None, ..entry };
    for lines_name_their_ticker in [true, false] {
        let scene = Scene::new();
        let [ours, other] = &scene.tickers[..] else { panic!("two") };
        let folder = |ticker: &Ticker| scene.place.outdir().join(ticker.as_str());
        scene.fetch(&["--resume"]).expect_code(0);
        if !lines_name_their_ticker {
            rewrite(&scene.ledger(ours), old_lines);
            let asked = scene.exchange.stats().total;
            scene.fetch(&["--resume"]).expect_code(0);
            assert_eq!(scene.exchange.stats().total, asked, "old lines count in their own place");
        }
        let before = tree::bytes(&folder(ours));
        fs::rename(folder(ours), folder(other)).expect("moved");
        fs::write(scene.place.tickers_csv(), format!("ticker\n{other}\n")).expect("written");
        let said = scene.fetch(&["--resume"]).expect_code(11).stderr;
        let foreign = format!("_ledger.jsonl was written for {ours}");
        says(&said, &[&foreign, &format!("nothing of {other}")]);
        assert_eq!(tree::bytes(&folder(other)), before, "no row is touched");
        let ended = scene.launch(&["--resume"]);
        assert_ne!(ended.code(), Some(0), "{}", ended.stdout);
        assert!(
            ended.stdout.contains("0 / 1 verified") || ended.stderr.contains(&foreign),
            "{}",
            ended.stdout
        );

        // Two spellings that are one folder.
        fs::rename(folder(other), folder(ours)).expect("moved back");
        std::os::unix::fs::symlink(folder(ours), folder(other)).expect("linked");
        fs::write(scene.place.tickers_csv(), format!("ticker\n{ours}\n{other}\n"))
            .expect("written");
        scene.fetch(&["--max-workers", "1"]).expect_code(11);
        assert_eq!(
            tree::trades(&scene.place.outdir(), ours),
            truth::trades(&scene.exchange, ours, scene.day)
        );
    }
}

#[test]
fn what_a_clock_that_was_ahead_wrote_is_asked_again_once_it_is_right() {
    let scene = Scene::new();
    scene.fetch(&["--resume"]).expect_code(0);
    let soon = Timestamp::now() + SignedDuration::from_hours(48);
    let ahead = |mut entry: Entry| {
        let mut answers: Vec<Answer> = entry.answers.into();
        for answer in &mut answers {
            answer.asked_at = soon;
        }
        entry.answers = answers.into();
        entry
    };
    for arguments in [&["--resume"][..], &[]] {
        rewrite(&scene.ledger(&scene.tickers[0]), ahead);
        let before = scene.exchange.stats().total;
        scene.fetch(arguments).expect_code(0);
        assert_eq!(scene.exchange.stats().total, before + 1, "{arguments:?}");
        scene.check();
    }
}

#[test]
fn a_run_whose_clock_is_set_back_neither_downloads_again_nor_ends_incomplete() {
    let scene = Scene::new();
    scene.launch(&[]).expect_code(0);
    // As if all of it had been asked when the clock was a day ahead, or two days behind the
    // creation of the run.
    for hours in [24, -48] {
        rewrite(&scene.ledger(&scene.tickers[0]), |mut entry| {
            let mut answers: Vec<Answer> = entry.answers.into();
            for answer in &mut answers {
                answer.asked_at += SignedDuration::from_hours(hours);
            }
            entry.answers = answers.into();
            entry
        });
        let before = scene.exchange.stats().total;
        run(scene.place.launcher("start").args(["--resume", "--foreground"])).expect_code(0);
        let asked = scene.exchange.stats().total - before;
        assert!(asked <= 1, "the launcher itself asks once whether the key is good: {asked}");
    }
}

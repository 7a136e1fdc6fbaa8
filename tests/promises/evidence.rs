//! Promise: no day is believed whose rows are not on disk, whatever the source says today, whose
//! folder it was yesterday and what the clock said; and no file of ours needs a person.

use std::fs::{self, File, FileTimes};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

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
use tests::harness::tree;
use tests::harness::truth::{self, universe};
use tests::sim::config::Config;
use tests::sim::revising::{Change, change};
use tests::sim::server::Exchange;

const SEED: u64 = 11;

/// Two tickers with trades on one day.
struct Scene {
    exchange: Exchange,
    tickers: Vec<Ticker>,
    place: Place,
    day: DateRange,
}

impl Scene {
    fn new() -> Self {
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

    fn fetch(&self, arguments: &[&str]) -> Ended {
        let mut worker = self.place.worker_of(Kind::Trades, &self.exchange.base_url(), self.day);
        run(worker.args(arguments))
    }

    fn file(&self, ticker: &Ticker) -> PathBuf {
        Partition::Day(self.day.from()).file(&self.place.outdir(), ticker, Kind::Trades)
    }

    fn ledger(&self, ticker: &Ticker) -> PathBuf {
        Ledger::path(&self.place.outdir(), ticker)
    }

    /// Turns to an epoch that does this to the day of the first ticker.
    fn turn_to(&self, wanted: Change) {
        let is_it =
            |epoch: &u64| change(SEED, *epoch, self.tickers[0].as_str(), self.day.from()) == wanted;
        self.exchange.turn_to_epoch((0..1_000).find(is_it).expect("some epoch does it"));
    }

    fn check(&self) {
        let truth = truth::trades(&self.exchange, &self.tickers[0], self.day);
        assert_eq!(tree::trades(&self.place.outdir(), &self.tickers[0]), truth);
    }

    fn launch(&self, more: &[&str]) -> Ended {
        let mut start =
            self.place.launcher_start_of(Kind::Trades, &self.exchange.base_url(), self.day);
        run(start.args(["--foreground", "--retries", "0"]).args(more))
    }
}

/// Rewrites every line of a ledger.
fn rewrite(path: &PathBuf, change: impl Fn(Entry) -> Entry) {
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
    assert!(said.contains(&kept), "{said}");
    assert_eq!(tree::trades(&scene.place.outdir(), ticker).len(), rows);

    fs::remove_file(scene.file(ticker)).expect("removed");
    let said = scene.fetch(&["--resume"]).expect_code(11).stderr;
    let lost = format!(
        "2024-03-11: {rows} rows were there that no file proves now, and the source sends 0"
    );
    assert!(said.contains(&lost), "{said}");
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
        assert!(
            said.contains(&format!("2024-03-11: {rows} rows were there that no file proves now")),
            "{said}"
        );
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
    assert!(said.contains(&format!("now answers {has} rows where it had {had}")), "{said}");
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
    assert!(said.contains(&format!("a row of {ours} in a file of {other}")), "{said}");
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
        assert!(said.contains(&foreign) && said.contains(&format!("nothing of {other}")), "{said}");
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

/// Zeroes the middle of a file in place, and sets its time back: length, time and inode stay.
fn zero_unseen(path: &Path) {
    let found = fs::metadata(path).expect("there");
    let mut file = File::options().write(true).open(path).expect("opened");
    file.seek(SeekFrom::Start(found.len() / 2 - 8)).expect("there");
    file.write_all(&[0; 16]).expect("zeroed");
    file.set_times(FileTimes::new().set_modified(found.modified().expect("a time")))
        .expect("set back");
    let now = fs::metadata(path).expect("there");
    assert_eq!(
        (now.len(), now.ino(), now.modified().ok()),
        (found.len(), found.ino(), found.modified().ok())
    );
}

#[test]
fn what_was_zeroed_under_its_old_time_is_as_recorded_and_found_and_fetched_again_by_a_worker_that_checks()
 {
    let scene = Scene::new();
    scene.fetch(&["--resume"]).expect_code(0);
    let asked = || scene.exchange.stats().requests["trades"];
    let requests = asked();
    zero_unseen(&scene.file(&scene.tickers[0]));
    scene.fetch(&["--resume"]).expect_code(0);
    assert_eq!(asked(), requests, "as recorded");
    let said = scene.fetch(&["--resume", "--check"]).expect_code(0).stderr;
    assert!(
        said.contains("checked: 0 files are what was written (SHA-256), 0 bytes; 1 are not"),
        "{said}"
    );
    assert_eq!(asked(), requests + 1, "fetched again");
    scene.check();
    let said = scene.fetch(&["--resume", "--check"]).expect_code(0).stderr;
    assert!(said.contains("checked: 1 files are what was written"), "{said}");
    assert_eq!(asked(), requests + 1);
}

#[test]
fn a_check_of_a_complete_run_finds_what_length_time_and_inode_hide_and_says_what_it_has_read() {
    let scene = Scene::new();
    // One that the run finds proven and puts into no batch, and one that it fetches.
    scene.fetch(&["--resume"]).expect_code(0);
    let names: String = scene.tickers.iter().map(|ticker| format!("{ticker}\n")).collect();
    fs::write(scene.place.tickers_csv(), format!("ticker\n{names}")).expect("written");
    scene.launch(&["--resume"]).expect_code(0);
    let resume = |more: &[&str]| {
        let mut start = scene.place.launcher("start");
        run(start.args(["--resume", "--foreground"]).args(more)).expect_code(0).stdout
    };
    let why = || {
        let mut why = scene.place.launcher("why");
        run(why.arg(scene.tickers[0].as_str())).expect_code(0).stdout
    };
    let asked = || scene.exchange.stats().requests["trades"];
    let requests = asked();
    assert!(why().contains("files       1 as recorded (length, time and inode)\n"), "{}", why());

    let status = |more: &[&str]| run(scene.place.launcher("status").args(more));
    let said = status(&[]).expect_code(0).stdout;
    assert!(said.contains("\nas of       ") && said.contains(", when the run ended; "), "{said}");
    let said = status(&["--check"]).expect_code(0).stdout;
    assert!(
        said.contains("files       2 tickers checked at ")
            && said.contains(", when they were checked\n"),
        "{said}"
    );

    // A ledger that is gone, and a tree that is gone, prove nothing.
    let (ledger, outdir) = (scene.ledger(&scene.tickers[1]), scene.place.outdir());
    let away = scene.place.path().join("away");
    let is_told = |from: &Path, what: &str, tickers: u64| {
        fs::rename(from, &away).expect("moved");
        let ended = status(&["--check"]).expect_code(1);
        assert!(
            ended.stdout.contains(&format!("INCOMPLETE ({what} not prove it any more)")),
            "{ended:?}"
        );
        assert!(ended.stdout.contains(&format!(" {} / 2 verified", 2 - tickers)), "{ended:?}");
        let named =
            ended.stderr.matches(" was done, but its ledger does not prove it any more").count();
        assert_eq!(named as u64, tickers, "{ended:?}");
        assert_eq!(ended.stderr.contains("is its disk mounted?"), from == outdir, "{ended:?}");
        if from == outdir {
            let mut start = scene.place.launcher("start");
            let ended = run(start.args(["--resume", "--foreground"])).expect_code(13);
            assert!(
                ended
                    .stderr
                    .contains("2 tickers of this run were done in it: is its disk mounted?")
            );
            assert!(!outdir.exists(), "nothing is made in its place");
        }
        fs::rename(&away, from).expect("moved back");
        status(&["--check"]).expect_code(0);
    };
    is_told(&ledger, "1 ticker was done, but its ledger does", 1);
    is_told(&outdir, "2 tickers were done, but their ledgers do", 2);
    assert_eq!(asked(), requests, "a look asks nobody");

    // Of one the status tells, and the other is found by the next start.
    zero_unseen(&scene.file(&scene.tickers[0]));
    let ended = status(&["--check", "--json"]).expect_code(1);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(
        (&json["checked"]["damaged"], &json["tickers"]["checked"]),
        (&1.into(), &1.into()),
        "{json}"
    );
    assert!(
        ended.stderr.contains("warning: ") && ended.stderr.contains("SHA-256"),
        "{}",
        ended.stderr
    );
    assert_eq!(asked(), requests, "a look asks nobody");
    resume(&[]);
    assert_eq!(asked(), requests + 1, "and the next start fetches it again");
    let requests = asked();

    scene.tickers.iter().for_each(|ticker| zero_unseen(&scene.file(ticker)));
    let said = resume(&[]);
    assert!(
        said.contains("already complete") && said.contains("files       as recorded ("),
        "{said}"
    );
    assert_eq!(asked(), requests);
    let said = resume(&["--check"]);
    assert!(
        said.contains("against their SHA-256: 2 not what was written, to be fetched again"),
        "{said}"
    );
    assert_eq!(asked(), requests + 2, "both are fetched again: {said}");
    scene.check();
    assert!(
        why().contains("files       1 as recorded (length, time and inode)\n"),
        "fetched since: {}",
        why()
    );
}

#[test]
fn who_was_checked_and_not_fetched_since_is_said_to_be_checked() {
    let scene = Scene::new();
    let names: String = scene.tickers.iter().map(|ticker| format!("{ticker}\n")).collect();
    fs::write(scene.place.tickers_csv(), format!("ticker\n{names}")).expect("written");
    scene.launch(&[]).expect_code(0);
    let requests = scene.exchange.stats().requests["trades"];

    // Ledgers keep whole seconds: what was fetched in that of the check counts as fetched since.
    rewrite(&scene.ledger(&scene.tickers[0]), |mut entry| {
        let mut answers: Vec<Answer> = entry.answers.into();
        for answer in &mut answers {
            answer.asked_at -= SignedDuration::from_hours(1);
        }
        entry.answers = answers.into();
        entry
    });
    let mut start = scene.place.launcher("start");
    let said = run(start.args(["--resume", "--foreground", "--check"])).expect_code(0).stdout;
    assert!(said.contains("against their SHA-256: all are what was written"), "{said}");
    assert!(
        said.contains("files       2 tickers checked at ") && !said.contains("as recorded"),
        "{said}"
    );
    let mut why = scene.place.launcher("why");
    let why = run(why.arg(scene.tickers[0].as_str())).expect_code(0).stdout;
    assert!(why.contains("files       1 checked at ") && why.contains(" (SHA-256)\n"), "{}", why);
    assert_eq!(scene.exchange.stats().requests["trades"], requests);
    let json = run(scene.place.launcher("status").arg("--json")).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&json["tickers"]["checked"], &json["tickers"]["as_recorded"]),
        (&2.into(), &0.into()),
        "{json}"
    );
}

#[test]
fn a_tree_whose_ledgers_do_not_say_how_files_are_found_is_read_once() {
    let scene = Scene::new();
    let ticker = &scene.tickers[0];
    scene.launch(&[]).expect_code(0);
    let old = |mut entry: Entry| {
        entry.file.as_mut().expect("rows").seen = None;
        entry
    };
    rewrite(&scene.ledger(ticker), old);
    let resume = || {
        run(scene.place.launcher("start").args(["--resume", "--foreground"])).expect_code(0).stdout
    };
    assert!(resume().contains("1 file read whole"), "said once");
    assert!(!resume().contains("read whole"), "and noted");
    rewrite(&scene.ledger(ticker), old);
    let said = scene.fetch(&["--resume"]).expect_code(0).stderr;
    assert!(said.contains("1 files were read whole"), "{said}");
    rewrite(&scene.ledger(ticker), old);
    zero_unseen(&scene.file(ticker));
    let requests = scene.exchange.stats().requests["trades"];
    resume();
    assert_eq!(scene.exchange.stats().requests["trades"], requests + 1, "verified means the bytes");
    scene.check();
}

#[test]
fn a_file_whose_middle_was_zeroed_is_damage_and_a_copied_tree_is_read_once() {
    let scene = Scene::new();
    let ticker = &scene.tickers[0];
    scene.launch(&[]).expect_code(0);
    let last_line = || {
        let lines = fs::read_to_string(scene.ledger(ticker)).expect("read");
        lines.lines().last().expect("a line").to_owned()
    };
    let resume =
        || run(scene.place.launcher("start").args(["--resume", "--foreground"])).expect_code(0);
    let asked = || scene.exchange.stats().requests["trades"];
    let (before, requests) = (last_line(), asked());

    // Restored from a backup: the same bytes, another inode.
    let bytes = fs::read(scene.file(ticker)).expect("read");
    fs::remove_file(scene.file(ticker)).expect("removed");
    fs::write(scene.file(ticker), &bytes).expect("restored");
    resume();
    let noted = last_line();
    assert_ne!(noted, before, "noted as it is found now");
    resume();
    assert_eq!((last_line(), asked()), (noted, requests), "and not read again nor asked for");

    let mut zeroed = bytes.clone();
    let middle = zeroed.len() / 2;
    zeroed[middle - 8..middle + 8].fill(0);
    assert_ne!(zeroed, bytes);
    fs::write(scene.file(ticker), &zeroed).expect("zeroed");
    resume();
    assert_eq!(asked(), requests + 1, "fetched again");
    scene.check();
}

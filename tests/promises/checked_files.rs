//! Promise: a file that was changed under its old length, time and inode is found by whoever checks,
//! and a tree that was copied is read once.

use std::fs::{self, File, FileTimes};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::evidence::{Scene, rewrite};
use jiff::SignedDuration;
use shared::dataset::answers::Answer;
use shared::dataset::ledger::Entry;
use tests::harness::program::run;
use tests::harness::says::says;

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
    says(&said, &["checked: 0 files are what was written (SHA-256), 0 bytes; 1 are not"]);
    assert_eq!(asked(), requests + 1, "fetched again");
    scene.check();
    let said = scene.fetch(&["--resume", "--check"]).expect_code(0).stderr;
    says(&said, &["checked: 1 files are what was written"]);
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
    says(&said, &["\nas of       ", ", when the run ended; "]);
    let said = status(&["--check"]).expect_code(0).stdout;
    says(&said, &["files       2 tickers checked at ", ", when they were checked\n"]);

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
        let percent = format!("progress    {} % of the tickers", (2 - tickers) * 50);
        assert!(ended.stdout.contains(&percent), "{ended:?}");
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
    says(&ended.stderr, &["warning: ", "SHA-256"]);
    assert_eq!(asked(), requests, "a look asks nobody");
    resume(&[]);
    assert_eq!(asked(), requests + 1, "and the next start fetches it again");
    let requests = asked();

    scene.tickers.iter().for_each(|ticker| zero_unseen(&scene.file(ticker)));
    let said = resume(&[]);
    says(&said, &["already complete", "files       as recorded ("]);
    assert_eq!(asked(), requests);
    let said = resume(&["--check"]);
    says(&said, &["against their SHA-256: 2 not what was written, to be fetched again"]);
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
    says(&said, &["against their SHA-256: all are what was written"]);
    assert!(
        said.contains("files       2 tickers checked at ") && !said.contains("as recorded"),
        "{said}"
    );
    let mut why = scene.place.launcher("why");
    let why = run(why.arg(scene.tickers[0].as_str())).expect_code(0).stdout;
    says(&why, &["files       1 checked at ", " (SHA-256)\n"]);
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
    says(&said, &["1 files were read whole"]);
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

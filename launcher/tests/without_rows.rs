//! Tickers that nobody knows: done, and named.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use serde_json::Value;
use shared::dataset::writer::publish_table;
use shared::disk::publish::Draft;

use crate::says::says;
use crate::scene::{Scene, prove, run};

const UNKNOWN: [&str; 3] = ["BRK-B", "MAR-1", "mamth"];

#[test]
fn tickers_of_which_there_is_not_one_row_are_named_and_can_be_listed_for_another_run() {
    let scene = Scene::of(&UNKNOWN);
    scene.script("job", "exit 0");
    for ticker in UNKNOWN {
        prove(&scene.path("out"), ticker, &[("2020-01-01", "2020-12-31")]);
    }
    scene.detach("job", &["--resume"]);
    scene.wait().expect_code(0);
    let said = scene.wait().expect_code(0).stdout;
    let sentence = "3 tickers verified without one row (BRK-B: is it spelled BRK.B?, MAR-1, mamth: is it spelled MAMTH?): unknown to the source";
    says(&said, &[sentence, "--state without-rows"]);
    let json = run(&mut scene.launcher("status", &["--json"])).expect_code(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&json["without_rows"]["tickers"], &json["without_rows"]["examples"][2]),
        (&3.into(), &"mamth".into())
    );
    assert_eq!(json["without_rows"]["hints"][1]["hint"], "is it spelled MAMTH?");
    let other = run(&mut scene.launcher("why", &["mar.1"])).expect_code(2).stderr;
    assert!(other.contains("it has MAR-1, "), "a dash for a dot is the first guess: {other}");
    let why = run(&mut scene.launcher("why", &["mamth"])).expect_code(0).stdout;
    let doubt =
        "proven before this run began, but the source has not one row of it: is it spelled so?";
    assert!(why.starts_with(&format!("mamth: {doubt}\n")), "{why}");
    says(&why, &["without row the source has none in these days"]);
    let folder = scene.path("reference").display().to_string();
    let how = format!("source lists: worker reference --include-delisted --outdir {folder}\n");
    assert!(why.contains(&how), "no snapshot is there to tell: {why}");

    let list = |state: &str| {
        run(&mut scene.launcher("tickers", &["--state", state])).expect_code(0).stdout
    };
    let unknown = "the source has no row of it in these days";
    assert_eq!(
        list("without-rows"),
        format!(
            "ticker,cause\nBRK-B,{unknown}; is it spelled BRK.B?\nMAR-1,{unknown}\nmamth,{unknown}; is it spelled MAMTH?\n"
        )
    );
    assert_eq!(
        (list("failed"), list("left")),
        ("ticker,cause\n".to_owned(), "ticker,cause\n".to_owned())
    );
    assert_eq!(list("done"), "ticker,cause\nBRK-B,\nMAR-1,\nmamth,\n");
}

#[test]
fn of_a_ticker_that_was_given_up_without_one_row_the_spelling_is_doubted_too() {
    let scene = Scene::of(&["BRK-B", "AIG"]);
    scene.script("job", "exit 11");
    scene.detach("job", &["--retries", "0"]);
    scene.wait().expect_code(1);
    let why = |ticker: &str| run(&mut scene.launcher("why", &[ticker])).expect_code(0).stdout;
    let said = why("BRK-B");
    says(&said, &["\nwithout row nothing of it is on disk; is it spelled BRK.B?\n"]);
    let said = why("AIG");
    assert!(!said.contains("without row"), "{said}");
}

#[test]
fn failed_tickers_come_with_their_causes_and_the_list_is_taken_back() {
    let scene = Scene::of(&["A", "B"]);
    scene.script("job", "exit 11");
    scene.detach("job", &["--retries", "0"]);
    scene.wait().expect_code(1);
    let listed = run(&mut scene.launcher("tickers", &["--state", "failed"])).expect_code(0).stdout;
    assert!(listed.starts_with("ticker,cause\nA,") && listed.contains("exit 11"), "{listed}");
    scene.write("failed.csv", &listed);
    let words = "--job daily --tickers-csv failed.csv --outdir out2 --from 2020-01-01 --to 2020-12-31 --ingest-script job --dry-run";
    let words: Vec<&str> = words.split(' ').collect();
    let mut again = scene.launcher_in("w2", "start", &words);
    let planned = run(&mut again).expect_code(0).stdout;
    says(&planned, &["2 tickers in 1 batch"]);
}

#[test]
fn where_there_is_a_reference_snapshot_spellings_come_from_it_alone() {
    let scene = Scene::of(&["BRK-B", "mamth", "MAR-1", "zzzz", "AIG"]);
    let snapshot = |folder: &str, names: &[&str]| {
        let path =
            scene.path(folder).join("tickers_snapshot/snapshot_date=2025-02-28/tickers.parquet");
        let column: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
        let table = RecordBatch::try_from_iter([("ticker", column)]).expect("a table");
        publish_table(Draft::create(&path).expect("begun"), &table).expect("published");
    };
    snapshot("reference", &["BRK.B", "MAMTH", "AIG"]);
    snapshot("other", &["MAR.1"]);
    scene.script("job", "exit 0");
    for ticker in ["BRK-B", "mamth", "MAR-1", "zzzz", "AIG"] {
        prove(&scene.path("out"), ticker, &[("2020-01-01", "2020-12-31")]);
    }
    let said = scene.detach("job", &["--resume"]).stdout;
    let note = "note: not in the reference snapshot of 2025-02-28: 4 tickers: BRK-B (is it BRK.B?), mamth (is it MAMTH?), MAR-1, zzzz\n";
    says(&said, &[note]);
    scene.wait().expect_code(0);
    let list = |more: &[&str]| {
        run(&mut scene.launcher("tickers", &[&["--state", "without-rows"], more].concat()))
            .expect_code(0)
            .stdout
    };
    let unknown = "the source has no row of it in these days";
    let absent = format!("{unknown}; not in the reference snapshot of 2025-02-28");
    assert_eq!(
        list(&[]),
        format!(
            "ticker,cause\nAIG,{unknown}\nBRK-B,{absent}; is it spelled BRK.B?\nMAR-1,{absent}\nmamth,{absent}; is it spelled MAMTH?\nzzzz,{absent}\n"
        )
    );
    assert!(
        list(&["--reference", "other"])
            .contains(&format!("MAR-1,{absent}; is it spelled MAR.1?\n"))
    );
    let why = run(&mut scene.launcher("why", &["mamth"])).expect_code(0).stdout;
    says(
        &why,
        &["in these days; not in the reference snapshot of 2025-02-28; is it spelled MAMTH?"],
    );
    let refused = run(&mut scene.launcher("tickers", &["--state", "done", "--reference", "w"]))
        .expect_code(2);
    says(&refused.stderr, &["--reference w: no tickers_snapshot/"]);
}

#[test]
fn a_name_one_letter_away_is_named_and_a_snapshot_without_delisted_tickers_says_so() {
    let scene = Scene::of(&["EEOX", "QQQZZ", "AIG"]);
    let snapshot = |folder: &str, delisted: [Option<&str>; 2]| {
        let path =
            scene.path(folder).join("tickers_snapshot/snapshot_date=2025-02-28/tickers.parquet");
        let names: ArrayRef = Arc::new(StringArray::from(vec!["AIG", "EEOW"]));
        let delisted: ArrayRef = Arc::new(StringArray::from(delisted.to_vec()));
        let columns = [("ticker", names, false), ("delisted_utc", delisted, true)];
        let table = RecordBatch::try_from_iter_with_nullable(columns).expect("a table");
        publish_table(Draft::create(&path).expect("begun"), &table).expect("published");
    };
    snapshot("reference", [None, None]);
    snapshot("all", [None, Some("2024-01-31T00:00:00Z")]);
    scene.script("job", "exit 0");
    for ticker in ["EEOX", "QQQZZ", "AIG"] {
        prove(&scene.path("out"), ticker, &[("2020-01-01", "2020-12-31")]);
    }
    let said = scene.detach("job", &["--resume"]).stdout;
    let no_delisted = "not in the reference snapshot of 2025-02-28, which has no delisted tickers";
    let note = format!("note: {no_delisted}: 2 tickers: EEOX (is it EEOW?), QQQZZ\n");
    says(&said, &[&note]);
    scene.wait().expect_code(0);
    let why = |ticker: &str, more: &[&str]| {
        run(scene.launcher("why", more).arg(ticker)).expect_code(0).stdout
    };
    let (said, other) = (why("EEOX", &[]), why("EEOX", &["--reference", "all"]));
    says(&said, &[&format!("{no_delisted}; is it EEOW?\n")]);
    assert!(!said.contains("worker reference"), "the snapshot is there: {said}");
    says(&other, &["snapshot of 2025-02-28; is it EEOW?\n"]);
    let said = why("AIG", &[]);
    assert!(
        said.lines()
            .next()
            .is_some_and(|line| line.ends_with("has not one row of it in these days"))
            && said.contains("the reference snapshot of 2025-02-28 has it, spelled so"),
        "{said}"
    );
}

#[test]
fn of_many_without_a_row_those_are_named_first_of_which_another_spelling_is_known() {
    let names = ["AAA", "BBB", "CCC", "DDD", "mamth"];
    let scene = Scene::of(&names);
    scene.script("job", "exit 0");
    for ticker in names {
        prove(&scene.path("out"), ticker, &[("2020-01-01", "2020-12-31")]);
    }
    scene.detach("job", &["--resume"]);
    let said = scene.wait().expect_code(0).stdout;
    let sentence =
        "5 tickers verified without one row (mamth: is it spelled MAMTH?, AAA, BBB, ...)";
    says(&said, &[sentence]);
}

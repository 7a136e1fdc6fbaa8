//! Promise: bars that can't be built, or would not be what their folder says, are refused in words
//! that name the file, the dates or the parameters, with nothing half written.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bars_edges::{MORNING, ONE_DAY, changed, flat, refused};
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::disk::publish::Draft;
use tests::harness::place::{Place, days};
use tests::harness::program::run;
use tests::harness::series::{NAME, Series, at, sealed};
use tests::harness::tree;
use tests::sim::config::Config;
use tests::sim::server::Exchange;
use tests::sim::synthetic::ELEPHANT;

/// A file of trades with `price` as something else, or without it.
fn foreign(price: Option<arrow::array::ArrayRef>) -> arrow::array::RecordBatch {
    use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
    use std::sync::Arc;
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("ticker", Arc::new(StringArray::from(vec![NAME]))),
        ("day", Arc::new(StringArray::from(vec!["2024-01-03"]))),
        ("sip_ts", Arc::new(Int64Array::from(vec![at("2024-01-03", MORNING)]))),
        ("size", Arc::new(Float64Array::from(vec![1.0]))),
    ];
    columns.extend(price.map(|price| ("price", price)));
    RecordBatch::try_from_iter(columns).expect("columns of one row")
}

#[test]
fn a_file_with_other_columns_is_refused_with_its_name_and_the_column() {
    let cents: arrow::array::ArrayRef =
        std::sync::Arc::new(arrow::array::Int64Array::from(vec![1_000]));
    for price in [Some(cents), None] {
        let series = Series::of([flat("2024-01-02", 3, 10.0, 1.0)]);
        let file = "MADE.UP/year=2024/month=01/day=2024-01-03/trades.parquet";
        let path = series.root().join(file);
        shared::dataset::writer::publish_table(
            Draft::create(&path).expect("begun"),
            &foreign(price),
        )
        .expect("published");
        refused(
            &mut series.bars(("2024-01-02", "2024-01-03"), "--mode all"),
            &series.out(),
            &[file, "price"],
        );
    }
}

#[test]
fn what_is_no_parquet_file_is_refused_by_its_name() {
    let series = Series::of([flat("2024-01-03", 3, 10.0, 1.0)]);
    let file = "MADE.UP/year=2024/month=01/day=2024-01-03/trades.parquet";
    std::fs::write(series.root().join(file), "PAR1 and no more").expect("written");
    refused(&mut series.bars(ONE_DAY, "--mode all"), &series.out(), &[file]);
}

/// Real trades of `asked` with their ledger.
fn downloaded(place: &Place, asked: DateRange) {
    let exchange = Exchange::start(Config::synthetic(31).with_tickers(8)).expect("started");
    run(&mut place.worker_of(Kind::Trades, &exchange.base_url(), asked)).expect_code(0);
}

/// `bars` over what was downloaded.
fn bars_of(place: &Place, out: &Path, (from, to): (&str, &str), words: &str) -> Command {
    let mut bars = tests::harness::program::command("bars");
    bars.current_dir(place.path())
        .arg("--trades-root")
        .arg(place.outdir())
        .arg("--outdir")
        .arg(out);
    bars.args(["--ticker", ELEPHANT, "--from", from, "--to", to]).args(words.split(' '));
    bars
}

#[test]
fn a_range_of_which_nobody_knows_anything_is_a_gap_whether_it_is_asked_for_alone_or_with_what_follows()
 {
    let place = Place::with_tickers([ELEPHANT]);
    downloaded(&place, days("2024-01-10", "2024-01-12"));
    let (whole, pieces) = (place.path().join("whole"), place.path().join("pieces"));
    let words = "--mode all --allow-gap";
    run(&mut bars_of(&place, &whole, ("2024-01-08", "2024-01-12"), words)).expect_code(0);
    for range in [("2024-01-08", "2024-01-09"), ("2024-01-10", "2024-01-12")] {
        run(&mut bars_of(&place, &pieces, range, words)).expect_code(0);
    }
    assert_eq!(changed(&tree::bytes(&pieces), &tree::bytes(&whole)), [] as [PathBuf; 0]);
}

#[test]
fn bars_with_a_gap_are_left_alone_only_by_who_allows_gaps() {
    let place = Place::with_tickers([ELEPHANT]);
    downloaded(&place, days("2024-01-04", "2024-01-05"));
    downloaded(&place, days("2024-01-09", "2024-01-09"));
    let (out, range) = (place.path().join("bars"), ("2024-01-04", "2024-01-09"));
    run(&mut bars_of(&place, &out, range, "--mode DB --allow-gap")).expect_code(0);
    refused(
        &mut bars_of(&place, &out, range, "--mode DB --resume"),
        &out,
        &["2024-01-08", "--allow-gap"],
    );
    run(&mut bars_of(&place, &out, range, "--mode DB --resume --allow-gap")).expect_code(0);
}

#[test]
fn the_hour_of_a_session_that_is_saturday_in_utc_is_asked_for_in_a_tree_of_utc_days() {
    let place = Place::with_tickers([ELEPHANT]);
    let exchange = Exchange::start(Config::synthetic(31).with_tickers(8)).expect("started");
    for asked in [days("2024-01-04", "2024-01-05"), days("2024-01-08", "2024-01-09")] {
        let mut worker = place.worker_of(Kind::Trades, &exchange.base_url(), asked);
        run(worker.args(["--tz", "utc"])).expect_code(0);
    }
    let out = place.path().join("bars");
    let range = ("2024-01-04", "2024-01-09");
    refused(&mut bars_of(&place, &out, range, "--mode DB"), &out, &["2024-01-06", "--allow-gap"]);
    run(&mut bars_of(&place, &out, ("2024-01-04", "2024-01-05"), "--mode DB")).expect_code(0);
}

#[test]
fn days_that_the_ledger_does_not_prove_are_refused_by_name_unless_a_gap_is_allowed() {
    let place = Place::with_tickers([ELEPHANT]);
    // A Thursday to the next Friday, with a hole from Wednesday to Thursday.
    downloaded(&place, days("2024-01-04", "2024-01-09"));
    downloaded(&place, days("2024-01-12", "2024-01-12"));
    let out = place.path().join("bars");
    let bars = |to: &str, words: &str| bars_of(&place, &out, ("2024-01-04", to), words);
    refused(
        &mut bars("2024-01-12", "--mode all"),
        &out,
        &["2024-01-10", "2024-01-11", "--allow-gap"],
    );
    refused(
        &mut bars("2024-01-16", "--mode all"),
        &out,
        &["2024-01-10", "2024-01-16", "--allow-gap"],
    );
    assert!(!out.join(ELEPHANT).join("tick").exists(), "nothing is made before a refusal");
    run(&mut bars("2024-01-12", "--mode all --allow-gap")).expect_code(0);
    // The weekend and the covered days are no gap.
    std::fs::remove_dir_all(&out).expect("removed");
    run(&mut bars("2024-01-09", "--mode all")).expect_code(0);
}

#[test]
fn other_parameters_on_a_folder_are_refused_with_both_sets_named_unless_it_is_to_be_rebuilt() {
    let series = Series::of([flat("2024-01-03", 30, 10.0, 1.0), flat("2024-01-04", 30, 10.0, 1.0)]);
    let range = ("2024-01-03", "2024-01-04");
    run(&mut series.bars(ONE_DAY, "--mode all --target 777")).expect_code(0);
    for (words, both) in [
        ("--mode all --target 888", ["777", "888"]),
        ("--mode DIB --target 777 --alpha 0.125", ["0.2", "0.125"]),
        ("--mode DIB --target 777 --threshold stable", ["target", "stable"]),
    ] {
        for range in [ONE_DAY, ("2024-01-04", "2024-01-04"), range] {
            refused(
                &mut series.bars(range, words),
                &series.out(),
                &[both[0], both[1], "--rebuild"],
            );
        }
    }
    run(&mut series.bars(range, "--mode all --target 888 --rebuild")).expect_code(0);
    let afresh = tempfile::tempdir().expect("a folder");
    run(&mut series.bars_into(afresh.path(), range, "--mode all --target 888")).expect_code(0);
    assert_eq!(changed(&series.written(), &tree::bytes(afresh.path())), [] as [PathBuf; 0]);
}

#[test]
fn a_state_that_promises_more_bars_than_its_file_has_is_refused_not_continued() {
    let series = Series::of([flat("2024-01-03", 9, 10.0, 1.0), flat("2024-01-04", 9, 10.0, 1.0)]);
    run(&mut series.bars(ONE_DAY, "--mode TB --target 2")).expect_code(0);
    let path = series.out().join(NAME).join("tick/_state.json");
    let state = std::fs::read_to_string(&path).expect("read");
    let later = ("2024-01-04", "2024-01-04");
    let forged = state.replace("\"closed\":4", "\"closed\":7").replace("\"bars\":5", "\"bars\":7");
    assert_ne!(forged, state);
    std::fs::write(&path, &forged).expect("written");
    refused(
        &mut series.bars(later, "--mode TB --target 2"),
        &series.out(),
        &["checksum", "--rebuild"],
    );
    std::fs::write(&path, sealed(&forged)).expect("written");
    refused(
        &mut series.bars(later, "--mode TB --target 2"),
        &series.out(),
        &["bars.parquet", "--rebuild"],
    );
    let forged =
        state.replace("\"year\":2024", "\"year\":-32768").replace("\"closed\":4", "\"closed\":0");
    assert_ne!(forged, state);
    std::fs::write(&path, sealed(&forged)).expect("written");
    let said = run(&mut series.bars(later, "--mode TB --target 2"));
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
}

#[test]
fn days_between_what_is_covered_and_what_is_asked_are_refused_by_name_unless_a_gap_is_allowed() {
    let days = ["2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"];
    let series = Series::of(days.map(|day| flat(day, 3, 10.0, 1.0)));
    let words = "--mode all --target 2";
    run(&mut series.bars(ONE_DAY, words)).expect_code(0);
    let (later, whole) = (("2024-01-09", "2024-01-09"), ("2024-01-03", "2024-01-09"));
    refused(
        &mut series.bars(later, words),
        &series.out(),
        &["2024-01-04..2024-01-08", "--allow-gap"],
    );
    run(&mut series.bars(later, &format!("{words} --allow-gap"))).expect_code(0);
    let without = Series::of([days[0], days[4]].map(|day| flat(day, 3, 10.0, 1.0)));
    run(&mut without.bars(whole, words)).expect_code(0);
    assert_eq!(
        tree::parquet_bytes(&series.out()),
        tree::parquet_bytes(&without.out()),
        "as if nothing was traded"
    );

    // What was left out is built later, and then nothing tells that it was.
    run(&mut series.bars(whole, words)).expect_code(0);
    let afresh = tempfile::tempdir().expect("a folder");
    run(&mut series.bars_into(afresh.path(), whole, words)).expect_code(0);
    assert_eq!(changed(&series.written(), &tree::bytes(afresh.path())), [] as [PathBuf; 0]);
}

#[test]
fn words_that_would_change_nothing_are_refused_instead_of_ignored() {
    let series = Series::of([flat("2024-01-03", 3, 10.0, 1.0)]);
    for (words, said) in [
        ("--mode DB --bars-per-day 200 --daily-root .", ["--bars-per-day", "--target auto"]),
        ("--mode DB --daily-root .", ["--daily-root", "--target auto"]),
        ("--mode DB,TB --target 100,200", ["--target", "all kinds"]),
        ("--mode DB --target DB=100,DB=200", ["--target", "DB"]),
        ("--mode DRB --target DRB=100", ["--target", "DRB"]),
        ("--mode DIB --threshold stable --target DIB=100", ["--target", "DIB"]),
        ("--mode DIB --threshold stable --warmup 5", ["--warmup", "afml"]),
        ("--mode DIB --min-ticks 5", ["--min-ticks", "afml"]),
        ("--mode DIB --max-ticks 5", ["--max-ticks", "afml"]),
    ] {
        refused(&mut series.bars(ONE_DAY, words), &series.out(), &said);
    }
}

#[test]
fn what_is_asked_in_wrong_words_is_a_usage_error() {
    let series = Series::of([flat("2024-01-03", 3, 10.0, 1.0)]);
    for (words, said) in [
        ("--mode XB", "XB"),
        ("--mode DB --target 0", "--target"),
        ("--mode DB --target NaN", "--target"),
        ("--mode DB --target=-5", "--target"),
        ("--mode DIB --alpha 0", "--alpha"),
        ("--mode DIB --alpha 1.5", "--alpha"),
        ("--mode DIB --threshold best", "best"),
        ("--mode DIB --expected-ticks 0", "--expected-ticks"),
        ("--mode DIB --threshold afml --min-ticks 10 --max-ticks 5", "--min-ticks"),
        ("--mode TB --first-sign 0", "--first-sign"),
    ] {
        refused(&mut series.bars(ONE_DAY, words), &series.out(), &[said]);
    }
    refused(
        &mut series.bars(("2024-01-04", "2024-01-03"), "--mode TB"),
        &series.out(),
        &["2024-01-03"],
    );
}

#[test]
fn files_that_are_gone_and_folders_that_can_not_be_looked_into_are_no_days_without_trades() {
    let days = ["2023-12-28", "2023-12-29", "2024-01-03", "2024-01-04"];
    let series = Series::of(days.map(|day| flat(day, 9, 10.0, 1.0)));
    let (first, whole) = (("2023-12-28", "2024-01-03"), ("2023-12-28", "2024-01-04"));
    run(&mut series.bars(first, "--mode TB --target 2")).expect_code(0);
    let gone = series.root().join(NAME).join("year=2023");
    let aside = series.root().join("aside");
    std::fs::rename(&gone, &aside).expect("moved");
    refused(
        &mut series.bars(whole, "--mode TB --target 2"),
        &series.out(),
        &["1 of the 3 trade files", "--rebuild"],
    );
    // A file in the place of a folder stands for whatever keeps the system from looking.
    std::fs::write(&gone, "in the way").expect("written");
    refused(
        &mut series.bars(whole, "--mode TB --target 2"),
        &series.out(),
        &["year=2023", "trades.parquet"],
    );
    std::fs::remove_file(&gone).expect("removed");
    std::fs::rename(&aside, &gone).expect("moved back");
    run(&mut series.bars(whole, "--mode TB --target 2")).expect_code(0);
    let afresh = tempfile::tempdir().expect("a folder");
    run(&mut series.bars_into(afresh.path(), whole, "--mode TB --target 2")).expect_code(0);
    assert_eq!(changed(&series.written(), &tree::bytes(afresh.path())), [] as [PathBuf; 0]);
}

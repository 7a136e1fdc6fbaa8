//! Promise: a target that comes from a ticker's own history knows of no day in the bars, and is the
//! same however often the series goes on.

use shared::dataset::kind::Kind;
use shared::dataset::merge::DatedBar;
use shared::dataset::partition::Partition;
use shared::dataset::writer::publish_bars;
use shared::disk::publish::Draft;
use shared::market::ohlcv::Ohlcv;
use shared::market::zone::Zone;
use tests::harness::program::{command, run};
use tests::harness::says::says;
use tests::harness::series::{Series, at, day, sealed};
use tests::harness::tree::{self, Print};

const DAYS: [&str; 4] = ["2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"];
const WORDS: &str = "--mode TB,VB,DB,DIB --target auto --bars-per-day 4 --daily-root daily";

/// Trades of four days, and daily bars of these and the day before, each of ten times the one
/// before.
fn series() -> Series {
    let prints =
        |day| (0..40).map(|second| (at(day, 36_000 + second), 10.0, 5.0)).collect::<Vec<Print>>();
    let series = Series::of(DAYS.map(|day| (day, prints(day))));
    let daily = |(number, text): (i32, &str)| {
        let (date, volume) = (day(text), 10.0_f64.powi(number + 2));
        let (open, high, low, close) = (10.0, 10.0, 10.0, 10.0);
        let t = date.start_utc_ms();
        DatedBar {
            date,
            bar: Ohlcv { t, open, high, low, close, volume, trades: Some(40), vwap: None },
        }
    };
    let rows: Vec<DatedBar> =
        (0..).zip(["2024-01-02"].into_iter().chain(DAYS)).map(daily).collect();
    let root = series.root().with_file_name("daily");
    let file = Partition::of(Kind::Daily, rows[0].date).file(&root, &series.ticker(), Kind::Daily);
    publish_bars(
        Draft::create(&file).expect("begun"),
        Kind::Daily,
        Zone::NewYork,
        &series.ticker(),
        &rows,
    )
    .expect("published");
    series
}

#[test]
fn a_series_that_goes_on_keeps_the_target_that_it_began_with() {
    let (series, pieces) = (series(), tempfile::tempdir().expect("a folder"));
    run(&mut series.bars((DAYS[0], DAYS[3]), WORDS)).expect_code(0);
    for range in [(DAYS[0], DAYS[1]), (DAYS[2], DAYS[3]), (DAYS[1], DAYS[2])] {
        run(&mut series.bars_into(pieces.path(), range, WORDS)).expect_code(0);
    }
    assert!(series.written() == tree::bytes(pieces.path()), "the same bytes, states included");
}

#[test]
fn more_bars_than_there_are_trades_on_a_mean_day_are_made_and_said() {
    let series = series();
    let words = WORDS.replace("--bars-per-day 4", "--bars-per-day 200");
    let said = run(&mut series.bars((DAYS[0], DAYS[3]), &words)).expect_code(0).stderr;
    for mode in ["TB", "VB", "DB", "DIB"] {
        let expected = format!(
            "{mode}: --bars-per-day 200 is more than the 40 trades of a mean day: there are not enough for one a bar"
        );
        says(&said, &[&expected]);
    }
    let enough =
        run(&mut series.bars((DAYS[0], DAYS[3]), &format!("{WORDS} --rebuild"))).expect_code(0);
    assert!(!enough.stderr.contains("trades of a mean day"), "{}", enough.stderr);
}

#[test]
fn a_series_that_is_begun_earlier_does_not_take_over_a_target_that_knows_of_these_days() {
    let series = series();
    run(&mut series.bars((DAYS[2], DAYS[3]), WORDS)).expect_code(0);
    let before = series.written();
    let whole = (DAYS[0], DAYS[3]);
    let said = run(&mut series.bars(whole, WORDS)).expect_code(2).stderr;
    says(&said, &["--rebuild"]);
    assert!(series.written() == before, "nothing changes by a refusal");
    run(&mut series.bars(whole, &format!("{WORDS} --rebuild"))).expect_code(0);
    let afresh = tempfile::tempdir().expect("a folder");
    run(&mut series.bars_into(afresh.path(), whole, WORDS)).expect_code(0);
    assert!(series.written() == tree::bytes(afresh.path()), "the same bytes, states included");
}

#[test]
fn what_came_to_nothing_binds_no_other_range_to_its_target() {
    let (series, afresh) = (series(), tempfile::tempdir().expect("a folder"));
    run(&mut series.bars((DAYS[0], DAYS[1]), WORDS)).expect_code(0);
    // As a crash leaves it that comes after the claim and before the first bars.
    for (path, bytes) in
        series.written().into_iter().filter(|(path, _)| path.ends_with("_state.json"))
    {
        let mut state: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        (state["covered"], state["files"]) = (serde_json::json!([]), serde_json::json!({}));
        std::fs::write(series.out().join(path), sealed(&state.to_string())).expect("written");
    }
    for (path, _) in tree::parquet_bytes(&series.out()) {
        std::fs::remove_file(series.out().join(path)).expect("removed");
    }
    let later = (DAYS[2], DAYS[3]);
    run(&mut series.bars(later, WORDS)).expect_code(0);
    run(&mut series.bars_into(afresh.path(), later, WORDS)).expect_code(0);
    assert!(series.written() == tree::bytes(afresh.path()), "the same bytes, states included");
}

#[test]
fn kinds_without_a_target_are_named_where_one_is_derived_for_all() {
    let series = series();
    let all = WORDS.replace("TB,VB,DB,DIB", "TB,TRB,VRB");
    let said = run(&mut series.bars((DAYS[0], DAYS[3]), &all)).expect_code(0).stderr;
    let note = "--target auto does not apply to VRB, TRB: they close by --expected-ticks 1000";
    says(&said, &[note]);
    let other = tempfile::tempdir().expect("a folder");
    let said = run(&mut series.bars_into(other.path(), (DAYS[0], DAYS[3]), WORDS)).expect_code(0);
    assert!(!said.stderr.contains("does not apply"), "all have a target: {}", said.stderr);
}

#[test]
fn a_picture_that_was_drawn_is_told_on_standard_error_alone() {
    let series = series();
    run(&mut series.bars((DAYS[0], DAYS[3]), "--mode TB --target 4")).expect_code(0);
    let describe = |more: &[&str]| {
        let mut bars = command("bars");
        bars.current_dir(series.out()).args(["describe", "--outdir", ".", "--mode", "TB"]);
        bars.args(["--ticker", series.ticker().as_str()]).args(more);
        run(&mut bars).expect_code(0)
    };
    let (without, with) = (describe(&[]), describe(&["--plot", "picture.svg"]));
    assert_eq!(with.stdout, without.stdout);
    assert_eq!((without.stderr.as_str(), with.stderr.as_str()), ("", "drawn into picture.svg\n"));
    let days = (DAYS[0], DAYS[3]);
    let built = run(&mut series.bars(days, "--mode TB --target 4 --plot built.svg")).expect_code(0);
    assert!(built.stderr.ends_with("drawn into built.svg\n"), "{}", built.stderr);
}

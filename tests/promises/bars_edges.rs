//! Promise: odd tapes make the bars that the definitions say; a tape that can't be is refused by file
//! and row.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::harness::program::run;
use tests::harness::says::says;
use tests::harness::series::{FOLDERS, NAME, Series, at};
use tests::harness::tree;

/// A morning in New York, seconds after midnight.
pub(crate) const MORNING: i64 = 10 * 3_600;

/// `count` prints of one price and size, a second apart.
pub(crate) fn flat(day: &str, count: i64, price: f64, size: f64) -> (&str, Vec<(i64, f64, f64)>) {
    (day, (0..count).map(|second| (at(day, MORNING + second), price, size)).collect())
}

/// Runs what is to be refused: exit 2, every one of `words` said, and not a byte changed below
/// `out`.
#[track_caller]
pub(crate) fn refused(bars: &mut Command, out: &Path, words: &[&str]) {
    let before = tree::bytes(out);
    let said = run(bars).expect_code(2).stderr;
    for word in words {
        assert!(said.contains(word), "{word:?} is not said in: {said}");
    }
    assert_eq!(
        changed(&before, &tree::bytes(out)),
        [] as [PathBuf; 0],
        "nothing changes by a refusal"
    );
}

/// Paths that came, went or have other bytes. Locks say nothing, and `_dataset.json` only what the
/// tree is for.
pub(crate) fn changed(
    before: &BTreeMap<PathBuf, Vec<u8>>,
    after: &BTreeMap<PathBuf, Vec<u8>>,
) -> Vec<PathBuf> {
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let says_nothing = |path: &Path| {
        path.extension() == Some("lock".as_ref()) || path == Path::new("_dataset.json")
    };
    let has_changed =
        |path: &&PathBuf| before.get(*path) != after.get(*path) && !says_nothing(path);
    names.into_iter().filter(has_changed).cloned().collect()
}

pub(crate) const ONE_DAY: (&str, &str) = ("2024-01-03", "2024-01-03");

#[test]
fn prints_of_one_nanosecond_are_bars_of_one_stamp_and_a_second_run_loses_none() {
    let stamp = at("2024-01-03", MORNING);
    let series = Series::of([(
        "2024-01-03",
        vec![(stamp, 10.0, 1.0), (stamp, 11.0, 2.0), (stamp, 12.0, 3.0)],
    )]);
    for attempt in ["built", "built again"] {
        run(&mut series.bars(ONE_DAY, "--mode TB --target 1")).expect_code(0);
        let bars = series.year("tick", 2024);
        assert_eq!(bars.ints("t"), [stamp; 3], "{attempt}");
        assert_eq!(bars.floats("close"), [10.0, 11.0, 12.0], "{attempt}");
    }
}

#[test]
fn one_huge_trade_is_one_bar_and_carries_nothing_over() {
    let second = |second| at("2024-01-03", MORNING + second);
    let prints = vec![(second(0), 10.0, 1.0), (second(1), 20.0, 1e9), (second(2), 30.0, 2.0)];
    let series = Series::of([("2024-01-03", prints)]);
    run(&mut series.bars(ONE_DAY, "--mode DB --target 1000")).expect_code(0);
    let bars = series.year("dollar", 2024);
    assert_eq!(bars.floats("dollar"), [2e10 + 10.0, 60.0]);
    assert_eq!(bars.ints("t"), [second(0), second(2)]);
    assert_eq!((bars.floats("open"), bars.floats("high")), (vec![10.0, 30.0], vec![20.0, 30.0]));
}

#[test]
fn a_bar_goes_on_over_a_day_without_trades() {
    let series = Series::of([flat("2024-01-03", 3, 10.0, 1.0), flat("2024-01-05", 3, 11.0, 1.0)]);
    run(&mut series.bars(("2024-01-03", "2024-01-05"), "--mode TB --target 4 --extended"))
        .expect_code(0);
    let bars = series.year("tick", 2024);
    assert_eq!(bars.ints("n"), [4, 2]);
    assert_eq!(bars.ints("t_close"), [at("2024-01-05", MORNING), at("2024-01-05", MORNING + 2)]);
}

#[test]
fn a_bar_is_filed_under_the_new_york_year_of_its_opening() {
    // The last print of the old year is in the new year's UTC already.
    let eve =
        vec![(at("2023-12-31", 22 * 3_600), 10.0, 1.0), (at("2023-12-31", 86_399), 10.0, 1.0)];
    let series = Series::of([
        flat("2023-12-29", 1, 10.0, 1.0),
        ("2023-12-31", eve),
        flat("2024-01-02", 3, 10.0, 1.0),
    ]);
    run(&mut series.bars(("2023-12-29", "2024-01-02"), "--mode TB --target 2 --extended"))
        .expect_code(0);
    assert_eq!(series.years("tick"), ["year=2023", "year=2024"]);
    let (old, new) = (series.year("tick", 2023), series.year("tick", 2024));
    assert_eq!(old.ints("t"), [at("2023-12-29", MORNING), at("2023-12-31", 86_399)]);
    assert_eq!(
        old.ints("t_close")[1],
        at("2024-01-02", MORNING),
        "opened in the old year, closed in the new"
    );
    assert_eq!(new.ints("n"), [2]);
}

#[test]
fn a_target_that_is_never_reached_leaves_only_the_open_tail() {
    let series = Series::of([flat("2024-01-03", 50, 10.0, 1.0)]);
    let words = "--mode all --extended --target 1e12 --expected-ticks 1000";
    run(&mut series.bars(ONE_DAY, words)).expect_code(0);
    for folder in FOLDERS {
        let bars = series.year(folder, 2024);
        assert_eq!(bars.ints("n"), [50], "{folder}");
        assert!(bars.floats("threshold")[0].is_nan(), "{folder}");
    }
}

#[test]
fn no_trades_make_no_file_of_bars_and_that_is_said() {
    let no_information = vec![(at("2024-01-03", MORNING), 10.0, 0.0)];
    let another_day = || Series::of([flat("2024-01-04", 3, 10.0, 1.0)]);
    for series in [another_day(), Series::of([("2024-01-03", no_information)])] {
        let said = run(&mut series.bars(ONE_DAY, "--mode all")).expect_code(0);
        let said = said.stdout + &said.stderr;
        says(&said, &["no trades, so no bars"]);
        assert!(
            FOLDERS.iter().all(|folder| series.years(folder).is_empty()),
            "{:?}",
            series.written().keys()
        );
    }
}

#[test]
fn trades_without_information_are_skipped_and_counted() {
    let second = |second| at("2024-01-03", MORNING + second);
    let prints = vec![
        (second(0), 10.0, 1.0),
        (second(1), 99.0, 0.0),
        (second(2), -99.0, 1.0),
        (second(3), f64::NAN, 1.0),
        (second(4), f64::INFINITY, 1.0),
        (second(5), 0.0, 1.0),
        (second(6), 12.0, 1.0),
        (second(7), 99.0, 0.0),
        (second(8), 11.0, 1.0),
    ];
    let series = Series::of([("2024-01-03", prints)]);
    let said = run(&mut series.bars(ONE_DAY, "--mode TB --target 3 --extended")).expect_code(0);
    let said = said.stdout + &said.stderr;
    says(&said, &["6 trades left out"]);
    let bars = series.year("tick", 2024);
    assert_eq!((bars.ints("n"), bars.floats("high")), (vec![3], vec![12.0]));
    // First, up, down: had a skipped price counted, 12 would have been a fall.
    assert_eq!(bars.floats("imbalance"), [1.0]);
}

#[test]
fn a_tape_that_goes_back_in_time_is_refused_with_file_row_and_both_stamps_unless_it_may_be_sorted()
{
    let second = |second| at("2024-01-04", MORNING + second);
    let prints =
        |order: [(i64, f64); 4]| order.map(|(at, price)| (second(at), price, 1.0)).to_vec();
    // Two prints share the second 5: sorting keeps their order.
    let back = prints([(1, 10.0), (5, 11.0), (3, 12.0), (5, 13.0)]);
    let series = Series::of([flat("2024-01-03", 3, 10.0, 1.0), ("2024-01-04", back)]);
    let range = ("2024-01-03", "2024-01-04");
    let file = "MADE.UP/year=2024/month=01/day=2024-01-04/trades.parquet";
    let (later, earlier) = (second(5).to_string(), second(3).to_string());
    refused(
        &mut series.bars(range, "--mode all --target 2"),
        &series.out(),
        &[file, "row 2", &later, &earlier, "--sort"],
    );
    run(&mut series.bars(range, "--mode all --target 2 --sort")).expect_code(0);

    let right = prints([(1, 10.0), (3, 12.0), (5, 11.0), (5, 13.0)]);
    let sorted = Series::of([flat("2024-01-03", 3, 10.0, 1.0), ("2024-01-04", right)]);
    run(&mut sorted.bars(range, "--mode all --target 2")).expect_code(0);
    assert_eq!(tree::parquet_bytes(&series.out()), tree::parquet_bytes(&sorted.out()));
}

#[test]
fn a_later_day_that_goes_back_leaves_what_was_built_before_as_it_was() {
    let stamp = at("2024-01-04", MORNING);
    let back = vec![(stamp, 10.0, 1.0), (stamp - 1, 10.0, 1.0)];
    let series = Series::of([flat("2024-01-03", 3, 10.0, 1.0), ("2024-01-04", back)]);
    run(&mut series.bars(ONE_DAY, "--mode all --target 2")).expect_code(0);
    refused(
        &mut series.bars(("2024-01-04", "2024-01-04"), "--mode all --target 2"),
        &series.out(),
        &["row 1", "2024-01-04"],
    );
}

#[test]
fn a_first_build_that_is_refused_claims_nothing() {
    let stamp = at("2024-01-03", MORNING);
    let series = Series::of([("2024-01-03", vec![(stamp, 10.0, 1.0), (stamp - 1, 10.0, 1.0)])]);
    refused(&mut series.bars(ONE_DAY, "--mode all --target 2"), &series.out(), &["--sort"]);
    // Nothing was built with the first parameters, so others are free to be used.
    run(&mut series.bars(ONE_DAY, "--mode all --target 3 --sort")).expect_code(0);
}

#[test]
fn a_rebuild_leaves_no_year_of_the_bars_that_it_replaces() {
    let series = Series::of([flat("2023-12-29", 3, 10.0, 1.0), flat("2024-01-03", 3, 10.0, 1.0)]);
    run(&mut series.bars(("2023-12-29", "2024-01-03"), "--mode TB --target 2")).expect_code(0);
    assert_eq!(series.years("tick"), ["year=2023", "year=2024"]);
    run(&mut series.bars(ONE_DAY, "--mode TB --target 3 --rebuild")).expect_code(0);
    assert_eq!(series.years("tick"), ["year=2024"], "bars of other parameters are not left beside");
}

#[test]
fn damaged_bars_are_made_again_and_that_is_said() {
    let series = Series::of([flat("2024-01-03", 9, 10.0, 1.0), flat("2024-01-04", 9, 10.0, 1.0)]);
    run(&mut series.bars(ONE_DAY, "--mode TB --target 2")).expect_code(0);
    let before = series.written();
    let path = series.out().join(NAME).join("tick/year=2024/bars.parquet");
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[40] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let said =
        run(&mut series.bars(ONE_DAY, "--mode TB --target 2 --resume")).expect_code(0).stderr;
    says(&said, &["tick/year=2024/bars.parquet: differs from what the state says"]);
    assert_eq!(changed(&before, &series.written()), [] as [PathBuf; 0]);
}

#[test]
fn sums_beyond_every_number_are_refused() {
    let series = Series::of([flat("2024-01-03", 3, 1e308, 1e10)]);
    let said = run(&mut series.bars(ONE_DAY, "--mode TB --target 2")).expect_code(2).stderr;
    says(&said, &["larger than any number"]);
}

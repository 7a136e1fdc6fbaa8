//! Promise: building [a, b] and then [b+1, c] gives, byte for byte, what building [a, c] at once
//! gives, `_state.json` included, for every mode, wherever the range is cut.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use shared::market::session::sessions;
use shared::market::trading_day::TradingDay;
use tests::harness::place::days;
use tests::harness::program::{Running, run};
use tests::harness::series::{FOLDERS, NAME, Series};
use tests::harness::{tape, tree};
use tests::sim::chance::Dice;

/// Ranges begin and end within these days: five weekends, three holidays and a year's end.
const FIRST: &str = "2023-12-11";
const LAST: &str = "2024-01-16";

const PARAMETERS: [&str; 6] = [
    "--mode all --extended --target 3000",
    "--mode all --extended --target 40",
    "--mode all --threshold stable --expected-ticks 25 --target 60000",
    "--mode all --extended --threshold stable --expected-ticks 400 --target 100000000",
    "--mode all --extended --threshold afml --expected-ticks 30 --warmup 300 --target 17",
    "--mode all --threshold afml --expected-ticks 15 --alpha 0.7 --first-sign -1",
];

/// Rows on most sessions of the time: minutes, or trades of a ticker that nobody watches, or a few
/// hundred a day.
fn some_rows(dice: &mut Dice) -> Series {
    let asked = days(FIRST, LAST);
    let mut traded: Vec<TradingDay> =
        sessions(asked.from(), asked.to()).map(|(day, _)| day).collect();
    traded.retain(|_| !dice.once_in(6));
    if dice.once_in(4) {
        return Series::of_minutes(&tape::minutes(dice.roll(), &traded));
    }
    let prints_a_day = dice.pick(&[1, 2, 7, 60, 200]);
    Series::of_days(tape::walk(dice.roll(), &traded, prints_a_day))
}

/// `count` ranges that follow each other, from the first day to the last.
fn ranges(dice: &mut Dice, count: u64) -> Vec<(String, String)> {
    let asked = days(FIRST, LAST);
    let length = u64::try_from(asked.from().days_until(asked.to())).expect("in order");
    let mut ends = BTreeSet::new();
    while ends.len() as u64 + 1 < count {
        ends.insert(asked.from().plus_days(i32::try_from(dice.below(length)).expect("small")));
    }
    ends.insert(asked.to());
    let mut next = asked.from();
    let range =
        |end: TradingDay| (std::mem::replace(&mut next, end.next()).to_string(), end.to_string());
    ends.into_iter().map(range).collect()
}

#[track_caller]
fn same(found: &BTreeMap<PathBuf, Vec<u8>>, whole: &BTreeMap<PathBuf, Vec<u8>>, what: &str) {
    let names = |tree: &BTreeMap<PathBuf, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(whole), "{what}");
    for (path, bytes) in whole {
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let text = |bytes: &[u8]| {
            if is_json {
                String::from_utf8_lossy(bytes).into_owned()
            } else {
                format!("{} bytes", bytes.len())
            }
        };
        assert!(
            found[path] == *bytes,
            "{what}: {}\n{}\n{}",
            path.display(),
            text(&found[path]),
            text(bytes)
        );
    }
}

/// Builds at once and in pieces.
#[track_caller]
fn cut(seed: u64) {
    let mut dice = Dice::new(seed);
    let series = some_rows(&mut dice);
    let parameters = dice.pick(&PARAMETERS);
    run(&mut series.bars((FIRST, LAST), parameters)).expect_code(0);
    let whole = series.written();
    for folder in FOLDERS {
        let state = PathBuf::from(NAME).join(folder).join("_state.json");
        assert!(whole.contains_key(&state), "{} is not among {:?}", state.display(), whole.keys());
    }
    let pieces = tempfile::tempdir().expect("a folder");
    let count = 1 + seed % 10;
    let ranges = ranges(&mut dice, count);
    for (from, to) in &ranges {
        run(&mut series.bars_into(pieces.path(), (from, to), parameters)).expect_code(0);
    }
    same(&tree::bytes(pieces.path()), &whole, &format!("seed {seed}, {parameters}, {ranges:?}"));
}

#[test]
fn bars_built_in_one_to_ten_runs_are_the_bytes_of_one_run() {
    (0..10).for_each(cut);
}

#[test]
#[ignore = "hundreds of cuts take minutes: scripts/soak"]
fn bars_built_in_hundreds_of_ways_are_the_bytes_of_one_run() {
    (1_000..1_300).for_each(cut);
}

#[test]
fn a_build_that_is_killed_at_any_moment_is_finished_by_the_next_to_the_same_bytes() {
    for seed in 0..5 {
        let mut dice = Dice::new(700 + seed);
        let series = some_rows(&mut dice);
        let parameters = dice.pick(&PARAMETERS);
        let whole = run(&mut series.bars((FIRST, LAST), parameters)).expect_code(0);
        let killed = tempfile::tempdir().expect("a folder");
        let pieces = ranges(&mut dice, 2);
        for (from, to) in &pieces {
            let running =
                Running::start(&mut series.bars_into(killed.path(), (from, to), parameters));
            let longest = u64::try_from(whole.took.as_micros()).expect("seconds");
            std::thread::sleep(Duration::from_micros(dice.below(longest)));
            running.signal(Signal::SIGKILL);
            running.wait();
            run(&mut series.bars_into(killed.path(), (from, to), parameters)).expect_code(0);
        }
        let what = format!("seed {seed}, {parameters}, {pieces:?}");
        same(&without_strays(killed.path()), &series.written(), &what);
    }
}

/// Every file but those that a crash may leave behind.
fn without_strays(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let strays = tree::strays(root);
    let is_stray = |path: &PathBuf| strays.contains(&root.join(path));
    tree::bytes(root).into_iter().filter(|(path, _)| !is_stray(path)).collect()
}

#[test]
fn a_range_that_overlaps_what_is_covered_is_built_anew_to_the_same_bytes() {
    for seed in 4..9 {
        let mut dice = Dice::new(500 + seed);
        let series = some_rows(&mut dice);
        let parameters = dice.pick(&PARAMETERS);
        run(&mut series.bars((FIRST, LAST), parameters)).expect_code(0);
        let whole = series.written();
        let again = tempfile::tempdir().expect("a folder");
        let pieces = ranges(&mut dice, 3);
        let [first, middle, last] = pieces.as_slice() else { panic!("three ranges") };
        // The second run begins before the first has ended, the third is the second again and more.
        for (from, to) in [(FIRST, &middle.1), (&first.1, &middle.1), (&middle.0, &last.1)] {
            run(&mut series.bars_into(again.path(), (from, to), parameters)).expect_code(0);
        }
        same(&tree::bytes(again.path()), &whole, &format!("seed {seed}, {parameters}, {pieces:?}"));
    }
}

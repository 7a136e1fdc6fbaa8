//! Promise: `bars` killed at any of its changes leaves no draft beside a series that its run takes
//! for done. Nobody would come back to sweep it.

use std::path::PathBuf;
use std::process::Command;

use jiff::Timestamp;
use serde_json::Value;
use shared::dataset::run_mark::RunMark;
use shared::series::noted;
use shared::series::proof::{self, SeriesFolder, SeriesState};
use tests::harness::effort;
use tests::harness::place::days;
use tests::harness::program::run;
use tests::harness::series::Series;
use tests::harness::strace::{Follows, Point, can_trace, each_of, survives};
use tests::harness::{tape, tree};

const ASKED: (&str, &str) = ("2023-12-28", "2024-01-04");
const MARK: &str = "0123abcd";

fn series() -> Series {
    let traded =
        ["2023-12-28", "2023-12-29", "2024-01-02", "2024-01-04"].map(|day| days(day, day).from());
    Series::of_days(tape::walk(7, &traded, 60))
}

/// `bars` of two kinds, with more `words`.
fn bars(series: &Series, words: &str) -> Command {
    series.bars(ASKED, &format!("--mode DB,TB --target DB=20000,TB=30 {words}"))
}

fn folders(series: &Series) -> [SeriesFolder; 2] {
    ["DB", "TB"].map(|mode| {
        SeriesFolder::new(&series.out(), &series.ticker(), mode.parse().expect("a mode"))
    })
}

/// What crashed writers left in series that are whole, and new to the run by its note or by the
/// clock.
fn drafts_that_stay(series: &Series) -> Vec<PathBuf> {
    let mark: RunMark = MARK.parse().expect("a mark");
    let is_done = |folder: &SeriesFolder| {
        let state = SeriesState::<Value>::read(folder).expect("whole or absent");
        let covers = state.is_some_and(|state| state.covers(days(ASKED.0, ASKED.1)));
        let is_new = |verified: Timestamp| verified > Timestamp::UNIX_EPOCH;
        covers
            && (noted::is_of(folder, mark)
                || is_new(proof::last_verified(folder).expect("looked at")))
    };
    let done = folders(series).into_iter().filter(is_done);
    done.flat_map(|folder| tree::strays(folder.path())).collect()
}

/// A series that was built for nobody in particular, long ago.
fn built_long_ago() -> Series {
    let series = series();
    run(&mut bars(&series, "")).expect_code(0);
    for folder in folders(&series) {
        proof::note_verified(&folder, Timestamp::UNIX_EPOCH).expect("noted");
    }
    series
}

fn builders(kinds: &[&'static str], stride: usize, least: usize) {
    if !can_trace() {
        return;
    }
    let for_a_run = format!("--resume --run-mark {MARK}");
    let undisturbed = series();
    run(&mut bars(&undisturbed, &for_a_run)).expect_code(0);
    let truth = undisturbed.written();
    for begin in [series, built_long_ago] {
        each_of(kinds, stride, least, |point: Point| {
            let series = begin();
            let survived = survives(point, Follows::Threads, &bars(&series, &for_a_run));
            assert_eq!(drafts_that_stay(&series), [] as [PathBuf; 0], "{point:?}");
            run(&mut bars(&series, &for_a_run)).expect_code(0);
            assert!(series.written() == truth, "other bytes than undisturbed, {point:?}");
            survived
        });
    }
}

#[test]
fn bars_killed_at_a_change_leave_no_draft_beside_a_series_that_is_done() {
    let (stride, least) = effort::choose((3, 8), (1, 30));
    builders(&["write", "fdatasync", "fsync", "rename"], stride, least);
}

//! Promise: whatever a worker does, its innocent tickers get done, the others are named, and
//! nothing is left over.

use std::time::Duration;

use tests::harness::load::Watch;
use tests::harness::place::Place;
use tests::harness::program::{Ended, run, with_environment};
use tests::harness::says::says;
use tests::harness::zoo::Zoo;

const NO_RETRIES: [&str; 2] = ["--retries", "0"];

/// A run of one animal to its end.
struct Story {
    place: Place,
    ended: Ended,
}

impl Story {
    fn of(nature: &str, tickers: &[&str], arguments: &[&str]) -> Self {
        let place = Place::with_tickers(tickers);
        let ended = run(Zoo::open().start(&place, nature).arg("--foreground").args(arguments));
        let run_file = std::fs::read_to_string(place.workdir().join("run.json")).expect("a run");
        let request: serde_json::Value = serde_json::from_str(&run_file).expect("JSON");
        let marker = format!("LAUNCHER_RUN={}", request["run"].as_str().expect("a name"));
        assert_eq!(with_environment(&marker), [] as [i32; 0], "nothing is left running");
        Self { place, ended }
    }

    #[track_caller]
    fn says(&self, text: &str) -> &Self {
        assert!(self.ended.stdout.contains(text), "{}\n{}", self.ended.stdout, self.ended.stderr);
        self
    }

    #[track_caller]
    fn ends_with(&self, code: i32) -> &Self {
        assert_eq!(self.ended.code(), Some(code), "{}\n{}", self.ended.stdout, self.ended.stderr);
        self
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.place.path().join(name)).unwrap_or_default()
    }
}

#[test]
fn a_worker_that_does_nothing_and_says_it_is_fine_has_failed() {
    let story = Story::of("lazy", &["A", "B"], &NO_RETRIES);
    story
        .ends_with(1)
        .says("2 x exit 0, but work is missing and no yield was reported\n      for example A: ");
}

#[test]
fn what_a_worker_leaves_undone_in_silence_is_done_by_further_attempts() {
    let story = Story::of("half", &["A", "B", "C", "D"], &["--retries", "2"]);
    story.ends_with(0).says("COMPLETE");
}

#[test]
fn other_tickers_than_those_asked_for_are_no_success() {
    let story = Story::of("stranger", &["A"], &NO_RETRIES);
    story.ends_with(1).says("0 / 1 verified, 1 failed");
}

#[test]
fn a_worker_that_gets_nothing_any_more_is_ended_and_its_state_is_kept() {
    for nature in ["sleeper", "deaf", "mute"] {
        let watch = Watch::begin();
        let story = Story::of(nature, &["A"], &["--stall-timeout", "1s", "--retries", "0"]);
        story.ends_with(1).says("1 x ended because nothing came for ").says("for example A: ");
        let trace = story.read("run/attempts/batch_0001.1/stalled.txt");
        says(&trace, &["comm: worker\n", "wchan: "]);
        let took = story.ended.took;
        assert!(took < Duration::from_secs(40) || watch.end().is_crowded(), "{took:?}");
    }
}

#[test]
fn a_worker_that_takes_too_long_is_ended() {
    let story = Story::of("sleeper", &["A"], &["--batch-timeout", "1s", "--retries", "0"]);
    story.ends_with(1).says("1 x ended after 1 s (--batch-timeout)");
}

#[test]
fn a_worker_that_is_ended_again_and_again_has_as_many_attempts_as_it_takes_while_it_gets_on() {
    let story = Story::of("slow", &["A"], &["--batch-timeout", "1s", "--retries", "0"]);
    story.ends_with(0).says("COMPLETE");
    let log = story.read("run/logs/batch_0001.log");
    says(&log, &["attempt 2 ended: ended after 1 s (--batch-timeout)"]);
}

#[test]
fn a_worker_that_eats_memory_is_ended_before_it_eats_the_machine() {
    let story = Story::of("glutton", &["A"], &["--max-rss", "100MiB", "--retries", "0"]);
    story.ends_with(1).says("1 x ended because it had ").says(" MiB of memory (--max-rss)");
    let exit: serde_json::Value =
        serde_json::from_str(&story.read("run/attempts/batch_0001.1/exit.json")).expect("JSON");
    assert!(exit["peak_rss_bytes"].as_u64() > Some(100 << 20), "{exit}");
}

#[test]
fn what_a_worker_leaves_running_is_ended_with_it_also_out_of_its_session_and_environment() {
    let sleeping = || {
        let pids = std::fs::read_dir("/proc").expect("a Linux").flatten();
        pids.filter(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            line.starts_with(b"sleep\x00600\x00") && !environment.windows(4).any(|it| it == b"HOME")
        })
        .count()
    };
    let before = sleeping();
    Story::of("daemon", &["A", "B"], &[]).ends_with(0).says("COMPLETE");
    assert_eq!(sleeping(), before);
}

#[test]
fn a_log_that_grows_without_end_is_cut() {
    let story = Story::of("chatter", &["A"], &["--max-log", "1MiB"]);
    story.ends_with(0).says("COMPLETE");
    let length = |name: &str| {
        std::fs::metadata(story.place.workdir().join("logs").join(name)).expect("a log").len()
    };
    assert!(length("batch_0001.log.1") <= 1 << 20, "what is set aside is bounded");
    assert!(length("batch_0001.log") < 3 << 30, "so is what is written between two looks");
    assert!(story.read("run/logs/batch_0001.log").contains("==== the log had grown to "));
}

#[test]
fn one_ticker_that_kills_its_worker_costs_its_24_neighbours_nothing() {
    let mut tickers: Vec<String> = (0..24).map(|number| format!("T{number}")).collect();
    tickers.insert(11, "BAD".to_owned());
    let tickers: Vec<&str> = tickers.iter().map(String::as_str).collect();
    let story = Story::of("segv", &tickers, &["--retries", "2"]);
    story
        .ends_with(1)
        .says("24 / 25 verified, 1 failed")
        .says("1 x killed by SIGSEGV\n      for example BAD: ");
    let mut worked: Vec<String> = story.read("worked").lines().map(str::to_owned).collect();
    worked.sort();
    worked.dedup();
    assert_eq!(
        (worked.len(), story.read("worked").lines().count()),
        (24, 24),
        "each was worked on once"
    );
}

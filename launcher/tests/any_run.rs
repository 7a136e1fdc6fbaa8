//! Any run: whatever workers do, it comes to its end, and every ticker is done or named.

use launcher::facts::ending::Ending;
use launcher::facts::{Fact, Partway, Report, Unfinished, Word};
use launcher::supervise::batch::BatchState;
use launcher::supervise::machine::{Probe, RunState};
use proptest::prelude::*;
use shared::dataset::summary::Summary;
use shared::market::ticker::Ticker;
use shared::run::events::{Origin, Persistence};
use shared::run::workdir::BatchId;

use crate::machine::{Story, exited, rules};

/// What a worker may do, picked by a number.
fn some_ending(choice: u8) -> Ending {
    match choice % 13 {
        12 => Ending::TimedOut { ran_ms: 1 },
        9 => Ending::TooLarge { rss_bytes: 1 },
        10 => Ending::Stalled { quiet_ms: 1 },
        11 => Ending::Unattended { what: "killed".to_owned() },
        0 | 1 => Ending::Exited { code: 0 },
        2 => Ending::Exited { code: 10 },
        3 => Ending::Exited { code: 11 },
        4 => Ending::Exited { code: 101 },
        5 => Ending::Signaled { signal: 9 },
        6 => Ending::Exited { code: 13 },
        7 => Ending::NotStarted { what: "no memory".to_owned() },
        _ => Ending::Interrupted,
    }
}

fn some_word(choice: u8) -> Option<Word> {
    // Whose trouble it is: the ticker's, the source's, the machine's, or nobody says.
    let failed = |persistence, choice: u8| Word::Failed {
        cause: "x".to_owned(),
        persistence,
        origin: [None, Some(Origin::Ticker), Some(Origin::Source), Some(Origin::Machine)]
            [usize::from(choice / 6 % 4)],
        kind: None,
    };
    match choice % 6 {
        0 | 1 => None,
        2 => Some(Word::Untouched),
        3 => Some(Word::Begun),
        4 => Some(failed(Persistence::Transient, choice)),
        _ => Some(failed(Persistence::Permanent, choice)),
    }
}

/// Any run: `choices` decide what workers do until they are used up; then every worker does its
/// whole work.
pub(crate) fn any_run(choices: &[u8], cap: u32) -> Story {
    any_run_of(&[&["A", "B", "C"], &["D"], &["E", "F"], &["G", "H", "I"]], choices, cap)
}

/// The same of these batches.
pub(crate) fn any_run_of(batches: &[&[&str]], choices: &[u8], cap: u32) -> Story {
    let mut story = Story::of(rules(cap, 1), batches);
    let mut choices = choices.iter().copied();
    for _round in 0..10_000 {
        story.launch();
        assert!(story.machine.running() <= cap, "the cap holds");
        if let Some(outcome) = story.closes() {
            story.hear(Fact::Closed { outcome });
            return story;
        }
        let waits_for_the_disk =
            matches!(story.machine.run(), RunState::Paused { probe: Probe::Folders, .. });
        if waits_for_the_disk && story.machine.running() == 0 {
            story.hear(Fact::PauseLifted);
        }
        let running: Vec<BatchId> = story
            .machine
            .batches()
            .filter(|(_, batch)| matches!(batch.state, BatchState::Running { .. }))
            .map(|(id, _)| id)
            .collect();
        story.pass(1);
        let Some(id) = running.get(usize::from(choices.next().unwrap_or(0)) % running.len().max(1))
        else {
            continue;
        };
        let left: Vec<Ticker> =
            story.machine.batch(*id).expect("it runs").trial().cloned().collect();
        let ending = choices.next().map_or(Ending::Exited { code: 0 }, some_ending);
        let mut report = exited(0, 0, &[]);
        for ticker in left {
            match choices.next().and_then(some_word) {
                Some(word) => {
                    report.unfinished.push(Unfinished {
                        ticker,
                        word,
                        partway: Partway::default(),
                        proven: Summary::default(),
                    });
                }
                None => report.proven.tickers += 1,
            }
        }
        report.ending = ending;
        report.yielded = choices.next().is_some_and(|choice| choice % 2 == 0);
        report.pages =
            choices.next().and_then(|choice| [None, Some(0), Some(7)][usize::from(choice % 3)]);
        for left in &mut report.unfinished {
            let fresh_days = choices.next().unwrap_or(0) % 3;
            left.partway =
                Partway { days: story.entries.len() as u64, fresh_days: fresh_days.into() };
        }
        story.end(id.0, report);
    }
    panic!("the run never came to its end");
}

/// A run whose workers never get anything done and end as `choices` say, again and again.
fn hopeless_run(choices: &[u8], cap: u32) -> Story {
    let mut story = Story::of(rules(cap, 1), &[&["A", "B", "C"], &["D"], &["E", "F"], &["G"]]);
    let mut choices = choices.iter().copied().cycle();
    let mut choose = || choices.next().expect("endless");
    for _round in 0..3000 {
        story.launch();
        if let Some(outcome) = story.closes() {
            story.hear(Fact::Closed { outcome });
            return story;
        }
        if matches!(story.machine.run(), RunState::Paused { probe: Probe::Folders, .. }) {
            story.hear(Fact::PauseLifted);
        }
        story.pass(301);
        for (id, left) in running(&story) {
            // What nobody can be blamed for, as this machine's own trouble, goes on until the run
            // is given up.
            let ending = match some_ending(choose()) {
                Ending::Interrupted | Ending::NotStarted { .. } => Ending::Exited { code: 13 },
                ending => ending,
            };
            let word =
                |choice: u8| some_word(2 + choice % 4 + choice / 4 % 3 * 6).expect("unfinished");
            let partway = Partway { days: 3, fresh_days: u64::from(choose() % 2) };
            let unfinished = |ticker| Unfinished {
                ticker,
                word: word(choose()),
                partway,
                proven: Summary::default(),
            };
            let unfinished: Vec<_> = left.into_iter().map(unfinished).collect();
            let pages = [None, Some(0), Some(7)][usize::from(choose() % 3)];
            let yielded = choose() % 2 == 0;
            story.end(id.0, Report { ending, unfinished, pages, yielded, ..exited(0, 0, &[]) });
        }
    }
    panic!("the run never came to its end");
}

/// What a source that does not change its mind says of a ticker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Served,
    /// Its page is refused each time.
    Refused,
    Unknown,
    /// Not a page comes.
    Silent,
    /// The worker dies of it.
    Deadly,
}

const FATES: [Fate; 5] = [Fate::Served, Fate::Refused, Fate::Unknown, Fate::Silent, Fate::Deadly];

/// The report of a worker that is given `trial`, of whom each has its fate.
fn fated(trial: &[Ticker], fate: impl Fn(&Ticker) -> Fate) -> Report {
    let mut report = exited(0, 0, &[]);
    let failed = |persistence, origin| Word::Failed {
        cause: "x".to_owned(),
        persistence,
        origin: Some(origin),
        kind: None,
    };
    let mut codes = vec![0];
    for ticker in trial {
        let (word, code) = match fate(ticker) {
            Fate::Served => {
                report.proven.tickers += 1;
                continue;
            }
            Fate::Refused => (failed(Persistence::Transient, Origin::Ticker), 10),
            Fate::Unknown => (failed(Persistence::Permanent, Origin::Ticker), 11),
            Fate::Silent => (failed(Persistence::Transient, Origin::Source), 10),
            Fate::Deadly => (Word::Begun, 101),
        };
        let partway = Partway::default();
        report.unfinished.push(Unfinished {
            ticker: ticker.clone(),
            word,
            partway,
            proven: Summary::default(),
        });
        codes.push(code);
    }
    // As the worker says it: a death before all, a later try before none.
    let code = [101, 10, 11].into_iter().find(|code| codes.contains(code)).unwrap_or(0);
    report.ending = Ending::Exited { code };
    report.pages = Some(report.proven.tickers);
    report
}

/// Any run of six tickers that goes as `choices` say, and from then on as the `fates` of its
/// tickers demand. Returns the story, how many attempts that took, and for how long it went on.
fn consistent_run(choices: &[u8], fates: &[Fate], cap: u32) -> (Story, u32, i64) {
    let mut story = Story::of(rules(cap, 1), &[&["A", "B", "C"], &["D"], &["E", "F"]]);
    let mut choices = choices.iter().copied();
    let (mut attempts, mut began_at) = (0, None);
    for _round in 0..20_000 {
        story.launch();
        if let Some(outcome) = story.closes() {
            story.hear(Fact::Closed { outcome });
            let took = began_at.map_or(0, |began_at| story.now.duration_since(began_at).as_secs());
            return (story, attempts, took);
        }
        if matches!(story.machine.run(), RunState::Paused { probe: Probe::Folders, .. }) {
            story.hear(Fact::PauseLifted);
        }
        story.pass(10);
        for (id, trial) in running(&story) {
            let report = if let Some(choice) = choices.next() {
                let word = |ticker: &Ticker| Unfinished {
                    ticker: ticker.clone(),
                    word: some_word(2 + choice % 4 + choice / 4 % 4 * 6).expect("unfinished"),
                    partway: Partway::default(),
                    proven: Summary::default(),
                };
                let unfinished = trial.iter().map(word).collect();
                Report { ending: some_ending(choice), unfinished, ..exited(0, 0, &[]) }
            } else {
                began_at.get_or_insert(story.now);
                attempts += 1;
                fated(&trial, |ticker| fates[usize::from(ticker.as_str().as_bytes()[0] - b'A')])
            };
            story.end(id.0, report);
        }
    }
    panic!("the run never came to its end");
}

proptest! {
    #[test]
    fn from_any_state_a_run_whose_source_is_consistent_ends_soon_and_gives_up_nobody_whom_it_serves(
        choices in proptest::collection::vec(any::<u8>(), 0..60),
        fates in proptest::collection::vec(proptest::sample::select(&FATES[..]), 6),
        cap in 1..5_u32,
    ) {
        let (story, attempts, took) = consistent_run(&choices, &fates, cap);
        prop_assert!(attempts <= 80, "{} attempts", attempts);
        prop_assert!(took <= 3 * 3600, "{} s", took);
        // What was given up before the source became what it is stays so until a person begins the
        // run again.
        if choices.is_empty() {
            let failures = story.machine.batches().flat_map(|(_, batch)| batch.failures().collect::<Vec<_>>());
            for (ticker, failure) in failures {
                let fate = fates[usize::from(ticker.as_str().as_bytes()[0] - b'A')];
                prop_assert!(fate != Fate::Served, "{} is given up: {}", ticker, failure.cause);
            }
        }
    }

    #[test]
    fn a_run_in_which_nothing_gets_done_comes_to_its_end(
        choices in proptest::collection::vec(any::<u8>(), 1..40),
        cap in 1..5_u32,
    ) {
        let story = hopeless_run(&choices, cap);
        let is_closed = matches!(story.machine.run(), RunState::Closed { .. });
        prop_assert!(is_closed);
    }

    #[test]
    fn every_run_comes_to_its_end_and_every_ticker_is_done_or_named(
        choices in proptest::collection::vec(any::<u8>(), 0..300),
        cap in 1..5_u32,
    ) {
        let story = any_run(&choices, cap);
        let (mut done, mut failed) = (0, 0);
        for (_, batch) in story.machine.batches() {
            prop_assert_eq!(batch.left().len(), 0);
            done += batch.proven.tickers;
            failed += batch.failures().len();
        }
        prop_assert_eq!(done + failed as u64, 9);
    }
}

/// Batches with an attempt, each with the tickers that it tries.
fn running(story: &Story) -> Vec<(BatchId, Vec<Ticker>)> {
    let batches = story.machine.batches();
    let running = batches.filter(|(_, it)| matches!(it.state, BatchState::Running { .. }));
    running.map(|(id, batch)| (id, batch.trial().cloned().collect())).collect()
}

//! Promise: every run ends, and what it says is true, in any world that one seed can deal.
//!
//! A world in virtual time around the pure core of launcher, worker and shared: no process, no
//! file, no socket, no clock. Each life is one run, from its first start to a last one in which no
//! trouble is left but what tickers have for good. The same seed leads the same life, step by step:
//! `WORLD_LIFE=SEED` tells it whole.
//!
//! Faults made by hand, and the first of the gate's ten thousand lives that found each when it was
//! made:
//!
//! | fault | life |
//! |---|---|
//! | an answer without rows takes the place of rows (`answers`) | 32 |
//! | what a lost file held is not remembered (`entry`) | 103 |
//! | `evidence::Began::on_wall` is as the run says | 382 |
//! | an answer from the future is believed (`trust`) | 2185 |
//! | a ticker's own trouble counts as the source's (`Word::is_own`) | 0 |
//! | who is sent ahead in vain never pays (`streaks`) | 14 |
//! | closing does not look again (the loop is mirrored in `supervisor`, and so is this fault) | 7 |
//! | a run does not know its own answers by their mark (`trust`) | 2 |
//! | what comes behind a bad partition is dropped (`division`) | 49 |
//! | retries have no bound (`batch`) | 0 |
//!
//! These are rarer, and were found among a million:
//!
//! | fault | life |
//! |---|---|
//! | what an earlier visit brought of a loss counts in this one (`entry::reopen_loss`) | 672969 |
//! | whether the tree can be written is looked at when the visit is over (mirrored in `store`) | 328081 |
//! | rows beyond the stamps of a lost file make good for its own (`entry::lost_elsewhere`) | 321836 |

mod trace;
mod clock;
mod trouble;
mod stages;
mod scenario;
mod source;
mod disk;
mod actions;
mod store;
mod truth;
mod worker;
mod life;
mod promises;
mod prepare;
mod bounds;
mod supervisor;

use std::collections::BTreeMap;
use std::ops::Range;

use launcher::facts::Outcome;
use launcher::supervise::batch::Batch;

use clock::{DAY, HOUR};
use life::{Counts, Life, Wrong};
use scenario::Scenario;
use shared::dataset::trust::Trust;
use stages::Stage;
use supervisor::End;
use tests::harness::effort;
use trace::Trace;

/// More starts than these are no end.
const STARTS: u64 = 40;
/// After so many lives it is said how they go.
const SOME: u64 = 50_000;
/// In so many starts without any trouble left everybody gets what is to be had.
const CALM_STARTS: u64 = 3;

/// What went wrong in a life, after how many steps, and its last words.
struct Failed {
    seed: u64,
    wrong: Wrong,
    steps: u64,
    trace: Trace,
}

/// Leads the life of `seed` to its end.
fn live(seed: u64, trace: Trace) -> Result<Counts, Box<Failed>> {
    let scenario = Scenario::of(seed);
    let mut life = Life::new(&scenario, seed, trace);
    match until_calm(&mut life) {
        Ok(()) => Ok(life.counts),
        Err(wrong) => {
            Err(Box::new(Failed { seed, wrong, steps: life.trace.steps, trace: life.trace }))
        }
    }
}

fn until_calm(life: &mut Life<'_>) -> Result<(), Wrong> {
    let (mut rounds, mut stages) = (life.scenario.rounds, 0);
    while rounds > 0 {
        if life.counts.starts > STARTS {
            return Err(Wrong(format!("{STARTS} starts were not enough")));
        }
        let ended = supervisor::start(life)?;
        if let End::Closed(Outcome::Incomplete { .. }) = ended {
            life.anew_at = life.t;
        }
        if !matches!(ended, End::Killed) || life.counts.kills > 8 {
            rounds -= 1;
        }
        match life.scenario.stages.get(stages) {
            Some(stage) if !matches!(ended, End::Killed) => {
                stages += 1;
                begin_stage(life, stage, &ended);
            }
            Some(_) | None => by_chance(life, &ended),
        }
    }
    calm(life)
}

fn by_chance(life: &mut Life<'_>, ended: &End) {
    let pause = clock::moment(&mut life.dice);
    life.pass_to(life.t + pause);
    if matches!(ended, End::Closed(_)) && life.running.is_empty() && life.dice.once_in(2) {
        let is_anew = life.dice.once_in(2);
        life.begin_another_run(is_anew);
    }
    while life.happens(life.scenario.odds.damage) {
        life.damage();
    }
}

fn begin_stage(life: &mut Life<'_>, stage: &Stage, ended: &End) {
    life.pass_to(life.t.max(stage.at));
    if let Some(is_anew) =
        stage.another.filter(|_| matches!(ended, End::Closed(_)) && life.running.is_empty())
    {
        life.begin_another_run(is_anew);
    }
    for _ in 0..stage.hits {
        life.damage();
    }
}

/// Nothing is wrong any more but what tickers have for good: then one run, or two, bring all that
/// is to be had.
fn calm(life: &mut Life<'_>) -> Result<(), Wrong> {
    life.is_calm = true;
    let from = life.scenario.calm_from().max(life.scenario.clock.right_from());
    let running = life.running.values().map(|running| running.ends_at).max().unwrap_or(0);
    life.pass_to(life.t.max(from).max(running) + DAY + HOUR);
    life.note(|| "== calm".to_owned());
    for _ in 0..CALM_STARTS {
        match supervisor::start(life)? {
            End::Closed(Outcome::Complete) => break,
            End::Closed(_) => {}
            End::Killed | End::Failed | End::Refused => {
                return Err(Wrong("no end although nothing happens".to_owned()));
            }
        }
        let t = life.t + HOUR;
        life.pass_to(t);
    }
    innocents_are_done(life)
}

fn innocents_are_done(life: &Life<'_>) -> Result<(), Wrong> {
    for (whom, security) in life.scenario.securities.iter().enumerate() {
        let to_be_had = life.scenario.to_be_had(whom);
        // As of the run's creation: an empty answer that has become old enough to be asked again is
        // the next run's business.
        let trust = Trust { recheck_at: life.created.1.min(life.now()), ..life.trust() };
        let missing = life.folders[whom].ledger().missing(life.scenario.asked, &trust);
        let missing = missing.intersection(&to_be_had);
        if !missing.is_empty() {
            return Err(Wrong(format!(
                "{} never got {missing}, which is to be had",
                security.ticker
            )));
        }
        for days in to_be_had.ranges() {
            life.must_be_there(&security.ticker, *days)?;
        }
        let batches = life.machine.batches().map(|(_, batch)| batch);
        let mut concerned = batches.filter(|batch| batch.members().contains(&security.ticker));
        let is_left = |batch: &Batch| !batch.done().any(|ticker| *ticker == security.ticker);
        if life.scenario.is_good(whom) && concerned.any(is_left) {
            return Err(Wrong(format!("{} is good and never got done", security.ticker)));
        }
    }
    Ok(())
}

/// Leads lives one after the other. Of those that go wrong the shortest is told.
fn run_all(seeds: Range<u64>) -> Counts {
    let mut all = Counts::default();
    let mut failures: Vec<Failed> = Vec::new();
    let from = seeds.start;
    for seed in seeds {
        if seed > from && seed.is_multiple_of(SOME) {
            eprintln!("{} lives, {} of them went wrong", seed - from, failures.len());
        }
        match live(seed, Trace::off()) {
            Ok(counts) => all += counts,
            Err(failed) => {
                eprintln!("life {seed}, step {}: {}", failed.steps, failed.wrong.0);
                failures.push(*failed);
            }
        }
    }
    if let Some(shortest) = failures.iter().min_by_key(|failed| failed.steps) {
        tell(shortest, &failures);
    }
    all
}

fn tell(failed: &Failed, all: &[Failed]) -> ! {
    let again = live(failed.seed, Trace::on()).expect_err("the same life ends the same way");
    assert_eq!(again.steps, failed.steps, "the same life takes the same steps");
    let mut kinds: BTreeMap<String, (usize, &Failed)> = BTreeMap::new();
    for failed in all {
        let words = failed.wrong.0.replace(|char: char| char.is_ascii_digit(), "");
        let kind: String =
            words.split_whitespace().filter(|word| word.len() != 2).collect::<Vec<_>>().join(" ");
        let known = kinds.entry(kind).or_insert((0, failed));
        known.0 += 1;
        if failed.steps < known.1.steps {
            known.1 = failed;
        }
    }
    let kinds: String = kinds
        .values()
        .map(|(count, failed)| {
            format!(
                "{count} lives like {} ({} steps): {}\n",
                failed.seed, failed.steps, failed.wrong.0
            )
        })
        .collect();
    panic!(
        "{} lives went wrong, the first of them {}; the shortest:\nlife {}, step {}: {}\n{}\n{kinds}(WORLD_LIFE={} tells it whole)",
        all.len(),
        all.first().map_or(failed.seed, |first| first.seed),
        failed.seed,
        failed.steps,
        failed.wrong.0,
        again.trace.last(60),
        failed.seed,
    );
}

/// The life that `WORLD_LIFE` names, if it names one.
#[expect(clippy::disallowed_methods, reason = "a security asks for one life")]
fn asked_for() -> Option<u64> {
    std::env::var("WORLD_LIFE").ok().map(|seed| seed.parse().expect("WORLD_LIFE is a number"))
}

/// A million, or those of `WORLD_LIVES=FROM..TO`.
#[expect(clippy::disallowed_methods, reason = "a security asks for some of them")]
fn many() -> Range<u64> {
    let Ok(asked) = std::env::var("WORLD_LIVES") else { return 0..1_000_000 };
    let ends =
        asked.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    ends.expect("WORLD_LIVES is FROM..TO")
}

#[test]
fn every_run_ends_and_what_it_says_is_true_in_thousands_of_lives() {
    let Some(seed) = asked_for() else {
        eprintln!("{:?}", run_all(0..effort::choose(1_000, 10_000)));
        return;
    };
    eprintln!("{:#?}", Scenario::of(seed));
    match live(seed, Trace::on()) {
        Ok(counts) => eprintln!("{counts:?}"),
        Err(failed) => panic!("{}\n{}", failed.trace.last(usize::MAX), failed.wrong.0),
    }
}

/// Lives that went wrong once, out of a million, and what each of them found.
const ONCE_WRONG: [(u64, &str); 24] = [
    (112_694, "a run that is to end for a refused key waited for a full disk, for ever"),
    (360_219, "and so did one that had sent batches ahead in vain"),
    (
        801_244,
        "a loss that a crash left half asked failed its ticker, though the rest came right after",
    ),
    (110_963, "and so it did where no event told whose trouble that was"),
    (
        313_104,
        "rows were missed of which the only file and the only line had been deleted (the world's own memory)",
    ),
    (
        728,
        "rows of which no line tells give way to an answer that does not bring them (the world's own memory)",
    ),
    (441_371, "a start was taken for done where nothing can be written (the world's own start)"),
    (635_161, "and its attempts were charged"),
    (
        423_137,
        "a clock that was set back took away what an attempt had believed; that counts as a blow",
    ),
    (958_753, "who was told empty by a clock that was ahead is asked again by the next run only"),
    (
        367_631,
        "another supervisor can't know how far the wall was from the clock of the one before",
    ),
    (
        328_081,
        "a tree that could not be written for two seconds was taken for the trouble of a partition, for good",
    ),
    (148_009, "and so it was where a batch went on with others"),
    (291_105, "and beside a ticker whose folder really can't be written"),
    (795_443, "and where the ticker had attempts left, of which none was made"),
    (
        178_606,
        "what an earlier visit had brought of a loss was counted with the answer of a source that had recovered",
    ),
    (
        672_969,
        "and in a run that wants everything anew it was not counted again when it came whole",
    ),
    (
        961_521,
        "days that had come in the same visit before their file was found changed were not asked for again",
    ),
    (
        277_065,
        "a row that a line told of was forgotten with rows that none told of (the world's own memory)",
    ),
    (326_698, "so that nobody was said to have sent it"),
    (
        109_155,
        "rows of which the only line was torn off were known from a line before it (the world's own memory)",
    ),
    (
        243_760,
        "a file still tells which days it was brought without, when the line that told it too is torn off",
    ),
    (352_449, "and so does one that no line ever told of"),
    (
        321_836,
        "as many rows as were lost, on days that the lost file never held, made good for a row that did not come back",
    ),
];

#[test]
fn lives_that_went_wrong_once_do_so_no_more() {
    for (seed, what) in ONCE_WRONG {
        if let Err(failed) = live(seed, Trace::on()) {
            panic!("life {seed}: {what}; now: {}\n{}", failed.wrong.0, failed.trace.last(60));
        }
    }
}

/// With `--release` about a quarter of an hour (`scripts/soak`).
#[test]
#[ignore = "minutes: part of scripts/soak"]
fn every_run_ends_and_what_it_says_is_true_in_a_million_lives() {
    eprintln!("{:?}", run_all(many()));
}

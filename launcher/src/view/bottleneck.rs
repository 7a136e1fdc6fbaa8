//! What holds a run up, in one sentence. Pure: from facts that anybody can see.

use jiff::Timestamp;
use serde::Serialize;
use shared::pace::budget::Usage;
use shared::pace::rate::Rate;
use shared::run::outage::{Outage, Symptom};
use shared::run::size::Size;
use shared::run::workdir::Workdir;

use super::sources::seconds_between;
use super::words::{self, count, counted};

/// The budget counts as used up at this share.
const USED_UP_PERCENT: u64 = 90;
/// A longer wait for a turn means that the rate is the bottleneck, however few requests the last
/// minute had.
const LONG_WAIT_MS: u64 = 1000;

/// A run has sent at least so many requests before its rate is judged.
const EARLY_REQUESTS: u64 = 3;
/// After so many seconds of work every bottleneck above that of few workers has shown itself.
const KNOWN_AFTER_S: u64 = 10;

/// What is known of a running run.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Workers that run.
    pub running: u64,
    /// Workers that may run.
    pub slots: u64,
    /// What running workers report of a source that does not answer them properly.
    pub outages: Vec<Outage>,
    /// The time of the question.
    pub now: Timestamp,
    /// For how long the longest of them has run.
    pub seconds: u64,
    /// Batches that are ready and have no worker.
    pub ready: u64,
    /// Batches that wait for another attempt.
    pub backoff: u64,
    /// The cause of most of these waits.
    pub backoff_cause: Option<&'a str>,
    /// The work directory, for the command that helps.
    pub workdir: &'a Workdir,
    /// Tickers at the same time in one worker.
    pub per_shard_workers: u32,
    /// The rate that the run asks for.
    pub rate: Option<Rate>,
    /// The rate budget, where it is known.
    pub budget: Option<&'a Usage>,
    /// Memory that new processes could get, in bytes, where it is known.
    pub free_memory: Option<u64>,
    /// The most that an attempt has needed, in bytes; 0 if unknown.
    pub peak_rss: u64,
    /// Memory that must stay free, in bytes.
    pub min_free_memory: u64,
    /// Free space for the output, in bytes, where it is known.
    pub free_disk: Option<u64>,
    /// The run pauses when less is free.
    pub min_free_disk: u64,
}

impl Facts<'_> {
    fn change(&self, knob: &str) -> String {
        words::change_command(self.workdir, knob)
    }
}

/// What is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Space for the output.
    Disk,
    /// Answers of the source: it is silent, refuses, or asked everybody to wait.
    Source,
    /// Attempts that end well: most batches wait after errors.
    Errors,
    /// Requests allowed in a minute.
    RateBudget,
    /// Memory of this machine.
    Memory,
    /// Slots for workers.
    Workers,
    /// Work: the last batches run.
    Work,
}

/// What holds the run up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bottleneck {
    /// In one word.
    pub kind: Kind,
    /// In one sentence, with what helps.
    pub sentence: String,
}

/// The first bottleneck that applies; `None` when nothing stands out.
pub fn find(facts: &Facts) -> Option<Bottleneck> {
    let found = disk(facts)
        .map(|sentence| (Kind::Disk, sentence))
        .or_else(|| source(facts).map(|sentence| (Kind::Source, sentence)))
        .or_else(|| errors(facts).map(|sentence| (Kind::Errors, sentence)))
        .or_else(|| rate_budget(facts).map(|sentence| (Kind::RateBudget, sentence)))
        .or_else(|| memory(facts).map(|sentence| (Kind::Memory, sentence)))
        .or_else(|| workers(facts).map(|sentence| (Kind::Workers, sentence)))
        .or_else(|| work(facts).map(|sentence| (Kind::Work, sentence)));
    found.map(|(kind, sentence)| Bottleneck { kind, sentence })
}

fn disk(facts: &Facts) -> Option<String> {
    let free = facts.free_disk.filter(|free| *free < facts.min_free_disk)?;
    let (free, floor) = (words::bytes(free), words::bytes(facts.min_free_disk));
    Some(format!("disk: {free} are free, {floor} must be (--min-free-disk); make room"))
}

fn source(facts: &Facts) -> Option<String> {
    outage(facts).or_else(|| asked_to_wait(facts))
}

/// What most of the workers say that run.
fn outage(facts: &Facts) -> Option<String> {
    let told = facts.outages.len() as u64;
    let since = facts.outages.iter().map(|it| it.since).min()?;
    // The youngest attempt shows the present.
    let Outage { symptom, .. } = *facts.outages.iter().max_by_key(|it| it.since)?;
    if told * 2 < facts.running {
        return None;
    }
    let lasts = words::span(seconds_between(since, facts.now));
    let by = match (told, facts.running) {
        (1, 1) => "the one worker at work says".to_owned(),
        (told, running) if told == running => format!("all {} workers say", count(running)),
        (told, running) => format!("{} of {} workers say", count(told), count(running)),
    };
    let advice = match (symptom, facts.rate) {
        (Symptom::Status(429), None) => {
            format!("a rate within the plan helps, such as: {}", facts.change("--rate 100/min"))
        }
        _ => "they ask again by themselves".to_owned(),
    };
    Some(format!("source: no good answer since {since:.0} ({lasts}): it {symptom}, {by}; {advice}"))
}

fn asked_to_wait(facts: &Facts) -> Option<String> {
    let paused_ms = facts.budget.map(|budget| budget.paused_ms).filter(|ms| *ms > 0)?;
    Some(format!("source: it asked everybody to wait {} s", paused_ms.div_ceil(1000)))
}

fn errors(facts: &Facts) -> Option<String> {
    let is_most = facts.backoff > 0 && facts.backoff >= facts.running;
    let cause = facts.backoff_cause.unwrap_or("no cause was said");
    let waiting = counted(facts.backoff, "batch");
    is_most.then(|| {
        format!("errors: {waiting} in backoff, {} at work ({cause})", count(facts.running))
    })
}

fn rate_budget(facts: &Facts) -> Option<String> {
    let budget = facts.budget?;
    let allowed = budget.allowed_per_minute;
    let is_used_up = |used: u64, seconds: u64| {
        allowed * seconds >= 60 && used * 100 * 60 >= allowed * seconds * USED_UP_PERCENT
    };
    // A run that has just started, or one with few requests a minute, has not used up a whole
    // minute yet.
    let is_used_up = is_used_up(budget.used_last_minute, 60)
        || is_used_up(budget.used_in_8_s, 8)
        || budget.next_turn_ms >= LONG_WAIT_MS;
    // Before that, what was sent since the workers began tells.
    let seconds = facts.seconds;
    let is_early = !is_used_up && seconds < 60 && budget.next_turn_ms > 0 && {
        let (used, earned) = (budget.used_last_minute * 60, allowed * seconds);
        earned >= 60 * EARLY_REQUESTS && used * 100 >= earned * USED_UP_PERCENT
    };
    let (used, allowed) = (count(budget.used_last_minute), count(budget.allowed_per_minute));
    let advice = match facts.rate {
        _ if budget.pace_percent < 100 => "slowed after a 429".to_owned(),
        // The slowest rate of all that use the key counts.
        Some(own) if own != budget.rate => {
            format!(
                "another process on this machine uses the key at {}, or did in the last minute",
                budget.rate
            )
        }
        _ => {
            format!(
                "if the plan allows more: {}",
                facts.change(&format!("--rate {}", budget.rate.doubled()))
            )
        }
    };
    // Where few requests a minute are allowed, a wait says more than how many were sent.
    let is_waited_for = budget.next_turn_ms >= LONG_WAIT_MS
        && budget.used_last_minute * 2 < budget.allowed_per_minute;
    let what = if is_early {
        format!("{used} requests in {seconds} s ({allowed} a minute are allowed)")
    } else if is_waited_for {
        let wait = budget.next_turn_ms.div_ceil(1000);
        format!("the next request waits {wait} s for its turn ({allowed} a minute are allowed)")
    } else {
        format!("{used} of {allowed} requests a minute are used")
    };
    (is_used_up || is_early).then(|| format!("rate budget: {what}; {advice}"))
}

fn memory(facts: &Facts) -> Option<String> {
    let free = facts.free_memory?;
    // As in admission: running workers may still grow.
    let needed =
        facts.min_free_memory.saturating_add(facts.peak_rss.saturating_mul(facts.running + 1));
    let is_short =
        facts.ready > 0 && facts.running > 0 && facts.running < facts.slots && free < needed;
    let (peak, free) = (words::bytes(facts.peak_rss), words::bytes(free));
    let floor = words::bytes(facts.min_free_memory);
    let knob = match (facts.per_shard_workers, facts.min_free_memory) {
        (2.., _) => Some(format!("--per-shard-workers {}", facts.per_shard_workers / 2)),
        (_, 1..) => Some(format!("--min-free-memory {}", Size(facts.min_free_memory / 2))),
        (_, 0) => None,
    };
    let advice = knob.map_or_else(
        || "end something else on this machine".to_owned(),
        |knob| format!("this needs less: {}", facts.change(&knob)),
    );
    is_short.then(|| {
        format!("memory: a worker has needed {peak}, {free} are free, {floor} must stay (--min-free-memory); {advice}")
    })
}

fn workers(facts: &Facts) -> Option<String> {
    let is_full = facts.ready > 0 && facts.running >= facts.slots;
    let (slots, ready) = (count(facts.slots), counted(facts.ready, "batch"));
    let all = if facts.slots == 1 {
        "the one slot is".to_owned()
    } else {
        format!("all {slots} slots are")
    };
    is_full.then(|| {
        let more = facts.change(&format!("--max-concurrent {}", facts.slots.saturating_mul(2)));
        format!("workers: {all} taken, {ready} ready; if this machine is idle: {more}")
    })
}

fn work(facts: &Facts) -> Option<String> {
    let is_last =
        facts.running > 0 && facts.running < facts.slots && facts.ready + facts.backoff == 0;
    // Until then the rate budget can't be judged.
    let is_last = is_last && facts.seconds >= KNOWN_AFTER_S;
    is_last.then(|| format!("work: the last {} under way", counted(facts.running, "worker")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::LazyLock;

    use super::*;

    const AGAIN: &str = "launcher stop --workdir /w && launcher start --workdir /w --resume";

    fn usage(used: u64, pace_percent: u64, paused_ms: u64) -> Usage {
        Usage {
            rate: "500/min".parse().expect("a rate"),
            allowed_per_minute: 500,
            used_last_minute: used,
            used_in_8_s: 0,
            next_turn_ms: 0,
            pace_percent,
            paused_ms,
            taken: 1000,
            refused: 0,
            waited_ms: 0,
        }
    }

    fn facts() -> Facts<'static> {
        static WORKDIR: LazyLock<Workdir> = LazyLock::new(|| Workdir::new(Path::new("/w")));
        Facts {
            workdir: &WORKDIR,
            per_shard_workers: 4,
            rate: Some("500/min".parse().expect("a rate")),
            running: 6,
            seconds: 90,
            slots: 6,
            outages: Vec::new(),
            now: "2024-07-01T12:00:40Z".parse().expect("an instant"),
            ready: 300,
            backoff: 0,
            backoff_cause: None,
            budget: None,
            free_memory: Some(8_000_000_000),
            peak_rss: 30_000_000,
            min_free_memory: 256_000_000,
            free_disk: Some(81_900_000_000),
            min_free_disk: 256_000_000,
        }
    }

    #[track_caller]
    fn says(facts: &Facts, expected: &str) {
        let expected = expected.replace("AGAIN", AGAIN);
        assert_eq!(find(facts).map(|found| found.sentence), Some(expected));
    }

    #[test]
    fn what_is_short_is_named_with_what_helps() {
        says(
            &facts(),
            "workers: all 6 slots are taken, 300 batches ready; if this machine is idle: AGAIN --max-concurrent 12",
        );
        let budget = usage(480, 100, 0);
        says(
            &Facts { budget: Some(&budget), ..facts() },
            "rate budget: 480 of 500 requests a minute are used; if the plan allows more: AGAIN --rate 1000/min",
        );
        says(
            &Facts {
                budget: Some(&budget),
                rate: Some("900/min".parse().expect("a rate")),
                ..facts()
            },
            "rate budget: 480 of 500 requests a minute are used; another process on this machine uses the key at 500/min, or did in the last minute",
        );
        says(
            &Facts { running: 2, free_memory: Some(345_000_000), ..facts() },
            "memory: a worker has needed 30.0 MB, 345.0 MB are free, 256.0 MB must stay (--min-free-memory); this needs less: AGAIN --per-shard-workers 2",
        );
        says(
            &Facts { running: 2, free_memory: Some(345_000_000), per_shard_workers: 1, ..facts() },
            "memory: a worker has needed 30.0 MB, 345.0 MB are free, 256.0 MB must stay (--min-free-memory); this needs less: AGAIN --min-free-memory 125000KiB",
        );
        says(
            &Facts { free_disk: Some(100_000_000), budget: Some(&budget), ..facts() },
            "disk: 100.0 MB are free, 256.0 MB must be (--min-free-disk); make room",
        );
        says(&Facts { running: 2, ready: 0, ..facts() }, "work: the last 2 workers under way");
    }

    #[test]
    fn a_rate_that_holds_the_run_up_is_named_before_a_minute_is_over_and_however_low_it_is() {
        let says_rate = |budget: Usage| {
            let found = find(&Facts { budget: Some(&budget), ..facts() });
            found.is_some_and(|found| found.kind == Kind::RateBudget)
        };
        assert!(says_rate(Usage { used_in_8_s: 62, ..usage(90, 100, 0) }), "after ten seconds");
        assert!(!says_rate(Usage { used_in_8_s: 40, ..usage(90, 100, 0) }));
        let early = Usage {
            rate: "60/min".parse().expect("a rate"),
            allowed_per_minute: 60,
            next_turn_ms: 800,
            ..usage(5, 100, 0)
        };
        let after_4_s = Facts { seconds: 4, running: 1, ready: 0, ..facts() };
        says(
            &Facts { budget: Some(&early), rate: Some(early.rate), ..after_4_s.clone() },
            "rate budget: 5 requests in 4 s (60 a minute are allowed); if the plan allows more: AGAIN --rate 120/min",
        );
        let free = Usage { next_turn_ms: 0, ..early };
        assert_eq!(find(&Facts { budget: Some(&free), ..after_4_s }), None, "not known yet");
        let low = Usage {
            rate: "10/min".parse().expect("a rate"),
            allowed_per_minute: 10,
            ..usage(3, 100, 0)
        };
        assert!(!says_rate(Usage { next_turn_ms: 900, ..low.clone() }), "no wait to speak of");
        let waits = Usage { next_turn_ms: 4000, ..low };
        says(
            &Facts { budget: Some(&waits), rate: Some(waits.rate), ..facts() },
            "rate budget: the next request waits 4 s for its turn (10 a minute are allowed); if the plan allows more: AGAIN --rate 20/min",
        );
    }

    #[test]
    fn a_source_that_fails_comes_before_a_budget_that_is_used() {
        let budget = usage(500, 50, 30_000);
        says(
            &Facts { budget: Some(&budget), ..facts() },
            "source: it asked everybody to wait 30 s",
        );
        says(
            &Facts { running: 1, backoff: 4, backoff_cause: Some("HTTP 503"), ..facts() },
            "errors: 4 batches in backoff, 1 at work (HTTP 503)",
        );
    }

    #[test]
    fn a_source_that_does_not_answer_workers_is_named_with_its_symptom_and_since_when() {
        let at = |time: &str| format!("2024-07-01T{time}Z").parse().expect("an instant");
        let outage = |time, symptom| Outage { since: at(time), symptom };
        let used_up = usage(500, 100, 0);
        let told = |outages: &[Outage]| Facts {
            outages: outages.to_vec(),
            budget: Some(&used_up),
            ..facts()
        };
        let silent = outage("12:00:05", Symptom::Silent);
        says(
            &Facts { running: 1, ..told(&[silent]) },
            "source: no good answer since 2024-07-01T12:00:05Z (35 s): it is silent, the one worker at work says; they ask again by themselves",
        );
        let refuses = outage("12:00:20", Symptom::Status(503));
        says(
            &told(&[refuses, silent, silent]),
            "source: no good answer since 2024-07-01T12:00:05Z (35 s): it answers 503, 3 of 6 workers say; they ask again by themselves",
        );
        says(
            &told(&[refuses, silent]),
            "rate budget: 500 of 500 requests a minute are used; if the plan allows more: AGAIN --rate 1000/min",
        );
        let too_many = outage("12:00:30", Symptom::Status(429));
        says(
            &Facts { rate: None, budget: None, ..told(&[too_many; 6]) },
            "source: no good answer since 2024-07-01T12:00:30Z (10 s): it answers 429 (too many requests), all 6 workers say; \
             a rate within the plan helps, such as: AGAIN --rate 100/min",
        );
    }

    #[test]
    fn where_nothing_stands_out_nothing_is_said() {
        let idle_budget = usage(10, 100, 0);
        let free_slot = Facts { running: 3, ready: 2, budget: Some(&idle_budget), ..facts() };
        assert_eq!(find(&free_slot), None, "about to be filled");
    }
}

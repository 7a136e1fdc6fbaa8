//! Forecasts: in virtual time, what `status` says of how long it takes, held against how long it
//! took.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use launcher::facts::Fact;
use launcher::job::Job;
use launcher::plan::batches::{DEFAULT_SIZE, Load, Weighed, split};
use launcher::plan::request::Request;
use launcher::plan::settings::Batching;
use launcher::plan::weights::Weight;
use launcher::view::eta::Eta;
use launcher::view::recent::Recent;
use launcher::view::snapshot::Snapshot;
use launcher::view::sources::{Sources, Supervised};
use shared::market::ticker::Ticker;
use shared::run::workdir::{BatchId, Workdir};

use crate::frozen::frozen;
use crate::machine::{Story, exited, rules, ticker};
use crate::makespan::{guessed, market, noisy, seconds_of};

const SLOTS: u32 = 8;

fn request(tickers: Vec<Ticker>) -> Request {
    frozen(Job::Minute, tickers, "2024-07-01T11:59:00Z", |args| {
        args.max_concurrent = SLOTS.try_into().ok();
    })
}

fn snapshot(request: &Request, story: &Story) -> Snapshot {
    Snapshot::take(&Sources {
        request,
        workdir: &Workdir::new(Path::new("/w")),
        recent: &Recent::of(&story.entries),
        machine: &story.machine,
        observed: BTreeMap::new(),
        supervised: Supervised::Yes,
        budget: None,
        free_bytes: None,
        workdir_free_bytes: None,
        free_memory: None,
        now: story.now,
    })
}

/// What was said each time that an attempt had ended, and how many seconds it then really took.
struct Told {
    eta: Option<Eta>,
    truth: u64,
    attempts: usize,
}

impl Told {
    fn holds(&self) -> bool {
        self.eta.is_some_and(|eta| (eta.low..=eta.high).contains(&self.truth))
    }
}

/// A run of `tickers`, each of which takes as long as `seconds_of` says, to its end.
fn watched(tickers: Vec<Weighed>, seconds_of: impl Fn(&Ticker) -> i64) -> Vec<Told> {
    let request = request(tickers.iter().map(|weighed| weighed.ticker.clone()).collect());
    let batches = split(tickers, Batching::Size(DEFAULT_SIZE), SLOTS.try_into().expect("not zero"));
    let mut story = Story::of(rules(SLOTS, 0), &[]);
    for (number, Load { tickers, part, weight }) in (1..).zip(batches.iter().cloned()) {
        story.hear(Fact::Planned { batch: BatchId(number), tickers, part, weight });
    }
    let mut ends: BTreeSet<(Timestamp, u32)> = BTreeSet::new();
    let mut said = Vec::new();
    let launch = |story: &mut Story, ends: &mut BTreeSet<(Timestamp, u32)>| {
        for launched in story.launch() {
            let batch: u32 = launched.split_once('.').expect("a name").0.parse().expect("a number");
            let seconds = batches[batch as usize - 1].tickers.iter().map(&seconds_of).sum();
            ends.insert((story.now + SignedDuration::from_secs(seconds), batch));
        }
    };
    launch(&mut story, &mut ends);
    while let Some((at, batch)) = ends.pop_first() {
        story.now = at;
        story.end(batch, exited(0, batches[batch as usize - 1].tickers.len() as u64, &[]));
        launch(&mut story, &mut ends);
        said.push((story.now, snapshot(&request, &story).eta_seconds));
    }
    let end = story.now;
    let told = |(number, (at, eta)): (usize, (Timestamp, Option<Eta>))| Told {
        eta,
        truth: u64::try_from(end.duration_since(at).as_secs()).expect("before the end"),
        attempts: number + 1,
    };
    said.into_iter().enumerate().map(told).collect()
}

#[test]
fn elephants_that_came_first_do_not_make_mice_of_hours() {
    let seconds_of = |ticker: &Ticker| {
        if ticker.as_str()[1..].parse::<u32>().expect("a number") < 20 { 900 } else { 17 }
    };
    let weighed = |number: u64| {
        let ticker = ticker(&format!("T{number}"));
        let rows = u64::try_from(seconds_of(&ticker)).expect("positive") * 10_000;
        Weighed::of(ticker, Weight::Known(rows))
    };
    let told = watched((0..400).map(weighed).collect(), seconds_of);
    for told in &told[2..told.len() - 1] {
        let eta = told.eta.expect("three have finished");
        assert!(
            told.holds(),
            "after {} attempts: {eta:?}, {} s were left",
            told.attempts,
            told.truth
        );
        assert!(eta.high - eta.low <= 1_200, "{eta:?}: an elephant and a little more at most");
    }
}

/// In how many of a hundred looks, from the third attempt to the last, the truth lay within what
/// was said.
fn held(told: &[Told]) -> usize {
    let looks = &told[2..told.len() - 1];
    looks.iter().filter(|told| told.holds()).count() * 100 / looks.len()
}

#[test]
fn the_truth_lies_within_the_interval_whatever_is_known() {
    let market = market(400);
    let of = |weight: &dyn Fn(&Ticker) -> Weight| {
        watched(market.iter().map(|it| Weighed::of(it.clone(), weight(it))).collect(), seconds_of)
    };
    let known = of(&|it| Weight::Known(u64::try_from(seconds_of(it)).expect("positive") * 10_000));
    let unknown = of(&|_| Weight::Unknown);
    assert!(
        held(&known) == 100 && held(&unknown) >= 90,
        "{} % and {} %",
        held(&known),
        held(&unknown)
    );
    for draw in 0..10 {
        let told = watched(guessed(&market, &noisy(&market, draw)), seconds_of);
        assert!(held(&told) >= 98, "{draw}: {} %", held(&told));
        for Told { eta, truth, attempts } in told[2..].iter().filter(|told| told.truth > 60) {
            let likely = eta.expect("three have finished").likely;
            assert!(
                (truth / 3..=truth * 3).contains(&likely),
                "{draw}, after {attempts} attempts: {likely} s are likely, {truth} s were left"
            );
        }
    }
}

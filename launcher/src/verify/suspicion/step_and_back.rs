//! `step-and-back`: a file, or a few in a row, whose prices lie by a factor above or below those
//! right before and right after. It was fetched on another scale than its neighbours.
//!
//! A real split does not come undone, and does not keep to the borders of files. Where daily bars
//! of the same scale are there, `split-ratio` tells more, and this rule looks at them alone.

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;

use super::facts::{PartitionFacts, TickerFacts, TreeFacts};
use super::split_ratio;
use crate::verify::finding::Finding;
use crate::verify::rule::{Rule, Rules};

/// So many files in a row, at most.
const MOST_FILES: usize = 3;
/// So far the step back may differ from the step, as a factor: prices move in between.
const UNDONE: f64 = 1.25;
/// Below this price (USD) a tick is a step.
const LEAST_PRICE: f64 = 0.05;

pub(super) fn find(ticker: &TickerFacts, rules: &Rules) -> Vec<Finding> {
    let least = rules.threshold(Rule::StepAndBack);
    let daily = ticker.tree(Kind::Daily);
    let is_told_by_daily = |tree: &&TreeFacts| {
        tree.kind == Kind::Daily || daily.is_none_or(|daily| daily.adjusted != tree.adjusted)
    };
    let trees = ticker.trees.iter().filter(is_told_by_daily);
    trees.flat_map(|tree| in_tree(ticker, tree, least)).collect()
}

fn in_tree(ticker: &TickerFacts, tree: &TreeFacts, least: f64) -> Vec<Finding> {
    let mut found = Vec::new();
    let files: Vec<&PartitionFacts> =
        tree.files.iter().filter(|file| !file.facts.days.is_empty()).collect();
    let mut at = 1;
    while at < files.len() {
        let Some((to, factor)) = stretch(&files, at, least) else {
            at += 1;
            continue;
        };
        let (first, last) = (files[at], files[to]);
        let reason = format!(
            "its prices are {} those before it, and it is undone right after it ({})",
            split_ratio::words(factor),
            last.partition.period()
        );
        let days = DateRange::new(first.partition.span().from(), last.partition.span().to());
        found.push(Finding { days, ..ticker.finding(tree, first, Rule::StepAndBack, reason) });
        at = to + 2;
    }
    found
}

/// The last file of a stretch that begins with the file `at`, and the factor by which it is off.
fn stretch(files: &[&PartitionFacts], at: usize, least: f64) -> Option<(usize, f64)> {
    let into = step(files[at - 1], files[at])?;
    if into < least && into > 1.0 / least {
        return None;
    }
    let is_end = |to: &usize| {
        let back = files.get(to + 1).and_then(|next| step(files[*to], next));
        back.is_some_and(|back| (1.0 / UNDONE..=UNDONE).contains(&(into * back)))
    };
    let last = (at + MOST_FILES).min(files.len());
    // Within the stretch nothing steps.
    let mut within = (at..last).take_while(|to| {
        *to == at
            || step(files[to - 1], files[*to])
                .is_some_and(|step| step < least && step > 1.0 / least)
    });
    within.find(is_end).map(|to| (to, into))
}

/// The factor between the last price of a file and the first of the next; `None` where they are not
/// neighbours, or the prices are too small to tell.
fn step(one: &PartitionFacts, next: &PartitionFacts) -> Option<f64> {
    let (last, first) = (one.facts.days.last()?, next.facts.days.first()?);
    let most_days = match one.partition {
        Partition::Year(_) | Partition::Month(..) => 10,
        Partition::Day(_) => 5,
    };
    let (before, after) =
        (last.regular_close.unwrap_or(last.close), first.regular_open.unwrap_or(first.open));
    let is_told = before >= LEAST_PRICE
        && after >= LEAST_PRICE
        && last.day.days_until(first.day) <= most_days;
    is_told.then(|| after / before)
}

//! The batches that a name means: a batch of that name (`batch_0001`: no ticker has an underscore),
//! or the batches of a ticker, several if it was split by date.

use shared::market::ticker::Ticker;
use shared::run::workdir::{BatchId, Workdir};

use super::failure::Failure;
use super::stored_run;
use crate::supervise::machine::Machine;

/// How many tickers an error names instead of an unknown one.
const NAMED_MAX: usize = 8;
const BATCH_PREFIX: &str = "batch_";

/// The batch called `name`, or the batches of the ticker of that name; at least one.
pub fn batches(name: &str, machine: &Machine, workdir: &Workdir) -> Result<Vec<BatchId>, Failure> {
    if name.starts_with(BATCH_PREFIX) {
        let known = name.parse().ok().filter(|batch: &BatchId| machine.batch(*batch).is_some());
        let unknown =
            || Failure::UnknownBatch { name: name.to_owned(), known: all_batches(machine) };
        return Ok(vec![known.ok_or_else(unknown)?]);
    }
    let ticker = ticker(name, workdir)?;
    let batches = of_ticker(&ticker, machine);
    if batches.is_empty() { Err(Failure::InNoBatch { ticker }) } else { Ok(batches) }
}

/// The ticker called `name`, which must be in the run.
pub fn ticker(name: &str, workdir: &Workdir) -> Result<Ticker, Failure> {
    let tickers = stored_run::request(workdir)?.frozen_tickers(workdir)?;
    let known = tickers.iter().find(|ticker| ticker.as_str() == name);
    known.cloned().ok_or_else(|| Failure::UnknownTicker {
        name: name.to_owned(),
        known: listed(&tickers, name),
    })
}

/// The batches that have `ticker`, in the order of their days.
pub fn of_ticker(ticker: &Ticker, machine: &Machine) -> Vec<BatchId> {
    let has_it = machine.batches().filter(|(_, batch)| batch.members().contains(ticker));
    let mut batches: Vec<_> = has_it.map(|(id, batch)| (batch.part(), id)).collect();
    batches.sort_unstable();
    batches.into_iter().map(|(_, id)| id).collect()
}

/// What there is instead: first tickers that differ in case, or in a dash for a dot, then those
/// with the same first letter.
fn listed(tickers: &[Ticker], name: &str) -> String {
    let first = name.chars().next();
    let is_alike = |ticker: &&Ticker| {
        ticker.as_str().chars().next().map(|c| c.to_ascii_uppercase())
            == first.map(|c| c.to_ascii_uppercase())
    };
    let (alike, others): (Vec<_>, Vec<_>) = tickers.iter().partition(is_alike);
    // Share classes have a dot here and a dash elsewhere.
    let plain = |name: &str| name.to_ascii_uppercase().replace('-', ".");
    let wanted = plain(name);
    let same = |ticker: &&&Ticker| plain(ticker.as_str()) == wanted;
    let mut names: Vec<&str> = alike.iter().filter(same).map(|ticker| ticker.as_str()).collect();
    names.extend(alike.iter().filter(|ticker| !same(ticker)).map(|ticker| ticker.as_str()));
    names.extend(others.iter().map(|ticker| ticker.as_str()));
    let more = if names.len() > NAMED_MAX { ", ..." } else { "" };
    names.truncate(NAMED_MAX);
    format!("{}{more}", names.join(", "))
}

fn all_batches(machine: &Machine) -> String {
    match machine.next_batch().0 - 1 {
        0 => "it has none".to_owned(),
        1 => format!("it has {}", BatchId(1)),
        last => format!("it has {} to {}", BatchId(1), BatchId(last)),
    }
}

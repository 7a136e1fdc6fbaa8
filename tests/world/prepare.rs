//! Preparing: what a journal lacks when a run is begun, or begun again, and before it is closed:
//! `launcher`'s `prepare`, with the ledgers of the simulated disk.

use jiff::Timestamp;
use launcher::facts::{Fact, Tally};
use launcher::plan::part::{self, Part};
use launcher::plan::weights::Weight;
use launcher::supervise::batch::BatchState;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::partition::Partition;
use shared::dataset::trust::Trust;
use shared::market::ticker::Ticker;
use shared::run::workdir::BatchId;

use super::life::Life;

/// As `prepare::prepare` does it, at `now`.
pub(crate) fn prepared(life: &Life<'_>, now: Timestamp) -> Vec<Fact> {
    let trust = Trust { recheck_at: now, ..life.trust() };
    let proof = |ticker: &Ticker, part: Part| {
        let ledger = life.folders[life.security(ticker)].ledger();
        let days = part.days(life.scenario.asked);
        ledger
            .missing(days, &trust)
            .is_empty()
            .then(|| Tally::of_ticker(ledger.summary(days, &trust)))
    };
    let mut facts = vec![Fact::Surveyed { proven: Tally::default() }];
    for (id, batch) in life.machine.batches() {
        if matches!(batch.state, BatchState::Running { .. }) {
            continue;
        }
        let mut proven = Tally::default();
        let mut unfinished = Vec::new();
        for ticker in batch.done() {
            match proof(ticker, batch.part()) {
                Some(tally) => proven += tally,
                None => unfinished.push(ticker.clone()),
            }
        }
        if !unfinished.is_empty() {
            facts.push(Fact::Reopened { batch: id, unfinished, proven });
        }
    }
    let (mut surveyed, mut unproven) = (Tally::default(), Vec::new());
    for (tickers, part) in plan(life) {
        let (proven, short): (Vec<_>, Vec<_>) = tickers
            .into_iter()
            .map(|ticker| (proof(&ticker, part), ticker))
            .partition(|(tally, _)| part.is_whole() && tally.is_some());
        proven.into_iter().filter_map(|(tally, _)| tally).for_each(|tally| surveyed += tally);
        if !short.is_empty() {
            unproven.push((short.into_iter().map(|(_, ticker)| ticker).collect::<Vec<_>>(), part));
        }
    }
    facts[0] = Fact::Surveyed { proven: surveyed };
    let first = life.machine.next_batch().0;
    facts.extend((first..).zip(unproven).map(|(number, (tickers, part))| Fact::Planned {
        batch: BatchId(number),
        tickers,
        part,
        weight: Weight::Unknown,
    }));
    facts
}

/// Who is in no batch, and who is to work on them. A split ticker has two parts, cut where a
/// partition begins; of a plan that was torn off the days that are missing.
fn plan(life: &Life<'_>) -> Vec<(Vec<Ticker>, Part)> {
    let scenario = life.scenario;
    let planned_of = |ticker: &Ticker| -> Coverage {
        let batches = life.machine.batches().map(|(_, batch)| batch);
        let own = batches.filter(|batch| batch.members().contains(ticker));
        own.map(|batch| batch.part().days(scenario.asked)).collect()
    };
    let missing = |ticker: &Ticker| Coverage::from(scenario.asked).minus(&planned_of(ticker));
    let mut plan = Vec::new();
    let mut whole = Vec::new();
    for (number, security) in scenario.securities.iter().enumerate() {
        let missing = missing(&security.ticker);
        if scenario.is_split && number == 0 && missing == Coverage::from(scenario.asked) {
            let slices = Partition::within(scenario.kind, scenario.asked)
                .filter_map(|partition| Some((partition.span().intersection(scenario.asked)?, 10)));
            let parts = part::cut(&slices.collect::<Vec<_>>(), 2);
            plan.extend(parts.into_iter().map(|(part, _)| (vec![security.ticker.clone()], part)));
        } else if missing == Coverage::from(scenario.asked) {
            whole.push(security.ticker.clone());
        } else {
            let part =
                |days: &DateRange| (vec![security.ticker.clone()], Part::of(*days, scenario.asked));
            plan.extend(missing.ranges().iter().map(part));
        }
    }
    plan.extend(whole.chunks(scenario.batch_size).map(|tickers| (tickers.to_vec(), Part::WHOLE)));
    plan
}

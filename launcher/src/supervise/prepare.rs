//! Preparation: which tickers need work, and the facts that put them into batches. For a new run
//! and for `--resume`; batches that exist stay as they are.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use shared::dataset::coverage::Coverage;
use shared::dataset::ledger::{Ledger, Summary};
use shared::disk::audience::Audience;
use shared::disk::publish::{self, DiskError};
use shared::market::ticker::Ticker;
use shared::run::ticker_list::TickerList;
use shared::run::workdir::{BatchId, Workdir};

use super::batch::{Batch, BatchState};
use super::evidence::{self, TickerProof};
use super::machine::Machine;
use super::totals::Totals;
use crate::facts::{Fact, Tally};
use crate::plan::batches::{self, FairShare, Load, Weighed};
use crate::plan::part::{self, Part};
use crate::plan::request::Request;
use crate::plan::weights::{self, Account, OwnRows, Sizes, Weight};
use crate::process::unsynced;
use crate::run::shared_folders::SharedFolders;

/// Facts for the machine, and how their new batches were weighed.
pub struct Prepared {
    /// In this order.
    pub facts: Vec<Fact>,
    /// The tickers in new batches, each once.
    pub weighed_by: Account,
    /// Files that were read whole because they did not look as recorded.
    pub read_whole: usize,
}

/// The `tickers` that are in no batch yet.
pub fn unbatched<'a>(machine: &Machine, tickers: &'a [Ticker]) -> Vec<&'a Ticker> {
    let batched: HashSet<&Ticker> =
        machine.batches().flat_map(|(_, batch)| batch.members()).collect();
    tickers.iter().filter(|ticker| !batched.contains(ticker)).collect()
}

/// The facts that bring `machine` up to what the outdir proves at `now`. `sizes` serve for tickers
/// without a ledger.
pub fn prepare(
    machine: &Machine,
    request: &Request,
    tickers: &[Ticker],
    sizes: &Sizes,
    now: Timestamp,
) -> Prepared {
    let shared_folders = SharedFolders::among(&request.settings.outdir, tickers);
    let inputs = Inputs { request, shared_folders: &shared_folders, now };
    let Survey { proven, rows, short, partly, mut read_whole } =
        inputs.survey(unbatched(machine, tickers), Part::WHOLE);
    let (weights, weighed_by) = weights::weigh(&short, &rows, sizes);
    let weighed = |((ticker, _), weight): ((Ticker, _), Weight)| Weighed::of(ticker, weight);
    let mut unproven: Vec<Weighed> = short.into_iter().zip(weights).map(weighed).collect();
    if request.may_split() {
        unproven = split_by_date(unproven, request, now);
    }
    unproven.extend(torn_off(machine, request));

    let mut facts: Vec<Fact> = changes(machine, request).collect();
    facts.push(Fact::Surveyed { proven });
    for (id, batch) in machine.batches() {
        let (reopened, read) = inputs.reopened(id, batch);
        facts.extend(reopened.into_iter().flatten());
        read_whole += read;
    }
    let first = machine.next_batch().0;
    let new = batches::split(unproven, request.batching(), request.settings.max_concurrent);
    for (batch, Load { tickers, part, weight }) in (first..).map(BatchId).zip(new) {
        let members = inputs.partly_proven(&partly, &tickers, part);
        facts.push(Fact::Planned { batch, tickers, part, weight });
        facts.extend(said_partly(batch, members));
    }
    Prepared { facts, weighed_by, read_whole }
}

fn said_partly(batch: BatchId, members: Vec<(Ticker, Summary)>) -> Option<Fact> {
    (!members.is_empty()).then_some(Fact::PartlyProven { batch, members })
}

/// Changes of the run that `run.json` has and the journal does not have yet.
fn changes<'a>(machine: &Machine, request: &'a Request) -> impl Iterator<Item = Fact> + use<'a> {
    let unsaid = (1..).zip(&request.changes).skip(machine.changes());
    unsaid.map(|(number, changed)| Fact::Changed {
        knobs: changed.knobs.clone(),
        rules: request.rules_after(number),
    })
}

/// Is there work that no supervisor has started yet? A closed run may have been extended or
/// prepared since by a process that died before it got further.
pub fn leaves_work(machine: &Machine, request: &Request) -> bool {
    let Totals { verified, reported, failed } = machine.totals();
    let extended_at = request.extensions.last().map(|extension| extension.at);
    machine.outcome().is_none()
        || verified + reported + failed < request.tickers as u64
        || extended_at > machine.surveyed_at()
}

/// Writes the planned batches as lists, for people. The journal is the truth about batches.
pub fn write_batch_files(workdir: &Workdir, facts: &[Fact]) -> Result<(), DiskError> {
    for folder in ["batches", "logs", "pids", "attempts"].map(|name| workdir.root().join(name)) {
        publish::create_folder_for(Audience::Owner, &folder)?;
    }
    for fact in facts {
        if let Fact::Planned { batch, tickers, .. } = fact {
            unsynced::write(&workdir.batch_csv(*batch), &TickerList::text(tickers))?;
        }
    }
    Ok(())
}

/// Replaces a ticker that is too heavy for one worker by its parts.
fn split_by_date(tickers: Vec<Weighed>, request: &Request, now: Timestamp) -> Vec<Weighed> {
    let Some(fair) = FairShare::of(&tickers, request.settings.max_concurrent) else {
        return tickers;
    };
    let parts = |weighed: Weighed| {
        let count = match weighed.weight {
            Weight::Known(rows) => fair.parts(rows),
            // Only known rows tell how many parts to make, and where to cut.
            Weight::Guessed(_) | Weight::Unknown => 1,
        };
        let slices = if count > 1 { evidence::slices(request, &weighed.ticker, now) } else { None };
        let Some(slices) = slices else { return vec![weighed] };
        let part = |(part, rows)| Weighed { part, weight: Weight::Known(rows), ..weighed.clone() };
        part::cut(&slices, count).into_iter().map(part).collect()
    };
    tickers.into_iter().flat_map(parts).collect()
}

/// Days of split tickers that are in no batch: a crash can cut off the end of a plan.
fn torn_off(machine: &Machine, request: &Request) -> Vec<Weighed> {
    let mut planned: BTreeMap<&Ticker, Coverage> = BTreeMap::new();
    for (_, batch) in machine.batches().filter(|(_, batch)| !batch.part().is_whole()) {
        for ticker in batch.members() {
            let days = planned.entry(ticker).or_default();
            *days = days.union(&batch.part().days(request.days()).into());
        }
    }
    let missing = |(ticker, days): (&Ticker, Coverage)| {
        let missing = Coverage::from(request.days()).minus(&days);
        let part = |days| Weighed {
            part: Part::of(days, request.days()),
            ..Weighed::of(ticker.clone(), Weight::Unknown)
        };
        missing.ranges().iter().copied().map(part).collect::<Vec<_>>()
    };
    planned.into_iter().flat_map(missing).collect()
}

/// What the outdir proves about some tickers.
#[derive(Default)]
struct Survey {
    proven: Tally,
    /// Rows of each proven ticker.
    rows: Vec<(Ticker, u64)>,
    /// Tickers that need work.
    short: Vec<(Ticker, Option<OwnRows>)>,
    /// What is proven of these all the same, where anything is.
    partly: BTreeMap<Ticker, Summary>,
    /// Files that were read whole since they were not found as recorded.
    read_whole: usize,
}

/// What is needed to look at the outdir.
#[derive(Clone, Copy)]
struct Inputs<'a> {
    request: &'a Request,
    /// Tickers whose folders belong to others.
    shared_folders: &'a SharedFolders,
    now: Timestamp,
}

impl Inputs<'_> {
    /// A batch whose done members are not all proven any more: a file is gone, or the run is longer
    /// now.
    fn reopened(self, id: BatchId, batch: &Batch) -> (Option<Vec<Fact>>, usize) {
        // A running attempt is checked when it ends.
        if matches!(batch.state, BatchState::Running { .. }) {
            return (None, 0);
        }
        // A ticker that a script has reported has no ledger to check. Only the number of such
        // tickers is known: if more tickers are without a ledger now, one has lost its own, and all
        // are in doubt.
        let has_ledger =
            |ticker: &&Ticker| Ledger::path(&self.request.settings.outdir, ticker).exists();
        let (with, without): (Vec<_>, Vec<_>) = batch.done().partition(has_ledger);
        let vouched_for = without.len() as u64 <= batch.reported;
        let looked_at = with.into_iter().chain(without.into_iter().filter(|_| !vouched_for));
        let Survey { proven, short, partly, read_whole, .. } = self.survey(looked_at, batch.part());
        let unfinished: Vec<Ticker> = short.into_iter().map(|(ticker, _)| ticker).collect();
        if unfinished.is_empty() {
            return (None, read_whole);
        }
        let reopened = Fact::Reopened { batch: id, unfinished, proven };
        let partly = said_partly(id, partly.into_iter().collect());
        (Some([reopened].into_iter().chain(partly).collect()), read_whole)
    }

    /// What is proven of `tickers`, which need work in `part`; `partly` says it of whole tickers.
    fn partly_proven(
        self,
        partly: &BTreeMap<Ticker, Summary>,
        tickers: &[Ticker],
        part: Part,
    ) -> Vec<(Ticker, Summary)> {
        let days = part.days(self.request.days());
        let of = |ticker: &Ticker| {
            let proven = if part.is_whole() {
                *partly.get(ticker)?
            } else {
                evidence::so_far(self.request, ticker, days, self.now).1
            };
            (proven != Summary::default()).then(|| (ticker.clone(), proven))
        };
        tickers.iter().filter_map(of).collect()
    }

    fn survey<'a>(self, tickers: impl IntoIterator<Item = &'a Ticker>, part: Part) -> Survey {
        let mut survey = Survey::default();
        let days = part.days(self.request.days());
        for ticker in tickers {
            let (proof, read_whole) = evidence::look(self.request, ticker, days, self.now);
            survey.read_whole += read_whole;
            let proven = proof.summary();
            let rows = match proof {
                // Its own batch will name it.
                _ if self.shared_folders.has(ticker) => None,
                TickerProof::Proven(summary) => {
                    survey.proven += Tally::of_ticker(summary);
                    survey.rows.push((ticker.clone(), summary.rows));
                    continue;
                }
                TickerProof::Short { rows, .. } => rows,
                // The worker reports an unusable ledger, for this ticker alone.
                TickerProof::NoLedger | TickerProof::Unusable { .. } => None,
            };
            if proven != Summary::default() && !self.shared_folders.has(ticker) {
                survey.partly.insert(ticker.clone(), proven);
            }
            survey.short.push((ticker.clone(), rows));
        }
        survey
    }
}

//! `launcher verify --repair`: sets aside what is damaged, downloads what is missing by an ordinary
//! run, verifies again, and so on until nothing changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::descriptor;
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::dataset::recorded;
use shared::dataset::set_aside::{self, Why};
use shared::disk::audience::Audience;
use shared::disk::lock::Lock;
use shared::disk::publish;
use shared::error_chain::with_causes;
use shared::market::ticker::Ticker;
use shared::run::ticker_list::TickerList;
use shared::run::workdir::Workdir;

use super::asking::{self, Asked};
use crate::cli::StartArgs;
use crate::cli::again::{RepairArgs, RepairWhat, SourceArgs};
use crate::command::failure::Failure;
use crate::command::start;
use crate::facts::Outcome;
use crate::job::Job;
use crate::plan::request::Request;
use crate::plan::settings::Program;
use crate::process::clock;
use crate::supervise::journal;
use crate::supervise::locks;
use crate::supervise::machine::RunState;
use crate::verify::repair::outcome::{Outcome as TreeOutcome, Rows};
use crate::verify::repair::plan::{Extent, Plan};
use crate::verify::report::{Report, TreeReport};
use crate::view::words::{self, say};

/// A source that says something else each time must not keep us for ever.
const MOST_ROUNDS: u32 = 8;

impl From<RepairWhat> for Extent {
    fn from(what: RepairWhat) -> Self {
        match what {
            RepairWhat::Damaged => Self::Damage,
            RepairWhat::Suspect => Self::Suspicion,
        }
    }
}

/// What came of it.
pub struct Repaired {
    /// The last verify.
    pub report: Report,
    /// What was done in each tree.
    pub outcomes: Vec<TreeOutcome>,
}

/// A tree under repair.
struct Patient<'a> {
    kind: Kind,
    root: &'a Path,
    /// Of its runs.
    workdir: Workdir,
    outcome: TreeOutcome,
    /// What the last round was to do.
    last: Option<Plan>,
    /// Tickers and days of the run that we have made here.
    made: Option<(BTreeSet<Ticker>, DateRange)>,
}

/// How it is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// What was asked for.
    pub args: &'a RepairArgs,
    /// Which findings.
    pub what: RepairWhat,
    /// Whom to ask.
    pub source: &'a SourceArgs,
    /// Where the runs are kept.
    pub workdir: &'a Workdir,
    /// How often the verify wants an empty answer given again before it believes it.
    pub recheck_empty: u32,
}

/// Repairs what `first` has found; `verify` looks again.
pub fn repair(
    means: Means<'_>,
    first: Report,
    mut verify: impl FnMut() -> Result<Report, Failure>,
) -> Result<Repaired, Failure> {
    let base = means.workdir;
    let roots: Vec<(Kind, PathBuf)> = first.trees.iter().filter_map(root_of).collect();
    let mut patients: Vec<Patient<'_>> = roots
        .iter()
        .map(|(kind, root)| Patient {
            kind: *kind,
            root,
            workdir: match roots.len() {
                1 => base.clone(),
                _ => Workdir::new(&base.root().join(kind.name())),
            },
            outcome: TreeOutcome { tree: Some((*kind).into()), ..TreeOutcome::default() },
            last: None,
            made: None,
        })
        .collect();
    let mut report = first;
    for patient in &patients {
        patient.prove(&patient.plan(&report, means), means)?;
    }
    for _ in 0..MOST_ROUNDS {
        let mut is_done = true;
        for patient in &mut patients {
            let plan = patient.plan(&report, means);
            // Nothing has changed: the source was asked and has no more to say.
            if plan.is_empty() || patient.last.as_ref() == Some(&plan) {
                continue;
            }
            is_done = false;
            patient.treat(plan, means)?;
        }
        if is_done {
            break;
        }
        report = verify()?;
    }
    patients.iter_mut().for_each(Patient::count_rows);
    let outcomes = patients.into_iter().map(|patient| patient.outcome).collect();
    Ok(Repaired { report, outcomes })
}

fn root_of(tree: &TreeReport) -> Option<(Kind, PathBuf)> {
    Some((tree.kind.data()?, tree.root.clone()))
}

impl Patient<'_> {
    /// What `report` asks for.
    fn plan(&self, report: &Report, means: Means<'_>) -> Plan {
        let found = report.findings.iter().filter(|it| it.tree == self.kind.into());
        Plan::of(found, self.kind, report.days, means.what.into())
    }

    /// Can `plan` be done? Asked before anything is changed, in any of the trees.
    fn prove(&self, plan: &Plan, means: Means<'_>) -> Result<(), Failure> {
        if plan.is_empty() {
            return Ok(());
        }
        refuse_running(self.root)?;
        self.run_that_goes_on(plan)?;
        let asked = Asked::of(means.source, &self.workdir, self.root, self.kind)?;
        asked.prove(self.root, self.workdir.root())
    }

    /// One round.
    fn treat(&mut self, plan: Plan, means: Means<'_>) -> Result<(), Failure> {
        refuse_running(self.root)?;
        let goes_on = self.run_that_goes_on(&plan)?;
        if self.outcome.rounds == 0 {
            self.outcome.partitions = plan.partitions(self.kind);
            self.outcome.earlier = self.kept_before(&plan);
        }
        self.outcome.workdir = Some(self.workdir.root().to_owned());
        self.outcome.trouble.clear();
        let mut more = self.set_aside(&plan);
        self.outcome.did(&plan);
        let days = plan.hull().map_or(more.clone(), |hull| more.union(&hull.into()));
        if let Some(days) = days.hull() {
            more = more.union(&self.clear_the_way(goes_on, &plan, days)?);
        }
        // A run would write over what could not be set aside.
        if !self.outcome.trouble.is_empty() {
            self.outcome.trouble.push("nothing was downloaded over it".to_owned());
            self.last = Some(plan);
            return Ok(());
        }
        if let Some(days) = days.union(&more).hull() {
            let start = match goes_on {
                GoesOn::AsItIs => asking::start(means.source, self.workdir.root()),
                GoesOn::AsOurs => self.our_run(&plan, days, means)?,
            };
            say(&format!(
                "repairing {} in {}\n",
                self.root.display(),
                self.workdir.root().display()
            ))
            .map_err(Failure::Output)?;
            start::start(&start)?;
            self.refuse_stopped()?;
            self.tell_left_out(&more);
        }
        self.last = Some(plan);
        Ok(())
    }

    /// What earlier repairs set aside of what `plan` asks for.
    fn kept_before(&self, plan: &Plan) -> Vec<PathBuf> {
        let aside = self.root.join(set_aside::FOLDER);
        let has_some = |ticker: &Ticker| aside.join(ticker.as_str()).is_dir();
        let asked = plan.work.iter().filter(|(ticker, _)| has_some(ticker));
        let kept = asked.flat_map(|(ticker, work)| {
            let ranges = work.days.ranges().iter();
            let partitions: BTreeSet<Partition> =
                ranges.flat_map(|days| Partition::within(self.kind, *days)).collect();
            let of = |it| set_aside::kept_of(self.root, self.kind, ticker, it);
            partitions.into_iter().flat_map(of).collect::<Vec<PathBuf>>()
        });
        kept.collect()
    }

    /// The rows of `ticker` by its ledger; none where it can't be read.
    fn rows_of(&self, ticker: &Ticker) -> BTreeMap<Partition, u64> {
        let read = recorded::read(self.root, self.kind, ticker);
        let records = read.ok().flatten().unwrap_or_default();
        records.into_iter().filter_map(|it| Some((it.partition, it.file?.rows))).collect()
    }

    /// How many rows came for what was set aside.
    fn count_rows(&mut self) {
        let tickers: BTreeSet<Ticker> =
            self.outcome.replaced.keys().map(|(ticker, _)| ticker.clone()).collect();
        let now: BTreeMap<Ticker, BTreeMap<Partition, u64>> =
            tickers.into_iter().map(|it| (it.clone(), self.rows_of(&it))).collect();
        for ((ticker, partition), rows) in &mut self.outcome.replaced {
            rows.after = now[ticker].get(partition).copied().unwrap_or(0);
        }
    }

    /// Sets aside every file that the run may write over and that no ledger line proves; returns the
    /// days that ledgers told of there.
    fn clear_the_way(
        &mut self,
        goes_on: GoesOn,
        plan: &Plan,
        days: DateRange,
    ) -> Result<Coverage, Failure> {
        let mut tickers: BTreeSet<Ticker> = plan.work.keys().cloned().collect();
        let mut all = Coverage::from(days);
        if let Some((before, of_them)) = &self.made {
            tickers.extend(before.iter().cloned());
            all = all.union(&(*of_them).into());
        }
        if goes_on == GoesOn::AsItIs
            && let Some(frozen) = Request::read(&self.workdir)?
        {
            tickers.extend(frozen.frozen_tickers(&self.workdir)?);
            all = all.union(&frozen.days().into());
        }
        let (all, at) = (all.hull().unwrap_or(days), clock::now());
        let mut told = Coverage::empty();
        for ticker in &tickers {
            match set_aside::unproven(self.root, self.kind, ticker, all, at) {
                Ok(aside) => {
                    for it in aside {
                        self.outcome.aside.extend(it.file);
                        told = told.union(&it.days);
                    }
                }
                Err(error) => {
                    self.outcome.trouble.push(format!("{ticker}: {}", with_causes(&error)));
                }
            }
        }
        Ok(told)
    }

    /// Sets aside what `plan` says; returns the days that ledgers proved there.
    fn set_aside(&mut self, plan: &Plan) -> Coverage {
        let (kind, root, at) = (self.kind, self.root, clock::now());
        let mut days = Coverage::empty();
        for (ticker, work) in &plan.work {
            let rows = if work.aside.is_empty() { BTreeMap::new() } else { self.rows_of(ticker) };
            if let Some(rule) = work.ledger {
                match set_aside::ledger(root, kind, ticker, Why { at, rule: rule.name() }) {
                    Ok(aside) => self.outcome.aside.push(aside.file),
                    Err(error) => self.outcome.trouble.push(with_causes(&error)),
                }
            }
            for (path, rule) in &work.strays {
                let why = Why { at, rule: rule.name() };
                match set_aside::stray(root, ticker, path, why) {
                    Ok(aside) => self.outcome.aside.extend(aside),
                    Err(error) => self.outcome.trouble.push(with_causes(&error)),
                }
            }
            for (partition, rule) in &work.aside {
                let why = Why { at, rule: rule.name() };
                match set_aside::partition(root, kind, ticker, *partition, why) {
                    Ok(aside) => {
                        if let Some(file) = aside.file {
                            self.outcome.aside.push(file);
                            let of = (ticker.clone(), *partition);
                            let before = rows.get(partition).copied();
                            // What stood there before the first round counts.
                            let new = Rows { before, after: 0 };
                            self.outcome.replaced.entry(of).or_insert(new);
                        }
                        days = days.union(&aside.days);
                    }
                    Err(error) => {
                        let what = with_causes(&error);
                        let of = format!("{ticker} {}: {what}", partition.period());
                        self.outcome.trouble.push(of);
                    }
                }
            }
        }
        days
    }

    /// A run that was stopped is not begun again by the next round.
    fn refuse_stopped(&self) -> Result<(), Failure> {
        let Some(frozen) = Request::read(&self.workdir)? else { return Ok(()) };
        let machine = journal::follow(&self.workdir, frozen.first_rules())?;
        match machine.run() {
            RunState::Closed { outcome: Outcome::Stopped { why } } => {
                let (workdir, why) = (self.workdir.root().to_owned(), words::stop_why(why));
                Err(Failure::RepairStopped { workdir, why })
            }
            RunState::Closed { outcome: Outcome::Complete | Outcome::Incomplete { .. } }
            | RunState::Planned
            | RunState::Open
            | RunState::Paused { .. }
            | RunState::Stopping { .. } => Ok(()),
        }
    }

    /// A file holds days that nobody asked about: the run that goes on may not have them.
    fn tell_left_out(&mut self, aside: &Coverage) {
        let Ok(Some(frozen)) = Request::read(&self.workdir) else { return };
        let left = aside.minus(&frozen.days().into());
        if !left.is_empty() {
            self.outcome.trouble.push(format!(
                "files that were set aside held {left} too, which run {} does not have: verify and repair these days with another --workdir",
                frozen.run
            ));
        }
    }

    /// The run in the work directory, if there is one, must be one of this tree that has the
    /// tickers and days of `plan`.
    fn run_that_goes_on(&self, plan: &Plan) -> Result<GoesOn, Failure> {
        if self.made.is_some() {
            return Ok(GoesOn::AsOurs);
        }
        let Some(frozen) = Request::read(&self.workdir)? else { return Ok(GoesOn::AsOurs) };
        let refused = |what: String| {
            let workdir = self.workdir.root().to_owned();
            Err(Failure::NotToRepair { workdir, run: frozen.run.clone(), what })
        };
        let settings = &frozen.settings;
        if !asking::is_same(&settings.outdir, self.root) {
            return refused(format!("it writes into {}", settings.outdir.display()));
        }
        if settings.job.kind() != Some(self.kind) || settings.program != Program::Worker {
            return refused(format!("it is no download of {} by `worker`", self.kind));
        }
        let tickers: BTreeSet<Ticker> = frozen.frozen_tickers(&self.workdir)?.into_iter().collect();
        if let Some(ticker) = plan.work.keys().find(|ticker| !tickers.contains(ticker)) {
            return refused(format!("it does not have {ticker}"));
        }
        let has = |hull: &DateRange| Coverage::from(frozen.days()).includes(*hull);
        match plan.hull() {
            Some(hull) if !has(&hull) => {
                refused(format!("it has {}, and {hull} is to be asked for", frozen.days()))
            }
            Some(_) | None => Ok(GoesOn::AsItIs),
        }
    }

    /// The arguments of a run of our own, new or with what further rounds bring.
    fn our_run(
        &mut self,
        plan: &Plan,
        days: DateRange,
        means: Means<'_>,
    ) -> Result<StartArgs, Failure> {
        let mut tickers: BTreeSet<Ticker> = plan.work.keys().cloned().collect();
        let mut all = Coverage::from(days);
        if let Some((before, of_them)) = self.made.take() {
            tickers.extend(before);
            all = all.union(&of_them.into());
        }
        let days = all.hull().unwrap_or(days);
        let csv = self.workdir.root().join("repair.csv");
        publish::publish_for(Audience::Owner, &csv, TickerList::text(&tickers).as_bytes())?;
        let of = descriptor::read(self.root)?;
        let columns = of.as_ref().and_then(|of| of.columns);
        let adjusted = of.as_ref().is_some_and(|of| bool::from(of.adjusted));
        self.made = Some((tickers, days));
        Ok(StartArgs {
            job: Some(job(self.kind)),
            tickers_csv: Some(csv),
            outdir: Some(self.root.to_owned()),
            from: Some(days.from()),
            to: Some(days.to()),
            adjusted: adjusted && self.kind != Kind::Trades,
            columns: columns.filter(|_| self.kind == Kind::Trades),
            tz: of.map(|of| of.time_zone),
            recheck_empty: Some(means.recheck_empty),
            duplicates: means.args.duplicates.filter(|_| self.kind != Kind::Trades),
            ..asking::start(means.source, self.workdir.root())
        })
    }
}

/// Whose run does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GoesOn {
    /// The one that is there.
    AsItIs,
    /// One that we make, or have made.
    AsOurs,
}

fn job(kind: Kind) -> Job {
    match kind {
        Kind::Daily => Job::Daily,
        Kind::Minute => Job::Minute,
        Kind::Trades => Job::Trades,
    }
}

/// A run that goes on writes there: what it has not done yet is no damage.
fn refuse_running(outdir: &Path) -> Result<(), Failure> {
    let lock = locks::outdir_lock(outdir);
    if Lock::is_held(&lock) {
        // The error names the holder. If the lock is free by now, good.
        drop(Lock::take(&lock)?);
    }
    Ok(())
}

//! `launcher verify --audit N`: draws partitions by chance, has them asked for again by workers,
//! and compares them row by row.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use shared::crew;
use shared::dataset::descriptor::{self, Descriptor};
use shared::dataset::entry::Entry;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use shared::dataset::recorded;
use shared::disk::audience::Audience;
use shared::disk::{publish, shared_lines};
use shared::market::ticker::Ticker;
use shared::run::api_key::ApiKey;
use shared::run::events::{Event, EventTail};
use shared::run::exit::Exit;
use shared::run::redaction::Redaction;
use shared::run::ticker_list::TickerList;
use shared::run::workdir::Workdir;

use super::asking::Asked;
use crate::cli::again::{AuditArgs, AuditBy, SourceArgs};
use crate::command::failure::Failure;
use crate::process::{clock, random, spawn};
use crate::supervise::error_line;
use crate::verify::audit::ask::{self, Places, Question, Sample, Source};
use crate::verify::audit::compare::{self, Found};
use crate::verify::audit::draw::{self, By};
use crate::verify::audit::error::AuditError;
use crate::verify::audit::outcome::Outcome;
use crate::verify::report::{Report, TreeReport};

/// Workers at the same time; each asks for several tickers at once.
const WORKERS: usize = 4;

impl From<AuditBy> for By {
    fn from(by: AuditBy) -> Self {
        match by {
            AuditBy::Rows => Self::Rows,
            AuditBy::Partitions => Self::Partitions,
        }
    }
}

/// A partition that can be drawn.
#[derive(Clone, Copy)]
struct Candidate {
    /// Its place among the tickers of the report.
    ticker: u32,
    partition: Partition,
}

/// An audit at work on one tree.
struct Auditor<'a> {
    root: &'a Path,
    of: Descriptor,
    source: Source,
    executable: PathBuf,
    key: ApiKey,
    /// Of this audit alone.
    folder: PathBuf,
}

/// Audits each tree of downloads that `report` tells of.
pub fn audit(
    args: &AuditArgs,
    draws: NonZeroU32,
    source: &SourceArgs,
    workdir: &Workdir,
    report: &Report,
) -> Result<Vec<Outcome>, Failure> {
    let seed = args.seed.unwrap_or_else(random::dice);
    let by = By::from(args.audit_by.unwrap_or_default());
    let base = workdir.root().join(folder_name());
    let trees = report.trees.iter().filter_map(|tree| Some((tree, tree.kind.data()?)));
    let audited = trees.map(|(tree, kind)| {
        let (candidates, rows) = candidates(tree, kind, report);
        let drawn = draw::draw(by, seed.into(), draws.get().into(), &rows);
        let samples = samples(&candidates, drawn, tree, report)?;
        let (partitions, rows) = (rows.len() as u64, rows.iter().sum());
        let draws = samples.iter().map(|sample| sample.draws).sum();
        let asked = Asked::of(source, workdir, &tree.root, kind)?;
        let auditor = Auditor::new(&tree.root, asked, workdir, base.join(kind.name()))?;
        let samples = auditor.ask(samples)?;
        let (tree, root) = (tree.kind, tree.root.clone());
        Ok(Outcome { tree, root, by, seed: seed.into(), draws, partitions, rows, samples })
    });
    let audited: Result<Vec<Outcome>, Failure> = audited.collect();
    // What differs is kept beside its partition's name; folders that are empty are not.
    drop(std::fs::remove_dir(&base));
    audited
}

fn folder_name() -> String {
    format!("audit-{}", clock::now().strftime("%Y%m%dT%H%M%SZ"))
}

/// The partitions with rows that ledgers prove, and how many rows each has. A ledger that can't be
/// read is a finding of the verify.
fn candidates(tree: &TreeReport, kind: Kind, report: &Report) -> (Vec<Candidate>, Vec<u64>) {
    let (mut candidates, mut rows) = (Vec::new(), Vec::new());
    for (at, ticker) in report.tickers.iter().enumerate() {
        let Ok(Some(records)) = recorded::read(&tree.root, kind, ticker) else { continue };
        for record in records {
            let Some(file) = record.file else { continue };
            if record.partition.span().intersection(report.days).is_some() {
                let ticker = u32::try_from(at).expect("fewer tickers than that");
                candidates.push(Candidate { ticker, partition: record.partition });
                rows.push(file.rows);
            }
        }
    }
    (candidates, rows)
}

/// Those that were drawn, with what proves them.
fn samples(
    candidates: &[Candidate],
    drawn: draw::Drawn,
    tree: &TreeReport,
    report: &Report,
) -> Result<Vec<Sample>, Failure> {
    let mut by_ticker: BTreeMap<u32, BTreeMap<Partition, u64>> = BTreeMap::new();
    for (at, draws) in drawn {
        let Candidate { ticker, partition } = candidates[at];
        by_ticker.entry(ticker).or_default().insert(partition, draws);
    }
    let mut samples = Vec::new();
    for (at, wanted) in by_ticker {
        let ticker = &report.tickers[at as usize];
        let path = Ledger::path(&tree.root, ticker);
        let entries = shared_lines::read::<Entry>(&path)?.entries;
        let last: BTreeMap<Partition, Entry> =
            entries.into_iter().map(|entry| (entry.partition, entry)).collect();
        for (partition, draws) in wanted {
            let Some((entry, proof)) =
                last.get(&partition).and_then(|entry| Some((entry, entry.file.clone()?)))
            else {
                continue;
            };
            let days = entry.answers.days(|answer| answer.said.is_known());
            samples.push(Sample { ticker: ticker.clone(), partition, draws, proof, days });
        }
    }
    Ok(samples)
}

impl<'a> Auditor<'a> {
    fn new(
        root: &'a Path,
        asked: Asked,
        workdir: &Workdir,
        folder: PathBuf,
    ) -> Result<Self, Failure> {
        let of = descriptor::read(root)?;
        let of = of.ok_or_else(|| AuditError::NoDescriptor { root: root.to_owned() })?;
        let (key, executable) = asked.may_be_asked(root, workdir.root())?;
        Ok(Self { root, of, source: asked.source, executable, key, folder })
    }

    /// Has all `samples` asked for, and compares each.
    fn ask(&self, samples: Vec<Sample>) -> Result<Vec<(Sample, Found)>, Failure> {
        let questions: Vec<(usize, Question)> =
            ask::questions(samples).into_iter().enumerate().collect();
        let failed = AtomicBool::new(false);
        let deed = |(number, question): (usize, Question)| {
            let answered = self.put(number, &question).inspect_err(|_| {
                failed.store(true, Ordering::Relaxed);
            })?;
            let found: Vec<(Sample, Found)> =
                question.samples.into_iter().map(|it| self.compare(it, &answered)).collect();
            answered.tidy(&found, self.of.kind);
            Ok(found)
        };
        let may_begin = || !failed.load(Ordering::Relaxed);
        let results: Result<Vec<_>, AuditError> =
            crew::each(WORKERS, questions, may_begin, deed).into_iter().collect();
        let mut found: Vec<(Sample, Found)> = results?.into_iter().flatten().collect();
        found.sort_by(|(one, _), (other, _)| {
            (&one.ticker, one.partition).cmp(&(&other.ticker, other.partition))
        });
        drop(std::fs::remove_dir(&self.folder));
        Ok(found)
    }

    fn compare(&self, sample: Sample, answered: &Answered) -> (Sample, Found) {
        let why = answered.causes.get(&sample.ticker).map(String::as_str);
        let found = compare::compare(&sample, &self.of, self.root, &answered.tree, why);
        (sample, found)
    }

    /// Puts one question to a worker of its own, with a tree of its own.
    fn put(&self, number: usize, question: &Question) -> Result<Answered, AuditError> {
        let folder = self.folder.join(format!("{number:04}"));
        let [csv, tree, events, log] =
            ["tickers.csv", "tree", "events.jsonl", "worker.log"].map(|name| folder.join(name));
        let list = TickerList::text(question.tickers());
        publish::publish_for(Audience::Owner, &csv, list.as_bytes())?;
        let places = Places { csv: &csv, outdir: &tree, events: &events };
        let arguments = ask::arguments(question, &self.of, &self.source, places);
        let code = spawn::to_its_end(&self.executable, &arguments, &log, &self.key)?;
        let redaction = Redaction::of_key(&self.key);
        let said = || error_line::read(&log, &redaction).unwrap_or_default();
        match code.and_then(Exit::of_code) {
            Some(Exit::Done | Exit::Transient | Exit::Permanent) => {}
            Some(Exit::Refused) => return Err(AuditError::Refused { said: said(), log }),
            Some(Exit::Usage) => return Err(AuditError::Usage { said: said(), log }),
            Some(Exit::LocalResource) => return Err(AuditError::Local { said: said(), log }),
            Some(Exit::Stopped) | None => return Err(AuditError::Crashed { said: said(), log }),
        }
        let mut tail = EventTail::new(&events);
        let failure = |event: Event| match event {
            Event::TickerFailed { ticker, cause, .. } => Some((ticker, cause)),
            Event::TickerStart { .. }
            | Event::Progress { .. }
            | Event::TickerDone { .. }
            | Event::Clock { .. }
            | Event::Source { .. }
            | Event::Yield { .. }
            | Event::End { .. } => None,
        };
        let told = tail.read_new().map(|said| said.fit_to_say(&redaction).event);
        let causes = told.filter_map(failure).collect();
        Ok(Answered { folder, tree, causes })
    }
}

/// What came of a question.
struct Answered {
    folder: PathBuf,
    tree: PathBuf,
    /// Of tickers that failed.
    causes: BTreeMap<Ticker, String>,
}

impl Answered {
    /// What the source says now is kept where it differs; of all else nothing is.
    fn tidy(&self, found: &[(Sample, Found)], kind: Kind) {
        if found.iter().all(|(_, found)| *found == Found::Same) {
            // Made by us a moment ago, below a name that no other audit has.
            drop(std::fs::remove_dir_all(&self.folder));
            return;
        }
        for (sample, _) in found.iter().filter(|(_, found)| *found == Found::Same) {
            drop(std::fs::remove_file(compare::fresh_file(sample, kind, &self.tree)));
        }
    }
}

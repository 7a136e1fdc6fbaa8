//! `launcher verify`: what ought to be on disk is held against what is there. Changes nothing.

use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use shared::dataset::coverage::DateRange;
use shared::dataset::reference::Reference;
use shared::disk::publish::publish;
use shared::market::bar::Mode;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

use super::adopt;
use super::exit_status::ExitStatus;
use super::failure::Failure;
use super::stored_run;
use super::verify_error::VerifyError;
use super::verify_next;
use super::verify_page;
use crate::cli::verify::VerifyArgs;
use crate::job::Task;
use crate::plan::request::{Input, Request};
use crate::plan::settings::SettingsError;
use crate::process::clock;
use crate::run::Run;
use crate::supervise::evidence;
use crate::verify::finding::Finding;
use crate::verify::listed::Listings;
use crate::verify::report::{Depth, Report, csv, html, json, text};
use crate::verify::rule::{Rule, RuleSetting, Rules, Spec};
use crate::verify::state::{State, Verdict};
use crate::verify::survey::{Asked, Survey};
use crate::verify::tree::Tree;
use crate::verify::tree_kind::TreeKind;
use crate::view::words::{self, say};

/// Unless `--settle` says otherwise.
const SETTLE: SignedDuration = SignedDuration::from_hours(15);

/// Looks, and prints what it has found.
pub fn verify(args: &VerifyArgs) -> Result<ExitStatus, Failure> {
    if args.rules {
        say(&table_of_rules()).map_err(Failure::Output)?;
        return Ok(ExitStatus::Well);
    }
    if args.adopt.adopt {
        return adopt::adopt(args);
    }
    let survey = survey_of(args, clock::now())?;
    let page = page(args)?;
    let report = watched(&survey);
    write_page(page, &report)?;
    say(&rendered(args, &report)).map_err(Failure::Output)?;
    Ok(ExitStatus::Verified(report.verdict()))
}

/// Where a page may go, if one is wanted. Asked before the looking, which may take long.
pub fn page(args: &VerifyArgs) -> Result<Option<&Path>, Failure> {
    Ok(args.html.as_deref().map(verify_page::place).transpose()?)
}

/// Writes the report as a page, if one is wanted.
pub fn write_page(page: Option<&Path>, report: &Report) -> Result<(), Failure> {
    let write = |page| publish(page, html::render(report).as_bytes());
    Ok(page.map_or(Ok(()), write)?)
}

/// The report as `args` want it.
pub fn rendered(args: &VerifyArgs, report: &Report) -> String {
    if args.json {
        json::render(report)
    } else if args.csv {
        csv::render(report)
    } else {
        let next = verify_next::line(args, report).map(|it| format!("\n{it}\n"));
        text::render(report) + &next.unwrap_or_default()
    }
}

/// Runs a survey; shows on a terminal how far it is.
pub fn watched(survey: &Survey) -> Report {
    if !std::io::stderr().is_terminal() {
        return survey.run(&|| {});
    }
    let template = "[{elapsed}] {bar:30} {pos} / {len} tickers, {per_sec}, {eta} to go";
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    let bar = ProgressBar::new(survey.tickers() as u64).with_style(style);
    let report = survey.run(&|| bar.inc(1));
    bar.finish_and_clear();
    report
}

/// What a run was asked for, as of `now`.
pub fn survey_of_run(
    request: &Request,
    tickers: Vec<Ticker>,
    now: Timestamp,
) -> Result<Survey, VerifyError> {
    let (kind, modes) = match request.settings.task() {
        Task::Download(kind) => (kind.into(), None),
        Task::Bars(order) => (TreeKind::Bars, Some(order.modes.clone())),
    };
    Ok(Survey {
        trees: vec![Tree::look(&request.settings.outdir, Some(kind))?],
        tickers: Asked::These(tickers),
        days: request.days(),
        depth: Depth::Ledgers,
        rules: Rules::default(),
        listings: None,
        recheck_empty: 0,
        modes,
        threads: all_processors(),
        now,
    })
}

/// What a look at the ledgers and folders of a run that is complete finds, in a line; `None` where
/// there is nothing to look at: a script may keep no ledgers.
pub fn word_on(run: &Run) -> Option<String> {
    if evidence::takes_word_of(&run.request.settings.program) {
        return None;
    }
    let tickers = run.request.frozen_tickers(&run.workdir).ok()?;
    let report = survey_of_run(&run.request, tickers, clock::now()).ok()?.run(&|| {});
    let verdict = text::verdict(&report);
    let how = words::command("verify", &run.workdir);
    Some(match report.verdict() {
        Verdict::Complete | Verdict::ConfirmedGaps => format!("verified: {verdict}"),
        Verdict::Incomplete | Verdict::Damaged | Verdict::Suspect => {
            format!("verified: {verdict}; {how} names what is wrong")
        }
    })
}

/// What stands in the tree of a run at the folders of `tickers` that their ledgers do not tell of,
/// and what makes a ledger or the whole tree unusable: a sentence each. What the ledgers themselves
/// say is missing is not among it.
pub fn beside_the_ledgers(request: &Request, tickers: Vec<Ticker>, now: Timestamp) -> Vec<String> {
    // Whoever keeps no ledgers is believed by its word.
    let by_word = evidence::takes_word_of(&request.settings.program);
    let mut others = vec![Rule::NoProof, Rule::LostRows, Rule::FileGone, Rule::WrongLength];
    if by_word {
        others.extend([Rule::NoLedgerLine, Rule::NoDescriptor]);
    }
    // That there is no tree at all shows in its tickers.
    let Ok(survey) = survey_of_run(request, tickers, now) else { return Vec::new() };
    let is_told = |it: &&Finding| {
        matches!(it.state, State::Suspect | State::Missing | State::Damaged)
            && !others.contains(&it.rule)
    };
    let report = survey.run(&|| {});
    report.findings.iter().filter(is_told).map(text::said_with_file).collect()
}

/// Arguments, resolved.
pub fn survey_of(args: &VerifyArgs, now: Timestamp) -> Result<Survey, Failure> {
    let here = stored_run::current_folder()?;
    let run = match args.run() {
        Some(workdir) => Some(of_run(workdir)?),
        None => None,
    };
    let rules: Result<Vec<RuleSetting>, String> =
        args.rule.iter().map(|setting| setting.parse()).collect();
    let rules = rules.map_err(VerifyError::Rule)?;
    let trees = trees(args, run.as_ref(), &here)?;
    let tickers = match (&args.tickers_csv, &run) {
        (Some(path), _) => Asked::These(Input::read(&here.join(path))?.list.tickers),
        (None, Some(run)) => Asked::These(run.tickers.clone()),
        (None, None) if trees.iter().all(|tree| tree.names.are_none()) => {
            let root = trees.first().map_or_else(PathBuf::new, |tree| tree.root.clone());
            return Err(VerifyError::NoTicker { root }.into());
        }
        (None, None) => Asked::WhoeverIsThere,
    };
    let listings = match &args.reference {
        Some(folder) => Some(listings(&here.join(folder))?),
        None => None,
    };
    Ok(Survey {
        trees,
        tickers,
        days: days(args, run.as_ref(), now)?,
        depth: if args.deep { Depth::Files } else { Depth::Ledgers },
        rules: rules.into_iter().collect(),
        listings,
        recheck_empty: args.recheck_empty.unwrap_or(0),
        modes: run.and_then(|run| run.modes),
        threads: args.threads.map_or_else(all_processors, |threads| threads.get() as usize),
        now,
    })
}

/// What a run says of itself.
struct OfRun {
    request: Request,
    tickers: Vec<Ticker>,
    modes: Option<Vec<Mode>>,
}

fn of_run(workdir: &Path) -> Result<OfRun, Failure> {
    let workdir = stored_run::workdir(workdir)?;
    let request = stored_run::request(&workdir)?;
    let tickers = request.frozen_tickers(&workdir)?;
    let modes = match request.settings.task() {
        Task::Download(_) => None,
        Task::Bars(order) => Some(order.modes.clone()),
    };
    Ok(OfRun { request, tickers, modes })
}

fn trees(args: &VerifyArgs, run: Option<&OfRun>, here: &Path) -> Result<Vec<Tree>, VerifyError> {
    let of_run = run.map(|run| {
        let settings = &run.request.settings;
        (settings.outdir.clone(), Some(settings.job.kind().map_or(TreeKind::Bars, TreeKind::from)))
    });
    let said = [
        (&args.daily, TreeKind::Daily),
        (&args.minute, TreeKind::Minute),
        (&args.trades, TreeKind::Trades),
        (&args.bars, TreeKind::Bars),
    ];
    let said = said.into_iter().filter_map(|(root, kind)| Some((root.clone()?, Some(kind))));
    let outdir = args.outdir.clone().map(|root| (root, None));
    let mut trees: Vec<Tree> = Vec::new();
    for (root, kind) in of_run.into_iter().chain(outdir).chain(said) {
        let root: PathBuf = here.join(root).components().collect();
        let tree = Tree::look(&root, kind)?;
        if trees.iter().any(|other| other.kind == tree.kind) {
            return Err(VerifyError::Twice(tree.kind));
        }
        trees.push(tree);
    }
    trees.sort_by_key(|tree| tree.kind);
    if trees.is_empty() { Err(VerifyError::NoTree) } else { Ok(trees) }
}

/// The days of which everything is settled.
fn days(args: &VerifyArgs, run: Option<&OfRun>, now: Timestamp) -> Result<DateRange, VerifyError> {
    let of_run = run.map(|run| run.request.days());
    let settle = args.settle.or(run.map(|run| run.request.settings.settle)).unwrap_or(SETTLE);
    let settled = TradingDay::last_settled(now, settle);
    let from = args.from.or(of_run.map(DateRange::from)).ok_or(VerifyError::NoFirstDay)?;
    let asked_to = args.to.or(of_run.map(DateRange::to));
    if let Some(to) = asked_to.filter(|to| *to < from) {
        return Err(VerifyError::Days(SettingsError::ToBeforeFrom { from, to }));
    }
    let to = asked_to.unwrap_or(settled).min(settled);
    DateRange::new(from, to).ok_or(VerifyError::NoDays { from, to })
}

fn listings(folder: &Path) -> Result<Listings, Failure> {
    match Reference::newest(folder) {
        Ok(Some(found)) => Ok(Listings::of_reference(found)),
        Ok(None) => Err(Failure::NoSnapshot { folder: folder.to_owned() }),
        Err(error) => Err(Failure::Reference(error)),
    }
}

fn all_processors() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Every rule, one below the other.
fn table_of_rules() -> String {
    let row = |rule: &Rule| {
        let Spec { name, sentence, state, threshold } = rule.spec();
        let threshold = threshold.map_or_else(String::new, |it| {
            format!(" [{} {}; {} to {}]", it.default, it.unit, it.least, it.most)
        });
        let state = if state == State::Covered { "note" } else { state.words() };
        format!("{name}\n    {state}: {sentence}{threshold}\n")
    };
    Rule::ALL.iter().map(row).collect()
}

//! `start --resume` with more days, more tickers or other knobs than the run has.

use jiff::Timestamp;
use shared::market::ticker::Ticker;
use shared::pace::rate::Rate;
use shared::run::source_clock::SourceClock;
use shared::run::workdir::Workdir;

use super::failure::Failure;
use super::stop::{self, Closed};
use super::stored_run;
use crate::cli::StartArgs;
use crate::plan::differences::{self, Difference};
use crate::plan::extension::{self, Comparison, Extension, Requested};
use crate::plan::knobs;
use crate::plan::paths::absolute;
use crate::plan::request::{Input, Request};
use crate::process::clock;
use crate::supervise::journal;
use crate::supervise::machine::{Machine, RunState};
use crate::view::plan;
use crate::view::words;

const BASE_URL: &str = "--base-url";
/// Our name in the journal when we close what a dead supervisor has left open.
const OWN_NAME: &str = "launcher start, to extend it";

/// A run that continues, as it was or with changes.
pub struct Resumed {
    /// To be frozen, if it has changed.
    pub request: Request,
    /// In the order in which they joined the run.
    pub tickers: Vec<Ticker>,
    /// The extension, if one is asked for.
    pub extension: Option<Extension>,
}

/// The run `frozen` as it continues with `args`.
pub fn resumed(
    args: &StartArgs,
    frozen: &Request,
    tickers: Vec<Ticker>,
) -> Result<Resumed, Failure> {
    let cwd = stored_run::current_folder()?;
    let now = clock::now();
    let csv = args.tickers_csv.as_ref().map(|path| absolute(&cwd, path));
    let input = csv.as_deref().map(Input::read).transpose()?;
    let mut settings = frozen.settings.clone();
    let knobs = knobs::turn(args, &mut settings, &cwd)?;
    let mut others = differences::differences(args, &frozen.settings, &cwd);
    others.extend(extension::unsettles(frozen, settings.settle, now));
    let requested = Requested {
        from: args.from,
        to: args.to,
        list: csv.as_deref().zip(input.as_ref()),
        others,
    };
    let request = frozen.clone().changed(now, knobs, settings);
    match extension::judge(requested, &request, &tickers, now) {
        Comparison::Same => Ok(Resumed { request, tickers, extension: None }),
        Comparison::More(extension) => Ok(Resumed {
            request: extension.request.clone(),
            tickers: extension.tickers.clone(),
            extension: Some(*extension),
        }),
        Comparison::Refused(found) => {
            let lines: Vec<String> =
                found.iter().map(|difference| line(args, difference)).collect();
            Err(Failure::Differs { run: frozen.run.clone(), list: lines.join("\n") })
        }
    }
}

impl Resumed {
    /// Does it have other days or tickers than `frozen`, or make them in another way?
    pub fn makes_more_than(&self, frozen: &Request) -> bool {
        self.extension.is_some() || self.request.settings.program != frozen.settings.program
    }

    /// What is new about the run, for people; `is_at_work` if its workers live.
    pub fn news(&self, args: &StartArgs, frozen: &Request, is_at_work: bool) -> String {
        let changed = self.request.changes.get(frozen.changes.len());
        let mut lines: Vec<String> =
            changed.iter().map(|changed| words::changes(&changed.knobs)).collect();
        if changed.is_some_and(|changed| changed.knobs.iter().any(|knob| knob.flag == BASE_URL))
            && base_url_is_of_environment(args)
        {
            lines.push("  --base-url is what POLYGON_BASE_URL in the environment says".to_owned());
        }
        if changed.is_some() && is_at_work {
            lines.push(
                "  workers that run keep what they were told until their attempts end".to_owned(),
            );
        }
        let rates =
            [frozen, &self.request].map(|request| request.settings.rate.map(Rate::per_minute));
        if let [Some(before), Some(after)] = rates
            && after > before
        {
            lines.push(
                "  the higher rate begins within a minute: until then the lowest rate of the last minute holds"
                    .to_owned(),
            );
        }
        lines.extend(self.extension.iter().map(ToString::to_string));
        let unsettled =
            self.extension.as_ref().map(|extension| plan::unsettled(&extension.request));
        lines.iter().map(|line| format!("{line}\n")).chain(unsettled).collect()
    }

    /// The run by the source's clock, if `clocks` say that this machine's, which says `now`, is
    /// ahead.
    pub fn settled_by(
        mut self,
        frozen: &Request,
        clocks: Option<SourceClock>,
        now: Timestamp,
    ) -> Self {
        // If the source was not asked, nothing changes.
        let Some(clocks) = clocks else { return self };
        if let Some(extension) = self.extension.take() {
            self.extension = extension.settled_by(frozen, clocks.earlier(now));
            self.request = match &self.extension {
                Some(extension) => extension.request.clone(),
                None => unextended(self.request, frozen),
            };
        }
        self.request.source_clock = Some(clocks);
        self
    }

    /// Freezes it in place of `frozen`. The caller holds the locks and has checked that `frozen` is
    /// still there. A refusal changes nothing.
    pub fn freeze(&self, frozen: &Request, workdir: &Workdir) -> Result<(), Failure> {
        if let Some(extension) = &self.extension {
            prove_extensible(extension, frozen, workdir)?;
        }
        if self.request == *frozen {
            Ok(())
        } else {
            Ok(self.request.freeze(workdir, &self.tickers)?)
        }
    }
}

/// `request` with its changed knobs, but with the extent of `frozen`.
fn unextended(request: Request, frozen: &Request) -> Request {
    Request { settled_to: frozen.settled_to, extensions: frozen.extensions.clone(), ..request }
}

/// May the run `frozen` have other days and tickers now?
fn prove_extensible(
    extension: &Extension,
    frozen: &Request,
    workdir: &Workdir,
) -> Result<(), Failure> {
    let machine = journal::follow(workdir, frozen.first_rules())?;
    let closed = match machine.run() {
        RunState::Closed { .. } => Closed::Yes,
        RunState::Planned
        | RunState::Open
        | RunState::Paused { .. }
        | RunState::Stopping { .. } => Closed::No,
    };
    if stop::is_at_work(workdir, &frozen.run, closed) {
        let stop = words::command("stop", workdir);
        return Err(Failure::StillAtWork { run: frozen.run.clone(), stop });
    }
    // Attempts that ended unseen are judged by their old range.
    stop::settle(frozen.clone(), workdir, OWN_NAME)?;
    let machine = journal::follow(workdir, frozen.first_rules())?;
    refuse_by_word(extension, frozen, &machine)
}

/// A report of a script holds for the days that it was given; no ledger says anything about others.
pub fn refuse_by_word(
    extension: &Extension,
    frozen: &Request,
    machine: &Machine,
) -> Result<(), Failure> {
    let batches = machine.batches().filter(|(_, batch)| batch.reported > 0).count();
    if batches > 0 && extension.is_longer_than(frozen) {
        let batches = words::counted(batches as u64, "batch");
        return Err(Failure::OnlyByWord { run: frozen.run.clone(), batches });
    }
    Ok(())
}

fn line(args: &StartArgs, difference: &Difference) -> String {
    match difference.flag {
        BASE_URL if base_url_is_of_environment(args) => {
            format!("  {difference} by POLYGON_BASE_URL in the environment")
        }
        _ => format!("  {difference}"),
    }
}

/// Does the URL come from the environment and not from the command line?
#[expect(clippy::disallowed_methods, reason = "where arguments become a plan")]
fn base_url_is_of_environment(args: &StartArgs) -> bool {
    let typed = std::env::args_os().any(|word| word.to_string_lossy().starts_with(BASE_URL));
    !typed && args.base_url.is_some() && std::env::var("POLYGON_BASE_URL").ok() == args.base_url
}

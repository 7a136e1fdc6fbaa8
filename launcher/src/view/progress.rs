//! Progress of a run as it happens: lines for the launcher's log, lines or a bar for a terminal.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use shared::disk::publish::DiskError;
use shared::run::workdir::Workdir;

use super::counts;
use super::measure::Measure;
use super::words::{self, counted};
use crate::facts::ending::Ending;
use crate::facts::{Fact, JournalEntry, Report, StopWhy};
use crate::process::clock;
use crate::process::rolling_log::RollingLog;
use crate::supervise::batch::BatchState;
use crate::supervise::causes;
use crate::supervise::drive::Notice;
use crate::supervise::machine::{Machine, RunState};
use crate::supervise::totals::Totals;

/// Finer than a percent, so that an hour of a long run shows.
const BAR_LENGTH: u64 = 1000;

/// Where progress is shown besides the log.
enum Screen {
    /// No screen.
    Dark,
    /// A pipe or a file.
    Lines,
    /// A terminal.
    Bar(ProgressBar),
}

/// Reports what happens.
pub struct ProgressReporter {
    log: RollingLog,
    screen: Screen,
    tickers: u64,
}

impl ProgressReporter {
    /// Writes to the run's launcher.log alone.
    pub fn to_log(workdir: &Workdir, tickers: usize) -> Result<Self, DiskError> {
        Ok(Self {
            log: RollingLog::open(&workdir.launcher_log())?,
            screen: Screen::Dark,
            tickers: tickers as u64,
        })
    }

    /// Writes to the log and to standard error: a bar on a terminal, else lines.
    pub fn to_screen(workdir: &Workdir, tickers: usize) -> Result<Self, DiskError> {
        let mut reporter = Self::to_log(workdir, tickers)?;
        reporter.screen =
            if std::io::stderr().is_terminal() { Screen::Bar(bar()) } else { Screen::Lines };
        Ok(reporter)
    }

    /// Takes a notice.
    pub fn tell(&mut self, machine: &Machine, notice: &Notice) {
        let line = match notice {
            Notice::Adopted { batch, attempt } => {
                Some(format!("{batch}.{attempt} is adopted from the last supervisor"))
            }
            Notice::Fact(entry) => line_of(machine, entry),
            Notice::Trouble(what) => Some(format!("trouble: {what}")),
            Notice::Glance => None,
        };
        if let Some(line) = &line {
            self.write(line);
        }
        if let Screen::Bar(bar) = &self.screen {
            show(bar, machine, self.tickers);
        }
    }

    /// Writes a line to the log and the screen.
    pub fn write(&mut self, line: &str) {
        // A full disk under the log must not end the run.
        drop(self.log.write_line(&format!("{:.0} {line}", clock::now())));
        match &self.screen {
            Screen::Dark => {}
            Screen::Lines => drop(std::io::stderr().write_all(format!("{line}\n").as_bytes())),
            Screen::Bar(bar) => bar.println(line),
        }
    }
}

impl Drop for ProgressReporter {
    fn drop(&mut self) {
        if let Screen::Bar(bar) = &self.screen {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("[{elapsed}] {bar:30} {percent:>3} %  {msg}");
    ProgressBar::new(BAR_LENGTH).with_style(style.expect("the template is a constant"))
}

fn show(bar: &ProgressBar, machine: &Machine, tickers: u64) {
    let Totals { verified, reported, failed } = machine.totals();
    let behind = (verified + reported + failed).min(tickers);
    bar.set_position(Measure::of(machine).parts_behind(machine, BAR_LENGTH, |_| 0.0));
    let running = counted(u64::from(machine.running()), "worker");
    let state = match machine.run() {
        RunState::Paused { why, .. } => format!("paused: {why}"),
        RunState::Stopping { .. } => format!("stopping, {running} left"),
        RunState::Planned | RunState::Open | RunState::Closed { .. } => running,
    };
    bar.set_message(format!(
        "{} / {} tickers, {state}, {} failed, {}",
        words::count(behind),
        words::count(tickers),
        words::count(failed),
        counted(counts::proven(machine).summary.rows, "row")
    ));
    // Advances the clock of the bar. Its own thread would panic if the system has none to give.
    bar.tick();
}

/// One fact for people; expected facts get no line.
fn line_of(machine: &Machine, entry: &JournalEntry) -> Option<String> {
    let fact = &entry.fact;
    let line = match fact {
        Fact::Surveyed { .. } | Fact::Planned { .. } | Fact::PartlyProven { .. } => return None,
        Fact::Reopened { batch, unfinished, .. } => {
            let tickers = counted(unfinished.len() as u64, "ticker");
            format!("{batch} again: {tickers} with days that are not proven")
        }
        Fact::Checked(checked) => words::checked(checked, "fetched or built"),
        Fact::Changed { knobs, .. } => words::changes(knobs),
        Fact::Opened { supervisor, .. } => format!("supervisor {} begins", supervisor.pid),
        Fact::Launched { batch, attempt } => {
            let what = machine.batch(*batch).map(words::load).unwrap_or_default();
            format!("{batch}.{attempt} starts with {what}")
        }
        Fact::Ended { batch, attempt, report } => {
            let next = machine.batch(*batch).map_or("", |it| next_of(&it.state));
            format!("{batch}.{attempt} {}{next}", ended(report))
        }
        Fact::Hindered { what } => format!("paused: {what}"),
        Fact::PauseLifted => "the folders are in order: the run resumes".to_owned(),
        Fact::GivenUp { idle_s } => format!(
            "giving up: nothing was newly proven for {} (--give-up-after); workers are asked to end",
            words::span(*idle_s)
        ),
        Fact::StopAsked { by } => {
            format!("stopping ({by}): workers are asked to end, nothing new starts")
        }
        Fact::Closed { outcome } => words::outcome(outcome),
    };
    Some(line + &consequence(machine, entry))
}

/// What an ended attempt did to the whole run.
fn consequence(machine: &Machine, entry: &JournalEntry) -> String {
    match (&entry.fact, machine.run()) {
        (Fact::Ended { report, .. }, RunState::Paused { why, since, .. }) if *since == entry.at => {
            match &report.ending {
                Ending::NotStarted { .. } => "; the run is paused".to_owned(),
                _ => format!("; the run is paused: {why}"),
            }
        }
        (
            Fact::Ended { batch, .. },
            RunState::Stopping { why: StopWhy::Hopeless { batch: culprit, what } },
        ) if batch == culprit => {
            format!("; the run is stopped: {what}")
        }
        _ => String::new(),
    }
}

fn ended(report: &Report) -> String {
    let how = causes::phrase(&report.ending);
    let done = report.proven.tickers + report.reported;
    let vouched = if report.reported > 0 { " as the script reports" } else { "" };
    let left = report.unfinished.len() as u64;
    format!("{how}: {} done{vouched}, {} unfinished", words::count(done), words::count(left))
}

fn next_of(state: &BatchState) -> &'static str {
    match state {
        BatchState::Pending | BatchState::Backoff { .. } => ", to be tried again",
        BatchState::Running { .. } | BatchState::Done => "",
        BatchState::Failed => ", the rest is given up",
    }
}

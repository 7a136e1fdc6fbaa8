//! Notifications: what `--notify-url` receives when a run pauses, stops or ends. Never the API key:
//! this module never sees it.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;
use shared::run::workdir::Workdir;

use super::counts::{PartitionCounts, TickerCounts, proven};
use super::words;
use crate::facts::Outcome;
use crate::plan::request::Request;
use crate::supervise::machine::{Machine, RunState};

/// What is posted, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Notification {
    /// Name of the run.
    pub run: String,
    /// Kind of data.
    pub job: String,
    /// Work directory.
    pub workdir: PathBuf,
    /// UTC.
    pub at: Timestamp,
    /// What has happened.
    pub state: NotifiedState,
    /// Why, for people.
    pub reason: String,
    /// What has been reached; all null where that is unknown.
    #[serde(flatten)]
    pub reached: Reached,
}

/// What a run has reached.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Reached {
    /// Tickers by state.
    pub tickers: Option<TickerCounts>,
    /// Partitions by outcome.
    pub partitions: Option<PartitionCounts>,
    /// Rows of verified tickers.
    pub rows: Option<u64>,
}

impl Reached {
    fn of(request: &Request, machine: &Machine) -> Self {
        let proven = proven(machine);
        Self {
            tickers: Some(TickerCounts::of(request, machine)),
            partitions: Some(PartitionCounts::of(request, proven)),
            rows: Some(proven.summary.rows),
        }
    }
}

/// The states that are notified, in the words of `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotifiedState {
    /// The run waits for something to pass.
    Paused,
    Stopping,
    /// Every ticker is done.
    Complete,
    /// Nothing is left to try; some tickers failed.
    Incomplete,
    /// It has stopped with work left.
    Stopped,
    /// Its supervisor could not continue.
    Died,
}

/// Remembers the last notification, so that nothing is sent twice.
#[derive(Debug, Default)]
pub struct NotificationFilter {
    said: Option<(NotifiedState, String)>,
}

impl NotificationFilter {
    /// The notification about `machine` now, if there is one.
    pub fn hear(
        &mut self,
        request: &Request,
        workdir: &Workdir,
        machine: &Machine,
        at: Timestamp,
    ) -> Option<Notification> {
        let news = state_of(machine);
        if news == self.said {
            return None;
        }
        self.said.clone_from(&news);
        Some(notification(request, workdir, at, news?, Reached::of(request, machine)))
    }
}

/// The notification that the supervisor of a run could not continue; `machine` is the state of its
/// journal, if that can be read.
pub fn of_death(
    request: &Request,
    workdir: &Workdir,
    machine: Option<&Machine>,
    at: Timestamp,
    reason: String,
) -> Notification {
    let reached = machine.map(|machine| Reached::of(request, machine)).unwrap_or_default();
    notification(request, workdir, at, (NotifiedState::Died, reason), reached)
}

fn notification(
    request: &Request,
    workdir: &Workdir,
    at: Timestamp,
    (state, reason): (NotifiedState, String),
    reached: Reached,
) -> Notification {
    let (run, job) = (request.run.clone(), request.settings.job.to_string());
    Notification { run, job, workdir: workdir.root().to_owned(), at, state, reason, reached }
}

fn state_of(machine: &Machine) -> Option<(NotifiedState, String)> {
    match machine.run() {
        RunState::Planned | RunState::Open => None,
        RunState::Paused { why, .. } => Some((NotifiedState::Paused, why.clone())),
        RunState::Stopping { why } => Some((NotifiedState::Stopping, words::stop_why(why))),
        RunState::Closed { outcome } => {
            let state = match outcome {
                Outcome::Complete => NotifiedState::Complete,
                Outcome::Incomplete { .. } => NotifiedState::Incomplete,
                Outcome::Stopped { .. } => NotifiedState::Stopped,
            };
            Some((state, words::outcome(outcome)))
        }
    }
}

//! How a command ends that did its work, and its exit code. What failed is [`failure`](super::failure).

use std::process::ExitCode;

use crate::facts::Outcome;
use crate::verify::state::Verdict;
use crate::view::snapshot::{Snapshot, State};

/// How a command ends that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Success; for `wait` and `--foreground`: the run is complete.
    Well,
    /// The run is complete, but some days are outside the plan for good.
    Gaps,
    /// The run has failed tickers, was stopped, or has work left.
    Incomplete,
    /// `wait` gave up.
    TimedOut,
    /// What a verify has found.
    Verified(Verdict),
}

impl From<ExitStatus> for ExitCode {
    fn from(ending: ExitStatus) -> Self {
        match ending {
            ExitStatus::Well => Self::from(0),
            ExitStatus::Gaps => Self::from(3),
            ExitStatus::Incomplete => Self::from(1),
            ExitStatus::TimedOut => Self::from(124),
            ExitStatus::Verified(verdict) => Self::from(verdict.code()),
        }
    }
}

impl From<&Outcome> for ExitStatus {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Complete => Self::Well,
            Outcome::Incomplete { .. } | Outcome::Stopped { .. } => Self::Incomplete,
        }
    }
}

impl From<&Snapshot> for ExitStatus {
    fn from(snapshot: &Snapshot) -> Self {
        match snapshot.state {
            State::Complete if snapshot.has_gaps() => Self::Gaps,
            State::Complete => Self::Well,
            State::Prepared
            | State::Running
            | State::Paused(_)
            | State::Stopping(_)
            | State::Died(_)
            | State::Incomplete(_)
            | State::Stopped(_) => Self::Incomplete,
        }
    }
}

//! Stopping: how a stop reaches the workers, more and more forcefully, and when it is over.

use std::time::Duration;

use super::{DriveError, Supervisor};
use crate::facts::Fact;
use crate::process::signal::{self, Post, StopSignal};
use crate::process::watch::{self, Marker};
use crate::supervise::machine::RunState;
use shared::deadline::Deadline;

/// How long workers may take to end after a stop. `stop --grace` may shorten it.
pub const GRACE: Duration = Duration::from_secs(30);
/// How long shims may take to kill their workers and to report it.
const HURRY_GRACE: Duration = Duration::from_secs(10);
/// How long killed processes may take to be gone. After that they hang on a disk or a network, and
/// the supervisor does not wait for them.
const DEATH_GRACE: Duration = Duration::from_mins(1);

/// How far a stop has come.
pub(super) enum Stop {
    NotAsked,
    /// Shims were asked to end their workers.
    Asked {
        hurry_at: Deadline,
    },
    /// Shims were told to kill them.
    Hurried {
        kill_at: Deadline,
    },
    /// Everything was killed.
    Killed {
        leave_at: Deadline,
    },
}

impl Stop {
    /// Time until the next step.
    pub(super) fn patience(&self) -> Option<Duration> {
        match self {
            Self::Asked { hurry_at: at } | Self::Hurried { kill_at: at } => Some(at.left()),
            Self::NotAsked | Self::Killed { .. } => None,
        }
    }
}

impl Supervisor<'_> {
    pub(super) fn hear(&mut self, post: Post) -> Result<(), DriveError> {
        match (post, &self.stop) {
            (Post::Child, _) | (_, Stop::Hurried { .. } | Stop::Killed { .. }) => {}
            (Post::Stop { signal }, Stop::NotAsked) => {
                self.note_stop(signal)?;
                self.ask_to_stop();
            }
            (Post::StopNow { signal }, Stop::NotAsked) => {
                self.note_stop(signal)?;
                self.hurry();
            }
            (Post::Stop { .. } | Post::StopNow { .. }, Stop::Asked { .. }) => self.hurry(),
        }
        Ok(())
    }

    /// Written before any signal is sent: an attempt that ends after that was stopped, even if we
    /// die in between. If the fact can't be written it waits; the stop does not.
    fn note_stop(&mut self, signal: i32) -> Result<(), DriveError> {
        self.note(self.clock.now().stamp(), Fact::StopAsked { by: signal::name_of(signal) })?;
        self.write(Vec::new()).map(drop)
    }

    pub(super) fn ask_to_stop(&mut self) {
        self.attempts.values_mut().for_each(|attempt| attempt.shim.signal(StopSignal::Ask));
        self.stop = Stop::Asked { hurry_at: Deadline::after(GRACE) };
    }

    fn hurry(&mut self) {
        self.attempts.values_mut().for_each(|attempt| attempt.shim.signal(StopSignal::Hurry));
        self.stop = Stop::Hurried { kill_at: Deadline::after(HURRY_GRACE) };
    }

    /// Starts a stop that the facts demand, and takes the next step of a stop that takes too long.
    pub(super) fn mind_the_stop(&mut self) -> Result<(), DriveError> {
        match self.stop {
            // Written before any signal is sent: an attempt that ends after that was stopped, even
            // if we die in between. If the fact can't be written it waits; the stop does not.
            Stop::NotAsked
                if matches!(self.machine.run(), RunState::Stopping { .. })
                    && (self.unwritten.is_empty() || self.trouble.is_some()) =>
            {
                self.ask_to_stop();
            }
            Stop::Asked { hurry_at } if hurry_at.is_over() => self.hurry(),
            Stop::Hurried { kill_at } if kill_at.is_over() => {
                let marked = Marker::of_run(&self.run.request.run).of_owner_of(&self.run.workdir);
                watch::kill(&marked.into());
                self.stop = Stop::Killed { leave_at: Deadline::after(DEATH_GRACE) };
            }
            Stop::Killed { leave_at } if leave_at.is_over() && !self.attempts.is_empty() => {
                let left = self.shims_at_work().map(|shim| shim.pid);
                return Err(DriveError::Undead(watch::listed(left)));
            }
            Stop::NotAsked | Stop::Asked { .. } | Stop::Hurried { .. } | Stop::Killed { .. } => {}
        }
        Ok(())
    }

    /// Is a stopping run without processes? It does not wait for a disk.
    pub(super) fn is_last_to_stop(&self) -> bool {
        self.machine.waits_for_nobody(self.attempts.len())
    }
}

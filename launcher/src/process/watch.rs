//! Finds the processes of a run by the marker in their environment, even if they have left their
//! group or their parent, and stops them. Never by name, never by pid alone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use shared::disk::regular;
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::Workdir;

use super::clock;
use super::signal::{self, StopSignal};

/// How long the kernel may take to end what was killed.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// Only the supervisor of a run has this.
pub const SUPERVISOR_VARIABLE: &str = "LAUNCHER_SUPERVISES";
/// Every process of a run has this.
pub const RUN_VARIABLE: &str = "LAUNCHER_RUN";
/// Every process of an attempt has this.
pub const ATTEMPT_VARIABLE: &str = "LAUNCHER_ATTEMPT";

/// Variables that every process of a run, or of one of its attempts, inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Names and values; all of them must be there.
    pub variables: Vec<(&'static str, String)>,
    /// Only processes of these users; `None` for all users.
    users: Option<[u32; 2]>,
}

impl Marker {
    /// Every process of a run.
    pub fn of_run(run: &str) -> Self {
        Self { variables: vec![(RUN_VARIABLE, run.to_owned())], users: None }
    }

    /// The supervisor of a run, from before it has its locks. Its children do not inherit this
    /// marker.
    pub fn of_supervisor(run: &str) -> Self {
        Self { variables: vec![(SUPERVISOR_VARIABLE, run.to_owned())], users: None }
    }

    /// Every process of one attempt, such as `batch_0001.1`, of a run.
    pub fn of_attempt(run: &str, attempt: String) -> Self {
        let mut marker = Self::of_run(run);
        marker.variables.push((ATTEMPT_VARIABLE, attempt));
        marker
    }

    /// In a work directory of another user, who may have named any run in it: only processes of
    /// that user and ours.
    pub fn of_owner_of(mut self, workdir: &Workdir) -> Self {
        let own = nix::unistd::geteuid().as_raw();
        let owner = fs::metadata(workdir.request()).map(|found| found.uid()).ok();
        self.users = owner.filter(|owner| *owner != own).map(|owner| [owner, own]);
        self
    }

    fn may_be_of(&self, user: u32) -> bool {
        self.users.is_none_or(|users| users.contains(&user))
    }

    fn is_in(&self, environment: &[u8]) -> bool {
        let holds =
            |wanted: String| environment.split(|byte| *byte == 0).any(|it| it == wanted.as_bytes());
        self.variables.iter().all(|(name, value)| holds(format!("{name}={value}")))
    }
}

/// Which processes to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessFilter {
    /// Processes with this marker,
    pub marked: Marker,
    /// except those with one of these,
    pub spared: Vec<Marker>,
    /// and except these.
    pub known: Vec<ProcessIdentity>,
}

impl From<Marker> for ProcessFilter {
    fn from(marked: Marker) -> Self {
        Self { marked, spared: Vec::new(), known: Vec::new() }
    }
}

impl ProcessFilter {
    fn includes(&self, environment: &[u8]) -> bool {
        self.marked.is_in(environment)
            && !self.spared.iter().any(|spared| spared.is_in(environment))
    }
}

/// Pids for people.
pub fn listed(pids: impl IntoIterator<Item = i32>) -> String {
    let pids: Vec<String> = pids.into_iter().map(|pid| pid.to_string()).collect();
    pids.join(", ")
}

/// Has process `pid` this marker still?
pub fn carries(pid: i32, marker: &Marker) -> bool {
    regular::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environment| marker.is_in(&environment))
}

/// Every living process with `marker`, except this one.
pub fn marked(marker: &Marker) -> Vec<ProcessIdentity> {
    living(&marker.clone().into())
}

/// The living processes that `filter` selects, except this one. Zombies have no environment and are
/// not found.
fn living(filter: &ProcessFilter) -> Vec<ProcessIdentity> {
    let own = i32::try_from(std::process::id()).ok();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    // The whole list before the first look: it keeps a file open, and we may have few left.
    let others: Vec<i32> = pids.filter(|pid| Some(*pid) != own).collect();
    others.into_iter().filter_map(|pid| identified(pid, filter)).collect()
}

fn identified(pid: i32, filter: &ProcessFilter) -> Option<ProcessIdentity> {
    // The environment on both sides of the identity: a pid that changes hands in between is not
    // found.
    let environment = regular::read(format!("/proc/{pid}/environ")).ok()?;
    let user = fs::metadata(format!("/proc/{pid}")).ok()?.uid();
    if !filter.includes(&environment) || !filter.marked.may_be_of(user) {
        return None;
    }
    let identity = ProcessIdentity::of(pid)?;
    let again = regular::read(format!("/proc/{pid}/environ")).ok()?;
    (filter.includes(&again) && !filter.known.contains(&identity)).then_some(identity)
}

/// Ends the selected processes: asks, waits at most `grace`, kills. Returns those that are left,
/// normally none. Looks again and again, to find what they start meanwhile.
pub fn stop(filter: &ProcessFilter, grace: Duration) -> Vec<ProcessIdentity> {
    let mut asked: Vec<ProcessIdentity> = Vec::new();
    let gone = clock::wait_until(grace, || {
        let left = found_twice(filter);
        for process in &left {
            if !asked.contains(process) {
                signal::send(process, StopSignal::Ask);
                asked.push(process.clone());
            }
        }
        left.is_empty()
    });
    if gone { Vec::new() } else { kill(filter) }
}

/// Kills the selected processes and returns those that are left, normally none.
pub fn kill(filter: &ProcessFilter) -> Vec<ProcessIdentity> {
    let mut left = Vec::new();
    clock::wait_until(KILL_LIMIT, || {
        left = found_twice(filter);
        for process in &left {
            signal::send(process, StopSignal::Kill);
        }
        left.is_empty()
    });
    left
}

/// The selected processes. Looks a second time when it finds none: a single reading of the list
/// misses a process between fork and exec, and a child of a process that ended during the reading.
fn found_twice(filter: &ProcessFilter) -> Vec<ProcessIdentity> {
    let first = living(filter);
    if first.is_empty() { living(filter) } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_a_whole_variable() {
        let marker = Marker::of_run("ab12");
        assert!(marker.is_in(b"PATH=/bin\0LAUNCHER_RUN=ab12\0"));
        assert!(!marker.is_in(b"PATH=/bin\0LAUNCHER_RUN=ab123\0X=LAUNCHER_RUN=ab12\0"));
    }

    #[test]
    fn a_run_that_nobody_belongs_to_is_stopped_at_once() {
        let nobody = Marker::of_run("no such run");
        assert_eq!(stop(&nobody.into(), Duration::from_secs(5)), []);
    }
}

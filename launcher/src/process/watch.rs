//! Finding the processes of a run by the marker in their environment, also those that left their group or
//! their parent, and stopping them. Never by name, never by pid alone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use shared::disk::regular;
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::Workdir;

use super::clock;
use super::signal::{self, Insistence};

/// How long the kernel may take to end what was killed.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// What tells a supervisor from its workers.
pub const SUPERVISOR_VARIABLE: &str = "LAUNCHER_SUPERVISES";
/// What every process of a run has.
pub const RUN_VARIABLE: &str = "LAUNCHER_RUN";
/// What every process of an attempt has.
pub const ATTEMPT_VARIABLE: &str = "LAUNCHER_ATTEMPT";

/// Variables that every process of a run, or of one of its attempts, inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Names and values; all of them must be there.
    pub variables: Vec<(&'static str, String)>,
    /// Whose processes are meant; everybody's where nothing is said.
    users: Option<[u32; 2]>,
}

impl Marker {
    /// Every process of a run.
    pub fn of_run(run: &str) -> Self {
        Self { variables: vec![(RUN_VARIABLE, run.to_owned())], users: None }
    }

    /// The supervisor of a run, from before it has its locks. What it starts does not inherit this.
    pub fn of_supervisor(run: &str) -> Self {
        Self { variables: vec![(SUPERVISOR_VARIABLE, run.to_owned())], users: None }
    }

    /// Every process of one attempt, such as `batch_0001.1`, of a run.
    pub fn of_attempt(run: &str, attempt: String) -> Self {
        let mut marker = Self::of_run(run);
        marker.variables.push((ATTEMPT_VARIABLE, attempt));
        marker
    }

    /// In a work directory of another user than us, who may have named any run in it: processes of that user, and ours.
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
        let holds = |wanted: String| environment.split(|byte| *byte == 0).any(|it| it == wanted.as_bytes());
        self.variables.iter().all(|(name, value)| holds(format!("{name}={value}")))
    }
}

/// Whom to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Those with this marker,
    pub marked: Marker,
    /// but for those with one of these,
    pub spared: Vec<Marker>,
    /// and for these.
    pub known: Vec<ProcessIdentity>,
}

impl From<Marker> for Wanted {
    fn from(marked: Marker) -> Self {
        Self { marked, spared: Vec::new(), known: Vec::new() }
    }
}

impl Wanted {
    fn includes(&self, environment: &[u8]) -> bool {
        self.marked.is_in(environment) && !self.spared.iter().any(|spared| spared.is_in(environment))
    }
}

/// Pids for people.
pub fn listed(pids: impl IntoIterator<Item = i32>) -> String {
    let pids: Vec<String> = pids.into_iter().map(|pid| pid.to_string()).collect();
    pids.join(", ")
}

/// Has process `pid` this marker still?
pub fn carries(pid: i32, marker: &Marker) -> bool {
    regular::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| marker.is_in(&environment))
}

/// Every living process with `marker`, but for this one.
pub fn marked(marker: &Marker) -> Vec<ProcessIdentity> {
    living(&marker.clone().into())
}

/// Everybody who is wanted, but for this process. Zombies have no environment and are not found.
fn living(wanted: &Wanted) -> Vec<ProcessIdentity> {
    let own = i32::try_from(std::process::id()).ok();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    // All before the first look: the list is a file of ours that is open meanwhile, and there may be few.
    let others: Vec<i32> = pids.filter(|pid| Some(*pid) != own).collect();
    others.into_iter().filter_map(|pid| wanted_process(pid, wanted)).collect()
}

fn wanted_process(pid: i32, wanted: &Wanted) -> Option<ProcessIdentity> {
    // Identity first: a pid that changes hands in between is then not alive under that identity.
    let environment = regular::read(format!("/proc/{pid}/environ")).ok()?;
    let user = fs::metadata(format!("/proc/{pid}")).ok()?.uid();
    if !wanted.includes(&environment) || !wanted.marked.may_be_of(user) {
        return None;
    }
    let identity = ProcessIdentity::of(pid)?;
    let again = regular::read(format!("/proc/{pid}/environ")).ok()?;
    (wanted.includes(&again) && !wanted.known.contains(&identity)).then_some(identity)
}

/// Ends everybody who is wanted: asks, waits at most `grace`, kills. Returns who is left, normally
/// nobody. Looked for again and again, so that what they start meanwhile is found too.
pub fn stop(wanted: &Wanted, grace: Duration) -> Vec<ProcessIdentity> {
    let mut asked: Vec<ProcessIdentity> = Vec::new();
    let gone = clock::wait_until(grace, || {
        let left = nearly_nobody(wanted);
        for process in &left {
            if !asked.contains(process) {
                signal::send(process, Insistence::Ask);
                asked.push(process.clone());
            }
        }
        left.is_empty()
    });
    if gone { Vec::new() } else { kill(wanted) }
}

/// Kills everybody who is wanted and returns who is left, normally nobody.
pub fn kill(wanted: &Wanted) -> Vec<ProcessIdentity> {
    let mut left = Vec::new();
    clock::wait_until(KILL_LIMIT, || {
        left = nearly_nobody(wanted);
        for process in &left {
            signal::send(process, Insistence::Kill);
        }
        left.is_empty()
    });
    left
}

/// The wanted ones, looked for a second time when none is found: a process between fork and exec, or a
/// child of one that ended while we read the list, is not seen in a single reading.
fn nearly_nobody(wanted: &Wanted) -> Vec<ProcessIdentity> {
    let first = living(wanted);
    if first.is_empty() { living(wanted) } else { first }
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

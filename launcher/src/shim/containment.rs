//! Containment: which control group a run has, if any, and how all its processes are ended.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use shared::disk::regular;
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::Workdir;

use super::orphans;
use crate::plan::limits::Limits;
use crate::process::cgroup::{RunGroup, ShimGroup};
use crate::process::unsynced;
use crate::process::watch::{self, Marker};
use crate::run::Run;

/// The group that an earlier supervisor has made for the run in `workdir`, if it is still there.
pub fn found(workdir: &Workdir, run: &str) -> Option<RunGroup> {
    let path = regular::read_to_string(workdir.cgroup()).ok()?;
    let group = RunGroup::at(Path::new(path.trim_end_matches('\n')), run)?;
    // A forged file may name another user's group.
    let owner = fs::metadata(workdir.request()).ok()?.uid();
    group.is_of(owner).then_some(group)
}

/// The group of `run`, made where there is none yet.
pub fn found_or_made(run: &Run) -> Option<RunGroup> {
    found(&run.workdir, &run.request.run).or_else(|| {
        let group = RunGroup::create(&run.request.run)?;
        // Other processes must find the group, so without the file there is no group.
        let said = unsynced::write(&run.workdir.cgroup(), &format!("{}\n", group.path().display()));
        if said.is_err() {
            group.dissolve();
            return None;
        }
        Some(group)
    })
}

/// Puts this process, a shim, into a group of its own, where the run has one.
pub fn enter(run: &Run, own: &ProcessIdentity) -> Option<ShimGroup> {
    found(&run.workdir, &run.request.run)?.enter(own, wall(run.request.settings.limits)).ok()
}

/// Ends every process of `run`: asks those that carry its marker, kills them after `grace`, then
/// kills those in its control group and those that a shim has noted. Returns the pids that are
/// left, normally none.
pub fn end_all(workdir: &Workdir, run: &str, grace: Duration) -> Vec<i32> {
    let left = watch::stop(&Marker::of_run(run).of_owner_of(workdir).into(), grace);
    let mut left: Vec<i32> = left.iter().map(|process| process.pid).collect();
    if let Some(group) = found(workdir, run) {
        left.extend(group.end_others(&[]));
        group.dissolve();
    }
    left.extend(workdir.all_seen().iter().flat_map(|note| orphans::end_noted(note)));
    left
}

/// Higher than `--max-rss`: at that limit the shim asks the worker to end; this one stops growth
/// between two samples.
fn wall(limits: Limits) -> Option<u64> {
    limits.max_rss.map(|limit| limit.0.saturating_add(limit.0 / 4))
}

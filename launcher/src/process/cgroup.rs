//! Control groups (cgroup v2): the kernel's own list of the processes of a run. No process can
//! leave it by clearing its environment or leaving its session, and it can limit memory. Where no
//! group is writable, the launcher does without: it finds processes by marker and parent, and
//! samples their memory.
//!
//! ```text
//! launcher-RUN/            one run; holds no process itself
//!   shim-PID-START/        one shim and all that it starts, one attempt after the other
//! ```
//!
//! Source: the kernel's `Documentation/admin-guide/cgroup-v2.rst`.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use nix::unistd::{AccessFlags, access};
use shared::disk::regular;
use shared::run::identity::ProcessIdentity;

use super::clock;
use super::signal::{self, StopSignal};

/// How long the kernel may take to end what was killed.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// The group of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunGroup {
    path: PathBuf,
}

/// The group of one shim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShimGroup {
    path: PathBuf,
}

impl RunGroup {
    /// The group of `run` at `path`, which a file names; `None` when it is gone (a reboot removes
    /// all groups) or is something else: another run's group, or no group.
    pub fn at(path: &Path, run: &str) -> Option<Self> {
        let is_named_for_it = path.file_name().is_some_and(|name| name == name_of(run).as_str());
        // No links and no `..`: the path must be the group itself.
        let is_itself = is_named_for_it && fs::canonicalize(path).is_ok_and(|real| real == path);
        let is_kernels =
            || statfs(path).is_ok_and(|found| found.filesystem_type() == CGROUP2_SUPER_MAGIC);
        (is_itself && is_kernels()).then(|| Self { path: path.to_owned() })
    }

    /// Was it made by this user, or by us?
    pub fn is_of(&self, user: u32) -> bool {
        let made_by = fs::metadata(&self.path).map(|found| found.uid());
        made_by.is_ok_and(|maker| maker == user || maker == nix::unistd::geteuid().as_raw())
    }

    /// Makes the group of `run` as close to our own group as permissions allow, preferably where
    /// the kernel limits memory. `None` where they allow it nowhere.
    pub fn create(run: &str) -> Option<Self> {
        // The name comes from a file and must not lead elsewhere.
        let own = own_group().filter(|_| !run.contains('/'))?;
        let counts_memory = |place: &&Path| lists(&place.join("cgroup.subtree_control"), "memory");
        let places = own.places();
        let make = |place: &Path| {
            // Moving a process needs write access to the common ancestor of both groups.
            access(&place.join("cgroup.procs"), AccessFlags::W_OK).ok()?;
            let path = place.join(name_of(run));
            match fs::create_dir(&path) {
                Ok(()) => {}
                // Left by a supervisor that was killed before it could note the group: no other run
                // has this name.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(_) => return None,
            }
            // For the groups below; without it there is no memory limit.
            let _ = put(&path, "cgroup.subtree_control", "+memory");
            Some(Self { path })
        };
        let (counting, others): (Vec<&Path>, Vec<&Path>) =
            places.into_iter().partition(counts_memory);
        counting.into_iter().chain(others).find_map(make)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Can the groups below have a memory limit?
    pub fn limits_memory(&self) -> bool {
        lists(&self.path.join("cgroup.subtree_control"), "memory")
    }

    /// The group of `shim`, which may not exist.
    pub fn of(&self, shim: &ProcessIdentity) -> ShimGroup {
        ShimGroup { path: self.path.join(format!("shim-{}-{}", shim.pid, shim.start_ticks)) }
    }

    /// Moves this process, a shim, into a group of its own, limited to `wall` bytes of memory.
    pub fn enter(&self, own: &ProcessIdentity, wall: Option<u64>) -> io::Result<ShimGroup> {
        let group = self.of(own);
        fs::create_dir(&group.path)?;
        if let Some(wall) = wall.filter(|_| self.limits_memory()) {
            put(&group.path, "memory.max", &wall.to_string())?;
            // No swapping instead. Without swap the kernel has no such file.
            let _ = put(&group.path, "memory.swap.max", "0");
        }
        put(&group.path, "cgroup.procs", "0")?;
        Ok(group)
    }

    /// Ends all processes in groups of other shims than `known`, and removes the groups. Returns
    /// the pids that are left, normally none.
    pub fn end_others(&self, known: &[ProcessIdentity]) -> Vec<i32> {
        let known: Vec<ShimGroup> = known.iter().map(|shim| self.of(shim)).collect();
        let others =
            below(&self.path).map(|path| ShimGroup { path }).filter(|group| !known.contains(group));
        others.flat_map(|group| group.end()).collect()
    }

    /// Removes the group if it is empty.
    pub fn dissolve(&self) {
        let _ = fs::remove_dir(&self.path);
    }
}

impl ShimGroup {
    /// Ends all its processes and removes it. Returns the pids that are left, normally none. A
    /// missing group counts as empty.
    pub fn end(&self) -> Vec<i32> {
        let is_gone = clock::wait_until(KILL_LIMIT, || match remove(&self.path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(_) => {
                self.kill();
                false
            }
        });
        if is_gone { Vec::new() } else { self.members() }
    }

    /// How many of its processes the kernel has killed for memory.
    pub fn killed_for_memory(&self) -> u64 {
        let events = regular::read_to_string(self.path.join("memory.events")).unwrap_or_default();
        let number = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        number.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
    }

    fn kill(&self) {
        if put(&self.path, "cgroup.kill", "1").is_ok() {
            return;
        }
        // Kernels before 5.14.
        for pid in self.members() {
            // The pidfd first: if the pid is still in the group after that, the pidfd names that
            // process.
            if let Some(handle) = signal::handle(pid).filter(|_| self.members().contains(&pid)) {
                signal::send_by_handle(&handle, StopSignal::Kill);
            }
        }
    }

    fn members(&self) -> Vec<i32> {
        let listed = regular::read_to_string(self.path.join("cgroup.procs")).unwrap_or_default();
        listed.lines().filter_map(|line| line.parse().ok()).collect()
    }
}

/// The name of the group of a run.
fn name_of(run: &str) -> String {
    format!("launcher-{run}")
}

/// Our own group, and where groups are mounted.
struct OwnGroup {
    mount_point: PathBuf,
    path: PathBuf,
}

impl OwnGroup {
    /// Where a group could be made: in our own group, or in one of its ancestors.
    fn places(&self) -> Vec<&Path> {
        self.path.ancestors().take_while(|place| place.starts_with(&self.mount_point)).collect()
    }
}

fn own_group() -> Option<OwnGroup> {
    let mounts = regular::read_to_string("/proc/self/mountinfo").ok()?;
    let groups = regular::read_to_string("/proc/self/cgroup").ok()?;
    place_in(&mounts, &groups)
}

/// Reads `/proc/self/mountinfo` and `/proc/self/cgroup`.
fn place_in(mounts: &str, groups: &str) -> Option<OwnGroup> {
    let own = Path::new(groups.lines().find_map(|line| line.strip_prefix("0::"))?);
    mounts.lines().find_map(|line| {
        let (place, system) = line.split_once(" - ")?;
        system.starts_with("cgroup2 ").then_some(())?;
        let mut fields = place.split(' ').skip(3);
        let (root, mount_point) = (fields.next()?, PathBuf::from(fields.next()?));
        // A container sees only a part of the tree.
        let below = own.strip_prefix(root).ok()?;
        let path = mount_point.components().chain(below.components()).collect();
        Some(OwnGroup { mount_point, path })
    })
}

/// Removes an empty group and the groups in it: a launcher that a worker has started makes such
/// groups.
fn remove(group: &Path) -> io::Result<()> {
    below(group).try_for_each(|group| remove(&group))?;
    fs::remove_dir(group)
}

fn below(group: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
}

fn lists(file: &Path, word: &str) -> bool {
    regular::read_to_string(file)
        .is_ok_and(|text| text.split_ascii_whitespace().any(|it| it == word))
}

/// Writes into a file of the kernel, which must exist.
fn put(group: &Path, file: &str, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    regular::open_with(fs::File::options().write(true), &group.join(file))?
        .write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(mounts: &str, groups: &str) -> Vec<String> {
        let own = place_in(mounts, groups);
        let spelled =
            |own: &OwnGroup| own.places().iter().map(|place| place.display().to_string()).collect();
        own.as_ref().map(spelled).unwrap_or_default()
    }

    #[test]
    fn groups_are_sought_from_our_own_up_to_the_mount() {
        let systemd = "35 24 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate";
        assert_eq!(
            places(systemd, "0::/user.slice/run.scope\n"),
            ["/sys/fs/cgroup/user.slice/run.scope", "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup"]
        );
        let hybrid = "36 24 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      37 24 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
        assert_eq!(places(hybrid, "4:memory:/x\n0::/\n"), ["/sys/fs/cgroup/unified"]);
        let container = "40 24 0:30 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw";
        assert_eq!(places(container, "0::/docker/ab/c\n"), ["/sys/fs/cgroup/c", "/sys/fs/cgroup"]);
        assert_eq!(places("", "0::/\n"), [] as [&str; 0], "not mounted");
        assert_eq!(places(systemd, "4:memory:/x\n"), [] as [&str; 0], "an old kernel");
    }
}

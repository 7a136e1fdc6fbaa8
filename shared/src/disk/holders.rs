//! Holders: which processes have a file locked, as the kernel shows, and whether they may write it.
//! A lock of a process that may only read keeps nobody from writing.
//!
//! `/proc/locks` names the process that took a lock. It may have died and left the lock to others
//! with the same open file. `/proc/PID/fdinfo` names those, for processes that we may inspect; of
//! the others we learn the user.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::ops::RangeInclusive;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

use nix::unistd::geteuid;

use super::regular;

const GROUP_MAY_WRITE: u32 = 0o020;
const OTHERS_MAY_WRITE: u32 = 0o002;
const OWNER_MAY_WRITE: u32 = 0o200;

/// Which locks are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those by `flock`.
    Whole,
    /// Those by `fcntl` that keep others from reading some of these bytes.
    Bytes(RangeInclusive<u64>),
}

/// What a holder may do with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read it, no more.
    Reads,
    /// Write it, or nobody can tell.
    MayWrite,
}

/// A holder of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// `None` where the kernel does not show who.
    pub pid: Option<i32>,
    /// What it may do.
    pub access: Access,
}

/// All holders of the locks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holders(Vec<Holder>);

impl Holders {
    /// Can each of them only read? `false` if the kernel shows no holder.
    pub fn only_read(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|holder| holder.access == Access::Reads)
    }

    /// Is nobody shown?
    pub fn are_unknown(&self) -> bool {
        self.pids().next().is_none()
    }

    /// Those that are shown.
    pub fn pids(&self) -> impl Iterator<Item = i32> {
        self.0.iter().filter_map(|holder| holder.pid)
    }
}

impl fmt::Display for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.pids().map(|pid| match name_of(pid) {
            Some(name) => format!("process {pid} ({name})"),
            None => format!("process {pid}"),
        });
        let words: Vec<String> = words.collect();
        if words.is_empty() {
            f.write_str("a process that the system does not show us")
        } else {
            f.write_str(&words.join(", "))
        }
    }
}

/// The holders of locks on `file`. `signed` are the pids that holders have written into the file:
/// only a process that may write it can have done that.
pub fn of(file: &File, which: &Which, signed: &[i32]) -> Holders {
    let Some(place) = LockedFile::of(file) else { return Holders::default() };
    let mut unseen = locks_in(&text_of("/proc/locks"), &place.name, which);
    let mut likely: Vec<i32> = signed.to_vec();
    likely.extend(unseen.iter().map(|lock| lock.taker).filter(|taker| !signed.contains(taker)));
    let others = all_pids().filter(|pid| !likely.contains(pid));
    let mut holders = Vec::new();
    for pid in likely.iter().copied().chain(others) {
        // Inspecting all processes takes a while, so it ends as soon as possible.
        if unseen.is_empty() {
            break;
        }
        let Some((held, access)) = place.held_by(pid, which) else { continue };
        unseen.retain(|lock| !held.contains(lock));
        holders.push(Holder { pid: Some(pid), access });
    }
    holders.extend(unseen.iter().map(|lock| place.holder_unseen(lock, signed)));
    Holders(holders)
}

/// What is locked.
struct LockedFile {
    /// As the kernel names it.
    name: String,
    found: Metadata,
}

impl LockedFile {
    fn of(file: &File) -> Option<Self> {
        let found = file.metadata().ok()?;
        // On some file systems a file shows another device number than `/proc/locks`.
        let own = text_of(&format!("/proc/self/fdinfo/{}", file.as_raw_fd()));
        let mount = own.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim().to_owned();
        let (major, minor) = device_of(&text_of("/proc/self/mountinfo"), &mount)?;
        Some(Self { name: format!("{major:02x}:{minor:02x}:{}", found.ino()), found })
    }

    /// The locks that process `pid` holds through its open files, and what it may do; `None` if we
    /// see none.
    fn held_by(&self, pid: i32, which: &Which) -> Option<(Vec<Lock>, Access)> {
        let files = fs::read_dir(format!("/proc/{pid}/fdinfo")).ok()?;
        let (mut held, mut access) = (Vec::new(), Access::Reads);
        for file in files.flatten() {
            let text = regular::read_to_string(file.path()).unwrap_or_default();
            let locks = locks_in(&text, &self.name, which);
            if !locks.is_empty() && self.access_by(pid, &text) == Access::MayWrite {
                access = Access::MayWrite;
            }
            held.extend(locks);
        }
        (!held.is_empty()).then_some((held, access))
    }

    /// The access of one open file, described by `text`. A folder is never open for writing; for it
    /// the access of the process counts.
    fn access_by(&self, pid: i32, text: &str) -> Access {
        if self.found.is_dir() {
            return self.access_of(&text_of(&format!("/proc/{pid}/status")));
        }
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
        // The lowest two bits: reading, writing, both.
        if flags.is_some_and(|flags| flags % 4 == 0) { Access::Reads } else { Access::MayWrite }
    }

    /// For a lock whose holders we may not inspect.
    fn holder_unseen(&self, lock: &Lock, signed: &[i32]) -> Holder {
        // Its first holder may be dead, and its heir may not have received the open file yet.
        let signer = signed.iter().find(|pid| **pid == lock.taker || is_closed_to_us(**pid));
        if let Some(pid) = signer {
            return Holder { pid: Some(*pid), access: Access::MayWrite };
        }
        if is_closed_to_us(lock.taker) {
            let status = text_of(&format!("/proc/{}/status", lock.taker));
            return Holder { pid: Some(lock.taker), access: self.access_of(&status) };
        }
        // The process that took it is dead and left it to processes of another user, which we may
        // not inspect.
        let is_ours_alone = self.found.uid() == geteuid().as_raw()
            && self.found.mode() & (GROUP_MAY_WRITE | OTHERS_MAY_WRITE) == 0;
        Holder { pid: None, access: if is_ours_alone { Access::Reads } else { Access::MayWrite } }
    }

    /// The access of a process, by `/proc/PID/status`.
    fn access_of(&self, status: &str) -> Access {
        let numbers = |name: &str| -> Vec<u32> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect()
        };
        let (users, groups) = (numbers("Uid:"), [numbers("Gid:"), numbers("Groups:")].concat());
        let may = users.is_empty()
            || users.contains(&0)
            || self.found.mode() & OTHERS_MAY_WRITE != 0
            || (users.contains(&self.found.uid()) && self.found.mode() & OWNER_MAY_WRITE != 0)
            || (groups.contains(&self.found.gid()) && self.found.mode() & GROUP_MAY_WRITE != 0);
        if may { Access::MayWrite } else { Access::Reads }
    }
}

/// One line of the kernel about one lock.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lock {
    kind: String,
    mode: String,
    /// -1 where a lock belongs to an open file alone.
    taker: i32,
    bytes: RangeInclusive<u64>,
}

/// The locks on the file `name` that are meant. A line reads `1: FLOCK  ADVISORY  WRITE 359
/// fe:00:11691 0 EOF`, with `lock:` before it in an `fdinfo`; a line of a waiting process has an
/// arrow.
fn locks_in(text: &str, name: &str, which: &Which) -> Vec<Lock> {
    let lock_of = |line: &str| {
        let mut words = line.strip_prefix("lock:").unwrap_or(line).split_ascii_whitespace().skip(1);
        let (kind, _, mode) = (words.next()?, words.next()?, words.next()?);
        let taker = words.next()?.parse().ok()?;
        (words.next()? == name).then_some(())?;
        let from = words.next()?.parse().ok()?;
        let to = match words.next()? {
            "EOF" => u64::MAX,
            to => to.parse().ok()?,
        };
        let is_meant = match which {
            Which::Whole => kind == "FLOCK",
            Which::Bytes(bytes) => {
                matches!(kind, "OFDLCK" | "POSIX")
                    && mode == "WRITE"
                    && from <= *bytes.end()
                    && to >= *bytes.start()
            }
        };
        is_meant.then(|| Lock {
            kind: kind.to_owned(),
            mode: mode.to_owned(),
            taker,
            bytes: from..=to,
        })
    };
    text.lines().filter_map(lock_of).collect()
}

/// Major and minor number of what is mounted as `mount`, by `/proc/self/mountinfo`.
fn device_of(mounts: &str, mount: &str) -> Option<(u32, u32)> {
    let line = mounts.lines().find(|line| line.split(' ').next() == Some(mount))?;
    let (major, minor) = line.split(' ').nth(2)?.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Is it alive, and closed to our inspection?
fn is_closed_to_us(pid: i32) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fdinfo"));
    pid > 0 && files.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

fn name_of(pid: i32) -> Option<String> {
    let name = regular::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    // A process may call itself anything.
    Some(name.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
}

fn all_pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn text_of(path: &str) -> String {
    regular::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKS: &str = "\
1: FLOCK  ADVISORY  WRITE 359 fe:00:11691 0 EOF
1: -> FLOCK  ADVISORY  WRITE 360 fe:00:11691 0 EOF
2: FLOCK  ADVISORY  READ 361 fe:00:11692 0 EOF
3: OFDLCK ADVISORY  WRITE -1 fe:00:11691 128 130
4: POSIX  ADVISORY  READ 5433 fe:00:11691 0 EOF
5: POSIX  ADVISORY  WRITE 5434 fe:00:11691 131 EOF
6: LEASE  ACTIVE    READ 5435 fe:00:11691 0 EOF
";

    #[test]
    fn lines_of_the_kernel_tell_who_took_which_lock() {
        let takers = |text: &str, which: Which| -> Vec<i32> {
            locks_in(text, "fe:00:11691", &which).iter().map(|lock| lock.taker).collect()
        };
        assert_eq!(takers(LOCKS, Which::Whole), [359], "neither who waits, nor another file's");
        assert_eq!(
            takers(LOCKS, Which::Bytes(0..=127)),
            [] as [i32; 0],
            "a reader keeps nobody from reading"
        );
        assert_eq!(takers(LOCKS, Which::Bytes(0..=128)), [-1]);
        assert_eq!(takers(LOCKS, Which::Bytes(130..=131)), [-1, 5434]);
        let of_a_file =
            "pos:\t0\nflags:\t0100002\nlock:\t1: FLOCK  ADVISORY  WRITE 359 fe:00:11691 0 EOF\n";
        assert_eq!(takers(of_a_file, Which::Whole), [359]);
    }

    #[test]
    fn who_reads_and_who_may_write_are_told_apart_by_their_open_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger");
        fs::write(&path, "").expect("written");
        let reader = File::open(&path).expect("opened");
        let writer = File::options().append(true).open(&path).expect("opened");
        let own = i32::try_from(std::process::id()).expect("a pid");
        let holders = || of(&reader, &Which::Whole, &[]);
        assert!(holders().are_unknown() && !holders().only_read());
        for (file, access) in [(&reader, Access::Reads), (&writer, Access::MayWrite)] {
            fs2::FileExt::lock_exclusive(file).expect("free");
            assert_eq!(holders(), Holders(vec![Holder { pid: Some(own), access }]));
            assert!(
                holders().to_string().starts_with(&format!("process {own} (")),
                "{}",
                holders()
            );
            fs2::FileExt::unlock(file).expect("given back");
        }
    }

    #[test]
    fn what_can_not_be_seen_is_told_by_who_may_write_the_file() {
        let file = tempfile::tempfile().expect("a file");
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("ours");
        let place = LockedFile { name: String::new(), found: file.metadata().expect("there") };
        let (user, group) = (place.found.uid(), place.found.gid());
        let status = |user: u32, group: u32| {
            format!(
                "Name:\tsh\nUid:\t{user}\t{user}\t{user}\t{user}\nGid:\t{group}\nGroups:\t7 8 \n"
            )
        };
        let of_status = |user, group| place.access_of(&status(user, group));
        assert_eq!(place.found.mode() & 0o777, 0o600);
        assert_eq!(of_status(4_000_001, group), Access::Reads);
        assert_eq!(of_status(user, 4_000_001), Access::MayWrite);
        assert_eq!(of_status(0, 0), Access::MayWrite, "root may");
        assert_eq!(place.access_of(""), Access::MayWrite, "nobody can tell");
        // Nobody has this pid.
        let dead = Lock {
            kind: "FLOCK".into(),
            mode: "WRITE".into(),
            taker: i32::MAX,
            bytes: 0..=u64::MAX,
        };
        assert_eq!(place.holder_unseen(&dead, &[]).access, Access::Reads, "it is nobody of ours");
        assert_eq!(
            place.holder_unseen(&dead, &[i32::MAX]).access,
            Access::MayWrite,
            "its taker has signed"
        );
    }
}

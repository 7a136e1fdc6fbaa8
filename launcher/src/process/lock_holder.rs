//! Who holds a lock: a file of a work directory says which process holds a lock. Anyone who can write there
//! may have written it, the pid may belong to another process by now, or the disk may come from
//! another machine. What the file says counts only if the kernel shows that process with that very lock file
//! open.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use shared::disk::regular;
use shared::run::identity::ProcessIdentity;

/// The living process that the file at `named_in` names and that has the lock file at `lock` open.
pub fn proven(named_in: &Path, lock: &Path) -> Option<ProcessIdentity> {
    let text = regular::read_to_string(named_in).ok()?;
    let named: ProcessIdentity = serde_json::from_str(&text).ok()?;
    // Its files first: if the pid is reused meanwhile, the identity no longer matches.
    (has_open(named.pid, lock) && named.is_alive()).then_some(named)
}

/// `false` for a process whose files we may not see; we could not signal it either.
fn has_open(pid: i32, path: &Path) -> bool {
    let Ok(wanted) = fs::metadata(path) else { return false };
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let found = files.flatten().filter_map(|file| fs::metadata(file.path()).ok());
    found.into_iter().any(|found| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::disk::lock::Lock;
    use shared::disk::publish::publish;

    #[test]
    fn who_does_not_have_the_lock_open_is_not_its_holder_whatever_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let [pid_file, path] =
            ["launcher.pid", "launcher.lock"].map(|name| folder.path().join(name));
        let own = ProcessIdentity::own().expect("we run");
        let write = |who: &ProcessIdentity| {
            publish(&pid_file, &serde_json::to_vec(who).expect("plain data")).expect("written");
        };
        write(&own);
        assert_eq!(proven(&pid_file, &path), None, "there is no lock");
        let lock = Lock::acquire(&path, "us").expect("free");
        assert_eq!(proven(&pid_file, &path), Some(own.clone()));
        for pid in [-1, 0, 1, i32::MAX] {
            write(&ProcessIdentity { pid, ..own.clone() });
            assert_eq!(proven(&pid_file, &path), None, "{pid}");
        }
        write(&ProcessIdentity { start_ticks: own.start_ticks - 1, ..own.clone() });
        assert_eq!(proven(&pid_file, &path), None, "it had our pid before");
        write(&own);
        drop(lock);
        assert_eq!(proven(&pid_file, &path), None, "it was given back");
    }
}

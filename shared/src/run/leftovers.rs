//! What killed processes leave directly in a folder that many share. What lies deeper belongs to
//! whoever has claimed it, who sweeps it then ([`publish::sweep`](crate::disk::publish::sweep)).

use super::identity::ProcessIdentity;
use crate::disk::folder::{Folder, FolderEntry};
use crate::disk::publish::DiskError;

/// Removes drafts and probes that stand directly in `folder` and whose process is dead.
pub fn sweep(folder: &Folder) -> Result<(), DiskError> {
    for FolderEntry { name, .. } in folder.entries()? {
        let is_dead = |pid: i32| matches!(ProcessIdentity::look(pid), Ok(None));
        if writer_of(&name.to_string_lossy()).is_some_and(is_dead) {
            // If it is gone, another process sweeps at this moment too.
            folder.remove(&name)?;
        }
    }
    Ok(())
}

/// The process that writes a draft (`_NAME.PID.tmp`) or a probe (`_launcher.PID.probe`).
fn writer_of(name: &str) -> Option<i32> {
    let stem = name.strip_suffix(".tmp").or_else(|| name.strip_suffix(".probe"))?;
    let (_, pid) = stem.strip_prefix('_')?.rsplit_once('.')?;
    pid.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::publish;
    use std::fs;

    #[test]
    fn many_who_sweep_at_once_are_in_nobody_s_way() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..200 {
            let left = folder.path().join(format!("_launcher.{}.probe", 2_000_000_000 + number));
            publish::publish(&left, b"x").expect("written");
        }
        let place = Folder::open(folder.path()).expect("opened");
        std::thread::scope(|scope| {
            let sweepers: Vec<_> = (0..4).map(|_| scope.spawn(|| sweep(&place))).collect();
            for sweeper in sweepers {
                sweeper.join().expect("no panic").expect("swept");
            }
        });
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0);
    }

    #[test]
    fn only_what_dead_processes_left_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = std::process::id();
        let kept =
            [format!("_run.json.{own}.tmp"), "_dataset.json".to_owned(), "mine.1.tmp".to_owned()];
        // No kernel numbers a process like that.
        let gone = ["__dataset.json.2000000000.tmp", "_launcher.2000000000.probe"];
        for name in kept.iter().map(String::as_str).chain(gone) {
            publish::publish(&folder.path().join(name), b"x").expect("written");
        }
        sweep(&Folder::open(folder.path()).expect("opened")).expect("swept");
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .expect("listed")
            .map(|entry| entry.expect("listed").file_name().into_string().expect("UTF-8"))
            .collect();
        left.sort();
        let mut kept = kept.to_vec();
        kept.sort();
        assert_eq!(left, kept);
    }
}

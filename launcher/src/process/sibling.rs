//! A fork of this process that is a child of our parent: the one system call that no safe interface offers.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use nix::libc;

/// On which side of a fork we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The old process.
    Old {
        /// The new one; our parent is told of its end and has to wait for it.
        sibling: i32,
    },
    /// The new one.
    New,
}

/// Forks this process for its parent. Refused when we have threads: what one of them holds, a lock of the
/// allocator for example, would be held for ever in the copy, where it does not run.
pub fn fork() -> io::Result<Side> {
    if !is_single_threaded()? {
        return Err(io::Error::other("a process with threads can't be forked"));
    }
    let flags = libc::CLONE_PARENT | libc::SIGCHLD;
    let none: libc::c_long = 0;
    // SAFETY: without CLONE_VM this is fork(2): the copy has memory of its own and goes on where we are, on a copy
    // of our stack. This is our only thread (looked at above, and nobody else can start one), so that no lock and
    // nothing half written is copied. What the C library's own fork does beyond that concerns locks and handlers of
    // programs with threads, and the thread id it keeps for robust mutexes and `raise`, which nothing here uses.
    #[expect(unsafe_code, reason = "the only door to a child of our parent")]
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::c_long::from(flags), none, none, none, none) };
    match pid {
        0 => Ok(Side::New),
        pid if pid > 0 => {
            Ok(Side::Old { sibling: i32::try_from(pid).expect("the kernel numbers processes with i32") })
        }
        _ => Err(io::Error::last_os_error()),
    }
}

/// Ends a process that came out of [`fork`], at once: what is registered for the end of a program was registered by
/// the old process and is its business.
pub fn leave(code: u8) -> ! {
    // SAFETY: it has no preconditions. Nothing buffered is lost: standard error has no buffer.
    #[expect(unsafe_code, reason = "the standard library only has an exit that runs handlers")]
    unsafe {
        libc::_exit(i32::from(code))
    }
}

fn is_single_threaded() -> io::Result<bool> {
    // Two links of the folder's own, and one for each thread in it.
    Ok(fs::metadata("/proc/self/task")?.nlink() == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_threads_is_not_forked() {
        // The test's own thread and the one that waits for it.
        assert_eq!(fork().expect_err("refused").kind(), io::ErrorKind::Other);
    }
}

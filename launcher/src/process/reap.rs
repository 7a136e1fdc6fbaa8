//! Waits for children one by one and measures what each has used. No safe interface that we use
//! offers that system call, and `getrusage` adds up all children that a process ever had.

use std::io;
use std::time::Duration;

use nix::libc;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::clock;
use super::signal::{self, StopSignal};
use super::tree;
use crate::facts::ending::Usage;

/// How long the kernel may take to end what was killed.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Exited {
        /// Exit code.
        code: i32,
    },
    Signaled {
        signal: i32,
    },
}

/// What a look at our children, inherited ones included, has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaped {
    /// One has ended, and we have waited for it.
    Ended {
        pid: i32,
        how: How,
        /// What it has used, including its own children that it has waited for.
        usage: Usage,
    },
    AllLive,
    Childless,
}

/// Reaps one child that has ended, if there is one. Does not wait.
pub fn one() -> Reaped {
    loop {
        let mut status = 0;
        // SAFETY: `rusage` is plain numbers, for which zeros are a value.
        #[expect(unsafe_code, reason = "the only door to what one child took")]
        let mut took: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel writes to these two, which are ours and live, and to nothing else.
        #[expect(unsafe_code, reason = "the only door to what one child took")]
        let pid = unsafe { libc::wait4(-1, &raw mut status, libc::WNOHANG, &raw mut took) };
        let how = match pid {
            0 => return Reaped::AllLive,
            1.. if libc::WIFEXITED(status) => How::Exited { code: libc::WEXITSTATUS(status) },
            1.. if libc::WIFSIGNALED(status) => How::Signaled { signal: libc::WTERMSIG(status) },
            // Stopped or continued, which is not asked for.
            1.. => continue,
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => continue,
            _ => return Reaped::Childless,
        };
        return Reaped::Ended { pid, how, usage: usage(&took) };
    }
}

/// Ends and reaps every child except `known` ones. The others were inherited from a shim that died:
/// we are its subreaper.
pub fn end_inherited(known: &[i32]) {
    let own =
        i32::try_from(std::process::id()).expect("the kernel numbers processes with positive i32");
    clock::wait_until(KILL_LIMIT, || {
        let mut strangers = tree::children(own);
        strangers.retain(|pid| !known.contains(pid));
        for pid in &strangers {
            signal::send_to_child(*pid, StopSignal::Kill);
            let _ = waitpid(Pid::from_raw(*pid), Some(WaitPidFlag::WNOHANG));
        }
        strangers.is_empty()
    });
}

fn usage(took: &libc::rusage) -> Usage {
    let ms = |time: libc::timeval| time.tv_sec * 1000 + time.tv_usec / 1000;
    let number = |number: i64| u64::try_from(number).unwrap_or(0);
    Usage {
        // The kernel counts it in KiB.
        peak_rss_bytes: number(took.ru_maxrss) * 1024,
        cpu_ms: number(ms(took.ru_utime) + ms(took.ru_stime)),
    }
}

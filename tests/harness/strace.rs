//! Kills a program as it enters its N-th call that changes anything, with `strace`. No code of the
//! program knows.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use super::inherited;
use super::program::run;

/// Calls that change files, tell another process something, or start one. Each kind is counted for
/// itself.
pub const CHANGES: [&str; 11] = [
    "write",
    "fdatasync",
    "fsync",
    "rename,renameat,renameat2",
    "link,linkat",
    "unlink,unlinkat",
    "mkdir,mkdirat",
    "ftruncate",
    "sendto,sendmsg",
    "clone,clone3,vfork",
    "kill,pidfd_send_signal",
];
/// More calls than any of these programs makes.
const ENDLESS: usize = 2_000;

/// Whom strace follows.
#[derive(Clone, Copy, PartialEq)]
pub enum Follows {
    /// The program alone.
    Itself,
    /// Its threads too, each of which counts for itself.
    Threads,
}

/// May a program be traced here? CI must.
pub fn can_trace() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "/dev/null", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    let can = strace.status().is_ok_and(|status| status.success());
    if !can {
        assert!(std::env::var_os("CI").is_none(), "CI must have strace, and leave to trace");
        eprintln!("skipped: strace is not installed, or may not trace");
    }
    can
}

/// A moment in the life of a program: its so-manieth change of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// The calls' names, as strace lists them.
    pub kind: &'static str,
    /// Counted from 1.
    pub number: usize,
}

/// Runs `command` and kills it at `point`; says whether it came to its end before.
pub fn survives(point: Point, follows: Follows, command: &Command) -> bool {
    let Point { kind, number } = point;
    let ended = run(&mut tampered(kind, &format!("signal=KILL:when={number}"), follows, command));
    // It dies as what it traces has died.
    let was_killed = ended.status.signal() == Some(Signal::SIGKILL as i32);
    assert!(was_killed || ended.code().is_some(), "{ended:?}");
    !was_killed
}

/// `command`, and whenever it calls one of `calls` strace does `what` (its `--inject`).
pub fn tampered(calls: &str, what: &str, follows: Follows, command: &Command) -> Command {
    let mut strace = Command::new("strace");
    inherited::clean(&mut strace);
    strace.args(["-qq", "-o", "/dev/null"]);
    if follows == Follows::Threads {
        strace.arg("-f");
    }
    strace.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:{what}")]);
    strace.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    strace.current_dir(command.get_current_dir().expect("these have one")).stdin(Stdio::null());
    strace
}

/// Every `stride`-th change of each kind, until `survives` says that there are no more of it;
/// `least` in all.
#[track_caller]
pub fn each(stride: usize, least: usize, survives: impl FnMut(Point) -> bool) {
    each_of(&CHANGES, stride, least, survives);
}

/// The same for some kinds of changes.
#[track_caller]
pub fn each_of(
    kinds: &[&'static str],
    stride: usize,
    least: usize,
    mut survives: impl FnMut(Point) -> bool,
) {
    let mut points = 0;
    for kind in kinds.iter().copied() {
        let mut numbers = (1..ENDLESS).step_by(stride);
        let last = numbers.find(|number| survives(Point { kind, number: *number }));
        points += (last.expect("the program comes to its end") - 1).div_ceil(stride);
    }
    eprintln!("killed at {points} moments");
    assert!(points >= least, "only {points} moments: that is not the program that was meant");
}

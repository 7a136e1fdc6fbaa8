//! Other users: only root can be somebody else.

use std::fs::File;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::unistd::{Gid, Uid, chown};

/// Two users that have no other process, if we can be somebody else.
pub fn strangers() -> Option<[u32; 2]> {
    // Above what a system gives away, and not what another test has at this time.
    let first = 2_000_000_000 + 2 * std::process::id();
    Uid::effective().is_root().then_some([first, first + 1])
}

/// Gives a file or folder away.
pub fn give(path: &Path, uid: u32, gid: u32) {
    chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).expect("root may");
}

/// The program and arguments of `like` for another user.
pub fn as_user(like: &Command, uid: u32, gid: u32) -> Command {
    // By its open file: a folder above it may be closed to others.
    let executable = File::open(like.get_program()).expect("it is built");
    let mut command =
        Command::new(format!("/proc/self/fd/{}", inherited(executable).into_raw_fd()));
    command.args(like.get_args()).env_clear().uid(uid).gid(gid).stdin(Stdio::null());
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = like.get_current_dir() {
        command.current_dir(folder);
    }
    command
}

/// A copy of it that whoever we start has, too.
fn inherited(file: File) -> OwnedFd {
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).expect("our own file");
    file.into()
}

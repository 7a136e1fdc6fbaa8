//! The limit of a file's size (`ulimit -f`). The kernel kills a process that exceeds it. If the
//! process handles the signal, the write fails instead, as on a full disk.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGXFSZ;

/// Makes such a write an error instead of a death. The signal is handled, not ignored, so that
/// processes which we start get the default again: a script may count on it.
pub fn limit_is_an_error() -> io::Result<()> {
    // Nobody reads this flag: the failed write says everything.
    let unread = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGXFSZ, unread).map(drop)
}

//! The limit of a file's size (`ulimit -f`). The kernel kills a process that exceeds it, unless the
//! process handles the signal; then the write fails, as on a full disk.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGXFSZ;

/// From here on such a write is an error and no death. Heard and not ignored: whoever we start has
/// the usual reaction again, which a script may count on.
pub fn limit_is_an_error() -> io::Result<()> {
    // Of no use to anybody: the write that is refused says all there is to say.
    let unread = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGXFSZ, unread).map(drop)
}

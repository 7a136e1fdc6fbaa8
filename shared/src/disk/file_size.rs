//! A file that is to grow beyond the limit of its size (`ulimit -f`): the kernel ends whoever does not hear the signal about
//! it. Who hears it gets an error from the write, as from a full disk.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGXFSZ;

/// From here on such a write is an error and no death. Heard and not ignored: whoever we start has the usual reaction again,
/// which a script may count on.
pub fn limit_is_an_error() -> io::Result<()> {
    // Of no use to anybody: the write that is refused says all there is to say.
    let unread = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGXFSZ, unread).map(drop)
}

//! A job on a thread of its own, and its end: by itself, or by SIGTERM within a bound.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvError, Sender};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use shared::run::exit::Exit;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

use super::refusal::Refusal;
use crate::stop::Stop;
use shared::deadline::Deadline;

/// After SIGTERM the process is gone within 5 s, even if a server keeps silent.
const STOP_GRACE: Duration = Duration::from_secs(4);

/// What the main thread waits for.
enum Letter {
    /// SIGTERM came.
    Terminate,
    /// The job has ended, or panicked.
    Ended(thread::Result<Exit>),
}

/// SIGTERM is heard from here on.
pub struct Ears {
    post: Sender<Letter>,
    inbox: Receiver<Letter>,
}

/// Begins to hear SIGTERM: as early as can be, so that a stop during the preparations is a stop, no
/// crash.
pub fn listen() -> Result<Ears, Refusal> {
    let (post, inbox) = mpsc::channel();
    post_sigterm(post.clone())?;
    Ok(Ears { post, inbox })
}

/// Runs `job` to its end. SIGTERM asks it to stop; a job that doesn't is left behind. Where no
/// thread is to be had for it, nothing is begun.
pub fn run(ears: Ears, job: impl FnOnce(&Stop) -> Exit + Send + 'static) -> Result<Exit, Refusal> {
    let Ears { post, inbox } = ears;
    let stop = Arc::new(Stop::default());
    let stop_of_job = Arc::clone(&stop);
    let on_its_own = move || {
        let ended = panic::catch_unwind(AssertUnwindSafe(|| job(&stop_of_job)));
        // The receiver is gone only when the process ends without waiting for us.
        drop(post.send(Letter::Ended(ended)));
    };
    thread::Builder::new().spawn(on_its_own).map_err(|error| no_thread(&error))?;
    Ok(await_end(&inbox, &stop))
}

/// The first SIGTERM is posted; when its time is over the process ends, whatever it waits for: a
/// server that keeps silent, a disk that hangs, before the job or amid it. Nothing is half written
/// that the next run would not sweep away.
fn post_sigterm(post: Sender<Letter>) -> Result<(), Refusal> {
    let mut signals = Signals::new([SIGTERM]).map_err(Refusal::local)?;
    // Our parent may have blocked the signal for itself, and so for us.
    SigSet::from(Signal::SIGTERM).thread_unblock().map_err(Refusal::local)?;
    let hear = move || {
        if signals.forever().next().is_none() {
            return;
        }
        let deadline = Deadline::after(STOP_GRACE);
        drop(post.send(Letter::Terminate));
        while !deadline.left().is_zero() {
            thread::park_timeout(deadline.left());
        }
        process::exit(i32::from(Exit::Stopped.code()));
    };
    thread::Builder::new().spawn(hear).map(drop).map_err(|error| no_thread(&error))
}

/// A limit of processes (`ulimit -u`, which counts threads) or of memory: nothing of the job's.
fn no_thread(error: &io::Error) -> Refusal {
    let text = format!(
        "this machine has no thread to give ({error}); are its processes limited (ulimit -u)?"
    );
    Refusal { exit: Exit::LocalResource, text }
}

fn await_end(inbox: &Receiver<Letter>, stop: &Stop) -> Exit {
    loop {
        match inbox.recv() {
            Ok(Letter::Terminate) => stop.ask(),
            Ok(Letter::Ended(Ok(exit))) => return exit,
            // The panic has said what it is; the process dies of it, and the launcher sees a crash.
            Ok(Letter::Ended(Err(panic))) => panic::resume_unwind(panic),
            Err(RecvError) => return Exit::Stopped,
        }
    }
}

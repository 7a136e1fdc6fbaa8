//! The shim: a small parent of one attempt. It starts the worker, minds its memory, its time and its log, ends
//! everything that it has started, and says how it ended. It outlives the supervisor; a later one adopts it.
//!
//! As subreaper it inherits whatever the worker leaves behind, also what left its group or its session.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use shared::disk::publish;
use shared::run::events::{Event, EventTail};

use super::allowance::{Sample, Vigil};
use super::clock::{self, Deadline, Stopwatch};
use super::exit_record::{Ending, ExitRecord, Usage};
use super::signal::{self, Inbox, Insistence, Post};
use super::spawn::{self, Errand, SpawnError};
use super::tree::{self, Tree};
use crate::plan::limits::Limits;

/// How often the attempt is looked at.
const GLANCE: Duration = Duration::from_millis(500);
/// How long a worker may take to end after being asked to, when a stop is what it was asked for.
const STOP_GRACE: Duration = Duration::from_secs(30);
/// The same when it has used too much.
const BREACH_GRACE: Duration = Duration::from_secs(6);
/// How long the kernel may take to end what was killed.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// What is kept of a log that grew too long.
const LOG_TAIL: u64 = 1 << 20;

/// One attempt to attend to.
pub struct Attempt<'a> {
    /// What is started.
    pub errand: Errand<'a>,
    /// What it may use.
    pub limits: Limits,
    /// Where the worker says what it does.
    pub events: PathBuf,
    /// Where to note what it was doing when it is ended for doing nothing.
    pub trace: PathBuf,
}

/// How far the worker's end has come.
enum End {
    NotAsked,
    Asked { because: Ending, kill_at: Deadline },
    Killed { because: Ending },
}

/// Starts the worker and returns when nothing of it is left.
pub fn attend(attempt: &Attempt, inbox: &mut Inbox) -> ExitRecord {
    // Without it orphans of the worker are found by their marker only.
    let _ = prctl::set_child_subreaper(true);
    let began_at = clock::now();
    let (ending, usage) = match spawn::worker(&attempt.errand) {
        Ok(worker) => Shim::new(attempt, worker).attend(inbox),
        Err(error @ SpawnError::Unusable { .. }) => {
            (Ending::Unusable { what: error.to_string() }, Usage::default())
        }
        Err(error) => (Ending::NotStarted { what: error.to_string() }, Usage::default()),
    };
    ExitRecord { ending, usage, began_at, ended_at: clock::now() }
}

struct Shim<'a> {
    attempt: &'a Attempt<'a>,
    worker: i32,
    /// How the worker ended, once it has.
    departure: Option<Ending>,
    end: End,
    tree: Tree,
    vigil: Vigil,
    events: EventTail,
    useful: Option<u64>,
    since_glance: Stopwatch,
}

impl<'a> Shim<'a> {
    fn new(attempt: &'a Attempt<'a>, worker: i32) -> Self {
        Self {
            attempt,
            worker,
            departure: None,
            end: End::NotAsked,
            tree: Tree::of(worker),
            vigil: Vigil::new(attempt.limits),
            events: EventTail::new(&attempt.events),
            useful: None,
            since_glance: Stopwatch::start(),
        }
    }

    fn attend(mut self, inbox: &mut Inbox) -> (Ending, Usage) {
        loop {
            self.reap();
            if self.departure.is_some() {
                break;
            }
            for post in inbox.wait(self.patience()) {
                self.hear(post);
            }
            self.mind();
        }
        clear_away();
        let usage = self.usage();
        let departure = self.departure.expect("the loop ends with it");
        let ending = match self.end {
            // It came to its own end first.
            End::NotAsked => departure,
            // With whatever code: who obeys may well call it a success, and what it finished is proven by ledgers.
            End::Asked { because, .. } | End::Killed { because } => because,
        };
        (ending, usage)
    }

    fn patience(&self) -> Duration {
        match self.end {
            End::Asked { kill_at, .. } => GLANCE.min(kill_at.left()),
            End::NotAsked | End::Killed { .. } => GLANCE,
        }
    }

    fn hear(&mut self, post: Post) {
        match post {
            Post::Child => {}
            Post::Stop { .. } => self.ask(Ending::Stopped { killed: false }, STOP_GRACE),
            Post::StopNow { .. } => self.kill(),
        }
    }

    /// The first reason stands.
    fn ask(&mut self, because: Ending, grace: Duration) {
        if matches!(self.end, End::NotAsked) {
            signal::send_to_group(self.worker, Insistence::Ask);
            self.end = End::Asked { because, kill_at: Deadline::after(grace) };
        }
    }

    fn kill(&mut self) {
        signal::send_to_group(self.worker, Insistence::Kill);
        let because = match std::mem::replace(&mut self.end, End::NotAsked) {
            End::NotAsked | End::Asked { because: Ending::Stopped { .. }, .. } => {
                Ending::Stopped { killed: true }
            }
            End::Asked { because, .. } | End::Killed { because } => because,
        };
        self.end = End::Killed { because };
    }

    /// Looks at what the worker uses, and ends what uses too much.
    fn mind(&mut self) {
        if let End::Asked { kill_at, .. } = self.end
            && kill_at.is_over()
        {
            self.kill();
        }
        let elapsed = self.since_glance.elapsed();
        if elapsed < GLANCE {
            return;
        }
        self.since_glance = Stopwatch::start();
        self.listen();
        let seen = self.tree.look();
        let sample =
            Sample { elapsed, rss_bytes: seen.rss_bytes, useful: self.useful, is_suspended: seen.is_stopped };
        if let Some(because) = self.vigil.breach(sample) {
            if matches!((&because, &self.end), (Ending::Stalled { .. }, End::NotAsked)) {
                note_state(&self.attempt.trace, self.worker);
            }
            self.ask(because, BREACH_GRACE);
        }
        // A log that can't be cut is no reason to end the work that it is about.
        drop(cut_log(self.attempt.errand.log, self.attempt.limits.max_log.0));
    }

    /// Adds up what the worker says to have got.
    fn listen(&mut self) {
        for said in self.events.read_new() {
            let useful = self.useful.get_or_insert(0);
            match said.event {
                // Totals of one ticker: as tickers work side by side, any change is a step.
                Event::Progress { .. } | Event::TickerDone { .. } | Event::TickerFailed { .. } => {
                    *useful += 1;
                }
                Event::TickerStart { .. } | Event::Yield { .. } | Event::End { .. } => {}
            }
        }
    }

    fn reap(&mut self) {
        while let Reaped::Ended(status) = reap_one() {
            match status {
                WaitStatus::Exited(pid, code) if pid.as_raw() == self.worker => {
                    self.departure = Some(Ending::Exited { code });
                }
                WaitStatus::Signaled(pid, signal, _) if pid.as_raw() == self.worker => {
                    self.departure = Some(Ending::Signaled { signal: signal as i32 });
                }
                _ => {}
            }
        }
    }

    fn usage(&self) -> Usage {
        // The largest single process that has been waited for; a look at the whole tree may have seen more.
        let (single, cpu_ms) = getrusage(UsageWho::RUSAGE_CHILDREN).map_or((0, 0), |usage| {
            let cpu = (usage.user_time() + usage.system_time()).num_milliseconds();
            (u64::try_from(usage.max_rss()).unwrap_or(0) * 1024, u64::try_from(cpu).unwrap_or(0))
        });
        Usage { peak_rss_bytes: self.vigil.peak_rss_bytes.max(single), cpu_ms }
    }
}

/// Ends whatever the worker has left running: nobody writes beside the next attempt.
fn clear_away() {
    let own = i32::try_from(std::process::id()).expect("the kernel numbers processes with positive i32");
    clock::wait_until(KILL_LIMIT, || {
        loop {
            match reap_one() {
                Reaped::Ended(_) => {}
                Reaped::AllLive => break,
                // Orphans come to us: who has no child has nothing below it.
                Reaped::Childless => return true,
            }
        }
        for pid in tree::descendants(own) {
            signal::send_to_child(pid, Insistence::Kill);
        }
        false
    });
}

/// What a look at our children, those included that were inherited, has found.
enum Reaped {
    Ended(WaitStatus),
    AllLive,
    Childless,
}

fn reap_one() -> Reaped {
    loop {
        match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return Reaped::AllLive,
            Ok(status) => return Reaped::Ended(status),
            Err(Errno::EINTR) => {}
            Err(_) => return Reaped::Childless,
        }
    }
}

/// What the kernel says of each thread of a process that does nothing.
fn note_state(path: &Path, pid: i32) {
    use std::fmt::Write as _;
    let mut text = String::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let _ = writeln!(text, "thread {}", thread.file_name().display());
        for file in ["comm", "wchan", "syscall", "stack", "status"] {
            let said = fs::read_to_string(thread.path().join(file)).unwrap_or_else(|error| error.to_string());
            let _ = writeln!(text, "{file}: {}", said.trim());
        }
    }
    drop(publish::publish(path, text.as_bytes()));
}

/// Sets the older part of a log aside when it has grown beyond `limit`. The worker holds the file itself, so it
/// is emptied in place; its next line is appended at the new end.
fn cut_log(path: &Path, limit: u64) -> std::io::Result<()> {
    let mut log = File::options().read(true).append(true).open(path)?;
    let length = log.metadata()?.len();
    if length <= limit {
        return Ok(());
    }
    log.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL.min(limit))))?;
    let mut tail = Vec::new();
    Read::by_ref(&mut log).take(LOG_TAIL).read_to_end(&mut tail)?;
    publish::publish(&path.with_extension("log.1"), &tail).map_err(|error| error.source)?;
    log.set_len(0)?;
    writeln!(
        log,
        "==== the log had grown to {length} bytes; its end is in {}",
        path.with_extension("log.1").display()
    )
}

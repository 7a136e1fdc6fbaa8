//! One worker from start to end: starts it, watches its memory, its time and its log, ends all its
//! processes, and says how it ended.
//!
//! The shim is a subreaper: it inherits every process that the worker leaves behind, even from
//! another group or session.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::disk::audience::Audience;
use shared::disk::publish;
use shared::disk::regular;
use shared::run::events::EventTail;

use super::fence::ExitRecord;
use super::limits::{LimitWatch, Sample};
use super::orphans::OrphanNote;
use super::progress::{Events, WorkerProgress};
use crate::facts::ending::{Ending, Usage};
use crate::plan::limits::Limits;
use crate::process::cgroup::ShimGroup;
use crate::process::clock::{self, Stopwatch};
use crate::process::reap::{self, How, Reaped};
use crate::process::signal::{self, Inbox, Post, StopSignal};
use crate::process::spawn::{self, SpawnError, WorkerCommand};
use crate::process::tree::{self, ProcessTree};
use crate::process::watch;
use shared::deadline::Deadline;

/// How often the attempt is looked at.
const GLANCE: Duration = Duration::from_millis(500);
/// How long a worker may take to end after a stop.
const STOP_GRACE: Duration = Duration::from_secs(30);
/// How long a worker may take to end after it broke a limit.
const BREACH_GRACE: Duration = Duration::from_secs(6);
/// How long the kernel may take to end what was killed.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// What is kept of a log that grew too long.
const LOG_TAIL: u64 = 1 << 20;
/// How a log begins that was cut. Its earlier end is in the file beside it.
pub const CUT: &str = "==== the log had grown to ";

/// Everything about one worker that the shim needs to know.
pub struct Setup<'a> {
    /// What is started.
    pub command: WorkerCommand<'a>,
    /// What the worker may use.
    pub limits: Limits,
    /// Where the worker writes its events.
    pub events: PathBuf,
    pub writes_events: Events,
    /// Where to note the processes below the shim.
    pub orphan_note: PathBuf,
    /// Where to note what the worker was doing when it is ended for a stall.
    pub stall_note: PathBuf,
    /// The control group of the shim, if it has one.
    pub group: Option<&'a ShimGroup>,
}

/// How far the shim has come with ending the worker.
enum Shutdown {
    NotAsked,
    Asked { because: Ending, kill_at: Deadline },
    Killed { because: Ending },
}

/// Starts the worker and returns when none of its processes is left.
pub fn run(setup: &Setup, inbox: &mut Inbox) -> ExitRecord {
    signal::inherit_orphans();
    let began_at = clock::now();
    // No worker starts after a stop, even if the stop came while we entered our control group.
    let is_stopped =
        inbox.wait(Duration::ZERO, &[]).iter().any(|post| !matches!(post, Post::Child));
    let (ending, usage) = if is_stopped {
        (Ending::Stopped { killed: false }, Usage::default())
    } else {
        match spawn::worker(&setup.command) {
            Ok(worker) => RunningWorker::new(setup, worker).watch(inbox),
            Err(error @ SpawnError::Unusable { .. }) => {
                (Ending::Unusable { what: error.to_string() }, Usage::default())
            }
            Err(error) => (Ending::NotStarted { what: error.to_string() }, Usage::default()),
        }
    };
    ExitRecord::new(ending, usage, began_at, clock::now())
}

/// A worker that the shim has started.
struct RunningWorker<'a> {
    setup: &'a Setup<'a>,
    pid: i32,
    /// How the worker ended, once it has.
    departure: Option<Ending>,
    shutdown: Shutdown,
    tree: ProcessTree,
    orphans: OrphanNote,
    watch: LimitWatch,
    events: EventTail,
    progress: WorkerProgress,
    /// How many processes the kernel had killed for memory before this attempt.
    killed_before: u64,
    /// By the processes that we have waited for.
    used: Usage,
    since_glance: Stopwatch,
}

impl<'a> RunningWorker<'a> {
    fn new(setup: &'a Setup<'a>, pid: i32) -> Self {
        Self {
            setup,
            pid,
            departure: None,
            shutdown: Shutdown::NotAsked,
            tree: ProcessTree::of(pid),
            orphans: OrphanNote::none(setup.orphan_note.clone()),
            watch: LimitWatch::new(setup.limits),
            events: EventTail::new(&setup.events),
            progress: WorkerProgress::of(setup.writes_events),
            killed_before: setup.group.map_or(0, ShimGroup::killed_for_memory),
            used: Usage::default(),
            since_glance: Stopwatch::start(),
        }
    }

    fn watch(mut self, inbox: &mut Inbox) -> (Ending, Usage) {
        loop {
            self.reap();
            if self.departure.is_some() {
                break;
            }
            for post in inbox.wait(self.patience(), &[]) {
                self.hear(post);
            }
            self.mind();
        }
        self.clear_away();
        // The last cut: no process is left that could write.
        drop(cut_log(self.setup.command.log, self.setup.limits.max_log.0));
        let peak_rss_bytes = self.watch.peak_rss_bytes.max(self.used.peak_rss_bytes);
        let hit_the_wall =
            self.setup.group.is_some_and(|group| group.killed_for_memory() > self.killed_before);
        let departure = self.departure.expect("the loop ends with it");
        let ending = match self.shutdown {
            Shutdown::NotAsked if hit_the_wall => Ending::TooLarge { rss_bytes: peak_rss_bytes },
            // The worker ended by itself before the shim asked.
            Shutdown::NotAsked => departure,
            // Ignore the exit code: a worker that obeys SIGTERM may exit 0. Ledgers prove what it
            // finished.
            Shutdown::Asked { because, .. } | Shutdown::Killed { because } => because,
        };
        (ending, Usage { peak_rss_bytes, ..self.used })
    }

    fn patience(&self) -> Duration {
        match self.shutdown {
            Shutdown::Asked { kill_at, .. } => GLANCE.min(kill_at.left()),
            Shutdown::NotAsked | Shutdown::Killed { .. } => GLANCE,
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
        if matches!(self.shutdown, Shutdown::NotAsked) {
            signal::send_to_group(self.pid, StopSignal::Ask);
            self.shutdown = Shutdown::Asked { because, kill_at: Deadline::after(grace) };
        }
    }

    fn kill(&mut self) {
        signal::send_to_group(self.pid, StopSignal::Kill);
        let because = match std::mem::replace(&mut self.shutdown, Shutdown::NotAsked) {
            Shutdown::NotAsked | Shutdown::Asked { because: Ending::Stopped { .. }, .. } => {
                Ending::Stopped { killed: true }
            }
            Shutdown::Asked { because, .. } | Shutdown::Killed { because } => because,
        };
        self.shutdown = Shutdown::Killed { because };
    }

    /// Samples what the worker uses, and ends a worker that breaks a limit.
    fn mind(&mut self) {
        if let Shutdown::Asked { kill_at, .. } = self.shutdown
            && kill_at.is_over()
        {
            self.kill();
        }
        let elapsed = self.since_glance.elapsed();
        if elapsed < GLANCE {
            return;
        }
        self.since_glance = Stopwatch::start();
        self.events.read_new().for_each(|said| self.progress.hear(said.event));
        self.note_who_lives();
        let seen = self.tree.look();
        let useful = self.progress.useful();
        let sample =
            Sample { elapsed, rss_bytes: seen.rss_bytes, useful, is_suspended: seen.is_stopped };
        if let Some(because) = self.watch.breach(sample) {
            if matches!((&because, &self.shutdown), (Ending::Stalled { .. }, Shutdown::NotAsked)) {
                note_state(&self.setup.stall_note, self.pid);
            }
            self.ask(because, BREACH_GRACE);
        }
        // The work goes on even if its log can't be cut.
        drop(cut_log(self.setup.command.log, self.setup.limits.max_log.0));
    }

    /// Notes the processes below us, except the worker itself where its marker identifies it.
    /// Nearly always there are none.
    fn note_who_lives(&mut self) {
        let mut below = tree::descendants(own_pid());
        below.retain(|pid| *pid != self.pid || !watch::carries(*pid, self.setup.command.marker));
        self.orphans.note(&below);
    }

    fn reap(&mut self) -> Children {
        loop {
            match reap::one() {
                Reaped::Ended { pid, how, usage } => {
                    self.used = self.used.and(usage);
                    if pid == self.pid {
                        self.departure = Some(match how {
                            How::Exited { code } => Ending::Exited { code },
                            How::Signaled { signal } => Ending::Signaled { signal },
                        });
                    }
                }
                Reaped::AllLive => return Children::Some,
                Reaped::Childless => return Children::None,
            }
        }
    }

    /// Ends whatever the worker has left running, so that nothing writes beside the next attempt.
    fn clear_away(&mut self) {
        let own = own_pid();
        clock::wait_until(KILL_LIMIT, || {
            // Orphans become our children, so without a child nothing is left below us.
            if matches!(self.reap(), Children::None) {
                return true;
            }
            // Only children, whose pids can't be reused before we wait for them. Their orphans come
            // to us and are next.
            for pid in tree::children(own) {
                signal::send_to_child(pid, StopSignal::Kill);
            }
            false
        });
    }
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).expect("the kernel numbers processes with positive i32")
}

/// Are there processes below us?
enum Children {
    Some,
    None,
}

/// Writes down what the kernel says about each thread of a stalled worker and of its descendants.
fn note_state(path: &Path, worker: i32) {
    use std::fmt::Write as _;
    let mut text = String::new();
    let below = tree::descendants(worker);
    for pid in std::iter::once(worker).chain(below) {
        for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let _ = writeln!(text, "process {pid}, thread {}", thread.file_name().display());
            for file in ["comm", "wchan", "syscall", "stack", "status"] {
                let said = regular::read_to_string(thread.path().join(file))
                    .unwrap_or_else(|error| error.to_string());
                let _ = writeln!(text, "{file}: {}", said.trim());
            }
        }
    }
    drop(publish::publish_for(Audience::Owner, path, text.as_bytes()));
}

/// Cuts a log that has grown beyond `limit` and keeps its end in a file beside it. The worker has
/// the log open, so it is emptied in place; the next line is appended at the new end.
fn cut_log(path: &Path, limit: u64) -> std::io::Result<()> {
    let mut log = regular::open_with(File::options().read(true).append(true), path)?;
    let length = log.metadata()?.len();
    if length <= limit {
        return Ok(());
    }
    log.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL.min(limit))))?;
    let mut tail = Vec::new();
    Read::by_ref(&mut log).take(LOG_TAIL).read_to_end(&mut tail)?;
    publish::publish_for(Audience::Owner, &path.with_extension("log.1"), &tail)
        .map_err(|error| error.source)?;
    log.set_len(0)?;
    writeln!(log, "{CUT}{length} bytes; its end is in {}", path.with_extension("log.1").display())
}

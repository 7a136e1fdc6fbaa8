//! Every path of a run, in one place. Paths only: who writes what is the launcher's business.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the name of a note ends of who was seen.
const SEEN: &str = "seen";

/// A batch of a run: `batch_0001` is number 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BatchId(pub u32);

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("batch_{:04}", self.0))
    }
}

impl FromStr for BatchId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_prefix("batch_").unwrap_or(text);
        number.parse().map(Self).map_err(|_| format!("{text:?} is not a batch (batch_0001)"))
    }
}

crate::as_text!(BatchId);

/// The folder of one run (`W` in DESIGN 7).
#[derive(Debug, Clone)]
pub struct Workdir {
    root: PathBuf,
}

impl Workdir {
    /// The run kept in `root`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What was asked; frozen when the run starts.
    pub fn request(&self) -> PathBuf {
        self.root.join("run.json")
    }

    /// The only truth about batches.
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal.jsonl")
    }

    /// Held by the live supervisor.
    pub fn lock(&self) -> PathBuf {
        self.root.join("launcher.lock")
    }

    /// What the supervisor says.
    pub fn launcher_log(&self) -> PathBuf {
        self.root.join("launcher.log")
    }

    /// Identity of the supervisor.
    pub fn launcher_pid(&self) -> PathBuf {
        self.root.join("pids").join("launcher.pid")
    }

    /// Where the control group of the run is, while there is one.
    pub fn cgroup(&self) -> PathBuf {
        self.root.join("pids").join("cgroup")
    }

    /// The tickers that a batch was made with; never changed.
    pub fn batch_csv(&self, batch: BatchId) -> PathBuf {
        self.root.join("batches").join(format!("{batch}.csv"))
    }

    /// Every attempt's log, one after the other.
    pub fn batch_log(&self, batch: BatchId) -> PathBuf {
        self.root.join("logs").join(format!("{batch}.log"))
    }

    /// Identity of the batch's running worker.
    pub fn batch_pid(&self, batch: BatchId) -> PathBuf {
        self.root.join("pids").join(format!("{batch}.pid"))
    }

    /// Who was seen living below the shim of an attempt that is not over; where nobody was, there
    /// is none.
    pub fn attempt_seen(&self, batch: BatchId, attempt: u32) -> PathBuf {
        self.root.join("pids").join(format!("{batch}.{attempt}.{SEEN}"))
    }

    /// All of these that there are.
    pub fn all_seen(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.root.join("pids")).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        paths.filter(|path| path.extension().is_some_and(|it| it == SEEN)).collect()
    }

    /// Folder of one attempt, numbered from 1.
    pub fn attempt(&self, batch: BatchId, attempt: u32) -> PathBuf {
        self.root.join("attempts").join(format!("{batch}.{attempt}"))
    }

    /// The tickers that this attempt was given.
    pub fn attempt_csv(&self, batch: BatchId, attempt: u32) -> PathBuf {
        self.attempt(batch, attempt).join("tickers.csv")
    }

    /// Which days of them, where that is not all.
    pub fn attempt_part(&self, batch: BatchId, attempt: u32) -> PathBuf {
        self.attempt(batch, attempt).join("part")
    }

    /// Held by the shim of the attempt for as long as it lives; says who it is.
    pub fn attempt_lock(&self, batch: BatchId, attempt: u32) -> PathBuf {
        self.attempt(batch, attempt).join("shim.lock")
    }

    /// How the attempt ended. Once it is there, nobody starts that attempt any more.
    pub fn attempt_exit(&self, batch: BatchId, attempt: u32) -> PathBuf {
        self.attempt(batch, attempt).join("exit.json")
    }

    /// What a worker was doing when it was ended for doing nothing.
    pub fn attempt_trace(&self, batch: BatchId, attempt: u32) -> PathBuf {
        self.attempt(batch, attempt).join("stalled.txt")
    }

    /// The events of one attempt.
    pub fn attempt_events(&self, batch: BatchId, attempt: u32) -> PathBuf {
        self.attempt(batch, attempt).join("events.jsonl")
    }
}

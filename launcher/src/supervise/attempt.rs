//! One attempt at a batch: its folder, its worker, its log, and the report of what it left behind.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use shared::disk::publish::{self, DiskError};
use shared::market::ticker::Ticker;
use shared::run::api_key::ApiKey;
use shared::run::events::{EventTail, Persistence};
use shared::run::exit::Exit;
use shared::run::ticker_list::TickerList;
use shared::run::workdir::{BatchId, Workdir};

use super::digest::Digest;
use super::evidence::{self, Standing};
use super::facts::{Ending, Report, Tally, Unfinished, Word};
use super::last_words::{self, RULE};
use super::scratch;
use crate::plan::errand;
use crate::plan::request::Request;
use crate::process::chance;
use crate::process::signal;
use crate::process::spawn::{self, Departure, Errand, SpawnError, Worker};
use crate::process::watch::{self, Marker};

/// What every attempt of a run has in common.
pub struct Run {
    /// What was asked.
    pub request: Request,
    /// Where the run is kept, absolute.
    pub workdir: Workdir,
    /// What workers execute.
    pub executable: PathBuf,
    /// Handed to workers; a script may do without.
    pub api_key: Option<ApiKey>,
}

/// An attempt whose worker runs.
pub struct Attempt {
    /// Counted from 1 in each batch.
    pub number: u32,
    /// What it was given.
    pub tickers: Vec<Ticker>,
    /// When it began.
    pub began_at: Timestamp,
    /// Its process.
    pub worker: Worker,
}

impl Run {
    /// Starts a worker for `tickers`. On an error none is started, and the ending says why.
    pub fn begin(
        &self,
        batch: BatchId,
        number: u32,
        tickers: Vec<Ticker>,
        now: Timestamp,
    ) -> Result<Attempt, Ending> {
        let started = self.prepare(batch, number, &tickers, now).map_err(SpawnError::from);
        match started.and_then(|()| self.spawn(batch, number)) {
            Ok(worker) => {
                self.write_pid_file(batch, &worker);
                Ok(Attempt { number, tickers, began_at: now, worker })
            }
            Err(SpawnError::Unusable { path, source }) => {
                Err(Ending::Unusable { what: SpawnError::Unusable { path, source }.to_string() })
            }
            Err(error) => Err(Ending::NotStarted { what: with_cause(&error) }),
        }
    }

    fn prepare(
        &self,
        batch: BatchId,
        number: u32,
        tickers: &[Ticker],
        now: Timestamp,
    ) -> Result<(), DiskError> {
        let folder = self.workdir.attempt(batch, number);
        fs::create_dir_all(&folder).map_err(DiskError::at("create folder", &folder))?;
        let csv = self.workdir.attempt_csv(batch, number);
        scratch::jot(&csv, &TickerList::text(tickers))?;
        let arguments = errand::arguments(&self.request, &self.workdir, batch, number);
        let header = format!(
            "{RULE} {batch} attempt {number}, {now:.0}, tickers: {}, command: {}",
            tickers.len(),
            errand::spelled(&self.executable, &arguments)
        );
        append_line(&self.workdir.batch_log(batch), &header)
    }

    fn spawn(&self, batch: BatchId, number: u32) -> Result<Worker, SpawnError> {
        let arguments = errand::arguments(&self.request, &self.workdir, batch, number);
        Worker::start(&Errand {
            executable: &self.executable,
            arguments: &arguments,
            log: &self.workdir.batch_log(batch),
            marker: &self.marker(batch, number),
            api_key: self.api_key.as_ref(),
        })
    }

    fn marker(&self, batch: BatchId, number: u32) -> Marker {
        Marker::of_attempt(&self.request.run, format!("{batch}.{number}"))
    }

    /// For people and for the recovery of a run; a worker without one is still found by its marker.
    fn write_pid_file(&self, batch: BatchId, worker: &Worker) {
        if let Some(identity) = worker.identity() {
            let text = serde_json::to_string(&identity).expect("an identity is plain data");
            drop(scratch::jot(&self.workdir.batch_pid(batch), &text));
        }
    }

    /// The report on a worker of ours that has departed. Whatever it left running is ended, so that nobody
    /// writes beside the next attempt.
    pub fn conclude(
        &self,
        batch: BatchId,
        attempt: &Attempt,
        departure: Departure,
        now: Timestamp,
    ) -> Report {
        let clean = departure == Departure::Exited { code: 0 } && !signal::group_exists(attempt.worker.pid());
        if !clean {
            watch::kill_marked(&self.marker(batch, attempt.number));
        }
        let ending = match departure {
            Departure::Exited { code } => Ending::Exited { code },
            Departure::Signaled { signal } => Ending::Signaled { signal },
        };
        let report = self.report(batch, attempt.number, &attempt.tickers, ending, now);
        // Looking through all processes takes milliseconds: not after each of thousands of clean ends.
        if clean && !report.unfinished.is_empty() {
            watch::kill_marked(&self.marker(batch, attempt.number));
        }
        self.close_log(batch, attempt, &report, now);
        drop(fs::remove_file(self.workdir.batch_pid(batch)));
        report
    }

    /// The report on an attempt that nobody waited for, after all its processes were ended.
    pub fn conclude_interrupted(
        &self,
        batch: BatchId,
        number: u32,
        tickers: &[Ticker],
        now: Timestamp,
    ) -> Report {
        let footer =
            format!("{RULE} {batch} attempt {number} was interrupted: its supervisor died; seen {now:.0}");
        drop(append_line(&self.workdir.batch_log(batch), &footer));
        drop(fs::remove_file(self.workdir.batch_pid(batch)));
        self.report(batch, number, tickers, Ending::Interrupted, now)
    }

    /// The report on an attempt of `tickers` that ended like this: what the ledgers prove now, and what its
    /// events said of the rest.
    pub fn report(
        &self,
        batch: BatchId,
        number: u32,
        tickers: &[Ticker],
        ending: Ending,
        now: Timestamp,
    ) -> Report {
        let mut digest = Digest::default();
        let events = EventTail::new(&self.workdir.attempt_events(batch, number)).read_new();
        for said in events {
            digest.hear(said);
        }

        let clean = matches!(ending, Ending::Exited { code } if Exit::of_code(code) == Some(Exit::Done));
        let takes_word = clean && evidence::takes_word_of(&self.request.settings.program);
        let mut proven = Tally::default();
        let mut reported = 0;
        let mut unfinished = Vec::new();
        for ticker in tickers {
            let word = match evidence::standing(&self.request, ticker, now) {
                Standing::Proven(summary) => {
                    proven += Tally::of_ticker(summary);
                    continue;
                }
                Standing::NoLedger if takes_word => {
                    reported += 1;
                    continue;
                }
                Standing::Short | Standing::NoLedger => digest.word_on(ticker),
                Standing::Unusable(cause) => Word::Failed { cause, persistence: Persistence::Permanent },
            };
            unfinished.push(Unfinished { ticker: ticker.clone(), word });
        }
        let last_words = self.last_words(batch, &ending);
        Report {
            ending,
            proven,
            reported,
            unfinished,
            yielded: digest.yielded,
            last_words,
            dice: chance::dice(),
        }
    }

    fn last_words(&self, batch: BatchId, ending: &Ending) -> String {
        let telling = match ending {
            Ending::Exited { code } => {
                !matches!(Exit::of_code(*code), Some(Exit::Done | Exit::Transient | Exit::Permanent))
            }
            Ending::Signaled { .. } => true,
            Ending::NotStarted { .. } | Ending::Unusable { .. } | Ending::Interrupted => false,
        };
        if telling {
            last_words::read(&self.workdir.batch_log(batch)).unwrap_or_default()
        } else {
            String::new()
        }
    }

    fn close_log(&self, batch: BatchId, attempt: &Attempt, report: &Report, now: Timestamp) {
        let took = now.duration_since(attempt.began_at).as_secs_f64();
        let left = report.unfinished.len();
        let done = attempt.tickers.len() - left;
        let mut footer = format!("{RULE} {batch} attempt {} ended: ", attempt.number);
        match &report.ending {
            Ending::Exited { code } => write!(footer, "exit {code}"),
            Ending::Signaled { signal } => write!(footer, "killed by {}", signal::name_of(*signal)),
            Ending::NotStarted { what } | Ending::Unusable { what } => write!(footer, "{what}"),
            Ending::Interrupted => write!(footer, "interrupted"),
        }
        .expect("a string takes what is written");
        write!(footer, " after {took:.1} s, {done} done, {left} left")
            .expect("a string takes what is written");
        // A full disk must not keep the attempt from ending: the journal has all of this.
        drop(append_line(&self.workdir.batch_log(batch), &footer));
    }
}

/// An error with everything that is behind it.
pub fn with_cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

fn append_line(path: &Path, line: &str) -> Result<(), DiskError> {
    if let Some(folder) = path.parent() {
        publish::create_folders(folder)?;
    }
    let mut log = spawn::open_log(path)?;
    log.write_all(format!("{line}\n").as_bytes()).map_err(DiskError::at("write", path))
}

//! One attempt at a batch: its folder, its shim, its log, and the report of what it left behind.

use std::io::Write as _;
use std::path::Path;

use shared::dataset::summary::Summary;
use shared::disk::audience::Audience;
use shared::disk::publish::{self, DiskError};
use shared::error_chain::with_causes;
use shared::market::ticker::Ticker;
use shared::run::events::EventTail;
use shared::run::exit::Exit;
use shared::run::ticker_list::TickerList;
use shared::run::workdir::BatchId;

use super::activity;
use super::batch::Work;
use super::causes;
use super::error_line::{self, RULE};
use super::event_summary::EventSummary;
use super::evidence::{self, Began, TickerProof};
use crate::facts::ending::{Ending, Usage};
use crate::facts::{Report, Tally, Unfinished, Word};
use crate::plan::worker_command;
use crate::process::clock::{self, RunTime};
use crate::process::random;
use crate::process::spawn::{self, SpawnError};
use crate::process::unsynced;
use crate::run::Run;
use crate::shim::fence::{self, OpenStill};
use crate::shim::handle::ShimHandle;
use crate::shim::pool::{ShimError, ShimPool};
use crate::shim::protocol::{self, AttemptId};

/// An attempt whose shim lives.
pub struct LiveAttempt {
    /// Counted from 1 in each batch.
    pub number: u32,
    /// The tickers and days that it was given.
    pub work: Work,
    pub began_at: RunTime,
    pub shim: ShimHandle,
}

impl Run {
    /// Starts an attempt at `work`. If no shim takes it, the ending says why.
    pub fn begin(
        &self,
        batch: BatchId,
        number: u32,
        work: Work,
        now: RunTime,
        shims: &mut ShimPool,
    ) -> Result<LiveAttempt, Ending> {
        let prepared = self.prepare(batch, number, &work, now);
        let started = prepared
            .map_err(SpawnError::from)
            .map_err(ShimError::from)
            .and_then(|()| shims.start(self, AttemptId { batch, number }));
        match started {
            Ok(shim) => Ok(LiveAttempt { number, work, began_at: now, shim }),
            Err(ShimError::Spawn(error @ SpawnError::Unusable { .. })) => {
                Err(Ending::Unusable { what: error.to_string() })
            }
            Err(error) => Err(Ending::NotStarted { what: with_causes(&error) }),
        }
    }

    /// How an attempt ended whose shim died (`how`) without a record, as far as can be known.
    pub fn ending_without(&self, batch: BatchId, number: u32, how: String) -> Ending {
        if self.workdir.attempt_lock(batch, number).exists() {
            Ending::Unattended { what: how }
        } else {
            Ending::NotStarted {
                what: format!("a shim died before it had begun ({how}); launcher.log may tell why"),
            }
        }
    }

    /// The attempt that an earlier supervisor has begun, if its shim lives.
    pub fn adopt(
        &self,
        batch: BatchId,
        number: u32,
        work: Work,
        began_at: RunTime,
    ) -> Option<LiveAttempt> {
        let shim = ShimHandle::adopt(&self.workdir.attempt_lock(batch, number))?;
        Some(LiveAttempt { number, work, began_at, shim })
    }

    /// The tickers of `work` that the worker gets. A ticker whose folder belongs to another one
    /// fails without a worker.
    pub fn given<'a>(&'a self, work: &'a Work) -> impl Iterator<Item = &'a Ticker> {
        work.tickers.iter().filter(|ticker| !self.shared_folders().has(ticker))
    }

    fn prepare(
        &self,
        batch: BatchId,
        number: u32,
        work: &Work,
        now: RunTime,
    ) -> Result<(), DiskError> {
        let folder = self.workdir.attempt(batch, number);
        publish::create_folder_for(Audience::Owner, &folder)?;
        let csv = self.workdir.attempt_csv(batch, number);
        let given: Vec<Ticker> = self.given(work).cloned().collect();
        unsynced::write_like(&csv, &TickerList::text(&given), &self.workdir.batch_csv(batch))?;
        protocol::write_part(&self.workdir.attempt_part(batch, number), work.part)?;
        let arguments =
            worker_command::arguments(&self.request, &self.workdir, batch, number, work.part);
        let header = format!(
            "{}{:.0}, tickers: {}, command: {}",
            activity::header(batch, number),
            now.stamp(),
            given.len(),
            worker_command::spelled(&self.executable, &arguments)
        );
        append_line(&self.workdir.batch_log(batch), &header)
    }

    /// Closes an attempt at `work` whose shim is gone, and reports on it; `otherwise` is how it
    /// ended if there is no record.
    pub fn conclude(
        &self,
        batch: BatchId,
        number: u32,
        work: &Work,
        began_at: RunTime,
        otherwise: Ending,
        now: RunTime,
    ) -> Result<Report, OpenStill> {
        let (ending, usage) = fence::close(self, AttemptId { batch, number }, began_at, otherwise)?;
        let report = Report { usage, ..self.report(batch, number, work, ending, began_at, now) };
        self.close_log(batch, number, began_at, &report, now);
        Ok(report)
    }

    /// The report on an attempt at `work` with this `ending`: what the ledgers prove now, and what
    /// its events said of the rest.
    pub fn report(
        &self,
        batch: BatchId,
        number: u32,
        work: &Work,
        ending: Ending,
        began_at: RunTime,
        now: RunTime,
    ) -> Report {
        let wall = clock::now();
        let began = Began::of(began_at, now, wall);
        let mut summary = EventSummary::default();
        let redaction = self.redaction();
        for said in EventTail::new(&self.workdir.attempt_events(batch, number)).read_new() {
            summary.hear(said.fit_to_say(&redaction));
        }
        let began = began.told_by(summary.clocks);

        let clean =
            matches!(ending, Ending::Exited { code } if Exit::of_code(code) == Some(Exit::Done));
        let takes_word = clean && evidence::takes_word_of(&self.request.settings.program);
        let has_spoken = takes_word
            && (summary.last_said.is_some()
                || activity::has_spoken(&self.workdir.batch_log(batch), batch, number));
        let lock = self.workdir.attempt_lock(batch, number);
        let began_by_files =
            activity::began_by_files(&lock, wall.duration_since(began.on_wall()), wall);
        let shows_work = |ticker: &Ticker| {
            let folder = self.request.settings.outdir.join(ticker.as_str());
            has_spoken || activity::has_new_file(&folder, began_by_files)
        };
        let mut proven = Tally::default();
        let mut reported = 0;
        let mut unfinished = Vec::new();
        let days = work.part.days(self.request.days());
        for ticker in &work.tickers {
            let twin = self.shared_folders().word_on(ticker, &self.request.settings.outdir);
            let (proof, partway) = evidence::left_behind(&self.request, ticker, days, began, wall);
            // The ledger in a folder of two tickers is the other one's.
            let proven_of_it = if twin.is_some() { Summary::default() } else { proof.summary() };
            let word = match proof {
                // The worker's word counts before the ledger: it may know of a trouble that the
                // ledger does not show.
                _ if let Some(word) = twin.or_else(|| summary.failure_of(ticker)) => word,
                TickerProof::Proven(summary) => {
                    proven += Tally::of_ticker(summary);
                    continue;
                }
                TickerProof::NoLedger
                    if takes_word && summary.lets_believe_in(ticker) && shows_work(ticker) =>
                {
                    reported += 1;
                    continue;
                }
                TickerProof::Short { .. } | TickerProof::NoLedger => summary.word_on(ticker),
                TickerProof::Unusable { why, persistence } => Word::failed(why, persistence),
            };
            let ticker = ticker.clone();
            unfinished.push(Unfinished { ticker, word, partway, proven: proven_of_it });
        }
        let last_words = self.last_words(batch, &ending);
        let left_no_sign = takes_word && !has_spoken && !unfinished.is_empty();
        Report {
            ending,
            usage: Usage::default(),
            proven,
            reported,
            unfinished,
            yielded: summary.yielded,
            left_no_sign,
            clocks: summary.clocks,
            pages: summary.last_said.map(|_| summary.pages()),
            last_words,
            dice: random::dice(),
        }
    }

    fn last_words(&self, batch: BatchId, ending: &Ending) -> String {
        let telling = match ending {
            Ending::Exited { code } => !matches!(
                Exit::of_code(*code),
                Some(Exit::Done | Exit::Transient | Exit::Permanent)
            ),
            Ending::Signaled { .. } => true,
            Ending::Stopped { .. }
            | Ending::TooLarge { .. }
            | Ending::Stalled { .. }
            | Ending::TimedOut { .. }
            | Ending::NotStarted { .. }
            | Ending::Unusable { .. }
            | Ending::Unattended { .. }
            | Ending::Interrupted => false,
        };
        if telling {
            error_line::read(&self.workdir.batch_log(batch), &self.redaction()).unwrap_or_default()
        } else {
            String::new()
        }
    }

    fn close_log(
        &self,
        batch: BatchId,
        number: u32,
        began_at: RunTime,
        report: &Report,
        now: RunTime,
    ) {
        let how = causes::phrase(&report.ending);
        let took = now.since(began_at).as_secs_f64();
        let (done, left) = (report.proven.tickers + report.reported, report.unfinished.len());
        let peak = report.usage.peak_rss_bytes >> 20;
        let footer = format!(
            "{RULE} {batch} attempt {number} ended: {how} after {took:.1} s, {done} done, {left} left, peak {peak} MiB"
        );
        // A full disk must not keep the attempt from ending. The journal has all of this.
        drop(append_line(&self.workdir.batch_log(batch), &footer));
    }
}

fn append_line(path: &Path, line: &str) -> Result<(), DiskError> {
    if let Some(folder) = path.parent() {
        publish::create_folder_for(Audience::Owner, folder)?;
    }
    let mut log = spawn::open_log(path)?;
    log.write_all(format!("{line}\n").as_bytes()).map_err(DiskError::at("write", path))
}

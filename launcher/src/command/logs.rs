//! `launcher logs`: the log of a batch, or of the batch that has a ticker; with `-f` as it grows.

use std::fs;
use std::time::Duration;

use shared::run::workdir::{BatchId, Workdir};

use super::existing;
use super::failure::{Ending, Failure};
use super::whose;
use crate::cli::LogsArgs;
use crate::plan::request::Request;
use crate::process::clock;
use crate::supervise::batch::Batch;
use crate::supervise::journal;
use crate::supervise::locks;
use crate::view::log_tail::LogTail;
use crate::view::words;

/// How often a followed log is looked at.
const GLANCE: Duration = Duration::from_millis(250);

/// Prints the log; follows it until the batch is over, if asked to.
pub fn logs(args: &LogsArgs) -> Result<Ending, Failure> {
    let workdir = existing::workdir(&args.workdir)?;
    let request = existing::request(&workdir)?;
    let entries = journal::read(&workdir)?;
    let machine = journal::replay(&workdir, request.rules(), &entries)?;
    let batch = whose::batch(&args.name, &machine, &workdir)?;
    let log = workdir.batch_log(batch);
    if !args.follow && !log.exists() {
        return Err(Failure::NoLog { batch, log });
    }
    let mut tail = LogTail::new(&log);
    let mut life = Life { workdir: &workdir, request: &request, batch, journal_bytes: 0, is_over: false };
    loop {
        // First whether more can come, then what has come.
        let is_last = !args.follow || life.is_over()?;
        loop {
            let new = tail.read_new().map_err(|source| Failure::System { doing: "read the log", source })?;
            if new.is_empty() {
                break;
            }
            if words::pass_on(&new).map_err(Failure::Output)?.is_break() {
                return Ok(Ending::Well);
            }
        }
        if is_last {
            return Ok(Ending::Well);
        }
        clock::wait_until(GLANCE, || false);
    }
}

/// Can a batch still say something? The journal is read only when it has grown.
struct Life<'a> {
    workdir: &'a Workdir,
    request: &'a Request,
    batch: BatchId,
    journal_bytes: u64,
    is_over: bool,
}

impl Life<'_> {
    fn is_over(&mut self) -> Result<bool, Failure> {
        if !locks::is_supervised(self.workdir) {
            return Ok(true);
        }
        let bytes = fs::metadata(self.workdir.journal()).map_or(0, |found| found.len());
        if bytes != self.journal_bytes {
            self.journal_bytes = bytes;
            let entries = journal::read(self.workdir)?;
            let machine = journal::replay(self.workdir, self.request.rules(), &entries)?;
            self.is_over = machine.batch(self.batch).is_none_or(Batch::is_over);
        }
        Ok(self.is_over)
    }
}

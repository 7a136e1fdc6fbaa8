//! `launcher logs`: prints the log of a batch, or of the batches of a ticker; `-f` follows one log
//! as it grows.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use shared::disk::publish::DiskError;
use shared::run::workdir::{BatchId, Workdir};

use super::batch_lookup;
use super::exit_status::ExitStatus;
use super::failure::Failure;
use super::stored_run;
use crate::cli::LogsArgs;
use crate::plan::request::Request;
use crate::process::clock;
use crate::supervise::batch::Batch;
use crate::supervise::journal;
use crate::supervise::locks;
use crate::view::log_tail::LogTail;
use crate::view::words;

/// How often a followed log is read.
const GLANCE: Duration = Duration::from_millis(250);

/// Prints the log, or several one after the other. With `-f` follows it until the batch is over.
pub fn logs(args: &LogsArgs) -> Result<ExitStatus, Failure> {
    let workdir = stored_run::workdir(&args.workdir)?;
    let request = stored_run::request(&workdir)?;
    let machine = journal::follow(&workdir, request.first_rules())?;
    let batches = batch_lookup::batches(&args.name, &machine, &workdir)?;
    if let [batch] = *batches {
        let log = workdir.batch_log(batch);
        if !args.follow && !log.exists() {
            return Err(Failure::NoLog { batch, log });
        }
        let mut life =
            Life { workdir: &workdir, request: &request, batch, journal_bytes: 0, is_over: false };
        return print(&log, || Ok(!args.follow || life.is_over()?)).map(|_| ExitStatus::Well);
    }
    if args.follow {
        return Err(Failure::SeveralLogs { name: args.name.clone(), batches });
    }
    for batch in batches {
        let log = workdir.batch_log(batch);
        let days = machine.batch(batch).map_or(request.days(), |it| it.part().days(request.days()));
        let begun = if log.exists() { "" } else { ", not begun yet" };
        let title = format!("==> {batch} ({days}{begun}): {} <==\n", log.display());
        if words::pass_on(title.as_bytes()).map_err(Failure::Output)?.is_break()
            || print(&log, || Ok(true))?.is_break()
        {
            break;
        }
    }
    Ok(ExitStatus::Well)
}

/// Prints a log until `is_last` says that nothing more can come; `Break` when the reader is gone.
fn print(
    log: &Path,
    mut is_last: impl FnMut() -> Result<bool, Failure>,
) -> Result<ControlFlow<()>, Failure> {
    let mut tail = LogTail::new(log);
    loop {
        // First ask whether more can come, then read.
        let is_last = is_last()?;
        loop {
            let new = tail.read_new().map_err(DiskError::at("read", log))?;
            if new.is_empty() {
                break;
            }
            if words::pass_on(&new).map_err(Failure::Output)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        if is_last {
            return Ok(ControlFlow::Continue(()));
        }
        clock::wait_until(GLANCE, || false);
    }
}

/// Can a batch still write? The journal is read only when it has grown.
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
            let machine = journal::follow(self.workdir, self.request.first_rules())?;
            self.is_over = machine.batch(self.batch).is_none_or(Batch::is_over);
        }
        Ok(self.is_over)
    }
}

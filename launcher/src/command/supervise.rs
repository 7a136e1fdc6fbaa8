//! The supervisor: in this process for `--foreground`, or as the detached process that `start`
//! leaves behind.

use std::io::{self, Write};
use std::os::fd::OwnedFd;

use super::exit_status::ExitStatus;
use super::failure::Failure;
use super::notifier::Notifier;
use super::stored_run;
use super::verify;
use crate::cli::SuperviseArgs;
use crate::facts::Fact;
use crate::process::handover;
use crate::process::signal::Inbox;
use crate::process::spawn::{self, READY};
use crate::run::Run;
use crate::supervise::drive::{self, Notice};
use crate::supervise::locks::{Locks, LocksError};
use crate::supervise::machine::Machine;
use crate::view::progress::ProgressReporter;
use shared::error_chain::with_causes;

/// Supervises until the run has ended. Gives the locks back before it waits for the last
/// notification.
pub fn here(run: &Run, locks: Locks) -> Result<(), Failure> {
    let mut inbox = inbox()?;
    let mut reporter = ProgressReporter::to_screen(&run.workdir, run.request.tickers)?;
    let mut notifier = Notifier::of(run, &mut reporter);
    let worked = work(run, &locks, &mut inbox, &mut reporter, &mut notifier, || ());
    drop(locks);
    look_once_more(run, &worked, &mut reporter);
    notifier.farewell(&mut reporter);
    worked.map(drop)
}

/// The detached supervisor. Says [`READY`] to `start` once it has the run, or why it does not.
pub fn detached(args: &SuperviseArgs) -> Result<ExitStatus, Failure> {
    let mut has_spoken = false;
    let ended = begin(args).and_then(|(run, locks, mut inbox)| {
        let mut reporter = ProgressReporter::to_log(&run.workdir, run.request.tickers)?;
        let mut notifier = Notifier::of(&run, &mut reporter);
        let ended = work(&run, &locks, &mut inbox, &mut reporter, &mut notifier, || {
            tell_start(READY);
            has_spoken = true;
        });
        if let Err(failure) = &ended {
            reporter.write(&format!("error: {}", with_causes(failure)));
        }
        // A command that waits for the end of the run need not wait for the last notification.
        drop(locks);
        look_once_more(&run, &ended, &mut reporter);
        notifier.farewell(&mut reporter);
        ended
    });
    match &ended {
        Err(failure) if !has_spoken => tell_start(&with_causes(failure)),
        _ => {}
    }
    ended
}

/// A run that is complete is held against what it was asked for: its own word is not enough.
fn look_once_more(run: &Run, ended: &Result<ExitStatus, Failure>, reporter: &mut ProgressReporter) {
    if matches!(ended, Ok(ExitStatus::Well))
        && let Some(word) = verify::word_on(run)
    {
        reporter.write(&word);
    }
}

/// `start` may be gone; that is no error.
fn tell_start(word: &str) {
    let one_line = word.replace('\n', " ");
    drop(writeln!(io::stdout(), "{one_line}"));
}

fn begin(args: &SuperviseArgs) -> Result<(Run, Locks, Inbox), Failure> {
    spawn::leave_terminal()
        .map_err(|source| Failure::System { doing: "leave the terminal", source })?;
    let handed = handover::unpack();
    let workdir = stored_run::workdir(&args.workdir)?;
    let run = stored_run::run(stored_run::request(&workdir)?, workdir)?;
    let inbox = inbox()?;
    let locks = locks(&run, handed)?;
    Ok((run, locks, inbox))
}

/// The locks that `start` has passed on; a supervisor started by hand takes its own.
fn locks(run: &Run, handed: Vec<OwnedFd>) -> Result<Locks, LocksError> {
    let (workdir, outdir, name) = (&run.workdir, &run.request.settings.outdir, &run.request.run);
    match <[OwnedFd; 4]>::try_from(handed) {
        Ok(handed) => Locks::inherit(handed, workdir, outdir, name),
        Err(_) => Locks::acquire(workdir, outdir, name),
    }
}

fn inbox() -> Result<Inbox, Failure> {
    Inbox::open().map_err(|source| Failure::System { doing: "listen for signals", source })
}

/// Supervises; `taken_over` is called once the journal says that we do.
fn work(
    run: &Run,
    locks: &Locks,
    inbox: &mut Inbox,
    reporter: &mut ProgressReporter,
    notifier: &mut Notifier,
    mut taken_over: impl FnMut(),
) -> Result<ExitStatus, Failure> {
    let mut listener = |machine: &Machine, notice: &Notice<'_>| {
        reporter.tell(machine, notice);
        notifier.tell(reporter, run, machine, notice);
        if matches!(notice, Notice::Fact(entry) if matches!(entry.fact, Fact::Opened { .. })) {
            taken_over();
        }
    };
    let supervised = drive::supervise(run, locks, inbox, &mut listener);
    match supervised {
        Ok(outcome) => Ok(ExitStatus::from(&outcome)),
        Err(error) => {
            notifier.tell_of_death(reporter, run, &error);
            Err(error.into())
        }
    }
}

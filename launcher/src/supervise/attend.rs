//! Both ends of an attempt's fence: its lock and its `exit.json`.
//!
//! A shim holds the lock while it lives and leaves `exit.json` when it ends. Whoever finds the lock free and no
//! `exit.json` ends what is left of the attempt and writes one: a shim that comes late finds it and goes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::disk::audience::Audience;
use shared::disk::lock::{Lock, LockError};
use shared::disk::publish::{self, DiskError};
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::BatchId;

use super::containment;
use super::run::Run;
use super::scratch;
use super::shims::attempt_of;
use crate::plan::errand;
use crate::plan::settings::Program;
use crate::process::cgroup::ShimGroup;
use crate::process::clock::{self, RunTime};
use crate::process::exit_record::{Ending, ExitRecord, Usage};
use crate::process::line::Orders;
use crate::process::progress::Speaks;
use crate::process::seen;
use crate::process::shim::{self, Attempt};
use crate::process::signal::{Inbox, Post};
use crate::process::spawn::Errand;
use crate::process::watch;

/// How often a record that can't be written is tried again.
const DISK_GLANCE: Duration = Duration::from_secs(1);

/// Attends to whatever is asked for on the line, one attempt after the other, until there is nothing more to come.
///
/// A record is the only witness of its attempt until the supervisor has journalled it. That is so once it gives us the
/// next attempt; where it has gone instead, we make the record durable ourselves.
pub fn one_after_the_other(run: &Run, mut orders: Orders, inbox: &mut Inbox) -> Result<(), LockError> {
    let shim = Shim::of(run)?;
    let mut unheard: Option<PathBuf> = None;
    while let Some(name) = orders.next(inbox) {
        let (batch, number) = attempt_of(name);
        shim.attend(batch, number, inbox)?;
        unheard = Some(run.workdir.attempt_exit(batch, number));
        orders.over();
    }
    unheard.map_or(Ok(()), |exit| vouch_for(&exit))
}

/// Attends to one attempt; its record is durable on return.
pub fn alone(run: &Run, batch: BatchId, number: u32, inbox: &mut Inbox) -> Result<(), LockError> {
    Shim::of(run)?.attend(batch, number, inbox)?;
    vouch_for(&run.workdir.attempt_exit(batch, number))
}

/// Makes a record durable, unless its attempt was moved away or deleted.
fn vouch_for(exit: &Path) -> Result<(), LockError> {
    if exit.exists() { Ok(publish::make_durable(exit)?) } else { Ok(()) }
}

/// Who we are, as a shim.
struct Shim<'a> {
    run: &'a Run,
    identity: ProcessIdentity,
    group: Option<ShimGroup>,
}

impl<'a> Shim<'a> {
    /// This process, in its place.
    fn of(run: &'a Run) -> Result<Self, DiskError> {
        let identity = ProcessIdentity::own()?;
        let group = containment::enter(run, &identity);
        Ok(Self { run, identity, group })
    }

    /// From the lock to the record. Does nothing when the attempt is over already.
    fn attend(&self, batch: BatchId, number: u32, inbox: &mut Inbox) -> Result<(), LockError> {
        let Self { run, identity, group } = self;
        let name = serde_json::to_string(identity).expect("an identity is plain data");
        let _lock = Lock::acquire_for(Audience::Owner, &run.workdir.attempt_lock(batch, number), &name)?;
        let exit = run.workdir.attempt_exit(batch, number);
        if exit.exists() {
            return Ok(());
        }
        let part = scratch::read_part(&run.workdir.attempt_part(batch, number))?;
        let arguments = errand::arguments(&run.request, &run.workdir, batch, number, part);
        let log = run.workdir.batch_log(batch);
        let marker = run.marker(batch, number);
        let attempt = Attempt {
            errand: Errand {
                executable: &run.executable,
                arguments: &arguments,
                log: &log,
                marker: &marker,
                api_key: run.api_key.as_ref(),
            },
            limits: run.request.settings.limits,
            events: run.workdir.attempt_events(batch, number),
            seen: run.workdir.attempt_seen(batch, number),
            trace: run.workdir.attempt_trace(batch, number),
            speaks: match run.request.settings.program {
                Program::Worker | Program::Bars(_) => Speaks::Surely,
                Program::Script(_) => Speaks::Perhaps,
            },
            group: group.as_ref(),
        };
        Ok(publish_patiently(&shim::attend(&attempt, inbox), &exit, inbox)?)
    }
}

/// A full disk passes; a stop does not wait for it. An attempt that was moved away or deleted is nobody's any more.
fn publish_patiently(record: &ExitRecord, exit: &Path, inbox: &mut Inbox) -> Result<(), DiskError> {
    loop {
        if !exit.parent().is_some_and(Path::is_dir) {
            return Ok(());
        }
        let Err(error) = record.publish(exit) else { return Ok(()) };
        let post = inbox.wait(DISK_GLANCE, &[]);
        if post.iter().any(|post| !matches!(post, Post::Child)) {
            return Err(error);
        }
    }
}

/// Why an attempt can't be closed yet.
#[derive(Debug, thiserror::Error)]
pub enum OpenStill {
    /// Somebody attends to it, or its record can't be read or written.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What it has started does not end.
    #[error(
        "processes of {attempt} do not end even when killed: {pids}; they may wait for a disk or a network that is gone"
    )]
    Undead {
        /// Which attempt.
        attempt: String,
        /// Who, separated by commas.
        pids: String,
    },
}

impl From<DiskError> for OpenStill {
    fn from(error: DiskError) -> Self {
        Self::Lock(error.into())
    }
}

/// How an attempt ended whose shim is gone: as its record says, else `otherwise`, after whatever is left of it
/// was ended and the attempt was closed to late shims.
pub fn how_it_ended(
    run: &Run,
    batch: BatchId,
    number: u32,
    began_at: RunTime,
    otherwise: Ending,
) -> Result<(Ending, Usage), OpenStill> {
    let exit = run.workdir.attempt_exit(batch, number);
    if let Some(record) = ExitRecord::read(&exit)? {
        return Ok((record.ending, record.usage));
    }
    let left = watch::kill(&run.marker(batch, number).into());
    let mut left: Vec<i32> = left.iter().map(|process| process.pid).collect();
    left.extend(seen::end_noted(&run.workdir.attempt_seen(batch, number)));
    if !left.is_empty() {
        let pids = watch::listed(left);
        return Err(OpenStill::Undead { attempt: format!("{batch}.{number}"), pids });
    }
    let _lock = Lock::acquire_for(
        Audience::Owner,
        &run.workdir.attempt_lock(batch, number),
        "the supervisor, closing the attempt",
    )?;
    // A shim that we did not see may have been faster.
    if let Some(record) = ExitRecord::read(&exit)? {
        return Ok((record.ending, record.usage));
    }
    let record = ExitRecord {
        ending: otherwise.clone(),
        usage: Usage::default(),
        began_at: began_at.stamp(),
        ended_at: clock::now(),
    };
    record.publish(&exit)?;
    Ok((otherwise, Usage::default()))
}

//! The shim: a small process between the supervisor and one worker at a time (`launcher attend`).
//!
//! It starts the worker, watches its memory, its time and its log, ends everything that the worker has started,
//! and leaves an `exit.json` that says how the attempt ended. It outlives the supervisor; a later one adopts it.
//!
//! [`attend_one`] attends to a single attempt (a cluster job); [`serve`] attends to one attempt after the other, as
//! the supervisor asks for them.
//!
//! [`protocol`] is what supervisor and shim say to each other · [`worker`] one worker from start to end, within its
//! [`allowance`] and by its [`progress`] · [`fence`] the lock and the `exit.json` of an attempt · [`seen`] and
//! [`containment`] find the processes that a dead shim has left · [`handle`] the supervisor's hold on one shim,
//! [`pool`] all its shims.

pub mod progress;
pub mod allowance;
pub mod seen;
pub mod containment;
pub mod protocol;
pub mod fence;
pub mod worker;
pub mod handle;
pub mod pool;

use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::disk::audience::Audience;
use shared::disk::lock::{Lock, LockError};
use shared::disk::publish::{self, DiskError};
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::BatchId;

use crate::plan::errand;
use crate::plan::settings::Program;
use crate::process::cgroup::ShimGroup;
use crate::process::signal::{Inbox, Post};
use crate::process::spawn::Errand;
use crate::run::Run;
use fence::ExitRecord;
use progress::Speaks;
use protocol::Orders;
use worker::Attempt;

/// How often a record that can't be written is tried again.
const DISK_GLANCE: Duration = Duration::from_secs(1);

/// Attends to whatever is asked for on the line, one attempt after the other, until there is nothing more to come.
///
/// A record is the only witness of its attempt until the supervisor has journalled it. That is so once it gives us the
/// next attempt; where it has gone instead, we make the record durable ourselves.
pub fn serve(run: &Run, mut orders: Orders, inbox: &mut Inbox) -> Result<(), LockError> {
    let shim = Shim::of(run)?;
    let mut unheard: Option<PathBuf> = None;
    while let Some(name) = orders.next(inbox) {
        let (batch, number) = protocol::attempt_of(name);
        shim.attend(batch, number, inbox)?;
        unheard = Some(run.workdir.attempt_exit(batch, number));
        orders.over();
    }
    unheard.map_or(Ok(()), |exit| vouch_for(&exit))
}

/// Attends to one attempt; its record is durable on return.
pub fn attend_one(run: &Run, batch: BatchId, number: u32, inbox: &mut Inbox) -> Result<(), LockError> {
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
        let part = protocol::read_part(&run.workdir.attempt_part(batch, number))?;
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
        Ok(publish_patiently(&worker::attend(&attempt, inbox), &exit, inbox)?)
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

//! The shim: a small process between the supervisor and one worker at a time (`launcher attend`).
//!
//! A shim takes the attempt that it is given, starts the worker, watches its memory, its time and
//! its log, ends every process that the worker has started, and leaves an `exit.json` that says how
//! the attempt ended. When the supervisor dies, the shim finishes its attempt; the next supervisor
//! adopts it.
//!
//! Two entries: [`attend_one`] for a single attempt (a cluster job), [`serve`] for one attempt
//! after the other, as a supervisor asks for them.
//!
//! From the ground up: [`progress`] and [`limits`] judge what a worker does (pure) · [`orphans`]
//! and [`containment`] find the processes that a dead shim has left · [`protocol`] what supervisor
//! and shim say to each other · [`fence`] the lock and the `exit.json` of an attempt · [`worker`]
//! one worker from start to end · [`handle`] the supervisor's handle on one shim · [`pool`] all its
//! shims.

pub mod progress;
pub mod limits;
pub mod orphans;
pub mod containment;
pub mod protocol;
pub mod fence;
pub mod worker;
pub mod handle;
pub mod pool;

use shared::disk::lock::LockError;
use shared::disk::publish::DiskError;
use shared::run::identity::ProcessIdentity;

use crate::plan::settings::Program;
use crate::plan::worker_command;
use crate::process::cgroup::ShimGroup;
use crate::process::signal::Inbox;
use crate::process::spawn::WorkerCommand;
use crate::run::Run;
use fence::Fence;
use progress::Events;
use protocol::{AttemptId, ShimEnd};
use worker::Setup;

/// Attends to one attempt. Its record is durable on return.
pub fn attend_one(run: &Run, attempt: AttemptId, inbox: &mut Inbox) -> Result<(), LockError> {
    Shim::enter(run)?.attend(attempt, inbox)?;
    fence::make_durable(&run.workdir, attempt)
}

/// Attends to one attempt after the other, as the supervisor names them, until it names no more.
///
/// A record is the only witness of its attempt until the supervisor has journalled it. A supervisor
/// that gives us the next attempt has journalled the last one. When it gives no more, we make the
/// last record durable ourselves.
pub fn serve(run: &Run, mut supervisor: ShimEnd, inbox: &mut Inbox) -> Result<(), LockError> {
    let shim = Shim::enter(run)?;
    let mut last = None;
    while let Some(attempt) = supervisor.next(inbox) {
        shim.attend(attempt, inbox)?;
        last = Some(attempt);
        supervisor.done();
    }
    last.map_or(Ok(()), |attempt| fence::make_durable(&run.workdir, attempt))
}

/// This process, as a shim of `run`.
struct Shim<'a> {
    run: &'a Run,
    identity: ProcessIdentity,
    group: Option<ShimGroup>,
}

impl<'a> Shim<'a> {
    /// Moves this process into its control group, where the run has one.
    fn enter(run: &'a Run) -> Result<Self, DiskError> {
        let identity = ProcessIdentity::own()?;
        let group = containment::enter(run, &identity);
        Ok(Self { run, identity, group })
    }

    /// From the lock to the record. Does nothing when the attempt is over already.
    fn attend(&self, attempt: AttemptId, inbox: &mut Inbox) -> Result<(), LockError> {
        let Self { run, identity, group } = self;
        let (AttemptId { batch, number }, workdir) = (attempt, &run.workdir);
        let Some(fence) = Fence::take(workdir, attempt, identity)? else { return Ok(()) };
        let part = protocol::read_part(&workdir.attempt_part(batch, number))?;
        let arguments = worker_command::arguments(&run.request, workdir, batch, number, part);
        let log = workdir.batch_log(batch);
        let marker = run.marker(batch, number);
        let setup = Setup {
            command: WorkerCommand {
                executable: &run.executable,
                arguments: &arguments,
                log: &log,
                marker: &marker,
                api_key: run.api_key.as_ref(),
            },
            limits: run.request.settings.limits,
            events: workdir.attempt_events(batch, number),
            orphan_note: workdir.attempt_seen(batch, number),
            stall_note: workdir.attempt_trace(batch, number),
            writes_events: match run.request.settings.program {
                Program::Worker | Program::Bars(_) => Events::Certain,
                Program::Script(_) => Events::Perhaps,
            },
            group: group.as_ref(),
        };
        Ok(fence.leave(&worker::run(&setup, inbox), inbox)?)
    }
}

//! Both ends of an attempt's fence: its lock and its `exit.json`.
//!
//! A shim holds the lock while it lives and leaves `exit.json` when it ends. Whoever finds the lock free and no
//! `exit.json` ends what is left of the attempt and writes one: a shim that comes late finds it and goes.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use shared::disk::lock::{Lock, LockError};
use shared::disk::publish::DiskError;
use shared::run::identity::ProcessIdentity;
use shared::run::workdir::{BatchId, Workdir};

use super::run::Run;
use super::scratch;
use crate::plan::errand;
use crate::process::clock;
use crate::process::exit_record::{Ending, ExitRecord, Usage};
use crate::process::shim::{self, Attempt};
use crate::process::signal::{Inbox, Post};
use crate::process::spawn::Errand;
use crate::process::watch;

/// How often a record that can't be written is tried again.
const DISK_GLANCE: Duration = Duration::from_secs(1);

/// The command line of a shim.
pub fn arguments(workdir: &Workdir, batch: BatchId, number: u32) -> Vec<OsString> {
    let (batch, number) = (batch.to_string(), number.to_string());
    let words: [OsString; 7] = [
        "attend".into(),
        "--workdir".into(),
        workdir.root().into(),
        "--batch".into(),
        batch.into(),
        "--attempt".into(),
        number.into(),
    ];
    words.into()
}

/// Attends to one attempt, from the lock to the record. Does nothing when the attempt is over already.
pub fn attend(run: &Run, batch: BatchId, number: u32, inbox: &mut Inbox) -> Result<(), LockError> {
    let own = ProcessIdentity::own().expect("this process is alive");
    let name = serde_json::to_string(&own).expect("an identity is plain data");
    let _lock = Lock::acquire(&run.workdir.attempt_lock(batch, number), &name)?;
    let exit = run.workdir.attempt_exit(batch, number);
    if exit.exists() {
        return Ok(());
    }
    let part = scratch::read_part(&run.workdir.attempt_part(batch, number))?;
    let arguments = errand::arguments(&run.request, &run.workdir, batch, number, part);
    let log = run.workdir.batch_log(batch);
    let marker = run.marker(batch, number);
    let record = shim::attend(
        &Attempt {
            errand: Errand {
                executable: &run.executable,
                arguments: &arguments,
                log: &log,
                marker: &marker,
                api_key: run.api_key.as_ref(),
            },
            limits: run.request.settings.limits,
            events: run.workdir.attempt_events(batch, number),
            trace: run.workdir.attempt_trace(batch, number),
        },
        inbox,
    );
    Ok(publish_patiently(&record, &exit, inbox)?)
}

/// A full disk passes; a stop does not wait for it. An attempt that was moved away or deleted is nobody's any more.
fn publish_patiently(record: &ExitRecord, exit: &Path, inbox: &mut Inbox) -> Result<(), DiskError> {
    loop {
        if !exit.parent().is_some_and(Path::is_dir) {
            return Ok(());
        }
        let Err(error) = record.publish(exit) else { return Ok(()) };
        let post = inbox.wait(DISK_GLANCE);
        if post.iter().any(|post| !matches!(post, Post::Child)) {
            return Err(error);
        }
    }
}

/// How an attempt ended whose shim is gone: as its record says, else `otherwise`, after whatever is left of it
/// was ended and the attempt was closed to late shims.
pub fn how_it_ended(
    run: &Run,
    batch: BatchId,
    number: u32,
    began_at: Timestamp,
    otherwise: Ending,
) -> Result<(Ending, Usage), LockError> {
    let exit = run.workdir.attempt_exit(batch, number);
    if let Some(record) = ExitRecord::read(&exit)? {
        return Ok((record.ending, record.usage));
    }
    watch::kill(&run.marker(batch, number).into());
    let _lock =
        Lock::acquire(&run.workdir.attempt_lock(batch, number), "the supervisor, closing the attempt")?;
    // A shim that we did not see may have been faster.
    if let Some(record) = ExitRecord::read(&exit)? {
        return Ok((record.ending, record.usage));
    }
    let record =
        ExitRecord { ending: otherwise.clone(), usage: Usage::default(), began_at, ended_at: clock::now() };
    record.publish(&exit)?;
    Ok((otherwise, Usage::default()))
}

//! Why a command failed, and its exit code.

use std::io;
use std::path::PathBuf;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::descriptor::DescriptorError;
use shared::dataset::reader::ReadError;
use shared::disk::checked_lines::LinesError;
use shared::disk::lock::LockError;
use shared::disk::publish::DiskError;
use shared::disk::shortage::Shortage;
use shared::market::ticker::Ticker;
use shared::pace::shared_budget::PaceError;
use shared::run::api_key::ApiKeyError;
use shared::run::base_url::BaseUrlError;
use shared::run::exit::Exit;
use shared::run::size::Size;
use shared::run::ticker_list::TickerListError;
use shared::run::workdir::{BatchId, Workdir};
use shared::series::tree::TreeError;

use super::verify_error::VerifyError;
use crate::plan::request::RequestError;
use crate::plan::settings::SettingsError;
use crate::preflight::bars_words::WordsError;
use crate::preflight::executable::ExecutableError;
use crate::preflight::places::PlacesError;
use crate::preflight::plain_names::NameError;
use crate::preflight::source::SourceError;
use crate::process::spawn::SpawnError;
use crate::supervise::drive::DriveError;
use crate::supervise::journal::JournalError;
use crate::supervise::locks::LocksError;
use crate::supervise::sizes::SizesError;
use crate::verify::audit::error::AuditError;
use crate::verify::whose::WhoseError;
use crate::view::words;

/// Why a command failed. Nothing was started, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Arguments that make no run.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// An unusable address.
    #[error(transparent)]
    BaseUrl(#[from] BaseUrlError),
    #[error("--tickers-csv: {0}")]
    Tickers(#[from] TickerListError),
    #[error("--weights: {0}")]
    Weights(#[from] SizesError),
    /// An unusable `run.json`, or nothing to ask for.
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    ApiKey(#[from] ApiKeyError),
    /// The source refuses us, or is not the source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The place of the rate budget belongs to another user, or can't be used.
    #[error(transparent)]
    Pace(#[from] PaceError),
    #[error(transparent)]
    Executable(#[from] ExecutableError),
    /// A name that a run can't keep.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Work directory and output in one another.
    #[error(transparent)]
    Places(#[from] PlacesError),
    #[error(
        "{outdir} is missing, and {tickers} of this run were done in it: is its disk mounted? Put it back, or \
         create the folder to fetch everything again",
        outdir = outdir.display()
    )]
    OutdirGone { outdir: PathBuf, tickers: String },
    /// Another dataset lives there.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// The output has files of others in the places of ours.
    #[error(
        "--outdir: {0}; nothing was changed there: choose another folder, or move its files away"
    )]
    StrangeTree(ReadError),
    /// The output holds no bars.
    #[error(transparent)]
    TreeOfBars(#[from] TreeError),
    #[error("{flag} {root}: {what}", root = root.display())]
    BarsInput { flag: &'static str, root: PathBuf, what: String },
    /// Options of `bars` that it refuses.
    #[error(transparent)]
    BarsWords(#[from] WordsError),
    #[error(
        "{flag} {root}: no ticker of the run has all sessions of {days} ({example} lacks {missing}); download them, choose days that are there (--from, --to), or make bars without them: -- --allow-gap; nothing was started or changed",
        root = root.display()
    )]
    BeyondInput {
        flag: &'static str,
        root: PathBuf,
        days: DateRange,
        example: Ticker,
        missing: Coverage,
    },
    /// Nothing that can be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(
        "--reference {folder}: no tickers_snapshot/snapshot_date=YYYY-MM-DD/tickers.parquet in it; `worker reference --outdir DIR` makes one",
        folder = folder.display()
    )]
    NoSnapshot { folder: PathBuf },
    #[error("--reference: {0}")]
    Reference(ReadError),
    #[error("--{flag} {path} can't be written: {source}; choose another folder or correct its permissions", path = path.display())]
    NotWritable { flag: &'static str, path: PathBuf, source: DiskError },
    #[error("{what}; make room, choose a folder on another disk, or lower --min-free-disk")]
    NoRoom {
        /// Where, how much there is, and how much there must be.
        what: String,
    },
    #[error(
        "this run is already going (supervisor pid {pid}); stop it first to change settings: `{stop}`"
    )]
    AlreadyGoing { pid: i32, stop: String },
    #[error("{0}; see `launcher status --workdir` of that run, or stop it first")]
    Locked(LockError),
    #[error(
        "{what}; continue that run: `{resume}`, or end its processes: `{stop}`; then run `start` again (nothing was started)"
    )]
    Orphans { what: String, resume: String, stop: String },
    #[error("{workdir} is the work directory of run {run} ({what}); continue it: `{resume}`, or choose another --workdir", workdir = workdir.display())]
    AnotherRun { workdir: PathBuf, run: String, what: String, resume: String },
    #[error("{workdir} holds a journal but no run.json; choose another --workdir", workdir = workdir.display())]
    Headless { workdir: PathBuf },
    #[error(
        "run {run} was created with other arguments:\n{list}\nnothing was changed; leave them out to continue the run, or choose another --workdir for a new run (--resume can extend a run: an earlier --from, a later --to, a --tickers-csv with more tickers; and it can change every knob, such as rate, retries and limits; it can't change what the data depend on)"
    )]
    Differs { run: String, list: String },
    #[error(
        "run {run} can't be extended while its processes live: they work on the old range (nothing was changed); end them first: `{stop}`, or leave the new arguments out to continue with them"
    )]
    StillAtWork { run: String, stop: String },
    #[error(
        "run {run} can't be given other days: a script reported {batches} done, and no ledger proves which days that covers (nothing was changed); choose another --workdir for the new days"
    )]
    OnlyByWord { run: String, batches: String },
    #[error("another command has just changed run {run}; run `start` again")]
    ChangedMeanwhile { run: String },
    #[error("{workdir} holds no run (no run.json in it); `{start} ...` starts one", workdir = workdir.display(), start = words::command("start", &Workdir::new(workdir)))]
    NoRun { workdir: PathBuf },
    #[error(
        "--min-free-memory {asked} is more than the memory of this machine ({total}), so no worker would ever run beside another; if that is meant: --max-concurrent 1",
        total = words::bytes(*total)
    )]
    MoreThanAllMemory { asked: Size, total: u64 },
    #[error(
        "{flag} is an option of `bars`; options of `bars` stand last, behind --: `{start} ... -- {flag} ...`",
        start = format_args!("{} start", words::program())
    )]
    BehindTheDashes { flag: String },
    #[error(
        "{workdir} holds no run to go on with{near}; a new run there needs {needs}",
        workdir = workdir.display(),
        near = near.as_ref().map(|near| format!(" (is {} meant?)", near.display())).unwrap_or_default()
    )]
    NoRunToResume { workdir: PathBuf, near: Option<PathBuf>, needs: String },
    #[error(
        "{name:?} is not a ticker of this run; it has {known} (tickers.csv in the work directory lists all)"
    )]
    UnknownTicker { name: String, known: String },
    #[error("{name:?} is not a batch of this run: {known}")]
    UnknownBatch { name: String, known: String },
    #[error(
        "{ticker} is in no batch: it was proven before this run began, or is not planned yet; `launcher why {ticker}` says which"
    )]
    InNoBatch { ticker: Ticker },
    #[error(
        "{name} was split by date and is in several batches; follow one of them: {}",
        batches.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    SeveralLogs { name: String, batches: Vec<BatchId> },
    #[error("{batch} has not started yet, so there is no {log}; `logs -f` waits for it", log = log.display())]
    NoLog { batch: BatchId, log: PathBuf },
    #[error("the supervisor did not start: {said} (see {log})", log = log.display())]
    NotReady { said: String, exit: Option<Exit>, log: PathBuf },
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A process could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    #[error("{0}{way_on}", way_on = way_on(.0))]
    Drive(#[from] DriveError),
    #[error("{0}: {cause}; {remedy}, then run the command again", cause = .0.source, remedy = remedy(.0))]
    Disk(#[from] DiskError),
    #[error("{error}: {cause}; {remedy}, then continue the run: `{resume}`", cause = error.source, remedy = remedy(error))]
    Halfway { error: DiskError, resume: String },
    #[error("can't write to standard output")]
    Output(#[source] io::Error),
    #[error("can't {doing}")]
    System { doing: &'static str, source: io::Error },
    #[error(
        "{workdir} holds run {run}, which can't repair this tree: {what}; choose an empty --workdir (nothing was changed)",
        workdir = workdir.display()
    )]
    NotToRepair { workdir: PathBuf, run: String, what: String },
    #[error(
        "the run that repairs was stopped {why}; what was set aside and what came stays, and the same command goes on (its run is in {workdir})",
        workdir = workdir.display()
    )]
    RepairStopped { workdir: PathBuf, why: String },
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Another source, or nobody has said which.
    #[error(transparent)]
    Whose(#[from] WhoseError),
    #[error(
        "processes of this run do not end even when killed: {0}; they may be waiting for a disk or a network that is gone (`ps` shows state D); repair that, then run the command again"
    )]
    Undead(String),
    #[error("another process keeps restarting this run; stop it and run `stop` again")]
    BegunAgain,
}

/// What a person can do about a file or folder that can't be used.
fn remedy(error: &DiskError) -> &'static str {
    if let Some(shortage) = Shortage::behind(error) {
        return shortage.remedy();
    }
    match error.source.kind() {
        io::ErrorKind::PermissionDenied => "correct its permissions or choose another folder",
        io::ErrorKind::ReadOnlyFilesystem => "make its disk writable or choose another folder",
        _ => "check that its folder exists and its disk is healthy",
    }
}

/// How to continue after supervision broke off, unless the error says so itself.
fn way_on(error: &DriveError) -> String {
    match error {
        DriveError::Disk(error) => format!(": {}; {}, then continue with --resume", error.source, remedy(error)),
        DriveError::Undead(_) => {
            "; they may be waiting for a disk or a network that is gone; repair that, then continue with --resume"
                .to_owned()
        }
        DriveError::Watch(_) | DriveError::Attempt(_) => "; continue with --resume".to_owned(),
        DriveError::Journal(_)
        | DriveError::Illegal(_)
        | DriveError::Displaced(_)
        | DriveError::Request(_)
        | DriveError::Vanishes(_) => String::new(),
    }
}

impl From<LinesError> for Failure {
    fn from(error: LinesError) -> Self {
        Self::Journal(error.into())
    }
}

impl From<LocksError> for Failure {
    fn from(error: LocksError) -> Self {
        let workdir = match error {
            LocksError::Lock(error) => return error.into(),
            LocksError::Orphans { ref workdir, .. } => Workdir::new(workdir),
        };
        let (resume, stop) = (words::resume_command(&workdir), words::command("stop", &workdir));
        Self::Orphans { what: error.to_string(), resume, stop }
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held { .. } => Self::Locked(error),
            LockError::Disk(error) => Self::Disk(error),
        }
    }
}

impl Failure {
    /// The error once the run in `workdir` is frozen: running the command again would find that
    /// run.
    #[must_use]
    pub fn once_frozen(self, workdir: &Workdir) -> Self {
        match self {
            Self::Disk(error) | Self::Journal(JournalError::Lines(LinesError::Disk(error))) => {
                Self::Halfway { error, resume: words::resume_command(workdir) }
            }
            other => other,
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        // A shortage of this machine is never the fault of an argument.
        if Shortage::behind(self).is_some() {
            return Exit::LocalResource;
        }
        match self {
            Self::NotReady { exit, .. } => exit.unwrap_or(Exit::LocalResource),
            Self::Source(SourceError::Refused { .. }) | Self::Audit(AuditError::Refused { .. }) => {
                Exit::Refused
            }
            Self::RepairStopped { .. } => Exit::Stopped,
            Self::Source(SourceError::Unreachable { .. } | SourceError::Strange { .. })
            | Self::Audit(AuditError::Crashed { .. }) => Exit::Transient,
            Self::Source(SourceError::Short { .. })
            | Self::NotWritable { .. }
            | Self::OutdirGone { .. }
            | Self::NoRoom { .. }
            | Self::Disk(_)
            | Self::Halfway { .. }
            | Self::Pace(_)
            | Self::System { .. }
            | Self::Output(_)
            | Self::Spawn(_)
            | Self::Audit(AuditError::Local { .. } | AuditError::Spawn(_) | AuditError::Disk(_))
            | Self::BarsWords(WordsError::Spawn(_))
            | Self::Drive(_)
            | Self::Undead(_)
            | Self::BegunAgain => Exit::LocalResource,
            Self::Settings(_)
            | Self::BaseUrl(_)
            | Self::Tickers(_)
            | Self::Weights(_)
            | Self::Request(_)
            | Self::ApiKey(_)
            | Self::Executable(_)
            | Self::Name(_)
            | Self::Places(_)
            | Self::Descriptor(_)
            | Self::StrangeTree(_)
            | Self::TreeOfBars(_)
            | Self::BarsInput { .. }
            | Self::BarsWords(WordsError::Refused { .. } | WordsError::Executable(_))
            | Self::BeyondInput { .. }
            | Self::NoSnapshot { .. }
            | Self::Reference(_)
            | Self::Verify(_)
            | Self::Locked(_)
            | Self::AlreadyGoing { .. }
            | Self::Orphans { .. }
            | Self::AnotherRun { .. }
            | Self::Headless { .. }
            | Self::Differs { .. }
            | Self::StillAtWork { .. }
            | Self::OnlyByWord { .. }
            | Self::ChangedMeanwhile { .. }
            | Self::NoRun { .. }
            | Self::MoreThanAllMemory { .. }
            | Self::BehindTheDashes { .. }
            | Self::NoRunToResume { .. }
            | Self::UnknownTicker { .. }
            | Self::UnknownBatch { .. }
            | Self::InNoBatch { .. }
            | Self::SeveralLogs { .. }
            | Self::NoLog { .. }
            | Self::NotToRepair { .. }
            | Self::Audit(AuditError::Usage { .. } | AuditError::NoDescriptor { .. })
            | Self::Whose(_)
            | Self::Journal(_) => Exit::Usage,
        }
    }
}

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
use crate::check::bars_words::WordsError;
use crate::check::executable::ExecutableError;
use crate::check::places::PlacesError;
use crate::check::plain_names::NameError;
use crate::check::source::SourceError;
use crate::plan::request::RequestError;
use crate::plan::settings::SettingsError;
use crate::process::spawn::SpawnError;
use crate::supervise::drive::DriveError;
use crate::supervise::journal::JournalError;
use crate::supervise::locks::LocksError;
use crate::supervise::sizes::SizesError;
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
    /// An unusable list.
    #[error("--tickers-csv: {0}")]
    Tickers(#[from] TickerListError),
    /// No ticker sizes.
    #[error("--weights: {0}")]
    Weights(#[from] SizesError),
    /// An unusable `run.json`, or nothing to ask for.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// No key.
    #[error(transparent)]
    ApiKey(#[from] ApiKeyError),
    /// The source refuses us, or is not the source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The place of the rate budget is somebody else's, or can't be used.
    #[error(transparent)]
    Pace(#[from] PaceError),
    /// No executable.
    #[error(transparent)]
    Executable(#[from] ExecutableError),
    /// A name that a run can't keep.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Work directory and output in one another.
    #[error(transparent)]
    Places(#[from] PlacesError),
    /// The data of the run are gone.
    #[error(
        "{outdir} is missing, and {tickers} of this run were done in it: is its disk mounted? Put it back, or \
         create the folder to fetch everything again",
        outdir = outdir.display()
    )]
    OutdirGone {
        /// Where it was.
        outdir: PathBuf,
        /// How much was done, `30 tickers`.
        tickers: String,
    },
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
    /// The input of bars is missing, or is something else.
    #[error("{flag} {root}: {what}", root = root.display())]
    BarsInput {
        /// The flag.
        flag: &'static str,
        /// Its folder.
        root: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Options of `bars` that it refuses.
    #[error(transparent)]
    BarsWords(#[from] WordsError),
    /// Bars over days that the input lacks.
    #[error(
        "{flag} {root}: no ticker of the run has all sessions of {days} ({example} lacks {missing}); download them, choose days that are there (--from, --to), or make bars without them: -- --allow-gap; nothing was started or changed",
        root = root.display()
    )]
    BeyondInput {
        /// The flag.
        flag: &'static str,
        /// Its folder.
        root: PathBuf,
        /// Asked for.
        days: DateRange,
        /// A ticker,
        example: Ticker,
        /// and what it lacks.
        missing: Coverage,
    },
    /// Nothing that can be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A `--reference` without a snapshot.
    #[error(
        "--reference {folder}: no tickers_snapshot/snapshot_date=YYYY-MM-DD/tickers.parquet in it; `worker reference --outdir DIR` makes one",
        folder = folder.display()
    )]
    NoSnapshot {
        /// The folder.
        folder: PathBuf,
    },
    /// A snapshot that can't be read.
    #[error("--reference: {0}")]
    Reference(ReadError),
    /// A folder that can't be written.
    #[error("--{flag} {path} can't be written: {source}; choose another folder or correct its permissions", path = path.display())]
    NotWritable {
        /// Which argument.
        flag: &'static str,
        /// Its value.
        path: PathBuf,
        /// What the system said.
        source: DiskError,
    },
    /// Less free space than must stay free.
    #[error("{what}; make room, choose a folder on another disk, or lower --min-free-disk")]
    NoRoom {
        /// Where, how much there is, and how much there must be.
        what: String,
    },
    /// The run that is to go on has a supervisor.
    #[error(
        "this run is already going (supervisor pid {pid}); stop it first to change settings: `{stop}`"
    )]
    AlreadyGoing {
        /// The supervisor.
        pid: i32,
        /// The command that stops it.
        stop: String,
    },
    /// Another run has the lock.
    #[error("{0}; see `launcher status --workdir` of that run, or stop it first")]
    Locked(LockError),
    /// Processes of a dead supervisor still work there.
    #[error(
        "{what}; continue that run: `{resume}`, or end its processes: `{stop}`; then run `start` again (nothing was started)"
    )]
    Orphans {
        /// Whose, and where.
        what: String,
        /// How to go on with their run.
        resume: String,
        /// How to end them.
        stop: String,
    },
    /// A run lives in this work directory already.
    #[error("{workdir} is the work directory of run {run} ({what}); continue it: `{resume}`, or choose another --workdir", workdir = workdir.display())]
    AnotherRun {
        /// The folder.
        workdir: PathBuf,
        /// The run in it.
        run: String,
        /// What that run is.
        what: String,
        /// How to go on with it.
        resume: String,
    },
    /// A journal without its `run.json`.
    #[error("{workdir} holds a journal but no run.json; choose another --workdir", workdir = workdir.display())]
    Headless {
        /// The folder.
        workdir: PathBuf,
    },
    /// Arguments that would make other data than those of the run, or fewer.
    #[error(
        "run {run} was created with other arguments:\n{list}\nnothing was changed; leave them out to continue the run, or choose another --workdir for a new run (--resume can extend a run: an earlier --from, a later --to, a --tickers-csv with more tickers; and it can change every knob, such as rate, retries and limits; it can't change what the data depend on)"
    )]
    Differs {
        /// Which run.
        run: String,
        /// One line each.
        list: String,
    },
    /// An extension while workers have the old range.
    #[error(
        "run {run} can't be extended while its processes live: they work on the old range (nothing was changed); end them first: `{stop}`, or leave the new arguments out to continue with them"
    )]
    StillAtWork {
        /// Which run.
        run: String,
        /// How to end them.
        stop: String,
    },
    /// A longer range, but only a script has reported the old one done.
    #[error(
        "run {run} can't be given other days: a script reported {batches} done, and no ledger proves which days that covers (nothing was changed); choose another --workdir for the new days"
    )]
    OnlyByWord {
        /// Which run.
        run: String,
        /// How many.
        batches: String,
    },
    /// Two extensions at once.
    #[error("another command has just changed run {run}; run `start` again")]
    ChangedMeanwhile {
        /// Which run.
        run: String,
    },
    /// There is no run.
    #[error("{workdir} holds no run (no run.json in it); `{start} ...` starts one", workdir = workdir.display(), start = words::command("start", &Workdir::new(workdir)))]
    NoRun {
        /// The folder.
        workdir: PathBuf,
    },
    /// No second worker would ever be started.
    #[error(
        "--min-free-memory {asked} is more than the memory of this machine ({total}), so no worker would ever run beside another; if that is meant: --max-concurrent 1",
        total = words::bytes(*total)
    )]
    MoreThanAllMemory {
        /// What is to stay free.
        asked: Size,
        /// Bytes that there are.
        total: u64,
    },
    /// An option of `bars` among those of the launcher.
    #[error(
        "{flag} is an option of `bars`; options of `bars` stand last, behind --: `{start} ... -- {flag} ...`",
        start = format_args!("{} start", words::program())
    )]
    BehindTheDashes {
        /// Which.
        flag: String,
    },
    /// There is no run to go on with, and too little was said for a new one.
    #[error(
        "{workdir} holds no run to go on with{near}; a new run there needs {needs}",
        workdir = workdir.display(),
        near = near.as_ref().map(|near| format!(" (is {} meant?)", near.display())).unwrap_or_default()
    )]
    NoRunToResume {
        /// The folder.
        workdir: PathBuf,
        /// A folder with a run and almost the same name.
        near: Option<PathBuf>,
        /// Flags that were not given.
        needs: String,
    },
    /// A ticker that the run does not have.
    #[error(
        "{name:?} is not a ticker of this run; it has {known} (tickers.csv in the work directory lists all)"
    )]
    UnknownTicker {
        /// As given.
        name: String,
        /// Some that it has.
        known: String,
    },
    /// A batch that the run does not have.
    #[error("{name:?} is not a batch of this run: {known}")]
    UnknownBatch {
        /// As given.
        name: String,
        /// What it has.
        known: String,
    },
    /// A ticker without a log.
    #[error(
        "{ticker} is in no batch: it was proven before this run began, or is not planned yet; `launcher why {ticker}` says which"
    )]
    InNoBatch {
        /// Which.
        ticker: Ticker,
    },
    /// Only one log can be followed.
    #[error(
        "{name} was split by date and is in several batches; follow one of them: {}",
        batches.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    SeveralLogs {
        /// As given.
        name: String,
        /// Which.
        batches: Vec<BatchId>,
    },
    /// A batch that has not started yet.
    #[error("{batch} has not started yet, so there is no {log}; `logs -f` waits for it", log = log.display())]
    NoLog {
        /// Which.
        batch: BatchId,
        /// Where it will be.
        log: PathBuf,
    },
    /// The supervisor ended before it was ready.
    #[error("the supervisor did not start: {said} (see {log})", log = log.display())]
    NotReady {
        /// Its own words.
        said: String,
        /// How it ended, unless that says nothing.
        exit: Option<Exit>,
        /// Its log.
        log: PathBuf,
    },
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A process could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// Supervision broke off; every worker was ended.
    #[error("{0}{way_on}", way_on = way_on(.0))]
    Drive(#[from] DriveError),
    /// A file or folder could not be used.
    #[error("{0}: {cause}; {remedy}, then run the command again", cause = .0.source, remedy = remedy(.0))]
    Disk(#[from] DiskError),
    /// The same once the run was frozen.
    #[error("{error}: {cause}; {remedy}, then continue the run: `{resume}`", cause = error.source, remedy = remedy(error))]
    Halfway {
        /// What.
        error: DiskError,
        /// How to go on.
        resume: String,
    },
    /// Standard output failed.
    #[error("can't write to standard output")]
    Output(#[source] io::Error),
    /// The system refused something basic.
    #[error("can't {doing}")]
    System {
        /// What.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Processes of the run that do not end.
    #[error(
        "processes of this run do not end even when killed: {0}; they may be waiting for a disk or a network that is gone (`ps` shows state D); repair that, then run the command again"
    )]
    Undead(String),
    /// A run that another process keeps restarting.
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
            Self::Source(SourceError::Refused { .. }) => Exit::Refused,
            Self::Source(SourceError::Unreachable { .. } | SourceError::Strange { .. }) => {
                Exit::Transient
            }
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
            | Self::Journal(_) => Exit::Usage,
        }
    }
}

//! Why the bars of a ticker can't be built, and what to do about it.

use std::path::PathBuf;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::reader::ReadError;
use shared::disk::publish::DiskError;
use shared::market::bar::Mode;
use shared::market::security_days::NoSecurityDays;
use shared::market::ticker::Ticker;
use shared::run::exit::Exit;
use shared::series::proof::StateError;

use super::choice::ChoiceError;
use super::output::OutputError;
use super::source::error::SourceError;
use super::source::lacking::Lacking;
use crate::ingest::tally::{Consequence, Fatal, of_disk};
use crate::report::Trouble;

/// Why bars of a ticker can't be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The input.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The files.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The state of the series.
    #[error(transparent)]
    State(#[from] StateError),
    /// The series can't be specified for this ticker.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// Whose days are meant can't be told.
    #[error(transparent)]
    Security(#[from] NoSecurityDays),
    #[error("{ticker}: another process builds bars in {folder}: {by}", folder = folder.display())]
    Busy { ticker: Ticker, folder: PathBuf, by: String },
    #[error(
        "{folder}: these {mode} bars were built with {existing}; you asked for {asked}; --rebuild replaces them, another --outdir keeps both",
        folder = folder.display()
    )]
    OtherParameters { folder: PathBuf, mode: Mode, existing: String, asked: String },
    #[error(
        "{folder}: bars without a _state.json, so their parameters are unknown; --rebuild replaces them, another --outdir keeps them",
        folder = folder.display()
    )]
    Foreign { folder: PathBuf },
    #[error(
        "{ticker} {mode}: the bars cover {covered}; {gap} is missing between them and the range you asked for; include these days, or add --allow-gap"
    )]
    Gap { ticker: Ticker, mode: Mode, covered: Coverage, gap: DateRange },
    #[error("{0}")]
    Missing(Lacking),
    #[error(
        "{ticker} {mode}: {days} must be read again, but only {there} of the {had} trade files that these bars were built from are left; restore them, or use --rebuild to build from the rest"
    )]
    Forgotten { ticker: Ticker, mode: Mode, days: Coverage, had: u64, there: u64 },
    #[error(
        "{ticker} {mode}: the sums of these trades are larger than any number; a price or a size must be wrong"
    )]
    Overflow { ticker: Ticker, mode: Mode },
    #[error("stopped")]
    Stopped,
}

impl From<DiskError> for BuildError {
    fn from(error: DiskError) -> Self {
        Self::Output(error.into())
    }
}

impl From<ReadError> for BuildError {
    fn from(error: ReadError) -> Self {
        Self::Source(error.into())
    }
}

impl Fatal for BuildError {
    fn consequence(&self) -> Consequence {
        let for_good = |kind| Consequence::Ticker(Trouble::own_for_good(kind));
        match self {
            Self::Stopped => Consequence::Batch(Exit::Stopped),
            Self::Output(OutputError::Disk(error)) | Self::State(StateError::Disk(error)) => {
                of_disk(error)
            }
            Self::Busy { .. } => Consequence::Ticker(Trouble::own_for_now(
                "another process builds bars in its folder",
            )),
            Self::Source(error) => for_good(kind_of_source(error)),
            Self::Choice(error) => for_good(kind_of_choice(error)),
            Self::Security(_) => for_good("its security can't be told"),
            Self::Output(OutputError::Read(_)) => for_good("a file of bars can't be read"),
            Self::Output(OutputError::Short { .. }) => {
                for_good("bars are missing that its state counts")
            }
            Self::Output(OutputError::Stamp(_)) => {
                for_good("a timestamp is outside the market's years")
            }
            Self::State(StateError::Corrupt { .. }) => for_good(CORRUPT_STATE),
            Self::State(StateError::Foreign { .. }) => for_good("its state is that of other bars"),
            Self::State(StateError::Version { .. }) => for_good("its state is of another version"),
            Self::OtherParameters { .. } => for_good("its bars were built with other parameters"),
            Self::Foreign { .. } => for_good("its bars have no state"),
            Self::Gap { .. } => for_good("days are missing between its bars and the range"),
            Self::Missing(_) => for_good("the ledger does not prove sessions that are needed"),
            Self::Forgotten { .. } => for_good("files that its bars were built from are missing"),
            Self::Overflow { .. } => for_good("the sums of its trades are larger than any number"),
        }
    }
}

const CORRUPT_STATE: &str = "the state of its bars is corrupt";

fn kind_of_source(error: &SourceError) -> &'static str {
    match error {
        SourceError::Read(_) => "a file of its trades can't be read",
        SourceError::Descriptor(_) => "the description of the tree is corrupt",
        SourceError::Ledger(_) => "its ledger can't be used",
        SourceError::OtherKind { .. } => "the tree holds something else",
        SourceError::NothingProven { .. } => "none of its data is proven",
        SourceError::NoFolder { .. } => "it has no folder",
        SourceError::Unsorted { .. } => "its trades are not in time order",
        SourceError::UtcDays { .. } => "the days of its tree are UTC days",
        SourceError::OtherDay { .. } => "a trade is on another day than its file",
    }
}

fn kind_of_choice(error: &ChoiceError) -> &'static str {
    match error {
        ChoiceError::Adjust(_) => "its splits can't be used",
        ChoiceError::DailyMean(_) => "its daily bars give no target",
        ChoiceError::State(_) => CORRUPT_STATE,
        ChoiceError::AdjustedTwice(_) => "its prices are adjusted already",
        ChoiceError::OtherScale { .. } => "its daily bars are on another scale than its trades",
    }
}

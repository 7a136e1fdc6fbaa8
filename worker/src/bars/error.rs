//! Why bars of a ticker can't be built, and what to do about it.

use std::path::PathBuf;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::reader::ReadError;
use shared::disk::publish::DiskError;
use shared::market::bar::Mode;
use shared::market::ticker::Ticker;
use shared::run::exit::Exit;
use shared::series::proof::StateError;

use super::choice::ChoiceError;
use super::output::OutputError;
use super::source::error::SourceError;
use crate::ingest::tally::{Fatal, Verdict, of_disk};
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
    /// What is known of the series.
    #[error(transparent)]
    State(#[from] StateError),
    /// What is asked can't be made of this ticker.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// Somebody else builds bars of the ticker.
    #[error("{ticker}: another process builds bars in {folder}: {by}", folder = folder.display())]
    Busy {
        /// Whose.
        ticker: Ticker,
        /// Where.
        folder: PathBuf,
        /// Who.
        by: String,
    },
    /// The series was built in another way.
    #[error(
        "{folder}: these {mode} bars were built with {existing}; you ask for {asked}; --rebuild replaces them, another --outdir keeps both",
        folder = folder.display()
    )]
    OtherParameters {
        /// Of the series.
        folder: PathBuf,
        /// Its kind.
        mode: Mode,
        /// As it is.
        existing: String,
        /// As it was asked for.
        asked: String,
    },
    /// Bars that nobody vouches for.
    #[error(
        "{folder}: there are bars and no _state.json that says how they were made; --rebuild replaces them, another --outdir keeps them",
        folder = folder.display()
    )]
    Foreign {
        /// Of the series.
        folder: PathBuf,
    },
    /// Days between what is covered and what is asked.
    #[error(
        "{ticker} {mode}: the bars cover {covered}; between that and what you ask for lie {gap}; ask for these days too, or --allow-gap"
    )]
    Gap {
        /// Whose.
        ticker: Ticker,
        /// Of which kind.
        mode: Mode,
        /// So far.
        covered: Coverage,
        /// In between.
        gap: DateRange,
    },
    /// Sessions of which nobody knows what was traded.
    #[error(
        "{ticker}: the ledger does not prove {count} sessions that are needed ({days}); download them, or --allow-gap",
        count = days.days()
    )]
    Missing {
        /// Whose.
        ticker: Ticker,
        /// Which.
        days: Coverage,
    },
    /// Days that gave trades are to be read again, and some of their files are gone.
    #[error(
        "{ticker} {mode}: of {days}, which are to be read again, only {there} of the {had} files of trades are there that these bars were made of; bring them back, or --rebuild from what is there"
    )]
    Forgotten {
        /// Whose.
        ticker: Ticker,
        /// Of which kind.
        mode: Mode,
        /// To be read again.
        days: Coverage,
        /// Files with trades there were.
        had: u64,
        /// Files there are.
        there: u64,
    },
    /// A sum is no number any more.
    #[error(
        "{ticker} {mode}: the sums of these trades are larger than any number; a price or a size is wrong"
    )]
    Overflow {
        /// Whose.
        ticker: Ticker,
        /// Of which kind.
        mode: Mode,
    },
    /// Stopped by a signal; what was published before stays, the rest is as it was.
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
    fn verdict(&self) -> Verdict {
        let for_good = |kind| Verdict::Ticker(Trouble::own_for_good(kind));
        match self {
            Self::Stopped => Verdict::Batch(Exit::Stopped),
            Self::Output(OutputError::Disk(error)) | Self::State(StateError::Disk(error)) => of_disk(error),
            Self::Busy { .. } => {
                Verdict::Ticker(Trouble::own_for_now("another process builds bars in its folder"))
            }
            Self::Source(error) => for_good(kind_of_source(error)),
            Self::Choice(error) => for_good(kind_of_choice(error)),
            Self::Output(OutputError::Read(_)) => for_good("a file of bars can't be read"),
            Self::Output(OutputError::Short { .. }) => {
                for_good("bars are missing that its state goes on from")
            }
            Self::Output(OutputError::Stamp(_)) => for_good("a stamp is no time of the market"),
            Self::State(StateError::Corrupt { .. }) => for_good(CORRUPT_STATE),
            Self::OtherParameters { .. } => for_good("its bars were built with other parameters"),
            Self::Foreign { .. } => for_good("there are bars that no state vouches for"),
            Self::Gap { .. } => for_good("days lie between its bars and what is asked"),
            Self::Missing { .. } => for_good("the ledger does not prove sessions that are needed"),
            Self::Forgotten { .. } => for_good("files are gone that its bars were made of"),
            Self::Overflow { .. } => for_good("the sums of its trades are larger than any number"),
        }
    }
}

const CORRUPT_STATE: &str = "the state of its bars makes no sense";

fn kind_of_source(error: &SourceError) -> &'static str {
    match error {
        SourceError::Read(_) => "a file of its trades can't be read",
        SourceError::Descriptor(_) => "what the tree says of itself makes no sense",
        SourceError::Ledger(_) => "its ledger can't be used",
        SourceError::OtherKind { .. } => "the tree holds something else",
        SourceError::NothingProven { .. } => "nothing of it is proven",
        SourceError::NoFolder { .. } => "it has no folder",
        SourceError::Unsorted { .. } => "its trades are not in time order",
        SourceError::OtherDay { .. } => "a trade is not of the day of its file",
    }
}

fn kind_of_choice(error: &ChoiceError) -> &'static str {
    match error {
        ChoiceError::Adjust(_) => "its splits can't be used",
        ChoiceError::DailyMean(_) => "no target can be taken from its daily bars",
        ChoiceError::State(_) => CORRUPT_STATE,
        ChoiceError::AdjustedTwice(_) => "its prices are adjusted already",
        ChoiceError::OtherScale { .. } => "its daily bars are on another scale than its trades",
    }
}

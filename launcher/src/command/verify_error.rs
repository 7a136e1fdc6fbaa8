//! Why nothing can be verified.

use std::io;
use std::path::PathBuf;

use shared::market::trading_day::TradingDay;

use crate::plan::settings::SettingsError;
use crate::verify::adopt::survey::SurveyError;
use crate::verify::tree::TreeError;
use crate::verify::tree_kind::TreeKind;

/// Why nothing can be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// No tree was named.
    #[error(
        "nothing to verify was named: give --outdir DIR, --workdir DIR of a run, or --daily, \
         --minute, --trades, --bars"
    )]
    NoTree,
    /// A tree that can't be verified.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Two of one kind.
    #[error("two trees hold {0}: verify them one after the other")]
    Twice(TreeKind),
    /// Nobody says since when rows are expected.
    #[error("since when are rows expected? Give --from DATE")]
    NoFirstDay,
    /// No day to look at.
    #[error("no day from {from} to {to} is settled yet; choose an earlier --from")]
    NoDays {
        /// First.
        from: TradingDay,
        /// The last one asked about, or the last settled one.
        to: TradingDay,
    },
    /// The last day comes before the first one.
    #[error(transparent)]
    Days(SettingsError),
    /// Nobody says of which tickers something is expected, and no folder does.
    #[error(
        "no ticker: {root} has no folder of one (is the disk mounted?); give --tickers-csv",
        root = .root.display()
    )]
    NoTicker {
        /// The first tree.
        root: PathBuf,
    },
    /// A place that is not ours.
    #[error(
        "--html {path}: a file that is not a page of `launcher verify` is there; name another one"
    )]
    NoPage {
        /// As given.
        path: PathBuf,
    },
    /// A place that can't be looked at.
    #[error("--html {path}")]
    Page {
        /// As given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing, or more than one tree, to adopt.
    #[error("--adopt takes one tree: give --outdir DIR, or --daily, --minute or --trades DIR")]
    AdoptOneTree,
    /// A tree that is not adopted.
    #[error(transparent)]
    Adopt(SurveyError),
    /// A `--rule` that can't be set.
    #[error("--rule: {0}")]
    Rule(String),
}

//! How far a ticker has come, as told by what is on disk.

use shared::dataset::ledger::Summary;

use crate::plan::weights::OwnRows;

/// What the outdir says of one ticker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Every day asked for is proven.
    Proven(Summary),
    /// Some days are not.
    Short {
        /// Rows to be expected, if earlier ones tell.
        rows: Option<OwnRows>,
        /// What is proven all the same.
        proven: Summary,
    },
    /// No ledger exists.
    NoLedger,
    /// There is a ledger that can't be used.
    Unusable(String),
}

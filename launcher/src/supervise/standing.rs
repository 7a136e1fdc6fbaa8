//! How far a ticker has come, as told by what is on disk.

use shared::dataset::ledger::Summary;

/// What the outdir says of one ticker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Every day asked for is proven.
    Proven(Summary),
    /// Some days are not.
    Short {
        /// Rows that these days are likely to bring, if earlier ones tell.
        rows_expected: Option<u64>,
    },
    /// No ledger exists.
    NoLedger,
    /// There is a ledger that can't be used.
    Unusable(String),
}

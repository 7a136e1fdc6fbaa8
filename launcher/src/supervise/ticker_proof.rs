//! What the output proves about one ticker.

use std::error::Error;

use shared::dataset::ledger::Summary;
use shared::disk::shortage::Shortage;
use shared::run::events::Persistence;

use crate::plan::weights::OwnRows;

/// What the outdir says of one ticker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TickerProof {
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
    Unusable {
        /// Why.
        why: String,
        /// May a later look find it usable?
        persistence: Persistence,
    },
}

impl TickerProof {
    /// What a look that failed like this tells. What this machine had too little of for it is no fault of the ledger.
    pub fn unusable(error: &(dyn Error + 'static)) -> Self {
        let persistence = match Shortage::behind(error) {
            Some(_) => Persistence::Transient,
            None => Persistence::Permanent,
        };
        Self::Unusable { why: error.to_string(), persistence }
    }
}

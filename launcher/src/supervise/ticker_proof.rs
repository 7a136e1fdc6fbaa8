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
        /// The rows to be expected, if earlier ones tell.
        rows: Option<OwnRows>,
        /// What is proven so far.
        proven: Summary,
    },
    /// No ledger exists.
    NoLedger,
    /// There is a ledger that can't be used.
    Unusable {
        why: String,
        /// May a later look find it usable?
        persistence: Persistence,
    },
}

impl TickerProof {
    /// What is proven, all or in part.
    pub fn summary(&self) -> Summary {
        match self {
            Self::Proven(summary) | Self::Short { proven: summary, .. } => *summary,
            Self::NoLedger | Self::Unusable { .. } => Summary::default(),
        }
    }

    /// The proof after such an error. A shortage of this machine may pass; another error stays.
    pub fn unusable(error: &(dyn Error + 'static)) -> Self {
        let persistence = match Shortage::behind(error) {
            Some(_) => Persistence::Transient,
            None => Persistence::Permanent,
        };
        Self::Unusable { why: error.to_string(), persistence }
    }
}

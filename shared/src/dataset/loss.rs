//! Losses: what a file held that is gone, or that no line describes, remembered until the source
//! has sent it again. Pure.
//!
//! Damage to a file does not make its days believed to have fewer rows. The source has to send as
//! many as there were, or the same fewer rows once more a day later.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answers::RECHECK_AFTER;
use super::coverage::Coverage;

/// What was proven of a partition when its file was lost, or what a file without a line held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The days whose rows were in it.
    pub days: Coverage,
    /// How many rows.
    pub rows: u64,
    /// How many the source has sent again so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub found: u64,
    /// First and last stamp of the files that held them, in the unit of their rows; `None` where
    /// that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamps: Option<(i64, i64)>,
    /// How many of the rows that came lie beyond these stamps: they are none of the lost rows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub elsewhere: u64,
    /// A file with fewer rows that the source has sent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
}

/// Fewer rows than there were, as they came once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// SHA-256 of the file that they made.
    pub sha256: String,
    /// Since when the source says so (UTC).
    pub since: Timestamp,
}

/// The outcome of a loss once all its days are answered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Every row is there again, or the source has confirmed fewer.
    Made,
    /// It brought fewer rows than there were.
    Short(Loss),
}

impl Loss {
    /// A loss of no rows.
    pub fn nothing() -> Self {
        Self {
            days: Coverage::empty(),
            rows: 0,
            found: 0,
            stamps: None,
            elsewhere: 0,
            witness: None,
        }
    }

    /// How many of the rows that came may be lost rows.
    pub fn came_back(&self) -> u64 {
        self.found.saturating_sub(self.elsewhere)
    }

    /// The stamps of all lost files, if another one with rows between `stamps` is lost too.
    pub fn stamps_with(&self, stamps: (i64, i64)) -> Option<(i64, i64)> {
        match self.stamps {
            Some((first, last)) => Some((first.min(stamps.0), last.max(stamps.1))),
            None => Some(stamps).filter(|_| self.rows == 0),
        }
    }

    /// All of its days were answered for at `asked_at`, and the rows that came are in a file with
    /// this SHA-256, if any came.
    pub fn settle(mut self, sha256: Option<&str>, asked_at: Timestamp) -> Settled {
        if self.came_back() >= self.rows {
            return Settled::Made;
        }
        let known = self.witness.take();
        self.witness = match (known, sha256) {
            (Some(known), Some(sha256)) if known.sha256 == sha256 => {
                let stood_by = asked_at.duration_since(known.since) >= RECHECK_AFTER;
                if stood_by && self.found > 0 {
                    return Settled::Made;
                }
                // A clock that was ahead must not delay this for ever.
                Some(Witness { since: known.since.min(asked_at), ..known })
            }
            (_, Some(sha256)) if self.found > 0 => {
                Some(Witness { sha256: sha256.to_owned(), since: asked_at })
            }
            (_, Some(_) | None) => None,
        };
        Settled::Short(self)
    }

    /// There is an intact file in the place of the lost one, as a crash before its ledger line
    /// leaves it. If the source sends exactly that file, it has confirmed it twice.
    pub fn take_witness(&mut self, sha256: String) {
        self.witness.get_or_insert(Witness { sha256, since: Timestamp::UNIX_EPOCH });
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

//! Compares the bytes of files that are as long as recorded, and are not found with the time and
//! inode with which their bytes were known: somebody has written to them, or copied them. So does
//! every run that looks at them. A tree that was copied has too many for a look at its ledgers.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use shared::dataset::seen::Sighting;
use shared::market::ticker::Ticker;

use crate::verify::evidence::{Evidence, Sound};

/// So many bytes are compared in one survey, and no more.
const BYTES_MAX: u64 = 256 << 20;

/// What a survey has compared so far.
#[derive(Debug, Default)]
pub(super) struct Compared {
    bytes: AtomicU64,
    /// Files that were too many to be compared.
    left: AtomicU64,
}

impl Compared {
    /// Files whose bytes were not compared.
    pub(super) fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// The files of `ticker` on `days` that are not what was written, with what is wrong with them.
    pub(super) fn damaged(
        &self,
        (root, kind): (&Path, Kind),
        ticker: &Ticker,
        evidence: &Evidence,
        days: DateRange,
    ) -> Vec<(Partition, String)> {
        let is_unlike = |it: &Sound<'_>| {
            let seen = it.record.file.as_ref().map(|file| file.seen);
            seen != Some(Sighting::Unsaid)
                && !it.is_as_recorded
                && it.record.partition.span().intersection(days).is_some()
        };
        let mut wanted = Vec::new();
        for sound in evidence.sound().filter(is_unlike) {
            let bytes = sound.record.file.as_ref().map_or(0, |file| file.bytes);
            if self.bytes.fetch_add(bytes, Ordering::Relaxed) < BYTES_MAX {
                wanted.push(sound.record.partition);
            } else {
                self.left.fetch_add(1, Ordering::Relaxed);
            }
        }
        let spans = wanted.iter().map(|partition| partition.span()).collect::<Coverage>();
        let mut damaged = Vec::new();
        for days in spans.ranges() {
            let Ok(ledger) = Ledger::read_of(root, kind, ticker, *days) else { continue };
            let within = ledger.damaged().filter(|(partition, _)| wanted.contains(partition));
            damaged.extend(within.map(|(partition, damage)| (partition, damage.what.clone())));
        }
        damaged
    }
}

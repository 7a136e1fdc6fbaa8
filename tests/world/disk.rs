//! The disk: per ticker the files and the lines of the ledger, as bytes would tell them, and what
//! may happen to them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use shared::dataset::answers::Said;
use shared::dataset::coverage::DateRange;
use shared::dataset::ledger::{Damage, Entry, Ledger};
use shared::dataset::merge::DatedBar;
use shared::dataset::partition::Partition;
use shared::dataset::writer::Fingerprint;
use shared::market::trading_day::TradingDay;
use tests::sim::chance::{Dice, join, mix};

use super::scenario::below;

/// A file of rows.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// What it says.
    pub(crate) rows: Vec<DatedBar>,
    /// Its end is cut off: shorter, and no reader takes it.
    pub(crate) is_cut: bool,
}

impl File {
    /// Length and hash; a file of as many rows has the same length, whatever they say.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let bytes = if self.is_cut { 7 } else { 100 + 8 * self.rows.len() as u64 };
        let of_row = |hash, row: &DatedBar| {
            join(
                hash,
                row.bar.t.unsigned_abs() ^ mix(row.bar.volume.to_bits()) ^ row.bar.open.to_bits(),
            )
        };
        let hash = self.rows.iter().fold(u64::from(self.is_cut), of_row);
        Fingerprint { bytes, sha256: format!("{hash:016x}") }
    }
}

/// The folder of one ticker.
#[derive(Debug, Clone, Default)]
pub(crate) struct Folder {
    /// Its files.
    pub(crate) files: BTreeMap<Partition, File>,
    /// Its ledger.
    pub(crate) lines: Vec<Entry>,
}

impl Folder {
    /// What the ledger proves.
    pub(crate) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::of_lines(self.lines.clone(), |entry| {
            let said = entry.file.as_ref()?.fingerprint.bytes;
            let found = self.files.get(&entry.partition).map(|file| file.fingerprint().bytes);
            let what = match found {
                Some(found) if found == said => return None,
                Some(found) => format!("{found} bytes where the ledger says {said}"),
                None => "no such file".to_owned(),
            };
            Some(Damage { path: PathBuf::new(), what })
        });
        ledger.doubt_where(|partition| self.files.contains_key(&partition));
        ledger
    }

    /// A day whose rows stand in a file while the ledger calls it empty.
    pub(crate) fn denied(&self, days: DateRange) -> Option<TradingDay> {
        let ledger = self.ledger();
        let mut rows = self.files.iter().flat_map(|(partition, file)| {
            let empty =
                ledger.answers(*partition).days(|answer| matches!(answer.said, Said::Empty { .. }));
            let is_denied = move |day: &TradingDay| days.contains(*day) && empty.contains(*day);
            file.rows.iter().filter(|_| !file.is_cut).map(|row| row.date).filter(is_denied)
        });
        rows.next()
    }

    /// The rows that any reader of the tree finds of `day`.
    pub(crate) fn rows_of(&self, day: TradingDay) -> Vec<DatedBar> {
        let readable = self.files.values().filter(|file| !file.is_cut);
        readable.flat_map(|file| &file.rows).filter(|row| row.date == day).copied().collect()
    }

    /// Does any reader find rows in the file of the partition of `day`?
    pub(crate) fn has_rows_around(&self, day: TradingDay) -> bool {
        let mut files = self.files.iter().filter(|(partition, _)| partition.span().contains(day));
        files.any(|(_, file)| !file.is_cut)
    }

    /// Partitions whose files were readable `before` and are not any more.
    pub(crate) fn lost_since(&self, before: &Self) -> Vec<Partition> {
        let is_lost = |(partition, file): &(&Partition, &File)| {
            !file.is_cut && self.files.get(partition).is_none_or(|now| now.is_cut)
        };
        before.files.iter().filter(is_lost).map(|(partition, _)| *partition).collect()
    }

    /// Something bad happens to it; says what.
    pub(crate) fn suffer(&mut self, dice: &mut Dice) -> Option<String> {
        let at = below(dice, self.files.len().max(1));
        let partition = self.files.keys().nth(at).copied();
        match (dice.below(8), partition) {
            (0..=3, Some(partition)) => {
                self.files.remove(&partition);
                Some(format!("{partition} is deleted"))
            }
            (4 | 5, Some(partition)) => {
                self.files.get_mut(&partition)?.is_cut = true;
                Some(format!("{partition} is cut"))
            }
            (6, _) => {
                self.lines.pop()?;
                Some("the last line of its ledger is torn off".to_owned())
            }
            (_, _) if !self.lines.is_empty() => {
                self.lines.clear();
                Some("its ledger is deleted".to_owned())
            }
            _ => None,
        }
    }
}

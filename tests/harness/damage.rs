//! Planted damage: a tree as a disk, a person or an older program may leave it.

use std::fs;
use std::path::Path;

use shared::dataset::entry::{Entry, FileProof};
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::merge::DatedBar;
use shared::dataset::partition::Partition;
use shared::dataset::reader;
use shared::dataset::seen::Seen;
use shared::dataset::writer::{Fingerprint, publish_bars};
use shared::disk::checked_lines;
use shared::disk::publish::Draft;
use shared::market::ticker::Ticker;
use shared::market::zone::Zone;

/// Rewrites every line of the ledger of `ticker`; those that become nothing are left out.
pub fn rewrite_ledger(
    outdir: &Path,
    ticker: &Ticker,
    mut change: impl FnMut(Entry) -> Option<Entry>,
) {
    let path = Ledger::path(outdir, ticker);
    let entries: Vec<Entry> = checked_lines::read(&path).expect("a ledger").entries;
    let lines: String = entries
        .into_iter()
        .filter_map(|entry| change(entry).map(|entry| checked_lines::encode(&entry)))
        .collect();
    fs::write(path, lines).expect("written");
}

/// The bars of `partition` as `change` makes them, with a ledger line that proves the file byte by
/// byte: only its rows tell that something is wrong.
pub fn rewrite_bars(
    outdir: &Path,
    ticker: &Ticker,
    partition: Partition,
    change: impl FnOnce(&mut Vec<DatedBar>),
) {
    let kind = partition.kind();
    assert_ne!(kind, Kind::Trades, "trades are no bars");
    let path = partition.file(outdir, ticker, kind);
    let mut rows = reader::read_bars(&path, kind, ticker).expect("a sound file");
    change(&mut rows);
    let draft = Draft::create(&path).expect("begun");
    let made = publish_bars(draft, kind, Zone::NewYork, ticker, &rows).expect("published");
    prove(outdir, ticker, partition, &made, rows.len() as u64);
}

/// Makes the ledger line of `partition` prove the file that stands there now.
pub fn prove(outdir: &Path, ticker: &Ticker, partition: Partition, made: &Fingerprint, rows: u64) {
    let path = partition.file(outdir, ticker, partition.kind());
    rewrite_ledger(outdir, ticker, |mut entry| {
        if entry.partition == partition {
            let before = entry.file.take().expect("a partition with rows");
            let seen = Some(Seen::at(&path).expect("there"));
            entry.file = Some(FileProof { rows, seen, fingerprint: made.clone(), ..before });
        }
        Some(entry)
    });
}

//! Promise: a full disk stops the worker with one clear sentence and harms nothing; once there is
//! room, --resume completes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use shared::dataset::kind::Kind;
use tests::harness::place::{Place, days};
use tests::harness::program::{Ended, run};
use tests::harness::{tree, truth};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

/// A small disk of its own, gone after the test.
struct SmallDisk {
    root: PathBuf,
}

impl SmallDisk {
    /// Mounted in `place`; `None`, with a word, where this may not be done.
    fn mount(place: &Place, kib: usize) -> Option<Self> {
        let root = place.outdir();
        fs::create_dir(&root).expect("made");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"]).arg(&root);
        match mount.output() {
            Ok(ended) if ended.status.success() => Some(Self { root }),
            why => {
                eprintln!("skipped: no disk of its own may be mounted here ({why:?})");
                None
            }
        }
    }

    /// A file that takes so much of the room away.
    fn fill(&self, kib: usize) {
        fs::write(self.filler(), vec![1; kib << 10]).expect("the filler fits");
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).expect("there was a filler");
    }

    fn filler(&self) -> PathBuf {
        self.root.join("_filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a worker that a failed assertion has just killed may still hold a file.
        let unmounted = Command::new("umount").arg("-l").arg(&self.root).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} could not be unmounted", self.root.display());
        }
    }
}

/// The worker met the full disk and said so.
#[track_caller]
fn met_a_full_disk(ended: Ended, place: &Place) {
    let said = ended.expect_code(13).stderr;
    let words = "No space left on device (os error 28)";
    let line = said.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains(&place.outdir().display().to_string()), "the path is named: {line}");
}

/// Downloads `kind` onto a disk that is full at different points, makes room, and goes on.
fn comes_through(kind: Kind, from: &str, to: &str) {
    let config =
        Config::synthetic(11).with_tickers(4).with_elephant_trades(4_000).with_page_rows_max(2_000);
    let exchange = Exchange::start(config).expect("started");
    let asked = days(from, to);
    let ticker = truth::universe(&exchange, 1).remove(0);
    let undisturbed = Place::with_tickers([ticker.as_str()]);
    run(&mut undisturbed.worker_of(kind, &exchange.base_url(), asked)).expect_code(0);
    let expected = tree::parquet_bytes(&undisturbed.outdir());
    let needed_kib: usize = expected.values().map(|bytes| bytes.len().div_ceil(4096) * 4).sum();

    let place = Place::with_tickers([ticker.as_str()]);
    let kib = 2 * needed_kib + 64;
    let Some(disk) = SmallDisk::mount(&place, kib) else { return };
    let worker = || {
        let mut worker = place.worker_of(kind, &exchange.base_url(), asked);
        run(worker.arg("--resume"))
    };
    let mut proven_before = 0;
    let mut rounds = Vec::new();
    // Room in KiB: for nothing at all, for the descriptor, for the ledger, and for more and more of
    // the files.
    for room in [0, 4, 8].into_iter().chain((1..=8).map(|tenths| 8 + needed_kib * tenths / 10)) {
        disk.fill(kib - room);
        met_a_full_disk(worker(), &place);
        assert_eq!(tree::strays(&place.outdir()), [] as [PathBuf; 0], "nothing half written");
        let found = tree::parquet_bytes(&place.outdir());
        for (path, bytes) in &found {
            assert!(expected.get(path) == Some(bytes), "{} is whole or absent", path.display());
        }
        // A file whose line did not fit any more is whole all the same, and asked for again.
        let proven = tree::proven_files(&place.outdir(), kind, &ticker);
        assert!(
            proven.len() >= proven_before && proven.len() + 1 >= found.len(),
            "{} of {found:?}",
            proven.len()
        );
        proven_before = proven.len();
        rounds.push(proven.len());
        disk.make_room();
    }
    eprintln!(
        "{kind}: {needed_kib} KiB in {} files; proven when the disk was full: {rounds:?}",
        expected.len()
    );
    assert!(0 < proven_before && proven_before < expected.len(), "full in the middle: {rounds:?}");
    worker().expect_code(0);
    assert_eq!(tree::parquet_bytes(&place.outdir()), expected, "as if nothing had happened");
    assert!(tree::is_proven(&place.outdir(), kind, &ticker, asked));
    assert_eq!(tree::proven_files(&place.outdir(), kind, &ticker).len(), expected.len());
    assert_eq!(tree::strays(&place.outdir()), [] as [PathBuf; 0]);
}

#[test]
fn minutes_on_a_full_disk_are_whole_or_absent_and_completed_once_there_is_room() {
    comes_through(Kind::Minute, "2023-01-03", "2024-06-28");
}

#[test]
fn trades_on_a_full_disk_are_whole_or_absent_and_completed_once_there_is_room() {
    comes_through(Kind::Trades, "2024-01-02", "2024-01-26");
}

//! Looks at a dataset on disk as a user would: files, rows, ledgers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{Ledger, Trust};
use shared::dataset::reader;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;

/// Every file below `root`, sorted.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(folder) = pending.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("listed").path();
            if path.is_dir() { pending.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Files that a crash left behind.
pub fn strays(root: &Path) -> Vec<PathBuf> {
    let is_stray = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "tmp");
    files(root).into_iter().filter(is_stray).collect()
}

/// The bytes of every Parquet file by its path below `root`.
pub fn parquet_bytes(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let is_parquet = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "parquet");
    let entry = |path: PathBuf| {
        let name = path.strip_prefix(root).expect("below the root").to_owned();
        (name, fs::read(&path).expect("read"))
    };
    files(root).into_iter().filter(is_parquet).map(entry).collect()
}

/// Every daily row of `ticker` on disk, in file order; checks that each row is in the folder of its year.
pub fn daily_rows(outdir: &Path, ticker: &Ticker) -> Vec<Ohlcv> {
    let mut rows = Vec::new();
    for path in files(&outdir.join(ticker.as_str())) {
        if path.file_name().is_some_and(|name| name == Kind::Daily.file_name()) {
            let year = path.parent().and_then(Path::file_name).expect("a partition folder").to_owned();
            for row in reader::read_daily(&path, ticker).expect("a sound file") {
                assert_eq!(year.to_string_lossy(), format!("year={}", row.date.year()), "{}", path.display());
                rows.push(row.bar);
            }
        }
    }
    rows
}

/// Does the ledger of `ticker` prove every day of `asked`?
pub fn is_proven(outdir: &Path, ticker: &Ticker, asked: DateRange) -> bool {
    let trust = Trust { now: jiff::Timestamp::now(), since: None, recheck_empty: 0 };
    let ledger = Ledger::read(outdir, Kind::Daily, ticker).expect("a sound ledger");
    ledger.missing(asked, &trust).is_empty()
}

//! Looks at a dataset on disk as a user would: files, rows, ledgers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use shared::dataset::reader;
use shared::dataset::trust::Trust;
use shared::dataset::writer::Fingerprint;
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

/// The bytes of every file by its path below `root`.
pub fn bytes(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entry = |path: PathBuf| {
        let name = path.strip_prefix(root).expect("below the root").to_owned();
        (name, fs::read(&path).expect("read"))
    };
    files(root).into_iter().map(entry).collect()
}

/// The bytes of every Parquet file by its path below `root`.
pub fn parquet_bytes(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let is_parquet = |path: &Path| path.extension().is_some_and(|extension| extension == "parquet");
    bytes(root).into_iter().filter(|(path, _)| is_parquet(path)).collect()
}

/// Every bar of `kind` and `ticker` on disk, in file order; checks that each row is in the folder
/// of its partition.
pub fn bars(outdir: &Path, kind: Kind, ticker: &Ticker) -> Vec<Ohlcv> {
    let mut rows = Vec::new();
    for (partition, path) in partition_files(outdir, kind, ticker) {
        for row in reader::read_bars(&path, kind, ticker).expect("a sound file") {
            assert_eq!(partition, Partition::of(kind, row.date), "{}", path.display());
            rows.push(row.bar);
        }
    }
    rows
}

/// Every daily row of `ticker` on disk, in file order.
pub fn daily_rows(outdir: &Path, ticker: &Ticker) -> Vec<Ohlcv> {
    bars(outdir, Kind::Daily, ticker)
}

/// Stamp, price and size of a trade.
pub type Print = (i64, f64, f64);

/// Every trade of `ticker` on disk, in file order; checks that its labels are those of its
/// partition.
pub fn trades(outdir: &Path, ticker: &Ticker) -> Vec<Print> {
    let mut rows = Vec::new();
    for (partition, path) in partition_files(outdir, Kind::Trades, ticker) {
        let file = fs::File::open(&path).expect("opened");
        // Whatever another writer calls its types.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .and_then(ParquetRecordBatchReaderBuilder::build);
        for batch in reader.expect("a Parquet file") {
            let batch = batch.expect("read");
            let column = |name: &str| batch.column_by_name(name).expect(name);
            let (tickers, days) =
                (column("ticker").as_string::<i32>(), column("day").as_string::<i32>());
            let stamps = column("sip_ts").as_primitive::<Int64Type>();
            let [prices, sizes] =
                ["price", "size"].map(|name| column(name).as_primitive::<Float64Type>());
            for row in 0..batch.num_rows() {
                assert_eq!(tickers.value(row), ticker.as_str(), "{}", path.display());
                assert_eq!(
                    days.value(row),
                    partition.span().from().to_string(),
                    "{}",
                    path.display()
                );
                rows.push((stamps.value(row), prices.value(row), sizes.value(row)));
            }
        }
    }
    rows
}

fn partition_files(outdir: &Path, kind: Kind, ticker: &Ticker) -> Vec<(Partition, PathBuf)> {
    let folder = outdir.join(ticker.as_str());
    let partition_of = |path: PathBuf| {
        let name = path.parent()?.strip_prefix(&folder).ok()?.to_str()?.to_owned();
        let named_well = path.file_name().is_some_and(|file| file == kind.file_name());
        Some((name.parse().ok().filter(|_| named_well)?, path))
    };
    files(&folder).into_iter().filter_map(partition_of).collect()
}

/// Paths below `outdir` of the files that the ledger of `ticker` proves byte by byte, sorted.
pub fn proven_files(outdir: &Path, kind: Kind, ticker: &Ticker) -> Vec<PathBuf> {
    let ledger = Ledger::read(outdir, kind, ticker).expect("a sound ledger");
    assert_eq!(ledger.damaged().count(), 0, "every file that a line describes is there");
    let is_proven = |(partition, path): (Partition, PathBuf)| {
        let found = Fingerprint::of_file(&path).expect("read");
        let name = path.strip_prefix(outdir).expect("below the root").to_owned();
        ledger.file(partition).is_some_and(|proof| proof.fingerprint == found).then_some(name)
    };
    let mut files: Vec<_> =
        partition_files(outdir, kind, ticker).into_iter().filter_map(is_proven).collect();
    files.sort();
    files
}

/// The label of every minute of `ticker` on disk, in file order.
pub fn minute_labels(outdir: &Path, ticker: &Ticker) -> Vec<String> {
    let mut labels = Vec::new();
    for (_, path) in partition_files(outdir, Kind::Minute, ticker) {
        let table = reader::read_table(&path).expect("a sound file");
        let column = table.column_by_name("minute").expect("a column").as_string::<i32>();
        labels.extend(column.iter().flatten().map(str::to_owned));
    }
    labels
}

/// Does the ledger of `ticker` prove every day of `asked`?
pub fn is_proven(outdir: &Path, kind: Kind, ticker: &Ticker, asked: DateRange) -> bool {
    let trust = Trust::at(jiff::Timestamp::now(), 0);
    let ledger = Ledger::read(outdir, kind, ticker).expect("a sound ledger");
    ledger.missing(asked, &trust).is_empty()
}

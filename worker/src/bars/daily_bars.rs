//! The daily bars of a ticker that are proven by its ledger.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::descriptor::{self, Adjusted, DescriptorError};
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{Ledger, LedgerError};
use shared::dataset::merge::DatedBar;
use shared::dataset::partition::Partition;
use shared::dataset::reader::{self, ReadError};
use shared::disk::publish::DiskError;
use shared::market::security_days::SecurityDays;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

/// Daily bars and their scale.
#[derive(Debug, Clone, PartialEq)]
pub struct DailyBars {
    /// Sorted by day, each day once.
    pub bars: Vec<DatedBar>,
    /// The scale of prices and volumes; `None` if the tree does not tell.
    pub adjusted: Option<Adjusted>,
}

/// Why daily bars can't be read.
#[derive(Debug, thiserror::Error)]
pub enum DailyBarsError {
    /// A folder can't be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The ledger is unusable.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file of bars is unusable.
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{path}: this is not a tree of daily bars ({what}); --daily-root needs one", path = path.display())]
    NotDaily { path: PathBuf, what: String },
}

/// The daily bars of `ticker` in the tree `root` with a date before `before`. No bars is not an
/// error.
///
/// Only days that the ledger proves count; a file that differs from its ledger line proves none. In
/// a tree without `_dataset.json` and without a ledger of the ticker, every bar on disk counts.
pub fn read_before(
    root: &Path,
    ticker: &Ticker,
    before: TradingDay,
) -> Result<DailyBars, DailyBarsError> {
    let adjusted = scale_of(root)?;
    let known = match proof(root, ticker, adjusted)? {
        Some(ledger) => proven(&ledger, before),
        None => on_disk(root, ticker, before)?,
    };
    let counts = |day| day < before && known.days.as_ref().is_none_or(|days| days.contains(day));
    let mut bars = Vec::new();
    for partition in known.partitions {
        let rows =
            reader::read_bars(&partition.file(root, ticker, Kind::Daily), Kind::Daily, ticker)?;
        bars.extend(rows.into_iter().filter(|row| counts(row.date)));
    }
    Ok(DailyBars { bars, adjusted })
}

/// The same of a security: of each symbol the bars of its days.
pub fn read_security_before(
    root: &Path,
    of: &SecurityDays,
    before: TradingDay,
) -> Result<DailyBars, DailyBarsError> {
    let mut all = DailyBars { bars: Vec::new(), adjusted: scale_of(root)? };
    for symbol in &of.symbols {
        let (from, to) = symbol.ends();
        let read = read_before(root, &symbol.ticker, before)?;
        all.bars.extend(read.bars.into_iter().filter(|row| from <= row.date && row.date <= to));
    }
    Ok(all)
}

/// The files to read, in time order, and their days that count.
struct Known {
    partitions: Vec<Partition>,
    /// `None`: every day.
    days: Option<Coverage>,
}

fn scale_of(root: &Path) -> Result<Option<Adjusted>, DailyBarsError> {
    let not_daily = |path, what| Err(DailyBarsError::NotDaily { path, what });
    match descriptor::read(root) {
        Ok(Some(tree)) if tree.kind != Kind::Daily => {
            not_daily(root.join("_dataset.json"), format!("it holds {} data", tree.kind))
        }
        Ok(tree) => Ok(tree.map(|tree| tree.adjusted)),
        Err(DescriptorError::Disk(error)) => Err(error.into()),
        Err(
            DescriptorError::Corrupt { path, what }
            | DescriptorError::Mismatch { path, existing: what, .. },
        ) => not_daily(path, what),
    }
}

/// The ledger; `None` in a tree without ledgers.
fn proof(
    root: &Path,
    ticker: &Ticker,
    described: Option<Adjusted>,
) -> Result<Option<Ledger>, DailyBarsError> {
    match described {
        Some(_) => Ok(Some(Ledger::read(root, Kind::Daily, ticker)?)),
        None => Ok(Ledger::read_if_there(root, Kind::Daily, ticker)?),
    }
}

fn proven(ledger: &Ledger, before: TradingDay) -> Known {
    let days = ledger.answered();
    let earlier = DateRange::new(TradingDay::MIN, before.previous());
    let span = days.hull().zip(earlier).and_then(|(hull, earlier)| hull.intersection(earlier));
    let partitions = span.into_iter().flat_map(|span| Partition::within(Kind::Daily, span));
    let partitions = partitions.filter(|partition| ledger.file(*partition).is_some()).collect();
    Known { partitions, days: Some(days) }
}

fn on_disk(root: &Path, ticker: &Ticker, before: TradingDay) -> Result<Known, DailyBarsError> {
    let folder = root.join(ticker.as_str());
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Known { partitions: Vec::new(), days: None });
        }
        Err(error) => return Err(DiskError::at("list", &folder)(error).into()),
    };
    let mut partitions = Vec::new();
    for entry in entries {
        let name = entry.map_err(DiskError::at("list", &folder))?.file_name();
        let partition = name.to_str().and_then(|name| name.parse::<Partition>().ok());
        let Some(partition @ Partition::Year(_)) = partition else { continue };
        let file = partition.file(root, ticker, Kind::Daily);
        if partition.span().from() < before
            && file.try_exists().map_err(DiskError::at("look at", &file))?
        {
            partitions.push(partition);
        }
    }
    partitions.sort_unstable();
    Ok(Known { partitions, days: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spelled::day;
    use jiff::Timestamp;
    use shared::dataset::answers::Said;
    use shared::dataset::kind::Columns;
    use shared::dataset::ledger::{Entry, FileProof};
    use shared::dataset::open_ledger::OpenLedger;
    use shared::dataset::writer;
    use shared::disk::publish::Draft;
    use shared::market::ohlcv::Ohlcv;
    use shared::market::zone::Zone;

    fn ticker() -> Ticker {
        "AIG".parse().expect("a ticker")
    }

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        fn put(&self, days: &[&str]) -> FileProof {
            let bar = |on: &&str| {
                let (date, volume) = (day(on), 1.0);
                let t = date.start_utc_ms();
                let bar = Ohlcv {
                    t,
                    open: 1.0,
                    high: 1.0,
                    low: 1.0,
                    close: 1.0,
                    volume,
                    trades: None,
                    vwap: None,
                };
                DatedBar { date, bar }
            };
            let rows: Vec<DatedBar> = days.iter().map(bar).collect();
            let file = Partition::of(Kind::Daily, rows[0].date).file(
                self.0.path(),
                &ticker(),
                Kind::Daily,
            );
            let fingerprint = writer::publish_bars(
                Draft::create(&file).expect("begun"),
                Kind::Daily,
                Zone::NewYork,
                &ticker(),
                &rows,
            );
            let (first, last) = (rows[0].bar.t, rows[rows.len() - 1].bar.t);
            FileProof::new(rows.len() as u64, first, last, fingerprint.expect("published"))
        }

        fn prove(&self, from: &str, to: &str, file: FileProof) {
            let days = DateRange::new(day(from), day(to)).expect("in order");
            let mut entry = Entry::new(&ticker(), Partition::of(Kind::Daily, days.from()));
            entry.answers.record(days, Said::Data, Timestamp::UNIX_EPOCH);
            entry.file = Some(file);
            let mut ledger =
                OpenLedger::open(self.0.path(), Kind::Daily, &ticker(), days).expect("opened");
            ledger.commit(vec![entry]).expect("committed");
        }

        fn describe(&self, kind: Kind) {
            let (columns, zone) = (Columns::Narrow, Zone::NewYork);
            let tree =
                descriptor::Descriptor::new(kind, Adjusted::Yes, columns, zone, "massive.com");
            descriptor::claim(self.0.path(), &tree).expect("claimed");
        }

        fn days(&self, before: &str) -> Vec<String> {
            let read = read_before(self.0.path(), &ticker(), day(before)).expect("read");
            read.bars.iter().map(|row| row.date.to_string()).collect()
        }
    }

    #[test]
    fn a_tree_that_never_had_a_ledger_is_read_by_what_is_on_disk_up_to_the_day_before() {
        let tree = Tree::new();
        assert!(tree.days("2024-01-01").is_empty(), "no folder");
        tree.put(&["2023-01-03", "2023-01-04"]);
        tree.put(&["2022-12-30"]);
        tree.put(&["2024-01-02"]);
        assert_eq!(tree.days("2023-01-04"), ["2022-12-30", "2023-01-03"]);
        assert_eq!(tree.days("2024-01-03").len(), 4);
        assert!(tree.days("1970-01-01").is_empty());
    }

    #[test]
    fn a_bar_whose_day_the_ledger_does_not_prove_is_not_used() {
        let tree = Tree::new();
        tree.put(&["2022-12-30"]);
        let file = tree.put(&["2023-01-03", "2023-01-04", "2023-01-05"]);
        tree.prove("2023-01-04", "2023-01-31", file.clone());
        assert_eq!(
            tree.days("2023-01-05"),
            ["2023-01-04"],
            "a file without a line, a day without an answer"
        );
        let fingerprint = writer::Fingerprint { bytes: 1, ..file.fingerprint.clone() };
        tree.prove("2023-01-04", "2023-01-31", FileProof { fingerprint, ..file });
        assert!(tree.days("2024-01-01").is_empty(), "a file that is not what its line says");
    }

    #[test]
    fn in_a_tree_with_a_descriptor_a_missing_ledger_proves_nothing() {
        let tree = Tree::new();
        let file = tree.put(&["2022-12-30"]);
        tree.describe(Kind::Daily);
        assert!(tree.days("2023-01-01").is_empty());
        tree.prove("2022-12-01", "2022-12-31", file);
        let read = read_before(tree.0.path(), &ticker(), day("2023-01-01")).expect("read");
        assert_eq!((read.bars.len(), read.adjusted), (1, Some(Adjusted::Yes)));
    }

    #[test]
    fn a_tree_of_other_data_is_refused() {
        let tree = Tree::new();
        tree.describe(Kind::Minute);
        let error = read_before(tree.0.path(), &ticker(), day("2023-01-01"))
            .expect_err("minutes")
            .to_string();
        assert!(error.ends_with("_dataset.json: this is not a tree of daily bars (it holds minute data); --daily-root needs one"), "{error}");
    }
}

//! What storing needs to know of a row, be it a bar or a trade: how rows become the file of a
//! partition.

use std::ops::Range;
use std::path::PathBuf;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::entry::FileProof;
use shared::dataset::kind::{Columns, Kind};
use shared::dataset::partition::Partition;
use shared::dataset::reader::ReadError;
use shared::disk::folder::Folder;
use shared::disk::publish::DiskError;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::market::zone::{DayFinder, Zone};

use crate::api::wire::Record;

/// Where the rows of one ticker go.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Root of the dataset.
    pub outdir: PathBuf,
    /// What rows.
    pub kind: Kind,
    /// In which zone days are counted.
    pub zone: Zone,
    /// Which columns trades have.
    pub columns: Columns,
    /// Whose rows.
    pub ticker: Ticker,
}

impl Destination {
    /// The file of `partition`.
    pub fn file(&self, partition: Partition) -> PathBuf {
        partition.file(&self.outdir, &self.ticker, self.kind)
    }
}

/// What stands in the place of a partition's file. A proven file has been held against its proof;
/// one that no line tells of may be another tool's, or may have been published right before a
/// crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileInPlace<T> {
    /// A file that is readable as rows of this place: what it holds.
    File(T),
    /// Nothing that is of use.
    Nothing,
}

/// What a file is made of, beside the rows that came.
#[derive(Debug)]
pub struct Ground<'a, T> {
    pub existing: FileInPlace<T>,
    /// Days that are answered for now and whose rows there nobody vouches for: they give way to
    /// those that came.
    pub replaced: &'a Coverage,
    /// Days that will be proven by the new file.
    pub proven: &'a Coverage,
}

/// What the source really sends now and then, and can hardly be so: kept, and said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// A bar whose high lies below its low.
    HighBelowLow,
    /// A price of nothing.
    ZeroPrice,
}

/// A row that can be brought to disk.
pub trait Storable: Record<Key = i64> {
    /// Units of its stamp in a millisecond: bars are stamped in ms, trades in ns, since the epoch
    /// (UTC).
    const STAMPS_PER_MS: i64;
    /// A partition that is not published yet. Dropped, it leaves nothing.
    type Draft;
    /// What of a published file is needed to replace it.
    type Published;

    /// The day that a row with this stamp is filed under; `None` for a stamp that no day can be
    /// named for.
    fn day_of(stamp: i64, zone: Zone) -> Option<TradingDay> {
        zone.day_of_ms(stamp.div_euclid(Self::STAMPS_PER_MS))
    }

    /// The same for rows that come in time order.
    fn day_among(stamp: i64, days: &mut DayFinder) -> Option<TradingDay> {
        days.day_of_ms(stamp.div_euclid(Self::STAMPS_PER_MS))
    }

    /// The half-open range of stamps that `days` cover. Daily bars are stamped with New York
    /// midnight whatever zone the tree has.
    fn stamps_of(kind: Kind, zone: Zone, days: DateRange) -> Range<i64> {
        let zone = match kind {
            Kind::Daily => Zone::NewYork,
            Kind::Minute | Kind::Trades => zone,
        };
        let start = |day: TradingDay| zone.start_ms(day) * Self::STAMPS_PER_MS;
        start(days.from())..start(days.to().next())
    }

    /// What is odd about it, if anything.
    fn oddity(&self) -> Option<Oddity>;

    /// Begins a partition below `folder`, its ticker's.
    fn begin(
        to: &Destination,
        folder: &Folder,
        partition: Partition,
    ) -> Result<Self::Draft, DiskError>;

    /// Takes rows in time order.
    fn add(draft: &mut Self::Draft, to: &Destination, rows: Vec<Self>) -> Result<(), DiskError>;

    /// Bytes that it takes, or will take when it is published, about.
    fn held(draft: &Self::Draft) -> u64;

    /// How many of the rows taken belong to `days`.
    fn rows_of(draft: &Self::Draft, days: &Coverage) -> u64;

    /// Reads the file of `partition`. One that is not ours is an error.
    fn read(to: &Destination, partition: Partition) -> Result<Self::Published, ReadError>;

    /// How many of its rows belong to `days`.
    fn published_rows_of(published: &Self::Published, days: &Coverage) -> u64;

    /// Publishes what was taken.
    fn publish(
        draft: Self::Draft,
        to: &Destination,
        folder: &Folder,
        partition: Partition,
        ground: Ground<'_, Self::Published>,
    ) -> Result<Option<FileProof>, DiskError>;
}

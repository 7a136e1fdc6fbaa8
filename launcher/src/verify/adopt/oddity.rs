//! Oddities: what is found in a tree of another program that is not as ours, and what becomes of
//! it. Words only.

use shared::dataset::fit::Unlike;

/// Something odd about a file, a folder, or days of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// Columns that say the same otherwise.
    Unlike(Unlike),
    /// Nothing that speaks for minutes or trades counts as a proof.
    WithinDays,
    /// Sessions without rows.
    NoRows,
    /// The last session of a ticker.
    LastSession,
    /// Days that were not settled when the file was written last.
    Unsettled,
    /// Rows on a day without a session.
    NoSession,
    /// A number that is none.
    NotFinite,
    /// As many rows as pages have.
    FullPages,
    /// A file without rows in the place of one with rows.
    Empty,
    /// A file that can't be read.
    Broken,
    /// A file with other columns, or values that are not ours.
    Columns,
    /// A file with rows of another ticker.
    OtherTicker,
    /// A file with rows of days of another folder.
    OtherDays,
    /// A file whose days are counted in another zone than those of the tree.
    OtherZone,
    /// A file whose rows are not in order.
    Order,
    /// A file of days that were not asked about.
    Beyond,
    /// A partition that the ledger tells of already.
    Known,
    /// `empty.parquet`.
    EmptyMarker,
    /// A file in folders that are not ours.
    Elsewhere,
    /// A file of another kind of data.
    OtherKind,
    /// A file with another name.
    OtherName,
    /// A hidden file.
    Hidden,
    /// A link.
    Link,
    /// A folder that is called like no ticker.
    NoTicker,
    /// A ticker that was not asked about.
    Unasked,
    /// A folder or file that can't be looked at.
    Unreadable,
}

/// What becomes of something odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The next run refuses its partition until somebody has moved it away.
    InTheWay,
    /// It proves nothing, and its days are asked for.
    Unproven,
    /// It was left alone and is in nobody's way.
    Left,
    /// It counts as if it were ours.
    Taken,
}

impl Oddity {
    /// What it is.
    pub fn what(self) -> &'static str {
        match self {
            Self::Unlike(Unlike::Nullable) => "columns that may be null and hold no null",
            Self::Unlike(Unlike::Order) => "columns in another order",
            Self::Unlike(Unlike::IndexColumn) => "the index of pandas as a column",
            Self::Unlike(Unlike::Types) => "other types that hold the same values",
            Self::WithinDays => "rows of minutes or trades: no file tells how many a day has",
            Self::NoRows => "sessions without a row: nothing traded, or rows are missing",
            Self::LastSession => "the last session of a ticker: it may not have been over",
            Self::Unsettled => "days that were not settled when their file was written",
            Self::NoSession => "rows on a day without a session",
            Self::NotFinite => "a number that is none (NaN, infinity)",
            Self::FullPages => "a multiple of 50,000 rows: the last page may be missing",
            Self::Empty => "files without a row",
            Self::Broken => "files that are no whole Parquet files",
            Self::Columns => "files with other columns or values",
            Self::OtherTicker => "files with rows of another ticker",
            Self::OtherDays => "files with rows of other days than their folder's",
            Self::OtherZone => "files whose days are counted in another time zone",
            Self::Order => "files whose rows are not in order, or stand there twice",
            Self::Beyond => "partitions that were not asked about",
            Self::Known => "partitions that a ledger tells of already",
            Self::EmptyMarker => "empty.parquet: only the source can say that there is nothing",
            Self::Elsewhere => "files in other folders than year=YYYY/month=MM/day=YYYY-MM-DD",
            Self::OtherKind => "files of another kind of data",
            Self::OtherName => "files with other names",
            Self::Hidden => "hidden files and signs (_SUCCESS, .crc, .tmp)",
            Self::Link => "links: nothing is read or written through them",
            Self::NoTicker => "names that are no ticker",
            Self::Unasked => "tickers that were not asked about",
            Self::Unreadable => "files and folders that can't be looked at",
        }
    }

    /// What becomes of it.
    pub fn fate(self) -> Fate {
        match self {
            Self::Unlike(
                Unlike::Nullable | Unlike::Order | Unlike::IndexColumn | Unlike::Types,
            ) => Fate::Taken,
            Self::WithinDays
            | Self::NoRows
            | Self::LastSession
            | Self::Unsettled
            | Self::NoSession
            | Self::NotFinite
            | Self::FullPages
            | Self::Empty
            // A worker sets it aside when its turn comes.
            | Self::Broken => Fate::Unproven,
            Self::Columns
            | Self::OtherTicker
            | Self::OtherDays
            | Self::OtherZone
            | Self::Order
            | Self::Link
            | Self::Unreadable => Fate::InTheWay,
            Self::Beyond
            | Self::Known
            | Self::EmptyMarker
            | Self::Elsewhere
            | Self::OtherKind
            | Self::OtherName
            | Self::Hidden
            | Self::NoTicker
            | Self::Unasked => Fate::Left,
        }
    }
}

impl Fate {
    /// All, in the order of the report.
    pub const ALL: [Self; 4] = [Self::InTheWay, Self::Unproven, Self::Left, Self::Taken];

    /// What was done, or is to be done.
    pub fn words(self) -> &'static str {
        match self {
            Self::InTheWay => {
                "not adopted, and the next run refuses their partitions: move them away first"
            }
            Self::Unproven => "not proven: the next run asks for these days",
            Self::Left => "left alone",
            Self::Taken => "read as ours",
        }
    }
}

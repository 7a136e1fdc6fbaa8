//! Places: what a name in a ticker's folder stands for. Pure.

use std::path::{Path, PathBuf};

use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

/// A folder of a ticker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Its own.
    Ticker,
    /// `year=2024`.
    Year(i16),
    /// `year=2024/month=03`.
    Month(i16, i8),
    /// `year=2024/month=03/day=2024-03-11`.
    Day(TradingDay),
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The data file of this partition.
    Data(Partition),
    /// A folder on the way to data.
    Way(Place),
    /// Ours, and no data: a ledger, a lock.
    Ours,
    /// A file that a writer had begun.
    Draft,
    /// A Parquet file, or something that is read as one, where none belongs.
    Stray,
    /// A folder where none belongs.
    OddFolder,
    /// Nothing that a reader of Parquet takes.
    Other,
}

/// What kind of thing a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A folder.
    Folder,
    /// A file, or what stands in the place of one.
    File,
}

impl Place {
    /// What `name` stands for in this folder of a tree of `kind`.
    pub fn meaning(self, kind: Kind, name: &[u8], thing: Thing) -> Meaning {
        if name.first() == Some(&b'_') {
            return if name.ends_with(b".tmp") { Meaning::Draft } else { Meaning::Ours };
        }
        match (thing, self.partition(kind)) {
            (Thing::File, Some(partition)) if name == kind.file_name().as_bytes() => {
                Meaning::Data(partition)
            }
            (Thing::File, Some(_) | None) if has(name, b".parquet") => Meaning::Stray,
            (Thing::File, Some(_) | None) => Meaning::Other,
            (Thing::Folder, Some(_)) => Meaning::OddFolder,
            (Thing::Folder, None) => self.below(name).map_or(Meaning::OddFolder, Meaning::Way),
        }
    }

    /// The partition whose file lies here.
    pub fn partition(self, kind: Kind) -> Option<Partition> {
        match (self, kind) {
            (Self::Year(year), Kind::Daily) => Some(Partition::Year(year)),
            (Self::Month(year, month), Kind::Minute) => Some(Partition::Month(year, month)),
            (Self::Day(day), Kind::Trades) => Some(Partition::Day(day)),
            (Self::Ticker | Self::Year(_) | Self::Month(..) | Self::Day(_), _) => None,
        }
    }

    /// The folder `name` in this one, if it is on the way to data.
    fn below(self, name: &[u8]) -> Option<Self> {
        match self {
            Self::Ticker => {
                let year = number(name, b"year=", 4)?;
                TradingDay::from_ymd(year, 1, 1).map(|_| Self::Year(year))
            }
            Self::Year(year) => {
                let month = i8::try_from(number(name, b"month=", 2)?).ok()?;
                TradingDay::from_ymd(year, month, 1).map(|_| Self::Month(year, month))
            }
            Self::Month(year, month) => {
                let day = std::str::from_utf8(name.strip_prefix(b"day=")?).ok()?;
                let day: TradingDay = day.parse().ok()?;
                ((day.year(), day.month()) == (year, month)).then_some(Self::Day(day))
            }
            Self::Day(_) => None,
        }
    }

    /// Where it is, below the root of a tree.
    pub fn path(self, root: &Path, ticker: &Ticker) -> PathBuf {
        let own = root.join(ticker.as_str());
        let partition = match self {
            Self::Ticker => return own,
            Self::Year(year) => Partition::Year(year),
            Self::Month(year, month) => Partition::Month(year, month),
            Self::Day(day) => Partition::Day(day),
        };
        own.join(partition.to_string())
    }
}

/// The number behind `key`, written with so many digits.
fn number(name: &[u8], key: &[u8], digits: usize) -> Option<i16> {
    let value = name.strip_prefix(key).filter(|value| value.len() == digits)?;
    value.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0'))
    })
}

fn has(name: &[u8], part: &[u8]) -> bool {
    name.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_data_only_in_its_own_place() {
        let march = Place::Month(2024, 3);
        let day = Place::Day("2024-03-11".parse().expect("a day"));
        let (file, folder) = (Thing::File, Thing::Folder);
        for (place, kind, name, thing, expected) in [
            (Place::Ticker, Kind::Minute, "year=2024", folder, Meaning::Way(Place::Year(2024))),
            (Place::Ticker, Kind::Minute, "year=24", folder, Meaning::OddFolder),
            (Place::Ticker, Kind::Minute, "day=2024-03-11", folder, Meaning::OddFolder),
            (Place::Ticker, Kind::Minute, "_ledger.jsonl", file, Meaning::Ours),
            (Place::Ticker, Kind::Minute, "minute.parquet", file, Meaning::Stray),
            (Place::Year(2024), Kind::Minute, "month=03", folder, Meaning::Way(march)),
            (Place::Year(2024), Kind::Minute, "month=13", folder, Meaning::OddFolder),
            (Place::Year(2024), Kind::Daily, "month=03", folder, Meaning::OddFolder),
            (march, Kind::Minute, "minute.parquet", file, Meaning::Data(Partition::Month(2024, 3))),
            (march, Kind::Minute, "_minute.parquet.7.tmp", file, Meaning::Draft),
            (march, Kind::Minute, "minute (1).parquet", file, Meaning::Stray),
            (march, Kind::Minute, "minute.parquet.bak", file, Meaning::Stray),
            (march, Kind::Minute, "README", file, Meaning::Other),
            (march, Kind::Trades, "day=2024-03-11", folder, Meaning::Way(day)),
            (march, Kind::Trades, "day=2024-04-11", folder, Meaning::OddFolder),
            (
                day,
                Kind::Trades,
                "trades.parquet",
                file,
                Meaning::Data(Partition::Day("2024-03-11".parse().expect("a day"))),
            ),
            (day, Kind::Trades, "empty.parquet", file, Meaning::Stray),
        ] {
            assert_eq!(place.meaning(kind, name.as_bytes(), thing), expected, "{place:?} {name}");
        }
    }
}

//! Partitions: the piece of a ticker that one file holds and one ledger line proves.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::coverage::DateRange;
use super::kind::Kind;
use crate::market::ticker::Ticker;
use crate::market::trading_day::TradingDay;

/// The days of a ticker that share a file: a year of daily bars, a month of minute bars, a day of
/// trades.
///
/// Its text is the path of its folder, in one form only. Partitions of a kind do not overlap, and
/// are ordered by time.
///
/// ```
/// use std::path::Path;
/// use shared::dataset::kind::Kind;
/// use shared::dataset::partition::Partition;
///
/// let of = |kind| Partition::of(kind, "2024-03-11".parse().expect("a day"));
/// assert_eq!(of(Kind::Daily).to_string(), "year=2024");
/// assert_eq!(of(Kind::Minute).span().to_string(), "2024-03-01..2024-03-31");
/// let file = of(Kind::Trades).file(Path::new("OUT"), &"AIG".parse().expect("a ticker"), Kind::Trades);
/// assert_eq!(file, Path::new("OUT/AIG/year=2024/month=03/day=2024-03-11/trades.parquet"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Partition {
    /// A calendar year.
    Year(i16),
    /// A calendar month, 1 to 12.
    Month(i16, i8),
    /// One day.
    Day(TradingDay),
}

impl Partition {
    /// The partition of `kind` that `day` falls into.
    pub fn of(kind: Kind, day: TradingDay) -> Self {
        match kind {
            Kind::Daily => Self::Year(day.year()),
            Kind::Minute => Self::Month(day.year(), day.month()),
            Kind::Trades => Self::Day(day),
        }
    }

    /// The kind of its rows.
    pub fn kind(self) -> Kind {
        match self {
            Self::Year(_) => Kind::Daily,
            Self::Month(..) => Kind::Minute,
            Self::Day(_) => Kind::Trades,
        }
    }

    /// The partitions of `kind` that `range` touches, in time order.
    pub fn within(kind: Kind, range: DateRange) -> impl Iterator<Item = Self> {
        let first = Self::of(kind, range.from());
        std::iter::successors(Some(first), move |partition| {
            let end = partition.span().to();
            (end < range.to()).then(|| Self::of(kind, end.next()))
        })
    }

    /// `range`, extended to whole partitions of `kind`.
    pub fn whole(kind: Kind, range: DateRange) -> DateRange {
        let (first, last) =
            (Self::of(kind, range.from()).span(), Self::of(kind, range.to()).span());
        DateRange::new(first.from(), last.to()).expect("a range ends where it begins or later")
    }

    /// Its days.
    pub fn span(self) -> DateRange {
        let ends = match self {
            Self::Year(year) => {
                TradingDay::from_ymd(year, 1, 1).zip(TradingDay::from_ymd(year, 12, 31))
            }
            Self::Month(year, month) => {
                TradingDay::from_ymd(year, month, 1).map(|first| (first, first.last_of_month()))
            }
            Self::Day(day) => Some((day, day)),
        };
        ends.and_then(|(from, to)| DateRange::new(from, to))
            .expect("a partition is only made of a trading day")
    }

    /// Its name for people: `2024`, `2024-03`, `2024-03-11`.
    pub fn period(self) -> String {
        match self {
            Self::Year(year) => format!("{year:04}"),
            Self::Month(year, month) => format!("{year:04}-{month:02}"),
            Self::Day(day) => day.to_string(),
        }
    }

    /// Where its rows are: `OUT/TICKER/year=2024/daily.parquet`.
    pub fn file(self, outdir: &Path, ticker: &Ticker, kind: Kind) -> PathBuf {
        outdir.join(ticker.as_str()).join(self.to_string()).join(kind.file_name())
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Year(year) => write!(f, "year={year:04}"),
            Self::Month(year, month) => write!(f, "year={year:04}/month={month:02}"),
            Self::Day(day) => {
                write!(f, "year={:04}/month={:02}/day={day}", day.year(), day.month())
            }
        }
    }
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a partition (year=2024, year=2024/month=03, year=2024/month=03/day=2024-03-11)"
            )
        };
        // Only one spelling each: the folder's name.
        let number = |part: &str, key: &str, digits: usize| -> Option<i16> {
            let value = part.strip_prefix(key).filter(|value| value.len() == digits)?;
            value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok())?
        };
        let first = |year: i16, month: i8| TradingDay::from_ymd(year, month, 1);
        let mut parts = text.split('/');
        let year = parts.next().and_then(|part| number(part, "year=", 4));
        let (month, day, more) = (parts.next(), parts.next(), parts.next());
        let of_month =
            |part: &str| number(part, "month=", 2).and_then(|month| i8::try_from(month).ok());
        let partition = match (year, month, day, more) {
            (Some(year), None, None, None) => first(year, 1).map(|_| Self::Year(year)),
            (Some(year), Some(month), None, None) => of_month(month)
                .and_then(|month| first(year, month).map(|_| Self::Month(year, month))),
            (Some(year), Some(month), Some(day), None) => {
                let day: Option<TradingDay> =
                    day.strip_prefix("day=").and_then(|day| day.parse().ok());
                day.filter(|day| (day.year(), Some(day.month())) == (year, of_month(month)))
                    .map(Self::Day)
            }
            _ => None,
        };
        partition.ok_or_else(wrong)
    }
}

crate::as_text!(Partition);

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> DateRange {
        DateRange::new(from.parse().expect(from), to.parse().expect(to)).expect("in order")
    }

    #[test]
    fn a_range_touches_every_year_between_its_ends() {
        let within = |from, to| {
            Partition::within(Kind::Daily, range(from, to)).map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(within("2022-12-31", "2024-01-01"), ["year=2022", "year=2023", "year=2024"]);
        assert_eq!(within("2024-06-01", "2024-06-01"), ["year=2024"]);
        assert_eq!(within("2199-01-01", "2199-12-31"), ["year=2199"]);
    }

    #[test]
    fn whole_partitions_begin_and_end_with_their_files() {
        let days = range("2023-12-31", "2024-02-10");
        let whole = |kind| Partition::whole(kind, days);
        assert_eq!(whole(Kind::Daily), range("2023-01-01", "2024-12-31"));
        assert_eq!(whole(Kind::Minute), range("2023-12-01", "2024-02-29"));
        assert_eq!(whole(Kind::Trades), days);
    }

    #[test]
    fn the_written_form_is_the_folder_name() {
        let day: TradingDay = "2024-03-11".parse().expect("a day");
        for kind in Kind::ALL {
            let partition = Partition::of(kind, day);
            assert_eq!(partition.to_string().parse(), Ok(partition));
            assert!(partition.span().contains(day));
        }
        assert_eq!(
            Partition::of(Kind::Trades, day).to_string(),
            "year=2024/month=03/day=2024-03-11"
        );
        assert_eq!(Partition::Month(2024, 2).span(), range("2024-02-01", "2024-02-29"));
        for text in [
            "2024",
            "year=24",
            "year=99999",
            "year=1900",
            "month=01",
            "year=2024/month=3",
            "year=2024/month=13",
            "year=2024/month=03/day=2024-04-11",
            "year=2024/",
            "year=2024/month=03/day=2024-03-11/",
        ] {
            assert!(text.parse::<Partition>().is_err(), "{text}");
        }
        let file = Partition::Year(2024).file(
            Path::new("out"),
            &"BRK.B".parse().expect("a ticker"),
            Kind::Daily,
        );
        assert_eq!(file, Path::new("out/BRK.B/year=2024/daily.parquet"));
    }
}

//! Places: what a file below a ticker's folder may be, by its path alone. Pure.

use std::ffi::OsStr;
use std::path::Path;

use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::trading_day::TradingDay;

/// What the path of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where the file of a partition belongs.
    Partition(Partition),
    /// It is called like a file of a partition and lies in other folders than that.
    Elsewhere(Partition),
    /// It is called like a file of this kind; its folders do not say of which days.
    Nowhere(Kind),
    /// `empty.parquet`: somebody noted that there was nothing.
    EmptyMarker,
    /// Hidden, or begun with `_`: a sign, a temporary file, a checksum. Readers skip it.
    Hidden,
    /// Any other name.
    Other,
}

impl Place {
    /// Of the file with these folders and this name below its ticker's folder.
    pub fn of(folders: &[&str], name: &str) -> Self {
        let extension = Path::new(name).extension().and_then(OsStr::to_str);
        if name.starts_with(['.', '_']) || matches!(extension, Some("tmp" | "crc")) {
            return Self::Hidden;
        }
        if name == "empty.parquet" {
            return Self::EmptyMarker;
        }
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.file_name() == name) else {
            return Self::Other;
        };
        match partition_of(kind, folders) {
            Some(partition) if partition.to_string() == folders.join("/") => {
                Self::Partition(partition)
            }
            Some(partition) => Self::Elsewhere(partition),
            None => Self::Nowhere(kind),
        }
    }
}

/// The partition that folders like `day=2024-03-11` or `year=2024/month=3` are about.
fn partition_of(kind: Kind, folders: &[&str]) -> Option<Partition> {
    let value =
        |key: &str| folders.iter().find_map(|folder| folder.strip_prefix(key)?.strip_prefix('='));
    let day_of = |year: &str, month: &str, day: &str| {
        TradingDay::from_ymd(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
    };
    let dated = value("day").and_then(|day| day.parse::<TradingDay>().ok());
    let day = match kind {
        Kind::Daily => day_of(value("year")?, "1", "1"),
        Kind::Minute => day_of(value("year")?, value("month")?, "1"),
        Kind::Trades if dated.is_some() => dated,
        Kind::Trades => day_of(value("year")?, value("month")?, value("day")?),
    };
    Some(Partition::of(kind, day?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_what_a_file_may_be() {
        let partition = |text: &str| text.parse::<Partition>().expect(text);
        let day = partition("year=2024/month=03/day=2024-03-11");
        for (path, expected) in [
            ("year=2024/daily.parquet", Place::Partition(partition("year=2024"))),
            (
                "year=2024/month=03/minute.parquet",
                Place::Partition(partition("year=2024/month=03")),
            ),
            ("year=2024/month=03/day=2024-03-11/trades.parquet", Place::Partition(day)),
            ("day=2024-03-11/trades.parquet", Place::Elsewhere(day)),
            ("day=2024-03-11/year=2024/month=03/trades.parquet", Place::Elsewhere(day)),
            ("year=2024/month=3/day=11/trades.parquet", Place::Elsewhere(day)),
            ("year=2024/month=3/minute.parquet", Place::Elsewhere(partition("year=2024/month=03"))),
            ("year=2024/month=03/daily.parquet", Place::Elsewhere(partition("year=2024"))),
            ("minute.parquet", Place::Nowhere(Kind::Minute)),
            ("year=2024/trades.parquet", Place::Nowhere(Kind::Trades)),
            ("year=2024/month=03/day=2024-03-11/empty.parquet", Place::EmptyMarker),
            ("year=2024/_SUCCESS", Place::Hidden),
            ("year=2024/.daily.parquet.crc", Place::Hidden),
            ("year=2024/daily.parquet.crc", Place::Hidden),
            ("year=2024/daily.parquet.tmp", Place::Hidden),
            ("year=2024/month=03/day=2024-03-11/premarket.parquet", Place::Other),
            ("year=2024/part-0.parquet", Place::Other),
        ] {
            let mut folders: Vec<&str> = path.split('/').collect();
            let name = folders.pop().expect("a name");
            assert_eq!(Place::of(&folders, name), expected, "{path}");
        }
    }
}

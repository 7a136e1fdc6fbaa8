//! What a ticker trades on an average day, by its daily bars. `--target auto` is derived from it.
//!
//! Only days before the series count, so no bar depends on later data. The caller divides the mean
//! by the bars per day, and checks that daily bars and trades have the same scale.

use std::path::{Path, PathBuf};

use shared::dataset::descriptor::Adjusted;
use shared::dataset::kind::Kind;
use shared::dataset::merge::DatedBar;
use shared::dataset::partition::Partition;
use shared::market::bar::Measure;
use shared::market::security_days::SecurityDays;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

use super::daily_bars::{self, DailyBars, DailyBarsError};

/// The average day of a ticker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DailyMean {
    /// Trades, shares or USD per day; positive.
    pub mean: f64,
    /// Number of daily bars that count, at least 1. Days without a bar do not count.
    pub days: u64,
    /// Daily bars that do not count because they have no trade count; fewer than those that count.
    pub left_out: u64,
    /// Trades on an average day, by the bars with a trade count; `None` if no bar has one.
    pub trades: Option<f64>,
    /// First day with a bar.
    pub from: TradingDay,
    /// Last day with a bar.
    pub to: TradingDay,
    /// The scale of the daily bars; `None` if the tree does not tell.
    pub adjusted: Option<Adjusted>,
}

/// Why there is no mean.
#[derive(Debug, thiserror::Error)]
pub enum DailyMeanError {
    /// The daily bars can't be read.
    #[error(transparent)]
    Bars(#[from] DailyBarsError),
    #[error("{file}: the daily bar of {ticker} on {day} has no trade count (n); {without} of {days} daily bars have none; give --target a number", file = file.display())]
    NoCount { file: PathBuf, ticker: Ticker, day: TradingDay, without: u64, days: u64 },
    #[error(
        "{root}: no daily bar of {ticker} before {before}; download earlier daily bars, or give --target a number; where the source has none, take {ticker} off the list",
        root = root.display()
    )]
    NoBar { root: PathBuf, ticker: Ticker, before: TradingDay },
    #[error("{root}: the average day of {ticker} from {from} to {to} is {mean}; give --target a number", root = root.display())]
    NotPositive { root: PathBuf, ticker: Ticker, from: TradingDay, to: TradingDay, mean: f64 },
}

/// The mean over all daily bars of `ticker`, or of these `days` of a security, that
/// [`daily_bars::read_before`] finds before `before`:
/// of v·vw for dollars (v·c without vw), of v for volume, of n for ticks. Bars without n are left
/// out there, if at least half of all have it.
///
/// Summed from 0.0 in the order of days, then divided by their number: the same files give the same
/// bits.
pub fn mean_daily(
    daily_root: &Path,
    ticker: &Ticker,
    days: Option<&SecurityDays>,
    before: TradingDay,
    measure: Measure,
) -> Result<DailyMean, DailyMeanError> {
    let (root, ticker) = (daily_root.to_owned(), ticker.clone());
    let DailyBars { bars, adjusted } = match days {
        Some(days) => daily_bars::read_security_before(daily_root, days, before)?,
        None => daily_bars::read_before(daily_root, &ticker, before)?,
    };
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return Err(DailyMeanError::NoBar { root, ticker, before });
    };
    let (from, to, all) = (first.date, last.date, bars.len() as u64);
    let (days, sum) = sum_of(&bars, measure);
    let without = bars.iter().find(|row| traded(row, measure).is_none());
    if let Some(row) = without
        && days * 2 < all
    {
        let file = Partition::of(Kind::Daily, row.date).file(daily_root, &ticker, Kind::Daily);
        return Err(DailyMeanError::NoCount {
            file,
            ticker,
            day: row.date,
            without: all - days,
            days: all,
        });
    }
    let mean = sum / days as f64;
    if mean > 0.0 && mean.is_finite() {
        let (counted, trades) = sum_of(&bars, Measure::Tick);
        let trades = (counted > 0).then(|| trades / counted as f64);
        return Ok(DailyMean { mean, days, left_out: all - days, trades, from, to, adjusted });
    }
    Err(DailyMeanError::NotPositive { root, ticker, from, to, mean })
}

/// The number of bars that tell what was traded, and the sum of it.
fn sum_of(bars: &[DatedBar], measure: Measure) -> (u64, f64) {
    let told = bars.iter().filter_map(|row| traded(row, measure));
    told.fold((0, 0.0), |(days, sum), traded| (days + 1, sum + traded))
}

/// Trades, shares or USD of a day; `None` if the bar has no trade count.
fn traded(row: &DatedBar, measure: Measure) -> Option<f64> {
    let bar = &row.bar;
    match measure {
        Measure::Dollar => Some(bar.volume * bar.vwap.unwrap_or(bar.close)),
        Measure::Volume => Some(bar.volume),
        Measure::Tick => bar.trades.map(|trades| trades as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spelled::day;
    use shared::dataset::writer;
    use shared::disk::publish::Draft;
    use shared::market::ohlcv::Ohlcv;
    use shared::market::zone::Zone;

    fn ticker() -> Ticker {
        "AIG".parse().expect("a ticker")
    }

    /// Date, v, c, vw and n of a daily bar.
    type Traded = (&'static str, f64, f64, Option<f64>, Option<i64>);

    fn tree(days: &[Traded]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        let bar = |(on, volume, close, vwap, trades): &Traded| {
            let (date, high, low) = (day(on), 1e6, 1.0);
            let t = date.start_utc_ms();
            let (volume, close, vwap, trades) = (*volume, *close, *vwap, *trades);
            DatedBar { date, bar: Ohlcv { t, open: 1.0, high, low, close, volume, trades, vwap } }
        };
        let rows: Vec<DatedBar> = days.iter().map(bar).collect();
        for year in rows.chunk_by(|a, b| a.date.year() == b.date.year()) {
            let file =
                Partition::of(Kind::Daily, year[0].date).file(root.path(), &ticker(), Kind::Daily);
            writer::publish_bars(
                Draft::create(&file).expect("begun"),
                Kind::Daily,
                Zone::NewYork,
                &ticker(),
                year,
            )
            .expect("published");
        }
        root
    }

    fn mean(root: &tempfile::TempDir, before: &str, measure: Measure) -> Result<DailyMean, String> {
        let said = |error: DailyMeanError| {
            error.to_string().replace(&*root.path().to_string_lossy(), "ROOT")
        };
        mean_daily(root.path(), &ticker(), None, day(before), measure).map_err(said)
    }

    #[test]
    fn the_mean_is_over_the_days_before_in_the_unit_that_is_asked_for() {
        let root = tree(&[
            ("2022-12-29", 10.0, 3.0, Some(2.5), Some(7)),
            ("2022-12-30", 20.0, 4.0, None, Some(8)),
            ("2023-01-03", 0.1, 2.0, None, Some(3)),
            ("2023-01-04", 1e6, 9.0, None, None),
        ]);
        let expected = |mean| {
            let (from, to, trades) = (day("2022-12-29"), day("2023-01-03"), Some(6.0));
            Ok(DailyMean { mean, days: 3, left_out: 0, trades, from, to, adjusted: None })
        };
        let of = |measure| mean(&root, "2023-01-04", measure);
        assert_eq!(
            of(Measure::Dollar),
            expected((25.0 + 80.0 + 0.2) / 3.0),
            "v·vw, v·c where there is no vw"
        );
        assert_eq!(of(Measure::Volume), expected((10.0 + 20.0 + 0.1) / 3.0));
        assert_eq!(of(Measure::Tick), expected(6.0));
    }

    #[test]
    fn a_bar_that_does_not_say_how_many_trades_it_has_is_left_out_where_most_do() {
        let root = tree(&[
            ("2022-12-29", 10.0, 3.0, None, None),
            ("2022-12-30", 20.0, 4.0, None, Some(8)),
            ("2023-01-03", 30.0, 2.0, None, Some(4)),
        ]);
        let of = |measure| mean(&root, "2023-01-04", measure).expect("a mean");
        let ticks = of(Measure::Tick);
        assert_eq!((ticks.mean, ticks.days, ticks.left_out), (6.0, 2, 1));
        let shares = of(Measure::Volume);
        assert_eq!(
            (shares.mean, shares.days, shares.left_out, shares.trades),
            (20.0, 3, 0, Some(6.0))
        );
    }

    #[test]
    fn what_gives_no_mean_is_said_with_what_to_do() {
        let root = tree(&[
            ("2021-12-31", 0.0, 1.0, None, Some(0)),
            ("2022-01-03", 10.0, 1.0, None, None),
            ("2022-01-04", f64::INFINITY, 1.0, None, None),
        ]);
        let said = |before, measure| mean(&root, before, measure).expect_err("no mean");
        assert_eq!(
            said("2021-12-31", Measure::Volume),
            "ROOT: no daily bar of AIG before 2021-12-31; download earlier daily bars, or give --target a number; where the source has none, take AIG off the list"
        );
        assert_eq!(
            said("2022-01-05", Measure::Tick),
            "ROOT/AIG/year=2022/daily.parquet: the daily bar of AIG on 2022-01-03 has no trade count (n); 2 of 3 daily bars have none; give --target a number"
        );
        assert_eq!(
            said("2022-01-01", Measure::Dollar),
            "ROOT: the average day of AIG from 2021-12-31 to 2021-12-31 is 0; give --target a number"
        );
        assert!(said("2022-01-05", Measure::Volume).contains("is inf;"));
        std::fs::copy(
            root.path().join("AIG/year=2022/daily.parquet"),
            root.path().join("_dataset.json"),
        )
        .expect("copied");
        let foreign = said("2022-01-05", Measure::Volume);
        assert!(
            foreign.starts_with("ROOT/_dataset.json: this is not a tree of daily bars ("),
            "{foreign}"
        );
    }
}

//! The URLs of the vendor's API: which path asks for what, and what a later page's path must look
//! like.

use std::ops::Range;

use shared::dataset::descriptor::Adjusted;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

/// Rows asked for in one page: the most that the vendor gives.
pub const PAGE_ROWS: u32 = 50_000;
const MINUTE_MS: i64 = 60_000;

/// What is asked for of one ticker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// One bar a session (docs: "Custom Bars", `/v2/aggs/ticker/{t}/range/1/day/…`). Stamps are ms.
    DailyBars(Ticker, Adjusted),
    /// One bar a minute with trades (`/v2/aggs/ticker/{t}/range/1/minute/…`). Stamps are ms.
    MinuteBars(Ticker, Adjusted),
    /// Every print (docs: "Trades", `/v3/trades/{t}`). Stamps are ns.
    Trades(Ticker),
}

impl Endpoint {
    /// Whose rows.
    pub fn ticker(&self) -> &Ticker {
        match self {
            Self::DailyBars(ticker, _) | Self::MinuteBars(ticker, _) | Self::Trades(ticker) => {
                ticker
            }
        }
    }

    /// The scale of the rows; trades are never rescaled.
    pub fn adjusted(&self) -> Adjusted {
        match self {
            Self::DailyBars(_, adjusted) | Self::MinuteBars(_, adjusted) => *adjusted,
            Self::Trades(_) => Adjusted::No,
        }
    }

    /// The path that every page begins with. A ticker holds no character that a URL escapes.
    pub fn path_prefix(&self) -> String {
        match self {
            Self::DailyBars(ticker, _) => format!("/v2/aggs/ticker/{ticker}/range/1/day/"),
            Self::MinuteBars(ticker, _) => format!("/v2/aggs/ticker/{ticker}/range/1/minute/"),
            Self::Trades(ticker) => format!("/v3/trades/{ticker}"),
        }
    }

    /// Path and query that ask for all rows with stamps in `window`, oldest first.
    pub fn path_and_query(&self, window: &Range<i64>) -> String {
        let prefix = self.path_prefix();
        let (first, last) = (window.start, window.end - 1);
        match self {
            Self::DailyBars(_, adjusted) => {
                let day = |ms| {
                    TradingDay::of_utc_ms(ms).map_or_else(|| ms.to_string(), |day| day.to_string())
                };
                format!("{prefix}{}/{}?{}", day(first), day(last), bars_query(*adjusted))
            }
            Self::MinuteBars(_, adjusted) => {
                format!("{prefix}{first}/{last}?{}", bars_query(*adjusted))
            }
            // Both ends in ns: how a bare date behaves in a comparison is not documented.
            Self::Trades(_) => format!(
                "{prefix}?timestamp.gte={first}&timestamp.lte={last}&order=asc&sort=timestamp&limit={PAGE_ROWS}"
            ),
        }
    }

    /// Does a window of these rows begin at `stamp`? A daily bar begins at New York midnight.
    pub fn begins_window(&self, stamp: i64) -> bool {
        match self {
            Self::DailyBars(..) => {
                TradingDay::of_utc_ms(stamp).is_some_and(|day| day.start_utc_ms() == stamp)
            }
            Self::MinuteBars(..) => stamp % MINUTE_MS == 0,
            Self::Trades(_) => true,
        }
    }

    /// Where to go on with parameters of our own after a row at `stamp`. Bars have their window to
    /// themselves, trades may share a stamp, so there the stamp is asked for again and what was
    /// read is left out.
    pub fn after(&self, stamp: i64) -> i64 {
        match self {
            Self::DailyBars(..) => {
                TradingDay::of_utc_ms(stamp).map_or(stamp + 1, |day| day.next().start_utc_ms())
            }
            Self::MinuteBars(..) => stamp + MINUTE_MS,
            Self::Trades(_) => stamp,
        }
    }
}

/// Path and query that ask for the bars of every ticker on `day` (docs: "Daily Market Summary").
/// What trades over the counter is included, as it is where one ticker is asked for: small caps end
/// there.
pub fn market_day(day: TradingDay, adjusted: Adjusted) -> String {
    let adjusted = bool::from(adjusted);
    format!("/v2/aggs/grouped/locale/us/market/stocks/{day}?adjusted={adjusted}&include_otc=true")
}

fn bars_query(adjusted: Adjusted) -> String {
    format!("adjusted={}&sort=asc&limit={PAGE_ROWS}", bool::from(adjusted))
}

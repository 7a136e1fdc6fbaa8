//! Facts: what is remembered of a file when its rows have gone by. A few hundred bytes a day, so
//! that all files of a ticker fit in memory at once.

use shared::market::trading_day::TradingDay;

/// What a file of rows holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileFacts {
    /// Rows.
    pub rows: u64,
    /// First and last stamp, in the unit of its rows (ms for bars, ns for trades; UTC).
    pub stamps: Option<(i64, i64)>,
    /// Its days in the order of its rows. A day is there twice only where the rows are not in
    /// order.
    pub days: Vec<DayFacts>,
}

/// What the rows of one day say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DayFacts {
    /// The day, in the tree's zone.
    pub day: TradingDay,
    /// Rows.
    pub rows: u32,
    /// First stamp, after the day's midnight, in the unit of its rows.
    pub first: i64,
    /// Last stamp, after the day's midnight.
    pub last: i64,
    /// First price.
    pub open: f64,
    /// Largest price.
    pub high: f64,
    /// Smallest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// First price in regular hours, where there was a row in them. A daily bar's own.
    pub regular_open: Option<f64>,
    /// Last price in regular hours.
    pub regular_close: Option<f64>,
    /// Shares.
    pub volume: f64,
    /// Most shares of one row.
    pub most: f64,
    /// Rows with a price of nothing.
    pub zero_prices: u32,
    /// Rows without a share.
    pub zero_sizes: u32,
    /// Rows on a day without session.
    pub without_session: u32,
    /// Rows before extended trading begins or after it ends, and how far the farthest lies outside,
    /// in minutes.
    pub beyond_hours: (u32, i64),
    /// The price that differs most from both its neighbours.
    pub spike: Option<Spike>,
}

/// A price that stands alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spike {
    /// The row's stamp.
    pub stamp: i64,
    /// The price.
    pub price: f64,
    /// So many times it is larger, or smaller, than the nearer of the prices before and after it.
    pub times: f64,
}

impl DayFacts {
    /// Of a day of which no row was seen yet.
    pub(super) fn of(day: TradingDay) -> Self {
        Self {
            day,
            rows: 0,
            first: 0,
            last: 0,
            open: 0.0,
            high: f64::NEG_INFINITY,
            low: f64::INFINITY,
            close: 0.0,
            regular_open: None,
            regular_close: None,
            volume: 0.0,
            most: 0.0,
            zero_prices: 0,
            zero_sizes: 0,
            without_session: 0,
            beyond_hours: (0, 0),
            spike: None,
        }
    }

    /// A price stood alone: the one that does most is kept.
    pub(super) fn note_spike(&mut self, spike: Spike) {
        if self.spike.is_none_or(|known| spike.times > known.times) {
            self.spike = Some(spike);
        }
    }
}

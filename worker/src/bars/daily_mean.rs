//! stub
use shared::dataset::descriptor::Adjusted;
use shared::market::bar::Measure;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use std::path::Path;
/// stub
#[derive(Debug, Clone, Copy)]
pub struct DailyMean {
    /// stub
    pub mean: f64,
    /// stub
    pub adjusted: Adjusted,
}
/// stub
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct DailyMeanError;
/// stub
pub fn mean_daily(_: &Path, _: &Ticker, _: TradingDay, _: Measure) -> Result<DailyMean, DailyMeanError> {
    Err(DailyMeanError)
}

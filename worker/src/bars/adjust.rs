//! stub
use shared::market::trading_day::TradingDay;
/// stub
#[derive(Debug, Clone, Default)]
pub struct Factors;
impl Factors {
    /// stub
    pub fn of(&self, _: TradingDay) -> (f64, f64) {
        (1.0, 1.0)
    }
}
use shared::series::parameters::Split;
/// stub
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct AdjustError;
/// stub
pub fn read_splits(
    _: &std::path::Path,
    _: &shared::market::ticker::Ticker,
) -> Result<Vec<Split>, AdjustError> {
    Err(AdjustError)
}
impl Factors {
    /// stub
    pub fn new(_: &[Split]) -> Self {
        Self
    }
}

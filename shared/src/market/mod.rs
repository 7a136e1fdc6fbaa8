//! What the market is: tickers, trading days, sessions, bars, trades. Values only, no I/O.

pub mod ticker;
pub mod trading_day;
pub mod zone;
pub mod special_days;
pub mod session;
pub mod security;
pub mod listed_periods;
pub mod security_days;
pub mod short;
pub mod ohlcv;
pub mod trade;
pub mod bar;

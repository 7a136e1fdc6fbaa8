//! What the market is: tickers, trading days, sessions, bars. Values only, no I/O.

pub mod ticker;
pub mod trading_day;
pub mod session;
pub mod ohlcv;

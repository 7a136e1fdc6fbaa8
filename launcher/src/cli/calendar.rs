//! The arguments of `launcher calendar`.

use clap::{Args, ValueEnum};
use shared::market::trading_day::TradingDay;

/// `launcher calendar`.
#[derive(Debug, Args)]
pub struct CalendarArgs {
    /// First day, New York, inclusive
    #[arg(long, value_name = "DATE")]
    pub from: TradingDay,
    /// Last day, New York, inclusive
    #[arg(long, value_name = "DATE")]
    pub to: TradingDay,
    /// How to print them; csv and json give open and close as instants of New York and of UTC
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: CalendarFormat,
}

/// In which form sessions are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CalendarFormat {
    /// A line a session, for people; then counts and special days.
    Text,
    /// A line a session, under a header.
    Csv,
    /// One object.
    Json,
}

//! Chooses tickers by a rule over a snapshot and its details. No network.

pub mod rule;
pub mod identity;
pub mod input;
pub mod output;

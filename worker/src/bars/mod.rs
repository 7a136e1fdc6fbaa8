//! Bars that close by activity, not by the clock: tick, volume, dollar, imbalance and runs bars.
//! Each kind is defined exactly, bit for bit. The rules are pure; sources and files stream.

pub mod extremes;
pub mod tick_rule;
pub mod open_bar;
pub mod rules;
pub mod chunk;
pub mod conditions;
pub mod adjust;
pub mod daily_bars;
pub mod daily_mean;
pub mod spec;
pub mod choice;
pub mod series;
pub mod plan;
pub mod source;
pub mod output;
pub mod error;
pub mod begin;
pub mod build;
pub mod account;
pub mod batch;
#[cfg(test)]
pub mod fixture;
pub mod stored;

//! Bars that end by what was traded. What each kind means is fixed bit for bit in the specification of the bars;
//! the rules are pure, the sources and files around them stream.

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

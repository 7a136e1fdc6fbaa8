//! Log lines about the bars that a run has built.

use std::fmt::Write as _;

use shared::market::bar::Family;
use shared::series::parameters::{BarRule, Parameters};

use super::build::Outcome;
use super::chunk::LeftOut;
use super::rules::Cause;

/// `DB: 1234 bars of 780000 trades, 2013-10-04..2013-10-11, target 50000; 3 trades left out: 3 of size 0`.
pub fn line(outcome: &Outcome) -> String {
    let (state, counts) = (&outcome.state, &outcome.state.tail.counts);
    let bars = state.files.values().fold(0, |sum: u64, file| sum.saturating_add(file.bars));
    let mut line = format!("{}: ", state.mode);
    let so_far = match outcome.read.hull() {
        None => "nothing to do, ".to_owned(),
        Some(_) => String::new(),
    };
    let many = match (bars, counts.trades) {
        (0, 0) => "no trades, so no bars".to_owned(),
        (bars, trades) => format!("{bars} bars of {trades} trades"),
    };
    let _ = write!(line, "{so_far}{many}, {}, {}", state.covered, rule(&state.parameters));
    if counts.left_out.total() > 0 {
        let _ = write!(
            line,
            "; {} trades left out: {}",
            counts.left_out.total(),
            reasons(counts.left_out)
        );
    }
    line
}

fn rule(parameters: &Parameters) -> String {
    match parameters.bars_per_day {
        Some(bars) => format!("{} (auto, {bars} bars a day)", parameters.rule),
        None => parameters.rule.to_string(),
    }
}

fn reasons(left_out: LeftOut) -> String {
    let LeftOut { no_size, bad_size, bad_price, condition, correction } = left_out;
    let reasons = [
        (no_size, "of size 0"),
        (bad_size, "with a size that is negative or not a number"),
        (bad_price, "with a price that is not positive"),
        (condition, "that do not update the consolidated last price and volume"),
        (correction, "cancelled or marked wrong"),
    ];
    let some = reasons.iter().filter(|(count, _)| *count > 0);
    some.map(|(count, reason)| format!("{count} {reason}")).collect::<Vec<_>>().join(", ")
}

/// Warns if bars of the book's rule closed while its expected trades were at a limit: the rule has
/// collapsed or exploded.
pub fn warning(outcome: &Outcome) -> Option<String> {
    let (state, counts) = (&outcome.state, &outcome.state.tail.counts);
    let is_afml = matches!(state.parameters.rule, BarRule::ImbalanceAfml { .. });
    let closed = counts.closed.values().fold(0, |sum: u64, closed| sum.saturating_add(*closed));
    if state.mode.family != Family::Imbalance || !is_afml || closed == 0 {
        return None;
    }
    let clamped = counts.closed.get(&Cause::Clamped).copied().filter(|clamped| *clamped > 0)?;
    let share = clamped as f64 * 100.0 / closed as f64;
    Some(format!(
        "{}: expected trades were at their limit for {share:.1} % of the bars; this rule does not settle, --threshold stable does",
        state.mode
    ))
}

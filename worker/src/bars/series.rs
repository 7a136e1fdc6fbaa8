//! One series of bars: trades in, closed bars out. Pure. A [`Point`] holds the state after a trade;
//! a later run continues from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::market::bar::{Bar, Measure, Mode};
use shared::market::trading_day::TradingDay;
use shared::series::parameters::{self, Parameters};

use super::chunk::{Chunk, LeftOut};
use super::open_bar::{OpenBar, SignedTrade};
use super::rules::afml::{self, Afml};
use super::rules::fixed::Fixed;
use super::rules::imbalance::{self, Imbalance};
use super::rules::runs::{self, Runs};
use super::rules::stable::{self, Stable};
use super::rules::{BEGINNING, Cause, Closing, ClosingRule, SETTLED};
use super::tick_rule::{FirstSign, Signs, SignsNeeded, TickRule, direction};

/// Everything that later bars depend on, as it is after the last trade of a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The last day included; `None` before the first.
    pub through: Option<TradingDay>,
    /// The last price and sign.
    pub tick_rule: TickRule,
    /// What the rule has learned.
    #[serde(rename = "memory")]
    pub rule_state: RuleState,
    /// The bar that is not full.
    pub open_bar: OpenBar,
    /// Stamp of the last trade, ns UTC.
    pub last_stamp: Option<i64>,
    /// Where the next closed bar goes.
    #[serde(rename = "place")]
    pub position: Option<FilePosition>,
    /// `SeriesCounts` so far.
    #[serde(rename = "tally")]
    pub counts: SeriesCounts,
}

/// A position in a file of bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePosition {
    /// The year of the file.
    pub year: i16,
    /// Closed bars in it.
    pub closed: u64,
}

/// `SeriesCounts` over the series so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SeriesCounts {
    /// Trades in bars.
    pub trades: u64,
    /// Trades left out of the bars.
    pub left_out: LeftOut,
    /// Day files of trades that were read. Month files of minutes don't count.
    pub files: u64,
    /// Closed bars by cause.
    pub closed: BTreeMap<Cause, u64>,
}

/// What the rule of a series has learned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleState {
    /// Fixed targets learn nothing.
    Fixed,
    /// `--threshold target`.
    ImbalanceTarget(imbalance::State),
    /// `--threshold stable`.
    ImbalanceStable(stable::State),
    /// `--threshold afml`.
    ImbalanceAfml(afml::State),
    /// Runs.
    Runs(runs::State),
}

impl Point {
    /// Before the first trade.
    pub fn start(parameters: &Parameters) -> Self {
        let rule_state = match parameters.rule {
            parameters::BarRule::Fixed { .. } => RuleState::Fixed,
            parameters::BarRule::ImbalanceTarget { .. } => {
                RuleState::ImbalanceTarget(imbalance::State::default())
            }
            parameters::BarRule::ImbalanceStable { .. } => {
                RuleState::ImbalanceStable(stable::State::default())
            }
            parameters::BarRule::ImbalanceAfml { .. } => {
                RuleState::ImbalanceAfml(afml::State::default())
            }
            parameters::BarRule::Runs { .. } => RuleState::Runs(runs::State::default()),
        };
        let first = if parameters.first_sign < 0 { FirstSign::Sell } else { FirstSign::Buy };
        Self {
            through: None,
            tick_rule: TickRule::new(first),
            rule_state,
            open_bar: OpenBar::default(),
            last_stamp: None,
            position: None,
            counts: SeriesCounts::default(),
        }
    }
}

/// Takes the trades of `chunk` with their signs and appends the bars that they close to `closed`.
/// The caller has moved the tick rule of `point` past the chunk already.
pub fn fold(
    mode: Mode,
    parameters: &Parameters,
    point: &mut Point,
    chunk: &Chunk<'_>,
    signs: &Signs,
    closed: &mut Vec<Bar>,
) {
    let Point { rule_state, open_bar, counts, last_stamp, .. } = point;
    let mut walk = Walk {
        measure: mode.measure,
        extended: parameters.extended,
        chunk,
        signs,
        open_bar,
        counts,
        closed,
    };
    match (&parameters.rule, rule_state) {
        (parameters::BarRule::Fixed { target }, RuleState::Fixed) => {
            walk.by(&Fixed { target: *target }, &mut ());
        }
        (
            parameters::BarRule::ImbalanceTarget { target, alpha },
            RuleState::ImbalanceTarget(state),
        ) => {
            walk.by(&Imbalance { target: *target, alpha: *alpha }, state);
        }
        (
            parameters::BarRule::ImbalanceStable { expected_ticks },
            RuleState::ImbalanceStable(state),
        ) => {
            if state.is_settled() {
                walk.by(&Stable::<SETTLED>::new(*expected_ticks), state);
            } else {
                walk.by(&Stable::<BEGINNING>::new(*expected_ticks), state);
            }
        }
        (
            parameters::BarRule::ImbalanceAfml {
                alpha,
                expected_ticks,
                warmup,
                min_ticks,
                max_ticks,
            },
            RuleState::ImbalanceAfml(state),
        ) => {
            let (alpha, expected_ticks, warmup) = (*alpha, *expected_ticks, *warmup);
            let rule = Afml {
                alpha,
                expected_ticks,
                warmup,
                min_ticks: *min_ticks,
                max_ticks: *max_ticks,
            };
            walk.by(&rule, state);
        }
        (parameters::BarRule::Runs { expected_ticks }, RuleState::Runs(state)) => {
            if state.is_settled() {
                walk.by(&Runs::<SETTLED>::new(*expected_ticks), state);
            } else {
                walk.by(&Runs::<BEGINNING>::new(*expected_ticks), state);
            }
        }
        (rule, state) => {
            unreachable!("a point of {state:?} in a series by {rule}: states are checked when read")
        }
    }
    counts.trades += chunk.stamps.len() as u64;
    counts.left_out.add(chunk.left_out);
    counts.files += u64::from(chunk.opens_a_day);
    *last_stamp = chunk.stamps.last().copied().or(*last_stamp);
}

/// Can the point be written and read again? Not when a sum has grown beyond every number.
pub fn can_be_kept(point: &Point) -> bool {
    serde_json::to_string(point).is_ok_and(|text| serde_json::from_str::<Point>(&text).is_ok())
}

/// Which signs of its trades a series looks at.
pub fn signs_needed(parameters: &Parameters) -> SignsNeeded {
    match parameters.rule {
        _ if parameters.extended => SignsNeeded::Sides,
        parameters::BarRule::Fixed { .. } | parameters::BarRule::ImbalanceTarget { .. } => {
            SignsNeeded::Moves
        }
        parameters::BarRule::ImbalanceStable { .. }
        | parameters::BarRule::ImbalanceAfml { .. }
        | parameters::BarRule::Runs { .. } => SignsNeeded::Sides,
    }
}

/// Does the state belong to the rule? What is read from a file may not.
pub fn fits(state: &RuleState, rule: &parameters::BarRule) -> bool {
    use parameters::BarRule as By;
    matches!(
        (state, rule),
        (RuleState::Fixed, By::Fixed { .. })
            | (RuleState::ImbalanceTarget(_), By::ImbalanceTarget { .. })
            | (RuleState::ImbalanceStable(_), By::ImbalanceStable { .. })
            | (RuleState::ImbalanceAfml(_), By::ImbalanceAfml { .. })
            | (RuleState::Runs(_), By::Runs { .. })
    )
}

/// A walk over a chunk. The choices that hold for all of it are made once, so that the loop knows
/// them.
struct Walk<'a> {
    measure: Measure,
    extended: bool,
    chunk: &'a Chunk<'a>,
    signs: &'a Signs,
    open_bar: &'a mut OpenBar,
    counts: &'a mut SeriesCounts,
    closed: &'a mut Vec<Bar>,
}

const TICK: u8 = 0;
const VOLUME: u8 = 1;
const DOLLAR: u8 = 2;

impl Walk<'_> {
    fn by<R: ClosingRule>(&mut self, rule: &R, state: &mut R::State) {
        match (self.measure, self.extended) {
            (Measure::Tick, false) => self.over::<R, TICK, false>(rule, state),
            (Measure::Tick, true) => self.over::<R, TICK, true>(rule, state),
            (Measure::Volume, false) => self.over::<R, VOLUME, false>(rule, state),
            (Measure::Volume, true) => self.over::<R, VOLUME, true>(rule, state),
            (Measure::Dollar, false) => self.over::<R, DOLLAR, false>(rule, state),
            (Measure::Dollar, true) => self.over::<R, DOLLAR, true>(rule, state),
        }
    }

    fn over<R: ClosingRule, const MEASURE: u8, const EXTENDED: bool>(
        &mut self,
        rule: &R,
        state: &mut R::State,
    ) {
        let Chunk { stamps, prices, sizes, .. } = *self.chunk;
        // The column of sides is empty if no rule needs it; prices stand in for it, so that all
        // columns have one length.
        let needs_sides = R::SIDES || EXTENDED;
        let sides = if needs_sides { &*self.signs.sides } else { prices };
        let mut causes = [0_u64; Cause::ALL.len()];
        // Copies stay in registers over the loop.
        let (mut bar, mut own, mut price_before) =
            (*self.open_bar, *state, self.signs.price_before);
        // The first trade that the open bar has not looked over.
        let mut first = 0;
        let columns = prices.iter().zip(sizes).zip(sides).enumerate();
        for (row, ((&price, &size), &side)) in columns {
            let dollar = price * size;
            let moved = if R::MOVES { direction(price_before, price) } else { 0.0 };
            price_before = price;
            let magnitude = match MEASURE {
                TICK => 1.0,
                VOLUME => size,
                _ => dollar,
            };
            let trade = SignedTrade { size, dollar, magnitude, moved, side };
            bar.add::<EXTENDED>(&trade);
            let amount = match MEASURE {
                TICK => bar.n as f64,
                VOLUME => bar.v,
                _ => bar.dollar,
            };
            if let Some(Closing { threshold, cause }) = rule.judge(&mut own, &trade, &bar, amount) {
                bar.look_over::<EXTENDED>(&stamps[first..=row], &prices[first..=row]);
                first = row + 1;
                self.closed.push(bar.close(threshold));
                causes[cause as usize] += 1;
            }
        }
        bar.look_over::<EXTENDED>(&stamps[first..], &prices[first..]);
        (*self.open_bar, *state) = (bar, own);
        for (cause, count) in Cause::ALL.into_iter().zip(causes).filter(|(_, count)| *count > 0) {
            *self.counts.closed.entry(cause).or_default() += count;
        }
    }
}

//! Series on disk for tests, built by the rules themselves.

use std::collections::BTreeMap;
use std::path::Path;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::BarColumns;
use shared::market::bar::Mode;
use shared::market::session;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::series::parameters::{BarRule, Parameters, Scale, TradeSource};
use shared::series::proof::{STATE_VERSION, SeriesFolder, SeriesState};

use super::chunk::{ChunkBuilder, LeftOut};
use super::output::YearFiles;
use super::series::{self, Point};
use super::tick_rule::Signs;

/// Stamp in ns, price, size.
pub type Trade = (i64, f64, f64);

/// Parameters as a user would type them, except the rule.
pub fn parameters(rule: BarRule, columns: BarColumns) -> Parameters {
    Parameters {
        rule,
        bars_per_day: None,
        first_sign: 1,
        extended: columns == BarColumns::Extended,
        source: TradeSource::Trades,
        scale: Scale::AsTraded,
        days: None,
    }
}

/// Writes the bars of `tape` with their open last one, and their state.
pub fn build(
    outdir: &Path,
    ticker: &str,
    mode: Mode,
    parameters: &Parameters,
    tape: &[Trade],
) -> SeriesFolder {
    let ticker: Ticker = ticker.parse().expect("a ticker");
    let folder = SeriesFolder::new(outdir, &ticker, mode);
    let column = |of: fn(&Trade) -> f64| tape.iter().map(of).collect::<Vec<f64>>();
    let stamps: Vec<i64> = tape.iter().map(|trade| trade.0).collect();
    let (prices, sizes, mut chunks) =
        (column(|trade| trade.1), column(|trade| trade.2), ChunkBuilder::default());
    let chunk = chunks.build(&stamps, &prices, &sizes, LeftOut::default());
    let (mut point, mut signs, mut bars) = (Point::start(parameters), Signs::default(), Vec::new());
    point.tick_rule.sign(chunk.prices, series::signs_needed(parameters), &mut signs);
    series::fold(mode, parameters, &mut point, &chunk, &signs, &mut bars);
    let columns = parameters.columns();
    let mut files =
        YearFiles::resume(folder.clone(), columns, None, &BTreeMap::new()).expect("begun");
    files.append(&bars).expect("taken");
    let open = point.open_bar.tail();
    point.position = files.position(open.as_ref()).expect("a position");
    let files = files.finish(open.as_ref()).expect("published");
    let day = |stamp: i64| TradingDay::of_utc_ns(stamp).expect("a day");
    let ends = tape
        .first()
        .zip(tape.last())
        .and_then(|(first, last)| DateRange::new(day(first.0), day(last.0)));
    let covered: Coverage = ends.into_iter().collect();
    let state = SeriesState {
        version: STATE_VERSION,
        ticker,
        mode,
        parameters: parameters.clone(),
        covered,
        gaps: Coverage::empty(),
        files,
        year_ends: Vec::new(),
        tail: point,
    };
    state.publish(&folder).expect("published");
    folder
}

/// A random walk over the sessions from `from` to `to`: restless mornings, jumps over night, a few
/// large moves.
pub fn walk(from: &str, to: &str, trades_a_day: u32, seed: u64) -> Vec<Trade> {
    let day = |text: &str| text.parse::<TradingDay>().expect("a day");
    // Knuth's MMIX generator: the tests need no better one.
    let mut state = seed;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let (mut price, mut tape) = (50.0_f64, Vec::new());
    for (day, session) in session::sessions(day(from), day(to)) {
        price *= 1.0 + (random() - 0.5) * 0.02;
        let (open, close) = (session.regular_open(day), session.regular_close(day));
        let length = (close.as_nanosecond() - open.as_nanosecond()) as f64;
        let busy = f64::from(trades_a_day) * (0.5 + random());
        let mut at = 0.0;
        while at < length {
            let part = at / length;
            let hurry = 0.4 + 4.0 * (part - 0.6).powi(2);
            at += length / busy / hurry * -(1.0 - random()).ln();
            let calm = random() + random() + random() - 1.5;
            let scale = if random() < 0.01 { 0.002 } else { 0.0003 };
            price = (price * (1.0 + calm * scale * hurry) * 100.0).round() / 100.0;
            let stamp = i64::try_from(open.as_nanosecond()).expect("a stamp") + nanoseconds(at);
            tape.push((stamp, price, (random() * 5.0).ceil() * 100.0));
        }
    }
    tape
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a day's ns are far from the end of the integers"
)]
fn nanoseconds(at: f64) -> i64 {
    at as i64
}

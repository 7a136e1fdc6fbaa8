//! A made-up market: deterministic by seed, ticker and day, whatever is asked first.

pub mod universe;
pub mod renames;
mod price_path;
pub mod tape;
pub mod bars;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use shared::market::session::{session, sessions};
use shared::market::trading_day::TradingDay;

use self::renames::Symbols;
use self::tape::{Tape, decorate};
use self::universe::{Liquidity, Stock};
use super::cache::Cache;
use super::record::{Bar, Listing, Split, Trade};
use super::source::{Source, SourceError};

pub use self::universe::ELEPHANT;

/// What a synthetic market is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Root of every chance.
    pub seed: u64,
    /// Stocks in the universe, at least one: the elephant.
    pub tickers: usize,
    /// Trades of the elephant on a full session since 2025.
    pub elephant_trades: u64,
    /// How many of the first stocks are elephants, at least one.
    pub elephants: usize,
    /// Whether there are securities that changed their symbol.
    pub symbols: Symbols,
    /// The last day with data; later days answer like days without trades.
    pub last_day: TradingDay,
}

impl Shape {
    /// 300 stocks, an elephant of 20,000 trades a day, data to 2026-10-30.
    pub fn new(seed: u64) -> Self {
        let last_day = TradingDay::from_ymd(2026, 10, 30).expect("a date");
        Self {
            seed,
            tickers: 300,
            elephant_trades: 20_000,
            elephants: 1,
            symbols: Symbols::Kept,
            last_day,
        }
    }
}

/// Rows of bars and trades remembered, in all.
const REMEMBERED_ROWS: usize = 200_000;

/// A synthetic market.
pub struct Synthetic {
    shape: Shape,
    /// The securities of a symbol, one after the other.
    by_ticker: HashMap<String, Vec<Stock>>,
    listings: Vec<Listing>,
    splits: HashMap<String, Vec<Split>>,
    years: Cache<(String, i16), Bar>,
    trade_days: Cache<(String, TradingDay), Trade>,
}

impl Synthetic {
    /// The market of a shape.
    pub fn new(shape: Shape) -> Self {
        let mut stocks = universe::stocks(shape.seed, shape.tickers.max(1), shape.last_day);
        for stock in stocks.iter_mut().take(shape.elephants) {
            stock.liquidity = Liquidity::Elephant;
        }
        stocks.extend(renames::stocks(shape.seed, shape.symbols));
        let mut listings: Vec<Listing> = stocks.iter().map(|stock| stock.listing.clone()).collect();
        listings.sort_by(|a, b| (&a.ticker, a.listed).cmp(&(&b.ticker, b.listed)));
        let name = |stock: &Stock| stock.listing.ticker.as_str().to_owned();
        let splits = stocks.iter().map(|stock| (name(stock), stock.splits.clone())).collect();
        let mut by_ticker: HashMap<String, Vec<Stock>> = HashMap::new();
        for stock in stocks {
            by_ticker.entry(name(&stock)).or_default().push(stock);
        }
        for own in by_ticker.values_mut() {
            own.sort_by_key(|stock| stock.listing.listed);
        }
        Self {
            shape,
            listings,
            splits,
            by_ticker,
            years: Cache::new(REMEMBERED_ROWS),
            trade_days: Cache::new(REMEMBERED_ROWS),
        }
    }

    /// What is known of a ticker beyond its listing; of one that was used again, as it is now.
    pub fn stock(&self, ticker: &str) -> Option<&Stock> {
        self.by_ticker.get(ticker)?.last()
    }

    /// The prints of a ticker's day; `None` where there is no such ticker, no session or no data.
    fn tape(&self, ticker: &str, day: TradingDay) -> Option<(&Stock, Tape)> {
        let own = self.by_ticker.get(ticker)?;
        let stock = own.iter().find(|stock| stock.listing.trades_on(day)).or(own.last())?;
        let (first, last) = self.days();
        if !(first..=last).contains(&day) {
            return None;
        }
        let session = session(day)?;
        Some((stock, Tape::new(stock, day, session, self.shape.elephant_trades)))
    }

    fn year(&self, stock: &Stock, year: i16) -> Vec<Bar> {
        let Some(new_year) = TradingDay::from_ymd(year, 1, 1) else { return Vec::new() };
        let (first, last) = self.days();
        let from = stock.listing.listed.unwrap_or(first).max(first).max(new_year);
        let to = TradingDay::from_ymd(year, 12, 31).unwrap_or(last).min(last);
        let bar = |(day, session)| {
            let tape = Tape::new(stock, day, session, self.shape.elephant_trades);
            bars::day_bar(day, tape)
        };
        sessions(from, to).filter_map(bar).collect()
    }
}

impl Source for Synthetic {
    fn daily_bars(&self, ticker: &str, year: i16) -> Result<Arc<Vec<Bar>>, SourceError> {
        let Some(own) = self.by_ticker.get(ticker) else { return Ok(Arc::default()) };
        let made = self.years.get_or_make((ticker.to_owned(), year), || {
            Ok::<_, Infallible>(own.iter().flat_map(|stock| self.year(stock, year)).collect())
        });
        let Ok(bars) = made;
        Ok(bars)
    }

    fn day_bar(&self, ticker: &str, day: TradingDay) -> Result<Option<Bar>, SourceError> {
        Ok(self.tape(ticker, day).and_then(|(_, tape)| bars::day_bar(day, tape)))
    }

    fn minute_bars(&self, ticker: &str, day: TradingDay) -> Result<Arc<Vec<Bar>>, SourceError> {
        let bars = self.tape(ticker, day).map(|(_, tape)| bars::minute_bars(day, tape));
        Ok(Arc::new(bars.unwrap_or_default()))
    }

    fn trades(&self, ticker: &str, day: TradingDay) -> Result<Arc<Vec<Trade>>, SourceError> {
        let Some((stock, tape)) = self.tape(ticker, day) else { return Ok(Arc::default()) };
        let made = self.trade_days.get_or_make((ticker.to_owned(), day), || {
            Ok::<_, Infallible>(tape.map(|print| decorate(&print, stock, day)).collect())
        });
        let Ok(trades) = made;
        Ok(trades)
    }

    fn listings(&self) -> &[Listing] {
        &self.listings
    }

    fn splits(&self) -> &HashMap<String, Vec<Split>> {
        &self.splits
    }

    fn days(&self) -> (TradingDay, TradingDay) {
        (universe::first_day(), self.shape.last_day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::record::{Adjustment, Span};
    use crate::sim::source::{true_bars, true_trades};

    fn day(text: &str) -> TradingDay {
        text.parse().expect(text)
    }

    fn small() -> Synthetic {
        Synthetic::new(Shape { tickers: 30, elephant_trades: 2_000, ..Shape::new(7) })
    }

    #[test]
    fn days_are_the_same_in_any_order() {
        let (one, other) = (small(), small());
        let backwards: Vec<_> = (0..40).rev().map(|n| day("2024-06-03").plus_days(n)).collect();
        let mut from_one: Vec<_> =
            backwards.iter().map(|&d| one.trades(ELEPHANT, d).expect("synthetic")).collect();
        from_one.reverse();
        let from_other = true_trades(&other, ELEPHANT, (day("2024-06-03"), day("2024-07-12")))
            .expect("synthetic");
        assert_eq!(
            from_one.iter().flat_map(|trades| trades.iter().cloned()).collect::<Vec<_>>(),
            from_other
        );
        let bars = other.daily_bars(ELEPHANT, 2024).expect("synthetic");
        for &d in &backwards {
            let alone = one.day_bar(ELEPHANT, d).expect("synthetic");
            assert_eq!(alone.as_ref(), bars.iter().find(|bar| bar.t_ms == d.start_utc_ms()));
        }
    }

    #[test]
    fn the_tape_is_sorted_and_inside_its_session() {
        let market = small();
        let mut ties = 0;
        for (date, session) in sessions(day("2026-02-20"), day("2026-03-03")) {
            let trades = market.trades(ELEPHANT, date).expect("synthetic");
            assert!(
                trades
                    .windows(2)
                    .all(|w| (w[0].sip_ns, w[0].sequence) < (w[1].sip_ns, w[1].sequence))
            );
            assert!(trades.windows(2).all(|w| w[0].sequence < w[1].sequence));
            ties += trades.windows(2).filter(|w| w[0].sip_ns == w[1].sip_ns).count();
            let at = |t: jiff::Timestamp| i64::try_from(t.as_nanosecond()).expect("this century");
            assert!(trades.iter().all(|t| t.sip_ns >= at(session.extended_open(date))));
            assert!(trades.iter().all(|t| t.sip_ns < at(session.extended_close(date))));
            assert_eq!(
                trades.iter().any(|t| t.size.0 % 1_000_000 != 0),
                date >= day("2026-02-23"),
                "{date}"
            );
        }
        assert!(ties > 100);
    }

    #[test]
    fn no_bar_before_listing_or_after_delisting() {
        let market = Synthetic::new(Shape::new(7));
        let range = market.days();
        let mut checked = 0;
        for listing in market.listings().iter().filter(|l| l.delisted.is_some()).take(5) {
            let bars = true_bars(
                &market,
                listing.ticker.as_str(),
                Span::Day,
                range,
                Adjustment::Unadjusted,
            )
            .expect("synthetic");
            let (first, last) =
                (bars.first().expect("some bars").t, bars.last().expect("some bars").t);
            assert!(first >= listing.listed.expect("known").start_utc_ms());
            assert!(last < listing.delisted.expect("chosen for it").start_utc_ms());
            checked += 1;
        }
        assert_eq!(checked, 5);
    }

    #[test]
    fn there_is_nothing_outside_the_days_of_the_data() {
        let market = small();
        for date in ["2003-09-09", "2026-11-02"] {
            let date = day(date);
            assert!(
                session(date).is_some()
                    && market.trades(ELEPHANT, date).expect("synthetic").is_empty()
            );
            assert!(market.minute_bars(ELEPHANT, date).expect("synthetic").is_empty());
            assert_eq!(market.day_bar(ELEPHANT, date).expect("synthetic"), None);
        }
        assert!(market.daily_bars(ELEPHANT, 2027).expect("synthetic").is_empty());
    }

    #[test]
    fn halts_are_sessions_without_trades() {
        let market = Synthetic::new(Shape::new(7));
        let (from, to) = (day("2010-01-04"), day("2019-12-31"));
        let open = |listing: &&Listing| {
            let stock = market.stock(listing.ticker.as_str()).expect("listed");
            stock.liquidity == Liquidity::Normal && listing.trades_on(from) && listing.trades_on(to)
        };
        for listing in market.listings().iter().filter(open).take(5) {
            let ticker = listing.ticker.as_str();
            let quiet: Vec<TradingDay> = sessions(from, to)
                .map(|(date, _)| date)
                .filter(|&date| market.trades(ticker, date).expect("synthetic").is_empty())
                .collect();
            assert!((1..40).contains(&quiet.len()), "{ticker} stopped on {quiet:?}");
            assert!(
                quiet
                    .iter()
                    .all(|&date| market.day_bar(ticker, date).expect("synthetic").is_none())
            );
        }
    }

    #[test]
    fn adjusted_prices_are_smooth_across_a_split() {
        let market = small();
        let split = market.splits()[ELEPHANT][0].clone();
        let span = (split.execution.plus_days(-10), split.execution);
        let bars = |adjustment| {
            true_bars(&market, ELEPHANT, Span::Day, span, adjustment).expect("synthetic")
        };
        let step = |bars: &[shared::market::ohlcv::Ohlcv]| {
            bars[bars.len() - 1].open / bars[bars.len() - 2].close
        };
        let (raw, adjusted) = (bars(Adjustment::Unadjusted), bars(Adjustment::Splits));
        assert!((step(&adjusted) - 1.0).abs() < 0.2);
        let ratio = split.from as f64 / split.to as f64;
        assert!((step(&raw) / ratio - 1.0).abs() < 0.2);
        assert_eq!(raw.last(), adjusted.last());
    }
}

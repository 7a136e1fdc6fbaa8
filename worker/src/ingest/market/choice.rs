//! Which way takes fewer requests: ticker by ticker, or the whole market session by session. Pure.

use shared::dataset::coverage::{Coverage, DateRange};
use shared::run::via::Via;
use shared::run::window::Window;

use super::session_query;

/// Requests, as far as they can be told beforehand: one page for each range, none asked twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    pub by_ticker: usize,
    pub by_session: usize,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Tickers,
    /// The whole market.
    Market,
}

impl Costs {
    /// Of bringing what each ticker misses.
    pub fn of<'a>(missing: impl Iterator<Item = &'a Coverage>, window: Window) -> Self {
        let ranges: Vec<DateRange> = missing.flat_map(Coverage::ranges).copied().collect();
        let by_ticker = ranges.iter().map(|range| window.pieces(*range).len()).sum();
        let queries = session_query::cut(&ranges.into_iter().collect());
        Self { by_ticker, by_session: session_query::sessions(&queries).count() }
    }

    /// As asked; where nothing was asked, the market only when it is strictly cheaper.
    pub fn choose(self, via: Via) -> Way {
        let by_session = match via {
            Via::Ticker => false,
            Via::Grouped => true,
            Via::Auto => self.by_session < self.by_ticker,
        };
        if by_session { Way::Market } else { Way::Tickers }
    }

    /// What is done and what it costs, for people.
    pub fn words(self, way: Way) -> String {
        let Self { by_ticker, by_session } = self;
        match way {
            Way::Market => {
                format!(
                    "one request a session for the whole market: {by_session} instead of {by_ticker}"
                )
            }
            Way::Tickers => {
                format!(
                    "ticker by ticker: {by_ticker} requests or more, {by_session} for the whole market"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shared::market::trading_day::TradingDay;

    fn days(from: &str, to: &str) -> Coverage {
        DateRange::new(from.parse().expect(from), to.parse().expect(to)).expect("in order").into()
    }

    #[test]
    fn many_tickers_and_few_sessions_are_asked_for_together() {
        let fortnight = vec![days("2024-03-04", "2024-03-17"); 300];
        let costs = Costs::of(fortnight.iter(), Window::Range);
        assert_eq!(
            (costs, costs.choose(Via::Auto)),
            (Costs { by_ticker: 300, by_session: 10 }, Way::Market)
        );
        assert_eq!(
            costs.words(Way::Market),
            "one request a session for the whole market: 10 instead of 300"
        );
        assert_eq!(
            Costs::of(fortnight[..10].iter(), Window::Range).choose(Via::Auto),
            Way::Tickers,
            "not cheaper"
        );
        assert_eq!(costs.choose(Via::Ticker), Way::Tickers);
        assert_eq!(Costs { by_ticker: 1, by_session: 9 }.choose(Via::Grouped), Way::Market);
    }

    #[test]
    fn each_month_is_a_request_where_months_are_asked_for() {
        let quarter = [days("2024-01-15", "2024-04-02")];
        assert_eq!(Costs::of(quarter.iter(), Window::Range).by_ticker, 1);
        assert_eq!(Costs::of(quarter.iter(), Window::Month).by_ticker, 4);
    }

    proptest! {
        #[test]
        fn auto_is_never_dearer_and_a_session_that_two_tickers_miss_costs_once(
            spans in proptest::collection::vec((0..300_i32, 0..30_i32), 0..40),
        ) {
            let day = |number| "2023-01-01".parse::<TradingDay>().expect("a day").plus_days(number);
            let span = |(from, length)| DateRange::new(day(from), day(from + length)).expect("in order").into();
            let missing: Vec<Coverage> = spans.into_iter().map(span).collect();
            let costs = Costs::of(missing.iter(), Window::Range);
            let taken = match costs.choose(Via::Auto) {
                Way::Market => costs.by_session,
                Way::Tickers => costs.by_ticker,
            };
            prop_assert_eq!(taken, costs.by_ticker.min(costs.by_session));
            let doubled: Vec<Coverage> = [missing.clone(), missing].concat();
            let of_twice = Costs::of(doubled.iter(), Window::Range);
            prop_assert_eq!(of_twice.by_session, costs.by_session);
            prop_assert_eq!(of_twice.by_ticker, costs.by_ticker * 2);
        }
    }
}

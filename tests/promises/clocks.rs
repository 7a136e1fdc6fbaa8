//! Promise: what counts as settled is told by the earlier of two clocks, this machine's and the source's. A source whose
//! `Date` is days behind looks the same as a machine whose clock is days ahead.

use jiff::{SignedDuration, Timestamp};
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use tests::harness::place::Place;
use tests::harness::program::run;
use tests::harness::tree;
use tests::harness::truth::{daily_bars, universe};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
const SETTLE: SignedDuration = SignedDuration::from_hours(15);

/// A market that trades to this day, and says that now is so far from now.
fn market(today: TradingDay, date_offset: SignedDuration) -> Exchange {
    let config = Config::synthetic(7).with_tickers(8).with_last_day(today).with_date_offset(date_offset);
    Exchange::start(config).expect("started")
}

#[test]
fn a_clock_that_is_a_week_ahead_brings_no_day_that_is_not_settled_and_a_right_one_brings_the_rest() {
    let now = Timestamp::now();
    let today = TradingDay::of(now).expect("a day");
    let asked = DateRange::new(today.plus_days(-30), today).expect("in order");
    let by_source = TradingDay::last_settled(now - WEEK, SETTLE);
    let settled = DateRange::new(asked.from(), by_source).expect("in order");
    for via in ["ticker", "grouped"] {
        let exchange = market(today, -WEEK);
        let tickers = universe(&exchange, 3);
        let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
        let ended = run(place.worker(&exchange.base_url(), asked).args(["--via", via])).expect_code(0);
        let said = &ended.stderr;
        let line = "WARN  this machine's clock is 7 days 0 h ahead of the source's";
        assert_eq!(said.matches(line).count(), 1, "{via}: {said}");
        for ticker in &tickers {
            let left_out = format!("{ticker}: {}..", by_source.next());
            assert!(
                said.contains(&left_out) && said.contains("is not settled by the source's clock"),
                "{said}"
            );
            assert!(tree::is_proven(&place.outdir(), Kind::Daily, ticker, settled), "{via}: {ticker}");
            let rows = tree::daily_rows(&place.outdir(), ticker);
            assert_eq!(rows, daily_bars(&exchange, ticker, settled), "{via}: nothing beyond");
            let ledger = Ledger::read(&place.outdir(), Kind::Daily, ticker).expect("sound");
            assert!(ledger.answered().intersection(&beyond(by_source, today)).is_empty(), "{via}: {ticker}");
            let latest = latest_question(&place, ticker);
            assert!(
                latest <= Timestamp::now() - WEEK,
                "{via}: nothing was asked in the source's future: {latest}"
            );
        }
        // The clock is set right.
        let right = market(today, SignedDuration::ZERO);
        let before = right.stats().total;
        run(place.worker(&right.base_url(), asked).args(["--via", via, "--resume"])).expect_code(0);
        assert!(right.stats().total > before, "{via}: what was left out is asked for");
        let all = DateRange::new(asked.from(), TradingDay::last_settled(now, SETTLE)).expect("in order");
        for ticker in &tickers {
            assert_eq!(
                tree::daily_rows(&place.outdir(), ticker),
                daily_bars(&right, ticker, all),
                "{via}: {ticker}"
            );
        }
    }
}

fn beyond(day: TradingDay, today: TradingDay) -> shared::dataset::coverage::Coverage {
    DateRange::new(day.next(), today).expect("in order").into()
}

/// The time of the last question that the ledger of `ticker` tells of.
fn latest_question(place: &Place, ticker: &Ticker) -> Timestamp {
    let text = std::fs::read_to_string(Ledger::path(&place.outdir(), ticker)).expect("read");
    let times = text.split("\"asked_at\":\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default());
    times.map(|time| time.parse().expect("an instant")).max().expect("a question")
}

//! Damage to trades.

use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use tests::harness::market_on_disk::Proof;
use tests::harness::tables::{TradeRow, trade_table};

use super::{Case, case, cut, day, each, say_empty, trade_day, trades};

/// Of trades.
pub(crate) fn trade() -> Vec<Case> {
    let case = |what, found, harm| case(what, Kind::Trades, found, harm);
    vec![
        case("a day is cut at a page", ("page-cut", "exactly 50,000 rows"), |market, ticker| {
            trades(market, ticker, |rows| {
                let first = rows[0].clone();
                rows.clear();
                let later = |at: i64| TradeRow { sip_ns: first.sip_ns + at, ..first.clone() };
                rows.extend((0..50_000).map(later));
            })
        }),
        case(
            "two days have changed places",
            ("outside-partition", "in the file of 2024-12-19"),
            |market, ticker| {
                let next = Partition::Day(day("2024-12-20"));
                let (one, other) =
                    (market.trades(ticker, trade_day()), market.trades(ticker, next));
                let replace = |partition, rows: &[TradeRow]| {
                    market.replace(ticker, partition, Proof::Follows, &trade_table(rows));
                };
                replace(trade_day(), &other);
                replace(next, &one);
                market.file(ticker, trade_day())
            },
        ),
        case(
            "stamps in microseconds",
            ("stamp-unit", "microseconds, where ns belong"),
            |market, ticker| trades(market, ticker, |rows| each(rows, |row| row.sip_ns /= 1_000)),
        ),
        case("a size below nothing", ("impossible-number", "size -1"), |market, ticker| {
            trades(market, ticker, |rows| rows[0].size = -1.0)
        }),
        case("a day with volume and no trades", ("volume-without-trades", ""), |market, ticker| {
            say_empty(market, ticker, trade_day())
        }),
        case("a page came twice", ("out-of-order", "after"), |market, ticker| {
            trades(market, ticker, |rows| {
                let again = rows.clone();
                rows.extend(again);
            })
        }),
        case("a file is truncated", ("wrong-length", ""), |market, ticker| {
            cut(market, ticker, trade_day(), |length| length / 2)
        }),
        case(
            "prints of another stock",
            ("price-spike", "times off its neighbours"),
            |market, ticker| {
                trades(market, ticker, |rows| {
                    let first = rows[0].clone();
                    let later = |at: i64| TradeRow { sip_ns: first.sip_ns + at, ..first.clone() };
                    let lone = TradeRow { price: first.price * 1_000.0, ..later(1) };
                    rows.splice(0..1, [first.clone(), lone, later(2)]);
                    rows.sort_by_key(|row| row.sip_ns);
                })
            },
        ),
        case(
            "raw trades on another scale",
            ("split-ratio", "times those of the daily bar"),
            |market, ticker| trades(market, ticker, |rows| each(rows, |row| row.price *= 10.0)),
        ),
    ]
}

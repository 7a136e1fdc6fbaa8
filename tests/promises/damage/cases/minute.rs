//! Damage to minutes.

use std::fs;

use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use tests::harness::market_on_disk::Proof;
use tests::harness::tables::{BarRow, bar_table};

use super::{Case, at, bars, case, each, forget, say_empty, sort};

const MONTH: Partition = Partition::Month(2023, 5);

/// Of minutes.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
pub(crate) fn minute() -> Vec<Case> {
    let case = |what, found, harm| case(what, Kind::Minute, found, harm);
    vec![
        case("a month is missing with its line", ("no-proof", ""), |market, ticker| {
            let path = market.file(ticker, MONTH);
            fs::remove_file(&path).expect("removed");
            forget(market, ticker, MONTH);
            path
        }),
        case(
            "most of a month is cut off",
            ("thin-month", "by the months around it"),
            |market, ticker| bars(market, ticker, MONTH, |rows| rows.truncate(2)),
        ),
        case("a minute twice", ("duplicate-key", "stands there twice"), |market, ticker| {
            bars(market, ticker, MONTH, |rows| rows.insert(11, rows[10].clone()))
        }),
        case(
            "two months have changed places",
            ("outside-partition", "in the file of 2023-05"),
            |market, ticker| {
                let june = Partition::Month(2023, 6);
                let (may, other) = (market.bars(ticker, MONTH), market.bars(ticker, june));
                let replace = |partition, rows: &[BarRow]| {
                    market.replace(
                        ticker,
                        partition,
                        Proof::Follows,
                        &bar_table(Kind::Minute, rows),
                    );
                };
                replace(MONTH, &other);
                replace(june, &may);
                market.file(ticker, MONTH)
            },
        ),
        case("a day is labelled as another", ("wrong-label", "2023-05-12"), |market, ticker| {
            bars(market, ticker, MONTH, |rows| {
                let from = rows.iter().position(|row| *row.date > *"2023-05-11").expect("a day");
                let theirs = rows[from].date.clone();
                for row in rows.iter_mut().filter(|row| row.date == theirs) {
                    row.date =
                        "2023-05-12".to_owned() + if theirs == "2023-05-12" { "X" } else { "" };
                }
            })
        }),
        case(
            "rows late at night",
            ("rows-beyond-hours", "minutes outside extended hours"),
            |market, ticker| {
                bars(market, ticker, MONTH, |rows| {
                    rows.push(at(&rows[20], "2023-05-31", 21 * 60));
                })
            },
        ),
        case(
            "rows of the evening of a half day",
            ("rows-beyond-hours", "2023-07-03"),
            |market, ticker| {
                bars(market, ticker, Partition::Month(2023, 7), |rows| {
                    rows.push(at(&rows[20], "2023-07-03", 18 * 60));
                    sort(rows);
                })
            },
        ),
        case("rows of a Saturday", ("rows-without-session", "2023-05-13"), |market, ticker| {
            bars(market, ticker, MONTH, |rows| {
                rows.push(at(&rows[20], "2023-05-13", 600));
                sort(rows);
            })
        }),
        case(
            "stamps in nanoseconds",
            ("stamp-unit", "nanoseconds, where ms belong"),
            |market, ticker| {
                bars(market, ticker, MONTH, |rows| each(rows, |row| row.t *= 1_000_000))
            },
        ),
        case(
            "adjusted prices among raw ones",
            ("split-ratio", "of those of the daily bar"),
            |market, ticker| {
                bars(market, ticker, MONTH, |rows| {
                    each(rows, |row| row.prices = row.prices.map(|price| price / 4.0));
                })
            },
        ),
        case("all volume on one minute", ("one-bar-volume", "shares"), |market, ticker| {
            bars(market, ticker, MONTH, |rows| {
                rows.retain(|row| row.date != "2023-05-16");
                let row = rows[5].clone();
                rows.extend(
                    (600..630)
                        .map(|minute| BarRow { volume: 1e-9, ..at(&row, "2023-05-16", minute) }),
                );
                rows.push(BarRow { volume: 1e9, ..at(&row, "2023-05-16", 700) });
                sort(rows);
            })
        }),
        case(
            "the source said empty, and it was not",
            ("volume-without-minutes", ""),
            |market, ticker| say_empty(market, ticker, MONTH),
        ),
        case("sizes of nothing", ("zero-size", "have a size of 0"), |market, ticker| {
            bars(market, ticker, MONTH, |rows| {
                each(&mut rows[..30], |row| row.volume = 0.0);
            })
        }),
        case("a file without a row", ("no-rows", "it has no row"), |market, ticker| {
            market.replace(ticker, MONTH, Proof::Stays, &bar_table(Kind::Minute, &[]));
            market.file(ticker, MONTH)
        }),
        case("a writer was killed", ("draft-left", ""), |market, ticker| {
            let draft = market.file(ticker, MONTH).with_file_name("_minute.parquet.17.tmp");
            fs::write(&draft, b"half").expect("written");
            draft
        }),
        case("text in the place of a file", ("wrong-checksum", ""), |market, ticker| {
            let path = market.file(ticker, MONTH);
            let length = fs::metadata(&path).expect("there").len();
            fs::write(&path, "x".repeat(usize::try_from(length).expect("short"))).expect("written");
            path
        }),
    ]
}

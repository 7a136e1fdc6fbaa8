//! Kinds of damage, each done to one ticker of a [`MarketOnDisk`]: how it is done, and by which rule
//! and in which file it must be found.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use shared::dataset::answers::Said;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use tests::harness::market_on_disk::{
    BarRow, MarketOnDisk, Proof, TradeRow, bar_table, trade_table,
};

/// Damages a ticker, and returns the file or folder that must be named.
pub(crate) type Harm = fn(&MarketOnDisk, &Ticker) -> PathBuf;

/// One kind of damage.
pub(crate) struct Case {
    /// What has happened.
    pub(crate) what: &'static str,
    /// Where.
    pub(crate) kind: Kind,
    /// By which rule it is found.
    pub(crate) rule: &'static str,
    /// What the reason says of it.
    pub(crate) words: &'static str,
    /// How it is done.
    pub(crate) harm: Harm,
}

const YEAR: Partition = Partition::Year(2023);
const MONTH: Partition = Partition::Month(2023, 5);

fn day(text: &str) -> TradingDay {
    text.parse().expect(text)
}

/// The session of which trades are damaged.
fn trade_day() -> Partition {
    Partition::Day(day("2024-12-19"))
}

fn cut(
    market: &MarketOnDisk,
    ticker: &Ticker,
    partition: Partition,
    keep: fn(usize) -> usize,
) -> PathBuf {
    let path = market.file(ticker, partition);
    let bytes = fs::read(&path).expect("read");
    fs::write(&path, &bytes[..keep(bytes.len())]).expect("written");
    path
}

fn bars(
    market: &MarketOnDisk,
    ticker: &Ticker,
    partition: Partition,
    change: impl FnOnce(&mut Vec<BarRow>),
) -> PathBuf {
    market.change_bars(ticker, partition, Proof::Follows, change);
    market.file(ticker, partition)
}

fn trades(
    market: &MarketOnDisk,
    ticker: &Ticker,
    change: impl FnOnce(&mut Vec<TradeRow>),
) -> PathBuf {
    market.change_trades(ticker, trade_day(), Proof::Follows, change);
    market.file(ticker, trade_day())
}

/// The same bar at another time of the same or another day.
fn at(row: &BarRow, date: &str, minute_of_day: i64) -> BarRow {
    let minute = row
        .minute
        .is_some()
        .then(|| format!("{date} {:02}:{:02}", minute_of_day / 60, minute_of_day % 60));
    let t = day(date).start_utc_ms() + minute_of_day * 60_000;
    BarRow { date: date.to_owned(), minute, t, ..row.clone() }
}

fn sort(rows: &mut [BarRow]) {
    rows.sort_by_key(|row| row.t);
}

fn flip_a_byte(path: &Path) {
    let mut bytes = fs::read(path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(path, bytes).expect("written");
}

/// The source's word for nothing, in the place of rows.
fn say_empty(market: &MarketOnDisk, ticker: &Ticker, partition: Partition) -> PathBuf {
    let path = market.file(ticker, partition);
    fs::remove_file(&path).expect("removed");
    market.change_line(ticker, partition, |entry| {
        entry.file = None;
        let at: jiff::Timestamp = "2025-02-03T12:00:00Z".parse().expect("an instant");
        entry.answers = Vec::new().into();
        entry.answers.record(partition.span(), Said::Empty { asks: 2 }, at);
    });
    path
}

/// Removes the line of a partition.
fn forget(market: &MarketOnDisk, ticker: &Ticker, partition: Partition) {
    let mut entries = market.ledger(partition.kind(), ticker);
    entries.retain(|entry| entry.partition != partition);
    market.write_ledger(partition.kind(), ticker, &entries);
}

fn case(
    what: &'static str,
    kind: Kind,
    (rule, words): (&'static str, &'static str),
    harm: Harm,
) -> Case {
    Case { what, kind, rule, words, harm }
}

/// Of daily bars.
pub(crate) fn daily() -> Vec<Case> {
    let case = |what, found, harm| case(what, Kind::Daily, found, harm);
    vec![
        case("a year's file is gone", ("file-gone", ""), |market, ticker| {
            let path = market.file(ticker, YEAR);
            fs::remove_file(&path).expect("removed");
            path
        }),
        case("the ledger is deleted", ("no-ledger-line", ""), |market, ticker| {
            fs::remove_file(Ledger::path(&market.tree(Kind::Daily), ticker)).expect("removed");
            market.file(ticker, YEAR)
        }),
        case("a file is truncated", ("wrong-length", ""), |market, ticker| {
            cut(market, ticker, YEAR, |length| length - 100)
        }),
        case("a file is empty", ("wrong-length", ""), |market, ticker| {
            cut(market, ticker, YEAR, |_| 0)
        }),
        case("a byte has changed", ("wrong-checksum", "SHA-256"), |market, ticker| {
            let path = market.file(ticker, YEAR);
            flip_a_byte(&path);
            path
        }),
        case("another ticker's rows", ("rows-of-another", "\"QQQQ\""), |market, ticker| {
            bars(market, ticker, YEAR, |rows| {
                rows.iter_mut().for_each(|row| row.ticker = "QQQQ".to_owned());
            })
        }),
        case("a day twice", ("duplicate-key", "stands there twice"), |market, ticker| {
            bars(market, ticker, YEAR, |rows| rows.insert(21, rows[20].clone()))
        }),
        case(
            "two days have changed places",
            ("out-of-order", "comes after a later one"),
            |market, ticker| bars(market, ticker, YEAR, |rows| rows.swap(20, 21)),
        ),
        case("a price that is no number", ("impossible-number", "c NaN"), |market, ticker| {
            bars(market, ticker, YEAR, |rows| rows[20].prices[3] = f64::NAN)
        }),
        case(
            "an open above its high",
            ("price-bounds", "the source sent it so"),
            |market, ticker| {
                bars(market, ticker, YEAR, |rows| rows[20].prices[0] = rows[20].prices[1] * 1.5)
            },
        ),
        case(
            "a year on another scale",
            ("step-and-back", "it is undone right after"),
            |market, ticker| {
                bars(market, ticker, YEAR, |rows| {
                    rows.iter_mut()
                        .for_each(|row| row.prices = row.prices.map(|price| price * 5.0));
                })
            },
        ),
        case(
            "a bar a hundred times its neighbours",
            ("price-spike", "times off its neighbours"),
            |market, ticker| {
                bars(market, ticker, YEAR, |rows| {
                    rows[20].prices = rows[20].prices.map(|price| price * 150.0);
                })
            },
        ),
        case("a price of nothing", ("zero-price", "have a price of 0"), |market, ticker| {
            bars(market, ticker, YEAR, |rows| rows[20].prices[2] = 0.0)
        }),
        case("a row of a holiday", ("rows-without-session", "2023-07-04"), |market, ticker| {
            bars(market, ticker, YEAR, |rows| {
                rows.push(at(&rows[20], "2023-07-04", 0));
                sort(rows);
            })
        }),
        case(
            "a day copied to the next",
            ("identical-days", "has the 1 rows of"),
            |market, ticker| {
                bars(market, ticker, YEAR, |rows| {
                    let moves = |row: &&BarRow| row.prices[1] > row.prices[2];
                    let from = rows.iter().position(|row| moves(&row)).expect("one that moves");
                    rows[from + 1] = BarRow {
                        date: rows[from + 1].date.clone(),
                        t: rows[from + 1].t,
                        ..rows[from].clone()
                    };
                })
            },
        ),
        case(
            "a ledger that lies",
            ("ledger-differs", "where the ledger says 9999"),
            |market, ticker| {
                market.change_line(ticker, YEAR, |entry| {
                    entry.file.as_mut().expect("a file").rows = 9_999
                });
                market.file(ticker, YEAR)
            },
        ),
        case("the ledger of another ticker", ("ledger-of-another", ""), |market, ticker| {
            let other = &market.stocks[0].listing.ticker;
            let tree = market.tree(Kind::Daily);
            let theirs = fs::read(Ledger::path(&tree, other)).expect("read");
            fs::write(Ledger::path(&tree, ticker), theirs).expect("written");
            Ledger::path(&tree, ticker)
        }),
        case("a damaged ledger line", ("ledger-unreadable", ""), |market, ticker| {
            let path = Ledger::path(&market.tree(Kind::Daily), ticker);
            let text = fs::read_to_string(&path).expect("read");
            fs::write(&path, text.replacen("\"rows\":", "\"rows\":1", 1)).expect("written");
            path
        }),
        case("a copy beside the file", ("stray-file", ""), |market, ticker| {
            let path = market.file(ticker, YEAR);
            let copy = path.with_file_name("daily (1).parquet");
            fs::copy(&path, &copy).expect("copied");
            copy
        }),
        case("a folder is renamed", ("file-gone", ""), |market, ticker| {
            let path = market.file(ticker, YEAR);
            let folder = path.parent().expect("a folder");
            fs::rename(folder, folder.with_file_name("year=2023-old")).expect("renamed");
            path
        }),
        case("a pipe in the place of the file", ("not-a-file", "named pipe"), |market, ticker| {
            let path = market.file(ticker, YEAR);
            fs::remove_file(&path).expect("removed");
            nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("made");
            path
        }),
        case("a link in the place of the file", ("link", ""), |market, ticker| {
            let path = market.file(ticker, YEAR);
            let moved = path.with_file_name("elsewhere.bin");
            fs::rename(&path, &moved).expect("renamed");
            symlink(&moved, &path).expect("linked");
            path
        }),
        case(
            "stamps in microseconds",
            ("stamp-unit", "microseconds, where ms belong"),
            |market, ticker| {
                bars(market, ticker, YEAR, |rows| rows.iter_mut().for_each(|row| row.t *= 1_000))
            },
        ),
        case("volumes as text", ("wrong-columns", "v Utf8"), |market, ticker| {
            let rows = market.bars(ticker, YEAR);
            let table = bar_table(Kind::Daily, &rows);
            let text = rows.iter().map(|row| row.volume.to_string());
            let mut columns = table.columns().to_vec();
            columns[7] = Arc::new(StringArray::from_iter_values(text)) as ArrayRef;
            let field = |field: &Arc<Field>| match field.name().as_str() {
                "v" => Field::new("v", DataType::Utf8, false),
                _ => field.as_ref().clone(),
            };
            let fields: Vec<Field> = table.schema().fields().iter().map(field).collect();
            let table = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
            market.replace(ticker, YEAR, Proof::Follows, &table.expect("a table"));
            market.file(ticker, YEAR)
        }),
        case(
            "a row of the next year",
            ("outside-partition", "in the file of 2023"),
            |market, ticker| {
                bars(market, ticker, YEAR, |rows| rows.push(at(&rows[20], "2024-01-02", 0)))
            },
        ),
        case("all volume on one day", ("one-bar-volume", "shares"), |market, ticker| {
            bars(market, ticker, YEAR, |rows| rows[20].volume = 1e15)
        }),
    ]
}

/// Of minutes.
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
                let from = rows.iter().position(|row| row.date > *"2023-05-11").expect("a day");
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
                bars(market, ticker, MONTH, |rows| {
                    rows.iter_mut().for_each(|row| row.t *= 1_000_000)
                })
            },
        ),
        case(
            "adjusted prices among raw ones",
            ("split-ratio", "of those of the daily bar"),
            |market, ticker| {
                bars(market, ticker, MONTH, |rows| {
                    rows.iter_mut()
                        .for_each(|row| row.prices = row.prices.map(|price| price / 4.0));
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
                rows.iter_mut().take(30).for_each(|row| row.volume = 0.0);
            })
        }),
        case("a file without a row", ("no-rows", "not a single row"), |market, ticker| {
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
            |market, ticker| {
                trades(market, ticker, |rows| rows.iter_mut().for_each(|row| row.sip_ns /= 1_000))
            },
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
            |market, ticker| {
                trades(market, ticker, |rows| rows.iter_mut().for_each(|row| row.price *= 10.0))
            },
        ),
    ]
}

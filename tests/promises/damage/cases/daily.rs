//! Damage to daily bars.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use tests::harness::market_on_disk::Proof;
use tests::harness::tables::{BarRow, bar_table};

use super::{Case, at, bars, case, cut, each, flip_a_byte, sort};

const YEAR: Partition = Partition::Year(2023);

/// Of daily bars.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
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
            market.file(ticker, Partition::Year(2022))
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
                each(rows, |row| row.ticker = "QQQQ".into());
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
                    each(rows, |row| row.prices = row.prices.map(|price| price * 5.0));
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
                    let moves = |row: &&BarRow| {
                        let [open, high, low, close] = row.prices;
                        low < open && open < high && close < high
                    };
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
                    entry.file.as_mut().expect("a file").rows = 9_999;
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
            |market, ticker| bars(market, ticker, YEAR, |rows| each(rows, |row| row.t *= 1_000)),
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

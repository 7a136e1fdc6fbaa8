//! A whole market on disk: many synthetic tickers in trees of daily bars, minutes and trades, with
//! their ledgers and a list of who was listed, as `worker` leaves them. Parts of it can be rewritten
//! with something wrong in them.
//!
//! The prints are those of the simulated exchange, but few a day. Nothing is synced, and a ledger is
//! written at once: thousands of files take seconds, not minutes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};
use jiff::Timestamp;
use shared::crew;
use shared::dataset::answers::Said;
use shared::dataset::coverage::DateRange;
use shared::dataset::descriptor::{Adjusted, Descriptor};
use shared::dataset::kind::{Columns, Kind};
use shared::dataset::ledger::{Entry, FileProof, Ledger};
use shared::dataset::partition::Partition;
use shared::dataset::reader;
use shared::dataset::seen::Seen;
use shared::dataset::writer::Fingerprint;
use shared::disk::checked_lines;
use shared::market::ohlcv::Ohlcv;
use shared::market::session::sessions;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;

use super::tables::{BarRow, TradeRow, bar_table, parquet, table_of, trade_table};
use super::tree;
use crate::sim::record::{Adjustment, Span, Trade};
use crate::sim::source::{Source, true_bars, true_trades};
use crate::sim::synthetic::bars::{day_bar, minute_bars};
use crate::sim::synthetic::tape::{Print, Tape};
use crate::sim::synthetic::universe::{self, Liquidity, Stock};

/// So many tickers trade every day; the others one to three times, or not at all.
const BUSY: usize = 80;

/// Of those that trade every day, one of so many prints of the exchange is kept.
const ONE_IN: usize = 4;

/// When everything was asked.
const ASKED_AT: &str = "2025-02-03T12:00:00Z";

/// Does the ledger say of a rewritten file what is in it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Somebody has written both: the ledger proves the wrong rows.
    Follows,
    /// The ledger says what it said.
    Stays,
}

/// The market and its trees.
pub struct MarketOnDisk {
    root: PathBuf,
    /// Who there is.
    pub stocks: Vec<Stock>,
}

/// Of which days each kind of data is written.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Daily bars.
    pub daily: DateRange,
    /// Minutes.
    pub minute: DateRange,
    /// Trades.
    pub trades: DateRange,
}

impl Asked {
    fn of(&self, kind: Kind) -> DateRange {
        match kind {
            Kind::Daily => self.daily,
            Kind::Minute => self.minute,
            Kind::Trades => self.trades,
        }
    }
}

impl MarketOnDisk {
    /// Writes `count` synthetic tickers below `root`.
    pub fn write(root: &Path, count: usize, asked: Asked) -> Self {
        let last_day = TradingDay::from_ymd(2026, 10, 30).expect("a date");
        let mut stocks = universe::stocks(7, count, last_day);
        // Enough that trades every day, few enough rows to be written in a moment.
        let mut busy = 0;
        for stock in &mut stocks {
            let listing = &stock.listing;
            let is_there = listing.listed <= Some(asked.daily.from()) && listing.delisted.is_none();
            let is_busy = is_there && busy < BUSY && stock.liquidity != Liquidity::Illiquid;
            busy += usize::from(is_busy);
            stock.liquidity = if is_busy { Liquidity::Thin } else { Liquidity::Illiquid };
        }
        let market = Self { root: root.to_owned(), stocks };
        market.describe();
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        crew::each(
            threads,
            market.stocks.iter().collect(),
            || true,
            |stock: &Stock| {
                let (days, minutes, trades) = rows_of(stock, asked);
                market.write_ticker(&stock.listing.ticker, asked, (days, minutes), trades);
            },
        );
        market.write_listings();
        market
    }

    /// Writes the rows that `source` has of its tickers below `root`; nobody says when they were
    /// listed.
    pub fn replayed(root: &Path, source: &dyn Source, asked: Asked) -> Self {
        let market = Self { root: root.to_owned(), stocks: Vec::new() };
        market.describe();
        for listing in source.listings() {
            let ticker = &listing.ticker;
            let mut bars = (Vec::new(), Vec::new());
            for (span, range, bars) in
                [(Span::Day, asked.daily, &mut bars.0), (Span::Minute, asked.minute, &mut bars.1)]
            {
                let (range, raw) = ((range.from(), range.to()), Adjustment::Unadjusted);
                let all = true_bars(source, ticker.as_str(), span, range, raw).expect("readable");
                bars.extend(
                    all.into_iter().map(|bar| (TradingDay::of_utc_ms(bar.t).expect("a day"), bar)),
                );
            }
            let days = sessions(asked.trades.from(), asked.trades.to());
            let trades = days.map(|(day, _)| {
                let of_day = true_trades(source, ticker.as_str(), (day, day)).expect("readable");
                let print =
                    |trade: &Trade| (trade.sip_ns, trade.price.as_f64(), trade.size.as_f64());
                (day, of_day.iter().map(print).collect())
            });
            market.write_ticker(ticker, asked, bars, trades.collect());
        }
        market
    }

    /// Trees that a download of `stocks` has left below `root`, each in a folder named by its kind.
    pub fn downloaded(root: &Path, stocks: Vec<Stock>) -> Self {
        Self { root: root.to_owned(), stocks }
    }

    /// The tree of `kind`.
    pub fn tree(&self, kind: Kind) -> PathBuf {
        self.root.join(kind.name())
    }

    /// What `worker reference` would have written.
    pub fn reference(&self) -> PathBuf {
        self.root.join("reference")
    }

    /// Every ticker in a CSV.
    pub fn tickers_csv(&self) -> PathBuf {
        let path = self.root.join("tickers.csv");
        let names = self.stocks.iter().map(|stock| stock.listing.ticker.as_str());
        let lines = names.fold(String::from("ticker\n"), |text, name| text + name + "\n");
        fs::write(&path, lines).expect("written");
        path
    }

    /// The file of a partition.
    pub fn file(&self, ticker: &Ticker, partition: Partition) -> PathBuf {
        let kind = partition.kind();
        partition.file(&self.tree(kind), ticker, kind)
    }

    fn describe(&self) {
        for kind in Kind::ALL {
            let tree = self.tree(kind);
            fs::create_dir_all(&tree).expect("made");
            let (raw, zone) = (Adjusted::No, Zone::NewYork);
            let of = Descriptor::new(kind, raw, Columns::Narrow, zone, "massive.com");
            let text = serde_json::to_string_pretty(&of).expect("plain data");
            fs::write(tree.join("_dataset.json"), text + "\n").expect("written");
        }
    }

    fn write_ticker(
        &self,
        ticker: &Ticker,
        asked: Asked,
        (days, minutes): (DatedBars, DatedBars),
        trades: Vec<(TradingDay, Vec<tree::Print>)>,
    ) {
        for (kind, bars) in [(Kind::Daily, days), (Kind::Minute, minutes)] {
            let of_partition = |partition: Partition| {
                let span = partition.span();
                let from = bars.partition_point(|(day, _)| *day < span.from());
                let to = bars.partition_point(|(day, _)| *day <= span.to());
                (partition, table_of(ticker, kind, &bars[from..to]))
            };
            let partitions = Partition::within(kind, asked.of(kind)).map(of_partition);
            self.write_ledger_of(ticker, kind, asked, partitions);
        }
        let of_day = |(day, prints): (TradingDay, Vec<tree::Print>)| {
            let row = |(sip_ns, price, size): &tree::Print| TradeRow {
                ticker: ticker.to_string(),
                day: day.to_string(),
                sip_ns: *sip_ns,
                price: *price,
                size: *size,
            };
            (Partition::Day(day), trade_table(&prints.iter().map(row).collect::<Vec<_>>()))
        };
        self.write_ledger_of(ticker, Kind::Trades, asked, trades.into_iter().map(of_day));
    }

    /// Writes the files of a ticker and, as one, the lines that prove them.
    fn write_ledger_of(
        &self,
        ticker: &Ticker,
        kind: Kind,
        asked: Asked,
        partitions: impl Iterator<Item = (Partition, RecordBatch)>,
    ) {
        let asked = asked.of(kind);
        let asked_at: Timestamp = ASKED_AT.parse().expect("an instant");
        let entry = |(partition, table): (Partition, RecordBatch)| {
            let mut entry = Entry::new(ticker, partition);
            let days = partition.span().intersection(asked).expect("asked");
            let is_empty = table.num_rows() == 0;
            let said = if is_empty { Said::Empty { asks: 2 } } else { Said::Data };
            entry.answers.record(days, said, asked_at);
            entry.file = (!is_empty).then(|| self.publish(ticker, partition, &table));
            entry.pages = 1;
            entry
        };
        let entries: Vec<Entry> = partitions.map(entry).collect();
        fs::create_dir_all(self.tree(kind).join(ticker.as_str())).expect("made");
        self.write_ledger(kind, ticker, &entries);
    }

    fn publish(&self, ticker: &Ticker, partition: Partition, table: &RecordBatch) -> FileProof {
        let path = self.file(ticker, partition);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        let bytes = parquet(table);
        fs::write(&path, &bytes).expect("written");
        let stamps = ["t", "sip_ts"].iter().find_map(|name| table.column_by_name(name));
        let stamps = stamps.expect("stamps").as_primitive::<Int64Type>().values();
        let (first, last) = stamps.first().zip(stamps.last()).unwrap_or((&0, &0));
        let proof =
            FileProof::new(table.num_rows() as u64, *first, *last, Fingerprint::of_bytes(&bytes));
        FileProof { seen: Some(Seen::at(&path).expect("seen")), ..proof }
    }

    /// The lines of a ledger.
    pub fn ledger(&self, kind: Kind, ticker: &Ticker) -> Vec<Entry> {
        let text = fs::read_to_string(Ledger::path(&self.tree(kind), ticker)).expect("a ledger");
        text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect()
    }

    /// Writes the ledger anew.
    pub fn write_ledger(&self, kind: Kind, ticker: &Ticker, entries: &[Entry]) {
        let lines: String = entries.iter().map(checked_lines::encode).collect();
        fs::write(Ledger::path(&self.tree(kind), ticker), lines).expect("written");
    }

    /// Changes the line of a partition.
    pub fn change_line(
        &self,
        ticker: &Ticker,
        partition: Partition,
        change: impl FnOnce(&mut Entry),
    ) {
        let mut entries = self.ledger(partition.kind(), ticker);
        let entry = entries.iter_mut().find(|entry| entry.partition == partition);
        change(entry.expect("a line"));
        self.write_ledger(partition.kind(), ticker, &entries);
    }

    /// The bars of a file.
    pub fn bars(&self, ticker: &Ticker, partition: Partition) -> Vec<BarRow> {
        let table = reader::read_table(&self.file(ticker, partition)).expect("a table");
        let column = |name: &str| table.column_by_name(name).expect(name);
        let text = |name: &str, at: usize| column(name).as_string::<i32>().value(at).to_owned();
        let float = |name: &str, at: usize| column(name).as_primitive::<Float64Type>().value(at);
        let row = |at: usize| BarRow {
            ticker: text("ticker", at),
            date: text("date", at),
            minute: table.column_by_name("minute").is_some().then(|| text("minute", at)),
            t: column("t").as_primitive::<Int64Type>().value(at),
            prices: ["o", "h", "l", "c"].map(|name| float(name, at)),
            volume: float("v", at),
            trades: column("n")
                .is_valid(at)
                .then(|| column("n").as_primitive::<Int64Type>().value(at)),
            vwap: column("vw").is_valid(at).then(|| float("vw", at)),
        };
        (0..table.num_rows()).map(row).collect()
    }

    /// The trades of a file.
    pub fn trades(&self, ticker: &Ticker, partition: Partition) -> Vec<TradeRow> {
        let table = reader::read_table(&self.file(ticker, partition)).expect("a table");
        let column = |name: &str| table.column_by_name(name).expect(name);
        let text = |name: &str, at: usize| column(name).as_string::<i32>().value(at).to_owned();
        let float = |name: &str, at: usize| column(name).as_primitive::<Float64Type>().value(at);
        let row = |at: usize| TradeRow {
            ticker: text("ticker", at),
            day: text("day", at),
            sip_ns: column("sip_ts").as_primitive::<Int64Type>().value(at),
            price: float("price", at),
            size: float("size", at),
        };
        (0..table.num_rows()).map(row).collect()
    }

    /// Changes the bars of a file.
    pub fn change_bars(
        &self,
        ticker: &Ticker,
        partition: Partition,
        proof: Proof,
        change: impl FnOnce(&mut Vec<BarRow>),
    ) {
        let mut rows = self.bars(ticker, partition);
        change(&mut rows);
        self.replace(ticker, partition, proof, &bar_table(partition.kind(), &rows));
    }

    /// Changes the trades of a file.
    pub fn change_trades(
        &self,
        ticker: &Ticker,
        partition: Partition,
        proof: Proof,
        change: impl FnOnce(&mut Vec<TradeRow>),
    ) {
        let mut rows = self.trades(ticker, partition);
        change(&mut rows);
        self.replace(ticker, partition, proof, &trade_table(&rows));
    }

    /// Puts `table` in the place of a file.
    pub fn replace(
        &self,
        ticker: &Ticker,
        partition: Partition,
        proof: Proof,
        table: &RecordBatch,
    ) {
        let found = self.publish(ticker, partition, table);
        match proof {
            Proof::Follows => self.change_line(ticker, partition, |entry| entry.file = Some(found)),
            Proof::Stays => {}
        }
    }

    fn write_listings(&self) {
        let listings = || self.stocks.iter().map(|stock| &stock.listing);
        let text = |texts: Vec<Option<String>>| Arc::new(StringArray::from(texts)) as ArrayRef;
        let names = || text(listings().map(|it| Some(it.ticker.to_string())).collect());
        let delisted = listings().map(|it| it.delisted.map(|day| format!("{day}T00:00:00Z")));
        let active: Vec<bool> = listings().map(|it| it.delisted.is_none()).collect();
        let tickers = RecordBatch::try_from_iter([
            ("ticker", names()),
            ("active", Arc::new(BooleanArray::from(active)) as ArrayRef),
            ("delisted_utc", text(delisted.collect())),
        ]);
        let listed = listings().map(|it| it.listed.map(|day| day.to_string())).collect();
        let nobody = || text(listings().map(|_| None).collect());
        let details = RecordBatch::try_from_iter([
            ("ticker", names()),
            ("list_date", text(listed)),
            ("composite_figi", nobody()),
        ]);
        for (table, name, rows) in [
            ("tickers_snapshot", "tickers.parquet", tickers),
            ("ticker_details", "details.parquet", details),
        ] {
            let folder = self.reference().join(table).join("snapshot_date=2025-02-03");
            fs::create_dir_all(&folder).expect("made");
            fs::write(folder.join(name), parquet(&rows.expect("a table"))).expect("written");
        }
    }
}

/// Bars with their days, in the order of time.
type DatedBars = Vec<(TradingDay, Ohlcv)>;

/// What a stock has in its trees: daily bars, minutes and prints.
fn rows_of(
    stock: &Stock,
    asked: Asked,
) -> (DatedBars, DatedBars, Vec<(TradingDay, Vec<tree::Print>)>) {
    let (mut days, mut minutes, mut trades) = (Vec::new(), Vec::new(), Vec::new());
    for (day, session) in sessions(asked.daily.from(), asked.daily.to()) {
        let tape = Tape::new(stock, day, session, 0);
        let kept: Vec<Print> = match stock.liquidity {
            Liquidity::Illiquid => tape.collect(),
            Liquidity::Thin | Liquidity::Normal | Liquidity::Elephant => {
                tape.step_by(ONE_IN).collect()
            }
        };
        days.extend(day_bar(day, kept.iter().copied()).map(|bar| (day, Ohlcv::from(&bar))));
        let bars = minute_bars(day, kept.iter().copied());
        minutes.extend(bars.iter().map(|bar| (day, Ohlcv::from(bar))));
        if asked.trades.contains(day) {
            let print = |it: &Print| (it.sip_ns, it.price.as_f64(), it.size.as_f64());
            trades.push((day, kept.iter().map(print).collect()));
        }
    }
    (days, minutes, trades)
}

//! What a source that changes its mind has served from epoch to epoch, and what may therefore be on
//! disk and be believed.

use std::collections::BTreeMap;
use std::path::Path;

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

use super::{tree, truth};
use crate::sim::server::Exchange;

/// Stamps and numbers, bit by bit.
pub type Rows = Vec<(i64, Vec<u64>)>;
/// What a ticker has on each day.
pub type Days = BTreeMap<TradingDay, Rows>;

/// Rows by day, from their time (ms), stamp and numbers.
fn by_day<const N: usize>(rows: impl Iterator<Item = (i64, i64, [f64; N])>) -> Days {
    let mut days = Days::new();
    for (utc_ms, stamp, numbers) in rows {
        let day = TradingDay::of_utc_ms(utc_ms).expect("a day");
        days.entry(day).or_default().push((stamp, numbers.map(f64::to_bits).to_vec()));
    }
    days
}

fn bars_by_day(bars: &[Ohlcv]) -> Days {
    by_day(
        bars.iter().map(|bar| (bar.t, bar.t, [bar.open, bar.high, bar.low, bar.close, bar.volume])),
    )
}

fn trades_by_day(trades: &[tree::Print]) -> Days {
    by_day(trades.iter().map(|(ns, price, size)| (ns / 1_000_000, *ns, [*price, *size])))
}

fn each_day(days: &DateRange) -> impl Iterator<Item = TradingDay> {
    let to = days.to();
    std::iter::successors(Some(days.from()), |day| Some(day.next()))
        .take_while(move |day| *day <= to)
}

/// Everything that a revising source says of some tickers: epoch 0 is the rows as they are.
pub struct Served {
    kind: Kind,
    epochs: Vec<BTreeMap<Ticker, Days>>,
}

impl Served {
    /// Rows of `asked` in the first `epochs` epochs. Leaves the exchange in the last one.
    pub fn of(
        exchange: &Exchange,
        kind: Kind,
        tickers: &[Ticker],
        asked: DateRange,
        epochs: u64,
    ) -> Self {
        let said = |ticker: &Ticker| match kind {
            Kind::Trades => trades_by_day(&truth::trades(exchange, ticker, asked)),
            Kind::Daily => bars_by_day(&truth::daily_bars(exchange, ticker, asked)),
            Kind::Minute => bars_by_day(&truth::minute_bars(exchange, ticker, asked)),
        };
        let epoch = |number| {
            exchange.turn_to_epoch(number);
            tickers.iter().map(|ticker| (ticker.clone(), said(ticker))).collect()
        };
        Self { kind, epochs: (0..epochs).map(epoch).collect() }
    }

    /// What is on disk, believed or not.
    pub fn on_disk(&self, outdir: &Path, ticker: &Ticker) -> Days {
        match self.kind {
            Kind::Trades => trades_by_day(&tree::trades(outdir, ticker)),
            Kind::Daily | Kind::Minute => bars_by_day(&tree::bars(outdir, self.kind, ticker)),
        }
    }

    /// Is exactly what `epoch` serves on disk?
    pub fn is_on_disk(&self, epoch: usize, outdir: &Path, ticker: &Ticker) -> bool {
        self.on_disk(outdir, ticker) == self.epochs[epoch][ticker]
    }

    /// Each day on disk is as some epoch served it, none twice; the ledger needs nobody; and a day
    /// that it believes is on disk, or some epoch has nothing of it. Returns both for what else
    /// must hold.
    #[track_caller]
    pub fn prove(&self, outdir: &Path, ticker: &Ticker) -> (Days, Ledger) {
        let disk = self.on_disk(outdir, ticker);
        for (day, rows) in &disk {
            let is_served = self.epochs.iter().any(|epoch| epoch[ticker].get(day) == Some(rows));
            assert!(is_served, "{ticker} {day}: no epoch served what is on disk: {rows:?}");
        }
        let ledger = Ledger::read(outdir, self.kind, ticker).expect("no ledger needs a person");
        for entry in ledger.entries().filter(|entry| entry.answers.lost().is_empty()) {
            for day in entry.data_days().ranges().iter().flat_map(each_day) {
                let may_have_none =
                    || self.epochs.iter().any(|epoch| !epoch[ticker].contains_key(&day));
                assert!(
                    disk.contains_key(&day) || may_have_none(),
                    "{ticker} {day} is believed: {entry:?}"
                );
            }
        }
        (disk, ledger)
    }
}

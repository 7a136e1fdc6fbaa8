//! Reads trades from disk into chunks, day by day.

use std::path::Path;
use std::sync::LazyLock;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use shared::dataset::column_stream::{self as columns, Column, Nulls};
use shared::dataset::coverage::DateRange;
use shared::dataset::reader::ReadError;
use shared::dataset::schema;
use shared::market::ticker::Ticker;
use shared::market::trading_day::{NS_PER_MS, TradingDay};
use shared::market::zone::Zone;

use super::error::SourceError;
use super::time_order::{TimeOrder, Unsorted};
use super::tree::{Holdings, InputFile};
use crate::bars::adjust::Factors;
use crate::bars::chunk::{Chunk, ChunkBuilder, LeftOut};
use crate::bars::conditions;

/// Rows per chunk of a sorted file.
const SORTED_ROWS: usize = 4 * 1024;

static PRICES: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let wanted = |name, data_type| Column { name, data_type, nulls: Nulls::Refused };
    vec![
        wanted("sip_ts", DataType::Int64),
        wanted("price", DataType::Float64),
        wanted("size", DataType::Float64),
    ]
});

static PRICES_AND_CONDITIONS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let wanted = |name, data_type| Column { name, data_type, nulls: Nulls::Allowed };
    let mut all = PRICES.clone();
    all.push(wanted("conditions", DataType::List(schema::condition())));
    all.push(wanted("correction", DataType::Int32));
    all
});

/// Which trades count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeFilter {
    All,
    /// Those that update the consolidated last price and volume, without cancelled and erroneous
    /// ones. Needs the columns of `--columns full`.
    Sip,
}

/// How trades are read.
#[derive(Debug, Clone)]
pub struct Trades {
    /// Which trades count.
    pub filter: TradeFilter,
    /// Adjustment for splits.
    pub factors: Factors,
    /// What happens to files that are not in time order.
    pub unsorted: Unsorted,
}

impl Trades {
    /// Passes the trades of `days` to `take`, in order.
    pub fn read<E: From<SourceError> + From<ReadError>>(
        &self,
        holdings: &Holdings,
        days: DateRange,
        time_order: &mut TimeOrder,
        mut take: impl FnMut(&Chunk<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let wanted = match self.filter {
            TradeFilter::All => &*PRICES,
            TradeFilter::Sip => &*PRICES_AND_CONDITIONS,
        };
        let mut buffers = Buffers::default();
        for file in holdings.files(days) {
            let InputFile { path, ticker, days } = file?;
            let day = days.from();
            let factors = self.factors.of(day);
            let piece = |first_row: u64, batch: &RecordBatch| {
                let stamps = batch.column(0).as_primitive::<Int64Type>().values();
                time_order.check(&path, first_row, stamps)?;
                on_the_day(&path, first_row, stamps, day)?;
                let trades = buffers.chunk(batch, self.filter, factors);
                take(&Chunk { opens_a_day: first_row == 0, ..trades })
            };
            match self.unsorted {
                Unsorted::Refused => columns::stream(&path, &ticker, wanted, piece)?,
                Unsorted::Sorted => stream_sorted(&path, &ticker, wanted, piece)?,
            }
        }
        Ok(())
    }
}

/// Passes the rows of a file to `take` in time order, in pieces; rows with equal timestamps keep
/// their order. Holds the file in memory once.
fn stream_sorted<E: From<ReadError>>(
    path: &Path,
    ticker: &Ticker,
    wanted: &[Column],
    mut take: impl FnMut(u64, &RecordBatch) -> Result<(), E>,
) -> Result<(), E> {
    let mut pieces = Vec::new();
    columns::stream(path, ticker, wanted, |_, batch| {
        pieces.push(batch.clone());
        Ok::<(), ReadError>(())
    })?;
    let stamps: Vec<&[i64]> = pieces
        .iter()
        .map(|piece| &**piece.column(0).as_primitive::<Int64Type>().values())
        .collect();
    let rows = |(number, piece): (u32, &RecordBatch)| {
        (0_u32..).zip(0..piece.num_rows()).map(move |(row, _)| (number, row))
    };
    let mut order: Vec<(u32, u32)> = (0_u32..).zip(&pieces).flat_map(rows).collect();
    order.sort_by_key(|&(piece, row)| stamps[piece as usize][row as usize]);
    let all: Vec<&RecordBatch> = pieces.iter().collect();
    let mut first = 0;
    for rows in order.chunks(SORTED_ROWS) {
        let places: Vec<_> =
            rows.iter().map(|&(piece, row)| (piece as usize, row as usize)).collect();
        let piece = interleave_record_batch(&all, &places).map_err(|error| ReadError::Foreign {
            path: path.to_owned(),
            what: error.to_string(),
        })?;
        take(first, &piece)?;
        first += rows.len() as u64;
    }
    Ok(())
}

/// Timestamps are in order, so checking the first and the last is enough. Foreign trees may count
/// days in UTC.
fn on_the_day(
    path: &Path,
    first_row: u64,
    stamps: &[i64],
    day: TradingDay,
) -> Result<(), SourceError> {
    let of_day = |stamp: i64| {
        let is_on = |zone: Zone| zone.day_of_ms(stamp.div_euclid(NS_PER_MS)) == Some(day);
        is_on(Zone::NewYork) || is_on(Zone::Utc)
    };
    let ends = [0, stamps.len().saturating_sub(1)];
    let stranger =
        ends.into_iter().find(|&row| stamps.get(row).is_some_and(|stamp| !of_day(*stamp)));
    match stranger {
        None => Ok(()),
        Some(row) => Err(SourceError::OtherDay {
            path: path.to_owned(),
            row: first_row + row as u64,
            stamp: stamps[row],
            day,
        }),
    }
}

/// Memory that every piece uses again.
#[derive(Default)]
struct Buffers {
    stamps: Vec<i64>,
    prices: Vec<f64>,
    sizes: Vec<f64>,
    chunks: ChunkBuilder,
}

impl Buffers {
    /// The trades of a piece. In the usual case, all trades without adjustment, nothing is copied.
    fn chunk<'a>(
        &'a mut self,
        batch: &'a RecordBatch,
        filter: TradeFilter,
        factors: (f64, f64),
    ) -> Chunk<'a> {
        let stamps = batch.column(0).as_primitive::<Int64Type>().values();
        let prices = batch.column(1).as_primitive::<Float64Type>().values();
        let sizes = batch.column(2).as_primitive::<Float64Type>().values();
        let same_scale = factors == (1.0, 1.0);
        if filter == TradeFilter::All && same_scale {
            return self.chunks.build(stamps, prices, sizes, LeftOut::default());
        }
        let mut left_out = LeftOut::default();
        self.stamps.clear();
        self.prices.clear();
        self.sizes.clear();
        for row in 0..batch.num_rows() {
            if filter == TradeFilter::Sip && !counts(batch, row, &mut left_out) {
                continue;
            }
            self.stamps.push(stamps[row]);
            self.prices.push(prices[row] * factors.0);
            self.sizes.push(sizes[row] * factors.1);
        }
        self.chunks.build(&self.stamps, &self.prices, &self.sizes, left_out)
    }
}

/// Does the trade count? If it does not, its reason is counted.
fn counts(batch: &RecordBatch, row: usize, left_out: &mut LeftOut) -> bool {
    let (listed, corrections) =
        (batch.column(3).as_list::<i32>(), batch.column(4).as_primitive::<Int32Type>());
    if conditions::is_void(corrections.is_valid(row).then(|| corrections.value(row))) {
        left_out.correction += 1;
        return false;
    }
    if listed.is_valid(row) {
        let ids = listed.value(row);
        if !conditions::updates_last_and_volume(ids.as_primitive::<Int32Type>().values()) {
            left_out.condition += 1;
            return false;
        }
    }
    true
}

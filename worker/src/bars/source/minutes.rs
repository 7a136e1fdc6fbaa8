//! Reads 1-minute bars from disk into chunks: each minute with volume counts as one trade.

use std::path::Path;
use std::sync::LazyLock;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use shared::dataset::column_stream::{self as columns, Column, Nulls};
use shared::dataset::coverage::DateRange;
use shared::dataset::reader::ReadError;
use shared::market::trading_day::NS_PER_MS;

use super::error::SourceError;
use super::time_order::{TimeOrder, Unsorted, sorted};
use super::tree::{Holdings, InputFile};
use crate::bars::adjust::Factors;
use crate::bars::chunk::{Chunk, ChunkBuilder, LeftOut};

static MINUTE: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let wanted = |name, data_type, nulls| Column { name, data_type, nulls };
    vec![
        wanted("t", DataType::Int64, Nulls::Refused),
        wanted("c", DataType::Float64, Nulls::Refused),
        wanted("v", DataType::Float64, Nulls::Refused),
        wanted("vw", DataType::Float64, Nulls::Allowed),
        wanted("date", DataType::Utf8, Nulls::Refused),
    ]
});

/// The price of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinutePrice {
    /// The volume-weighted price, or the close without one.
    Vwap,
    /// The close, as in the Python system.
    Close,
}

/// How minutes are read.
#[derive(Debug, Clone)]
pub struct Minutes {
    pub price: MinutePrice,
    /// Adjustment for splits.
    pub factors: Factors,
    /// What happens to files that are not in time order.
    pub unsorted: Unsorted,
}

/// Rows of minutes as trades.
#[derive(Debug, Default)]
struct Rows {
    /// Number of the first row in its piece.
    first: u64,
    stamps: Vec<i64>,
    prices: Vec<f64>,
    sizes: Vec<f64>,
}

impl Minutes {
    /// Passes the minutes of `days` to `take`, in order.
    pub fn read<E: From<SourceError> + From<ReadError>>(
        &self,
        holdings: &Holdings,
        days: DateRange,
        time_order: &mut TimeOrder,
        mut take: impl FnMut(&Chunk<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut rows, mut chunks) = (Rows::default(), ChunkBuilder::default());
        for file in holdings.files(days) {
            let InputFile { path, ticker, days } = file?;
            let mut whole = Rows::default();
            columns::stream::<E>(&path, &ticker, &MINUTE, |first_row, batch| {
                rows.clear();
                self.append(batch, days, &path, &mut rows)?;
                if self.unsorted == Unsorted::Sorted {
                    whole.append(&rows);
                    return Ok(());
                }
                time_order.check(&path, first_row + rows.first, &rows.stamps)?;
                take(&chunks.build(&rows.stamps, &rows.prices, &rows.sizes, LeftOut::default()))
            })?;
            if self.unsorted == Unsorted::Sorted {
                let whole = whole.sorted();
                time_order.check(&path, 0, &whole.stamps)?;
                take(&chunks.build(
                    &whole.stamps,
                    &whole.prices,
                    &whole.sizes,
                    LeftOut::default(),
                ))?;
            }
        }
        Ok(())
    }

    fn append(
        &self,
        batch: &RecordBatch,
        days: DateRange,
        path: &Path,
        rows: &mut Rows,
    ) -> Result<(), ReadError> {
        let int = batch.column(0).as_primitive::<Int64Type>();
        let [close, volume, vwap] =
            [1, 2, 3].map(|place| batch.column(place).as_primitive::<Float64Type>());
        let dates = batch.column(4).as_string::<i32>();
        let foreign = |what: String| ReadError::foreign(path, what);
        // Dates as text compare like dates.
        let (from, to) = (days.from().to_string(), days.to().to_string());
        let mut factors = (String::new(), (1.0, 1.0));
        for row in 0..batch.num_rows() {
            let date = dates.value(row);
            if date < from.as_str() || date > to.as_str() {
                continue;
            }
            if factors.0 != date {
                let day = date.parse().map_err(|error| foreign(format!("{error}")))?;
                factors = (date.to_owned(), self.factors.of(day));
            }
            let price = match self.price {
                MinutePrice::Vwap if vwap.is_valid(row) => vwap.value(row),
                MinutePrice::Vwap | MinutePrice::Close => close.value(row),
            };
            let t = int.value(row);
            let stamp =
                t.checked_mul(NS_PER_MS).ok_or_else(|| foreign(format!("t={t} is not in ms")))?;
            if rows.stamps.is_empty() {
                rows.first = row as u64;
            }
            rows.stamps.push(stamp);
            rows.prices.push(price * factors.1.0);
            rows.sizes.push(volume.value(row) * factors.1.1);
        }
        Ok(())
    }
}

impl Rows {
    fn clear(&mut self) {
        self.stamps.clear();
        self.prices.clear();
        self.sizes.clear();
    }

    fn append(&mut self, other: &Self) {
        self.stamps.extend_from_slice(&other.stamps);
        self.prices.extend_from_slice(&other.prices);
        self.sizes.extend_from_slice(&other.sizes);
    }

    fn sorted(&self) -> Self {
        let order = sorted(&self.stamps);
        Self {
            first: 0,
            stamps: order.iter().map(|&row| self.stamps[row]).collect(),
            prices: order.iter().map(|&row| self.prices[row]).collect(),
            sizes: order.iter().map(|&row| self.sizes[row]).collect(),
        }
    }
}

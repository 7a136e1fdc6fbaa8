//! Files of bars that end by what was traded. They are written while the bars arrive and read in
//! the same order.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::kind::BarColumns;
use super::reader::ReadError;
use super::schema;
use super::writer::{Fingerprint, ParquetFile};
use crate::disk::publish::{DiskError, Draft};
use crate::disk::regular;
use crate::market::bar::Bar;

/// How many bars are turned into columns at a time. It is fixed, so that a file depends on its bars
/// alone.
const BATCH_BARS: usize = 4 * 1024;

/// A file of bars on its way to its place. Dropped unpublished, it leaves nothing.
pub struct BarsFile {
    file: ParquetFile,
    columns: BarColumns,
    /// Less than a batch.
    pending: Vec<Bar>,
    bars: u64,
}

impl BarsFile {
    /// Begins the file that `draft` will be.
    pub fn create(draft: Draft, columns: BarColumns) -> Result<Self, DiskError> {
        let file = ParquetFile::small(draft, &schema::of_bars(columns))?;
        Ok(Self { file, columns, pending: Vec::with_capacity(BATCH_BARS), bars: 0 })
    }

    /// Appends bars in the order of their trades.
    pub fn append(&mut self, bars: &[Bar]) -> Result<(), DiskError> {
        for bar in bars {
            self.pending.push(*bar);
            if self.pending.len() == BATCH_BARS {
                self.write_pending()?;
            }
        }
        self.bars += bars.len() as u64;
        Ok(())
    }

    /// Bars taken so far.
    pub fn bars(&self) -> u64 {
        self.bars
    }

    /// Publishes the file.
    pub fn publish(mut self) -> Result<Fingerprint, DiskError> {
        self.write_pending()?;
        self.file.publish()
    }

    fn write_pending(&mut self) -> Result<(), DiskError> {
        if !self.pending.is_empty() {
            self.file.write(&columns_of(self.columns, &self.pending))?;
            self.pending.clear();
        }
        Ok(())
    }
}

fn columns_of(columns: BarColumns, bars: &[Bar]) -> RecordBatch {
    let int =
        |value: fn(&Bar) -> i64| Arc::new(Int64Array::from_iter_values(bars.iter().map(value)));
    let float =
        |value: fn(&Bar) -> f64| Arc::new(Float64Array::from_iter_values(bars.iter().map(value)));
    let mut arrays: Vec<ArrayRef> = vec![
        int(|bar| bar.t),
        float(|bar| bar.open),
        float(|bar| bar.high),
        float(|bar| bar.low),
        float(|bar| bar.close),
        float(|bar| bar.v),
        float(|bar| bar.dollar),
    ];
    if columns == BarColumns::Extended {
        arrays.extend::<[ArrayRef; 7]>([
            int(|bar| bar.t_close),
            int(|bar| bar.n),
            float(|bar| bar.dollar / bar.v),
            float(|bar| bar.buy_v),
            float(|bar| bar.buy_dollar),
            float(|bar| bar.imbalance),
            float(|bar| bar.threshold),
        ]);
    }
    RecordBatch::try_new(schema::of_bars(columns), arrays)
        .expect("the columns are built in the schema's order")
}

/// Reads the bars of a file in order and hands them over in pieces. Bars of seven columns have
/// zeros and a NaN threshold in place of the others.
pub fn stream<E: From<ReadError>>(
    path: &Path,
    columns: BarColumns,
    mut take: impl FnMut(&[Bar]) -> Result<(), E>,
) -> Result<(), E> {
    let foreign = |what: String| ReadError::foreign(path, what);
    let file = regular::open(path).map_err(DiskError::at("open", path)).map_err(ReadError::from)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| foreign(error.to_string()))?;
    if builder.schema().fields() != schema::of_bars(columns).fields() {
        return Err(foreign(format!("its columns are not those of {columns:?} bars")).into());
    }
    let reader =
        builder.with_batch_size(BATCH_BARS).build().map_err(|error| foreign(error.to_string()))?;
    for batch in reader {
        take(&bars_of(columns, &batch.map_err(|error| foreign(error.to_string()))?))?;
    }
    Ok(())
}

/// Which of the two sets of columns `path` has.
pub fn columns_in(path: &Path) -> Result<BarColumns, ReadError> {
    let foreign = |what: String| ReadError::foreign(path, what);
    let file = regular::open(path).map_err(DiskError::at("open", path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| foreign(error.to_string()))?;
    let fields = builder.schema().fields();
    [BarColumns::Seven, BarColumns::Extended]
        .into_iter()
        .find(|columns| schema::of_bars(*columns).fields() == fields)
        .ok_or_else(|| foreign("its columns are not those of bars".to_owned()))
}

/// The schema was checked before.
fn bars_of(columns: BarColumns, batch: &RecordBatch) -> Vec<Bar> {
    let int = |place: usize| batch.column(place).as_primitive::<Int64Type>().values();
    let float = |place: usize| batch.column(place).as_primitive::<Float64Type>().values();
    let seven = |row: usize| Bar {
        t: int(0)[row],
        open: float(1)[row],
        high: float(2)[row],
        low: float(3)[row],
        close: float(4)[row],
        v: float(5)[row],
        dollar: float(6)[row],
        t_close: 0,
        n: 0,
        buy_v: 0.0,
        buy_dollar: 0.0,
        imbalance: 0.0,
        threshold: f64::NAN,
    };
    let extended = |row: usize| Bar {
        t_close: int(7)[row],
        n: int(8)[row],
        buy_v: float(10)[row],
        buy_dollar: float(11)[row],
        imbalance: float(12)[row],
        threshold: float(13)[row],
        ..seven(row)
    };
    match columns {
        BarColumns::Seven => (0..batch.num_rows()).map(seven).collect(),
        BarColumns::Extended => (0..batch.num_rows()).map(extended).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(number: i32) -> Bar {
        let x = f64::from(number);
        Bar {
            t: i64::from(number) * 1_000,
            open: x,
            high: x + 1.0,
            low: x - 0.5,
            close: x + 0.1,
            v: x * 3.0,
            dollar: x * 3.3,
            t_close: i64::from(number) * 1_000 + 7,
            n: i64::from(number),
            buy_v: x,
            buy_dollar: x * 1.1,
            imbalance: -x,
            threshold: 50_000.0,
        }
    }

    #[test]
    fn bars_come_back_bit_for_bit_and_a_file_depends_on_its_bars_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bars.parquet");
        let bars: Vec<Bar> = (1..10_000).map(bar).collect();
        let file_of = |piece: usize| {
            let mut file =
                BarsFile::create(Draft::create(&path).expect("begun"), BarColumns::Extended)
                    .expect("begun");
            bars.chunks(piece).for_each(|piece| file.append(piece).expect("taken"));
            file.publish().expect("published")
        };
        assert_eq!(file_of(7), file_of(10_000));
        assert_eq!(columns_in(&path).expect("ours"), BarColumns::Extended);
        let mut read = Vec::new();
        stream(&path, BarColumns::Extended, |bars| {
            read.extend_from_slice(bars);
            Ok::<(), ReadError>(())
        })
        .expect("read");
        assert_eq!(read, bars);
        let wrong = stream(&path, BarColumns::Seven, |_| Ok::<(), ReadError>(()));
        assert!(matches!(wrong, Err(ReadError::Foreign { .. })));
    }
}

//! Columns of a file, streamed in order: what bars are made of. Unlike [`reader`](super::reader) it
//! takes files that others wrote, as long as the columns asked for have the names and types that
//! ours have.

use std::path::Path;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

use super::reader::ReadError;
use crate::disk::publish::DiskError;
use crate::disk::regular;
use crate::market::ticker::Ticker;

/// Rows that are handed over at a time: few enough to stay in the processor's cache.
const BATCH_ROWS: usize = 4 * 1024;

/// May a column hold nulls?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// A null is an error that names its column.
    Refused,
    /// They mean something.
    Allowed,
}

/// A column that is asked for.
#[derive(Debug, Clone)]
pub struct Column {
    /// Name.
    pub name: &'static str,
    /// Type on disk.
    pub data_type: DataType,
    /// May it hold nulls?
    pub nulls: Nulls,
}

/// Reads the columns `wanted` of the file of `ticker` and hands them over in pieces, in the order
/// of `wanted`. `take` gets the number of the first row of each piece too, from 0.
pub fn stream<E: From<ReadError>>(
    path: &Path,
    ticker: &Ticker,
    wanted: &[Column],
    mut take: impl FnMut(u64, &RecordBatch) -> Result<(), E>,
) -> Result<(), E> {
    let foreign = |what: String| ReadError::foreign(path, what);
    let broken = |error: &dyn std::error::Error| foreign(error.to_string());
    let file = regular::open(path).map_err(DiskError::at("open", path)).map_err(ReadError::from)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| broken(&error))?;
    refuse_strangers(builder.metadata(), ticker).map_err(foreign)?;
    let places = places(builder.schema(), wanted).map_err(foreign)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), places.iter().copied());
    let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
    // The reader keeps the order of the file; ours is that of `wanted`.
    let order: Vec<usize> =
        places.iter().map(|own| places.iter().filter(|other| *other < own).count()).collect();
    let mut first = 0;
    for batch in reader.map_err(|error| broken(&error))? {
        let batch =
            batch.and_then(|batch| batch.project(&order)).map_err(|error| broken(&error))?;
        for (column, wanted) in batch.columns().iter().zip(wanted) {
            if wanted.nulls == Nulls::Refused && column.null_count() > 0 {
                return Err(
                    foreign(format!("a value of its column {} is missing", wanted.name)).into()
                );
            }
        }
        take(first, &batch)?;
        first += batch.num_rows() as u64;
    }
    Ok(())
}

/// Where the wanted columns stand among the columns of the file.
fn places(found: &Schema, wanted: &[Column]) -> Result<Vec<usize>, String> {
    let place = |wanted: &Column| {
        let Some((place, field)) = found.fields().find(wanted.name) else {
            return Err(format!("it has no column {}", wanted.name));
        };
        if !same_type(field.data_type(), &wanted.data_type) {
            return Err(format!(
                "its column {} is {}; ours is {}",
                wanted.name,
                field.data_type(),
                wanted.data_type
            ));
        }
        Ok(place)
    };
    wanted.iter().map(place).collect()
}

/// Lists may call their elements what they like.
fn same_type(found: &DataType, ours: &DataType) -> bool {
    match (found, ours) {
        (DataType::List(found), DataType::List(ours)) => found.data_type() == ours.data_type(),
        _ => found == ours,
    }
}

/// The statistics of the column `ticker` tell at no cost whose rows these are. A file without them
/// is believed.
fn refuse_strangers(metadata: &ParquetMetaData, ticker: &Ticker) -> Result<(), String> {
    for group in metadata.row_groups() {
        let column =
            group.columns().iter().find(|column| column.column_path().string() == "ticker");
        let Some(Statistics::ByteArray(of_tickers)) = column.and_then(|column| column.statistics())
        else {
            continue;
        };
        for found in [of_tickers.min_opt(), of_tickers.max_opt()].into_iter().flatten() {
            if found.data() != ticker.as_str().as_bytes() {
                let found = String::from_utf8_lossy(found.data()).into_owned();
                return Err(format!("rows of {found} in a file of {ticker}"));
            }
        }
    }
    Ok(())
}

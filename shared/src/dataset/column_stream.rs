//! Streams columns of a file in order; bars are built from them. Unlike [`reader`]
//! it accepts files with more columns than ours, if the requested columns have our names and
//! values (see [`fit`](super::fit)).

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

use super::fit::Fit;
use super::reader::{self, ReadError};
use crate::disk::publish::DiskError;
use crate::disk::regular;
use crate::market::ticker::Ticker;

/// Rows passed on at a time: few enough to stay in the processor's cache.
const BATCH_ROWS: usize = 4 * 1024;

/// May a column hold nulls?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// A null is an error that names its column.
    Refused,
    /// Nulls have a meaning.
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

/// Reads the columns `wanted` of the file of `ticker` and passes them to `take` in pieces, in the
/// order of `wanted`. `take` also gets the number of each piece's first row, from 0.
pub fn stream<E: From<ReadError>>(
    path: &Path,
    ticker: &Ticker,
    wanted: &[Column],
    mut take: impl FnMut(u64, &RecordBatch) -> Result<(), E>,
) -> Result<(), E> {
    let foreign = |what: String| ReadError::foreign(path, what);
    let broken = |error: &dyn std::error::Error| ReadError::broken(path, error.to_string());
    let file = regular::open(path).map_err(DiskError::at("open", path)).map_err(ReadError::from)?;
    let opened = || reader::plain(file).map_err(|error| broken(&error));
    let builder = reader::decoding(path, opened)?;
    refuse_strangers(builder.metadata(), ticker).map_err(foreign)?;
    let field = |it: &Column| Field::new(it.name, it.data_type.clone(), it.nulls == Nulls::Allowed);
    let ours = Arc::new(Schema::new(wanted.iter().map(field).collect::<Vec<_>>()));
    let fit = Fit::some(builder.schema(), &ours).map_err(foreign)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), fit.places());
    let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
    let mut reader = reader.map_err(|error| broken(&error))?;
    let mut first = 0;
    while let Some(batch) =
        reader::decoding(path, || reader.next().transpose().map_err(|error| broken(&error)))?
    {
        let batch = fit.batch(&batch).map_err(foreign)?;
        take(first, &batch)?;
        first += batch.num_rows() as u64;
    }
    Ok(())
}

/// The statistics of the column `ticker` name the owner of the rows without reading them. A file
/// without statistics is accepted.
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

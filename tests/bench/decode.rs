//! Decodes columns and does nothing with them: what `bars` and `verify --deep` are measured against.
//!
//! `decode ROOT TICKER`: of every `trades.parquet` below, in the order of their days, the three
//! columns that bars are made of; prints how many rows there were. `decode ROOT TICKER FILE`: every
//! column of every file of that name, such as `minute.parquet`.

#![expect(clippy::disallowed_methods, reason = "files that are only measured")]

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tests::harness::tree;

/// As `bars` reads.
const BATCH_ROWS: usize = 4 * 1024;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |name: &str| arguments.next().unwrap_or_else(|| panic!("no {name}"));
    let folder = PathBuf::from(argument("ROOT")).join(argument("TICKER"));
    let every_column_of = arguments.next();
    let mut files = tree::files(&folder);
    files.retain(|path| path.ends_with(every_column_of.as_deref().unwrap_or("trades.parquet")));
    let which = if every_column_of.is_some() { Which::All } else { Which::Three };
    let rows: usize = files.iter().map(|path| decode(path, which)).sum();
    drop(writeln!(io::stdout(), "{rows} rows in {} files", files.len()));
}

#[derive(Clone, Copy)]
enum Which {
    Three,
    All,
}

fn decode(path: &Path, which: Which) -> usize {
    let file = File::open(path).expect("opened");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let mask = match which {
        Which::Three => {
            ProjectionMask::columns(builder.parquet_schema(), ["sip_ts", "price", "size"])
        }
        Which::All => ProjectionMask::all(),
    };
    let reader =
        builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().expect("readable");
    let seen = match which {
        Which::Three => seen,
        Which::All => |batch: &RecordBatch| std::hint::black_box(batch).num_rows(),
    };
    reader.map(|batch| seen(&batch.expect("rows"))).sum()
}

/// Looks at the ends of each column, so that none of it can be left out.
fn seen(batch: &RecordBatch) -> usize {
    let rows = batch.num_rows();
    std::hint::black_box(batch.column(0).as_primitive::<Int64Type>().value(rows - 1));
    std::hint::black_box(batch.column(1).as_primitive::<Float64Type>().value(rows - 1));
    std::hint::black_box(batch.column(2).as_primitive::<Float64Type>().value(rows - 1));
    rows
}

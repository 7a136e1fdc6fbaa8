//! Every row of a file, handed over in pieces of typed columns: what a look into files is made of,
//! whoever wrote them.
//!
//! Only the columns are judged here: they must be ours, or say the same otherwise (see
//! [`fit`](super::fit)); no value that ours need may be missing. What the rows say is the caller's business. The fingerprint is that of the very
//! bytes that the rows come from. Memory holds a piece and its pages, whatever the file's length.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, DictionaryArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Float64Type, Int32Type, Int64Type, Schema, SchemaRef,
};
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::reader::ChunkReader;

use super::fit::Fit;
use super::kind::{Columns, Kind};
use super::reader::{ReadError, broken, decoding};
use super::schema;
use super::writer::Fingerprint;
use crate::disk::publish::DiskError;
use crate::disk::regular;

/// Rows that are handed over at a time: few enough to stay in the processor's cache.
const PIECE_ROWS: usize = 4 * 1024;

/// A file of so many bytes is read once, and hashed and decoded in memory; a longer one is read
/// twice, the second time from the kernel's memory.
const HELD_BYTES: u64 = 2 << 20;

/// How much of a file is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every column: nobody else vouches for the bytes.
    EveryColumn,
    /// Those that a [`Piece`] shows.
    WhatIsShown,
}

/// A file that was opened and hashed.
pub struct RowFile {
    path: PathBuf,
    source: Source,
    fingerprint: Fingerprint,
}

enum Source {
    Held(Bytes),
    OnDisk(File),
}

/// Rows of a file, in its order, as columns of one length.
pub enum Piece<'a> {
    /// Daily or minute bars.
    Bars(Bars<'a>),
    /// Trades.
    Trades(Trades<'a>),
}

/// Bars. Prices are USD.
pub struct Bars<'a> {
    /// Whose.
    pub tickers: Labels<'a>,
    /// Dates in the tree's zone.
    pub dates: Labels<'a>,
    /// Minutes in the tree's zone; daily bars have none.
    pub minutes: Option<Labels<'a>>,
    /// Starts of the windows, ms UTC.
    pub t: &'a [i64],
    /// First prices.
    pub open: &'a [f64],
    /// Highest prices.
    pub high: &'a [f64],
    /// Lowest prices.
    pub low: &'a [f64],
    /// Last prices.
    pub close: &'a [f64],
    /// Shares.
    pub volume: &'a [f64],
    /// Numbers of trades that are said.
    pub trades: Said<'a, i64>,
    /// Average prices that are said.
    pub vwap: Said<'a, f64>,
}

/// Trades.
pub struct Trades<'a> {
    /// Whose.
    pub tickers: Labels<'a>,
    /// Days in the tree's zone.
    pub days: Labels<'a>,
    /// ns UTC.
    pub sip_ns: &'a [i64],
    /// USD.
    pub price: &'a [f64],
    /// Shares.
    pub size: &'a [f64],
    /// What tells trades of one stamp apart, where the file has it.
    pub identity: Option<Identity<'a>>,
}

/// What tells trades apart.
pub struct Identity<'a> {
    /// Rises within a day; 0 on some old rows.
    pub sequence: &'a [i64],
    /// Venue.
    pub exchange: &'a [i32],
    /// When the venue made it, ns UTC.
    pub participant_ns: &'a [i64],
    /// Unique with the venue, or empty.
    pub ids: &'a StringArray,
}

/// Values of a column in which some may be missing.
pub struct Said<'a, T> {
    values: &'a [T],
    is_said: Option<&'a arrow::buffer::NullBuffer>,
}

impl<T: Copy> Said<'_, T> {
    /// The value of a row, if it is said.
    pub fn get(&self, row: usize) -> Option<T> {
        self.is_said.is_none_or(|said| said.is_valid(row)).then(|| self.values[row])
    }

    /// All values, and those of missing ones too, which may be anything, where `has_gaps`.
    pub fn raw(&self) -> &[T] {
        self.values
    }

    /// Is any of them missing?
    pub fn has_gaps(&self) -> bool {
        self.is_said.is_some_and(|said| said.null_count() > 0)
    }
}

/// A column of texts, most of which are the same: each row has the key of its text.
pub struct Labels<'a> {
    keys: &'a [i32],
    texts: &'a StringArray,
}

impl<'a> Labels<'a> {
    /// The key of each row. Keys of one piece are equal only where texts are.
    pub fn keys(&self) -> &'a [i32] {
        self.keys
    }

    /// The text of a key.
    pub fn text(&self, key: i32) -> &'a str {
        usize::try_from(key).map_or("", |key| self.texts.value(key))
    }
}

impl RowFile {
    /// Opens and hashes the file at `path`.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let mut file = regular::open(path).map_err(DiskError::at("open", path))?;
        let bytes = file.metadata().map_err(DiskError::at("look at", path))?.len();
        let (source, fingerprint) = if bytes <= HELD_BYTES {
            let mut held = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default() + 1);
            // It may grow meanwhile.
            let most = (&mut file).take(HELD_BYTES + 1).read_to_end(&mut held);
            most.map_err(DiskError::at("read", path))?;
            let fingerprint = Fingerprint::of_bytes(&held);
            (Source::Held(held.into()), fingerprint)
        } else {
            let fingerprint = Fingerprint::of_open(&mut file, path)?;
            (Source::OnDisk(file), fingerprint)
        };
        Ok(Self { path: path.to_owned(), source, fingerprint })
    }

    /// Length and SHA-256.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Hands over every row as `kind`, and says which columns trades have. A file that can't be
    /// decoded is [`ReadError::Broken`], one with other columns, or without a value where ours has
    /// one, is [`ReadError::Foreign`]; pieces before that may have been handed over.
    pub fn rows(
        self,
        kind: Kind,
        depth: Depth,
        mut take: impl FnMut(&Piece<'_>),
    ) -> Result<Columns, ReadError> {
        let Self { path, source, .. } = self;
        decoding(&path, || match source {
            Source::Held(bytes) => stream(bytes, &path, kind, depth, &mut take),
            Source::OnDisk(file) => stream(file, &path, kind, depth, &mut take),
        })
    }
}

fn stream<T: ChunkReader + 'static>(
    source: T,
    path: &Path,
    kind: Kind,
    depth: Depth,
    take: &mut impl FnMut(&Piece<'_>),
) -> Result<Columns, ReadError> {
    // What the writer's own types were does not matter: those of the format do.
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let found = ArrowReaderMetadata::load(&source, plain).map_err(broken(path))?;
    let columns = match columns_in(kind, found.schema().fields()) {
        Ok(columns) => columns,
        Err(what) => return stream_fitted((source, found), path, kind, what, take),
    };
    let hint = ArrowReaderOptions::new().with_schema(by_keys(found.schema()));
    let hinted =
        ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), hint).map_err(broken(path))?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source, hinted);
    let builder = match depth {
        Depth::EveryColumn => builder,
        Depth::WhatIsShown => {
            let is_shown = |(_, field): &(usize, &FieldRef)| !NOT_SHOWN.contains(&&**field.name());
            let shown = found.schema().fields().iter().enumerate().filter(is_shown);
            let mask = ProjectionMask::roots(builder.parquet_schema(), shown.map(|(at, _)| at));
            builder.with_projection(mask)
        }
    };
    let ours = schema::of(kind, columns);
    for batch in builder.with_batch_size(PIECE_ROWS).build().map_err(broken(path))? {
        let batch = batch.map_err(broken(path))?;
        refuse_gaps(&batch, &ours)
            .map_err(|what| ReadError::Foreign { path: path.to_owned(), what })?;
        if batch.num_rows() > 0 {
            take(&piece(kind, columns, &batch));
        }
    }
    Ok(columns)
}

/// The same of a file of another writer, whose columns say the same otherwise; `what` is wrong
/// where they do not.
fn stream_fitted<T: ChunkReader + 'static>(
    (source, found): (T, ArrowReaderMetadata),
    path: &Path,
    kind: Kind,
    what: String,
    take: &mut impl FnMut(&Piece<'_>),
) -> Result<Columns, ReadError> {
    let foreign = |what: String| ReadError::Foreign { path: path.to_owned(), what };
    let fits =
        |columns| Some((columns, Fit::whole(found.schema(), &schema::of(kind, columns)).ok()?));
    let known = [Columns::Narrow, Columns::Full];
    let (columns, fit) = known.into_iter().find_map(fits).ok_or_else(|| foreign(what))?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source, found);
    let mask = ProjectionMask::roots(builder.parquet_schema(), fit.places());
    let builder = builder.with_projection(mask).with_batch_size(PIECE_ROWS);
    for batch in builder.build().map_err(broken(path))? {
        let ours = fit.batch(&batch.map_err(broken(path))?).map_err(foreign)?;
        let keyed = keyed(&ours).map_err(|error| foreign(error.to_string()))?;
        if keyed.num_rows() > 0 {
            take(&piece(kind, columns, &keyed));
        }
    }
    Ok(columns)
}

/// Our columns with the keys of labels in each row.
fn keyed(ours: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = by_keys(ours.schema_ref());
    let columns = ours.columns().iter().zip(schema.fields());
    let arrays = columns.map(|(array, field)| cast(array, field.data_type()));
    RecordBatch::try_new(Arc::clone(&schema), arrays.collect::<Result<_, _>>()?)
}

/// Columns of trades that no rule looks at.
const NOT_SHOWN: [&str; 4] = ["conditions", "correction", "tape", "trf_ts"];

/// Which of our columns these are.
fn columns_in(kind: Kind, found: &Fields) -> Result<Columns, String> {
    let known = [Columns::Narrow, Columns::Full];
    let is_found = |columns: &Columns| {
        let ours = schema::of(kind, *columns);
        let same = |(found, ours): (&FieldRef, &FieldRef)| {
            found.name() == ours.name() && same_type(found.data_type(), ours.data_type())
        };
        found.len() == ours.fields().len() && found.iter().zip(ours.fields()).all(same)
    };
    known.into_iter().find(is_found).ok_or_else(|| {
        let spelled = |fields: &Fields| {
            let field = |field: &FieldRef| format!("{} {}", field.name(), field.data_type());
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        };
        let ours = schema::of(kind, Columns::Narrow);
        format!("its columns are {}; ours are {}", spelled(found), spelled(ours.fields()))
    })
}

/// Lists may call their elements what they like.
fn same_type(found: &DataType, ours: &DataType) -> bool {
    match (found, ours) {
        (DataType::List(found), DataType::List(ours)) => found.data_type() == ours.data_type(),
        _ => found == ours,
    }
}

/// The same, with the texts of labels told once and their keys in each row, as they lie on disk.
fn by_keys(found: &Schema) -> SchemaRef {
    let keyed = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let hint = |field: &FieldRef| {
        let is_label = *field.data_type() == DataType::Utf8 && field.name() != "id";
        let hinted = Field::new(field.name(), keyed(), field.is_nullable());
        if is_label { Arc::new(hinted) } else { Arc::clone(field) }
    };
    Arc::new(Schema::new(found.fields().iter().map(hint).collect::<Fields>()))
}

/// A value that ours always have must be there.
fn refuse_gaps(batch: &RecordBatch, ours: &Schema) -> Result<(), String> {
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let may_miss = ours.field_with_name(field.name()).is_ok_and(Field::is_nullable);
        if !may_miss && column.logical_null_count() > 0 {
            return Err(format!("a value of its column {} is missing", field.name()));
        }
    }
    Ok(())
}

/// The columns were checked before.
fn piece(kind: Kind, columns: Columns, batch: &RecordBatch) -> Piece<'_> {
    let column = |name: &str| batch.column_by_name(name).expect("the columns were checked");
    let labels = |name: &str| {
        let found: &DictionaryArray<Int32Type> = column(name).as_dictionary();
        Labels { keys: found.keys().values(), texts: found.values().as_string() }
    };
    let float = |name: &str| &**column(name).as_primitive::<Float64Type>().values();
    let int = |name: &str| &**column(name).as_primitive::<Int64Type>().values();
    match kind {
        Kind::Daily | Kind::Minute => Piece::Bars(Bars {
            tickers: labels("ticker"),
            dates: labels("date"),
            minutes: (kind == Kind::Minute).then(|| labels("minute")),
            t: int("t"),
            open: float("o"),
            high: float("h"),
            low: float("l"),
            close: float("c"),
            volume: float("v"),
            trades: Said { values: int("n"), is_said: column("n").nulls() },
            vwap: Said { values: float("vw"), is_said: column("vw").nulls() },
        }),
        Kind::Trades => Piece::Trades(Trades {
            tickers: labels("ticker"),
            days: labels("day"),
            sip_ns: int("sip_ts"),
            price: float("price"),
            size: float("size"),
            identity: (columns == Columns::Full).then(|| Identity {
                sequence: int("sequence_number"),
                exchange: column("exchange").as_primitive::<Int32Type>().values(),
                participant_ns: int("participant_ts"),
                ids: column("id").as_string(),
            }),
        }),
    }
}

#[cfg(test)]
mod tests;

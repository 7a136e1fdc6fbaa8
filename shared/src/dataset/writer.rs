//! Rows to a published Parquet file. With [`reader`](super::reader) the only place that knows the format.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};

use super::kind::Kind;
use super::merge::DatedBar;
use super::schema;
use crate::disk::publish::{DiskError, Draft};
use crate::market::ticker::Ticker;

/// What proves a file: its length and its SHA-256, as `sha256sum` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// File length.
    pub bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
}

impl Fingerprint {
    /// Reads a whole file.
    pub fn of_file(path: &Path) -> Result<Self, DiskError> {
        let mut sink = Hashing { inner: io::sink(), sha256: Sha256::new(), bytes: 0 };
        File::open(path)
            .and_then(|mut file| io::copy(&mut file, &mut sink))
            .map_err(DiskError::at("read", path))?;
        Ok(sink.fingerprint())
    }
}

/// Publishes `rows` of `ticker`, sorted by date, as the daily file `path`.
pub fn publish_daily(path: &Path, ticker: &Ticker, rows: &[DatedBar]) -> Result<Fingerprint, DiskError> {
    let mut out = Hashing { inner: Draft::create(path)?, sha256: Sha256::new(), bytes: 0 };
    let written = write_batch(&mut out, &daily_columns(ticker, rows));
    written.map_err(|error| DiskError::at("write", path)(io_error(error)))?;
    let fingerprint = out.fingerprint();
    out.inner.publish()?;
    Ok(fingerprint)
}

fn write_batch(out: &mut (impl Write + Send), batch: &RecordBatch) -> Result<(), ParquetError> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(out, batch.schema(), Some(properties))?;
    writer.write(batch)?;
    writer.close().map(drop)
}

fn daily_columns(ticker: &Ticker, rows: &[DatedBar]) -> RecordBatch {
    let float =
        |value: fn(&DatedBar) -> f64| Arc::new(Float64Array::from_iter_values(rows.iter().map(value)));
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|_| ticker.as_str()))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.date.to_string()))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.bar.t))),
        float(|row| row.bar.open),
        float(|row| row.bar.high),
        float(|row| row.bar.low),
        float(|row| row.bar.close),
        float(|row| row.bar.volume),
        Arc::new(rows.iter().map(|row| row.bar.trades).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.bar.vwap).collect::<Float64Array>()),
    ];
    RecordBatch::try_new(schema::of(Kind::Daily), columns)
        .expect("the columns are built in the schema's order")
}

/// The writer only fails when its file does; keep the system's own error where there is one.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

/// Hashes what passes through.
struct Hashing<W> {
    inner: W,
    sha256: Sha256,
    bytes: u64,
}

impl<W> Hashing<W> {
    fn fingerprint(&self) -> Fingerprint {
        let mut sha256 = String::with_capacity(64);
        for byte in self.sha256.clone().finalize() {
            write!(sha256, "{byte:02x}").expect("a String takes every write");
        }
        Fingerprint { bytes: self.bytes, sha256 }
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

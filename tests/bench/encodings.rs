//! The same trades written in different ways: how large, how fast to read, and how much the writer
//! holds meanwhile.
//!
//! `encodings ROOT TICKER [ROUNDS]`: writes every `trades.parquet` below again in each way, into a
//! temporary folder, then decodes stamps, prices and sizes of each way in turn. What the writer
//! does with this: `shared/src/dataset/writer.rs`.

#![expect(clippy::disallowed_methods, reason = "files that are only measured")]

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use tests::harness::tree;

/// As `bars` reads, and as the worker writes.
const READ_ROWS: usize = 4 * 1024;
const WRITE_ROWS: usize = 8 * 1024;

/// How stamps, and how prices and sizes are written.
#[derive(Clone, Copy)]
enum Values {
    Plain,
    Dictionary,
    DeltaAndDictionary,
    DeltaAndSplit,
}

/// A way to write.
struct Way {
    name: &'static str,
    values: Values,
    codec: Compression,
    group_rows: usize,
    page_rows: usize,
    page_bytes: usize,
}

const OURS: Way = Way {
    name: "delta + dictionary, snappy (ours)",
    values: Values::DeltaAndDictionary,
    codec: Compression::SNAPPY,
    group_rows: 64 << 10,
    page_rows: 64 << 10,
    page_bytes: 1 << 20,
};

/// What came of a way.
#[derive(Default)]
struct Measured {
    rows: usize,
    bytes: u64,
    write_us: i64,
    most_held: usize,
    read_us: Vec<i64>,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |name: &str| arguments.next().unwrap_or_else(|| panic!("no {name}"));
    let folder = PathBuf::from(argument("ROOT")).join(argument("TICKER"));
    let rounds: usize =
        arguments.next().map_or(5, |rounds| rounds.parse().expect("a number of rounds"));
    let mut days = tree::files(&folder);
    days.retain(|path| path.ends_with("trades.parquet"));
    let (ways, out) = (ways(), tempfile::tempdir().expect("a folder"));
    let mut measured: Vec<Measured> = ways.iter().map(|_| Measured::default()).collect();
    let path = |way: usize, day: usize| out.path().join(format!("{way}-{day}.parquet"));
    for (day, source) in days.iter().enumerate() {
        let rows = whole(source);
        for (place, way) in ways.iter().enumerate() {
            write(way, &rows, &path(place, day), &mut measured[place]);
        }
    }
    for _ in 0..rounds {
        for (place, measured) in measured.iter_mut().enumerate() {
            let begun = cpu_us();
            let rows: usize = (0..days.len()).map(|day| decode(&path(place, day))).sum();
            measured.read_us.push(cpu_us() - begun);
            assert_eq!(rows, measured.rows, "every row that was written");
        }
    }
    print(&ways, &mut measured);
}

fn ways() -> Vec<Way> {
    let zstd = |level| Compression::ZSTD(ZstdLevel::try_new(level).expect("a level of zstd"));
    vec![
        OURS,
        Way {
            name: "plain, uncompressed",
            values: Values::Plain,
            codec: Compression::UNCOMPRESSED,
            ..OURS
        },
        Way { name: "plain, snappy", values: Values::Plain, ..OURS },
        Way { name: "dictionary everywhere, snappy", values: Values::Dictionary, ..OURS },
        Way { name: "delta + byte-stream-split, snappy", values: Values::DeltaAndSplit, ..OURS },
        Way {
            name: "delta + byte-stream-split, zstd 3",
            values: Values::DeltaAndSplit,
            codec: zstd(3),
            ..OURS
        },
        Way { name: "ours, uncompressed", codec: Compression::UNCOMPRESSED, ..OURS },
        Way { name: "ours, zstd 1", codec: zstd(1), ..OURS },
        Way { name: "ours, zstd 3", codec: zstd(3), ..OURS },
        Way { name: "ours, groups of 128 k", group_rows: 128 << 10, page_rows: 128 << 10, ..OURS },
        Way { name: "ours, groups of 1 M", group_rows: 1 << 20, page_rows: 1 << 20, ..OURS },
        Way { name: "ours, pages of 8 k rows", page_rows: 8 << 10, ..OURS },
        Way { name: "ours, pages of 20,000 rows (usual)", page_rows: 20_000, ..OURS },
        Way { name: "ours, pages of 64 KiB", page_bytes: 64 << 10, ..OURS },
    ]
}

fn properties(way: &Way) -> WriterProperties {
    let builder = WriterProperties::builder()
        .set_compression(way.codec)
        .set_max_row_group_row_count(Some(way.group_rows))
        .set_data_page_row_count_limit(way.page_rows)
        .set_data_page_size_limit(way.page_bytes);
    let encoded =
        |builder: parquet::file::properties::WriterPropertiesBuilder, names: &[&str], encoding| {
            names.iter().fold(builder, |builder, name| {
                let column = ColumnPath::from(*name);
                builder
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column, encoding)
            })
        };
    let builder = match way.values {
        Values::Plain => encoded(builder, &["sip_ts", "price", "size"], Encoding::PLAIN),
        Values::Dictionary => builder,
        Values::DeltaAndDictionary => encoded(builder, &["sip_ts"], Encoding::DELTA_BINARY_PACKED),
        Values::DeltaAndSplit => encoded(
            encoded(builder, &["sip_ts"], Encoding::DELTA_BINARY_PACKED),
            &["price", "size"],
            Encoding::BYTE_STREAM_SPLIT,
        ),
    };
    builder.build()
}

fn write(way: &Way, batches: &[RecordBatch], path: &Path, measured: &mut Measured) {
    let (begun, file) = (cpu_us(), File::create(path).expect("created"));
    let mut writer =
        ArrowWriter::try_new(file, batches[0].schema(), Some(properties(way))).expect("a writer");
    for batch in batches {
        writer.write(batch).expect("written");
        measured.most_held = measured.most_held.max(writer.memory_size());
        measured.rows += batch.num_rows();
    }
    writer.close().expect("closed");
    measured.write_us += cpu_us() - begun;
    measured.bytes += fs::metadata(path).expect("there").len();
}

fn whole(path: &Path) -> Vec<RecordBatch> {
    let file = File::open(path).expect("opened");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let reader = builder.with_batch_size(WRITE_ROWS).build().expect("readable");
    reader.map(|batch| batch.expect("rows")).collect()
}

fn decode(path: &Path) -> usize {
    let file = File::open(path).expect("opened");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["sip_ts", "price", "size"]);
    let reader =
        builder.with_projection(mask).with_batch_size(READ_ROWS).build().expect("readable");
    reader.map(|batch| std::hint::black_box(batch.expect("rows")).num_rows()).sum()
}

/// User and system time of this process so far.
fn cpu_us() -> i64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the kernel counts");
    let both: TimeVal = usage.user_time() + usage.system_time();
    both.num_microseconds()
}

fn print(ways: &[Way], measured: &mut [Measured]) {
    let mut out = io::stdout().lock();
    let mut line = |text: String| drop(writeln!(out, "{text}"));
    line(format!(
        "{} rows; CPU time, median of {} rounds\n",
        measured[0].rows,
        measured[0].read_us.len()
    ));
    line(format!(
        "| {:<40} | {:>13} | {:>13} | {:>13} | {:>14} | {:>11} |",
        "", "bytes a trade", "ns a row read", "(least)", "ns a row wrote", "writer held"
    ));
    line(format!("|{:-<42}|{:->14}:|{:->14}:|{:->14}:|{:->15}:|{:->12}:|", "", "", "", "", "", ""));
    for (way, of) in ways.iter().zip(measured) {
        of.read_us.sort_unstable();
        let a_row = |us: i64| us as f64 * 1000.0 / of.rows as f64;
        let (median, least) = (of.read_us[(of.read_us.len() - 1) / 2], of.read_us[0]);
        let (bytes, held) =
            (of.bytes as f64 / of.rows as f64, of.most_held as f64 / f64::from(1 << 20));
        line(format!(
            "| {:<40} | {bytes:>13.2} | {:>13.1} | {:>13.1} | {:>14.0} | {held:>7.1} MiB |",
            way.name,
            a_row(median),
            a_row(least),
            a_row(of.write_us)
        ));
    }
}

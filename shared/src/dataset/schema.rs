//! Column names and types on disk, exactly as other tools read them (DESIGN 3).

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

use super::kind::{BarColumns, Columns, Kind};

/// Version of the layout on disk, written into `_dataset.json`.
pub const SCHEMA_VERSION: u32 = 1;

static DAILY: LazyLock<SchemaRef> = LazyLock::new(|| schema(&bars(&["date"])));
static MINUTE: LazyLock<SchemaRef> = LazyLock::new(|| schema(&bars(&["date", "minute"])));
static TRADES: LazyLock<SchemaRef> = LazyLock::new(|| schema(&narrow_trades()));
static FULL_TRADES: LazyLock<SchemaRef> = LazyLock::new(|| schema(&full_trades()));
static SEVEN: LazyLock<SchemaRef> = LazyLock::new(|| schema(&seven()));
static EXTENDED: LazyLock<SchemaRef> = LazyLock::new(|| schema(&extended()));

/// The columns of `kind`, in order. `t` is ms UTC of the window's start, `date` and `minute` are in
/// the tree's zone, prices USD, `v` shares; `n` and `vw` are null where the source has none.
/// `sip_ts`, `participant_ts` and `trf_ts` are ns UTC.
pub fn of(kind: Kind, columns: Columns) -> SchemaRef {
    match (kind, columns) {
        (Kind::Daily, _) => DAILY.clone(),
        (Kind::Minute, _) => MINUTE.clone(),
        (Kind::Trades, Columns::Narrow) => TRADES.clone(),
        (Kind::Trades, Columns::Full) => FULL_TRADES.clone(),
    }
}

/// The columns of bars that end by what was traded: the seven, or with those behind them. `t` and
/// `t_close` are ns UTC.
pub fn of_bars(columns: BarColumns) -> SchemaRef {
    match columns {
        BarColumns::Seven => SEVEN.clone(),
        BarColumns::Extended => EXTENDED.clone(),
    }
}

/// The element of the list column `conditions`.
pub fn condition() -> FieldRef {
    Arc::new(Field::new("item", DataType::Int32, false))
}

fn schema(fields: &[Field]) -> SchemaRef {
    Arc::new(Schema::new(fields.to_vec()))
}

fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn optional(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn bars(labels: &[&str]) -> Vec<Field> {
    let mut fields = vec![required("ticker", DataType::Utf8)];
    fields.extend(labels.iter().map(|label| required(label, DataType::Utf8)));
    fields.push(required("t", DataType::Int64));
    fields.extend(["o", "h", "l", "c", "v"].map(|name| required(name, DataType::Float64)));
    fields.extend([optional("n", DataType::Int64), optional("vw", DataType::Float64)]);
    fields
}

fn narrow_trades() -> Vec<Field> {
    vec![
        required("ticker", DataType::Utf8),
        required("day", DataType::Utf8),
        required("sip_ts", DataType::Int64),
        required("price", DataType::Float64),
        required("size", DataType::Float64),
    ]
}

fn full_trades() -> Vec<Field> {
    let mut fields = narrow_trades();
    fields.extend([
        required("sequence_number", DataType::Int64),
        required("exchange", DataType::Int32),
        optional("conditions", DataType::List(condition())),
        optional("correction", DataType::Int32),
        required("tape", DataType::Int32),
        required("participant_ts", DataType::Int64),
        optional("trf_ts", DataType::Int64),
        required("id", DataType::Utf8),
    ]);
    fields
}

fn seven() -> Vec<Field> {
    let mut fields = vec![required("t", DataType::Int64)];
    fields.extend(
        ["open", "high", "low", "close", "v", "dollar"]
            .map(|name| required(name, DataType::Float64)),
    );
    fields
}

fn extended() -> Vec<Field> {
    let mut fields = seven();
    fields.extend(["t_close", "n"].map(|name| required(name, DataType::Int64)));
    let sums = ["vw", "buy_v", "buy_dollar", "imbalance", "threshold"];
    fields.extend(sums.map(|name| required(name, DataType::Float64)));
    fields
}

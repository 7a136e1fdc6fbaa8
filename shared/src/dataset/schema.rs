//! Column names and types on disk, exactly as other tools read them (DESIGN 3).

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::kind::Kind;

/// Version of the layout on disk, written into `_dataset.json`.
pub const SCHEMA_VERSION: u32 = 1;

static DAILY: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("ticker", DataType::Utf8, false),
        Field::new("date", DataType::Utf8, false),
        Field::new("t", DataType::Int64, false),
        Field::new("o", DataType::Float64, false),
        Field::new("h", DataType::Float64, false),
        Field::new("l", DataType::Float64, false),
        Field::new("c", DataType::Float64, false),
        Field::new("v", DataType::Float64, false),
        Field::new("n", DataType::Int64, true),
        Field::new("vw", DataType::Float64, true),
    ]))
});

/// The columns of `kind`, in order: `t` is ms UTC of the window's start, `date` the New York day,
/// prices USD, `v` shares; `n` and `vw` are null where the source has none.
pub fn of(kind: Kind) -> SchemaRef {
    match kind {
        Kind::Daily => DAILY.clone(),
    }
}

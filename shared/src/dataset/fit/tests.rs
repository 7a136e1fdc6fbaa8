use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array, LargeStringArray,
    NullArray, RecordBatch, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::{Field, Float64Type, Int64Type, Schema};

use super::*;
use crate::dataset::kind::{Columns, Kind};

/// Columns in the place of others.
type Changed = Vec<(&'static str, ArrayRef)>;

/// Two daily bars as pandas or polars may hold them; `changed` takes the place of the column with
/// its name, or stands behind the others.
fn table(changed: &[(&str, ArrayRef)]) -> RecordBatch {
    let texts = |texts: [&str; 2]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let floats = |numbers: [f64; 2]| Arc::new(Float64Array::from(numbers.to_vec())) as ArrayRef;
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("ticker", texts(["AIG", "AIG"])),
        ("date", texts(["2024-03-11", "2024-03-12"])),
        ("t", Arc::new(Int64Array::from(vec![1_710_129_600_000, 1_710_216_000_000]))),
    ];
    columns.extend(["o", "h", "l", "c", "v"].map(|name| (name, floats([7.25, 7.5]))));
    columns.push(("n", Arc::new(Int64Array::from(vec![Some(17), None]))));
    columns.push(("vw", floats([7.3, 7.4])));
    for (name, array) in changed {
        match columns.iter_mut().find(|(own, _)| own == name) {
            Some(column) => column.1 = Arc::clone(array),
            None => columns.push((name, Arc::clone(array))),
        }
    }
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(schema), arrays).expect("a table")
}

fn fitted(table: &RecordBatch) -> Result<(RecordBatch, BTreeSet<Unlike>), String> {
    let fit = Fit::whole(&table.schema(), &schema::of(Kind::Daily, Columns::Narrow))?;
    let mut places: Vec<usize> = fit.places().collect();
    places.sort_unstable();
    let read = table.project(&places).expect("there");
    Ok((fit.batch(&read)?, fit.unlike().clone()))
}

/// Microseconds of New York's midnights.
fn stamps_us(more: i64) -> ArrayRef {
    let stamps = vec![1_710_129_600_000_000 + more, 1_710_216_000_000_000];
    Arc::new(TimestampMicrosecondArray::from(stamps).with_timezone("UTC"))
}

#[test]
fn what_other_writers_spell_otherwise_is_read_as_the_same_rows() {
    let plain = fitted(&table(&[])).expect("read").0;
    let large = |texts: [&str; 2]| Arc::new(LargeStringArray::from(texts.to_vec())) as ArrayRef;
    let days = Arc::new(Date32Array::from(vec![19_793, 19_794])) as ArrayRef;
    let nullable = BTreeSet::from([Unlike::Nullable]);
    let types = BTreeSet::from([Unlike::Nullable, Unlike::Types]);
    let index = BTreeSet::from([Unlike::Nullable, Unlike::IndexColumn]);
    let cases: Vec<(&str, Changed, BTreeSet<Unlike>)> = vec![
        ("nullable columns", vec![], nullable),
        ("large strings", vec![("ticker", large(["AIG", "AIG"]))], types.clone()),
        ("dates", vec![("date", days)], types.clone()),
        (
            "counts with gaps as floats",
            vec![("n", Arc::new(Float64Array::from(vec![Some(17.0), None])))],
            types.clone(),
        ),
        ("stamps in microseconds", vec![("t", stamps_us(0))], types),
        (
            "the index of pandas",
            vec![("__index_level_0__", Arc::new(Int64Array::from(vec![0, 1])))],
            index,
        ),
    ];
    for (case, changed, expected) in cases {
        let (rows, unlike) = fitted(&table(&changed)).expect(case);
        assert_eq!(rows, plain, "{case}");
        assert_eq!(unlike, expected, "{case}");
    }
    let volumes = table(&[("v", Arc::new(Int64Array::from(vec![700, 1 << 53])))]);
    let volumes = fitted(&volumes).expect("read").0;
    let volumes = volumes.column_by_name("v").expect("there").as_primitive::<Float64Type>();
    assert_eq!(volumes.values(), &[700.0, 9_007_199_254_740_992.0]);
    let none = table(&[("n", Arc::new(NullArray::new(2)))]);
    let none = fitted(&none).expect("read").0;
    assert_eq!(
        none.column_by_name("n").expect("there").as_primitive::<Int64Type>().null_count(),
        2
    );
}

#[test]
fn columns_in_another_order_are_read_as_the_same_rows() {
    let table = table(&[]);
    let backwards: Vec<usize> = (0..table.num_columns()).rev().collect();
    let (rows, unlike) = fitted(&table.project(&backwards).expect("there")).expect("read");
    assert_eq!(rows, fitted(&table).expect("read").0);
    assert!(unlike.contains(&Unlike::Order));
    let only = Fit::whole(&table.schema(), &schema::of(Kind::Daily, Columns::Narrow))
        .expect("fits")
        .only(&["t", "c"]);
    assert_eq!(only.places().collect::<Vec<_>>(), [2, 6]);
}

#[test]
fn what_would_change_a_value_or_lose_a_column_is_refused_and_named() {
    let cases: Vec<(&str, ArrayRef, &str)> = vec![
        ("note", Arc::new(NullArray::new(2)), "ours have no column note"),
        ("t", stamps_us(1), "its column t has 1710129600000001"),
        (
            "t",
            Arc::new(TimestampNanosecondArray::from(vec![0, 1])),
            "its column t is Timestamp(ns); ours is Int64",
        ),
        ("t", Arc::new(Float64Array::from(vec![0.0, 1.0])), "its column t is Float64"),
        ("c", Arc::new(Float32Array::from(vec![0.5, 1.0])), "its column c is Float32"),
        // Cents, perhaps.
        ("c", Arc::new(Int64Array::from(vec![1_000, 1_001])), "its column c is Int64"),
        ("c", Arc::new(Int32Array::from(vec![1_000, 1_001])), "its column c is Int32"),
        (
            "c",
            Arc::new(Float64Array::from(vec![Some(0.5), None])),
            "value of its column c is missing",
        ),
        ("n", Arc::new(Float64Array::from(vec![1.0, 0.5])), "its column n has 0.5"),
        ("v", Arc::new(Int64Array::from(vec![0, (1 << 53) + 1])), "has 9007199254740993"),
        ("date", Arc::new(Int32Array::from(vec![1, 2])), "its column date is Int32; ours is Utf8"),
    ];
    for (name, array, expected) in cases {
        let refused = fitted(&table(&[(name, array)])).expect_err(name);
        assert!(refused.contains(expected), "{name}: {refused}");
    }
    let renamed = table(&[]);
    let schema = renamed.schema();
    let fields = schema.fields().iter().map(|field| match field.name().as_str() {
        "o" => Field::new("open", field.data_type().clone(), true),
        _ => field.as_ref().clone(),
    });
    let renamed = RecordBatch::try_new(
        Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        renamed.columns().to_vec(),
    );
    let refused = fitted(&renamed.expect("a table")).expect_err("refused");
    assert_eq!(refused, "it has no column o");
}

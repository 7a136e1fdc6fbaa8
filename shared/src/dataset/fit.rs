//! Columns of other writers, read as ours: which of theirs mean the same, and how their values
//! become ours. Every value is the same number or text afterwards, or the file is refused.
//!
//! pandas, pyarrow and polars let every column be null, write texts as large strings, counts with
//! gaps as floats, volumes as integers and columns in an order of their own. None of that changes
//! what a row says. A column that we do not know does: it would be lost when the file is written
//! anew.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Float64Array, Int32Array, Int64Array, ListArray,
    PrimitiveArray, RecordBatch, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, FieldRef, Float64Type, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};

use super::schema;

/// What is unlike ours in a file that is read as ours all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unlike {
    /// Columns that may hold nulls and hold none.
    Nullable,
    /// The order of the columns.
    Order,
    /// A number for each row, which pandas keeps as a column of its own.
    IndexColumn,
    /// Types whose values are ours exactly.
    Types,
}

impl fmt::Display for Unlike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nullable => "columns that may be null",
            Self::Order => "columns in another order",
            Self::IndexColumn => "the index of pandas as a column",
            Self::Types => "other types of the same values",
        })
    }
}

/// How one of their columns becomes ours.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cast {
    AsIs,
    /// Any value of their type is one of ours.
    Widen,
    /// A column without any value.
    Nothing,
    /// Floats that are whole numbers.
    Whole,
    /// Integers that a float can hold.
    Real,
    /// Integers that need only 32 bits.
    Small,
    /// Lists of such.
    SmallLists,
    /// Stamps: the same unit, or a finer one of which so many make one of ours.
    Stamps(i64),
}

/// A column of ours, and where and how to get it.
#[derive(Debug, Clone)]
struct FittedColumn {
    place: usize,
    cast: Cast,
    field: FieldRef,
}

/// How the batches of a file become batches of ours.
#[derive(Debug, Clone)]
pub struct Fit {
    columns: Vec<FittedColumn>,
    ours: SchemaRef,
    unlike: BTreeSet<Unlike>,
}

impl Fit {
    /// Of a file with the columns `found` to all columns of `ours`; says what is in the way.
    pub fn whole(found: &Schema, ours: &SchemaRef) -> Result<Self, String> {
        let fit = Self::some(found, ours)?;
        let is_unknown = |name: &&str| ours.field_with_name(name).is_err() && !is_index(name);
        let names = || found.fields().iter().map(|field| field.name().as_str());
        match names().find(is_unknown) {
            Some(name) => Err(format!("ours have no column {name}")),
            None if names().any(is_index) => Ok(fit.with(Unlike::IndexColumn)),
            None => Ok(fit),
        }
    }

    /// The same to the columns of `ours` alone; others may be there.
    pub fn some(found: &Schema, ours: &SchemaRef) -> Result<Self, String> {
        let columns: Vec<FittedColumn> =
            ours.fields().iter().map(|field| column(found, field)).collect::<Result<_, _>>()?;
        let mut fit = Self { columns, ours: Arc::clone(ours), unlike: BTreeSet::new() };
        let columns = &fit.columns;
        let is_nullable =
            |it: &FittedColumn| found.field(it.place).is_nullable() && !it.field.is_nullable();
        let differences = [
            (Unlike::Nullable, columns.iter().any(is_nullable)),
            (Unlike::Order, !columns.is_sorted_by_key(|column| column.place)),
            (Unlike::Types, columns.iter().any(|column| column.cast != Cast::AsIs)),
        ];
        fit.unlike = differences.into_iter().filter_map(|(what, is)| is.then_some(what)).collect();
        Ok(fit)
    }

    fn with(mut self, unlike: Unlike) -> Self {
        self.unlike.insert(unlike);
        self
    }

    /// To the columns `names` alone, in our order.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        let is_asked = |column: &&FittedColumn| names.contains(&column.field.name().as_str());
        let columns: Vec<FittedColumn> = self.columns.iter().filter(is_asked).cloned().collect();
        let fields: Vec<FieldRef> = columns.iter().map(|it| Arc::clone(&it.field)).collect();
        Self { columns, ours: Arc::new(Schema::new(fields)), unlike: self.unlike.clone() }
    }

    /// What is unlike ours.
    pub fn unlike(&self) -> &BTreeSet<Unlike> {
        &self.unlike
    }

    /// The columns of the file that are to be read.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(|column| column.place)
    }

    /// A batch of these columns, in the order of the file, as ours; says which value can't be.
    pub fn batch(&self, read: &RecordBatch) -> Result<RecordBatch, String> {
        let ours = |column: &FittedColumn| {
            // The reader keeps the order of the file.
            let place = self.columns.iter().filter(|other| other.place < column.place).count();
            let name = column.field.name();
            let array = column.cast.apply(name, read.column(place), column.field.data_type())?;
            if array.null_count() > 0 && !column.field.is_nullable() {
                return Err(format!("a value of its column {name} is missing"));
            }
            Ok(array)
        };
        let arrays: Vec<ArrayRef> = self.columns.iter().map(ours).collect::<Result<_, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.ours), arrays).map_err(|error| error.to_string())
    }
}

/// pandas writes the index of a frame as a column that is named so.
fn is_index(name: &str) -> bool {
    let number = name.strip_prefix("__index_level_").and_then(|rest| rest.strip_suffix("__"));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn column(found: &Schema, ours: &FieldRef) -> Result<FittedColumn, String> {
    let name = ours.name();
    let Some((place, theirs)) = found.fields().find(name) else {
        return Err(format!("it has no column {name}"));
    };
    let cast = Cast::of(name, theirs.data_type(), ours.data_type()).ok_or_else(|| {
        format!("its column {name} is {}; ours is {}", theirs.data_type(), ours.data_type())
    })?;
    Ok(FittedColumn { place, cast, field: Arc::clone(ours) })
}

/// Nanoseconds of a unit.
fn ns_of(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

/// The unit of our stamps: bars count ms, trades ns.
fn unit_of(name: &str) -> Option<TimeUnit> {
    match name {
        "t" => Some(TimeUnit::Millisecond),
        "sip_ts" | "participant_ts" | "trf_ts" => Some(TimeUnit::Nanosecond),
        _ => None,
    }
}

impl Cast {
    fn of(name: &str, theirs: &DataType, ours: &DataType) -> Option<Self> {
        Some(match (theirs, ours) {
            (theirs, ours) if theirs == ours => Self::AsIs,
            (DataType::Null, _) => Self::Nothing,
            (DataType::LargeUtf8 | DataType::Utf8View | DataType::Date32, DataType::Utf8)
            | (DataType::Int32, DataType::Int64) => Self::Widen,
            // Only counts: a stamp that was a float once may have lost its last digits.
            (DataType::Float64, DataType::Int64) if name == "n" => Self::Whole,
            // Only amounts: a price that is an integer may be one of cents.
            (DataType::Int32, DataType::Float64) if matches!(name, "v" | "size") => Self::Widen,
            (DataType::Int64, DataType::Float64) if matches!(name, "v" | "size") => Self::Real,
            (DataType::Int64, DataType::Int32) => Self::Small,
            (DataType::List(theirs), DataType::List(ours)) => {
                match (theirs.data_type(), ours.data_type()) {
                    // Elements may be called what one likes.
                    (theirs, ours) if theirs == ours => Self::AsIs,
                    (DataType::Int64, DataType::Int32) => Self::SmallLists,
                    _ => return None,
                }
            }
            // Without a zone it may be anybody's clock.
            (DataType::Timestamp(unit, Some(_)), DataType::Int64) => {
                let (theirs, ours) = (ns_of(*unit), ns_of(unit_of(name)?));
                if theirs > ours {
                    return None;
                }
                Self::Stamps(ours / theirs)
            }
            _ => return None,
        })
    }

    fn apply(&self, name: &str, column: &ArrayRef, ours: &DataType) -> Result<ArrayRef, String> {
        let inexact = |value: &dyn fmt::Display| {
            format!("its column {name} has {value}, which ours can't hold exactly")
        };
        Ok(match self {
            Self::AsIs => own_list(column, ours),
            Self::Widen => cast(column, ours).map_err(|error| error.to_string())?,
            Self::Nothing => new_null_array(ours, column.len()),
            Self::Whole => Arc::new(each(column.as_primitive::<Float64Type>(), |value| {
                whole(value).ok_or_else(|| inexact(&value))
            })?) as ArrayRef,
            Self::Real => {
                let exact = |value: i64| real(value).ok_or_else(|| inexact(&value));
                let values = column.as_primitive::<Int64Type>();
                let all: Result<Float64Array, String> =
                    values.iter().map(|value| value.map(exact).transpose()).collect();
                Arc::new(all?)
            }
            Self::Small => Arc::new(small(column, inexact)?),
            Self::SmallLists => {
                let lists = column.as_list::<i32>();
                let values = Arc::new(small(lists.values(), inexact)?);
                let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
                let list = ListArray::try_new(schema::condition(), offsets, values, nulls);
                Arc::new(list.map_err(|error| error.to_string())?)
            }
            Self::Stamps(per) => {
                let exact = |value: i64| {
                    if value % per == 0 { Ok(value / per) } else { Err(inexact(&value)) }
                };
                Arc::new(each_stamp(column, exact)?)
            }
        })
    }
}

/// A list as ours, whatever its elements are called.
fn own_list(column: &ArrayRef, ours: &DataType) -> ArrayRef {
    match (column.data_type(), ours) {
        (DataType::List(theirs), DataType::List(field)) if theirs != field => {
            let lists = column.as_list::<i32>();
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            let values = Arc::clone(lists.values());
            ListArray::try_new(Arc::clone(field), offsets, values, nulls)
                .map_or_else(|_| Arc::clone(column), |list| Arc::new(list) as ArrayRef)
        }
        _ => Arc::clone(column),
    }
}

fn each<T: ArrowPrimitiveType>(
    values: &PrimitiveArray<T>,
    to: impl Fn(T::Native) -> Result<i64, String>,
) -> Result<Int64Array, String> {
    values.iter().map(|value| value.map(&to).transpose()).collect()
}

fn each_stamp(
    column: &ArrayRef,
    to: impl Fn(i64) -> Result<i64, String>,
) -> Result<Int64Array, String> {
    match column.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            each(column.as_primitive::<TimestampNanosecondType>(), to)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            each(column.as_primitive::<TimestampMicrosecondType>(), to)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            each(column.as_primitive::<TimestampMillisecondType>(), to)
        }
        other => Err(format!("a stamp is {other}")),
    }
}

fn small(
    column: &ArrayRef,
    inexact: impl Fn(&dyn fmt::Display) -> String,
) -> Result<Int32Array, String> {
    let values = column.as_primitive::<Int64Type>();
    let fit = |value: i64| i32::try_from(value).map_err(|_| inexact(&value));
    let all: Result<PrimitiveArray<Int32Type>, String> =
        values.iter().map(|value| value.map(fit).transpose()).collect();
    all
}

/// Up to here every whole number is a double.
const EXACT: i64 = 1 << 53;

#[expect(clippy::cast_possible_truncation, reason = "it is whole and within 53 bits")]
fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() <= EXACT as f64).then_some(value as i64)
}

fn real(value: i64) -> Option<f64> {
    (-EXACT..=EXACT).contains(&value).then_some(value as f64)
}

#[cfg(test)]
mod tests;

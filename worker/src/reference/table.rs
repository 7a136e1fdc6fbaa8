//! Tables of reference data: columns by name, built and read. What the columns mean is their rooms'
//! business.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use shared::dataset::reader::{self, ReadError};

/// A table being built, column by column.
#[derive(Default)]
pub struct TableColumns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl TableColumns {
    /// Adds text that every row has.
    #[must_use]
    pub fn required<'a>(self, name: &str, values: impl Iterator<Item = &'a str>) -> Self {
        self.with(name, false, Arc::new(StringArray::from_iter_values(values)))
    }

    /// Adds text that a row may lack.
    #[must_use]
    pub fn text<'a>(self, name: &str, values: impl Iterator<Item = Option<&'a str>>) -> Self {
        self.with(name, true, Arc::new(values.collect::<StringArray>()))
    }

    /// Adds yes or no.
    #[must_use]
    pub fn truth(self, name: &str, values: impl Iterator<Item = bool>) -> Self {
        self.with(name, false, Arc::new(values.map(Some).collect::<BooleanArray>()))
    }

    /// Adds numbers that a row may lack.
    #[must_use]
    pub fn float(self, name: &str, values: impl Iterator<Item = Option<f64>>) -> Self {
        self.with(name, true, Arc::new(values.collect::<Float64Array>()))
    }

    /// Adds numbers that every row has.
    #[must_use]
    pub fn required_float(self, name: &str, values: impl Iterator<Item = f64>) -> Self {
        self.with(name, false, Arc::new(Float64Array::from_iter_values(values)))
    }

    /// Adds whole numbers that a row may lack.
    #[must_use]
    pub fn int(self, name: &str, values: impl Iterator<Item = Option<i64>>) -> Self {
        self.with(name, true, Arc::new(values.collect::<Int64Array>()))
    }

    pub fn table(self) -> RecordBatch {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays)
            .expect("every column is built from the same rows")
    }

    fn with(mut self, name: &str, nullable: bool, array: ArrayRef) -> Self {
        self.fields.push(Field::new(name, array.data_type().clone(), nullable));
        self.arrays.push(array);
        self
    }
}

/// Why a table can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It can't be read, or is no Parquet.
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{path}: no column is called {column:?} (found: {found})", path = path.display())]
    NoColumn { path: PathBuf, column: &'static str, found: String },
    #[error("{path}: column {column:?} is of type {found}, not {wanted}", path = path.display())]
    OtherType { path: PathBuf, column: &'static str, found: DataType, wanted: DataType },
    #[error("{path}: column {column:?} is empty in row {row}", path = path.display())]
    Missing {
        path: PathBuf,
        column: &'static str,
        /// One-based.
        row: usize,
    },
}

/// A table that was read.
#[derive(Debug)]
pub struct Table {
    path: PathBuf,
    batch: RecordBatch,
}

impl Table {
    /// Reads the file `path`.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        Ok(Self { path: path.to_owned(), batch: reader::read_table(path)? })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// Text that every row has.
    pub fn required(&self, column: &'static str) -> Result<Vec<String>, TableError> {
        let values = self.text(column)?.into_iter().enumerate();
        let present = |(row, value): (usize, Option<String>)| {
            value.ok_or_else(|| TableError::Missing {
                path: self.path.clone(),
                column,
                row: row + 1,
            })
        };
        values.map(present).collect()
    }

    /// Text that rows may lack.
    pub fn text(&self, column: &'static str) -> Result<Vec<Option<String>>, TableError> {
        let found = self.column(column)?;
        // Other writers spell text as large strings, views or dictionaries; numbers are not text.
        let is_text = match found.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => true,
            DataType::Dictionary(_, value) => value.is_string(),
            _ => false,
        };
        if !is_text {
            return Err(self.other_type(column, found, DataType::Utf8));
        }
        let array = self.converted(column, DataType::Utf8)?;
        Ok(array.as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect())
    }

    /// Yes or no, where a row has it.
    pub fn truth(&self, column: &'static str) -> Result<Vec<Option<bool>>, TableError> {
        let found = self.column(column)?;
        if !matches!(found.data_type(), DataType::Boolean | DataType::Null) {
            return Err(self.other_type(column, found, DataType::Boolean));
        }
        Ok(self.converted(column, DataType::Boolean)?.as_boolean().iter().collect())
    }

    /// Numbers, where a row has them.
    pub fn float(&self, column: &'static str) -> Result<Vec<Option<f64>>, TableError> {
        let found = self.column(column)?;
        if !found.data_type().is_numeric() && !found.data_type().is_null() {
            return Err(self.other_type(column, found, DataType::Float64));
        }
        Ok(self
            .converted(column, DataType::Float64)?
            .as_primitive::<Float64Type>()
            .iter()
            .collect())
    }

    fn column(&self, column: &'static str) -> Result<&ArrayRef, TableError> {
        self.batch.column_by_name(column).ok_or_else(|| {
            let fields = self.batch.schema();
            let found =
                fields.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>();
            TableError::NoColumn { path: self.path.clone(), column, found: found.join(", ") }
        })
    }

    fn converted(&self, column: &'static str, wanted: DataType) -> Result<ArrayRef, TableError> {
        let found = self.column(column)?;
        cast(found, &wanted).map_err(|_| self.other_type(column, found, wanted))
    }

    fn other_type(&self, column: &'static str, found: &ArrayRef, wanted: DataType) -> TableError {
        TableError::OtherType {
            path: self.path.clone(),
            column,
            found: found.data_type().clone(),
            wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::dataset::writer;
    use shared::disk::publish::Draft;

    #[test]
    fn what_is_built_is_read_and_what_is_wrong_is_said_with_file_and_column() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.parquet");
        let batch = TableColumns::default()
            .required("ticker", ["A", "NA"].into_iter())
            .text("cik", [None, Some("1")].into_iter())
            .truth("active", [true, false].into_iter())
            .float("market_cap", [Some(0.1), None].into_iter())
            .int("total_employees", [Some(7), None].into_iter())
            .table();
        writer::publish_table(Draft::create(&path).expect("begun"), &batch).expect("published");
        let table = Table::read(&path).expect("read");
        assert_eq!(table.required("ticker").expect("text"), ["A", "NA"]);
        assert_eq!(table.truth("active").expect("truth"), [Some(true), Some(false)]);
        assert_eq!(table.float("market_cap").expect("numbers"), [Some(0.1), None]);
        assert_eq!(table.float("total_employees").expect("numbers"), [Some(7.0), None]);
        let said = |error: TableError| {
            error.to_string().replace(&format!("{}/", folder.path().display()), "")
        };
        let missing = said(table.required("cik").expect_err("a gap"));
        assert_eq!(missing, "t.parquet: column \"cik\" is empty in row 1");
        let other = said(table.text("active").expect_err("no text"));
        assert_eq!(other, "t.parquet: column \"active\" is of type Boolean, not Utf8");
        let none = said(table.text("name").expect_err("no column"));
        assert_eq!(
            none,
            "t.parquet: no column is called \"name\" (found: ticker, cik, active, market_cap, total_employees)"
        );
    }
}

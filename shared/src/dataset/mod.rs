//! What a dataset is: kinds, partitions, schemas, coverage and its proof, and how rows reach the
//! disk.

pub mod kind;
pub mod coverage;
pub mod run_mark;
pub mod answers;
pub mod trust;
pub mod partition;
pub mod merge;
pub mod schema;
pub mod fit;
mod row_columns;
pub mod writer;
pub mod reader;
pub mod listing;
pub mod reference;
pub mod column_stream;
pub mod row_stream;
pub mod presence;
pub mod bars_file;
pub mod summary;
pub mod loss;
pub mod seen;
pub mod entry;
pub mod look;
pub mod ledger_error;
pub mod ledger;
pub mod recorded;
pub mod claim;
pub mod open_ledger;
pub mod check;
pub mod stranger;
pub mod set_aside;
pub mod difference;
pub mod descriptor;

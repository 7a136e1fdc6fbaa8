//! Reference data: who is listed, what is known of each, and how shares were split, as of one day.
//!
//! One folder a table and snapshot date, one Parquet file in it, and `_ledger.jsonl` that proves
//! the file.

pub mod table;
pub mod tickers;
pub mod details;
pub mod splits;
pub mod proof;
pub mod answers;
pub mod output;
pub mod ask;
pub mod error;
pub mod survey;
pub mod job;

//! Reference data: who is listed, what is known of each, which symbols each security had, and how
//! shares were split, as of one day.
//!
//! One folder a table and snapshot date, one Parquet file in it, and `_ledger.jsonl` that proves
//! the file.

pub mod table;
pub mod tickers;
pub mod details;
pub mod events;
pub mod splits;
pub mod proof;
pub mod answers;
pub mod output;
pub mod ask;
pub mod error;
pub mod survey;
pub mod detail_questions;
pub mod event_questions;
pub mod job;

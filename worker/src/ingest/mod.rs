//! From the days asked for to files and ledger lines.

pub mod requests;
pub mod division;
pub mod not_to_be_had;
pub mod quarantine;
pub mod storable;
pub mod partitioner;
pub mod odd_rows;
pub mod drafts;
pub mod tree;
pub mod store_error;
pub mod store;
pub mod passes;
pub mod task;
pub mod tally;
pub mod pipeline;
pub mod market;
pub mod check;
pub mod batch;

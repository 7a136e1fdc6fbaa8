//! From the days asked for to files and ledger lines.

pub mod requests;
pub mod partitioner;
pub mod drafts;
pub mod store;
pub mod pipeline;
pub mod batch;

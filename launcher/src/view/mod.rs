//! What people and programs read: words, status, progress. Reads, never changes anything.

pub mod words;
pub mod plan;
pub mod snapshot;
pub mod status;
pub mod json;
pub mod progress;

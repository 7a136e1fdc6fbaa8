//! What people and programs read: words, status, progress. Reads, never changes anything.

pub mod words;
pub mod calendar;
pub mod plan;
pub mod log_lines;
pub mod log_tail;
pub mod pace;
pub mod measure;
pub mod eta;
pub mod counts;
pub mod groups;
pub mod recent;
pub mod sources;
pub mod bottleneck;
pub mod reported;
pub mod running;
pub mod forecast;
pub mod snapshot;
pub mod status;
pub mod json;
pub mod story;
pub mod why;
pub mod notification;
pub mod progress;

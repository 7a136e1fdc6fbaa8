//! The download worker: one batch of tickers, then exit.
//!
//! Rooms from the ground up; each imports only from rooms above it in this list:
//!
//! - [`memory`]: how the allocator behaves
//! - [`clock`]: the door to time
//! - [`chance`]: random numbers
//! - [`stop`]: whether the worker is asked to stop
//! - [`buffers`]: what all threads together may hold in memory
//! - [`pulse`]: when progress is due
//! - [`report`]: what the worker tells people and the launcher
//! - [`api`]: one request, one page, one chain of pages
//! - [`ingest`]: from a range of days to files and ledger lines
//! - [`reference`](mod@reference): who is listed, and what is known of each
//! - [`universe`]: which of them the user wants
//! - [`bars`]: from trades to bars
//! - [`describe`]: from bars to statistics and pictures
//! - [`command_line`]: from arguments to plans

#![expect(missing_docs, reason = "documented where name and sentence do not say it")]
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make the files they look at"))]

#[cfg(test)]
mod spelled;
pub mod memory;
pub mod clock;
pub mod chance;
pub mod stop;
pub mod buffers;
pub mod pulse;
pub mod report;
pub mod api;
pub mod ingest;
pub mod reference;
pub mod universe;
pub mod bars;
pub mod describe;
pub mod command_line;

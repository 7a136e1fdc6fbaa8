//! The vendor's API: one request with its retries, one page, one chain of pages.

pub mod backoff;
pub mod lie;
pub mod failure;
pub mod wire;
pub mod page;
pub mod client;
pub mod endpoints;
pub mod next_url;
pub mod chain;
pub mod follow;
pub mod list;
pub mod collect;

//! The vendor's API: one request with its retries, one page, one chain of pages, one day of the
//! market.

pub mod backoff;
pub mod lie;
pub mod failure;
pub mod answering;
pub mod scan;
pub mod wire;
pub mod spelling;
pub mod culprit;
pub mod text;
pub mod page;
pub mod envelope;
pub mod body;
pub mod page_copy;
pub mod resolver;
pub mod client;
pub mod endpoints;
pub mod next_url;
pub mod border;
pub mod progress;
pub mod query;
pub mod sift;
pub mod range_query;
pub mod list;
pub mod chain;
pub mod follow;
pub mod market_day;
pub mod ask_day;

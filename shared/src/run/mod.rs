//! What launcher and worker say to each other: paths of a run, ticker lists, events, exit codes,
//! identities, and where the data come from.

pub mod source_clock;
pub mod api_key;
pub mod redaction;
pub mod error_reply;
pub mod base_url;
pub mod exit;
pub mod outage;
pub mod events;
pub mod identity;
pub mod leftovers;
pub mod limits;
pub mod size;
pub mod oddities;
pub mod ticker_list;
pub mod ticker_sizes;
pub mod window;
pub mod via;
pub mod duplicates;
pub mod workdir;
pub mod thousands;

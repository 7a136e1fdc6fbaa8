//! What launcher and worker say to each other: paths of a run, ticker lists, events, exit codes, identities.

pub mod exit;
pub mod events;
pub mod identity;
pub mod ticker_list;
pub mod workdir;

//! What a market day, a dataset on disk and a run are. No network, no child processes.
//!
//! Rooms from the ground up; each imports only from rooms above it in this list.

pub mod market;

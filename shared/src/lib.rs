//! What a market day, a dataset on disk and a run are. No network, no child processes.
//!
//! Rooms from the ground up; each imports only from rooms above it in this list:
//! [`as_text`](mod@as_text) types that are their text in JSON · [`hex`] and [`error_chain`] for
//! people, [`deadline`] · [`formats`] which versions of state are read · [`crew`] a few threads
//! over a list · [`market`] values of the market · [`disk`] durable bytes · [`dataset`] what the
//! Parquet tree holds and what of it is proven · [`series`] what is proven of bars · [`pace`] one
//! request rate for all processes of a key · [`run`] what launcher and worker say to each other.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make the files they look at"))]

pub mod as_text;
pub mod hex;
pub mod error_chain;
pub mod deadline;
pub mod formats;
pub mod crew;
pub mod market;
pub mod disk;
pub mod dataset;
pub mod series;
pub mod pace;
pub mod run;

//! The launcher: shards a ticker CSV into micro-batches, supervises disposable workers, and reports
//! what is proven to be on disk.
//!
//! Rooms from the ground up; each imports only from rooms above it in this list: [`job`] what a run
//! does · [`cli`] arguments, undecided · [`plan`] what a run is to do · [`facts`] what can happen
//! to it · [`process`] the doors to clock, signals and processes · [`run`] what all its attempts
//! have in common · [`shim`] the small process beside each worker · [`supervise`] the state
//! machine, its journal and its loop · [`preflight`] questions to the outside world before a run
//! begins · [`view`] what people and programs read · [`verify`] what ought to be on disk against
//! what is · [`command`] the commands.

#![expect(missing_docs, reason = "documented where name and sentence do not say it")]
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make the files they look at"))]

pub mod job;
pub mod cli;
pub mod plan;
pub mod facts;
pub mod process;
pub mod run;
pub mod shim;
pub mod supervise;
pub mod preflight;
pub mod view;
pub mod verify;
pub mod command;

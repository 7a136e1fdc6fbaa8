//! The doors to the system: clock, chance, network, signals, processes. The only room that spawns or signals.
//! Nothing here knows what a batch is.

pub mod clock;
pub mod chance;
pub mod memory;
pub mod http;
pub mod courier;
pub mod signal;
pub mod watch;
pub mod sibling;
pub mod nameplate;
pub mod nursery;
pub mod handover;
pub mod spawn;
pub mod exit_record;
pub mod allowance;
pub mod tree;
pub mod shim;
pub mod attendant;

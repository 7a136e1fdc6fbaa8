//! The doors to the system: clock, chance, network, signals, processes. The only room that spawns or signals.
//! Nothing here knows what a batch is.

pub mod clock;
pub mod chance;
pub mod memory;
pub mod inherited;
pub mod http;
pub mod courier;
pub mod signal;
pub mod cgroup;
pub mod watch;
pub mod claim;
pub mod seen;
pub mod handover;
pub mod line;
pub mod spawn;
pub mod rolling_log;
pub mod exit_record;
pub mod tree;
pub mod reap;
pub mod allowance;
pub mod progress;
pub mod shim;
pub mod attendant;

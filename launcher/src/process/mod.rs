//! The doors to the system: clock, chance, files, network, signals, processes. The only room that
//! starts or signals a process. Nothing here knows what a batch is.

pub mod clock;
pub mod random;
pub mod memory;
pub mod unsynced;
pub mod inherited;
pub mod http;
pub mod webhook;
pub mod signal;
pub mod cgroup;
pub mod watch;
pub mod lock_holder;
pub mod handover;
pub mod spawn;
pub mod rolling_log;
pub mod tree;
pub mod reap;

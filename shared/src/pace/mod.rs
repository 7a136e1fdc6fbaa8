//! One request-rate budget for all processes of this machine that use one API key.
//!
//! [`budget`] is the rule: pure, no clock, no file. [`shared_budget`] keeps its state in one small
//! file under a lock; a process asks there before it sends a request.

pub mod rate;
pub mod budget;
pub mod clock;
pub mod place;
pub mod shared_budget;

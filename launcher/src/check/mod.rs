//! Checks before the first spawn: what only the outside world can answer.

pub mod source;
pub mod executable;

//! The commands: each takes its arguments, looks at the world, and returns how it ended.

pub mod failure;
pub mod existing;
pub mod second_source;
pub mod notifier;
pub mod supervise;
pub mod attend;
pub mod observe;
pub mod whose;
pub mod spelling;
pub mod standing;
pub mod status;
pub mod tickers;
pub mod why;
pub mod logs;
pub mod stop;
pub mod extend;
pub mod start;
pub mod wait;

//! The commands: each takes its arguments, looks at the world, and returns how it ended.

pub mod exit_status;
pub mod verify_error;
pub mod verify_page;
pub mod verify_next;
pub mod failure;
pub mod stored_run;
pub mod adopt;
pub mod verify;
pub mod ticker_sizes;
pub mod notifier;
pub mod supervise;
pub mod attend;
pub mod observe;
pub mod batch_lookup;
pub mod spelling;
pub mod ticker_states;
pub mod status;
pub mod tickers;
pub mod why;
pub mod logs;
pub mod stop;
pub mod extend;
pub mod start;
pub mod ask_again;
pub mod wait;
pub mod calendar;

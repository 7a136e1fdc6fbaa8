//! Limits of numbers that the launcher passes on: what it takes, the worker takes.

use std::time::Duration;

/// Tickers at the same time in one worker, at most (`--per-shard-workers`, `--max-workers`).
pub const MAX_WORKER_THREADS: u16 = 64;

/// Tries of one request, at most (`--tries`).
pub const MAX_TRIES: u32 = 100;

/// No wait between two tries of one request is longer, whatever `--backoff-base` and a server say.
pub const LONGEST_BACKOFF: Duration = Duration::from_mins(2);

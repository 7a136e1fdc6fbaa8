//! Limits of numbers that the launcher passes on: what it takes, the worker takes.

/// Tickers at the same time in one worker, at most (`--per-shard-workers`, `--max-workers`).
pub const MAX_WORKER_THREADS: u16 = 64;

/// Tries of one request, at most (`--tries`).
pub const MAX_TRIES: u32 = 100;

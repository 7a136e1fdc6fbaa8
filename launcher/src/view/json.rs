//! `status --json`: one object, one line. Fields are only ever added.
//!
//! ```text
//! run              string   name of the run, hex
//! job              string   "daily", "minute" or "trades"
//! workdir, outdir  string   absolute paths
//! from, to         string   YYYY-MM-DD, New York, inclusive; `to` is the last day that was settled at creation
//! created_at       string   RFC 3339, UTC
//! state            string   prepared | running | paused | stopping | died | complete | incomplete | stopped
//! reason           string   with paused, stopping, died, incomplete, stopped: why, for people
//! tickers          object   expected, verified, reported_by_script, failed, left: numbers
//! partitions       object   data, empty, outside_plan: numbers, of verified tickers
//! rows             number   in these partitions
//! batches          object   total, pending, running, backoff, done, failed: numbers
//! running          array    of { batch, attempt, seconds, tickers[], rows, pages, quiet_seconds|null, log }
//! retries          array    of { cause, batches, example, log }: batches in backoff
//! failures         array    of { cause, tickers, example, log }, most frequent first
//! eta_seconds      number|null
//! budget           object|null  rate, allowed_per_minute, used_last_minute, pace_percent, paused_ms, taken, refused, waited_ms
//! free_disk_bytes  number|null
//! ```

use super::snapshot::Snapshot;

/// The snapshot as JSON, with a newline.
pub fn render(snapshot: &Snapshot) -> String {
    serde_json::to_string(snapshot).expect("a snapshot is plain data") + "\n"
}

//! Retention: which folders of attempts may go. Pure; [`drive`](super::drive) removes them.
//!
//! A run that pauses for days, or is extended every night, makes attempts without end. Three kinds
//! stay: the last attempts of each batch, the running one, and those that tell why a ticker is not
//! done.

use super::batch::Batch;

/// The attempts of `batch` whose folders may go if the last `keep` stay.
pub fn may_go(batch: &Batch, keep: u32) -> impl Iterator<Item = u32> {
    let telling = batch.telling_attempts();
    (1..=batch.attempts.saturating_sub(keep.max(1)))
        .filter(move |attempt| !telling.contains(attempt))
}

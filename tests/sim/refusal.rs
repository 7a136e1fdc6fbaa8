//! Questions that have no page for an answer.

use super::source::SourceError;

/// A question that has no page for an answer.
#[derive(Debug)]
pub enum Refusal {
    /// 400 with this `error`.
    BadRequest(String),
    /// 403: the dates lie before the plan's first day.
    OutsidePlan,
    /// 504: the range is more than the service manages.
    TooHeavy,
    /// 404 with this `message`.
    NotFound(&'static str),
    /// 500: the source failed.
    Source(SourceError),
}

impl Refusal {
    /// A 400.
    pub fn bad(error: &str) -> Self {
        Self::BadRequest(error.to_owned())
    }
}

impl From<SourceError> for Refusal {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

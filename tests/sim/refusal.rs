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

/// An error and all its causes in one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

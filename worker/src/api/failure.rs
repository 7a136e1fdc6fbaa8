//! Why a request brought no page, and whether to retry it. Pure.

use std::time::Duration;

use shared::disk::shortage::Shortage;
use shared::run::error_reply;
use shared::run::events::{Origin, Persistence};
use shared::run::redaction::Redaction;

use super::backoff::Reason;
use super::lie::Lie;
use crate::report::Trouble;

/// The longest part of a server's words that is repeated to people.
const MAX_WORDS: usize = 200;

/// Why a request failed, or its page can't be used. No text in here holds the key or a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("no complete reply from the server ({0})")]
    Transport(String),
    #[error("no connection: this machine is short of a resource ({words}): {remedy}", remedy = shortage.remedy())]
    Short { shortage: Shortage, words: String },
    #[error("no complete reply from the server ({0})")]
    Unfinished(String),
    #[error("the server answered {status}: {words}")]
    Server { status: u16, words: String },
    #[error("the rate limit was exceeded (429): {words}")]
    RateLimited { retry_after: Option<Duration>, words: String },
    #[error("the server answered 200 with a page that ends too early: {0}")]
    CutPage(String),
    #[error("the server answered 200, but the body is not a page: {0}")]
    NotAPage(String),
    #[error("the source contradicts itself: {0}")]
    Lie(Lie),
    #[error("the request was refused ({status}): {words}")]
    BadRequest { status: u16, words: String },
    #[error(
        "the API key was refused ({status}): {words}; check the key and what its plan includes"
    )]
    Refused { status: u16, words: String },
    #[error("these dates are outside the plan of the API key: {0}")]
    OutsidePlan(String),
    #[error("{0}")]
    NoTurn(String),
    #[error("stopped on request")]
    Stopped,
}

/// What a failure tells of what was asked for, once trying again did not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// An answer came and can't be believed: a part of what was asked for is bad.
    BadPart,
    /// A reply is not got to its end: a part is bad, or all of it is too much at a time, or the
    /// source is in trouble.
    TooHeavyOrInTrouble,
    /// The source does not take the question: parts of it would fare no better.
    Unanswerable,
    /// It tells nothing of what was asked for: no other question would fare better.
    Nothing,
}

impl Failure {
    /// What it tells of what was asked for.
    pub fn meaning(&self) -> Meaning {
        match self {
            Self::NotAPage(_) | Self::Lie(_) => Meaning::BadPart,
            Self::Unfinished(_) | Self::Server { .. } | Self::CutPage(_) => {
                Meaning::TooHeavyOrInTrouble
            }
            Self::BadRequest { .. } => Meaning::Unanswerable,
            Self::Transport(_)
            | Self::Short { .. }
            | Self::RateLimited { .. }
            | Self::Refused { .. }
            | Self::OutsidePlan(_)
            | Self::NoTurn(_)
            | Self::Stopped => Meaning::Nothing,
        }
    }

    /// Does it say that the server ran out of time?
    pub fn is_out_of_time(&self) -> bool {
        matches!(self, Self::Unfinished(_) | Self::Server { status: 408 | 499 | 504, .. })
    }

    /// The stamp of the row that is wrong, where it is one row of what was asked for; in its own
    /// unit.
    pub fn stamp(&self) -> Option<i64> {
        match self {
            Self::Lie(lie) => lie.stamp(),
            Self::Transport(_)
            | Self::Short { .. }
            | Self::Unfinished(_)
            | Self::Server { .. }
            | Self::RateLimited { .. }
            | Self::CutPage(_)
            | Self::NotAPage(_)
            | Self::BadRequest { .. }
            | Self::Refused { .. }
            | Self::OutsidePlan(_)
            | Self::NoTurn(_)
            | Self::Stopped => None,
        }
    }

    /// Reads an HTTP reply that is not 200. `body` is what was received.
    pub fn of_reply(
        status: u16,
        retry_after: Option<&str>,
        body: &str,
        redaction: &Redaction,
    ) -> Self {
        let words = error_reply::words_of(body, redaction, MAX_WORDS);
        match status {
            429 => Self::RateLimited { retry_after: retry_after.and_then(seconds), words },
            408 | 499 | 500..=599 => Self::Server { status, words },
            403 if words.contains("timeframe") => Self::OutsidePlan(words),
            401 | 403 => Self::Refused { status, words },
            300..=399 => {
                let words =
                    "it is a redirect, and redirects are not followed; is --base-url right?"
                        .to_owned();
                Self::BadRequest { status, words }
            }
            _ => Self::BadRequest { status, words },
        }
    }

    /// May the same request be sent again, and why wait?
    pub fn retry(&self) -> Option<Reason> {
        match self {
            Self::Transport(_)
            | Self::Short { .. }
            | Self::Unfinished(_)
            | Self::Server { .. }
            | Self::CutPage(_)
            | Self::NotAPage(_) => Some(Reason::Fault),
            Self::RateLimited { .. } => Some(Reason::RateLimit),
            Self::NoTurn(_)
            | Self::Lie(_)
            | Self::BadRequest { .. }
            | Self::Refused { .. }
            | Self::OutsidePlan(_)
            | Self::Stopped => None,
        }
    }

    /// How long the server asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// May a later attempt at the ticker succeed?
    pub fn persistence(&self) -> Persistence {
        match self {
            Self::BadRequest { .. } | Self::OutsidePlan(_) => Persistence::Permanent,
            Self::Transport(_)
            | Self::Short { .. }
            | Self::Unfinished(_)
            | Self::Server { .. }
            | Self::RateLimited { .. }
            | Self::CutPage(_)
            | Self::NotAPage(_)
            | Self::NoTurn(_)
            | Self::Lie(_)
            | Self::Refused { .. }
            | Self::Stopped => Persistence::Transient,
        }
    }

    /// What it means for the ticker that was asked for: an answer that came and was refused is the
    /// ticker's own, silence and what a server says of itself is the source's.
    pub fn trouble(&self) -> Trouble {
        Trouble { persistence: self.persistence(), origin: self.origin(), kind: self.kind() }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::NotAPage(_) | Self::Lie(_) | Self::BadRequest { .. } | Self::OutsidePlan(_) => {
                Origin::Ticker
            }
            Self::Transport(_)
            | Self::Unfinished(_)
            | Self::Server { .. }
            | Self::RateLimited { .. }
            | Self::CutPage(_)
            | Self::Refused { .. } => Origin::Source,
            Self::Short { .. } | Self::NoTurn(_) | Self::Stopped => Origin::Machine,
        }
    }

    /// The same without names, dates and numbers.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Transport(_) | Self::Unfinished(_) => "no complete reply from the server",
            Self::Server { .. } => "the server is in trouble",
            Self::RateLimited { .. } => "the rate limit was exceeded",
            Self::CutPage(_) => "a page ends too early",
            Self::NotAPage(_) => "an answer is not a page",
            Self::Lie(lie) => lie.kind(),
            Self::BadRequest { status: 404, .. } => "the source does not know it",
            Self::BadRequest { .. } => "the request was refused",
            Self::Refused { .. } => "the API key was refused",
            Self::OutsidePlan(_) => "the dates are outside the plan of the API key",
            Self::Short { .. } => "this machine has too little for a connection",
            Self::NoTurn(_) => "the rate budget can't be used",
            Self::Stopped => "stopped on request",
        }
    }
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Failure {
        Failure::of_reply(status, None, body, &Redaction::default())
    }

    #[test]
    fn the_recorded_errors_are_told_apart() {
        let timeframe = r#"{"status":"NOT_AUTHORIZED","request_id":"0","message":"Your plan doesn't include this data timeframe. Please upgrade your plan"}"#;
        assert!(matches!(of(403, timeframe), Failure::OutsidePlan(_)));
        let endpoint =
            r#"{"status":"NOT_AUTHORIZED","message":"You are not entitled to this data."}"#;
        assert!(matches!(of(403, endpoint), Failure::Refused { status: 403, .. }));
        let unknown = r#"{"status":"ERROR","request_id":"0","error":"Unknown API Key"}"#;
        assert_eq!(
            of(401, unknown),
            Failure::Refused { status: 401, words: "Unknown API Key".to_owned() }
        );
        assert_eq!(of(404, "404 page not found\n").persistence(), Persistence::Permanent);
        assert_eq!(of(429, "").retry(), Some(Reason::RateLimit));
        let html = "<html>\n<head><title>504 Gateway Time-out</title></head>\n</html>";
        assert_eq!(of(504, html).retry(), Some(Reason::Fault));
    }

    #[test]
    fn retry_after_is_read_as_seconds() {
        let wait =
            |text| Failure::of_reply(429, Some(text), "", &Redaction::default()).retry_after();
        assert_eq!(wait("2"), Some(Duration::from_secs(2)));
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-1"), None);
    }
}

//! Outages: how a source fails to answer a worker, and since when. What a worker takes for one is
//! the worker's business.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How a source fails to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "symptom", content = "status", rename_all = "snake_case")]
pub enum Symptom {
    /// It takes requests, and not a byte comes back.
    Silent,
    /// There is no connection to it, or none that lasts until a reply is complete.
    Unreachable,
    /// It answers every request with this HTTP status: 429 or 5xx.
    Status(u16),
}

/// Since when no request of a worker was answered as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// UTC: when the first of these requests was sent, or when the last byte came.
    pub since: Timestamp,
    /// What the last of them met.
    #[serde(flatten)]
    pub symptom: Symptom,
}

impl fmt::Display for Symptom {
    /// After "the source".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("is silent"),
            Self::Unreachable => f.write_str("can't be reached, or its replies break off"),
            Self::Status(429) => f.write_str("answers 429 (too many requests)"),
            Self::Status(status) => write!(f, "answers {status}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_flat_in_json() {
        let since = Timestamp::UNIX_EPOCH;
        for (symptom, expected) in [
            (Symptom::Silent, r#"{"since":"1970-01-01T00:00:00Z","symptom":"silent"}"#),
            (
                Symptom::Status(503),
                r#"{"since":"1970-01-01T00:00:00Z","symptom":"status","status":503}"#,
            ),
        ] {
            let outage = Outage { since, symptom };
            assert_eq!(serde_json::to_string(&outage).expect("plain data"), expected);
            assert_eq!(serde_json::from_str::<Outage>(expected).expect("its own spelling"), outage);
        }
    }
}

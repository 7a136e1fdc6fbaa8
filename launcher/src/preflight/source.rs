//! Does the data service know this key? One authenticated request, before any worker is started.

use std::time::Duration;

use shared::disk::shortage::Shortage;
use shared::run::api_key::ApiKey;
use shared::run::base_url::BaseUrl;
use shared::run::error_reply;
use shared::run::redaction::Redaction;
use shared::run::source_clock::SourceClock;

use crate::process::clock;
use crate::process::http::{self, Privacy};

const TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an answer is quoted.
const WORDS_CHARS: usize = 300;
const QUESTION: &str = "/v3/reference/tickers?limit=1";

/// How a usable source answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceState {
    /// It answered.
    Ready,
    /// It is there but busy or failing; workers will wait for it. For people.
    Busy(String),
}

/// Why no worker could use the source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(
        "{base} refuses the API key (HTTP {status}): {words}; check POLYGON_API_KEY (or MASSIVE_API_KEY) and --base-url"
    )]
    Refused { base: String, status: u16, words: String },
    #[error(
        "{base} can't be reached ({why}); check the network and --base-url (or POLYGON_BASE_URL)"
    )]
    Unreachable { base: String, why: String },
    #[error("this machine can't ask {base} ({why}); {remedy}, then run `start` again", remedy = shortage.remedy())]
    Short { base: String, why: String, shortage: Shortage },
    #[error(
        "{base} does not look like the data service (HTTP {status} for {QUESTION}): {words}; check --base-url (or POLYGON_BASE_URL)"
    )]
    Strange { base: String, status: u16, words: String },
}

/// Asks `base` for one ticker with `key`, which goes out as a header and nowhere else. Also
/// compares the source's clock with this machine's.
pub fn ask(
    base: &BaseUrl,
    key: &ApiKey,
) -> Result<(SourceState, Option<SourceClock>), SourceError> {
    let privacy = if base.is_encrypted() { Privacy::Encrypted } else { Privacy::Plain };
    let (url, name) = (format!("{base}{QUESTION}"), base.to_string());
    // A service may repeat the key in its answer.
    let redaction = Redaction::of_key(key);
    let authorization = format!("Bearer {}", key.expose());
    let answer = match http::get(&url, privacy, &authorization, TIMEOUT) {
        Ok(answer) => answer,
        Err(error) => {
            let why = redaction.words(&error.to_string(), WORDS_CHARS);
            return Err(match Shortage::behind(&error) {
                Some(shortage) => SourceError::Short { base: name, why, shortage },
                None => SourceError::Unreachable { base: name, why },
            });
        }
    };
    let words = error_reply::words_of(&answer.body, &redaction, WORDS_CHARS);
    let clocks = answer.date.and_then(|date| SourceClock::heard(&date, clock::now()));
    Ok((judge(name, answer.status, words)?, clocks))
}

fn judge(base: String, status: u16, words: String) -> Result<SourceState, SourceError> {
    match status {
        200..=299 => Ok(SourceState::Ready),
        401 | 403 => Err(SourceError::Refused { base, status, words }),
        429 | 500..=599 => Ok(SourceState::Busy(format!(
            "{base} answers HTTP {status} at the moment ({words}); workers will retry"
        ))),
        _ => Err(SourceError::Strange { base, status, words }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> String {
        match judge(
            "https://x".to_owned(),
            status,
            error_reply::words_of(body, &Redaction::default(), WORDS_CHARS),
        ) {
            Ok(welcome) => format!("{welcome:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_refusal_is_told_in_the_services_words() {
        assert_eq!(
            said(401, r#"{"status":"ERROR","request_id":"1","error":"Unknown API Key"}"#),
            "https://x refuses the API key (HTTP 401): Unknown API Key; check POLYGON_API_KEY (or MASSIVE_API_KEY) and --base-url"
        );
        assert!(
            said(403, r#"{"status":"NOT_AUTHORIZED","message":"not entitled"}"#)
                .contains("(HTTP 403): not entitled;")
        );
    }

    #[test]
    fn a_busy_service_is_a_warning_and_a_strange_one_an_error() {
        assert_eq!(said(200, "{}"), "Ready");
        assert!(said(429, "").starts_with("Busy("));
        assert!(said(503, "<html>\n down</html>").contains("HTTP 503 at the moment (down)"));
        assert!(
            said(404, "nothing here")
                .starts_with("https://x does not look like the data service (HTTP 404")
        );
    }
}

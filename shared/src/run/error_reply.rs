//! What a server says in an error reply, short and on one line.

use serde::Deserialize;

use super::redaction::Redaction;

/// The vendor's two shapes of an error: `error` or `message`.
#[derive(Deserialize)]
struct ErrorBody {
    error: Option<String>,
    message: Option<String>,
}

/// The server's own sentence, else the beginning of `body`; at most `chars` characters, without
/// secrets.
pub fn words_of(body: &str, redaction: &Redaction, chars: usize) -> String {
    let parsed: Option<ErrorBody> = serde_json::from_str(body).ok();
    let said = parsed.and_then(|body| body.error.or(body.message));
    let text = said.as_deref().unwrap_or(body);
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "no words".to_owned() } else { redaction.words(&line, chars) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_quoted_by_its_own_sentence_or_by_the_beginning_of_what_it_sent() {
        let said = |body: &str| words_of(body, &Redaction::default(), 300);
        assert_eq!(said(r#"{"status":"ERROR","error":"Unknown API Key"}"#), "Unknown API Key");
        assert_eq!(said(r#"{"message":"not\n entitled"}"#), "not entitled");
        assert_eq!(said("<html>\n down</html>"), "<html> down</html>");
        assert_eq!(said(" \n"), "no words");
    }
}

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
    let text = said.unwrap_or_else(|| text_of_page(body).unwrap_or_else(|| body.to_owned()));
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "no words".to_owned() } else { redaction.words(&line, chars) }
}

/// Of an HTML page its title, or else its text; `None` of anything else.
fn text_of_page(body: &str) -> Option<String> {
    // Of the same length, byte for byte.
    let lower = body.to_ascii_lowercase();
    if !lower.trim_start().starts_with("<!doctype") && !lower.contains("<html") {
        return None;
    }
    let title = || {
        let begin = lower.find("<title")?;
        let begin = begin + lower[begin..].find('>')? + 1;
        let end = begin + lower[begin..].find("</title")?;
        Some(body[begin..end].to_owned())
    };
    let has_words = |text: &String| !text.trim().is_empty();
    title().filter(has_words).or_else(|| Some(without_tags(body)).filter(has_words))
}

fn without_tags(page: &str) -> String {
    let mut is_in_tag = false;
    let keep = |letter: char| match letter {
        '<' => {
            is_in_tag = true;
            ' '
        }
        '>' if is_in_tag => {
            is_in_tag = false;
            ' '
        }
        _ if is_in_tag => ' ',
        _ => letter,
    };
    page.chars().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_quoted_by_its_own_sentence_or_by_the_beginning_of_what_it_sent() {
        let said = |body: &str| words_of(body, &Redaction::default(), 300);
        assert_eq!(said(r#"{"status":"ERROR","error":"Unknown API Key"}"#), "Unknown API Key");
        assert_eq!(said(r#"{"message":"not\n entitled"}"#), "not entitled");
        assert_eq!(said("<html>\n down</html>"), "down");
        let page = "<html>\r\n<head><TITLE>502 Bad Gateway</TITLE></head><body>nginx</body></html>";
        assert_eq!(said(page), "502 Bad Gateway");
        assert_eq!(said("<html></html>"), "<html></html>", "a page without words");
        assert_eq!(said("a < b"), "a < b");
        assert_eq!(said(" \n"), "no words");
    }
}

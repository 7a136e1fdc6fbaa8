//! The URL that a run posts its notifications to. Such a URL is often a secret: `run.json` keeps
//! it, and people are shown its host only.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::run::base_url::{PlainHttp, is_loopback};
use url::Url;

/// A URL to post to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NotifyUrl(Url);

/// Why a text is no such URL. Never shows more than its host.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifyUrlError {
    #[error("--notify-url is not a URL like https://example.com/hook")]
    Malformed,
    #[error("--notify-url {0} is not encrypted; use https, or give --allow-http")]
    PlainHttp(String),
}

impl NotifyUrl {
    pub fn parse(text: &str, plain_http: PlainHttp) -> Result<Self, NotifyUrlError> {
        let url = Url::parse(text).map_err(|_| NotifyUrlError::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(NotifyUrlError::Malformed);
        }
        let url = Self(url);
        if !url.is_encrypted() && !is_loopback(&url.0) && plain_http == PlainHttp::LoopbackOnly {
            return Err(NotifyUrlError::PlainHttp(url.to_string()));
        }
        Ok(url)
    }

    /// Parses `--notify-url`: a URL, or `none` to end notifications.
    pub fn said(text: &str, plain_http: PlainHttp) -> Result<Option<Self>, NotifyUrlError> {
        if text == "none" { Ok(None) } else { Self::parse(text, plain_http).map(Some) }
    }

    /// The whole URL: for the request only.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// Is it https?
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }
}

/// Scheme and host: path, query and user may be secrets.
impl fmt::Display for NotifyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/...", self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for NotifyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NotifyUrl({self})")
    }
}

impl TryFrom<String> for NotifyUrl {
    type Error = NotifyUrlError;

    /// A frozen URL was checked when it was given.
    fn try_from(text: String) -> Result<Self, NotifyUrlError> {
        Self::parse(&text, PlainHttp::Allowed)
    }
}

impl From<NotifyUrl> for String {
    fn from(url: NotifyUrl) -> Self {
        url.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_host_is_ever_shown() {
        let secret =
            "https://user:pw@hooks.example.com:8443/services/T0/secret?token=secret#secret";
        let url = NotifyUrl::parse(secret, PlainHttp::LoopbackOnly).expect("an address");
        assert_eq!(url.to_string(), "https://hooks.example.com:8443/...");
        assert_eq!(format!("{url:?}"), "NotifyUrl(https://hooks.example.com:8443/...)");
        assert_eq!(url.expose(), secret);
    }

    #[test]
    fn unencrypted_it_goes_only_to_this_machine() {
        let said = |text: &str| {
            NotifyUrl::parse(text, PlainHttp::LoopbackOnly).map_err(|error| error.to_string())
        };
        assert!(said("http://127.0.0.1:9/x?y=z").is_ok() && said("http://localhost/x").is_ok());
        assert_eq!(
            said("http://example.com/secret"),
            Err("--notify-url http://example.com/... is not encrypted; use https, or give --allow-http"
                .to_owned())
        );
        for text in ["", "example.com/secret", "ftp://x", "mailto:me"] {
            assert_eq!(said(text), Err(NotifyUrlError::Malformed.to_string()), "{text}");
        }
    }
}

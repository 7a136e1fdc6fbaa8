//! Where the data come from: the origin that a key may be sent to.

use std::fmt;

use url::{Host, Url};

use super::api_key::ApiKey;

/// The vendor's two names for one service.
const VENDOR_HOSTS: [&str; 2] = ["api.massive.com", "api.polygon.io"];

/// The vendor's address.
pub const DEFAULT_BASE_URL: &str = "https://api.massive.com";

/// May the key travel unencrypted to another machine?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only to this machine.
    LoopbackOnly,
    /// To anywhere, as the user said.
    Allowed,
}

/// The origin of the source, which gets the key: scheme, host and port; no path, query or password.
///
/// It is https, or http to this machine, unless the user allowed more. No URL made from it leads
/// elsewhere.
///
/// ```
/// use shared::run::base_url::{BaseUrl, PlainHttp};
///
/// let parse = |text| BaseUrl::parse(text, PlainHttp::LoopbackOnly);
/// let base = parse("https://api.massive.com")?;
/// assert!(base.join("/v3/trades/AIG").is_some());
/// assert!(base.join("//evil.example/v3").is_none());
/// assert!(parse("http://api.massive.com").is_err() && parse("http://127.0.0.1:9000").is_ok());
/// # Ok::<(), shared::run::base_url::BaseUrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why a text is not a base URL.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// No URL, or one with more than an origin.
    #[error(
        "--base-url {0} is not an address like {DEFAULT_BASE_URL} (scheme, host and port only)"
    )]
    Malformed(String),
    /// `http:` to another machine.
    #[error(
        "--base-url {0} would send the API key unencrypted; use https, or add --allow-http if you mean it"
    )]
    PlainHttp(String),
}

impl BaseUrl {
    /// Reads an origin.
    pub fn parse(text: &str, plain_http: PlainHttp) -> Result<Self, BaseUrlError> {
        let malformed = || BaseUrlError::Malformed(shown(text));
        let url = Url::parse(text).map_err(|_| malformed())?;
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !bare
            || url.path() != "/"
            || url.fragment().is_some()
            || !matches!(url.scheme(), "http" | "https")
        {
            return Err(malformed());
        }
        if url.scheme() == "http" && !is_loopback(&url) && plain_http == PlainHttp::LoopbackOnly {
            return Err(BaseUrlError::PlainHttp(text.to_owned()));
        }
        Ok(Self(url))
    }

    /// The URL of a path that begins with `/`.
    pub fn join(&self, path_and_query: &str) -> Option<Url> {
        self.0.join(path_and_query).ok().filter(|url| self.same_origin(url))
    }

    /// `url` as this service spells it, if it belongs to this service: the same origin, or the
    /// vendor's other name for it.
    pub fn own(&self, url: &Url) -> Option<Url> {
        if self.same_origin(url) {
            return Some(url.clone());
        }
        let by_vendor = |url: &Url| {
            url.scheme() == "https"
                && url.port().is_none()
                && url.host_str().is_some_and(|host| VENDOR_HOSTS.contains(&host))
        };
        if !by_vendor(&self.0)
            || !by_vendor(url)
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return None;
        }
        let mut renamed = url.clone();
        renamed.set_host(self.0.host_str()).ok()?;
        Some(renamed)
    }

    fn same_origin(&self, url: &Url) -> bool {
        url.origin() == self.0.origin() && url.username().is_empty() && url.password().is_none()
    }

    /// Is it https?
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// What a rate budget is named after: the key as this service knows it. Both names of the
    /// vendor share one.
    pub fn budget_name(&self, key: &ApiKey) -> Vec<u8> {
        let is_vendor = self.0.host_str().is_some_and(|host| VENDOR_HOSTS.contains(&host));
        let service = if is_vendor { self.source_name().to_owned() } else { self.to_string() };
        format!("{service}\n{}", key.expose()).into_bytes()
    }

    /// Whose data these are, for `_dataset.json`: both names of the vendor are one source; a port
    /// is none.
    pub fn source_name(&self) -> &str {
        match self.0.host_str() {
            Some(host) if VENDOR_HOSTS.contains(&host) => "massive.com",
            Some(host) => host,
            None => "unknown",
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// What may be said of a text that is no origin: a user, a password and a query may be secrets.
fn shown(text: &str) -> String {
    if text.contains(['@', '?', '#']) {
        "(not shown: it holds a user, a password or a query)".to_owned()
    } else {
        format!("{text:?}")
    }
}

/// Does `url` lead to this very machine, whatever the network?
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BaseUrl {
        BaseUrl::parse(text, PlainHttp::LoopbackOnly).expect(text)
    }

    #[test]
    fn a_key_goes_unencrypted_only_to_this_machine() {
        assert_eq!(base("http://127.0.0.1:8080/").to_string(), "http://127.0.0.1:8080");
        assert_eq!(base("http://[::1]:80").source_name(), "[::1]");
        let far = "http://example.com";
        assert_eq!(
            BaseUrl::parse(far, PlainHttp::LoopbackOnly),
            Err(BaseUrlError::PlainHttp(far.to_owned()))
        );
        assert!(BaseUrl::parse(far, PlainHttp::Allowed).is_ok());
    }

    #[test]
    fn only_an_origin_is_a_base_url() {
        for text in [
            "",
            "api.massive.com",
            "ftp://x",
            "https://x/path",
            "https://x?apiKey=1",
            "https://user:pw@x",
        ] {
            let error = BaseUrl::parse(text, PlainHttp::Allowed).expect_err(text).to_string();
            assert!(!error.contains("apiKey") && !error.contains("pw"), "{error}");
        }
    }

    #[test]
    fn the_vendor_has_two_names_and_nobody_else_does() {
        let massive = base("https://api.massive.com");
        let own = |text: &str| massive.own(&Url::parse(text).expect(text)).map(String::from);
        assert_eq!(
            own("https://api.polygon.io/v2/x?cursor=A").as_deref(),
            Some("https://api.massive.com/v2/x?cursor=A")
        );
        assert_eq!(
            own("https://api.massive.com:443/v2").as_deref(),
            Some("https://api.massive.com/v2")
        );
        for foreign in [
            "https://evil.example/v2",
            "http://api.massive.com/v2",
            "https://api.massive.com:8443/v2",
            "https://x@api.massive.com/v2",
        ] {
            assert_eq!(own(foreign), None, "{foreign}");
        }
        let sim = base("http://127.0.0.1:9000");
        assert_eq!(sim.own(&Url::parse("https://api.massive.com/v2").expect("a URL")), None);
    }
}

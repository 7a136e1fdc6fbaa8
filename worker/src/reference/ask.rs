//! Asks the source for reference data, and says what it took.

use std::io::Read;
use std::time::Duration;

use shared::market::ticker::Ticker;
use shared::run::base_url::BaseUrl;
use shared::run::thousands::counted;
use url::Url;

use crate::api::chain::Chain;
use crate::api::client::Client;
use crate::api::failure::Failure;
use crate::api::follow::collect;
use crate::api::list::List;
use crate::api::page::PageError;
use crate::api::wire::Record;
use crate::report::{Level, Reporter};
use crate::stop::Stop;

/// The source and whom to tell of it; shared by all threads.
pub struct ReferenceSource<'a> {
    /// Sends requests.
    pub client: &'a Client,
    pub base: BaseUrl,
    /// Hears of waits and of what is odd.
    pub reporter: &'a Reporter,
    /// The wish to end.
    pub stop: &'a Stop,
}

impl ReferenceSource<'_> {
    /// All rows of `list`, which is called `name` in the log.
    pub fn list<R: Record<Key = str>>(&self, name: &str, list: List<R>) -> Result<Vec<R>, Failure> {
        let mut chain = Chain::new(self.base.clone(), list);
        let on_retry = |failure: &Failure, wait: Duration| {
            let text = format!("{name}: {failure}; asking again in {:.1} s", wait.as_secs_f64());
            self.reporter.run(Level::Warn, &text);
        };
        let rows = collect(self.client, &mut chain, self.stop, on_retry)?;
        let repeated = match chain.repeated_rows() {
            0 => String::new(),
            count => format!("; {} came twice at page borders, kept once", counted(count, "row")),
        };
        let rows_came = counted(rows.len() as u64, "row");
        let pages = counted(chain.pages().into(), "page");
        self.reporter.run(Level::Info, &format!("{name}: {rows_came} in {pages}{repeated}"));
        Ok(rows)
    }

    /// What is known at `url`, as `decode` reads it; `None` where nothing is. In the log the
    /// question is about `ticker`.
    pub fn known<T>(
        &self,
        ticker: &Ticker,
        url: &Url,
        decode: impl Fn(&mut dyn Read) -> Result<T, PageError>,
    ) -> Result<Option<T>, Failure> {
        let on_retry = |failure: &Failure, wait: Duration| {
            let text = format_args!("{failure}; asking again in {:.1} s", wait.as_secs_f64());
            self.reporter.ticker(Level::Warn, ticker, text);
        };
        match self.client.get(url, self.stop, decode, on_retry) {
            Ok((known, _)) => Ok(Some(known)),
            Err(failure) if is_unknown(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

/// Does `failure` say that nothing is known of what was asked about? There are other 404: no such
/// route, in plain text.
pub fn is_unknown(failure: &Failure) -> bool {
    let Failure::BadRequest { status: 404, words } = failure else { return false };
    words.to_lowercase().contains("not found") && words != "404 page not found"
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::run::redaction::Redaction;

    #[test]
    fn only_one_of_the_three_404_says_that_nothing_is_known() {
        let unknown =
            |body: &str| is_unknown(&Failure::of_reply(404, None, body, &Redaction::default()));
        assert!(unknown(r#"{"status":"NOT_FOUND","message":"Ticker not found."}"#));
        assert!(!unknown("404 page not found\n"));
        assert!(!unknown(r#"{"status":"ERROR","error":"this endpoint is no longer available"}"#));
    }
}

//! Asks the source for reference data, and says what it took.

use std::time::Duration;

use shared::market::ticker::Ticker;
use shared::run::base_url::BaseUrl;
use url::Url;

use super::details::{self, Details};
use crate::api::chain::Chain;
use crate::api::client::Client;
use crate::api::failure::Failure;
use crate::api::follow::collect;
use crate::api::list::List;
use crate::api::wire::Record;
use crate::report::{Level, Reporter};
use crate::stop::Stop;

/// The source and whom to tell of it; shared by all threads.
pub struct ReferenceSource<'a> {
    /// Sends requests.
    pub client: &'a Client,
    /// Where to.
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
            count => format!("; {count} rows came twice at page borders and are kept once"),
        };
        let text = format!("{name}: {} rows in {} pages{repeated}", rows.len(), chain.pages());
        self.reporter.run(Level::Info, &text);
        Ok(rows)
    }

    /// What is known of `ticker` at `url`; `None` where nothing is.
    pub fn details(&self, ticker: &Ticker, url: &Url) -> Result<Option<Details>, Failure> {
        let on_retry = |failure: &Failure, wait: Duration| {
            let text = format_args!("{failure}; asking again in {:.1} s", wait.as_secs_f64());
            self.reporter.ticker(Level::Warn, ticker, text);
        };
        match self.client.get(url, self.stop, |body| details::decode(body, ticker), on_retry) {
            Ok((details, _)) => Ok(Some(details)),
            Err(failure) if details::is_unknown(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

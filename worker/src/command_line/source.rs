//! Arguments of every command that asks the source: where, how fast, how often, with which key.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use shared::pace::rate::{Rate, Spacing};
use shared::pace::shared_budget::SharedBudget;
use shared::run::api_key::ApiKey;
use shared::run::base_url::{BaseUrl, DEFAULT_BASE_URL, PlainHttp};
use shared::run::limits::{LONGEST_BACKOFF, MAX_TRIES};

use super::refusal::Refusal;
use crate::api::backoff::Backoff;
use crate::api::client::Client;

/// As typed.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// Append events (JSON lines) to this file
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Address of the API
    #[arg(long, value_name = "URL", env = "POLYGON_BASE_URL", hide_env_values = true, default_value = DEFAULT_BASE_URL)]
    base_url: String,
    /// Let the API key travel over plain http to another machine
    #[arg(long)]
    allow_http: bool,
    /// Maximum request rate, shared by all processes on this machine that use the key: 500/min,
    /// 100/s
    #[arg(long, value_name = "RATE", value_parser = str::parse::<Rate>)]
    rate: Option<Rate>,
    /// The same limit as seconds between requests; 0 means no limit
    #[arg(long, value_name = "SECONDS", conflicts_with = "rate")]
    rate_limit: Option<Spacing>,
    /// Failed requests for one page before its ticker fails; a 429 does not count, the worker waits
    /// up to five minutes
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_TRIES)))]
    tries: u32,
    /// First wait before a retry; it doubles with each retry, with jitter
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = backoff_base)]
    backoff_base: Duration,
}

/// A time span from nothing on: `15h`, `500ms`.
pub fn not_negative(text: &str) -> Result<Duration, String> {
    let span: SignedDuration =
        text.parse().map_err(|error| format!("not a duration such as 15h or 500ms ({error})"))?;
    Duration::try_from(span).map_err(|_| "a duration can't be negative".to_owned())
}

fn backoff_base(text: &str) -> Result<Duration, String> {
    let base = not_negative(text)?;
    if base > LONGEST_BACKOFF {
        return Err(format!(
            "{text} is longer than {} s: no wait between two tries is",
            LONGEST_BACKOFF.as_secs()
        ));
    }
    Ok(base)
}

/// Looked at: an address that may get the key, and the key.
pub struct SourceAccess {
    /// Where.
    pub base: BaseUrl,
    /// What must never be said.
    pub key: ApiKey,
    backoff: Backoff,
    rate: Option<Rate>,
}

impl SourceArgs {
    /// Looks at the address, the key in the environment or `.env`, and the retry policy.
    pub fn resolve(&self) -> Result<SourceAccess, Refusal> {
        let plain_http = if self.allow_http { PlainHttp::Allowed } else { PlainHttp::LoopbackOnly };
        let base = BaseUrl::parse(&self.base_url, plain_http).map_err(Refusal::usage)?;
        let folder = std::env::current_dir().unwrap_or_default();
        #[expect(
            clippy::disallowed_methods,
            reason = "here arguments and environment become a plan"
        )]
        let key = ApiKey::find(|name| std::env::var(name).ok(), &folder).map_err(Refusal::usage)?;
        let backoff = Backoff { base: self.backoff_base, tries: self.tries };
        Ok(SourceAccess {
            base,
            key,
            backoff,
            rate: self.rate.or(self.rate_limit.and_then(Spacing::rate)),
        })
    }
}

impl SourceAccess {
    /// Opens the shared rate budget and sets up the client.
    pub fn client(self) -> Result<Client, Refusal> {
        let budget =
            self.rate.map(|rate| SharedBudget::open(&self.base.budget_name(&self.key), rate));
        let budget = budget.transpose().map_err(Refusal::local)?;
        Client::new(&self.base, &self.key, self.backoff, budget).map_err(Refusal::local)
    }
}

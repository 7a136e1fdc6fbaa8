//! Whom `--repair` and `--audit` ask, and how: their options, resolved.

use std::path::Path;

use shared::pace::rate::Spacing;
use shared::run::base_url::{BaseUrl, DEFAULT_BASE_URL, PlainHttp};

use crate::cli::StartArgs;
use crate::cli::again::SourceArgs;
use crate::command::failure::Failure;
use crate::verify::audit::ask::Source;

/// The arguments of a run in `workdir` that asks.
pub fn start(source: &SourceArgs, workdir: &Path) -> StartArgs {
    StartArgs {
        workdir: workdir.to_owned(),
        base_url: source.base_url.clone(),
        allow_http: source.allow_http,
        rate: source.rate,
        rate_limit: source.rate_limit,
        tries: source.tries,
        backoff_base: source.backoff_base,
        resume: true,
        foreground: true,
        ..StartArgs::default()
    }
}

/// The source, its address checked.
pub fn source(args: &SourceArgs) -> Result<Source, Failure> {
    let text = args.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL);
    let plain = if args.allow_http { PlainHttp::Allowed } else { PlainHttp::LoopbackOnly };
    Ok(Source {
        base_url: BaseUrl::parse(text, plain)?.to_string(),
        allow_http: args.allow_http,
        rate: args.rate.or(args.rate_limit.and_then(Spacing::rate)),
        tries: args.tries,
        backoff_base: args.backoff_base,
    })
}

//! A run as `start` freezes it, made from arguments alone.

use std::path::Path;

use launcher::cli::StartArgs;
use launcher::job::Job;
use launcher::plan::request::{Input, Request};
use launcher::plan::settings::Settings;
use shared::market::ticker::Ticker;
use shared::run::oddities::Oddities;
use shared::run::ticker_list::TickerList;

/// Created at `now`, over 2020 and into `/data/out` unless `change` says otherwise.
pub(crate) fn frozen(
    job: Job,
    tickers: Vec<Ticker>,
    now: &str,
    change: impl FnOnce(&mut StartArgs),
) -> Request {
    let mut args = StartArgs {
        job: Some(job),
        tickers_csv: Some("small.csv".into()),
        outdir: Some("/data/out".into()),
        from: Some("2020-01-01".parse().expect("a day")),
        to: Some("2020-12-31".parse().expect("a day")),
        ..StartArgs::default()
    };
    change(&mut args);
    let settings = Settings::resolve(&args, Path::new("/home/me")).expect("complete");
    let list = TickerList { tickers, repeated: Vec::new() };
    let input = Input { list, oddities: Oddities::default(), sha256: "00".to_owned() };
    Request::new("ab12".to_owned(), now.parse().expect("an instant"), settings, &input)
        .expect("settled")
}

//! What the arguments become, and which are refused.

use super::*;
use crate::plan::differences::differences;

fn full() -> StartArgs {
    StartArgs {
        job: Some(Job::Daily),
        tickers_csv: Some("small.csv".into()),
        outdir: Some("out".into()),
        from: Some("2020-01-01".parse().expect("a day")),
        to: Some("2020-12-31".parse().expect("a day")),
        ..StartArgs::default()
    }
}

fn cwd() -> &'static Path {
    Path::new("/home/me")
}

#[test]
fn a_new_run_names_every_flag_that_it_misses() {
    let args = StartArgs { job: Some(Job::Daily), ..StartArgs::default() };
    let error = Settings::resolve(&args, cwd()).expect_err("incomplete");
    assert_eq!(
        error.to_string(),
        "a new run needs --tickers-csv, --outdir, --from, --to; `launcher start --help` lists every option"
    );
}

#[test]
fn a_range_that_runs_backwards_is_refused_with_both_days() {
    let args = StartArgs { to: Some("2019-12-31".parse().expect("a day")), ..full() };
    let error = Settings::resolve(&args, cwd()).expect_err("backwards");
    assert_eq!(error.to_string(), "--to 2019-12-31 is before --from 2020-01-01; swap them or correct one");
}

#[test]
fn paths_among_the_words_of_bars_mean_the_same_wherever_the_run_goes_on() {
    let bars = |words: &str| StartArgs {
        job: Some(Job::Bars),
        trades_root: Some("/trades".into()),
        mode: vec!["DB".parse().expect("a kind")],
        bars: words.split(' ').map(str::to_owned).collect(),
        outdir: Some("/out".into()),
        ..full()
    };
    let typed = bars("--target auto --bars-per-day 50 --daily-root daily --adjust=./splits");
    let settings = Settings::resolve(&typed, cwd()).expect("sound");
    let Task::Bars(order) = settings.task() else { panic!("bars") };
    let whole = "--target auto --bars-per-day 50 --daily-root /home/me/daily --adjust=/home/me/splits";
    assert_eq!(order.arguments.join(" "), whole);
    assert_eq!(differences(&typed, &settings, cwd()), []);
    assert_eq!(differences(&bars(whole), &settings, Path::new("/elsewhere")), []);
    assert_eq!(differences(&typed, &settings, Path::new("/elsewhere")).len(), 1);
}

#[test]
fn a_flag_that_means_nothing_for_the_job_is_refused() {
    let args = StartArgs { job: Some(Job::Trades), adjusted: true, ..full() };
    let said = Settings::resolve(&args, cwd()).expect_err("refused").to_string();
    assert_eq!(said, "--adjusted makes no sense with --job trades: trades are never adjusted; leave it out");
    let args = StartArgs { columns: Some(Columns::Full), ..full() };
    let said = Settings::resolve(&args, cwd()).expect_err("refused").to_string();
    assert_eq!(
        said,
        "--columns makes no sense with --job daily: only trades have a choice of columns; leave it out"
    );
    let args = StartArgs { job: Some(Job::Minute), via: Some(Via::Auto), ..full() };
    let said = Settings::resolve(&args, cwd()).expect_err("refused").to_string();
    assert_eq!(
        said,
        "--via makes no sense with --job minute: only daily bars come a session at a time; leave it out"
    );
}

#[test]
fn paths_are_absolute_and_settings_survive_the_file() {
    let settings = Settings::resolve(&full(), cwd()).expect("complete");
    assert_eq!(settings.outdir, Path::new("/home/me/out"));
    assert_eq!((settings.batching, settings.via), (None, Via::Ticker));
    let text = serde_json::to_string(&settings).expect("written");
    assert_eq!(serde_json::from_str::<Settings>(&text).expect("read"), settings);
}

#[test]
fn what_was_not_said_or_is_equal_does_not_differ() {
    let frozen = Settings::resolve(&full(), cwd()).expect("complete");
    assert_eq!(differences(&StartArgs { resume: true, ..StartArgs::default() }, &frozen, cwd()), []);
    let same = StartArgs {
        outdir: Some("/home/me/./out/".into()),
        settle: Some(SignedDuration::from_mins(900)),
        base_url: Some("https://api.massive.com/".to_owned()),
        ..full()
    };
    assert_eq!(differences(&same, &frozen, cwd()), []);
}

#[test]
fn what_would_make_other_data_is_listed_with_both_values_and_knobs_are_not() {
    let frozen = Settings::resolve(&full(), cwd()).expect("complete");
    let other = StartArgs {
        outdir: Some("other".into()),
        shards: NonZeroU32::new(3),
        adjusted: true,
        tz: Some(Zone::Utc),
        base_url: Some("https://example.com".to_owned()),
        settle: Some(SignedDuration::from_hours(1)),
        ..StartArgs::default()
    };
    let said: Vec<String> = differences(&other, &frozen, cwd()).iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "--outdir: the run has /home/me/out, you say /home/me/other",
            "--adjusted: the run has no, you say yes",
            "--tz: the run has America/New_York, you say UTC",
            "--base-url: the run has https://api.massive.com, you say https://example.com",
        ]
    );
}

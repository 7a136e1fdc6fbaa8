//! Knobs: settings that `--resume` may change, because the data do not depend on them: rate,
//! concurrency, retries, limits. [`differences`](super::differences) names the settings that the
//! data depend on. Pure.

use std::fmt;
use std::num::NonZeroU32;
use std::path::Path;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use shared::pace::rate::{Rate, Spacing};
use shared::run::base_url::BaseUrl;
use shared::run::size::Size;

use super::limits;
use super::notify_url::NotifyUrl;
use super::paths::absolute;
use super::settings::{self, Batching, Program, Settings, SettingsError};
use super::words_of_bars::{self, ALLOW_GAP, Later};
use crate::cli::StartArgs;

/// One knob that has changed, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub flag: String,
    pub before: String,
    /// What it is from now on.
    pub after: String,
}

/// `--rate 500/min → 100/min`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} → {}", self.flag, self.before, self.after)
    }
}

/// Sets the knobs of `settings` to `args` and returns the changes. A knob that was left out stays.
pub fn turn(
    args: &StartArgs,
    settings: &mut Settings,
    cwd: &Path,
) -> Result<Vec<Change>, SettingsError> {
    settings::refuse_via(args.via, settings.job)?;
    settings::refuse_duplicates(args.duplicates, settings.job)?;
    let mut turned = Turned(Vec::new());
    turned.how_many(args, settings, cwd);
    turned.how_to_ask(args, settings)?;
    turned.what_may_be_used(args, settings);
    turned.what_may_be_missing(args, settings, cwd);
    Ok(turned.0)
}

struct Turned(Vec<Change>);

impl Turned {
    fn turn<T: PartialEq>(
        &mut self,
        flag: &str,
        knob: &mut T,
        given: Option<T>,
        spelled: impl Fn(&T) -> String,
    ) {
        let Some(given) = given.filter(|given| given != knob) else { return };
        let before = std::mem::replace(knob, given);
        let (before, after) = (spelled(&before), spelled(knob));
        self.0.push(Change { flag: flag.to_owned(), before, after });
    }

    /// The same for a value that prints as people write it.
    fn set<T: PartialEq + fmt::Display>(&mut self, flag: &str, knob: &mut T, given: Option<T>) {
        self.turn(flag, knob, given, ToString::to_string);
    }

    fn how_many(&mut self, args: &StartArgs, settings: &mut Settings, cwd: &Path) {
        let weights = args.weights.as_ref().map(|path| Some(absolute(cwd, path)));
        self.turn("--weights", &mut settings.weights, weights, |path| {
            path.as_ref().map_or_else(nothing, |path| path.display().to_string())
        });
        // Existing batches stay as they are: this applies to tickers that join the run.
        let (flag, batching) = match settings::batching(args) {
            Some(batching @ Batching::Size(_)) => ("--batch-size", Some(batching)),
            Some(batching @ Batching::Shards(_)) => ("--shards", Some(batching)),
            None => ("--batch-size", None),
        };
        self.turn(flag, &mut settings.batching, batching.map(Some), |batching| {
            spelled_batching(*batching)
        });
        self.set("--max-concurrent", &mut settings.max_concurrent, args.max_concurrent);
        self.set("--per-shard-workers", &mut settings.per_shard_workers, args.per_shard_workers);
        self.set("--retries", &mut settings.retries, args.retries);
    }

    fn how_to_ask(
        &mut self,
        args: &StartArgs,
        settings: &mut Settings,
    ) -> Result<(), SettingsError> {
        let allowed = args.allow_http.then_some(true);
        self.turn("--allow-http", &mut settings.allow_http, allowed, |said| {
            yes_or_no(*said).to_owned()
        });
        let plain_http = settings::plain_http(settings.allow_http);
        let base_url =
            args.base_url.as_deref().map(|url| BaseUrl::parse(url, plain_http)).transpose()?;
        self.set("--base-url", &mut settings.base_url, base_url.map(|url| url.to_string()));
        self.set("--window", &mut settings.window, args.window);
        self.set("--via", &mut settings.via, args.via);
        self.set("--duplicates", &mut settings.duplicates, args.duplicates);
        self.turn(
            "--rate",
            &mut settings.rate,
            settings::rate(args).map(Spacing::rate),
            |rate: &Option<Rate>| rate.map_or_else(nothing, |rate| rate.to_string()),
        );
        self.turn("--settle", &mut settings.settle, args.settle, |settle| span(*settle));
        self.set("--recheck-empty", &mut settings.recheck_empty, args.recheck_empty);
        self.set("--tries", &mut settings.tries, args.tries);
        self.turn("--backoff-base", &mut settings.backoff_base, args.backoff_base, |base| {
            span(*base)
        });
        if let Some(url) = args.notify_url.as_deref() {
            self.notify(&mut settings.notify_url, NotifyUrl::said(url, plain_http)?);
        }
        Ok(())
    }

    /// URLs are compared whole but shown by host, so two different ones may look alike.
    fn notify(&mut self, knob: &mut Option<NotifyUrl>, given: Option<NotifyUrl>) {
        if given == *knob {
            return;
        }
        let shown =
            |url: &Option<NotifyUrl>| url.as_ref().map_or_else(nothing, ToString::to_string);
        let (before, after) = (shown(knob), shown(&given));
        let after = if before == after { format!("another one, {after}") } else { after };
        *knob = given;
        self.0.push(Change { flag: "--notify-url".to_owned(), before, after });
    }

    fn what_may_be_used(&mut self, args: &StartArgs, settings: &mut Settings) {
        let limits = &mut settings.limits;
        let max_rss = args.max_rss.map(limits::size_or_none);
        self.turn("--max-rss", &mut limits.max_rss, max_rss, |size: &Option<Size>| {
            size.map_or_else(nothing, |size| size.to_string())
        });
        let batch_timeout = args.batch_timeout.map(limits::span_or_none);
        self.turn("--batch-timeout", &mut limits.batch_timeout, batch_timeout, |limit| {
            limit.map_or_else(nothing, span)
        });
        self.turn("--stall-timeout", &mut limits.stall_timeout, args.stall_timeout, |limit| {
            span(*limit)
        });
        self.set("--max-log", &mut limits.max_log, args.max_log);
        self.set("--min-free-disk", &mut limits.min_free_disk, args.min_free_disk);
        self.set("--min-free-memory", &mut limits.min_free_memory, args.min_free_memory);
        self.turn("--give-up-after", &mut limits.give_up_after, args.give_up_after, |after| {
            span(*after)
        });
        self.set("--keep-attempts", &mut limits.keep_attempts, args.keep_attempts);
    }

    /// Bars are now to be made although days are missing.
    fn what_may_be_missing(&mut self, args: &StartArgs, settings: &mut Settings, cwd: &Path) {
        let words = match &mut settings.program {
            Program::Bars(order) => &mut order.arguments,
            Program::Worker | Program::Script(_) => return,
        };
        match words_of_bars::later(words, &words_of_bars::spelled(cwd, &args.bars)) {
            Later::TheSame | Later::Otherwise => {}
            Later::GapsToo(new) => {
                *words = new;
                let (before, after) = (yes_or_no(false).to_owned(), yes_or_no(true).to_owned());
                self.0.push(Change { flag: format!("-- {ALLOW_GAP}"), before, after });
            }
        }
    }
}

fn spelled_batching(batching: Option<Batching>) -> String {
    let counted = |number: NonZeroU32, what: &str| format!("{number} {what}");
    match batching {
        Some(Batching::Size(size)) => counted(size, "tickers a batch"),
        Some(Batching::Shards(shards)) => counted(shards, "batches"),
        None => "as it fits".to_owned(),
    }
}

fn span(span: SignedDuration) -> String {
    format!("{span:#}")
}

fn nothing() -> String {
    "none".to_owned()
}

fn yes_or_no(said: bool) -> &'static str {
    if said { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Job;
    use crate::plan::settings::tests::full;

    fn run() -> Settings {
        let args = StartArgs {
            rate: Some("500/min".parse().expect("a rate")),
            max_rss: Some(Size(64 << 20)),
            notify_url: Some("https://hooks.example/a-secret".to_owned()),
            ..full()
        };
        Settings::resolve(&args, Path::new("/home/me")).expect("complete")
    }

    /// The changes when a run resumes with `args`.
    fn said(args: &StartArgs) -> Vec<String> {
        let changes = turn(args, &mut run(), Path::new("/home/me")).expect("sound");
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_knob_may_be_turned_and_says_from_what_to_what() {
        let number = NonZeroU32::new;
        let args = StartArgs {
            weights: Some("sizes.csv".into()),
            batch_size: number(10),
            max_concurrent: number(2),
            per_shard_workers: number(8),
            retries: Some(5),
            allow_http: true,
            base_url: Some("https://api.polygon.io".to_owned()),
            window: Some("month".parse().expect("a window")),
            via: Some("auto".parse().expect("a way")),
            duplicates: Some("keep-last".parse().expect("a choice")),
            rate: Some("100/min".parse().expect("a rate")),
            settle: Some(SignedDuration::from_hours(20)),
            recheck_empty: Some(3),
            tries: number(3),
            backoff_base: Some(SignedDuration::from_secs(2)),
            max_rss: Some(Size(128 << 20)),
            batch_timeout: Some(SignedDuration::from_hours(1)),
            stall_timeout: Some(SignedDuration::from_mins(5)),
            max_log: Some(Size(1 << 20)),
            min_free_disk: Some(Size(0)),
            min_free_memory: Some(Size(0)),
            give_up_after: Some(SignedDuration::from_hours(1)),
            keep_attempts: number(5),
            notify_url: Some("https://hooks.example/another-secret".to_owned()),
            ..StartArgs::default()
        };
        let expected = [
            "--weights none → /home/me/sizes.csv",
            "--batch-size as it fits → 10 tickers a batch",
            "--max-concurrent 6 → 2",
            "--per-shard-workers 4 → 8",
            "--retries 2 → 5",
            "--allow-http no → yes",
            "--base-url https://api.massive.com → https://api.polygon.io",
            "--window range → month",
            "--via ticker → auto",
            "--duplicates refuse → keep-last",
            "--rate 500/min → 100/min",
            "--settle 15h → 20h",
            "--recheck-empty 1 → 3",
            "--tries 8 → 3",
            "--backoff-base 500ms → 2s",
            "--notify-url https://hooks.example/... → another one, https://hooks.example/...",
            "--max-rss 64MiB → 128MiB",
            "--batch-timeout none → 1h",
            "--stall-timeout 30m → 5m",
            "--max-log 64MiB → 1MiB",
            "--min-free-disk 256MiB → 0",
            "--min-free-memory 256MiB → 0",
            "--give-up-after 12h → 1h",
            "--keep-attempts 20 → 5",
        ];
        assert_eq!(said(&args), expected);
        let mut settings = run();
        turn(&args, &mut settings, Path::new("/home/me")).expect("sound");
        assert_eq!(
            turn(&args, &mut settings, Path::new("/home/me")),
            Ok(Vec::new()),
            "it is so now"
        );
    }

    #[test]
    fn a_limit_can_be_taken_away_again() {
        let args = StartArgs {
            rate_limit: Some("0".parse().expect("no pause")),
            max_rss: Some(Size(0)),
            notify_url: Some("none".to_owned()),
            ..StartArgs::default()
        };
        let expected = [
            "--rate 500/min → none",
            "--notify-url https://hooks.example/... → none",
            "--max-rss 64MiB → none",
        ];
        assert_eq!(said(&args), expected);
    }

    #[test]
    fn what_is_not_said_or_equal_changes_nothing_and_what_makes_no_sense_is_refused() {
        let same = StartArgs {
            rate: Some("500/60s".parse().expect("a rate")),
            base_url: Some("https://api.massive.com/".to_owned()),
            settle: Some(SignedDuration::from_mins(900)),
            ..StartArgs::default()
        };
        assert_eq!(said(&same), Vec::<String>::new());
        let args = StartArgs { via: Some("auto".parse().expect("a way")), ..StartArgs::default() };
        let mut minutes = Settings { job: Job::Minute, ..run() };
        let refused =
            turn(&args, &mut minutes, Path::new("/")).expect_err("no such way").to_string();
        assert!(refused.starts_with("--via does not apply to --job minute"), "{refused}");
    }
}

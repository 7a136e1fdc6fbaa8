//! The command line of a worker: the launcher's side of the contract in DESIGN 6.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use shared::dataset::kind::Kind;
use shared::dataset::run_mark::RunMark;
use shared::run::duplicates::Duplicates;
use shared::run::workdir::{BatchId, Workdir};

use super::part::Part;
use super::request::Request;
use super::settings::Settings;
use crate::job::{BarsOrder, Task};

/// The arguments of one attempt at a batch. They always have `--resume`, so that another attempt
/// fetches only what is missing. In a run that fetches everything anew, `--covered-since` says what
/// counts as there.
pub fn arguments(
    request: &Request,
    workdir: &Workdir,
    batch: BatchId,
    attempt: u32,
    part: Part,
) -> Vec<OsString> {
    let settings = &request.settings;
    let mut arguments = match settings.task() {
        Task::Download(kind) => vec![kind.name().into()],
        Task::Bars(order) => what_to_make(order),
    };
    let mut say = |flag: &str, value: &dyn AsRef<OsStr>| say(&mut arguments, flag, value);
    let days = part.days(request.days());
    say("--tickers-csv", &workdir.attempt_csv(batch, attempt));
    say("--outdir", &settings.outdir);
    say("--from", &days.from().to_string());
    say("--to", &days.to().to_string());
    if let Some(since) = request.covered_since() {
        say("--covered-since", &since.to_string());
    }
    say("--max-workers", &settings.per_shard_workers.to_string());
    say("--events", &workdir.attempt_events(batch, attempt));
    match settings.task() {
        Task::Download(kind) => how_to_fetch(settings, kind, request.mark(), &mut arguments),
        Task::Bars(order) => {
            say("--run-mark", &request.mark().to_string());
            arguments.push("--resume".into());
            arguments.extend(order.arguments.iter().map(OsString::from));
        }
    }
    arguments
}

/// The first arguments of `bars`.
fn what_to_make(order: &BarsOrder) -> Vec<OsString> {
    let (root_flag, root, _) = order.input.parts();
    let modes: Vec<&str> = order.modes.iter().map(|mode| mode.name()).collect();
    vec![root_flag.into(), root.into(), "--mode".into(), modes.join(",").into()]
}

/// The last arguments of `worker`.
fn how_to_fetch(settings: &Settings, kind: Kind, mark: RunMark, arguments: &mut Vec<OsString>) {
    let mut say = |flag: &str, value: &dyn AsRef<OsStr>| say(arguments, flag, value);
    say("--base-url", &settings.base_url);
    say("--settle", &format!("{:#}", settings.settle).replace(' ', ""));
    say("--recheck-empty", &settings.recheck_empty.to_string());
    say("--tries", &settings.tries.to_string());
    say("--backoff-base", &format!("{:#}", settings.backoff_base).replace(' ', ""));
    say("--tz", &settings.zone.to_string());
    say("--window", &settings.window.to_string());
    if let Some(rate) = settings.rate {
        say("--rate", &rate.to_string());
    }
    if kind == Kind::Daily {
        say("--via", &settings.via.to_string());
    }
    // Left out at its default, because a user's executable may be older than this flag.
    if kind != Kind::Trades && settings.duplicates != Duplicates::Refuse {
        say("--duplicates", &settings.duplicates.to_string());
    }
    if kind == Kind::Trades {
        say("--columns", &settings.columns.to_string());
    }
    say("--run-mark", &mark.to_string());
    arguments.push("--resume".into());
    if settings.allow_http {
        arguments.push("--allow-http".into());
    }
    if bool::from(settings.adjusted) {
        arguments.push("--adjusted".into());
    }
}

fn say(arguments: &mut Vec<OsString>, flag: &str, value: &dyn AsRef<OsStr>) {
    arguments.push(flag.into());
    arguments.push(value.as_ref().to_owned());
}

/// A command as a person would type it. The key is never an argument, so nothing needs to be
/// hidden.
pub fn spelled(executable: &Path, arguments: &[OsString]) -> String {
    let words =
        std::iter::once(executable.as_os_str()).chain(arguments.iter().map(OsString::as_os_str));
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@%".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        let words = ["daily".into(), "--outdir".into(), "/data/my bars".into(), "it's".into()];
        assert_eq!(
            spelled(Path::new("/bin/worker"), &words),
            "/bin/worker daily --outdir '/data/my bars' 'it'\\''s'"
        );
    }
}

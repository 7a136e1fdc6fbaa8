//! The worker's command line: the contract of DESIGN 6, from the launcher's side.

use std::ffi::OsString;
use std::path::Path;

use shared::run::workdir::{BatchId, Workdir};

use super::part::Part;
use super::request::Request;
use crate::job::{BarsOrder, Job, Task};

/// Arguments for one attempt at a batch. They always ask to resume, so that another attempt asks only for
/// what is missing; what counts as missing in a run that wants everything anew is said by `--covered-since`.
pub fn arguments(
    request: &Request,
    workdir: &Workdir,
    batch: BatchId,
    attempt: u32,
    part: Part,
) -> Vec<OsString> {
    let (settings, days) = (&request.settings, part.days(request.days()));
    if let Task::Bars(order) = settings.task() {
        return of_bars(request, order, workdir, batch, attempt);
    }
    let mut arguments: Vec<OsString> = vec![settings.job.name().into()];
    let mut say = |flag: &str, value: &dyn AsRef<std::ffi::OsStr>| {
        arguments.push(flag.into());
        arguments.push(value.as_ref().to_owned());
    };
    say("--tickers-csv", &workdir.attempt_csv(batch, attempt));
    say("--outdir", &settings.outdir);
    say("--from", &days.from().to_string());
    say("--to", &days.to().to_string());
    if let Some(since) = request.covered_since() {
        say("--covered-since", &since.to_string());
    }
    say("--max-workers", &settings.per_shard_workers.to_string());
    say("--events", &workdir.attempt_events(batch, attempt));
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
    if settings.job == Job::Daily {
        say("--via", &settings.via.to_string());
    }
    if settings.job == Job::Trades {
        say("--columns", &settings.columns.to_string());
    }
    arguments.push("--resume".into());
    if settings.allow_http {
        arguments.push("--allow-http".into());
    }
    if bool::from(settings.adjusted) {
        arguments.push("--adjusted".into());
    }
    arguments
}

/// The same for `bars`.
fn of_bars(
    request: &Request,
    order: &BarsOrder,
    workdir: &Workdir,
    batch: BatchId,
    attempt: u32,
) -> Vec<OsString> {
    let (settings, days) = (&request.settings, request.days());
    let (root_flag, root, _) = order.input.parts();
    let modes: Vec<&str> = order.modes.iter().map(|mode| mode.name()).collect();
    let mut arguments: Vec<OsString> = Vec::new();
    let mut say = |flag: &str, value: &dyn AsRef<std::ffi::OsStr>| {
        arguments.push(flag.into());
        arguments.push(value.as_ref().to_owned());
    };
    say(root_flag, root);
    say("--tickers-csv", &workdir.attempt_csv(batch, attempt));
    say("--outdir", &settings.outdir);
    say("--from", &days.from().to_string());
    say("--to", &days.to().to_string());
    say("--mode", &modes.join(","));
    if let Some(since) = request.covered_since() {
        say("--covered-since", &since.to_string());
    }
    say("--max-workers", &settings.per_shard_workers.to_string());
    say("--events", &workdir.attempt_events(batch, attempt));
    arguments.push("--resume".into());
    arguments.extend(order.arguments.iter().map(OsString::from));
    arguments
}

/// A command as a person would type it. The key is not among the arguments, so nothing is left out.
pub fn spelled(executable: &Path, arguments: &[OsString]) -> String {
    let words = std::iter::once(executable.as_os_str()).chain(arguments.iter().map(OsString::as_os_str));
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

//! What arguments say otherwise than a frozen run. Whether a run may be extended by it is
//! [`extension`](super::extension)'s business.

use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use shared::market::bar::{Mode, Modes};
use shared::run::base_url::{BaseUrl, PlainHttp};
use shared::run::size::Size;

use super::limits::Limits;
use super::notify_url::NotifyUrl;
use super::settings::{Batching, Program, Settings, absolute, words_of_bars};
use crate::cli::StartArgs;
use crate::job::BarsOrder;

/// One argument that contradicts the frozen run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The flag.
    pub flag: &'static str,
    /// What the run was created with.
    pub frozen: String,
    /// What is said now.
    pub given: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the run has {}, you say {}", self.flag, self.frozen, self.given)
    }
}

/// Every argument of `given` that says otherwise than `frozen`; what was not said can't differ. Range and ticker
/// list are not looked at: they may be extended.
pub fn differences(given: &StartArgs, frozen: &Settings, cwd: &Path) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |flag: &'static str, frozen: String, given: Option<String>| {
        if let Some(given) = given.filter(|given| *given != frozen) {
            found.push(Difference { flag, frozen, given });
        }
    };
    let path = |path: &PathBuf| absolute(cwd, path).display().to_string();
    let number = |number: NonZeroU32| number.to_string();
    let span = |span: SignedDuration| format!("{span:#}");
    let base_url = |text: &String| {
        let url = BaseUrl::parse(text, PlainHttp::Allowed);
        url.map_or_else(|_| text.clone(), |url| url.to_string())
    };
    let none = || "none".to_owned();
    let script = match &frozen.program {
        Program::Worker | Program::Bars(_) => none(),
        Program::Script(path) => path.display().to_string(),
    };
    let (trades_root, agg1m_root, modes, words) = match &frozen.program {
        Program::Bars(BarsOrder { input, modes, arguments }) => {
            let (flag, root, _) = input.parts();
            let root = |of: &str| if flag == of { root.display().to_string() } else { none() };
            (
                root("--trades-root"),
                root("--agg1m-root"),
                spelled_modes(modes),
                words_of_bars(cwd, arguments).join(" "),
            )
        }
        _ => (none(), none(), none(), none()),
    };
    let (batch_size, shards) = match frozen.batching {
        Some(Batching::Size(size)) => (size.to_string(), none()),
        Some(Batching::Shards(shards)) => (none(), shards.to_string()),
        None => (none(), none()),
    };
    let only_if_set = |set: bool| set.then(|| "yes".to_owned());
    let yes_no = |set: bool| if set { "yes".to_owned() } else { "no".to_owned() };

    compare("--job", frozen.job.to_string(), given.job.map(|job| job.to_string()));
    compare("--outdir", frozen.outdir.display().to_string(), given.outdir.as_ref().map(path));
    let weights = frozen.weights.as_ref().map_or_else(none, |path| path.display().to_string());
    compare("--weights", weights, given.weights.as_ref().map(path));
    compare("--batch-size", batch_size, given.batch_size.map(number));
    compare("--shards", shards, given.shards.map(number));
    compare("--max-concurrent", frozen.max_concurrent.to_string(), given.max_concurrent.map(number));
    compare("--per-shard-workers", frozen.per_shard_workers.to_string(), given.per_shard_workers.map(number));
    compare("--retries", frozen.retries.to_string(), given.retries.map(|retries| retries.to_string()));
    compare("--ingest-script", script, given.ingest_script.as_ref().map(path));
    compare("--trades-root", trades_root, given.trades_root.as_ref().map(path));
    compare("--agg1m-root", agg1m_root, given.agg1m_root.as_ref().map(path));
    compare("--mode", modes, (!given.mode.is_empty()).then(|| spelled_modes(&Modes::resolve(&given.mode))));
    compare("--", words, (!given.bars.is_empty()).then(|| words_of_bars(cwd, &given.bars).join(" ")));
    compare("--base-url", frozen.base_url.clone(), given.base_url.as_ref().map(base_url));
    compare("--allow-http", yes_no(frozen.allow_http), only_if_set(given.allow_http));
    compare("--adjusted", yes_no(frozen.adjusted.into()), only_if_set(given.adjusted));
    compare("--columns", frozen.columns.to_string(), given.columns.map(|columns| columns.to_string()));
    compare("--tz", frozen.zone.to_string(), given.tz.map(|zone| zone.to_string()));
    compare("--window", frozen.window.to_string(), given.window.map(|window| window.to_string()));
    compare("--via", frozen.via.to_string(), given.via.map(|via| via.to_string()));
    let rate = frozen.rate.map_or_else(none, |rate| rate.to_string());
    compare("--rate", rate, given.rate.or(given.rate_limit).map(|rate| rate.to_string()));
    compare("--settle", span(frozen.settle), given.settle.map(span));
    compare("--recheck-empty", frozen.recheck_empty.to_string(), given.recheck_empty.map(|n| n.to_string()));
    compare("--tries", frozen.tries.to_string(), given.tries.map(number));
    compare("--backoff-base", span(frozen.backoff_base), given.backoff_base.map(span));
    let Limits {
        max_rss,
        batch_timeout,
        stall_timeout,
        max_log,
        min_free_disk,
        min_free_memory,
        give_up_after,
        keep_attempts,
    } = frozen.limits;
    let none = || "none".to_owned();
    let size = |size: Size| size.to_string();
    compare("--max-rss", max_rss.map_or_else(none, size), given.max_rss.map(size));
    compare("--batch-timeout", batch_timeout.map_or_else(none, span), given.batch_timeout.map(span));
    compare("--stall-timeout", span(stall_timeout), given.stall_timeout.map(span));
    compare("--max-log", max_log.to_string(), given.max_log.map(size));
    compare("--min-free-disk", min_free_disk.to_string(), given.min_free_disk.map(size));
    compare("--min-free-memory", min_free_memory.to_string(), given.min_free_memory.map(size));
    compare("--give-up-after", span(give_up_after), given.give_up_after.map(span));
    compare("--keep-attempts", keep_attempts.to_string(), given.keep_attempts.map(number));
    found.extend(notify_url_differs(given, frozen));
    found
}

fn spelled_modes(modes: &[Mode]) -> String {
    modes.iter().map(|mode| mode.name()).collect::<Vec<_>>().join(",")
}

/// Addresses are compared whole and shown by their hosts: two of them may look alike.
fn notify_url_differs(given: &StartArgs, frozen: &Settings) -> Option<Difference> {
    let text = given.notify_url.as_ref()?;
    let url = NotifyUrl::parse(text, PlainHttp::Allowed).ok();
    if url == frozen.notify_url {
        return None;
    }
    let shown = frozen.notify_url.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let given = url.map_or_else(|| "no address".to_owned(), |url| format!("another one, {url}"));
    Some(Difference { flag: "--notify-url", frozen: shown, given })
}

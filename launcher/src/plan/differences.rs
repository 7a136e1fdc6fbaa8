//! What arguments say otherwise than a frozen run of that which makes the data what they are. Whether a run may be
//! extended is [`extension`](super::extension)'s business, what else may change [`knobs`](super::knobs)'.

use std::fmt;
use std::path::{Path, PathBuf};

use shared::market::bar::{Mode, Modes};
use shared::run::base_url::{BaseUrl, PlainHttp};

use super::settings::{Program, Settings, absolute, words_of_bars};
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

/// Every argument of `given` that would make other data than `frozen`; what was not said can't differ. Range and ticker
/// list are not looked at: they may be extended. Nor are [`knobs`](super::knobs).
pub fn differences(given: &StartArgs, frozen: &Settings, cwd: &Path) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |flag: &'static str, frozen: String, given: Option<String>| {
        if let Some(given) = given.filter(|given| *given != frozen) {
            found.push(Difference { flag, frozen, given });
        }
    };
    let path = |path: &PathBuf| absolute(cwd, path).display().to_string();
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
        Program::Worker | Program::Script(_) => (none(), none(), none(), none()),
    };
    let only_if_set = |set: bool| set.then(|| "yes".to_owned());
    let yes_no = |set: bool| if set { "yes".to_owned() } else { "no".to_owned() };

    compare("--job", frozen.job.to_string(), given.job.map(|job| job.to_string()));
    compare("--outdir", frozen.outdir.display().to_string(), given.outdir.as_ref().map(path));
    compare("--ingest-script", script, given.ingest_script.as_ref().map(path));
    compare("--trades-root", trades_root, given.trades_root.as_ref().map(path));
    compare("--agg1m-root", agg1m_root, given.agg1m_root.as_ref().map(path));
    compare("--mode", modes, (!given.mode.is_empty()).then(|| spelled_modes(&Modes::resolve(&given.mode))));
    compare("--", words, (!given.bars.is_empty()).then(|| words_of_bars(cwd, &given.bars).join(" ")));
    compare("--adjusted", yes_no(frozen.adjusted.into()), only_if_set(given.adjusted));
    compare("--columns", frozen.columns.to_string(), given.columns.map(|columns| columns.to_string()));
    compare("--tz", frozen.zone.to_string(), given.tz.map(|zone| zone.to_string()));
    found.extend(source_differs(given, frozen));
    found
}

fn spelled_modes(modes: &[Mode]) -> String {
    modes.iter().map(|mode| mode.name()).collect::<Vec<_>>().join(",")
}

/// Another address of the same source is none: its two names, another port. What is no address is refused elsewhere.
fn source_differs(given: &StartArgs, frozen: &Settings) -> Option<Difference> {
    let parsed = |text: &str| BaseUrl::parse(text, PlainHttp::Allowed).ok();
    let (before, after) = (parsed(&frozen.base_url)?, parsed(given.base_url.as_ref()?)?);
    if before.source_name() == after.source_name() {
        return None;
    }
    Some(Difference { flag: "--base-url", frozen: frozen.base_url.clone(), given: after.to_string() })
}

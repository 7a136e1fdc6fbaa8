//! Differences: the arguments that contradict a frozen run because the data depend on them.
//! [`extension`](super::extension) decides whether a run may be extended, [`knobs`](super::knobs)
//! what else may change.

use std::fmt;
use std::path::{Path, PathBuf};

use shared::market::bar::{Mode, Modes};
use shared::run::base_url::{BaseUrl, PlainHttp};

use super::paths::absolute;
use super::settings::{Program, Settings};
use super::words_of_bars::{self, Later};
use crate::cli::StartArgs;
use crate::job::BarsOrder;

/// One argument that contradicts the frozen run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub flag: &'static str,
    /// What the run was created with.
    pub frozen: String,
    pub given: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the run has {}, you say {}", self.flag, self.frozen, self.given)
    }
}

/// Every argument of `given` that would make other data than `frozen`. An argument that was left
/// out can't differ. Range and ticker list are not compared, because they may be extended; nor are
/// [`knobs`](super::knobs).
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
    let words_now = words_of_bars::spelled(cwd, &given.bars);
    let (trades_root, agg1m_root, modes, words) = match &frozen.program {
        Program::Bars(BarsOrder { input, modes, arguments }) => {
            let (flag, root, _) = input.parts();
            let root = |of: &str| if flag == of { root.display().to_string() } else { none() };
            (
                root("--trades-root"),
                root("--agg1m-root"),
                spelled_modes(modes),
                arguments.as_slice(),
            )
        }
        Program::Worker | Program::Script(_) => (none(), none(), none(), [].as_slice()),
    };
    let only_if_set = |set: bool| set.then(|| "yes".to_owned());
    let yes_no = |set: bool| if set { "yes".to_owned() } else { "no".to_owned() };

    compare("--job", frozen.job.to_string(), given.job.map(|job| job.to_string()));
    compare("--outdir", frozen.outdir.display().to_string(), given.outdir.as_ref().map(path));
    compare("--ingest-script", script, given.ingest_script.as_ref().map(path));
    compare("--trades-root", trades_root, given.trades_root.as_ref().map(path));
    compare("--agg1m-root", agg1m_root, given.agg1m_root.as_ref().map(path));
    compare(
        "--mode",
        modes,
        (!given.mode.is_empty()).then(|| spelled_modes(&Modes::resolve(&given.mode))),
    );
    let has_others = match words_of_bars::later(words, &words_now) {
        Later::TheSame | Later::GapsToo(_) => false,
        Later::Otherwise => true,
    };
    compare("--", spelled_words(words), has_others.then(|| spelled_words(&words_now)));
    compare("--adjusted", yes_no(frozen.adjusted.into()), only_if_set(given.adjusted));
    compare(
        "--columns",
        frozen.columns.to_string(),
        given.columns.map(|columns| columns.to_string()),
    );
    compare("--tz", frozen.zone.to_string(), given.tz.map(|zone| zone.to_string()));
    found.extend(source_differs(given, frozen));
    found
}

fn spelled_words(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(" ") }
}

fn spelled_modes(modes: &[Mode]) -> String {
    modes.iter().map(|mode| mode.name()).collect::<Vec<_>>().join(",")
}

/// Another address of the same source is no difference: its two names, another port. An invalid
/// address is refused elsewhere.
fn source_differs(given: &StartArgs, frozen: &Settings) -> Option<Difference> {
    let parsed = |text: &str| BaseUrl::parse(text, PlainHttp::Allowed).ok();
    let (before, after) = (parsed(&frozen.base_url)?, parsed(given.base_url.as_ref()?)?);
    if before.source_name() == after.source_name() {
        return None;
    }
    Some(Difference {
        flag: "--base-url",
        frozen: frozen.base_url.clone(),
        given: after.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    use crate::job::{Job, Task};
    use crate::plan::settings::tests::full;
    use jiff::SignedDuration;
    use shared::market::zone::Zone;

    fn cwd() -> &'static Path {
        Path::new("/home/me")
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
        let typed = bars(
            "--target auto --bars-per-day 50 --daily-root daily --adjust=./splits --reference ref",
        );
        let settings = Settings::resolve(&typed, cwd()).expect("sound");
        let Task::Bars(order) = settings.task() else { panic!("bars") };
        let whole = "--target auto --bars-per-day 50 --daily-root /home/me/daily --adjust=/home/me/splits --reference /home/me/ref";
        assert_eq!(order.arguments.join(" "), whole);
        assert_eq!(differences(&typed, &settings, cwd()), []);
        assert_eq!(differences(&bars(whole), &settings, Path::new("/elsewhere")), []);
        assert_eq!(differences(&typed, &settings, Path::new("/elsewhere")).len(), 1);
    }

    #[test]
    fn what_was_not_said_or_is_equal_does_not_differ() {
        let frozen = Settings::resolve(&full(), cwd()).expect("complete");
        assert_eq!(
            differences(&StartArgs { resume: true, ..StartArgs::default() }, &frozen, cwd()),
            []
        );
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
        let said: Vec<String> =
            differences(&other, &frozen, cwd()).iter().map(ToString::to_string).collect();
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
}

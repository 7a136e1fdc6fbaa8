//! What to type after a verify that has found something which a download can mend. Pure.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::Path;

use crate::cli::verify::VerifyArgs;
use crate::verify::repair::plan::{self, Extent};
use crate::verify::report::Report;
use crate::verify::state::Verdict;
use crate::view::words;

/// Where the runs of a repair go if nobody has said it.
const WORKDIR: &str = "runs/repair";

/// `next: launcher verify ... --repair`; nothing where a download mends nothing, or was asked for.
pub fn line(args: &VerifyArgs, report: &Report) -> Option<String> {
    let (extent, option) = match report.verdict() {
        Verdict::Complete | Verdict::ConfirmedGaps => return None,
        Verdict::Incomplete | Verdict::Damaged => (Extent::Damage, "--repair"),
        Verdict::Suspect => (Extent::Suspicion, "--repair=suspect"),
    };

    let mut found = report.findings.iter().filter(|it| it.tree.data().is_some());
    if args.asks() || !found.any(|it| plan::is_repairable(it, extent)) {
        return None;
    }
    let mut typed = again(args);
    typed.push(option.into());
    Some(format!("next: {}", words::own_command(&typed)))
}

/// The same look, as it was asked for.
fn again(args: &VerifyArgs) -> Vec<OsString> {
    let mut typed: Vec<OsString> = vec!["verify".into()];
    let mut path = |option: &str, path: Option<&Path>| {
        if let Some(path) = path {
            typed.extend([option.into(), path.into()]);
        }
    };
    path("--workdir", Some(args.workdir.as_deref().unwrap_or(Path::new(WORKDIR))));
    path("--outdir", args.outdir.as_deref());
    path("--daily", args.daily.as_deref());
    path("--minute", args.minute.as_deref());
    path("--trades", args.trades.as_deref());
    path("--bars", args.bars.as_deref());
    path("--tickers-csv", args.tickers_csv.as_deref());
    path("--reference", args.reference.as_deref());
    let mut value = |option: &str, value: Option<&dyn Display>| {
        if let Some(value) = value {
            typed.extend([option.into(), value.to_string().into()]);
        }
    };
    value("--from", args.from.as_ref().map(|it| it as &dyn Display));
    value("--to", args.to.as_ref().map(|it| it as &dyn Display));
    value("--recheck-empty", args.recheck_empty.as_ref().map(|it| it as &dyn Display));
    for rule in &args.rule {
        value("--rule", Some(rule));
    }
    if let Some(settle) = args.settle {
        typed.extend(["--settle".into(), format!("{}s", settle.as_secs()).into()]);
    }
    if args.deep {
        typed.push("--deep".into());
    }
    typed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_look_is_typed_again_with_a_folder_for_the_runs() {
        let args = VerifyArgs {
            daily: Some("my data/daily".into()),
            from: Some("2024-01-02".parse().expect("a day")),
            rule: vec!["page-cut=off".to_owned()],
            deep: true,
            ..VerifyArgs::default()
        };
        assert_eq!(
            words::own_command(&again(&args)),
            "launcher verify --workdir runs/repair --daily 'my data/daily' --from 2024-01-02 \
             --rule page-cut=off --deep"
        );
    }
}

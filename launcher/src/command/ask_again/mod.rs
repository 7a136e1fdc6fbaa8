//! `launcher verify` with what goes beyond looking: an audit, then a repair. Both have the source
//! asked again.

pub mod asking;
pub mod audit;
pub mod repair;

use serde_json::Value;
use shared::run::workdir::Workdir;

use self::repair::Means;
use super::exit_status::ExitStatus;
use super::failure::Failure;
use super::stored_run;
use super::verify;
use crate::cli::verify::VerifyArgs;
use crate::process::clock;
use crate::verify::audit::outcome::Outcome as Audited;
use crate::verify::finding::Finding;
use crate::verify::repair::outcome::Outcome as Repaired;
use crate::verify::repair::plan::{self, Extent};
use crate::verify::report::Report;
use crate::view::words::{self, say};

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    audits: Vec<Audited>,
    repairs: Vec<Repaired>,
    extent: Option<Extent>,
}

/// `launcher verify`, with everything that has the source asked again.
pub fn verify(args: &VerifyArgs) -> Result<ExitStatus, Failure> {
    if !args.asks() || args.rules {
        return verify::verify(args);
    }
    let look = || Ok(verify::watched(&verify::survey_of(args, clock::now())?));
    let page = verify::page(args)?;
    let first: Report = look()?;
    // What runs say is not the answer.
    let (report, done) = words::saying_aside(|| ask(args, first, look))?;
    verify::write_page(page, &report)?;
    let said = verify::rendered(args, &report);
    let said = if args.json {
        done.within_json(&said, &report)
    } else if args.csv {
        words::saying_aside(|| say(&done.text(&report))).map_err(Failure::Output)?;
        said
    } else {
        said + &done.text(&report)
    };
    say(&said).map_err(Failure::Output)?;
    let verdict = report.verdict();
    let is_unproven = done.audits.iter().any(Audited::proves_nothing)
        || done.repairs.iter().any(|repair| !repair.trouble.is_empty());
    Ok(ExitStatus::Verified(if is_unproven { verdict.but_unproven() } else { verdict }))
}

/// Audits and repairs what `report` tells of, as far as `args` ask for it, and returns the report
/// of the tree as it is then; `verify` looks again.
fn ask(
    args: &VerifyArgs,
    mut report: Report,
    mut verify: impl FnMut() -> Result<Report, Failure>,
) -> Result<(Report, Done), Failure> {
    let mut done = Done::default();
    let Some(workdir) = &args.workdir else { return Ok((report, done)) };
    let workdir: Workdir = stored_run::workdir(workdir)?;
    if let Some(draws) = args.audit.audit {
        done.audits = audit::audit(&args.audit, draws, &args.source, &workdir, &report)?;
        let found = done.audits.iter().flat_map(Audited::findings).collect();
        report.also(found);
    }
    if let Some(what) = args.repair.repair {
        let extent = Extent::from(what);
        let is_left = |finding: &&Finding| {
            finding.rule.is_of_an_audit() && !plan::is_repairable(finding, extent)
        };
        let left: Vec<Finding> = report.findings.iter().filter(is_left).cloned().collect();
        let means = Means {
            args: &args.repair,
            what,
            source: &args.source,
            workdir: &workdir,
            recheck_empty: args.recheck_empty.unwrap_or(0),
        };
        let repaired = repair::repair(means, report, &mut verify)?;
        report = repaired.report;
        report.also(left);
        (done.repairs, done.extent) = (repaired.outcomes, Some(extent));
    }
    Ok((report, done))
}

impl Done {
    /// For people, behind the text of the report.
    fn text(&self, report: &Report) -> String {
        let said = |audit: &Audited| {
            if self.has_replaced(audit) { audit.before_repair() } else { audit.text() }
        };
        let mut text: Vec<String> = self.audits.iter().map(said).collect();
        if self.extent != Some(Extent::Suspicion) && self.audits.iter().any(Audited::differs) {
            let seed = self.audits.first().map_or(0, |audit| audit.seed);
            text.push(format!(
                "to take what the source says now: the same command with --repair=suspect --seed {seed}\n"
            ));
        }
        if let Some(extent) = self.extent {
            text.extend(self.repairs.iter().map(|it| it.text(&report.findings, extent)));
        }
        text.concat()
    }

    /// Is the tree no longer what was audited?
    fn has_replaced(&self, audit: &Audited) -> bool {
        let of_it = |it: &&Repaired| it.tree == Some(audit.tree);
        self.repairs.iter().filter(of_it).any(|it| !it.replaced.is_empty())
    }

    /// Adds it to the JSON of the report.
    fn within_json(&self, of_report: &str, report: &Report) -> String {
        let mut all: Value = serde_json::from_str(of_report).expect("a report is a JSON object");
        if !self.audits.is_empty() {
            let told = |audit: &Audited| {
                let mut told = audit.json();
                told["before_repair"] = self.has_replaced(audit).into();
                told
            };
            all["audit"] = self.audits.iter().map(told).collect();
        }
        if let Some(extent) = self.extent {
            all["repair"] =
                self.repairs.iter().map(|it| it.json(&report.findings, extent)).collect();
        }
        all.to_string() + "\n"
    }
}

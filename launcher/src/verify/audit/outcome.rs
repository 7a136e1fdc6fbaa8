//! What came of an audit, and what it proves, in words and as JSON. Pure.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Value, json};
use shared::dataset::difference::Difference;
use shared::run::thousands::counted;

use super::ask::Sample;
use super::bound::{self, CONFIDENCE};
use super::compare::Found;
use super::draw::By;
use crate::verify::finding::Finding;
use crate::verify::rule::Rule;
use crate::verify::tree_kind::TreeKind;
use crate::view::words;

/// So many partitions that differ are named in the text; JSON has all.
const NAMED: usize = 20;

/// How a command ends that could compare nothing.
const PROVES_NOTHING: &str =
    "the audit proves nothing, and the command does not end as complete (exit code 4)";

/// What came of the audit of one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What it holds.
    pub tree: TreeKind,
    /// Where.
    pub root: PathBuf,
    /// How it was drawn.
    pub by: By,
    /// What repeats the draw.
    pub seed: u64,
    /// How many draws there were.
    pub draws: u64,
    /// Partitions with rows that could be drawn.
    pub partitions: u64,
    /// Their rows.
    pub rows: u64,
    /// Each partition drawn, by ticker and time, and what was found.
    pub samples: Vec<(Sample, Found)>,
}

/// Draws by what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tally {
    same: u64,
    revised: u64,
    damaged: u64,
    unknown: u64,
}

impl Outcome {
    fn tally(&self, of: impl Fn(&Sample) -> u64) -> Tally {
        let mut tally = Tally::default();
        for (sample, found) in &self.samples {
            *match found {
                Found::Same => &mut tally.same,
                Found::Revised(_) => &mut tally.revised,
                Found::Damaged { .. } => &mut tally.damaged,
                Found::NotAsked { .. } => &mut tally.unknown,
            } += of(sample);
        }
        tally
    }

    /// Does any of them differ?
    pub fn differs(&self) -> bool {
        let Tally { revised, damaged, .. } = self.tally(|_| 1);
        revised + damaged > 0
    }

    /// Could any not be asked for?
    pub fn is_partial(&self) -> bool {
        self.tally(|_| 1).unknown > 0
    }

    /// Could nothing be compared? Then the audit proves nothing.
    pub fn proves_nothing(&self) -> bool {
        let Tally { same, revised, damaged, .. } = self.tally(|_| 1);
        same + revised + damaged == 0
    }

    /// Each partition that differs, as a verify tells it.
    pub fn findings(&self) -> Vec<Finding> {
        let found = self.samples.iter().filter_map(|(sample, found)| {
            let (rule, reason) = match found {
                Found::Same | Found::NotAsked { .. } => return None,
                Found::Revised(difference) => (Rule::RevisedAtSource, spelled(difference)),
                Found::Damaged { what, .. } => (Rule::WrongChecksum, what.clone()),
            };
            let kind = self.tree.data()?;
            let file = sample.partition.file(&self.root, &sample.ticker, kind);
            let finding = Finding::new(self.tree, rule, reason).of(&sample.ticker);
            Some(finding.in_partition(sample.partition).at(file))
        });
        found.collect()
    }

    /// How much differs at most, as a share of the rows or of the partitions. What could not be
    /// asked for is taken to differ: that makes the bound greater, never wrong.
    pub fn share_at_most(&self) -> f64 {
        let Tally { revised, damaged, unknown, .. } = self.tally(|sample| sample.draws);
        let differing = revised + damaged + unknown;
        match self.by {
            By::Rows => bound::share_at_most(self.draws, differing),
            By::Partitions if self.partitions == 0 => 1.0,
            By::Partitions => self.count_at_most(differing) as f64 / self.partitions as f64,
        }
    }

    fn count_at_most(&self, differing: u64) -> u64 {
        bound::count_at_most(self.partitions, self.draws, differing)
    }

    /// For people; ends with a newline.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |line: String| writeln!(text, "{line}").expect("a String takes everything");
        if self.samples.is_empty() {
            line(format!("audit of {}: {}", self.tree, self.sentence()));
            return text;
        }
        line(format!(
            "audit of {}: {}; asked for again and compared row by row",
            self.tree,
            self.how_drawn()
        ));
        let tally = self.tally(|_| 1);
        line(format!("  {} the same", words::count(tally.same)));
        for (count, what) in [
            (tally.revised, "revised by the source since (the file is what its ledger line says)"),
            (tally.damaged, "damaged here (the file is not what its ledger line says)"),
            (tally.unknown, "not compared: the source did not bring it"),
        ] {
            if count > 0 {
                line(format!("  {} {what}", words::count(count)));
            }
        }
        let odd = self.samples.iter().filter_map(|(sample, found)| named(sample, found));
        let odd: Vec<String> = odd.collect();
        odd.iter().take(NAMED).for_each(|odd| line(format!("    {odd}")));
        if odd.len() > NAMED {
            let more = words::count((odd.len() - NAMED) as u64);
            line(format!("    and {more} more; --json names all"));
        }
        line(self.sentence());
        text
    }

    /// In a line, for people: what was audited is no longer there. Ends with a newline.
    pub fn before_repair(&self) -> String {
        let differs = self.tally(|_| 1);
        format!(
            "audit of {} before the repair (--seed {}): {} of {} drawn differed; an audit without --repair shows what is there now\n",
            self.tree,
            self.seed,
            words::count(differs.revised + differs.damaged),
            counted(self.samples.len() as u64, "partition"),
        )
    }

    fn how_drawn(&self) -> String {
        let asked = counted(self.samples.len() as u64, "partition");
        let all = words::count(self.partitions);
        let seed = self.seed;
        match self.by {
            By::Rows => format!(
                "{} of {} drawn by chance (--seed {seed}) stand in {asked} of {all}",
                words::count(self.draws),
                words::counted(self.rows, "row"),
            ),
            By::Partitions => format!("{asked} of {all} drawn by chance (--seed {seed})"),
        }
    }

    /// What it proves.
    pub fn sentence(&self) -> String {
        let Tally { revised, damaged, unknown, .. } = self.tally(|sample| sample.draws);
        let (sure, differing) = (CONFIDENCE * 100.0, revised + damaged);
        if self.samples.is_empty() {
            return format!("there is no partition with rows to draw; {PROVES_NOTHING}");
        }
        if self.proves_nothing() {
            return format!("nothing could be compared; {PROVES_NOTHING}");
        }
        let counted_as = match unknown {
            0 => String::new(),
            unknown => format!("; {unknown} not compared count as if they differed"),
        };
        if self.samples.len() as u64 == self.partitions && unknown == 0 {
            let odd = self.tally(|_| 1);
            let odd = words::count(odd.revised + odd.damaged);
            return format!(
                "every partition with rows was drawn: {odd} of {} differ from what the source says now",
                words::count(self.partitions)
            );
        }
        if differing + unknown == self.draws {
            return format!(
                "no draw met a partition that is the same, so the sample gives no upper bound ({differing} of {} draws met one that differs{counted_as})",
                words::count(self.draws)
            );
        }
        let most = percent_up(self.share_at_most());
        match self.by {
            By::Rows => format!(
                "with {sure} % confidence at most {most} of the rows stand in partitions that differ from what the source says now ({differing} of {} draws met one{counted_as})",
                words::count(self.draws)
            ),
            By::Partitions => format!(
                "with {sure} % confidence at most {most} of the partitions differ from what the source says now: {} of {} ({differing} of {} drawn do{counted_as})",
                words::count(self.count_at_most(differing + unknown)),
                words::count(self.partitions),
                words::count(self.draws)
            ),
        }
    }

    /// All of it for programs.
    pub fn json(&self) -> Value {
        let tally = self.tally(|sample| sample.draws);
        let (weighted_by, of) = match self.by {
            By::Rows => ("rows", "rows in partitions that differ"),
            By::Partitions => ("partitions", "partitions that differ"),
        };
        let odd = self.samples.iter().filter(|(_, found)| *found != Found::Same);
        json!({
            "tree": self.tree.name(),
            "root": self.root,
            "weighted_by": weighted_by,
            "seed": self.seed,
            "population": { "partitions": self.partitions, "rows": self.rows },
            "draws": self.draws,
            "partitions_asked": self.samples.len(),
            "draws_same": tally.same,
            "draws_revised": tally.revised,
            "draws_damaged": tally.damaged,
            "draws_not_compared": tally.unknown,
            "confidence": CONFIDENCE,
            "share_of": of,
            "share_at_most": self.share_at_most(),
            "proves_nothing": self.proves_nothing(),
            "sentence": self.sentence(),
            "differing": odd.map(|(sample, found)| json_of(sample, found)).collect::<Vec<_>>(),
        })
    }
}

/// A sample that is not the same, for people.
fn named(sample: &Sample, found: &Found) -> Option<String> {
    let said = match found {
        Found::Same => return None,
        Found::Revised(difference) => format!("revised: {}", spelled(difference)),
        Found::Damaged { what, difference: Some(difference) } => {
            format!("damaged: {what}; {}", spelled(difference))
        }
        Found::Damaged { what, difference: None } => format!("damaged: {what}"),
        Found::NotAsked { why } => format!("not compared: {why}"),
    };
    Some(format!("{} {}: {said}", sample.ticker, sample.partition.period()))
}

fn spelled(difference: &Difference) -> String {
    match &difference.first {
        Some(first) => format!("{difference}; the first: {first}"),
        None => difference.to_string(),
    }
}

fn json_of(sample: &Sample, found: &Found) -> Value {
    let (how, what, difference) = match found {
        Found::Same => ("same", None, None),
        Found::Revised(difference) => ("revised", None, Some(difference)),
        Found::Damaged { what, difference } => ("damaged", Some(what), difference.as_ref()),
        Found::NotAsked { why } => ("not-compared", Some(why), None),
    };
    json!({
        "ticker": sample.ticker,
        "partition": sample.partition.to_string(),
        "draws": sample.draws,
        "found": how,
        "reason": what,
        "rows_added": difference.map(|it| it.added),
        "rows_removed": difference.map(|it| it.removed),
        "rows_changed": difference.map(|it| it.changed),
        "rows_reordered": difference.map(|it| it.reordered),
        "first": difference.and_then(|it| it.first.clone()),
    })
}

/// `0.30 %`, `12 %`: two digits that count, never less than it is.
fn percent_up(share: f64) -> String {
    let percent = (share * 100.0).clamp(0.0, 100.0);
    let decimals = match percent {
        10.0.. => 0,
        1.0.. => 1,
        0.1.. => 2,
        0.01.. => 3,
        _ => 4,
    };
    let scale = 10_f64.powi(decimals);
    // What is a whole number but for the last bits of a double stays it.
    let up = ((percent * scale - 1e-9).ceil() / scale).max(0.0) + 0.0;
    format!("{up:.*} %", usize::try_from(decimals).expect("a few"))
}

#[cfg(test)]
mod tests;

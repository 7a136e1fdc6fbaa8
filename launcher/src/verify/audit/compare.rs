//! What came of a sample against what is there: the same, revised by the source, or damaged here.

use std::path::{Path, PathBuf};

use shared::dataset::answers::Said;
use shared::dataset::descriptor::Descriptor;
use shared::dataset::difference::{self, Difference, Subject};
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::writer::Fingerprint;
use shared::error_chain::with_causes;

use super::ask::Sample;

/// What was found of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The source says the same.
    Same,
    /// The file is what its ledger line says, and the source says something else now.
    Revised(Difference),
    /// The file is not what its ledger line says.
    Damaged {
        /// What is wrong with it.
        what: String,
        /// How it differs from what the source says; `None` where it can't be read.
        difference: Option<Difference>,
    },
    /// The source did not bring it: nothing is known.
    NotAsked {
        /// Why.
        why: String,
    },
}

/// Compares `sample` of the tree at `root`, which `of` describes, with what stands in the tree at
/// `fresh`. Where nothing does, `failed` says why, if anything does.
pub fn compare(
    sample: &Sample,
    of: &Descriptor,
    root: &Path,
    fresh: &Path,
    failed: Option<&str>,
) -> Found {
    let Sample { ticker, partition, proof, days, .. } = sample;
    let not_asked = |why: String| Found::NotAsked { why };
    let ledger = match Ledger::read(fresh, of.kind, ticker) {
        Ok(ledger) => ledger,
        Err(error) => return not_asked(with_causes(&error)),
    };
    let answers = ledger.answers(*partition);
    let left = days.minus(&answers.days(|answer| answer.said.is_known()));
    if !left.is_empty() {
        let is_refused = answers.iter().any(|answer| answer.said == Said::OutsidePlan);
        return not_asked(match failed {
            Some(cause) => cause.to_owned(),
            None if is_refused => format!("the plan of the API key does not reach {left}"),
            None => format!("{left} did not come"),
        });
    }
    let ours = partition.file(root, ticker, of.kind);
    let theirs = ledger.file(*partition).map(|_| partition.file(fresh, ticker, of.kind));
    let what = damage(sample, &ours);
    let came_the_same =
        || ledger.file(*partition).is_some_and(|theirs| theirs.fingerprint == proof.fingerprint);
    if what.is_none() && came_the_same() {
        return Found::Same;
    }
    let found = differences(sample, of, &ours, theirs.as_deref());
    match (what, found) {
        (Some(what), found) => Found::Damaged { what, difference: found.ok() },
        (None, Ok(difference)) if difference.is_none() => Found::Same,
        (None, Ok(difference)) => Found::Revised(difference),
        (None, Err(what)) => Found::Damaged { what, difference: None },
    }
}

/// What is wrong with our file, going by its ledger line.
fn damage(sample: &Sample, ours: &Path) -> Option<String> {
    match Fingerprint::of_file(ours) {
        Ok(found) if found == sample.proof.fingerprint => None,
        Ok(found) if found.bytes == sample.proof.fingerprint.bytes => {
            Some("its content is not what was written (SHA-256)".to_owned())
        }
        Ok(found) => Some(format!(
            "{} bytes where the ledger says {}",
            found.bytes, sample.proof.fingerprint.bytes
        )),
        Err(error) => Some(with_causes(&error)),
    }
}

fn differences(
    sample: &Sample,
    of: &Descriptor,
    ours: &Path,
    theirs: Option<&Path>,
) -> Result<Difference, String> {
    let columns = of.columns.unwrap_or_default();
    let subject = Subject { kind: of.kind, columns, ticker: &sample.ticker, days: &sample.days };
    difference::between(subject, Some(ours), theirs).map_err(|error| with_causes(&error))
}

/// Where the file of a sample stands that came.
pub fn fresh_file(sample: &Sample, kind: Kind, fresh: &Path) -> PathBuf {
    sample.partition.file(fresh, &sample.ticker, kind)
}

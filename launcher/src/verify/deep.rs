//! Deep: every file of a ticker in a tree of downloads is read to its end, one after the other.
//! What is in them is judged by [`rows`], and what is unlikely about them by
//! [`suspicion`](super::suspicion).

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use shared::dataset::coverage::DateRange;
use shared::dataset::descriptor::{self, Adjusted};
use shared::dataset::entry::FileProof;
use shared::dataset::kind::{Columns, Kind};
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use shared::disk::publish::DiskError;
use shared::error_chain::with_causes;
use shared::market::ticker::Ticker;
use shared::market::zone::Zone;

use super::finding::Finding;
use super::rows::{self, Subject};
use super::rule::Rule;
use super::suspicion::facts::{PartitionFacts, TreeFacts};

/// A tree whose files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeepTree {
    /// Where.
    pub root: PathBuf,
    /// What rows.
    pub kind: Kind,
    /// The zone of its days.
    pub zone: Zone,
    /// The scale of its prices.
    pub adjusted: Adjusted,
    /// Which columns its trades have, if it says so.
    pub columns: Option<Columns>,
}

impl DeepTree {
    /// Of the tree at `root`, as far as it says what it holds.
    pub fn of(root: &Path, kind: Kind, zone: Zone) -> Self {
        let described = descriptor::read(root).ok().flatten();
        let adjusted = described.as_ref().map_or(Adjusted::No, |it| it.adjusted);
        let columns = described.and_then(|it| it.columns);
        Self { root: root.to_owned(), kind, zone, adjusted, columns }
    }
}

/// Reads the files `partitions` of `ticker` that hold some of `days`, in the order of time. Flawed
/// files are not among the facts.
pub fn read(
    tree: &DeepTree,
    ticker: &Ticker,
    partitions: &[Partition],
    days: DateRange,
) -> (TreeFacts, Vec<Finding>) {
    // A ledger that can't be read proves nothing, and has a finding of its own.
    let ledger = Ledger::read_by_length(&tree.root, tree.kind, ticker).ok();
    let covered = ledger.as_ref().map(Ledger::answered).unwrap_or_default();
    let mut facts =
        TreeFacts { kind: tree.kind, adjusted: tree.adjusted, covered, files: Vec::new() };
    let mut findings = Vec::new();
    let is_asked = |partition: &&Partition| partition.span().intersection(days).is_some();
    for partition in partitions.iter().copied().filter(|it| is_asked(&it)) {
        let path = partition.file(&tree.root, ticker, tree.kind);
        let proof = ledger.as_ref().and_then(|ledger| ledger.file(partition));
        let subject = Subject {
            path: &path,
            ticker,
            partition,
            zone: tree.zone,
            columns: tree.columns,
            proof,
        };
        match examined(tree, &subject) {
            Ok(examined) => {
                findings.extend(examined.findings(&subject));
                if examined.is_usable() {
                    let (path, facts_of) = (path.clone(), examined.facts);
                    facts.files.push(PartitionFacts { partition, path, facts: facts_of });
                }
            }
            // Whoever looks for files has said that it is gone, or no file.
            Err(DiskError { source, .. })
                if [ErrorKind::NotFound, ErrorKind::IsADirectory, ErrorKind::InvalidInput]
                    .contains(&source.kind()) => {}
            Err(error) => {
                let finding = Finding::new(tree.kind.into(), Rule::Unreadable, with_causes(&error));
                findings.push(finding.of(ticker).in_partition(partition).at(path));
            }
        }
    }
    (facts, findings)
}

/// Somebody may be writing: a file that is not what its line says may have got a new line in the
/// meantime.
fn examined(tree: &DeepTree, subject: &Subject<'_>) -> Result<rows::Examined, DiskError> {
    let found = rows::examine(subject)?;
    if found.is_as_proven || subject.proof.is_none() {
        return Ok(found);
    }
    let anew = Ledger::read_by_length(&tree.root, tree.kind, subject.ticker).ok();
    let proof: Option<&FileProof> = anew.as_ref().and_then(|ledger| ledger.file(subject.partition));
    if proof == subject.proof {
        return Ok(found);
    }
    rows::examine(&Subject { proof, ..*subject })
}

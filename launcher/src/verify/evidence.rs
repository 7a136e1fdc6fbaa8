//! Evidence: what stands in a tree of one ticker, ledger and folders. Nothing is judged here.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::LedgerError;
use shared::dataset::recorded::{self, Record};
use shared::dataset::seen::Sighting;
use shared::error_chain::with_causes;
use shared::market::ticker::Ticker;

use super::rule::Rule;
use super::walk::{Found, Standing, Walker};

/// What stands there of one ticker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What its ledger says.
    pub ledger: LedgerEvidence,
    /// What its folder holds; `None` where there is no folder.
    pub standing: Option<Standing>,
}

/// What a ledger says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerEvidence {
    /// There is none.
    None,
    /// Of each partition, in the order of time.
    Records(Vec<Record>),
    /// Nothing that counts.
    Unusable {
        /// By which rule.
        rule: Rule,
        /// Why.
        why: String,
    },
}

/// A file that is as long as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sound<'a> {
    /// What is recorded of it.
    pub record: &'a Record,
    /// When it was modified.
    pub modified: Timestamp,
    /// Are its time and inode those that its bytes were known with?
    pub is_as_recorded: bool,
}

impl Evidence {
    /// There is nothing.
    pub const NOTHING: Self = Self { ledger: LedgerEvidence::None, standing: None };

    /// What stands in the tree of `kind` at `root` of `ticker`.
    pub fn of(walker: &mut Walker, root: &Path, kind: Kind, ticker: &Ticker) -> Self {
        let standing = match walker.walk(root, kind, ticker) {
            Ok(Some(standing)) => standing,
            Ok(None) => return Self::NOTHING,
            Err(error) => return Self::unreadable(&error),
        };
        let ledger = match recorded::read(root, kind, ticker) {
            Ok(Some(records)) => LedgerEvidence::Records(records),
            Ok(None) => LedgerEvidence::None,
            Err(error) => {
                let rule = match error {
                    LedgerError::Foreign { .. } => Rule::LedgerOfAnother,
                    LedgerError::Disk(_)
                    | LedgerError::Corrupt { .. }
                    | LedgerError::Version { .. }
                    | LedgerError::Gone { .. }
                    | LedgerError::Busy { .. } => Rule::LedgerUnreadable,
                };
                let advice = match &error {
                    LedgerError::Corrupt { .. } => "; `verify --repair` keeps the sound lines",
                    LedgerError::Foreign { .. }
                    | LedgerError::Disk(_)
                    | LedgerError::Version { .. }
                    | LedgerError::Gone { .. }
                    | LedgerError::Busy { .. } => "",
                };
                LedgerEvidence::Unusable { rule, why: with_causes(&error) + advice }
            }
        };
        Self { ledger, standing: Some(standing) }
    }

    fn unreadable(error: &io::Error) -> Self {
        let why = format!("its folder can not be listed: {error}");
        let ledger = LedgerEvidence::Unusable { rule: Rule::Unreadable, why };
        Self { ledger, standing: None }
    }

    /// Does anything of the ticker stand there, a ledger or a file?
    pub fn is_there(&self) -> bool {
        let has_files = self.standing.as_ref().is_some_and(|standing| !standing.files.is_empty());
        has_files || self.ledger != LedgerEvidence::None
    }

    /// Files that are as long as recorded, in the order of time.
    pub fn sound(&self) -> impl Iterator<Item = Sound<'_>> {
        let files = self.standing.as_ref().map_or(&[][..], |standing| standing.files.as_slice());
        self.records().iter().filter_map(|record| {
            let recorded = record.file.as_ref()?;
            let place = files.binary_search_by_key(&record.partition, |(it, _)| *it).ok()?;
            let Found::File { bytes, mark, modified_ns } = files[place].1 else { return None };
            let modified = Timestamp::from_nanosecond(i128::from(modified_ns)).ok()?;
            let is_as_recorded = recorded.seen == Sighting::Marked(mark);
            (bytes == recorded.bytes).then_some(Sound { record, modified, is_as_recorded })
        })
    }

    /// What is recorded, as far as it counts.
    pub fn records(&self) -> &[Record] {
        match &self.ledger {
            LedgerEvidence::Records(records) => records,
            LedgerEvidence::None | LedgerEvidence::Unusable { .. } => &[],
        }
    }
}

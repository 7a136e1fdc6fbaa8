//! What ledgers prove of the members of a batch that are not done. Pure.

use std::collections::HashMap;

use shared::dataset::summary::Summary;
use shared::market::ticker::Ticker;
use shared::run::workdir::BatchId;

use super::{Batch, Illegal};

impl Batch {
    /// What the ledgers prove of all members that are not done.
    pub fn partly_proven(&self) -> Summary {
        let mut sum = Summary::default();
        let open = self.left.iter().chain(self.failures.iter().map(|failure| &failure.left));
        open.filter_map(|left| left.proven.as_deref()).for_each(|proven| sum += *proven);
        sum
    }

    /// Members that still need work, each with what is proven of it.
    pub fn left_with_proof(&self) -> impl Iterator<Item = (&Ticker, Summary)> {
        self.left.iter().map(|left| {
            let proven = left.proven.as_deref().copied().unwrap_or_default();
            (&self.members[left.member], proven)
        })
    }

    /// So much is proven of these members, which need work.
    pub fn find_partly_proven(
        &mut self,
        id: BatchId,
        found: &[(Ticker, Summary)],
    ) -> Result<(), Illegal> {
        let mut found: HashMap<&Ticker, Summary> =
            found.iter().map(|(ticker, proven)| (ticker, *proven)).collect();
        for left in &mut self.left {
            if let Some(proven) = found.remove(&self.members[left.member]) {
                left.is_proven(proven);
            }
        }
        if found.is_empty() { Ok(()) } else { Err(self.illegal(id, "a partial proof")) }
    }
}

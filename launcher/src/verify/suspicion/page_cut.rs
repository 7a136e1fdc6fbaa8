//! `page-cut`: a file that holds exactly as many rows as one page of the source, or several. By
//! chance that is one file in fifty thousand; where a chain of pages was not followed to its end,
//! it is every file.

use shared::dataset::kind::Kind;
use shared::run::thousands::grouped;

use super::facts::TickerFacts;
use crate::verify::finding::Finding;
use crate::verify::rule::{Rule, Rules};

pub(super) fn find(ticker: &TickerFacts, rules: &Rules) -> Vec<Finding> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 or more")]
    let page = rules.threshold(Rule::PageCut) as u64;
    let mut found = Vec::new();
    for tree in ticker.trees.iter().filter(|tree| tree.kind != Kind::Daily) {
        for file in &tree.files {
            let rows = file.facts.rows;
            if rows == 0 || !rows.is_multiple_of(page) {
                continue;
            }
            let rows = grouped(&rows.to_string());
            let reason = format!(
                "exactly {rows} rows, a multiple of a page's {}: it may end with a page instead of \
                 its day",
                grouped(&page.to_string())
            );
            found.push(ticker.finding(tree, file, Rule::PageCut, reason));
        }
    }
    found
}

//! Keeps the pages that are refused for good, as they came.

use shared::dataset::coverage::DateRange;
use shared::dataset::partition::Partition;
use shared::disk::links;
use shared::error_chain::with_causes;
use shared::market::ticker::Ticker;

use super::{Pipeline, Visit};
use crate::api::failure::{Failure, Meaning};
use crate::api::page_copy::PageCopy;
use crate::clock;
use crate::ingest::division::cuts::stands_alone;
use crate::ingest::division::{self, Why};
use crate::ingest::quarantine::{self, About};
use crate::ingest::storable::Storable;
use crate::ingest::task::Task;
use crate::report::Level;

impl Pipeline<'_> {
    /// What is asked for alone may be refused for good: then its page is wanted.
    pub(super) fn page_copy(
        &self,
        ticker: &Ticker,
        piece: division::RangeRequest,
    ) -> Option<PageCopy> {
        let is_last = match piece.why {
            Why::Alone | Why::LastTime => true,
            Why::Wanted | Why::Suspect | Why::Probe | Why::Sample | Why::Control => false,
        };
        let Task { ref outdir, kind, .. } = *self.tools.task;
        let target = quarantine::page_of(outdir, ticker, Partition::of(kind, piece.days.from()));
        if !is_last {
            return None;
        }
        match links::refuse(outdir, &target) {
            Ok(()) => Some(self.tools.client.page_copy(outdir, target)),
            Err(error) => {
                let text = format!("a refused page can't be kept: {}", with_causes(&error));
                self.tools.reporter.ticker(Level::Warn, ticker, text);
                None
            }
        }
    }

    /// Keeps the page of the days `left` that was refused, for the vendor. A page that can't be
    /// kept is said and no more; one that may come in pieces is not kept.
    pub(super) fn keep_page<R: Storable>(
        &self,
        visit: &mut Visit<'_, R>,
        failure: &Failure,
        left: DateRange,
    ) {
        let Some(page_copy) = visit.page_copy.take() else { return };
        let is_cut =
            matches!(failure, Failure::CutPage(_)) && stands_alone(self.tools.task.kind, left);
        if failure.meaning() != Meaning::BadPart && !is_cut {
            return;
        }
        let redaction = self.tools.client.redaction();
        let url = visit.url.as_ref().map(|url| redaction.line(url.as_str())).unwrap_or_default();
        let refused = redaction.line(&failure.to_string());
        let about = About { url, refused_at: clock::now(), status: 200, refused };
        let text = match quarantine::keep(&page_copy, &about) {
            Ok(None) => return,
            Ok(Some(page)) => {
                let text = format!("the refused page is kept as received: {}", page.display());
                visit.kept.push(page);
                text
            }
            Err(error) => format!("the refused page can't be kept: {}", with_causes(&error)),
        };
        self.tools.reporter.ticker(Level::Warn, visit.ticker, text);
    }
}

//! What a page of bars or trades says of itself, held against what was asked. Pure; its rows are
//! judged by [`chain`](super::chain) and [`market_day`](super::market_day).

use shared::dataset::descriptor::Adjusted;

use super::lie::Lie;
use super::page::Page;

/// `OK`, or `DELAYED`: a success of cheaper plans.
pub fn check_status<R>(page: &Page<R>) -> Result<(), Lie> {
    match page.status.as_deref().ok_or(Lie::Silent("status"))? {
        "OK" | "DELAYED" => Ok(()),
        other => Err(Lie::Status(other.to_owned())),
    }
}

pub fn check_scale<R>(page: &Page<R>, asked: Adjusted) -> Result<(), Lie> {
    let adjusted = page.adjusted.ok_or(Lie::Silent("adjusted"))?;
    if adjusted == bool::from(asked) { Ok(()) } else { Err(Lie::Adjusted(adjusted)) }
}

/// As many rows as announced.
pub fn check_count<R>(page: &Page<R>, held: u64) -> Result<(), Lie> {
    let announced = page.results_count.ok_or(Lie::Silent("resultsCount"))?;
    if announced == held { Ok(()) } else { Err(Lie::RowCount { announced, held }) }
}

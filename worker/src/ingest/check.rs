//! `--check`: before anything is asked for, the files of all tickers are held against their
//! SHA-256. What differs is fetched again when the turn of its ticker comes: its ledger keeps what
//! was found.

use shared::dataset::check::{self, Checked};
use shared::market::ticker::Ticker;
use shared::run::thousands::grouped;

use super::task::Tools;
use crate::report::Level;
use shared::crew;

/// Checks the days asked of `tickers`, so many side by side.
pub fn run(tools: Tools<'_>, tickers: &[Ticker], threads: usize) {
    let task = tools.task;
    let found = crew::each(
        threads,
        tickers.iter().collect(),
        || !tools.stop.is_asked(),
        |ticker: &Ticker| {
            match check::check(&task.outdir, task.kind, ticker, task.asked) {
                Ok(checked) => checked,
                Err(error) => {
                    // If it lasts, it fails the ticker when its turn comes.
                    tools.reporter.ticker(
                        Level::Warn,
                        ticker,
                        format_args!("its files are not checked: {error}"),
                    );
                    Checked::default()
                }
            }
        },
    );
    let mut all = Checked::default();
    for checked in found {
        all += checked;
    }
    let text = format!(
        "checked: {} files are what was written (SHA-256), {} bytes; {} are not and will be fetched again",
        grouped(&all.files.to_string()),
        grouped(&all.bytes.to_string()),
        all.damaged.len()
    );
    tools.reporter.run(if all.damaged.is_empty() { Level::Info } else { Level::Warn }, &text);
}

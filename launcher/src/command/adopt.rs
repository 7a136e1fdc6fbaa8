//! `launcher verify --adopt`: a tree that other programs wrote is read, and proven as far as files
//! and calendar can tell.

use std::io::IsTerminal;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use shared::dataset::coverage::DateRange;
use shared::dataset::descriptor::{self, Adjusted};
use shared::dataset::kind::Kind;
use shared::disk::lock::Lock;
use shared::market::trading_day::TradingDay;

use super::exit_status::ExitStatus;
use super::failure::Failure;
use super::stored_run;
use super::verify_error::VerifyError;
use crate::cli::verify::VerifyArgs;
use crate::plan::request::Input;
use crate::plan::settings::SettingsError;
use crate::process::clock;
use crate::supervise::locks::{self, LocksError};
use crate::verify::adopt::report::{self, Detail};
use crate::verify::adopt::survey::{self, Said, Tree};
use crate::verify::adopt::{self, Adopted, Wish};
use crate::verify::state::Verdict;
use crate::view::words::say;

/// Adopts a tree. One that is refused is left as it was.
pub fn adopt(args: &VerifyArgs) -> Result<ExitStatus, Failure> {
    let here = stored_run::current_folder()?;
    let (outdir, kind) = root(args)?;
    let tickers = match &args.tickers_csv {
        Some(path) => Some(Input::read(&here.join(path))?.list.tickers),
        None => None,
    };
    let adjusted = args.adopt.adjusted.then_some(Adjusted::Yes);
    let said = Said { outdir: here.join(outdir), kind, tickers, zone: args.adopt.tz, adjusted };
    let wish =
        Wish { days: days(args)?, believes_looks: args.adopt.believe_sessions, now: clock::now() };
    let tree = survey::survey(said).map_err(VerifyError::Adopt)?;
    // From here on something is written. Held to the end.
    let _lock = Lock::take(&locks::outdir_lock(&tree.outdir)).map_err(LocksError::Lock)?;
    locks::refuse_orphans(&tree.outdir, "")?;
    descriptor::claim(&tree.outdir, &tree.descriptor)?;
    let adopted = watched(&tree, wish);
    let detail = if args.adopt.files { Detail::All } else { Detail::Some };
    say(&report::report(&tree, wish, &adopted, detail)).map_err(Failure::Output)?;
    let is_whole = adopted.failed.is_empty() && adopted.all.unproven == 0;
    let verdict = if is_whole { Verdict::Complete } else { Verdict::Incomplete };
    Ok(ExitStatus::Verified(verdict))
}

/// The one tree that is named, and of which kind it is if that was said.
fn root(args: &VerifyArgs) -> Result<(&Path, Option<Kind>), VerifyError> {
    let named = [
        (&args.outdir, None),
        (&args.daily, Some(Kind::Daily)),
        (&args.minute, Some(Kind::Minute)),
        (&args.trades, Some(Kind::Trades)),
    ];
    let mut named = named.into_iter().filter_map(|(path, kind)| Some((path.as_deref()?, kind)));
    match (named.next(), named.next(), &args.bars, &args.workdir) {
        (Some(one), None, None, None) => Ok(one),
        _ => Err(VerifyError::AdoptOneTree),
    }
}

/// Which partitions are looked at, if not all.
fn days(args: &VerifyArgs) -> Result<Option<DateRange>, VerifyError> {
    if args.from.is_none() && args.to.is_none() {
        return Ok(None);
    }
    let from = args.from.unwrap_or(TradingDay::MIN);
    let to = args.to.unwrap_or(TradingDay::MAX);
    let backwards = SettingsError::ToBeforeFrom { from, to };
    DateRange::new(from, to).map(Some).ok_or(VerifyError::Days(backwards))
}

/// Adopts; shows on a terminal how far it is.
fn watched(tree: &Tree, wish: Wish) -> Adopted {
    if !std::io::stderr().is_terminal() {
        return adopt::adopt(tree, wish, |_| {});
    }
    let template = "[{elapsed}] {bar:30} {pos} / {len} tickers, {per_sec}, {eta} to go";
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    let bar = ProgressBar::new(tree.tickers.len() as u64).with_style(style);
    let adopted = adopt::adopt(tree, wish, |done| bar.set_position(done));
    bar.finish_and_clear();
    adopted
}

//! Reads ticker sizes from a second source: before a run starts, and again when `--resume` adds
//! tickers.

use shared::market::ticker::Ticker;

use super::failure::Failure;
use crate::plan::request::Request;
use crate::plan::weights::Sizes;
use crate::supervise::machine::Machine;
use crate::supervise::prepare;
use crate::supervise::sizes;
use crate::view::words::say;

/// For a new run. Sizes that `--weights` names must be readable.
pub fn ask(request: &Request, tickers: &[Ticker]) -> Result<Sizes, Failure> {
    match sizes::read(request, tickers) {
        Err(error) if request.settings.weights.is_some() => Err(error.into()),
        said => or_do_without(said),
    }
}

/// For `--resume`. Only tickers in no batch yet need sizes, and the rest of the run can continue
/// without them.
pub fn ask_again(
    request: &Request,
    tickers: &[Ticker],
    machine: &Machine,
) -> Result<Sizes, Failure> {
    if prepare::unbatched(machine, tickers).is_empty() {
        return Ok(Sizes::default());
    }
    or_do_without(sizes::read(request, tickers))
}

fn or_do_without(said: Result<Sizes, sizes::SizesError>) -> Result<Sizes, Failure> {
    said.or_else(|error| {
        say(&format!(
            "note: no ticker sizes: tickers without a ledger are treated as heavy: {error}\n"
        ))
        .map_err(Failure::Output)?;
        Ok(Sizes::default())
    })
}

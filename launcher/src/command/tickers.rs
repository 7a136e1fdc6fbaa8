//! `launcher tickers`: prints the tickers of a run in one state, as a CSV that `--tickers-csv`
//! accepts.

use super::exit_status::ExitStatus;
use super::failure::Failure;
use super::stored_run;
use super::{spelling, ticker_states};
use crate::cli::TickersArgs;
use crate::process::clock;
use crate::supervise::journal;
use crate::view::words::say;

/// Prints them; a header alone where there are none.
pub fn tickers(args: &TickersArgs) -> Result<ExitStatus, Failure> {
    let workdir = stored_run::workdir(&args.workdir)?;
    let request = stored_run::request(&workdir)?;
    let machine = journal::follow(&workdir, request.first_rules())?;
    let listing = spelling::listing(args.reference.as_deref(), &request.settings.outdir)?;
    let named = ticker_states::all(
        args.state,
        &request,
        &workdir,
        &machine,
        listing.as_ref(),
        clock::now(),
    )?;
    let lines = named.iter().map(|(ticker, cause)| format!("{ticker},{}\n", quoted(cause)));
    say(&std::iter::once("ticker,cause\n".to_owned()).chain(lines).collect::<String>())
        .map_err(Failure::Output)?;
    Ok(ExitStatus::Well)
}

/// A field of one line, in quotes where it must be.
fn quoted(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.contains([',', '"']) { format!("\"{}\"", line.replace('"', "\"\"")) } else { line }
}

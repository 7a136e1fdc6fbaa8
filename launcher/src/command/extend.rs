//! Extending a run: `start --resume` with more days or more tickers than it has.

use shared::market::ticker::Ticker;
use shared::run::workdir::Workdir;

use super::existing;
use super::failure::Failure;
use super::stop;
use crate::cli::StartArgs;
use crate::plan::differences::{self, Difference};
use crate::plan::extension::{self, Extension, Verdict, Wish};
use crate::plan::request::{Input, Request};
use crate::plan::settings;
use crate::process::clock;
use crate::supervise::journal;
use crate::supervise::machine::Machine;
use crate::view::words;

const BASE_URL: &str = "--base-url";
/// What the journal says of us when a dead supervisor left something open.
const OWN_NAME: &str = "launcher start, to extend it";

/// What `args` ask of the run `frozen` beyond what it is; nothing when they ask for nothing more.
pub fn wished(args: &StartArgs, frozen: &Request, tickers: &[Ticker]) -> Result<Option<Extension>, Failure> {
    let cwd = existing::current_folder()?;
    let csv = args.tickers_csv.as_ref().map(|path| settings::absolute(&cwd, path));
    let input = csv.as_deref().map(Input::read).transpose()?;
    let wish = Wish {
        from: args.from,
        to: args.to,
        list: csv.as_deref().zip(input.as_ref()),
        others: differences::differences(args, &frozen.settings, &cwd),
    };
    match extension::judge(wish, frozen, tickers, clock::now()) {
        Verdict::Same => Ok(None),
        Verdict::More(extension) => Ok(Some(*extension)),
        Verdict::Refused(found) => {
            let lines: Vec<String> = found.iter().map(|difference| line(args, difference)).collect();
            Err(Failure::Differs { run: frozen.run.clone(), list: lines.join("\n") })
        }
    }
}

/// Freezes the run anew in place of `frozen`. The caller holds its locks and has seen that it is what is there; what is refused here changes nothing.
pub fn carry_out(extension: &Extension, frozen: &Request, workdir: &Workdir) -> Result<(), Failure> {
    if stop::is_at_work(&frozen.run) {
        let stop = words::command("stop", workdir);
        return Err(Failure::StillAtWork { run: frozen.run.clone(), stop });
    }
    // What has ended unseen is judged by the range that it was told.
    stop::settle(frozen.clone(), workdir, OWN_NAME)?;
    let machine = journal::replay(workdir, frozen.rules(), &journal::read(workdir)?)?;
    refuse_by_word(extension, frozen, &machine)?;
    Ok(extension.request.freeze(workdir, &extension.tickers)?)
}

/// A script's word holds for the days that it was told, and there is nothing to ask about others.
pub fn refuse_by_word(extension: &Extension, frozen: &Request, machine: &Machine) -> Result<(), Failure> {
    let batches = machine.batches().filter(|(_, batch)| batch.reported > 0).count();
    if batches > 0 && extension.is_longer_than(frozen) {
        let batches = counted_batches(batches);
        return Err(Failure::OnlyByWord { run: frozen.run.clone(), batches });
    }
    Ok(())
}

fn counted_batches(number: usize) -> String {
    if number == 1 { "1 batch is".to_owned() } else { format!("{} batches are", words::count(number as u64)) }
}

fn line(args: &StartArgs, difference: &Difference) -> String {
    match difference.flag {
        BASE_URL if base_url_is_of_environment(args) => {
            format!("  {difference} by POLYGON_BASE_URL in the environment")
        }
        _ => format!("  {difference}"),
    }
}

/// Does the address come from the environment, and not from the command line?
#[expect(clippy::disallowed_methods, reason = "where arguments become a plan")]
fn base_url_is_of_environment(args: &StartArgs) -> bool {
    let typed = std::env::args_os().any(|word| word.to_string_lossy().starts_with(BASE_URL));
    !typed && args.base_url.is_some() && std::env::var("POLYGON_BASE_URL").ok() == args.base_url
}

//! `bars`: arguments → plan → run → exit code, and nothing else.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use shared::disk::file_size;
use worker::command_line::bars::{self, BarsArgs};
use worker::command_line::describe::{self, DescribeArgs};
use worker::command_line::refusal::Refusal;
use worker::memory;

/// Builds tick, volume, dollar, imbalance and runs bars from trades or 1-minute bars.
///
/// A run that continues a series starts from its open bar: building January and then February gives
/// the same bars, bit for bit, as building both at once.
///
/// Exit codes: 0 all done · 2 wrong arguments, or unusable input of the one ticker · 10 busy, try
/// again · 11 some tickers of the list failed for good · 13 disk full or not writable · 143 stopped
/// by SIGTERM.
#[derive(Parser)]
#[command(
    name = "bars",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    build: BarsArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Describe the bars on disk: bars per day, duration, distribution of returns, why bars closed
    Describe(DescribeArgs),
}

fn main() -> ExitCode {
    memory::keep_what_is_wanted_again();
    // If even this is refused, the file size limit keeps its default effect.
    drop(file_size::limit_is_an_error());
    let Cli { command, build } = Cli::parse();
    let ended = match command {
        Some(Command::Describe(args)) => describe::run(&args),
        None => bars::run(build),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(Refusal { exit, text }) => {
            drop(writeln!(io::stderr(), "error: {text}"));
            exit.into()
        }
    }
}

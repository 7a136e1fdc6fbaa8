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
/// A run whose range continues a series goes on from its open bar: building January and then February gives, bit for
/// bit, the bars of building both at once.
///
/// Exit codes: 0 all done · 2 usage, or the ticker's input can't be used · 10 busy, may be tried again · 11 some tickers
/// of a list failed for good · 13 disk full or not writable · 143 stopped by SIGTERM.
#[derive(Parser)]
#[command(name = "bars", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    build: BarsArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Says how the bars that are there behave: how many a day, how long, how normal their returns, and what ended them
    Describe(DescribeArgs),
}

fn main() -> ExitCode {
    memory::keep_what_is_wanted_again();
    // Where even this is refused, the limit of a file's size does what it always does.
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

//! `bars`: arguments → plan → run → exit code, and nothing else.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use worker::command_line::bars::{self, BarsArgs};
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
#[command(name = "bars", version)]
struct Cli {
    #[command(flatten)]
    build: BarsArgs,
}

fn main() -> ExitCode {
    memory::give_back_what_is_freed();
    match bars::run(Cli::parse().build) {
        Ok(exit) => exit.into(),
        Err(Refusal { exit, text }) => {
            drop(writeln!(io::stderr(), "error: {text}"));
            exit.into()
        }
    }
}

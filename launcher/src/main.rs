//! `launcher`: arguments → command → exit code, and nothing else.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use launcher::cli::{Cli, Command};
use launcher::command::failure::{Ending, Failure};
use launcher::command::{start, status, stop, supervise, wait};
use launcher::supervise::attempt::with_cause;

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(ending) => ending.into(),
        Err(failure) => {
            drop(writeln!(io::stderr(), "error: {}", with_cause(&failure)));
            failure.exit().into()
        }
    }
}

fn run(command: &Command) -> Result<Ending, Failure> {
    match command {
        Command::Start(args) => start::start(args),
        Command::Status(args) => status::status(args),
        Command::Stop(args) => stop::stop(args),
        Command::Wait(args) => wait::wait(args),
        Command::Supervise(args) => supervise::detached(args),
    }
}

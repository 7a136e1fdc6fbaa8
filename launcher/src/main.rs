//! `launcher`: arguments → command → exit code, and nothing else.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use launcher::cli::{Cli, Command};
use launcher::command::exit_status::ExitStatus;
use launcher::command::failure::Failure;
use launcher::command::{
    ask_again, attend, calendar, logs, start, status, stop, supervise, tickers, wait, why,
};
use launcher::plan::words_of_bars;
use launcher::preflight::{own_name, plain_names};
use launcher::process::inherited;
use launcher::view::words;
use shared::disk::file_size;
use shared::error_chain::with_causes;

fn main() -> ExitCode {
    inherited::keep_from_children();
    // Where even this is refused, the limit of a file's size does what it always does.
    drop(file_size::limit_is_an_error());
    introduce();
    match plain_names::all().map_err(Failure::from).and_then(|()| run(&typed()?.command)) {
        Ok(ending) => ending.into(),
        Err(failure) => {
            drop(writeln!(io::stderr(), "error: {}", with_causes(&failure)));
            failure.exit().into()
        }
    }
}

fn introduce() {
    let typed = std::env::args_os().next().unwrap_or_default();
    if let Ok(executable) = std::env::current_exe() {
        let path = std::env::var_os("PATH");
        words::introduce(own_name::of(&executable, typed.as_ref(), path.as_deref()));
    }
}

/// What was typed. An option of `bars` in the wrong place is told its place, not that another
/// option has a like name.
fn typed() -> Result<Cli, Failure> {
    Cli::try_parse().or_else(|error| match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(flag)))
            if words_of_bars::is_of_bars(flag) =>
        {
            Err(Failure::BehindTheDashes { flag: flag.clone() })
        }
        _ => error.exit(),
    })
}

fn run(command: &Command) -> Result<ExitStatus, Failure> {
    match command {
        Command::Start(args) => start::start(args),
        Command::Status(args) => status::status(args),
        Command::Why(args) => why::why(args),
        Command::Tickers(args) => tickers::tickers(args),
        Command::Logs(args) => logs::logs(args),
        Command::Stop(args) => stop::stop(args),
        Command::Wait(args) => wait::wait(args),
        Command::Verify(args) => ask_again::verify(args),
        Command::Calendar(args) => calendar::calendar(args),
        Command::Supervise(args) => supervise::detached(args),
        Command::Attend(args) => attend::attend(args),
    }
}

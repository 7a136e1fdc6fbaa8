//! What `--help` says, word for word.

use clap::CommandFactory;
use launcher::cli::Cli;

fn help(name: Option<&str>) -> String {
    let mut cli = Cli::command().term_width(100);
    cli.build();
    let command = match name {
        Some(name) => cli.find_subcommand_mut(name).expect("a subcommand"),
        None => &mut cli,
    };
    command.render_help().to_string()
}

#[track_caller]
fn says(name: Option<&str>, expected: &str) {
    assert_eq!(help(name), expected, "the new text:\n{}", help(name));
}

#[test]
fn launcher_help() {
    says(None, include_str!("help/launcher.txt"));
}

#[test]
fn start_help() {
    says(Some("start"), include_str!("help/start.txt"));
}

#[test]
fn status_help() {
    says(Some("status"), include_str!("help/status.txt"));
}

#[test]
fn stop_help() {
    says(Some("stop"), include_str!("help/stop.txt"));
}

#[test]
fn wait_help() {
    says(Some("wait"), include_str!("help/wait.txt"));
}

#[test]
fn why_help() {
    says(Some("why"), include_str!("help/why.txt"));
}

#[test]
fn tickers_help() {
    says(Some("tickers"), include_str!("help/tickers.txt"));
}

#[test]
fn logs_help() {
    says(Some("logs"), include_str!("help/logs.txt"));
}

#[test]
fn calendar_help() {
    says(Some("calendar"), include_str!("help/calendar.txt"));
}

#[test]
fn verify_help() {
    says(Some("verify"), include_str!("help/verify.txt"));
}

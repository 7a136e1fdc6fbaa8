//! The arguments of `launcher verify`.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::SignedDuration;
use shared::market::trading_day::TradingDay;

use super::adopt::AdoptArgs;
use super::again::{AuditArgs, RepairArgs, SourceArgs};

/// What the options are about; those without a heading come first.
const TREES: &str = "Trees";
const EXPECTED: &str = "What is expected";
const OUTPUT: &str = "Output";

/// What `verify` means by its exit codes.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0    complete: everything that is expected is there
  3    complete, with sessions confirmed empty (the source has confirmed that it has no rows of
       them) or gaps in the plan (the plan of the API key does not reach them)
  4    incomplete: something is missing; or --audit could compare nothing, and nothing is damaged
  5    damaged: a file or ledger is not what was written, or contradicts itself
  6    suspect only: nothing is missing or damaged, and something is unlikely to be right
  2    the command line can not be used; 13: a file or folder can not be read";

/// `launcher verify`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Clone, Default, Args)]
pub struct VerifyArgs {
    /// Folder of a run: its outdir, tickers, days and kinds of bars are verified. With --repair or
    /// --audit and a tree that is named: the folder for the runs that ask
    #[arg(long, value_name = "DIR")]
    pub workdir: Option<PathBuf>,
    /// Root of a Parquet tree, of the kind that its _dataset.json says
    #[arg(long, value_name = "DIR")]
    pub outdir: Option<PathBuf>,
    /// Root of a tree of daily bars; several trees of one market are held against each other
    #[arg(help_heading = TREES, long, value_name = "DIR")]
    pub daily: Option<PathBuf>,
    /// Root of a tree of 1-minute bars
    #[arg(help_heading = TREES, long, value_name = "DIR")]
    pub minute: Option<PathBuf>,
    /// Root of a tree of trades
    #[arg(help_heading = TREES, long, value_name = "DIR")]
    pub trades: Option<PathBuf>,
    /// Root of a tree of bars made by `bars`
    #[arg(help_heading = TREES, long, value_name = "DIR")]
    pub bars: Option<PathBuf>,
    /// CSV with a column `ticker`: who is expected [default: whoever has a folder, so nobody can be
    /// missed]
    #[arg(help_heading = EXPECTED, long, value_name = "FILE")]
    pub tickers_csv: Option<PathBuf>,
    /// First day that is expected, New York, inclusive; needed without a --workdir to verify
    #[arg(help_heading = EXPECTED, long, value_name = "DATE")]
    pub from: Option<TradingDay>,
    /// Last day that is expected, New York, inclusive; days that are not settled are not [default:
    /// that of the run, else the last settled day]
    #[arg(help_heading = EXPECTED, long, value_name = "DATE")]
    pub to: Option<TradingDay>,
    /// Output of `worker reference`: since when and until when tickers were listed
    #[arg(help_heading = EXPECTED, long, value_name = "DIR")]
    pub reference: Option<PathBuf>,
    /// Time from 20:00 New York until a day counts as settled [default: 15h]
    #[arg(help_heading = EXPECTED, long, value_name = "DURATION", value_parser = super::duration)]
    pub settle: Option<SignedDuration>,
    /// Believe an answer without rows once it was given this many times again, a day apart; 0
    /// believes the first. `start` has a default of 1 [default: 0]
    #[arg(help_heading = EXPECTED, long, value_name = "N")]
    pub recheck_empty: Option<u32>,
    /// Set the threshold of a rule, or turn a suspicion off; can be given several times
    #[arg(help_heading = EXPECTED, long, value_name = "NAME=VALUE|NAME=off")]
    pub rule: Vec<String>,
    /// Print every rule with its sentence and threshold, and look at nothing
    #[arg(help_heading = EXPECTED, long)]
    pub rules: bool,
    /// Read every file: columns, order, keys, numbers, SHA-256, and what is unlikely to be right
    #[arg(long)]
    pub deep: bool,
    /// Threads that look [default: one a processor]
    #[arg(long, value_name = "N", value_parser = super::at_least_one)]
    pub threads: Option<NonZeroU32>,
    /// One JSON object instead of text; docs/verify.md explains every key
    #[arg(help_heading = OUTPUT, long)]
    pub json: bool,
    /// Findings as CSV instead of text: one line each, worst first
    #[arg(help_heading = OUTPUT, long, conflicts_with = "json")]
    pub csv: bool,
    /// Write the report to this file too, as one page for a browser: a map of tickers by months,
    /// with search and reasons; it needs no network
    #[arg(help_heading = OUTPUT, long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Repair.
    #[command(flatten)]
    pub repair: RepairArgs,
    /// Audit.
    #[command(flatten)]
    pub audit: AuditArgs,
    /// Whom both ask.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Adopting.
    #[command(flatten)]
    pub adopt: AdoptArgs,
}

impl VerifyArgs {
    /// Is the source to be asked again?
    pub fn asks(&self) -> bool {
        self.repair.repair.is_some() || self.audit.audit.is_some()
    }

    /// The run to be verified, if one is named.
    pub fn run(&self) -> Option<&Path> {
        let trees = [&self.outdir, &self.daily, &self.minute, &self.trades, &self.bars];
        let is_for_asking = self.asks() && trees.iter().any(|tree| tree.is_some());
        self.workdir.as_deref().filter(|_| !is_for_asking)
    }
}

//! `worker universe`: arguments, the rule, its account and its files.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use shared::dataset::reference;
use shared::dataset::writer::Fingerprint;
use shared::market::listed_periods::Securities;
use shared::market::security::Figi;
use shared::market::trading_day::TradingDay;
use shared::run::exit::Exit;

use super::refusal::Refusal;
use crate::reference::output::TableName;
use crate::universe::identity::{self, ListedThen};
use crate::universe::input::{self, FoundTable, KnownDetails};
use crate::universe::output;
use crate::universe::rule::{Filter, ListedTicker, Universe};

/// As typed.
#[derive(Debug, Args)]
pub struct UniverseArgs {
    /// `OUT/tickers_snapshot` (the newest snapshot counts) or one snapshot's folder
    #[arg(long, value_name = "DIR")]
    snapdir: PathBuf,
    /// Ticker details: a file, a snapshot's folder, or `OUT/ticker_details` (the newest counts)
    #[arg(long, value_name = "FILE")]
    details: Option<PathBuf>,
    /// Largest market cap in US dollars; tickers without a known cap, and delisted ones, are kept
    #[arg(long, value_name = "USD", value_parser = dollars, requires = "details")]
    cap_max: Option<f64>,
    /// Output: the list as a CSV with the column `ticker`
    #[arg(long, value_name = "FILE")]
    out_csv: PathBuf,
    /// Output: the list as Parquet, with what is known of each ticker
    #[arg(long, value_name = "FILE")]
    out_parquet: Option<PathBuf>,
    /// Output: the list with market caps from --details, a CSV for `launcher start --weights`
    #[arg(long, value_name = "FILE", requires = "details")]
    out_weights: Option<PathBuf>,
    /// Primary exchanges (MIC) to keep
    #[arg(long, value_name = "MIC,…", value_delimiter = ',', default_value = "XNAS,XNYS")]
    exchanges: Vec<String>,
    /// Security types to keep
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',', default_value = "CS")]
    types: Vec<String>,
    /// Also tickers that no longer trade
    #[arg(long)]
    include_delisted: bool,
    /// Ticker events: a file, a snapshot's folder, or `OUT/ticker_events_snapshot` (the newest
    /// counts)
    #[arg(long, value_name = "FILE")]
    ticker_events: Option<PathBuf>,
    /// Who was listed on this day, under the symbol of the day, delisted since or not. Type,
    /// exchange and market cap are those of the snapshot
    #[arg(long, value_name = "YYYY-MM-DD", requires = "ticker_events")]
    as_of: Option<TradingDay>,
    /// Only this security, under every symbol that it had; --types and the like do not count
    #[arg(
        long,
        value_name = "FIGI",
        requires = "ticker_events",
        conflicts_with_all = ["as_of", "cap_max", "out_parquet", "out_weights"]
    )]
    security: Option<Figi>,
}

fn dollars(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|dollars| dollars.is_finite() && *dollars > 0.0);
    number.ok_or_else(|| "not an amount of dollars (2000000000, or 2e9)".to_owned())
}

/// Reads, chooses, says what was chosen, writes.
pub fn run(args: &UniverseArgs) -> Result<Exit, Refusal> {
    if let Some(events) = &args.ticker_events
        && args.as_of.is_none()
        && args.security.is_none()
    {
        let text = "needs --as-of or --security; add one, or leave it out";
        return Err(Refusal::wrong(format!("--ticker-events {} {text}", events.display())));
    }
    let known = match &args.details {
        Some(path) => read_details(path)?,
        None => BTreeMap::new(),
    };
    let snapshot = input::find(&args.snapdir, TableName::Tickers)
        .map_err(|error| Refusal::flag("--snapdir", &error))?;
    let rows = input::read_candidates(&snapshot.file, &known)
        .map_err(|error| Refusal::flag("--snapdir", &error))?;
    say_input("snapshot", &snapshot, rows.len())?;
    if let Some(figi) = &args.security {
        return one_security(args, &snapshot, &rows, figi);
    }
    let wanted = Filter {
        exchanges: args.exchanges.clone(),
        types: args.types.clone(),
        delisted: args.include_delisted || args.as_of.is_some(),
        cap_max: args.cap_max,
    };
    let snapshot_has_delisted = rows.iter().any(|row| !row.active);
    let rows = match args.as_of {
        Some(day) => listed_on(args, &snapshot, &rows, day)?,
        None => rows,
    };
    let universe = Universe::choose(rows, &wanted);
    let account = output::account(&universe, args.as_of);
    if universe.kept.is_empty() {
        return Err(Refusal::wrong(format!(
            "no ticker is left; nothing was written\n{}",
            account.trim_end()
        )));
    }
    if let Some(path) = &args.out_parquet {
        output::publish_parquet(path, &universe).map_err(Refusal::local)?;
    }
    if let Some(path) = &args.out_weights {
        output::publish_weights(path, &universe).map_err(Refusal::local)?;
    }
    match args.as_of {
        Some(_) => output::publish_days(&args.out_csv, &universe.kept),
        None => output::publish_csv(&args.out_csv, &universe),
    }
    .map_err(Refusal::local)?;
    say(&account);
    warn(&universe, &wanted, snapshot_has_delisted);
    Ok(Exit::Done)
}

/// Writes the symbols of one security.
fn one_security(
    args: &UniverseArgs,
    snapshot: &FoundTable,
    rows: &[ListedTicker],
    figi: &Figi,
) -> Result<Exit, Refusal> {
    let known = securities(args, snapshot)?;
    let symbols = identity::symbols_of(&known, rows, figi).ok_or_else(|| {
        Refusal::wrong(format!("--security {figi}: the snapshot knows no such security"))
    })?;
    output::publish_days(&args.out_csv, &symbols).map_err(Refusal::local)?;
    let names: Vec<&str> = symbols.iter().map(|symbol| symbol.ticker.as_str()).collect();
    say(&format!("{figi}: {}\n", names.join(", ")));
    Ok(Exit::Done)
}

/// Who was listed on `day`.
fn listed_on(
    args: &UniverseArgs,
    snapshot: &FoundTable,
    rows: &[ListedTicker],
    day: TradingDay,
) -> Result<Vec<ListedTicker>, Refusal> {
    let ListedThen { rows, perhaps } = identity::as_of(&securities(args, snapshot)?, rows, day);
    let sure = rows.len() - perhaps;
    say(&format!(
        "as of {day}: {sure} listed, {perhaps} perhaps (their first day or their last is not known)\n"
    ));
    Ok(rows)
}

fn securities(args: &UniverseArgs, snapshot: &FoundTable) -> Result<Securities, Refusal> {
    let find = |path: &Option<PathBuf>, table, flag| match path {
        Some(path) => {
            let found = input::find(path, table).map_err(|error| Refusal::flag(flag, &error))?;
            Ok::<_, Refusal>(Some(found))
        }
        None => Ok(None),
    };
    let details = find(&args.details, TableName::Details, "--details")?;
    let events = find(&args.ticker_events, TableName::Events, "--ticker-events")?;
    let file = |found: &'_ Option<FoundTable>| found.as_ref().map(|found| found.file.clone());
    let (details, events) = (file(&details), file(&events));
    reference::read(&snapshot.file, details.as_deref(), events.as_deref())
        .map_err(|error| Refusal::flag("--ticker-events", &error))
}

fn read_details(path: &Path) -> Result<BTreeMap<String, KnownDetails>, Refusal> {
    let found = input::find(path, TableName::Details)
        .map_err(|error| Refusal::flag("--details", &error))?;
    let known =
        input::read_details(&found.file).map_err(|error| Refusal::flag("--details", &error))?;
    say_input("details", &found, known.len())?;
    Ok(known)
}

/// Which bytes this universe is made from: lists made from the wrong file look right.
fn say_input(name: &str, found: &FoundTable, rows: usize) -> Result<(), Refusal> {
    let sha256 = Fingerprint::of_file(&found.file).map_err(Refusal::local)?.sha256;
    let newest = match found.newest_of {
        Some(count) if count > 1 => format!(", the newest of {count}"),
        _ => String::new(),
    };
    say(&format!("{name}: {}{newest} ({rows} rows, sha256 {sha256})\n", found.file.display()));
    Ok(())
}

fn warn(universe: &Universe, wanted: &Filter, snapshot_has_delisted: bool) {
    let why = match (snapshot_has_delisted, wanted.delisted) {
        (false, _) => {
            "the snapshot holds no delisted tickers (worker reference --include-delisted)"
        }
        (true, false) => "delisted tickers are left out (--include-delisted keeps them)",
        (true, true) if universe.delisted() == 0 => "no delisted ticker passes the rules",
        (true, true) => return,
    };
    let text = format!("warning: results from this list have survivorship bias: {why}\n");
    // Nobody reads: then nobody is warned, and the files are as they are.
    drop(io::stderr().write_all(text.as_bytes()));
}

fn say(text: &str) {
    drop(io::stdout().write_all(text.as_bytes()));
}

//! Every flag of `start`: what it sets, what `--resume` may do with it, and what of it a worker is
//! told. One line a flag: a new one that is missing here, or is not what its line says, fails.

use std::ffi::OsString;
use std::path::Path;

use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};
use launcher::cli::{self, Cli, StartArgs};
use launcher::plan::part::Part;
use launcher::plan::request::{Input, Request};
use launcher::plan::settings::Settings;
use launcher::plan::{differences, knobs, worker_command};
use shared::run::oddities::Oddities;
use shared::run::ticker_list::TickerList;
use shared::run::workdir::{BatchId, Workdir};

/// What comes of a flag when a run is continued with it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum OnResume {
    /// The data depend on it: another value is refused.
    Refused,
    /// More of it is added to the run.
    Extends,
    /// It changes a setting.
    Changes,
    /// It changes a setting that is called by another flag.
    ChangesAs(&'static str),
    /// The run does not remember it.
    OfThisStart,
}

use OnResume::{Changes, ChangesAs, Extends, OfThisStart, Refused};

struct Row {
    /// As typed; `--` is what follows it.
    flag: &'static str,
    /// A value that no run below has; empty for a flag without one.
    value: &'static str,
    /// The run that is begun with it.
    run: &'static str,
    on_resume: OnResume,
    /// What a worker is told that it is not told without the flag.
    worker: &'static str,
}

const DAILY: &str =
    "--job daily --tickers-csv /t.csv --outdir /out --from 2020-01-02 --to 2020-12-30";
const TRADES: &str =
    "--job trades --tickers-csv /t.csv --outdir /out --from 2020-01-02 --to 2020-12-30";
const BARS: &str = "--job bars --tickers-csv /t.csv --outdir /out --from 2020-01-02 --to 2020-12-30 --mode DB --trades-root /trades";

const fn row(
    flag: &'static str,
    value: &'static str,
    run: &'static str,
    on_resume: OnResume,
    worker: &'static str,
) -> Row {
    Row { flag, value, run, on_resume, worker }
}

/// In the order of the help.
const FLAGS: &[Row] = &[
    row("--workdir", "/other", DAILY, OfThisStart, ""),
    row("--job", "minute", DAILY, Refused, "minute"),
    row("--tickers-csv", "/more.csv", DAILY, Extends, ""),
    row("--outdir", "/elsewhere", DAILY, Refused, "/elsewhere"),
    row("--from", "2019-01-02", DAILY, Extends, "2019-01-02"),
    row("--to", "2021-12-30", DAILY, Extends, "2021-12-30"),
    row("--resume", "", DAILY, OfThisStart, ""),
    row("--dry-run", "", DAILY, OfThisStart, ""),
    row("--adjusted", "", DAILY, Refused, "--adjusted"),
    row("--columns", "full", TRADES, Refused, "full"),
    row("--tz", "UTC", DAILY, Refused, "UTC"),
    row("--duplicates", "keep-last", DAILY, Changes, "--duplicates keep-last"),
    row("--ingest-script", "/script", DAILY, Refused, ""),
    row("--trades-root", "/others", BARS, Refused, "/others"),
    row("--agg1m-root", "/minutes", BARS, Refused, "--agg1m-root /minutes"),
    row("--mode", "VB", BARS, Refused, "VB"),
    row("--", "--extended", BARS, Refused, "--extended"),
    row("--base-url", "https://api.polygon.io", DAILY, Changes, "https://api.polygon.io"),
    row("--allow-http", "", DAILY, Changes, "--allow-http"),
    row("--rate", "100/min", DAILY, Changes, "--rate 100/min"),
    row("--rate-limit", "0.5", DAILY, ChangesAs("--rate"), "--rate 1/0.5s"),
    row("--via", "auto", DAILY, Changes, "auto"),
    row("--window", "month", DAILY, Changes, "month"),
    row("--settle", "20h", DAILY, Changes, "20h"),
    row("--recheck-empty", "3", DAILY, Changes, "3"),
    row("--tries", "5", DAILY, Changes, "5"),
    row("--backoff-base", "2s", DAILY, Changes, "2s"),
    row("--batch-size", "10", DAILY, Changes, ""),
    row("--shards", "10", DAILY, Changes, ""),
    row("--max-concurrent", "2", DAILY, Changes, ""),
    row("--per-shard-workers", "7", DAILY, Changes, "7"),
    row("--retries", "5", DAILY, Changes, ""),
    row("--weights", "/sizes.csv", DAILY, Changes, ""),
    row("--max-rss", "64MiB", DAILY, Changes, ""),
    row("--batch-timeout", "1h", DAILY, Changes, ""),
    row("--stall-timeout", "5m", DAILY, Changes, ""),
    row("--give-up-after", "1h", DAILY, Changes, ""),
    row("--min-free-disk", "1MiB", DAILY, Changes, ""),
    row("--min-free-memory", "1MiB", DAILY, Changes, ""),
    row("--max-log", "1MiB", DAILY, Changes, ""),
    row("--keep-attempts", "5", DAILY, Changes, ""),
    row("--foreground", "", DAILY, OfThisStart, ""),
    row("--check", "", DAILY, OfThisStart, ""),
    row("--reference", "/reference", DAILY, OfThisStart, ""),
    row("--notify-url", "https://hooks.example/secret", DAILY, Changes, ""),
];

/// The program's own definition, whatever the environment of the tests says.
fn launcher() -> Command {
    Cli::command().mut_subcommand("start", |start| {
        start.mut_arg("base_url", |arg| arg.env(clap::builder::Resettable::Reset))
    })
}

fn start() -> Command {
    Cli::command().find_subcommand("start").expect("a subcommand").clone()
}

fn name_of(arg: &Arg) -> String {
    arg.get_long().map_or_else(|| "--".to_owned(), |long| format!("--{long}"))
}

fn parse(words: &[&str]) -> StartArgs {
    let workdir: &[&str] = if words.contains(&"--workdir") { &[] } else { &["--workdir", "/run"] };
    let typed = ["launcher", "start"].iter().chain(workdir).chain(words);
    let matches: ArgMatches = launcher().try_get_matches_from(typed).expect("a sound command line");
    match Cli::from_arg_matches(&matches).expect("as it was parsed").command {
        cli::Command::Start(args) => *args,
        other => panic!("{other:?}"),
    }
}

impl Row {
    fn words(&self) -> Vec<&'static str> {
        [self.flag, self.value].into_iter().filter(|word| !word.is_empty()).collect()
    }

    /// The run with the flag, in the place of what it says otherwise or can't stand beside it.
    fn begun(&self) -> StartArgs {
        let start = start();
        // Which of two excludes the other is said at one of them.
        let excludes = |arg: &Arg, name: &str| {
            start.get_arg_conflicts_with(arg).into_iter().any(|other| name_of(other) == name)
        };
        let own = start.get_arguments().find(|arg| name_of(arg) == self.flag).expect("a flag");
        let is_out = |arg: &&Arg| {
            let name = name_of(arg);
            name == self.flag || excludes(own, &name) || excludes(arg, self.flag)
        };
        let out: Vec<String> = start.get_arguments().filter(is_out).map(name_of).collect();
        let said: Vec<&str> = self.run.split(' ').collect();
        let kept =
            said.chunks(2).filter(|pair| !out.contains(&pair[0].to_owned())).flatten().copied();
        parse(&kept.chain(self.words()).collect::<Vec<_>>())
    }
}

fn cwd() -> &'static Path {
    Path::new("/home/me")
}

fn settings(args: &StartArgs) -> Settings {
    Settings::resolve(args, cwd()).expect("complete")
}

/// What a worker of a run is told.
fn told(settings: Settings) -> Vec<OsString> {
    let tickers = vec!["AIG".parse().expect("a ticker")];
    let list = TickerList { tickers, repeated: Vec::new() };
    let input = Input { list, sha256: "ab".to_owned(), oddities: Oddities::default() };
    let now = "2024-07-02T15:00:00Z".parse().expect("an instant");
    let request = Request::new("ab12".to_owned(), now, settings, &input).expect("settled");
    let batch: BatchId = "batch_0001".parse().expect("a batch");
    worker_command::arguments(&request, &Workdir::new(Path::new("/run")), batch, 1, Part::WHOLE)
}

#[test]
fn every_flag_has_its_line() {
    let known: Vec<String> =
        start().get_arguments().map(name_of).filter(|name| name != "--help").collect();
    assert_eq!(FLAGS.iter().map(|row| row.flag).collect::<Vec<_>>(), known);
}

#[test]
fn a_flag_that_a_run_remembers_sets_something_and_the_others_nothing() {
    for row in FLAGS {
        let run: Vec<&str> = row.run.split(' ').collect();
        let differs = settings(&row.begun()) != settings(&parse(&run));
        // What --resume means for a new run is remembered: it trusts what is there.
        let is_remembered = row.on_resume != OfThisStart || row.flag == "--resume";
        assert_eq!(differs, is_remembered, "{}", row.flag);
    }
}

#[test]
fn on_resume_a_flag_is_refused_or_changes_a_setting_by_its_name_or_neither() {
    for row in FLAGS {
        let run: Vec<&str> = row.run.split(' ').collect();
        let mut frozen = settings(&parse(&run));
        let given = parse(&row.words());
        let refused = differences::differences(&given, &frozen, cwd());
        let refused: Vec<&str> = refused.iter().map(|difference| difference.flag).collect();
        let changed = knobs::turn(&given, &mut frozen, cwd()).expect("sound");
        let changed: Vec<&str> = changed.iter().map(|change| change.flag.as_str()).collect();
        let (refuses, changes): (Vec<&str>, Vec<&str>) = match row.on_resume {
            Refused => (vec![row.flag], vec![]),
            Changes => (vec![], vec![row.flag]),
            ChangesAs(flag) => (vec![], vec![flag]),
            Extends | OfThisStart => (vec![], vec![]),
        };
        assert_eq!((refused, changed), (refuses, changes), "{}", row.flag);
    }
}

#[test]
fn a_worker_is_told_what_concerns_it_and_no_more() {
    for row in FLAGS {
        let run: Vec<&str> = row.run.split(' ').collect();
        let before = told(settings(&parse(&run)));
        let now = told(settings(&row.begun()));
        let new =
            now.iter().filter(|word| !before.contains(word)).map(|word| word.to_string_lossy());
        assert_eq!(new.collect::<Vec<_>>().join(" "), row.worker, "{}", row.flag);
    }
}

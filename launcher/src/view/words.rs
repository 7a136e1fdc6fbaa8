//! Small spellings shared by everything that people read, and the one door to standard output.

use std::ffi::OsString;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use shared::run::thousands::{grouped, plural};
use shared::run::workdir::Workdir;

use crate::facts::{Checked, Outcome, StopWhy};
use crate::plan::knobs::Change;
use crate::plan::worker_command;
use crate::supervise::batch::Batch;

/// Does what is said go to standard error?
static ASIDE: AtomicBool = AtomicBool::new(false);

/// Runs `deed`, and what it says goes to standard error: standard output is for the one answer that
/// comes after it.
pub fn saying_aside<T>(deed: impl FnOnce() -> T) -> T {
    ASIDE.store(true, Ordering::Relaxed);
    let done = deed();
    ASIDE.store(false, Ordering::Relaxed);
    done
}

/// Prints `text` to standard output. A reader that has gone away (`| head`) is no error.
pub fn say(text: &str) -> io::Result<()> {
    pass_on(text.as_bytes()).map(drop)
}

/// Prints `bytes` as they are; `Break` when nobody reads any more.
pub fn pass_on(bytes: &[u8]) -> io::Result<ControlFlow<()>> {
    let is_aside = ASIDE.load(Ordering::Relaxed);
    let mut out: Box<dyn Write> =
        if is_aside { Box::new(io::stderr()) } else { Box::new(io::stdout()) };
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(error),
    }
}

/// The command name of this program; set once, by `main`.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Sets the command name.
pub fn introduce(program: PathBuf) {
    // The first call counts.
    drop(PROGRAM.set(program));
}

/// The command name of this program, ready to be pasted.
pub fn program() -> String {
    worker_command::spelled(own_name(), &[])
}

fn own_name() -> &'static Path {
    PROGRAM.get().map_or(Path::new("launcher"), PathBuf::as_path)
}

/// `1,234,567`.
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// What is left of a batch: `25 tickers`, `MAMTH 2024-01-01..2024-06-30`,
/// `MAMTH from 2024-07-01 on`.
pub fn load(batch: &Batch) -> String {
    match (batch.members(), batch.part().from(), batch.part().to()) {
        ([ticker], Some(from), Some(to)) => format!("{ticker} {from}..{to}"),
        ([ticker], Some(from), None) => format!("{ticker} from {from} on"),
        ([ticker], None, Some(to)) => format!("{ticker} to {to}"),
        _ => counted(batch.left().len() as u64, "ticker"),
    }
}

/// `1 ticker`, `1,234 batches`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), plural(number, noun))
}

/// `17 s`, `3 min`, `2 h 5 min`, `4 d 3 h`.
pub fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// `17 B`, `3.4 GB` (powers of 1000).
pub fn bytes(number: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{value:.1} {}", units[unit]) }
}

/// What a check has found:
/// `checked 12 files (3.4 MB) against their SHA-256: all are what was written`. What is not is to
/// be `fetched` again, or built.
pub fn checked(it: &Checked, fetched: &str) -> String {
    let of = counted(it.files + it.damaged, "file");
    let found = match it.damaged {
        0 => "all are what was written".to_owned(),
        damaged => format!("{} not what was written, to be {fetched} again", count(damaged)),
    };
    let unchecked = match it.unchecked.len() {
        0 => String::new(),
        some => format!("; {} not checked", counted(some as u64, "ticker")),
    };
    format!("checked {of} ({}) against their SHA-256: {found}{unchecked}", bytes(it.bytes))
}

/// Why a run was stopped, after "stopped ".
pub fn stop_why(why: &StopWhy) -> String {
    match why {
        StopWhy::Asked { by } => format!("as asked ({by})"),
        StopWhy::Hopeless { batch, what } => format!("by {batch}: {what}"),
        StopWhy::GivenUp { idle_s } => {
            format!("because nothing was newly proven for {} (--give-up-after)", span(*idle_s))
        }
    }
}

/// How a run ended, in one sentence.
pub fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Complete => "complete: every ticker is done".to_owned(),
        Outcome::Incomplete { failed } => {
            format!("incomplete: {} failed", counted(*failed, "ticker"))
        }
        Outcome::Stopped { why } => format!("stopped {}", stop_why(why)),
    }
}

/// Of tickers that a check could not look at.
pub fn unchecked(tickers: u64) -> String {
    format!("{} could not be checked", counted(tickers, "ticker"))
}

/// Tickers of a complete run whose proof a check did not find any more.
pub fn lost(tickers: u64) -> String {
    let (was, prove) =
        if tickers == 1 { ("was", "its ledger does") } else { ("were", "their ledgers do") };
    format!("{} {was} done, but {prove} not prove it any more", counted(tickers, "ticker"))
}

/// What a check has found beside the files of done tickers; the first one is said.
pub fn odd(found: &[String]) -> String {
    let first = found.first().map_or("", String::as_str);
    match found.len() {
        0 | 1 => first.to_owned(),
        more => format!("{first}; and {} like it", counted(more as u64 - 1, "finding")),
    }
}

/// `changes the run: --rate 500/min → 100/min, --retries 2 → 5`.
pub fn changes(knobs: &[Change]) -> String {
    let knobs: Vec<String> = knobs.iter().map(ToString::to_string).collect();
    format!("changes the run: {}", knobs.join(", "))
}

/// `launcher VERB --workdir W`, ready to be pasted.
pub fn command(verb: &str, workdir: &Workdir) -> String {
    worker_command::spelled(own_name(), &[verb.into(), "--workdir".into(), workdir.root().into()])
}

/// A command of this program, ready to be pasted.
pub fn own_command(words: &[OsString]) -> String {
    worker_command::spelled(own_name(), words)
}

/// How to read `log` while it is written.
pub fn follow_command(log: &Path) -> String {
    worker_command::spelled(Path::new("tail"), &["-f".into(), log.into()])
}

/// How to continue a run.
pub fn resume_command(workdir: &Workdir) -> String {
    command("start", workdir) + " --resume"
}

/// The knob that a `cause` of failure advises, as it is said to a run that goes on.
pub fn knob_that_helps(cause: &str) -> Option<&'static str> {
    let known = [
        ("--duplicates keep-last", "--duplicates keep-last"),
        ("or --allow-gap", "-- --allow-gap"),
    ];
    known.into_iter().find(|(advice, _)| cause.contains(advice)).map(|(_, knob)| knob)
}

/// How to set knobs of a run that is being worked on: it goes on at once, and loses what its
/// workers have under way.
pub fn change_command(workdir: &Workdir, knob: &str) -> String {
    format!("{} && {} {knob}", command("stop", workdir), resume_command(workdir))
}

/// Names that come from a disk, for a terminal: what is invisible, or turns the order of letters, is
/// spelled out, line breaks too.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => plain.push(c),
            _ => plain.extend(c.escape_debug()),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command, StartArgs};
    use crate::plan::differences::differences;
    use crate::plan::knobs;
    use crate::plan::settings::Settings;

    #[test]
    fn numbers_are_easy_on_the_eye() {
        let counts = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        assert!(counts.iter().all(|(number, text)| count(*number) == *text));
        assert_eq!(counted(1, "ticker"), "1 ticker");
        assert_eq!(counted(1000, "batch"), "1,000 batches");
        let spans = [(17, "17 s"), (185, "3 min"), (7500, "2 h 5 min"), (356_400, "4 d 3 h")];
        assert!(spans.iter().all(|(seconds, text)| span(*seconds) == *text));
        assert_eq!((bytes(999), bytes(3_400_000_000)), ("999 B".to_owned(), "3.4 GB".to_owned()));
    }

    #[test]
    fn what_is_advised_to_paste_is_what_start_takes_and_goes_on_with_the_same_run() {
        let typed = |text: &str| {
            let Cli { command } = Cli::try_parse_from(text.split(' ')).expect("a command");
            let Command::Start(args) = command else { panic!("start") };
            // What the environment says is not pasted.
            StartArgs { base_url: None, ..*args }
        };
        let daily = "--job daily --adjusted --tz UTC --via auto --duplicates keep-first";
        let bars = "--job bars --trades-root trades --mode DB";
        let any = "--tickers-csv small.csv --outdir out --from 2020-01-01 --to 2020-12-31 --weights sizes.csv --batch-size 10 \
                   --max-concurrent 2 --per-shard-workers 8 --retries 5 --allow-http --window month --rate 100/min --settle 20h \
                   --recheck-empty 3 --tries 3 --backoff-base 2s --max-rss 128MiB --batch-timeout 1h --stall-timeout 5m \
                   --max-log 1MiB --min-free-disk 0 --min-free-memory 0 --give-up-after 1h --keep-attempts 5 \
                   --notify-url https://hooks.example/a";
        let twin = "two different rows are stamped 7; --duplicates keep-last, or keep-first, takes one of them";
        let gap = "A: the ledger does not prove 3 sessions that are needed (...); download them, or --allow-gap";
        for (begun, cause, expected) in [
            (format!("{daily} {any}"), "HTTP 404", [].as_slice()),
            (format!("{daily} {any}"), twin, &["--duplicates keep-first → keep-last"]),
            (format!("{bars} {any} -- --target 50"), "HTTP 404", &[]),
            (format!("{bars} {any} -- --target 50"), gap, &["-- --allow-gap no → yes"]),
        ] {
            let frozen = Settings::resolve(
                &typed(&format!("launcher start --workdir /w {begun}")),
                Path::new("/home/me"),
            );
            let (frozen, cwd) = (frozen.expect("sound"), Path::new("/elsewhere"));
            let knob = knob_that_helps(cause).map(|knob| format!(" {knob}")).unwrap_or_default();
            let args = typed(&(resume_command(&Workdir::new(Path::new("/w"))) + &knob));
            assert!(args.resume, "{begun}");
            assert_eq!(differences(&args, &frozen, cwd), [], "{begun}");
            let changes = knobs::turn(&args, &mut frozen.clone(), cwd).expect("sound");
            assert_eq!(
                changes.iter().map(ToString::to_string).collect::<Vec<_>>(),
                expected,
                "{begun}"
            );
        }
    }

    #[test]
    fn a_command_can_be_pasted() {
        let workdir = Workdir::new(Path::new("/my runs/a"));
        assert_eq!(follow_command(Path::new("/my runs/a.log")), "tail -f '/my runs/a.log'");
        assert_eq!(resume_command(&workdir), "launcher start --workdir '/my runs/a' --resume");
        assert_eq!(
            change_command(&workdir, "--retries 5"),
            "launcher stop --workdir '/my runs/a' && launcher start --workdir '/my runs/a' --resume --retries 5"
        );
    }
}

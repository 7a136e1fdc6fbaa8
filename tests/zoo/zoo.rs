//! Workers that misbehave, in the place of `worker`: `ZOO` in the environment says which one. All
//! keep the contract of DESIGN 6 as far as their nature allows, and write true ledgers for what
//! they do.
//!
//! Each holds a lock named after its pid in `slots/` and one named after each ticker in `tickers/`
//! beside the ticker list's run, so that two at a time on one ticker, or more than `ZOO_CAP` in
//! all, leave a note.

#![expect(clippy::disallowed_methods, reason = "a program of tests has doors of its own")]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::signal::{SigHandler, Signal, raise, signal};
use shared::dataset::answers::Said;
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::{Entry, Ledger, LedgerError};
use shared::dataset::open_ledger::OpenLedger;
use shared::dataset::partition::Partition;
use shared::disk::lock::{Lock, try_exclusive};
use shared::market::ticker::Ticker;
use shared::run::events::{Event, EventLog};
use shared::run::ticker_list::TickerList;

/// What one ticker takes.
const WORK: Duration = Duration::from_millis(12);

struct Zoo {
    outdir: PathBuf,
    days: DateRange,
    tickers: Vec<Ticker>,
    events: EventLog,
    _slot: File,
}

fn main() -> ExitCode {
    let zoo = Zoo::enter();
    let nature = std::env::var("ZOO").unwrap_or_default();
    match nature.as_str() {
        "" => zoo.work(&zoo.tickers),
        "lazy" => {}
        "half" => zoo.work(&zoo.tickers[..zoo.tickers.len().div_ceil(2)]),
        "stranger" => {
            let others =
                zoo.tickers.iter().map(|ticker| format!("{ticker}.X").parse().expect("a ticker"));
            zoo.work(&others.collect::<Vec<_>>());
        }
        "sleeper" => zoo.hang(),
        "mute" => sleep_for_ever(),
        "slow" => zoo.prove_one_partition_and_hang(),
        "deaf" => {
            ignore_requests();
            zoo.hang();
        }
        "glutton" => {
            let mut eaten = vec![0_u8; 300 << 20];
            eaten.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
            zoo.hang();
        }
        "daemon" => {
            let mut daemon = Command::new("setsid");
            daemon
                .args(["sh", "-c", "sleep 600 & sleep 600"])
                .env_clear()
                .env("PATH", "/usr/bin:/bin");
            daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let left_behind = daemon.spawn().expect("setsid");
            std::mem::forget(left_behind);
            zoo.work(&zoo.tickers);
        }
        "chatter" => {
            let until = Instant::now() + Duration::from_secs(3);
            let line = vec![b'x'; 64 * 1024];
            while Instant::now() < until {
                std::io::stderr().write_all(&line).expect("written");
            }
            zoo.work(&zoo.tickers);
        }
        "segv" => zoo.die_on("BAD"),
        other => panic!("no such animal: {other}"),
    }
    ExitCode::SUCCESS
}

impl Zoo {
    fn enter() -> Self {
        let mut arguments = std::env::args().skip(2);
        let (mut csv, mut outdir, mut from, mut to, mut events) = (None, None, None, None, None);
        while let Some(flag) = arguments.next() {
            let place = match flag.as_str() {
                "--tickers-csv" => &mut csv,
                "--outdir" => &mut outdir,
                "--from" => &mut from,
                "--to" => &mut to,
                "--events" => &mut events,
                _ => continue,
            };
            *place = arguments.next();
        }
        let day = |text: Option<String>| text.expect("a day").parse().expect("a day");
        let outdir = PathBuf::from(outdir.expect("--outdir"));
        let list = TickerList::read(Path::new(&csv.expect("--tickers-csv"))).expect("a list");
        let events = EventLog::open(events.as_deref().map(Path::new)).expect("events");
        let slot = take_slot(&outdir);
        let days = DateRange::new(day(from), day(to)).expect("in order");
        Self { outdir, days, tickers: list.tickers, events, _slot: slot }
    }

    fn say(&self, event: Event) {
        self.events.say(Timestamp::now(), event);
    }

    fn work(&self, tickers: &[Ticker]) {
        for ticker in tickers {
            self.say(Event::TickerStart { ticker: ticker.clone() });
            self.prove(ticker, self.days);
            self.say(Event::TickerDone { ticker: ticker.clone(), rows: 0, pages: 1 });
        }
    }

    fn hang(&self) {
        self.say(Event::TickerStart { ticker: self.tickers[0].clone() });
        let progress =
            Event::Progress { ticker: self.tickers[0].clone(), rows: 1, pages: 1, bytes: 1 };
        self.say(progress);
        sleep_for_ever()
    }

    /// What is proven already is left alone, as `--resume` asks.
    fn prove_one_partition_and_hang(&self) {
        for ticker in &self.tickers {
            let ledger = Ledger::read(&self.outdir, Kind::Daily, ticker).expect("a ledger");
            let next = Partition::within(Kind::Daily, self.days)
                .find(|partition| ledger.entry(*partition).is_none());
            if let Some(partition) = next {
                self.prove(ticker, self.days.intersection(partition.span()).expect("it is within"));
            }
        }
        self.hang();
    }

    fn die_on(&self, bad: &str) {
        for ticker in &self.tickers {
            if ticker.as_str() == bad {
                self.say(Event::TickerStart { ticker: ticker.clone() });
                // The first one is caught by Rust, which looks for a stack overflow.
                (0..2).for_each(|_| raise(Signal::SIGSEGV).expect("raised"));
            }
            self.work(std::slice::from_ref(ticker));
        }
    }

    /// Proves every one of these days, as empty years, which need no file.
    fn prove(&self, ticker: &Ticker, days: DateRange) {
        let mut ledger = match OpenLedger::open(&self.outdir, Kind::Daily, ticker, days) {
            Err(LedgerError::Busy { .. }) => return note(&self.outdir, "doubled", ticker.as_str()),
            opened => opened.expect("a ledger"),
        };
        std::thread::sleep(WORK);
        for partition in Partition::within(Kind::Daily, days) {
            let days = days.intersection(partition.span()).expect("it is within");
            let mut entry = Entry::new(ticker, partition);
            entry.answers.record(days, Said::Empty { asks: 9 }, Timestamp::now());
            ledger.commit(vec![entry]).expect("committed");
        }
        note(&self.outdir, "worked", ticker.as_str());
    }
}

fn sleep_for_ever() -> ! {
    loop {
        std::thread::sleep(Duration::from_mins(1));
    }
}

fn ignore_requests() {
    // SAFETY: ignoring a signal runs no code of ours when it arrives.
    #[expect(unsafe_code, reason = "nix asks for it, for handlers that are functions")]
    unsafe { signal(Signal::SIGTERM, SigHandler::SigIgn) }.expect("ignored");
}

/// Notes beside the dataset; one write a line, so that lines of many processes do not mix.
fn note(outdir: &Path, name: &str, text: &str) {
    let path = outdir.with_file_name(name);
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("opened");
    file.write_all(format!("{text}\n").as_bytes()).expect("written");
}

/// A lock that the kernel gives back; more of them than `ZOO_CAP` at a time leave a note.
fn take_slot(outdir: &Path) -> File {
    let slots = outdir.with_file_name("slots");
    fs::create_dir_all(&slots).expect("a folder");
    let path = slots.join(std::process::id().to_string());
    let slot = File::create(&path).expect("a slot");
    assert!(try_exclusive(&slot, &path).expect("a lock"), "nobody else has this pid");
    let entries = fs::read_dir(&slots).expect("slots").flatten();
    let held = entries.filter(|entry| Lock::is_held(&entry.path())).count();
    let cap = std::env::var("ZOO_CAP").ok().and_then(|cap| cap.parse().ok()).unwrap_or(usize::MAX);
    if held > cap {
        note(outdir, "exceeded", &held.to_string());
    }
    slot
}

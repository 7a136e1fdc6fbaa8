//! Starts the built programs, waits for them with a bound, and kills what is left when a test ends.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::inherited;

/// The key that the tests give to programs. It must never turn up anywhere.
pub const SECRET: &str = "k9XhR2sVtQ4mZbW7nLpA0cYdEfGuJiOo";

/// No program of a test runs longer.
const PATIENCE: Duration = Duration::from_mins(4);

/// The program `name` of this workspace, as built beside this test.
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has an executable");
    let profile =
        test.parent().and_then(|deps| deps.parent()).expect("tests are in target/PROFILE/deps");
    let path = profile.join(name);
    assert!(
        path.exists(),
        "{} is not built: run scripts/test, or cargo build --workspace --bins",
        path.display()
    );
    path
}

/// `name` with an environment of its own and the secret key in it.
pub fn command(name: &str) -> Command {
    let mut command = Command::new(built(name));
    inherited::clean(&mut command);
    command.env("POLYGON_API_KEY", SECRET);
    command.stdin(Stdio::null());
    command
}

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The most memory it held, in bytes, as seen while it ran.
    pub peak_rss_bytes: u64,
    /// From start to end.
    pub took: Duration,
    /// Time that processors gave to it and to what it has waited for: whatever else the machine
    /// does, this stays.
    pub cpu: Duration,
}

impl Ended {
    /// The exit code; a signal is none.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Panics with everything the program said unless it ended with `code`.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        let said = format!("--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        assert_eq!(self.code(), Some(code), "{:?}\n{said}", self.status);
        self
    }
}

/// A running program. Dropped, it is killed.
pub struct Running {
    child: Child,
    started: Instant,
    peak_rss_bytes: u64,
}

impl Running {
    /// Starts `command` with its output kept.
    pub fn start(command: &mut Command) -> Self {
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Self { child, started: Instant::now(), peak_rss_bytes: 0 }
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// Sends a signal; a program that has just ended does not mind.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).ok();
    }

    pub fn is_running(&self) -> bool {
        !self.has_ended()
    }

    pub fn wait(mut self) -> Ended {
        let (stdout, stderr) = (drain(self.child.stdout.take()), drain(self.child.stderr.take()));
        let (status, cpu) = loop {
            if self.has_ended() {
                let cpu = cpu_of(self.pid());
                break (self.child.wait().expect("the program can be waited for"), cpu);
            }
            self.peak_rss_bytes = self.peak_rss_bytes.max(peak_rss_bytes(self.pid()));
            assert!(
                self.started.elapsed() < PATIENCE,
                "the program did not end within {PATIENCE:?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        };
        let took = self.started.elapsed();
        let text = |thread: std::thread::JoinHandle<String>| {
            thread.join().expect("the reader ends with its pipe")
        };
        Ended {
            status,
            stdout: text(stdout),
            stderr: text(stderr),
            peak_rss_bytes: self.peak_rss_bytes,
            took,
            cpu,
        }
    }

    /// Has it ended? It can still be looked at: nobody has reaped it.
    fn has_ended(&self) -> bool {
        let looking = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let found = waitid(Id::Pid(Pid::from_raw(self.pid())), looking).expect("our child");
        found != WaitStatus::StillAlive
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Runs `command` to its end.
pub fn run(command: &mut Command) -> Ended {
    Running::start(command).wait()
}

/// Waits until `happened`, or fails saying what did not.
#[track_caller]
pub fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Pids of living processes whose environment holds `text`: a marker that children inherit.
pub fn with_environment(text: &str) -> Vec<i32> {
    let pids = std::fs::read_dir("/proc")
        .expect("a Linux")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let holds = |pid: &i32| {
        std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
            environment.split(|byte| *byte == 0).any(|entry| entry == text.as_bytes())
        })
    };
    pids.filter(holds).collect()
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    let mut pipe = pipe.expect("output is piped and taken once");
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).ok();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The most memory that a living process has had; 0 of one that is gone.
pub fn peak_rss_bytes(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|kib| kib.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Ticks of `/proc` a second, on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of a process that can still be looked at, with that of the children that it has
/// waited for.
fn cpu_of(pid: i32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in brackets may hold blanks; utime, stime, cutime and cstime are fields 14 to 17,
    // the state is the third.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u32 = fields.skip(11).take(4).filter_map(|field| field.parse::<u32>().ok()).sum();
    TICK * ticks
}

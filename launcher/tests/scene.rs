//! A scene for the real program: a folder of its own, scripts as workers, bounded waits, and
//! nothing left running at the end.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shared::dataset::answers::{Answers, Said};
use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Entry;
use shared::dataset::open_ledger::OpenLedger;
use shared::dataset::partition::Partition;
use shared::run::identity::ProcessIdentity;

use crate::inherited;

/// No command and no condition takes longer; reaching it is a failure.
pub(crate) const LIMIT: Duration = Duration::from_mins(4);

/// Waits for a level, never for an edge.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the one wait of these tests")]
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Lets time pass in which something must not happen.
#[expect(clippy::disallowed_methods, reason = "nothing tells of what does not happen")]
pub(crate) fn let_pass(time: Duration) {
    std::thread::sleep(time);
}

/// Signals a process, or with a negative number a group, of the test's own.
pub(crate) fn send(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("it lives");
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// Runs to the end.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Ended {
    let spawned =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    collect(spawned.expect("the program starts"))
}

#[track_caller]
pub(crate) fn collect(mut child: Child) -> Ended {
    // What these programs say fits into a pipe.
    wait_for("a command to end", || child.try_wait().expect("our child").is_some());
    let output = child.wait_with_output().expect("it has ended");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A folder with a ticker list; what still runs in it at the end is killed.
pub(crate) struct Scene {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Scene {
    pub(crate) fn of(tickers: &[&str]) -> Self {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_launcher"));
        // Beside the program, so that it can be linked: a copy could be "busy" (see `script`).
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let scene = Self { folder, program };
        scene.write("tickers.csv", &format!("ticker\n{}\n", tickers.join("\n")));
        scene
    }

    /// The same with a launcher of its own, which has this script beside it as its `worker`.
    pub(crate) fn with_worker(tickers: &[&str], body: &str) -> Self {
        let mut scene = Self::of(tickers);
        let program = scene.path("launcher");
        fs::hard_link(&scene.program, &program).expect("linked");
        scene.program = program;
        scene.script("worker", body);
        scene
    }

    /// With a run in it that has ended.
    pub(crate) fn of_ended_run() -> Self {
        let scene = Self::of(&["A"]);
        scene.script("job", "exit 0");
        scene.detach("job", &[]);
        scene.wait().expect_code(0);
        scene
    }

    /// The launcher, by an absolute path that is not in `PATH`.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[expect(clippy::disallowed_methods, reason = "fixtures")]
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.read(name).lines().count()
    }

    /// A shell script; its arguments are the worker's: `$3` is the ticker list. It runs in this
    /// folder, and says so: that a script ends well is believed only when it has left a sign.
    pub(crate) fn script(&self, name: &str, body: &str) {
        self.silent_script(name, &format!("echo at work\n{body}"));
    }

    /// The same without that word.
    ///
    /// Written by a process of its own: a file that we had open for writing could be inherited, for
    /// a moment, by what another test spawns, and would then be "busy" when it is run.
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    pub(crate) fn silent_script(&self, name: &str, body: &str) {
        let text = format!("#!/bin/sh\ncd '{}'\n{body}\n", self.folder.path().display());
        let write = r#"printf '%s' "$1" > "$0" && chmod +x "$0""#;
        let written =
            Command::new("sh").args(["-c", write]).arg(self.path(name)).arg(text).status();
        assert!(written.expect("a shell").success(), "{name} was not written");
    }

    /// The program on the work directory `w`.
    pub(crate) fn launcher(&self, verb: &str, arguments: &[&str]) -> Command {
        self.launcher_in("w", verb, arguments)
    }

    pub(crate) fn launcher_in(&self, workdir: &str, verb: &str, arguments: &[&str]) -> Command {
        let mut command = self.bare(verb);
        command.args(["--workdir", workdir]).args(arguments);
        command
    }

    /// The program without a work directory.
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    pub(crate) fn bare(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        inherited::clean(&mut command);
        command.current_dir(self.folder.path()).arg(verb);
        command
    }

    /// The arguments of a new run, with these further ones.
    pub(crate) fn usual<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
        let input = ["--job", "daily", "--tickers-csv", "tickers.csv", "--outdir", "out"];
        let range = ["--from", "2020-01-01", "--to", "2020-12-31"];
        [&input[..], &range[..], arguments].concat()
    }

    /// `launcher start` of a new run with these further arguments.
    pub(crate) fn start(&self, arguments: &[&str]) -> Command {
        self.launcher("start", &Self::usual(arguments))
    }

    /// Starts a run of `script` and expects it to detach.
    #[track_caller]
    pub(crate) fn detach(&self, script: &str, arguments: &[&str]) -> Ended {
        run(&mut self.start(&[&["--ingest-script", script], arguments].concat())).expect_code(0)
    }

    /// `launcher wait`.
    #[track_caller]
    pub(crate) fn wait(&self) -> Ended {
        run(&mut self.launcher("wait", &["--timeout", "200s"]))
    }

    pub(crate) fn status(&self) -> String {
        run(&mut self.launcher("status", &[])).expect_code(0).stdout
    }

    /// The supervisor, by its pid file.
    pub(crate) fn supervisor(&self) -> ProcessIdentity {
        serde_json::from_str(&self.read("w/pids/launcher.pid")).expect("a pid file")
    }

    /// What the run calls itself.
    pub(crate) fn name(&self) -> String {
        let request: serde_json::Value =
            serde_json::from_str(&self.read("w/run.json")).expect("a run");
        request["run"].as_str().expect("a name").to_owned()
    }

    /// How many processes of this run live, found by what they inherit.
    pub(crate) fn processes(&self) -> usize {
        launcher::process::watch::marked(&launcher::process::watch::Marker::of_run(&self.name()))
            .len()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if self.path("w/run.json").exists() {
            drop(
                self.launcher("stop", &["--now"])
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status(),
            );
        }
    }
}

/// A data service for the key `open-sesame`: answers one request, after which the address is
/// nobody's.
pub(crate) fn service(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut piece = [0; 1024];
            let length = stream.read(&mut piece).expect("read");
            assert!(length > 0, "the request breaks off");
            request.extend_from_slice(&piece[..length]);
        }
        let text = String::from_utf8_lossy(&request).to_lowercase();
        assert!(
            text.contains("authorization: bearer open-sesame") && !text.contains("apikey"),
            "{text}"
        );
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).expect("written");
    });
    format!("http://{address}")
}

/// Writes ledger lines that prove these days of `ticker` (as empty years, which need no file).
pub(crate) fn prove(outdir: &Path, ticker: &str, years: &[(&str, &str)]) {
    for year in years {
        record(outdir, ticker, &[(*year, Said::Empty { asks: 9 })]);
    }
}

/// Writes one ledger line with these answers, all of one year, asked for long ago.
pub(crate) fn record(outdir: &Path, ticker: &str, answered: &[((&str, &str), Said)]) {
    let long_ago = "2025-01-01T00:00:00Z".parse().expect("an instant");
    record_at(long_ago, outdir, ticker, answered);
}

/// The same, asked for at this time.
pub(crate) fn record_at(
    asked_at: Timestamp,
    outdir: &Path,
    ticker: &str,
    answered: &[((&str, &str), Said)],
) {
    let ticker = ticker.parse().expect("a ticker");
    let mut answers = Answers::default();
    for ((from, to), said) in answered {
        let days = DateRange::new(from.parse().expect("a day"), to.parse().expect("a day"))
            .expect("in order");
        answers.record(days, *said, asked_at);
    }
    let days = answers.iter().next().expect("an answer").days;
    {
        let partition = Partition::of(Kind::Daily, days.from());
        let entry = Entry { answers, ..Entry::new(&ticker, partition) };
        let mut ledger = OpenLedger::open(outdir, Kind::Daily, &ticker, days).expect("opened");
        ledger.commit(vec![entry]).expect("committed");
    }
}

//! The program around the exchange: says where it listens, and ends when told to.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PROGRAM: &str = env!("CARGO_BIN_EXE_exchange-sim");

/// Waits for the end, at most ten seconds; kills and fails after that.
fn ended(mut child: Child) -> ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().expect("a child of ours");
            child.wait().expect("a child of ours");
            panic!("the exchange did not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn it_says_where_it_listens_and_ends_with_its_standard_input() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("addr");
    let mut child = Command::new(PROGRAM)
        .args("--synthetic 7 --tickers 3 --shutdown-with-stdin --key k --addr-file".split(' '))
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program is built");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let addr = std::fs::read_to_string(&file).expect("written before the line");
    assert_eq!(line, format!("listening on http://{addr}"));
    let answer = ureq::get(format!("http://{}/v3/reference/tickers", addr.trim()))
        .header("authorization", "Bearer k")
        .call()
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    drop(child.stdin.take());
    assert!(ended(child).success());
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no .tmp is left");
}

#[test]
fn it_ends_on_sigterm() {
    let mut child = Command::new(PROGRAM)
        .args(["--synthetic", "7", "--tickers", "3"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program is built");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).expect("a child of ours");
    assert!(ended(child).success());
}

#[test]
fn what_it_cannot_serve_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = folder.path().join("nowhere");
    for (arguments, words) in [
        (vec!["--replay", missing.to_str().expect("plain text")], "nowhere: can't be read"),
        (
            vec!["--replay", folder.path().to_str().expect("plain text")],
            "holds no daily/TICKER.csv.gz",
        ),
        (vec!["--synthetic", "1", "--fault", "nonsense=0.1"], "\"nonsense\" is not a fault"),
        (vec!["--synthetic", "1", "--rate", "fast"], "600/60s"),
        (vec![], "--synthetic"),
    ] {
        let mut child = Command::new(PROGRAM)
            .args(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program is built");
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(!ended(child).success());
    }
}

//! Promise: a data service that goes away for a while costs time, and no ticker an attempt.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use shared::dataset::kind::Kind;
use tests::harness::market::market;
use tests::harness::place::days;
use tests::harness::program::{eventually, run};
use tests::harness::says::says;
use tests::harness::tree;
use tests::harness::truth::daily_bars;
use tests::sim::config::Config;

/// What a wire does with who comes.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// It leads to the exchange.
    Whole,
    /// It looks like a service that is not there.
    Cut,
    /// It takes every request and says nothing.
    Mute,
    /// It answers every request with this status.
    Refusing(&'static str),
}

/// A wire to the exchange that can be cut and mended.
struct Wire {
    address: SocketAddr,
    mode: Arc<Mutex<Mode>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    fn to(exchange: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (mode, open) = (Arc::new(Mutex::new(Mode::Whole)), Arc::new(Mutex::new(Vec::new())));
        let wire = Self { address, mode: Arc::clone(&mode), open: Arc::clone(&open) };
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let Ok(near) = near else { break };
                let keep = |stream: &TcpStream| stream.try_clone().expect("cloned");
                let mode = *mode.lock().expect("sound");
                match mode {
                    Mode::Whole => {
                        if let Ok(far) = TcpStream::connect(exchange) {
                            open.lock().expect("sound").extend([keep(&near), keep(&far)]);
                            carry(keep(&near), keep(&far));
                            carry(far, near);
                        }
                    }
                    // Dropped.
                    Mode::Cut => {}
                    Mode::Mute => open.lock().expect("sound").push(near),
                    Mode::Refusing(status) => refuse(near, status),
                }
            }
        });
        wire
    }

    /// From now on, and for those who are on the line.
    fn turn(&self, mode: Mode) {
        *self.mode.lock().expect("sound") = mode;
        if mode != Mode::Whole {
            for stream in self.open.lock().expect("sound").drain(..) {
                stream.shutdown(Shutdown::Both).ok();
            }
        }
    }
}

/// Answers one request.
fn refuse(mut near: TcpStream, status: &'static str) {
    std::thread::spawn(move || {
        let mut request = [0; 4096];
        if near.read(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        near.write_all(reply.as_bytes()).ok();
    });
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        io::copy(&mut from, &mut to).ok();
        to.shutdown(Shutdown::Both).ok();
    });
}

/// Cuts the wire in the middle of a run of 16 tickers that are put into batches like this, mends it
/// when the run has paused, and expects everything to be there in the end, and these words in the
/// log.
#[track_caller]
fn run_through_an_outage(batching: &[&str], words: &str) {
    // Short pages: the run lasts long enough to be cut in its middle.
    let (exchange, tickers, place) =
        market(Config::synthetic(5).with_tickers(16).with_page_rows_max(20), 16);
    let asked = days("2019-01-01", "2024-06-28");
    let wire = Wire::to(exchange.addr());
    let mut start = place.launcher_start(&format!("http://{}", wire.address), asked);
    start.args(batching).args(["--tries", "2"]);
    run(&mut start).expect_code(0);
    eventually("pages flow", || exchange.stats().total > 20);
    wire.turn(Mode::Cut);
    let state = || {
        let said = run(place.launcher("status").arg("--json")).expect_code(0).stdout;
        serde_json::from_str::<serde_json::Value>(&said).expect("JSON")["state"].to_string()
    };
    eventually("the run pauses", || state().contains("paused"));
    wire.turn(Mode::Whole);
    run(place.launcher("wait").args(["--timeout", "120s"])).expect_code(0);
    for ticker in &tickers {
        assert!(tree::is_proven(&place.outdir(), Kind::Daily, ticker, asked), "{ticker}");
        assert_eq!(
            tree::daily_rows(&place.outdir(), ticker),
            daily_bars(&exchange, ticker, asked),
            "{ticker}"
        );
    }
    let log = std::fs::read_to_string(place.workdir().join("launcher.log")).expect("a log");
    says(&log, &[words]);
}

#[test]
fn a_service_that_goes_away_pauses_the_run_and_its_return_is_noticed() {
    // One retry: who fails while another still gets its last page is no part of what happens three
    // times in a row.
    let batching = ["--batch-size", "1", "--max-concurrent", "4", "--retries", "1"];
    run_through_an_outage(&batching, "batches in a row got nothing done");
}

#[test]
fn a_service_that_goes_away_pauses_a_run_of_one_batch_too() {
    // The attempt that was under way had got pages: that one counts.
    run_through_an_outage(&["--shards", "1", "--retries", "1"], "the last batch got nothing done");
}

#[test]
fn status_says_of_a_source_that_does_not_answer_what_it_does_instead_long_before_the_run_pauses() {
    let (exchange, tickers, place) =
        market(Config::synthetic(5).with_tickers(8).with_page_rows_max(20), 8);
    let asked = days("2019-01-01", "2024-06-28");
    let wire = Wire::to(exchange.addr());
    let mut start = place.launcher_start(&format!("http://{}", wire.address), asked);
    run(start.args(["--batch-size", "1", "--max-concurrent", "2", "--tries", "20"])).expect_code(0);
    eventually("pages flow", || exchange.stats().total > 20);
    for (mode, words) in [
        (Mode::Mute, ": it is silent, "),
        (Mode::Refusing("429 Too Many Requests"), ": it answers 429 (too many requests), "),
        (Mode::Refusing("503 Service Unavailable"), ": it answers 503, "),
    ] {
        wire.turn(mode);
        eventually(words, || {
            let said = run(&mut place.launcher("status")).expect_code(0).stdout;
            assert!(said.starts_with("RUNNING\n"), "before the run pauses: {said}");
            said.contains("held up by  source: no good answer since ") && said.contains(words)
        });
    }
    wire.turn(Mode::Whole);
    run(place.launcher("wait").args(["--timeout", "120s"])).expect_code(0);
    for ticker in &tickers {
        assert!(tree::is_proven(&place.outdir(), Kind::Daily, ticker, asked), "{ticker}");
    }
}

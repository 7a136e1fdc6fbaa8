//! Promise: a data service that goes away for a while costs time, and no ticker an attempt.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use shared::dataset::kind::Kind;
use shared::market::ticker::Ticker;
use tests::harness::place::{Place, days};
use tests::harness::program::{eventually, run};
use tests::harness::tree;
use tests::harness::truth::{daily_bars, universe};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

/// A wire to the exchange that can be cut and mended.
struct Wire {
    address: SocketAddr,
    is_whole: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    fn to(exchange: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (is_whole, open) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let wire = Self { address, is_whole: Arc::clone(&is_whole), open: Arc::clone(&open) };
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let Ok(near) = near else { break };
                // Dropped, it looks like a service that is not there.
                if is_whole.load(Ordering::SeqCst)
                    && let Ok(far) = TcpStream::connect(exchange)
                {
                    let keep = |stream: &TcpStream| stream.try_clone().expect("cloned");
                    open.lock().expect("sound").extend([keep(&near), keep(&far)]);
                    carry(keep(&near), keep(&far));
                    carry(far, near);
                }
            }
        });
        wire
    }

    fn cut(&self) {
        self.is_whole.store(false, Ordering::SeqCst);
        for stream in self.open.lock().expect("sound").drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    fn mend(&self) {
        self.is_whole.store(true, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        io::copy(&mut from, &mut to).ok();
        to.shutdown(Shutdown::Both).ok();
    });
}

/// Cuts the wire in the middle of a run of 16 tickers that are put into batches like this, mends it when the run has
/// paused, and expects everything to be there in the end, and these words in the log.
#[track_caller]
fn run_through_an_outage(batching: &[&str], words: &str) {
    // Short pages: the run lasts long enough to be cut in its middle.
    let exchange =
        Exchange::start(Config::synthetic(5).with_tickers(16).with_page_rows_max(20)).expect("started");
    let tickers = universe(&exchange, 16);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let asked = days("2019-01-01", "2024-06-28");
    let wire = Wire::to(exchange.addr());
    let mut start = place.launcher_start(&format!("http://{}", wire.address), asked);
    start.args(batching).args(["--tries", "2"]);
    run(&mut start).expect_code(0);
    eventually("pages flow", || exchange.stats().total > 20);
    wire.cut();
    let state = || {
        let said = run(place.launcher("status").arg("--json")).expect_code(0).stdout;
        serde_json::from_str::<serde_json::Value>(&said).expect("JSON")["state"].to_string()
    };
    eventually("the run pauses", || state().contains("paused"));
    wire.mend();
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
    assert!(log.contains(words), "{log}");
}

#[test]
fn a_service_that_goes_away_pauses_the_run_and_its_return_is_noticed() {
    // One retry: who fails while another still gets its last page is no part of what happens three times in a row.
    let batching = ["--batch-size", "1", "--max-concurrent", "4", "--retries", "1"];
    run_through_an_outage(&batching, "batches in a row got nothing done");
}

#[test]
fn a_service_that_goes_away_pauses_a_run_of_one_batch_too() {
    // The attempt that was under way had got pages: that one counts.
    run_through_an_outage(&["--shards", "1", "--retries", "1"], "the last batch got nothing done");
}

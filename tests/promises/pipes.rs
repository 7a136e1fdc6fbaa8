//! Promise: a worker waits for nobody who never comes, and obeys SIGTERM whatever it inherits.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use shared::market::ticker::Ticker;
use tests::harness::place::{Place, days};
use tests::harness::program::{Running, eventually, run};
use tests::sim::config::Config;
use tests::sim::server::Exchange;

fn make_pipe(path: &Path) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::remove_file(path).ok();
    nix::unistd::mkfifo(path, Mode::S_IRWXU).expect("made");
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_named_and_keeps_no_worker_waiting() {
    let exchange = Exchange::start(Config::synthetic(31).with_tickers(2)).expect("started");
    let tickers = tests::harness::truth::universe(&exchange, 1);
    let place = Place::with_tickers(tickers.iter().map(Ticker::as_str));
    let asked = days("2024-01-01", "2024-03-28");
    let worker = |place: &Place| -> Command {
        let mut worker = place.worker(&exchange.base_url(), asked);
        worker.args(["--resume", "--events"]).arg(place.path().join("events.jsonl"));
        worker
    };
    run(&mut worker(&place)).expect_code(0);
    let of_ticker = place.outdir().join(tickers[0].as_str());
    let cases = [
        (place.tickers_csv(), 2),
        (place.path().join("events.jsonl"), 13),
        (place.outdir().join("_dataset.json"), 13),
        (of_ticker.join("_ledger.jsonl"), 11),
        (of_ticker.join("year=2024/daily.parquet"), 11),
    ];
    for (path, code) in cases {
        let kept = fs::read(&path).expect("there");
        make_pipe(&path);
        let said = run(&mut worker(&place)).expect_code(code).stderr;
        let names_it = said.contains(&path.display().to_string());
        assert!(names_it && said.contains("it is a named pipe, not a file"), "{said}");
        fs::remove_file(&path).expect("a pipe");
        fs::write(&path, kept).expect("put back");
    }
}

#[test]
fn a_worker_obeys_sigterm_though_its_caller_does_not_hear_it_and_nobody_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    silent.set_nonblocking(true).expect("ours");
    let address = format!("http://{}", silent.local_addr().expect("bound"));
    let place = Place::with_tickers(["A"]);
    let before = SigSet::thread_get_mask().expect("ours");
    SigSet::from(Signal::SIGTERM).thread_block().expect("ours");
    let worker = Running::start(&mut place.worker(&address, days("2024-01-01", "2024-03-28")));
    before.thread_set_mask().expect("ours");
    let mut asked = Vec::new();
    eventually("it has asked", || {
        asked.extend(silent.accept());
        !asked.is_empty()
    });
    worker.signal(Signal::SIGTERM);
    worker.wait().expect_code(143);
}

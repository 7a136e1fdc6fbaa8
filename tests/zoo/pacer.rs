//! Takes turns of the shared rate budget in four threads and writes down when it would have sent,
//! and how much later than it wanted it woke for that.
//!
//! `pacer RATE END_NS FILE`: until `END_NS` on the clock of `shared::pace`; the key is in
//! `POLYGON_API_KEY`.

#![expect(clippy::disallowed_methods, reason = "a program of tests has doors of its own")]

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::ops::ControlFlow;
use std::time::Duration;

use shared::pace::clock::now_ns;
use shared::pace::shared_budget::SharedBudget;

const THREADS: usize = 4;

/// How long an answer takes.
const LATENCY: Duration = Duration::from_millis(20);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |name: &str| arguments.next().unwrap_or_else(|| panic!("no {name}"));
    let rate = argument("RATE").parse().expect("a rate");
    let end_ns: u64 = argument("END_NS").parse().expect("nanoseconds");
    let sent = OpenOptions::new().append(true).create(true).open(argument("FILE")).expect("opened");
    let key = std::env::var("POLYGON_API_KEY").expect("a key");
    let budget = SharedBudget::open(key.as_bytes(), rate).expect("a budget");
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| send_until(end_ns, &budget, &sent));
        }
    });
}

fn send_until(end_ns: u64, budget: &SharedBudget, mut sent: &File) {
    let late_ns = Cell::new(0);
    let sleep = |wait: Duration| {
        let asleep_since = now_ns();
        std::thread::sleep(wait);
        late_ns.set(Duration::from_nanos(now_ns() - asleep_since).saturating_sub(wait).as_nanos());
        if now_ns() < end_ns { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    while budget.take(&sleep).expect("a turn").is_continue() && now_ns() < end_ns {
        // One write a line: a kill leaves no half line, and lines of many processes do not mix.
        sent.write_all(format!("{:>20} {:>12}\n", now_ns(), late_ns.take()).as_bytes())
            .expect("written");
        std::thread::sleep(LATENCY);
    }
}

//! Admission: how many more requests are let in before all others wait.
//!
//! A test that stops a client on its way waits for a level here, so that on no machine it comes too
//! late. A client that is killed while it waits leaves as soon as its connection is seen to be
//! gone; until then it may take an answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// Open until somebody counts.
#[derive(Debug)]
pub struct Admission {
    room: Semaphore,
    waiting: AtomicUsize,
}

impl Default for Admission {
    fn default() -> Self {
        Self { room: Semaphore::new(Semaphore::MAX_PERMITS), waiting: AtomicUsize::new(0) }
    }
}

/// One more who waits; also when the connection is gone before it is let in.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Admission {
    /// Lets so many more in; who comes then waits until [`Admission::open`], or the next count. Who
    /// waits already is first.
    pub fn close_after(&self, requests: usize) {
        self.room.forget_permits(Semaphore::MAX_PERMITS);
        self.room.add_permits(requests);
    }

    /// Lets everybody in.
    pub fn open(&self) {
        let room = Semaphore::MAX_PERMITS - self.room.available_permits();
        self.room.add_permits(room / 2);
    }

    /// Waits to be let in.
    pub async fn enter(&self) {
        let _waiting = Waiting::begin(&self.waiting);
        self.room.acquire().await.expect("it is never taken down").forget();
    }

    /// Is nobody let in any more, and does somebody wait?
    pub fn holds_somebody_up(&self) -> bool {
        self.room.available_permits() == 0 && self.waiting.load(Ordering::SeqCst) > 0
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;

    use crate::harness::program::eventually;
    use crate::sim::config::Config;
    use crate::sim::server::Exchange;

    fn ask(exchange: &Exchange) -> TcpStream {
        let mut stream = TcpStream::connect(exchange.addr()).expect("it listens");
        stream.write_all(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").expect("taken");
        stream
    }

    #[test]
    fn a_client_that_is_gone_while_it_waits_takes_no_answer_of_the_next() {
        let exchange = Exchange::start(Config::synthetic(1).with_tickers(1)).expect("started");
        exchange.close_the_door_after(0);
        assert!(!exchange.holds_somebody_up());
        let gone = [ask(&exchange), ask(&exchange)];
        eventually("both wait", || exchange.stats().in_flight == 2);
        assert!(exchange.holds_somebody_up());
        drop(gone);
        eventually("both are gone", || exchange.stats().in_flight == 0);
        assert!(!exchange.holds_somebody_up());
        exchange.close_the_door_after(1);
        let _answered = ask(&exchange);
        eventually("it is answered", || exchange.stats().requests.values().sum::<u64>() == 1);
        let _waits = ask(&exchange);
        eventually("the next one waits", || exchange.holds_somebody_up());
    }
}

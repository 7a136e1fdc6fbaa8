//! Host names to addresses, each looked up on a thread of its own, as the system's look-up may
//! wait. Where the machine has no thread to give, whoever asks waits for it: a lookup is never lost
//! for want of a thread.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

type Resolved = io::Result<Vec<SocketAddr>>;

/// The addresses of a host, once they are found.
pub struct Addresses(Arc<Mutex<Slot>>);

#[derive(Default)]
struct Slot {
    found: Option<Resolved>,
    waiting: Option<Waker>,
}

impl Addresses {
    /// Of `host`; the look-up begins at once.
    pub fn of(host: &str) -> Self {
        let slot = Arc::new(Mutex::new(Slot::default()));
        let (theirs, name) = (Arc::clone(&slot), host.to_owned());
        let thread = thread::Builder::new().name("resolver".to_owned());
        if thread.spawn(move || put(&theirs, look_up(&name))).is_err() {
            put(&slot, look_up(host));
        }
        Self(slot)
    }
}

impl Future for Addresses {
    type Output = Resolved;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Resolved> {
        let mut slot = held(&self.0);
        if let Some(found) = slot.found.take() {
            return Poll::Ready(found);
        }
        slot.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}

fn put(slot: &Mutex<Slot>, found: Resolved) {
    let waiting = {
        let mut slot = held(slot);
        slot.found = Some(found);
        slot.waiting.take()
    };
    waiting.into_iter().for_each(Waker::wake);
}

fn look_up(host: &str) -> Resolved {
    Ok((host, 0).to_socket_addrs()?.collect())
}

fn held(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

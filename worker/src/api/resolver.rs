//! Host names to addresses, each looked up on a thread of its own, as the system's look-up may
//! wait. If the machine has no thread to give, the asking thread looks the name up itself.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

type Resolved = io::Result<Vec<SocketAddr>>;

/// The addresses of a host, once they are found.
pub struct Addresses(Arc<Mutex<Lookup>>);

#[derive(Default)]
struct Lookup {
    found: Option<Resolved>,
    waiting: Option<Waker>,
}

impl Addresses {
    /// Of `host`; the look-up begins at once.
    pub fn of(host: &str) -> Self {
        let lookup = Arc::new(Mutex::new(Lookup::default()));
        let (theirs, name) = (Arc::clone(&lookup), host.to_owned());
        let thread = thread::Builder::new().name("resolver".to_owned());
        if thread.spawn(move || put(&theirs, look_up(&name))).is_err() {
            put(&lookup, look_up(host));
        }
        Self(lookup)
    }
}

impl Future for Addresses {
    type Output = Resolved;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Resolved> {
        let mut lookup = held(&self.0);
        if let Some(found) = lookup.found.take() {
            return Poll::Ready(found);
        }
        lookup.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}

fn put(lookup: &Mutex<Lookup>, found: Resolved) {
    let waiting = {
        let mut lookup = held(lookup);
        lookup.found = Some(found);
        lookup.waiting.take()
    };
    waiting.into_iter().for_each(Waker::wake);
}

fn look_up(host: &str) -> Resolved {
    Ok((host, 0).to_socket_addrs()?.collect())
}

fn held(lookup: &Mutex<Lookup>) -> MutexGuard<'_, Lookup> {
    lookup.lock().unwrap_or_else(PoisonError::into_inner)
}

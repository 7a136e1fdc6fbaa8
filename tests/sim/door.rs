//! The door of the exchange: how many more requests are let in before all others wait.
//!
//! A test that stops a client on its way waits for a level here, so that on no machine it comes too late.

use tokio::sync::Semaphore;

/// Open until somebody counts.
#[derive(Debug)]
pub struct Door(Semaphore);

impl Default for Door {
    fn default() -> Self {
        Self(Semaphore::new(Semaphore::MAX_PERMITS))
    }
}

impl Door {
    /// Lets so many more in; who comes then waits until [`Door::open`], or the next count. Who waits already is first.
    pub fn close_after(&self, requests: usize) {
        self.0.forget_permits(Semaphore::MAX_PERMITS);
        self.0.add_permits(requests);
    }

    /// Lets everybody in.
    pub fn open(&self) {
        let room = Semaphore::MAX_PERMITS - self.0.available_permits();
        self.0.add_permits(room / 2);
    }

    /// Waits to be let in.
    pub async fn enter(&self) {
        self.0.acquire().await.expect("it is never taken down").forget();
    }
}

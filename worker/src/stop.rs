//! The wish to end: set once, seen by every thread, and it wakes those that wait.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Was this worker asked to end?
#[derive(Debug, Default)]
pub struct Stop {
    asked: Mutex<bool>,
    wake: Condvar,
}

impl Stop {
    /// Asks everybody to end.
    pub fn ask(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }

    pub fn is_asked(&self) -> bool {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `duration`, or less when asked to end.
    pub fn sleep(&self, duration: Duration) {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        // Poisoning says that a thread panicked while it held a bool: nothing to mend.
        drop(self.wake.wait_timeout_while(asked, duration, |asked| !*asked));
    }
}

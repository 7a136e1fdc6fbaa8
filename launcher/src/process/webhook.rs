//! A webhook: posts messages to one address from a thread of its own. The caller waits only at the
//! very end. The webhook reports what it could not deliver; nothing else depends on it.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shared::run::redaction::Redaction;

use super::clock;
use super::http::{self, Privacy};

const TIMEOUT: Duration = Duration::from_secs(5);
/// Pauses before the second, third and fourth try.
const PAUSES: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// How long the last message may take, all its tries together.
const FAREWELL: Duration = Duration::from_secs(15);

/// How much of an error is reported.
const ERROR_CHARS: usize = 300;

/// Where to post messages.
pub struct Address {
    /// The whole address, which may be a secret.
    pub url: String,
    /// What people are shown of it.
    pub shown: String,
    /// How messages travel there.
    pub privacy: Privacy,
}

/// Posts messages while it exists.
pub struct Webhook {
    /// `None` once no more messages will come.
    outbox: Option<Sender<String>>,
    complaints: Receiver<String>,
    thread: JoinHandle<()>,
}

impl Webhook {
    /// Starts the thread; fails where the system has none to give.
    pub fn start(address: Address) -> std::io::Result<Self> {
        let (outbox, messages) = mpsc::channel();
        let (complain, complaints) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("webhook".to_owned())
            .spawn(move || post_all(&address, &messages, &complain))?;
        Ok(Self { outbox: Some(outbox), complaints, thread })
    }

    /// Takes a message, which is JSON, and returns at once.
    pub fn send(&self, message: String) {
        if let Some(outbox) = &self.outbox {
            drop(outbox.send(message));
        }
    }

    /// What was not delivered since the last call, for people.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.try_iter().collect()
    }

    /// Waits, for a bounded time, until the last message was delivered or given up. Returns what
    /// was not delivered.
    pub fn farewell(mut self) -> Vec<String> {
        self.outbox = None;
        let mut complaints = Vec::new();
        if !clock::wait_until(FAREWELL, || self.thread.is_finished()) {
            complaints
                .push(format!("the last notification was given up after {} s", FAREWELL.as_secs()));
        }
        complaints.splice(0..0, self.complaints());
        complaints
    }
}

fn post_all(address: &Address, messages: &Receiver<String>, complain: &Sender<String>) {
    let mut next = messages.recv().ok();
    while let Some(message) = next {
        let delivery = deliver(address, &message, messages);
        if let Err(what) = &delivery {
            drop(complain.send(format!("a notification did not get to {}: {what}", address.shown)));
        }
        next = delivery.ok().flatten().or_else(|| messages.recv().ok());
    }
}

/// Tries a few times. Returns a newer message that comes meanwhile: it replaces this one.
fn deliver(
    address: &Address,
    message: &str,
    messages: &Receiver<String>,
) -> Result<Option<String>, String> {
    let mut outcome = try_once(address, message);
    for pause in PAUSES {
        if outcome.is_ok() {
            break;
        }
        match messages.recv_timeout(pause) {
            Ok(newer) => return Ok(Some(newer)),
            Err(RecvTimeoutError::Timeout) => {}
            // This is the last message; the channel does not wait any more.
            Err(RecvTimeoutError::Disconnected) => drop(clock::wait_until(pause, || false)),
        }
        outcome = try_once(address, message);
    }
    outcome.map(|()| None)
}

fn try_once(address: &Address, message: &str) -> Result<(), String> {
    match http::post_json(&address.url, address.privacy, message, TIMEOUT) {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
        Ok(answer) => Err(format!("it answers HTTP {}", answer.status)),
        // An error may repeat the URL, which may be a secret.
        Err(error) => {
            Err(Redaction::of_address(&address.url).words(&error.to_string(), ERROR_CHARS))
        }
    }
}

//! A courier: carries letters to one address, on a thread of its own, and never keeps anybody waiting but at the
//! very end. What could not be delivered is said; nothing else depends on it.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shared::run::redaction::Redaction;

use super::clock;
use super::http::{self, Privacy};

const TIMEOUT: Duration = Duration::from_secs(5);
/// Pauses before the second, third and fourth try.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// How long the last letter may take, all its tries together.
const FAREWELL: Duration = Duration::from_secs(15);

/// How much of an error is said.
const ERROR_CHARS: usize = 300;

/// Where to carry letters.
pub struct Address {
    /// The whole address, which may be a secret.
    pub url: String,
    /// What is said of it.
    pub shown: String,
    /// How it goes there.
    pub privacy: Privacy,
}

/// Carries letters while it exists.
pub struct Courier {
    /// Gone once it was said that no more will come.
    outbox: Option<Sender<String>>,
    complaints: Receiver<String>,
    thread: JoinHandle<()>,
}

impl Courier {
    /// Begins to work; an error is that of the system, which has no thread to give.
    pub fn start(address: Address) -> std::io::Result<Self> {
        let (outbox, letters) = mpsc::channel();
        let (complain, complaints) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("courier".to_owned())
            .spawn(move || carry(&address, &letters, &complain))?;
        Ok(Self { outbox: Some(outbox), complaints, thread })
    }

    /// Hands a letter over: JSON. Returns at once.
    pub fn send(&self, letter: String) {
        if let Some(outbox) = &self.outbox {
            drop(outbox.send(letter));
        }
    }

    /// What could not be delivered since the last call, for people.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.try_iter().collect()
    }

    /// No more letters: waits until the last one was delivered or given up, for a bounded time. Says what was not.
    pub fn farewell(mut self) -> Vec<String> {
        self.outbox = None;
        let mut complaints = Vec::new();
        if !clock::wait_until(FAREWELL, || self.thread.is_finished()) {
            complaints.push(format!("the last notification was given up after {} s", FAREWELL.as_secs()));
        }
        complaints.splice(0..0, self.complaints());
        complaints
    }
}

fn carry(address: &Address, letters: &Receiver<String>, complain: &Sender<String>) {
    let mut next = letters.recv().ok();
    while let Some(letter) = next {
        let delivery = deliver(address, &letter, letters);
        if let Err(what) = &delivery {
            drop(complain.send(format!("a notification did not get to {}: {what}", address.shown)));
        }
        next = delivery.ok().flatten().or_else(|| letters.recv().ok());
    }
}

/// Tries a few times. A newer letter that comes meanwhile is returned and takes the place of this one: it is the
/// truer one.
fn deliver(address: &Address, letter: &str, letters: &Receiver<String>) -> Result<Option<String>, String> {
    let mut outcome = try_once(address, letter);
    for pause in PAUSES {
        if outcome.is_ok() {
            break;
        }
        match letters.recv_timeout(pause) {
            Ok(newer) => return Ok(Some(newer)),
            Err(RecvTimeoutError::Timeout) => {}
            // No more letters: that returns at once, and this one is the last.
            Err(RecvTimeoutError::Disconnected) => drop(clock::wait_until(pause, || false)),
        }
        outcome = try_once(address, letter);
    }
    outcome.map(|()| None)
}

fn try_once(address: &Address, letter: &str) -> Result<(), String> {
    match http::post_json(&address.url, address.privacy, letter, TIMEOUT) {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
        Ok(answer) => Err(format!("it answers HTTP {}", answer.status)),
        // An error may repeat the address, which may be a secret.
        Err(error) => Err(Redaction::of_address(&address.url).words(&error.to_string(), ERROR_CHARS)),
    }
}

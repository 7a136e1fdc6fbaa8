//! One request, with its retries: the only file that names an HTTP client.

use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::time::Duration;

use reqwest::blocking;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use shared::run::api_key::ApiKey;
use url::Url;

use super::backoff::Backoff;
use super::failure::Failure;
use crate::clock::Deadline;
use crate::stop::Stop;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest silence between two pieces of a reply.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest time for one reply: a trickle that never ends is a fault too.
const REPLY_TIMEOUT: Duration = Duration::from_mins(3);
/// A page of 50,000 trades is about 13 MB.
const MAX_BODY_BYTES: usize = 128 << 20;

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
#[error("can't set up the HTTP client: {0}")]
pub struct ClientError(#[from] reqwest::Error);

/// Sends requests; shared by all threads, which share its connections.
pub struct Client {
    http: blocking::Client,
    key: ApiKey,
    backoff: Backoff,
}

impl Client {
    /// A client that authenticates with `key` and never follows a redirect: the key goes where we send it.
    pub fn new(key: ApiKey, backoff: Backoff) -> Result<Self, ClientError> {
        // A second installation is refused and changes nothing: there is one provider either way.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = blocking::Client::builder()
            .user_agent(concat!("worker/", env!("CARGO_PKG_VERSION")))
            .default_headers(bearer(&key))
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(READ_TIMEOUT)
            .build()?;
        Ok(Self { http, key, backoff })
    }

    /// Asks for `url` until `read` makes something of a reply's body, a failure is final, or the tries are
    /// used up. `body` is a buffer to work in; `on_retry` hears of each failure that is followed by a wait.
    pub fn get<T>(
        &self,
        url: &Url,
        body: &mut Vec<u8>,
        stop: &Stop,
        mut read: impl FnMut(&[u8]) -> Result<T, Failure>,
        mut on_retry: impl FnMut(&Failure, Duration),
    ) -> Result<T, Failure> {
        let mut failures = 0;
        loop {
            if stop.is_asked() {
                return Err(Failure::Stopped);
            }
            let failure = match self.once(url, body).and_then(|()| read(body)) {
                Ok(page) => return Ok(page),
                Err(failure) => failure,
            };
            failures += 1;
            let wait = failure
                .retry()
                .and_then(|reason| self.backoff.wait(failures, reason, failure.retry_after(), chance()));
            let Some(wait) = wait else { return Err(failure) };
            on_retry(&failure, wait);
            stop.sleep(wait);
        }
    }

    /// Sends one request and receives one whole reply of status 200 into `body`.
    fn once(&self, url: &Url, body: &mut Vec<u8>) -> Result<(), Failure> {
        let mut reply = self.http.get(url.clone()).send().map_err(transport)?;
        let status = reply.status().as_u16();
        let retry_after =
            reply.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let received = receive(&mut reply, body);
        if status == 200 {
            return received;
        }
        // An error counts with what arrived of its words.
        let words = String::from_utf8_lossy(body).replace(self.key.expose(), "(key)");
        Err(Failure::of_reply(status, retry_after.as_deref(), &words))
    }
}

fn bearer(key: &ApiKey) -> HeaderMap {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
        .expect("an ApiKey is made of visible ASCII only");
    value.set_sensitive(true);
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

fn receive(reply: &mut blocking::Response, body: &mut Vec<u8>) -> Result<(), Failure> {
    let deadline = Deadline::after(REPLY_TIMEOUT);
    body.clear();
    let mut piece = [0; 16 << 10];
    loop {
        match reply.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => body.extend_from_slice(&piece[..length]),
            Err(error) => return Err(Failure::Transport(innermost(&error))),
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(Failure::Transport(format!("a reply of more than {MAX_BODY_BYTES} bytes")));
        }
        if deadline.left().is_zero() {
            return Err(Failure::Transport(format!(
                "the reply took longer than {} s",
                REPLY_TIMEOUT.as_secs()
            )));
        }
    }
}

/// The URL is left out: its query is long, and the path is known from the ticker and the dates.
fn transport(error: reqwest::Error) -> Failure {
    Failure::Transport(innermost(&error.without_url()))
}

/// What the system said at the bottom of a chain of wrappers.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Uniform in `0.0..1.0`: every `RandomState` has keys of its own, random enough for jitter.
fn chance() -> f64 {
    let random = RandomState::new().hash_one(0);
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

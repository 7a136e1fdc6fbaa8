//! One request, with its retries: the only file that names an HTTP client.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::blocking;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    ACCEPT_ENCODING, AGE, AUTHORIZATION, CONTENT_ENCODING, DATE, HeaderMap, HeaderValue,
    RETRY_AFTER,
};
use reqwest::redirect::Policy;
use shared::disk::shortage::Shortage;
use shared::error_chain::with_causes;
use shared::pace::shared_budget::SharedBudget;
use shared::run::api_key::ApiKey;
use shared::run::base_url::BaseUrl;
use shared::run::outage::Symptom;
use shared::run::redaction::Redaction;
use shared::run::source_clock::{Heard, SourceClock};
use url::Url;

use super::answering::Answering;
use super::backoff::{Backoff, Troubles};
use super::body::{Body, Bounds, Packing};
use super::failure::Failure;
use super::lie::Lie;
use super::page::PageError;
use super::page_copy::PageCopy;
use super::resolver::Addresses;
use crate::chance;
use crate::clock::{self, Moment};
use crate::stop::Stop;
use shared::deadline::Deadline;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest silence between two pieces of a reply.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest time for one reply.
const REPLY_TIMEOUT: Duration = Duration::from_mins(3);
/// A page of 50,000 trades is about 13 MB.
const MAX_BODY_BYTES: u64 = 128 << 20;
/// As much of an error's body is read.
const MAX_WORDS_BYTES: u64 = 64 << 10;

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
#[error("can't set up the HTTP client: {0}")]
pub struct ClientError(#[from] reqwest::Error);

/// Looks names up without the library's own threads: where it gets none, it panics.
struct OnOurThreads;

impl Resolve for OnOurThreads {
    fn resolve(&self, name: Name) -> Resolving {
        let found = Addresses::of(name.as_str());
        Box::pin(async move { Ok(Box::new(found.await?.into_iter()) as Addrs) })
    }
}

/// Sends requests; shared by all threads, which share its connections.
pub struct Client {
    http: blocking::Client,
    redaction: Redaction,
    backoff: Backoff,
    /// One for all processes that use this key; `None` sends as fast as the server answers.
    budget: Option<SharedBudget>,
    turns_awaited: AtomicUsize,
    answering: Mutex<Answering>,
    /// The last reply that told the time.
    source_clock: Mutex<Option<Heard>>,
}

impl Client {
    /// A client that authenticates with `key` and never follows a redirect: the key goes where we
    /// send it.
    pub fn new(
        base: &BaseUrl,
        key: &ApiKey,
        backoff: Backoff,
        budget: Option<SharedBudget>,
    ) -> Result<Self, ClientError> {
        // A second installation is refused and changes nothing: there is one provider either way.
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = blocking::Client::builder()
            .user_agent(concat!("worker/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(key))
            .redirect(Policy::none())
            .dns_resolver(Arc::new(OnOurThreads))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(READ_TIMEOUT);
        // Through a proxy only what it can't read: https passes it as a tunnel, http would show it
        // the key.
        let http = if base.is_encrypted() { builder } else { builder.no_proxy() }.build()?;
        Ok(Self {
            http,
            redaction: Redaction::of_key(key),
            backoff,
            budget,
            turns_awaited: AtomicUsize::new(0),
            answering: Mutex::default(),
            source_clock: Mutex::default(),
        })
    }

    /// Requests that wait for their turn in the rate budget.
    pub fn turns_awaited(&self) -> usize {
        self.turns_awaited.load(Ordering::Relaxed)
    }

    fn answering(&self) -> MutexGuard<'_, Answering> {
        self.answering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when, by [`clock::uptime`], the source has not answered as it should, and how.
    pub fn outage(&self) -> Option<(Duration, Symptom)> {
        self.answering().outage(clock::uptime())
    }

    /// Keeps pages beside their reading, for `target`.
    pub fn page_copy(&self, root: &Path, target: PathBuf) -> PageCopy {
        PageCopy::new(root.to_owned(), target, self.redaction.clone())
    }

    /// What must not be said of what the server says.
    pub fn redaction(&self) -> &Redaction {
        &self.redaction
    }

    /// The source's clock beside ours, once a reply has told the time.
    pub fn source_clock(&self) -> Option<SourceClock> {
        self.source_clock_at(clock::moment())
    }

    /// The same at another moment: ours may have been set in between.
    pub fn source_clock_at(&self, moment: Moment) -> Option<SourceClock> {
        let heard = *self.source_clock.lock().unwrap_or_else(PoisonError::into_inner);
        heard.map(|heard| heard.beside(moment.at, moment.steady))
    }

    /// A reply out of a cache tells an old time.
    fn look_at_clock(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).filter(|_| !headers.contains_key(AGE));
        let heard = date.and_then(|date| Heard::new(date.to_str().ok()?, clock::moment().steady));
        if heard.is_some() {
            *self.source_clock.lock().unwrap_or_else(PoisonError::into_inner) = heard;
        }
    }

    /// As many tries as a request gets.
    pub fn tries(&self) -> u32 {
        self.backoff.tries
    }

    /// Asks for `url` with as many tries as told; see [`Client::get_within`].
    pub fn get<T>(
        &self,
        url: &Url,
        stop: &Stop,
        read: impl Fn(&mut dyn Read) -> Result<T, PageError>,
        on_retry: impl FnMut(&Failure, Duration),
    ) -> Result<(T, u64), Failure> {
        self.get_within(self.tries(), url, stop, read, on_retry)
    }

    /// Asks for `url` at most `tries` times until `read` makes something of a reply's body, a
    /// failure is final, or tries and patience are used up; returns also the length of the body.
    /// `on_retry` hears of each failure that is followed by a wait.
    pub fn get_within<T>(
        &self,
        tries: u32,
        url: &Url,
        stop: &Stop,
        read: impl Fn(&mut dyn Read) -> Result<T, PageError>,
        mut on_retry: impl FnMut(&Failure, Duration),
    ) -> Result<(T, u64), Failure> {
        let backoff = Backoff { tries, ..self.backoff };
        let mut troubles = Troubles::default();
        loop {
            if stop.is_asked() {
                return Err(Failure::Stopped);
            }
            self.await_turn(stop)?;
            let request = self.answering().sends(clock::uptime());
            let received = self.once(url, &read);
            self.answering().ends(request, received.as_ref().err());
            let failure = match received {
                Ok(received) => return Ok(received),
                Err(failure) => failure,
            };
            self.share_refusal(&failure)?;
            let wait = failure.retry().and_then(|reason| {
                backoff.wait(&mut troubles, reason, failure.retry_after(), chance())
            });
            let Some(wait) = wait else { return Err(failure) };
            on_retry(&failure, wait);
            stop.sleep(wait);
        }
    }

    /// The wait before a source that has contradicted itself `lies` times is asked again.
    pub fn wait_after_lie(&self, lies: u32) -> Duration {
        self.backoff.wait_after_faults(lies, chance()).unwrap_or_default()
    }

    /// Waits for a turn in the rate budget.
    fn await_turn(&self, stop: &Stop) -> Result<(), Failure> {
        let Some(budget) = &self.budget else { return Ok(()) };
        let sleep = |wait| {
            stop.sleep(wait);
            if stop.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        self.turns_awaited.fetch_add(1, Ordering::Relaxed);
        let turn = budget.take(sleep);
        self.turns_awaited.fetch_sub(1, Ordering::Relaxed);
        match turn {
            Ok(ControlFlow::Continue(())) => Ok(()),
            Ok(ControlFlow::Break(())) => Err(Failure::Stopped),
            Err(error) => Err(Failure::NoTurn(with_causes(&error))),
        }
    }

    /// A 429 slows everybody who uses the key.
    fn share_refusal(&self, failure: &Failure) -> Result<(), Failure> {
        match (&self.budget, failure) {
            (Some(budget), Failure::RateLimited { retry_after, .. }) => {
                budget.refused(*retry_after).map_err(|error| Failure::NoTurn(with_causes(&error)))
            }
            _ => Ok(()),
        }
    }

    /// Sends one request and reads one whole reply of status 200.
    fn once<T>(
        &self,
        url: &Url,
        read: impl Fn(&mut dyn Read) -> Result<T, PageError>,
    ) -> Result<(T, u64), Failure> {
        let reply = self.http.get(url.clone()).send().map_err(transport)?;
        self.answering().hears(clock::uptime());
        self.look_at_clock(reply.headers());
        let status = reply.status().as_u16();
        let retry_after = reply
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let codings = reply.headers().get_all(CONTENT_ENCODING);
        let packing =
            Packing::of(codings.iter().map(|value| value.to_str().unwrap_or("what is no text")));
        let reply = Attended { reply, client: self };
        let bounds = Bounds { bytes: MAX_BODY_BYTES, deadline: Deadline::after(REPLY_TIMEOUT) };
        if status == 200 {
            let mut body = Body::new(reply, packing.map_err(Failure::NotAPage)?, bounds);
            let read = read(&mut body).map_err(|error| match error {
                PageError::Read(error) => Failure::Unfinished(innermost(&error)),
                PageError::Cut(what) => Failure::CutPage(what),
                PageError::Malformed(what) => Failure::NotAPage(what),
                PageError::Impossible(what) => Failure::Lie(Lie::Impossible(what)),
                // Who reads within bounds has an answer of its own to that.
                no_room @ PageError::NoRoom(_) => Failure::Unfinished(no_room.to_string()),
            })?;
            return Ok((read, body.unpacked()));
        }
        // An error counts with what arrived of its words.
        let mut words = Vec::new();
        let body = Body::new(reply, packing.unwrap_or(Packing::Plain), bounds);
        drop(body.take(MAX_WORDS_BYTES).read_to_end(&mut words));
        let words = String::from_utf8_lossy(&words);
        Err(Failure::of_reply(status, retry_after.as_deref(), &words, &self.redaction))
    }
}

/// A reply that is heard while it arrives.
struct Attended<'a> {
    reply: blocking::Response,
    client: &'a Client,
}

impl Read for Attended<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reply.read(buffer)?;
        self.client.answering().hears(clock::uptime());
        Ok(length)
    }
}

fn headers(key: &ApiKey) -> HeaderMap {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
        .expect("an ApiKey is made of visible ASCII only");
    value.set_sensitive(true);
    HeaderMap::from_iter([
        (AUTHORIZATION, value),
        (ACCEPT_ENCODING, HeaderValue::from_static("gzip")),
    ])
}

/// The URL is left out: its query is long, and the path is known from the ticker and the dates.
fn transport(error: reqwest::Error) -> Failure {
    let is_unfinished = error.is_timeout() && !error.is_connect();
    let shortage = Shortage::behind(&error);
    let words = innermost(&error.without_url());
    match shortage {
        Some(shortage) => Failure::Short { shortage, words },
        None if is_unfinished => Failure::Unfinished(words),
        None => Failure::Transport(words),
    }
}

/// What the system said at the bottom of a chain of wrappers.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Uniform in `0.0..1.0`.
fn chance() -> f64 {
    (chance::number() >> 11) as f64 / (1_u64 << 53) as f64
}

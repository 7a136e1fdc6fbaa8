//! The launcher's door to the network: one short request at a time, no redirects, and no proxy that
//! could read a secret.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout, time};

const REDIRECTS: u32 = 0;
/// How many bytes of an answer are read.
const ANSWER_BYTES: u64 = 64 * 1024;

/// An answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its first 64 KiB; empty where they could not be read.
    pub body: String,
    /// Its `Date`, unless it came out of a cache.
    pub date: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct HttpError {
    error: Box<ureq::Error>,
    /// What the system said; the library does not expose it.
    #[source]
    of_system: Option<io::Error>,
}

impl From<ureq::Error> for HttpError {
    fn from(error: ureq::Error) -> Self {
        let number = match &error {
            ureq::Error::Io(error) => error.raw_os_error(),
            _ => None,
        };
        Self { error: Box::new(error), of_system: number.map(io::Error::from_raw_os_error) }
    }
}

/// Can others on the way read what is sent?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// `https`: a proxy only tunnels it.
    Encrypted,
    /// `http`: no proxy gets it.
    Plain,
}

/// Asks for `url`; `authorization` goes out as a header and nowhere else.
pub fn get(
    url: &str,
    privacy: Privacy,
    authorization: &str,
    timeout: Duration,
) -> Result<Answer, HttpError> {
    let response = agent(privacy, timeout).get(url).header("Authorization", authorization).call();
    answer(response)
}

/// Posts `json` to `url`.
pub fn post_json(
    url: &str,
    privacy: Privacy,
    json: &str,
    timeout: Duration,
) -> Result<Answer, HttpError> {
    answer(agent(privacy, timeout).post(url).header("Content-Type", "application/json").send(json))
}

fn agent(privacy: Privacy, timeout: Duration) -> ureq::Agent {
    let proxy = match privacy {
        Privacy::Encrypted => ureq::Proxy::try_from_env(),
        Privacy::Plain => None,
    };
    let config = ureq::Agent::config_builder()
        .proxy(proxy)
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(REDIRECTS);
    ureq::Agent::with_parts(config.build(), DefaultConnector::default(), OnOurThread)
}

/// Resolves names without a thread of the library, which panics where it gets none.
#[derive(Debug)]
struct OnOurThread;

impl Resolver for OnOurThread {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let (put, found) = mpsc::sync_channel(1);
        let (their_uri, their_config) = (uri.clone(), config.clone());
        let look_up = move || drop(put.send(wait_for(&their_uri, &their_config)));
        match thread::Builder::new().name("resolver".to_owned()).spawn(look_up) {
            Ok(_) => found
                .recv_timeout(*timeout.after)
                .unwrap_or(Err(ureq::Error::Timeout(timeout.reason))),
            // Without a thread to spare we wait ourselves.
            Err(_) => wait_for(uri, config),
        }
    }
}

/// With a time limit the library would start a thread.
fn wait_for(uri: &Uri, config: &Config) -> Result<ResolvedSocketAddrs, ureq::Error> {
    let endless = NextTimeout { after: time::Duration::NotHappening, ..NextTimeout::default() };
    DefaultResolver::default().resolve(uri, config, endless)
}

fn answer(
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Answer, HttpError> {
    let mut response = response?;
    let status = response.status().as_u16();
    let headers = response.headers();
    let date = headers.get("date").filter(|_| !headers.contains_key("age"));
    let date = date.and_then(|date| Some(date.to_str().ok()?.to_owned()));
    let body =
        response.body_mut().with_config().limit(ANSWER_BYTES).lossy_utf8(true).read_to_string();
    Ok(Answer { status, body: body.unwrap_or_default(), date })
}

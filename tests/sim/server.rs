//! The exchange as a running server: sockets, threads, headers. `handler` decides what is answered.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::body::{InFlight, ReplyBody};
use super::chance::of_text;
use super::config::{Config, Rows};
use super::handler::{Handler, Heard};
use super::params::hex32;
use super::replay::Replay;
use super::reply::{Delivery, Reply};
use super::source::{Source, SourceError};
use super::stats::Stats;
use super::synthetic::Synthetic;
use super::wire::{ResetFlag, Wire};

/// Pages made at the same time.
const MAKERS: usize = 4;
/// How long pages in the making are waited for at the end.
const LAST_PAGES: Duration = Duration::from_secs(2);
/// After an accept that failed (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Why an exchange did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There are no rows to serve.
    #[error("no data to serve")]
    Source(#[from] SourceError),
    /// The address can't be listened on.
    #[error("can't listen on {addr}")]
    Listen {
        /// The one asked for.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A running exchange; dropping it ends it.
pub struct Exchange {
    addr: SocketAddr,
    handler: Arc<Handler>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Exchange {
    /// Starts an exchange on threads of its own and returns when it listens.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let source: Arc<dyn Source> = match &config.rows {
            Rows::Synthetic(shape) => Arc::new(Synthetic::new(shape.clone())),
            Rows::Replay(folder) => Arc::new(Replay::open(folder)?),
        };
        let wrong = |source| StartError::Listen { addr: config.addr, source };
        let listener = StdListener::bind(config.addr).map_err(wrong)?;
        listener.set_nonblocking(true).map_err(wrong)?;
        let addr = listener.local_addr().map_err(wrong)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(MAKERS)
            .build()
            .map_err(wrong)?;
        let (stop, stopped) = oneshot::channel();
        let handler = Arc::new(Handler::new(config, source));
        let handler_inside = Arc::clone(&handler);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::spawn(accept(listener, handler_inside));
                // An error means that the exchange was dropped without a word: the end all the
                // same.
                stopped.await.ok();
            });
            runtime.shutdown_timeout(LAST_PAGES);
        });
        Ok(Self { addr, handler, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The rows it serves: the truth to compare with.
    pub fn source(&self) -> &dyn Source {
        &**self.handler.source()
    }

    /// Turns a source that changes its mind to another epoch; 0 is the rows as they are.
    pub fn turn_to_epoch(&self, number: u64) {
        assert!(
            self.handler.turn_to_epoch(number),
            "a source that changes its mind was configured"
        );
    }

    /// From now on its replies say that now is so far from now: this machine's clock looks as if it
    /// had been set.
    pub fn set_date_offset(&self, offset: jiff::SignedDuration) {
        self.handler.set_date_offset(offset);
    }

    /// Answers so many more requests, and lets all others wait until [`Exchange::open_the_door`]. A
    /// client with more work than that is surely on its way when it is stopped. The requests of one
    /// that was killed may still take answers: whoever counts these waits first until nothing is in
    /// flight.
    pub fn close_the_door_after(&self, requests: usize) {
        self.handler.admission().close_after(requests);
    }

    /// Were all requests answered that the closed admission allows, and does another one wait?
    pub fn holds_somebody_up(&self) -> bool {
        self.handler.admission().holds_somebody_up()
    }

    /// Answers everybody again.
    pub fn open_the_door(&self) {
        self.handler.admission().open();
    }

    /// The counters so far.
    pub fn stats(&self) -> Stats {
        self.handler.stats().clone()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic inside has been printed; there is nobody left here to tell.
            thread.join().ok();
        }
    }
}

async fn accept(listener: StdListener, handler: Arc<Handler>) {
    let listener =
        TcpListener::from_std(listener).expect("inside the runtime, with a non-blocking socket");
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        stream.set_nodelay(true).ok();
        let handler = Arc::clone(&handler);
        tokio::spawn(async move {
            let reset = ResetFlag::default();
            let wire = Wire::new(stream, Arc::clone(&reset));
            let service = service_fn(move |request| {
                respond(request, Arc::clone(&handler), Arc::clone(&reset))
            });
            // A client that hangs up, or one of our own resets, is no news.
            http1::Builder::new().serve_connection(wire, service).await.ok();
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    handler: Arc<Handler>,
    reset: ResetFlag,
) -> Result<Response<ReplyBody>, Infallible> {
    let heard = heard(&request);
    let is_counted = heard.path != "/__stats";
    let in_flight = is_counted.then(|| {
        let now_ms = jiff::Timestamp::now().as_millisecond();
        InFlight::arrived(Arc::clone(&handler), now_ms, &heard.path)
    });
    if is_counted {
        handler.admission().enter().await;
    }
    let offset = Arc::clone(&handler);
    let takes_gzip = accepts_gzip(request.headers());
    let making = tokio::task::spawn_blocking(move || {
        let (endpoint, reply) = handler.reply(&heard, Instant::now());
        let is_packed = takes_gzip && reply.is_json();
        let bytes =
            if is_packed { packed(reply.body.as_bytes()) } else { reply.body.clone().into_bytes() };
        if is_counted {
            handler.stats().answered(
                endpoint,
                reply.status,
                reply.rows,
                &reply.faults,
                bytes.len(),
            );
        }
        let request_id = hex32(of_text(&heard.path) ^ 1);
        (bytes, is_packed, request_id, reply)
    });
    let Ok((bytes, is_packed, request_id, reply)) = making.await else {
        // The maker panicked, and said so on stderr.
        let body = ReplyBody::new(Vec::new(), Delivery::Reset, &reset, in_flight);
        return Ok(Response::new(body));
    };
    let mut response = Response::new(ReplyBody::new(bytes, reply.delivery, &reset, in_flight));
    *response.status_mut() = hyper::StatusCode::from_u16(reply.status).expect("statuses are ours");
    set_headers(response.headers_mut(), &reply, is_packed, &request_id);
    response
        .headers_mut()
        .insert(header::DATE, date(jiff::Timestamp::now() + offset.date_offset()));
    Ok(response)
}

fn heard(request: &Request<Incoming>) -> Heard {
    let text = |name: HeaderName| {
        let value = request.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    Heard {
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or("").to_owned(),
        host: text(header::HOST).unwrap_or_else(|| "localhost".to_owned()),
        authorization: text(header::AUTHORIZATION),
    }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted =
        headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = accepted.flat_map(|text| text.split(','));
    codings.any(|coding| coding.split(';').next().is_some_and(|name| name.trim() == "gzip"))
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).expect("a Vec takes everything");
    encoder.finish().expect("a Vec takes everything")
}

/// As RFC 9110, 5.6.7 spells it.
fn date(now: jiff::Timestamp) -> HeaderValue {
    let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    let text = text.expect("our time has four digits for the year");
    HeaderValue::from_str(&text).expect("letters, digits and blanks")
}

fn set_headers(headers: &mut HeaderMap, reply: &Reply, is_packed: bool, request_id: &str) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert("x-polygon-cluster-name", HeaderValue::from_static("polygon-ny5"));
    let hsts = HeaderValue::from_static("max-age=15724800; includeSubDomains");
    headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts);
    headers.insert("x-request-id", HeaderValue::from_str(request_id).expect("hexadecimal digits"));
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Some(seconds) = reply.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

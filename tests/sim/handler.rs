//! The handler of requests: a request comes in as text, a reply goes out as a value.
//!
//! Here are the things that requests share (rate window, repetitions of a URL); sockets are the
//! server's.

use jiff::SignedDuration;
use shared::market::trading_day::TradingDay;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::admission::Admission;
use super::chance::{join, mix, of_text};
use super::config::{Config, RetryAfter};
use super::endpoint::{Ask, Page, aggs, events, grouped, splits, tickers, trades};
use super::faults::{Drawn, Fault};
use super::params::{Params, hex32};
use super::rate_window::RateWindow;
use super::refusal::Refusal;
use super::reply::{Delivery, Reply};
use super::revising::Revising;
use super::routes::Route;
use super::source::Source;
use super::stats::Stats;
use shared::error_chain::with_causes;

/// What a request says.
pub struct Heard {
    /// Path without query.
    pub path: String,
    /// Query without the question mark; may hold `apiKey`.
    pub query: String,
    /// The `Host` header.
    pub host: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

/// The exchange behind its sockets.
pub struct Handler {
    config: Config,
    source: Arc<dyn Source>,
    revising: Option<Arc<Revising>>,
    window: Option<Mutex<RateWindow>>,
    /// When the first request came.
    first_asked: OnceLock<Instant>,
    /// Twelve bytes for every URL ever asked: a million of them fit where one page does.
    asked: Mutex<HashMap<u64, u32>>,
    stats: Mutex<Stats>,
    admission: Admission,
    /// By so much the `Date` of its replies is off now.
    date_offset: Mutex<SignedDuration>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counters stay true even if a thread died holding them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Handler {
    /// A handler for a source.
    pub fn new(config: Config, source: Arc<dyn Source>) -> Self {
        let revising = config.revise.map(|seed| Arc::new(Revising::new(Arc::clone(&source), seed)));
        let source = revising.clone().map_or(source, |revising| revising);
        let window = config.rate.map(|rate| Mutex::new(RateWindow::new(rate)));
        let date_offset = Mutex::new(config.date_offset);
        Self {
            config,
            source,
            revising,
            window,
            first_asked: OnceLock::new(),
            asked: Mutex::default(),
            stats: Mutex::default(),
            admission: Admission::default(),
            date_offset,
        }
    }

    /// What it was asked to be.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The source it serves.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// Turns to another epoch; `false` where the source never changes its mind.
    pub fn turn_to_epoch(&self, number: u64) -> bool {
        self.revising.as_ref().inspect(|revising| revising.turn_to(number)).is_some()
    }

    /// From now on the `Date` of its replies is so far off.
    pub fn set_date_offset(&self, offset: SignedDuration) {
        *lock(&self.date_offset) = offset;
    }

    pub fn date_offset(&self) -> SignedDuration {
        *lock(&self.date_offset)
    }

    /// Where requests come in.
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// The counters.
    pub fn stats(&self) -> MutexGuard<'_, Stats> {
        lock(&self.stats)
    }

    /// The reply to one request, and the endpoint's name. The counters are the caller's business.
    pub fn reply(&self, heard: &Heard, now: Instant) -> (&'static str, Reply) {
        let Some(route) = Route::of(&heard.path) else { return ("unrouted", Reply::unrouted()) };
        if matches!(route, Route::Stats) {
            let json = serde_json::to_string(&*self.stats()).expect("counters are always JSON");
            return (route.name(), Reply::stats(json));
        }
        if let Route::Epoch(number) = route {
            let turned = self.turn_to_epoch(number);
            return (
                route.name(),
                Reply::stats(format!("{{\"epoch\":{number},\"turned\":{turned}}}")),
            );
        }
        let target = target_without_key(heard);
        let request_id = hex32(of_text(&target));
        let reply = self.refused_at_the_door(heard, &request_id, now).unwrap_or_else(|| {
            let asked_before = self.count_repetition(&target);
            let drawn = self.config.faults.draw(&target, asked_before);
            let request_id = hex32(join(of_text(&target), u64::from(asked_before)));
            self.answer(&route, heard, &target, &request_id, &drawn)
        });
        (route.name(), reply)
    }

    fn refused_at_the_door(&self, heard: &Heard, request_id: &str, now: Instant) -> Option<Reply> {
        match (key_of(heard), &self.config.key) {
            (None, _) => return Some(Reply::error(401, request_id, "API Key was not provided")),
            (Some(given), Some(known)) if given != *known => {
                return Some(Reply::error(401, request_id, "Unknown API Key"));
            }
            _ => {}
        }
        let since_first = now.saturating_duration_since(*self.first_asked.get_or_init(|| now));
        if self.config.storm.is_some_and(|storm| storm.refuses(since_first)) {
            return Some(Reply::too_many(request_id, None));
        }
        let wait = lock(self.window.as_ref()?).admit(now).err()?;
        let retry_after_s = match self.config.retry_after {
            RetryAfter::Said => Some(wait.saturating_add(Duration::from_millis(999)).as_secs()),
            RetryAfter::Silent => None,
        };
        Some(Reply::too_many(request_id, retry_after_s))
    }

    /// How often this very URL was asked before; refused requests don't count.
    fn count_repetition(&self, target: &str) -> u32 {
        let mut asked = lock(&self.asked);
        let times = asked.entry(of_text(target)).or_default();
        *times += 1;
        *times - 1
    }

    fn answer(
        &self,
        route: &Route,
        heard: &Heard,
        target: &str,
        request_id: &str,
        drawn: &Drawn,
    ) -> Reply {
        if let Some(reply) = failed(request_id, drawn) {
            return reply;
        }
        let all_days_of = self.config.all_days_of.as_deref();
        let reaches_all =
            all_days_of.is_some_and(|ticker| heard.path.split('/').any(|part| part == ticker));
        let page = Params::read(&heard.query).and_then(|(params, page)| {
            let ask = Ask {
                source: &*self.source,
                origin: &format!("http://{}", heard.host),
                target,
                path: &heard.path,
                params,
                page,
                drawn,
                defects: &self.config.defects,
                page_rows_max: self.config.page_rows_max.max(1),
                aggs_end: self.config.aggs_end,
                plan_begins: if reaches_all { TradingDay::MIN } else { self.config.plan_begins },
                request_id,
            };
            page_of(route, &ask)
        });
        match page {
            Ok(Page { json, rows, faults }) => {
                delivered(Reply::page(json, rows, faults), request_id, drawn)
            }
            Err(Refusal::BadRequest(error)) => Reply::error(400, request_id, &error),
            Err(Refusal::TooHeavy) => Reply::gateway(504),
            Err(Refusal::OutsidePlan) => Reply::outside_plan(request_id),
            Err(Refusal::NotFound(message)) => Reply::not_found(request_id, message),
            Err(Refusal::Source(error)) => Reply::error(500, request_id, &with_causes(&error)),
        }
    }
}

fn page_of(route: &Route, ask: &Ask) -> Result<Page, Refusal> {
    match route {
        Route::Aggs(path) => aggs::page(ask, path),
        Route::Grouped(date) => grouped::page(ask, date),
        Route::Trades(ticker) => trades::page(ask, ticker),
        Route::Tickers => tickers::page(ask),
        Route::Ticker(ticker) => tickers::details(ask, ticker),
        Route::Events(id) => events::answer(ask, id),
        Route::Splits(edition) => splits::page(ask, *edition),
        Route::Stats | Route::Epoch(_) => Err(Refusal::NotFound("Not an endpoint of the vendor.")),
    }
}

/// The faults that leave no page at all.
fn failed(request_id: &str, drawn: &Drawn) -> Option<Reply> {
    use Fault::{BadGateway, GatewayTimeout, Html200, ServerError, TooMany, TooManyRetryAfter};
    let fault = drawn.first_of(&[
        TooMany,
        TooManyRetryAfter,
        ServerError,
        BadGateway,
        GatewayTimeout,
        Html200,
    ])?;
    let reply = match fault {
        TooMany => Reply::too_many(request_id, None),
        TooManyRetryAfter => Reply::too_many(request_id, Some(1)),
        BadGateway => Reply::gateway(502),
        GatewayTimeout => Reply::gateway(504),
        Html200 => Reply::gateway(200),
        _ => Reply::gateway(500),
    };
    Some(reply.showing(fault))
}

/// The faults between here and the client.
fn delivered(mut reply: Reply, request_id: &str, drawn: &Drawn) -> Reply {
    if drawn.has(Fault::TextPrice) && text_price(&mut reply.body) {
        reply = reply.showing(Fault::TextPrice);
    }
    match drawn.first_of(&[Fault::Reset, Fault::CutJson, Fault::SlowBody]) {
        Some(Fault::Reset) => {
            reply.delivery = Delivery::Reset;
            reply.showing(Fault::Reset)
        }
        Some(Fault::CutJson) => {
            // Somewhere after the middle and before the closing brace; ASCII by then, but be sure.
            let room = (reply.body.len() / 2).max(1);
            let key = usize::try_from(mix(of_text(request_id)) % 1_000).expect("under a thousand");
            let mut end = reply.body.len() - 1 - key % room;
            while !reply.body.is_char_boundary(end) {
                end -= 1;
            }
            reply.body.truncate(end);
            reply.showing(Fault::CutJson)
        }
        Some(fault) => {
            reply.delivery = Delivery::Slow;
            reply.showing(fault)
        }
        None => reply,
    }
}

/// Puts the last price of a page, of a bar or a trade, into quotes; says whether there was one.
fn text_price(body: &mut String) -> bool {
    let behind = |key: &str| body.rfind(key).map(|at| at + key.len());
    let Some(start) = behind("\"price\":").or_else(|| behind("\"c\":")) else { return false };
    let Some(length) = body[start..].find([',', '}']) else { return false };
    body.insert(start + length, '"');
    body.insert(start, '"');
    true
}

fn key_of(heard: &Heard) -> Option<String> {
    let bearer = heard.authorization.as_deref().and_then(|text| text.strip_prefix("Bearer "));
    let in_query = || {
        let found =
            url::form_urlencoded::parse(heard.query.as_bytes()).find(|(name, _)| name == "apiKey");
        found.map(|(_, value)| value.into_owned())
    };
    bearer.map(|key| key.trim().to_owned()).or_else(in_query).filter(|key| !key.is_empty())
}

/// Path and query, without the key: it goes into no cursor, no hash, no counter.
fn target_without_key(heard: &Heard) -> String {
    let kept: Vec<&str> = heard
        .query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("apiKey="))
        .collect();
    if kept.is_empty() { heard.path.clone() } else { format!("{}?{}", heard.path, kept.join("&")) }
}

//! The source: what it answers to one request, a function of its address and of the time alone.

use shared::market::ohlcv::Ohlcv;
use shared::run::redaction::Redaction;
use tests::sim::chance::{join, mix};
use url::Url;
use worker::api::failure::Failure;
use worker::api::page::Page;

use super::scenario::{Behaviour, Scenario, Trouble};

/// What came back.
pub(crate) type Reply = Result<Page<Ohlcv>, Failure>;

/// The rows that `whom` has on session number `at`, as the source tells them at `t`.
pub(crate) fn rows_of(scenario: &Scenario, whom: usize, at: usize, t: u64) -> Vec<Ohlcv> {
    let security = &scenario.securities[whom];
    let key = join(whom as u64, at as u64);
    let has_rows = match security.behaviour {
        Behaviour::Dead => false,
        Behaviour::Illiquid => mix(key).is_multiple_of(3),
        Behaviour::Good
        | Behaviour::Unknown
        | Behaviour::Twin(_)
        | Behaviour::Heavy(_)
        | Behaviour::Mute(_)
        | Behaviour::Poison
        | Behaviour::Locked => true,
    };
    if !has_rows {
        return Vec::new();
    }
    let version = security.revised_at.iter().filter(|revised| **revised <= t).count();
    let most = if scenario.kind == shared::dataset::kind::Kind::Daily { 1 } else { 3 };
    let count = 1 + mix(key ^ 0xC0) % most;
    let noon = scenario.sessions[at].1;
    let row = |number: u64| {
        let volume = (version + 1) as f64;
        let price = 1.0 + (mix(join(key, number)) % 1000) as f64;
        let t = noon + 60_000 * i64::try_from(number).expect("few rows");
        Ohlcv {
            t,
            open: price,
            high: price,
            low: price,
            close: price,
            volume,
            trades: None,
            vwap: None,
        }
    };
    let mut rows: Vec<Ohlcv> = (0..count).map(row).collect();
    if scenario.troubles(t, whom).any(|trouble| trouble == Trouble::Shrunk) {
        rows.pop();
    }
    if scenario.troubles(t, whom).any(|trouble| trouble == Trouble::Forgetful) {
        rows.clear();
    }
    if security.behaviour == Behaviour::Twin(at) {
        rows.extend(rows.last().map(|row| Ohlcv { volume: 77.0, ..*row }));
    }
    rows
}

/// The answer to a request for `url` of `whom` that arrives at `t`.
pub(crate) fn answer(scenario: &Scenario, whom: usize, url: &Url, t: u64) -> Reply {
    let (first, last) = ends_in(url);
    refusal(scenario, whom, (first, last), t)?;
    let mut rows: Vec<Ohlcv> = Vec::new();
    let begin = scenario.sessions.partition_point(|(_, noon)| noon + 3_600_000 < first);
    for at in begin..scenario.sessions.len() {
        if scenario.sessions[at].1 > last {
            break;
        }
        rows.extend(
            rows_of(scenario, whom, at, t)
                .into_iter()
                .filter(|row| (first..=last).contains(&row.t)),
        );
    }
    let mut next_url = None;
    if rows.len() > scenario.page_rows {
        rows.truncate(scenario.page_rows);
        let from = rows.last().expect("not empty").t;
        // A border may repeat the row before it.
        let from =
            if mix(from.unsigned_abs() ^ t).is_multiple_of(2) { from } else { from + 60_000 };
        let mut next = url.clone();
        let head = url.path().rsplitn(3, '/').last().expect("a path").to_owned();
        next.set_path(&format!("{head}/{from}/{last}"));
        next.set_query(Some("cursor=abc"));
        next_url = Some(next.to_string());
    }
    let mut ticker = scenario.securities[whom].ticker.to_string();
    for trouble in scenario.troubles(t, whom) {
        match trouble {
            Trouble::Falling => rows.reverse(),
            Trouble::OtherTicker => "OTHER".clone_into(&mut ticker),
            _ => {}
        }
    }
    Ok(Page {
        rows_ticker: None,
        ticker: Some(ticker),
        adjusted: Some(false),
        results_count: Some(rows.len() as u64),
        status: Some("OK".to_owned()),
        next_url,
        rows,
    })
}

/// Why no page comes, if none does.
fn refusal(
    scenario: &Scenario,
    whom: usize,
    (first, last): (i64, i64),
    t: u64,
) -> Result<(), Failure> {
    let said =
        |status, body: &str| Err(Failure::of_reply(status, None, body, &Redaction::default()));
    for trouble in scenario.troubles(t, whom) {
        match trouble {
            Trouble::Silence => return Err(Failure::Transport("connection refused".to_owned())),
            Trouble::Server => return said(503, "{\"error\":\"down\"}"),
            Trouble::RateLimit => return said(429, "{\"error\":\"too many\"}"),
            Trouble::Garbage => {
                return Err(Failure::NotAPage("expected value at line 1".to_owned()));
            }
            Trouble::KeyRefused => return said(401, "{\"error\":\"Unknown API Key\"}"),
            Trouble::Forgetful
            | Trouble::Shrunk
            | Trouble::Falling
            | Trouble::OtherTicker
            | Trouble::FullDisk
            | Trouble::ReadOnly => {}
        }
    }
    let days = (last - first) / 86_400_000 + 1;
    match scenario.securities[whom].behaviour {
        Behaviour::Unknown => return said(404, "{\"error\":\"not found\"}"),
        Behaviour::Heavy(most) if days > i64::from(most) => {
            return said(504, "{\"error\":\"timeout\"}");
        }
        Behaviour::Mute(at)
            if scenario.sessions.get(at).is_some_and(|(_, noon)| (first..=last).contains(noon)) =>
        {
            return said(504, "{\"error\":\"timeout\"}");
        }
        Behaviour::Good
        | Behaviour::Illiquid
        | Behaviour::Dead
        | Behaviour::Twin(_)
        | Behaviour::Heavy(_)
        | Behaviour::Mute(_)
        | Behaviour::Poison
        | Behaviour::Locked => {}
    }
    if scenario.plan_begins > 0
        && scenario
            .sessions
            .get(scenario.plan_begins)
            .is_none_or(|(_, noon)| first < noon - 54_000_000)
    {
        return said(403, "{\"message\":\"Your plan doesn't include this data timeframe\"}");
    }
    Ok(())
}

/// The two ends in the path of a request, ms UTC, both inclusive.
fn ends_in(url: &Url) -> (i64, i64) {
    let mut segments = url.path().rsplit('/');
    let mut end = || segments.next().and_then(|text| text.parse().ok()).expect("our own URL");
    let (last, first) = (end(), end());
    (first, last)
}

//! Each fault, seen from the client's side; and the same faults again for the same seed.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::sim::faults::Fault;
use tests::sim::server::Exchange;

use super::{Client, rows, small, started};

const PAGE: &str =
    "/v2/aggs/ticker/MAMTH/range/1/day/2014-01-02/2014-03-31?adjusted=false&limit=20";

fn always(fault: Fault) -> Exchange {
    started(small().with_fault(fault, 1.0))
}

fn next(page: &Value) -> String {
    page["next_url"].as_str().expect("a link to the next page").to_owned()
}

/// The second page as it should be.
fn honest_second_page() -> Value {
    let exchange = started(small());
    let client = Client::of(&exchange);
    client.json(&next(&client.json(PAGE)))
}

#[test]
fn refusals_and_gateways_have_their_status() {
    for (fault, status, retry_after) in [
        (Fault::TooMany, 429, None),
        (Fault::TooManyRetryAfter, 429, Some("1")),
        (Fault::ServerError, 500, None),
        (Fault::BadGateway, 502, None),
        (Fault::GatewayTimeout, 504, None),
        (Fault::Html200, 200, None),
    ] {
        let exchange = always(fault);
        let answer = Client::of(&exchange).get(PAGE);
        assert_eq!(answer.status, status, "{fault}");
        assert_eq!(
            answer.headers.get("retry-after").and_then(|value| value.to_str().ok()),
            retry_after,
            "{fault}"
        );
        assert_eq!(answer.text().starts_with("<html>"), status != 429, "{fault}");
        assert_eq!(exchange.stats().faults[fault.name()], 1);
    }
}

#[test]
fn bodies_are_torn_cut_or_slow() {
    for coding in ["identity", "gzip"] {
        let headers = [("authorization", "Bearer k"), ("accept-encoding", coding)];
        let torn = Client::of(&always(Fault::Reset)).get_with(PAGE, &headers);
        assert!(torn.status == 200 && torn.body.is_err(), "reset, {coding}: {:?}", torn.body);
        let cut = Client::of(&always(Fault::CutJson)).get_with(PAGE, &headers);
        assert!(
            cut.status == 200 && serde_json::from_str::<Value>(cut.text()).is_err(),
            "cut-json, {coding}"
        );
        let start = Instant::now();
        let slow = Client::of(&always(Fault::SlowBody)).get_with(PAGE, &headers);
        assert_eq!(rows(&slow.json()).len(), 20);
        assert!(start.elapsed() > Duration::from_millis(400), "slow-body, {coding}");
    }
}

#[test]
fn a_reset_is_one_on_the_wire_too() {
    let exchange = always(Fault::Reset);
    let mut stream = TcpStream::connect(exchange.addr()).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout above zero");
    write!(stream, "GET {PAGE}&apiKey=k HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
    let mut heard = Vec::new();
    let end = stream.read_to_end(&mut heard).expect_err("no farewell");
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    assert!(
        heard.starts_with(b"HTTP/1.1 200 OK\r\n") && heard.len() > 500,
        "the head and half of the body"
    );
}

#[test]
fn links_lead_back_astray_or_nowhere() {
    let honest = rows(&honest_second_page());
    let exchange = always(Fault::DuplicateRow);
    let client = Client::of(&exchange);
    let first = client.json(PAGE);
    let second = client.json(&next(&first));
    assert_eq!(rows(&second)[0], rows(&first)[19], "the last row once more");
    assert_eq!(rows(&second)[1..], honest[..19]);
    for path in ["/v3/trades/MAMTH?timestamp=2019-05-03&limit=5", "/v3/reference/tickers?limit=5"] {
        let first = client.json(path);
        assert_eq!(rows(&client.json(&next(&first)))[0], rows(&first)[4], "{path}");
    }

    let exchange = always(Fault::RepeatedNextUrl);
    let client = Client::of(&exchange);
    assert_eq!(next(&client.json(PAGE)), format!("{}{PAGE}", exchange.base_url()));

    let exchange = always(Fault::ForeignNextUrl);
    let url = next(&Client::of(&exchange).json(PAGE));
    assert!(url.starts_with("https://evil.example/v2/aggs/"), "{url}");
    // A last page has no link to bend.
    let last =
        Client::of(&exchange).json("/v2/aggs/ticker/MAMTH/range/1/day/2014-01-02/2014-01-31");
    assert!(last.get("next_url").is_none());
    assert_eq!(exchange.stats().faults["foreign-next-url"], 1);
}

#[test]
fn a_flipped_page_says_and_serves_the_other_adjusted() {
    let honest = honest_second_page();
    let exchange = always(Fault::AdjustedFlip);
    let client = Client::of(&exchange);
    let first = client.json(PAGE);
    assert_eq!(first["adjusted"], false, "never the first page");
    let second = client.json(&next(&first));
    assert_eq!(second["adjusted"], true);
    for (flipped, honest) in rows(&second).iter().zip(rows(&honest)) {
        assert_eq!(flipped["t"], honest["t"]);
        assert_ne!(flipped["o"], honest["o"]);
    }
}

#[test]
fn delayed_is_a_success() {
    let page = Client::of(&always(Fault::Delayed)).json(PAGE);
    assert_eq!((page["status"].as_str(), rows(&page).len()), (Some("DELAYED"), 20));
}

#[test]
fn the_same_seed_gives_the_same_faults_in_any_order() {
    let paths: Vec<String> = (2004..2024)
        .map(|year| format!("/v2/aggs/ticker/MAMTH/range/1/day/{year}-01-02/{year}-02-01?limit=9"))
        .collect();
    let config = || small().with_all_faults(3, 0.05).with_fault(Fault::SlowBody, 0.0);
    let outcome = |client: &Client, path: &str| {
        let answer = client.get(path);
        let shown = match answer.body.as_deref().map(serde_json::from_str::<Value>) {
            Err(_) => "torn".to_owned(),
            Ok(Err(_)) => "no JSON".to_owned(),
            // Addresses differ between two exchanges; everything else must not.
            Ok(Ok(json)) => {
                format!("{} {} {}", json["status"], json["request_id"], json["next_url"])
            }
        };
        (answer.status, shown.replace(&client.base, ""))
    };
    let (one, other) = (started(config()), started(config()));
    let (client_one, client_other) = (Client::of(&one), Client::of(&other));
    let ask_twice = |client: &Client, path: &str| [outcome(client, path), outcome(client, path)];
    let forwards: BTreeMap<_, _> =
        paths.iter().map(|path| (path, ask_twice(&client_one, path))).collect();
    let backwards: BTreeMap<_, _> =
        paths.iter().rev().map(|path| (path, ask_twice(&client_other, path))).collect();
    assert_eq!(forwards, backwards);
    assert!(!one.stats().faults.is_empty());
    assert_eq!(one.stats().faults, other.stats().faults);
    assert!(forwards.values().any(|[first, retry]| first != retry), "a retry draws anew");
}

#[test]
fn the_counters_tell_what_was_asked() {
    let exchange = started(small());
    let client = Client::of(&exchange);
    client.json(PAGE);
    client.json("/v3/trades/MAMTH?timestamp=2019-05-03&limit=5");
    client.get_with("/v3/reference/tickers", &[]);
    let stats = client.get_with("/__stats", &[]).json();
    assert_eq!(stats["requests"], serde_json::json!({"aggs/day": 1, "trades": 1, "tickers": 1}));
    assert_eq!((stats["total"].as_i64(), stats["rows"].as_i64()), (Some(3), Some(25)));
    assert_eq!(stats["status"], serde_json::json!({"200": 2, "401": 1}));
    assert_eq!(
        (stats["most_in_flight"].as_i64(), stats["faults"].clone()),
        (Some(1), serde_json::json!({}))
    );
    assert_eq!(stats["requests_at_ms"].as_array().map(Vec::len), Some(3));
    assert!(stats["bytes"].as_i64() > Some(500));
}

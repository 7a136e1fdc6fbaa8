//! Replies against recorded ones: the same keys, types and optionality; error bodies word for word.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::sim::config::RetryAfter;
use tests::sim::faults::Fault;

use super::{Client, rows, shared_folder, small, started};

fn fixture(folder: &Path, name: &str) -> Value {
    let text = std::fs::read_to_string(folder.join(name)).expect(name);
    serde_json::from_str(&text).expect(name)
}

/// Type names as JSON readers see them: stamps and counts must be integers, prices may be either.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Keys and types of objects, and in how many of them each key occurs.
fn keys<'a>(
    objects: impl IntoIterator<Item = &'a Value>,
) -> BTreeMap<(String, &'static str), usize> {
    let mut found = BTreeMap::new();
    for object in objects {
        for (key, value) in object.as_object().expect("an object") {
            *found.entry((key.clone(), kind(value))).or_default() += 1;
        }
    }
    found
}

/// `ours` has every recorded key but the optional ones, no key beyond the recorded and optional
/// ones, and the recorded types.
fn assert_alike<'a>(
    ours: impl IntoIterator<Item = &'a Value>,
    recorded: impl IntoIterator<Item = &'a Value>,
    optional: &[(&str, &'static str)],
) {
    let (ours, recorded) = (keys(ours), keys(recorded));
    let is_optional =
        |(key, kind): &(String, &'static str)| optional.contains(&(key.as_str(), *kind));
    for key in ours.keys() {
        assert!(
            recorded.contains_key(key) || is_optional(key),
            "{key:?} was never recorded: {recorded:?}"
        );
    }
    for key in recorded.keys() {
        assert!(
            ours.contains_key(key) || is_optional(key),
            "{key:?} is recorded and missing here: {ours:?}"
        );
    }
}

#[test]
fn pages_of_aggregates_look_like_recorded_ones() {
    let Some(folder) = shared_folder("fixtures") else { return };
    let exchange = started(small());
    let client = Client::of(&exchange);
    let whole = client.json("/v2/aggs/ticker/MAMTH/range/1/day/2005-04-01/2005-04-04");
    let recorded = fixture(&folder, "aggs_day_AAPL_2005_dst_change.json");
    assert_alike([&whole], [&recorded], &[]);
    assert_alike(&rows(&whole), &rows(&recorded), &[]);
    let stamps = |page: &Value| rows(page).iter().map(|row| row["t"].as_i64()).collect::<Vec<_>>();
    assert_eq!(
        stamps(&whole),
        stamps(&recorded),
        "midnight of New York on both sides of the change"
    );

    let path =
        "/v2/aggs/ticker/MAMTH/range/1/day/2026-03-01/2026-03-06?adjusted=true&sort=desc&limit=3";
    let descending = started(small().with_fault(Fault::Delayed, 1.0).with_page_rows_max(3));
    let page = Client::of(&descending).json(path);
    let recorded = fixture(&folder, "aggs_day_desc_delayed_next_url.json");
    assert_alike([&page], [&recorded], &[]);
    assert_eq!(stamps(&page), stamps(&recorded), "a limit of 3 gives 4 rows, newest first");
    assert_eq!(page["status"], recorded["status"]);
    assert!(
        rows(&page).iter().any(|row| row["v"].as_f64().is_some_and(|v| v.fract() > 0.0)),
        "fractional since 2026"
    );
    let tail = |page: &Value| {
        page["next_url"].as_str().and_then(|url| url.split("/range/").nth(1)).map(str::to_owned)
    };
    assert_eq!(
        tail(&page),
        tail(&recorded),
        "`to` moves before the oldest row; the cursor is the recorded one"
    );
}

#[test]
fn an_empty_answer_has_no_results_key() {
    let Some(folder) = shared_folder("fixtures") else { return };
    let exchange = started(small());
    let client = Client::of(&exchange);
    for (path, name) in [
        (
            "/v2/aggs/ticker/ZZZZNOTAREALTICKER/range/1/day/2024-01-01/2024-02-01",
            "aggs_empty_no_results_key.json",
        ),
        ("/v2/aggs/grouped/locale/us/market/stocks/2024-01-06", "grouped_daily_weekend_empty.json"),
        ("/v2/aggs/grouped/locale/us/market/stocks/2024-12-25", "grouped_daily_weekend_empty.json"),
    ] {
        let (mut ours, recorded) = (client.json(path), fixture(&folder, name));
        ours["request_id"] = recorded["request_id"].clone();
        assert_eq!(ours, recorded, "{path}");
    }
    for path in
        ["/v3/trades/NOBODY?timestamp=2024-01-03", "/v3/trades/MAMTH?timestamp=1704171600000"]
    {
        let page = client.json(path);
        assert_eq!(
            page["results"],
            Value::Array(Vec::new()),
            "{path}: milliseconds are read as 1970"
        );
        assert!(page.get("next_url").is_none());
    }
}

#[test]
fn the_grouped_day_is_stamped_at_its_end_and_unsorted() {
    let Some(folder) = shared_folder("fixtures") else { return };
    let exchange = started(small());
    let page = Client::of(&exchange).json("/v2/aggs/grouped/locale/us/market/stocks/2020-10-14");
    let recorded = fixture(&folder, "grouped_daily_one_row_2020.json");
    assert_alike([&page], [&recorded], &[]);
    assert_alike(&rows(&page), &rows(&recorded), &[]);
    assert_eq!(rows(&page)[0]["t"], rows(&recorded)[0]["t"]);
    let tickers: Vec<String> = rows(&page).iter().map(|row| row["T"].to_string()).collect();
    assert!(!tickers.is_sorted(), "{tickers:?}");
}

#[test]
fn trades_look_like_recorded_ones() {
    let Some(folder) = shared_folder("fixtures") else { return };
    let exchange = started(small());
    let client = Client::of(&exchange);
    let recorded = [
        fixture(&folder, "docs_sample_trades_v3_page.json"),
        fixture(&folder, "trades_v3_fractional_row_test_double.json"),
        fixture(&folder, "trades_v3_client_mock_altered_ids.json"),
    ];
    let page = client.json("/v3/trades/MAMTH?timestamp=2026-03-02&limit=1000");
    assert_alike([&page], &recorded, &[]);
    let ours = rows(&page);
    assert_alike(&ours, &recorded.iter().flat_map(rows).collect::<Vec<_>>(), &[]);
    for row in &ours {
        for stamp in ["sip_timestamp", "participant_timestamp", "sequence_number", "size"] {
            assert!(row[stamp].is_i64(), "{stamp} is an integer: {row}");
        }
        assert_eq!(row["exchange"] == 4, row.get("trf_id").is_some(), "{row}");
        assert_eq!(row["exchange"] == 4, row.get("trf_timestamp").is_some(), "{row}");
        let exact: f64 = row["decimal_size"].as_str().expect("text").parse().expect("a number");
        assert_eq!(row["size"].as_i64().map(|size| size as f64), Some(exact.floor()), "{row}");
    }
    let has = |test: &dyn Fn(&Value) -> bool| ours.iter().any(test);
    assert!(has(&|row| row.get("conditions").is_none()) && has(&|row| row["conditions"][0] == 12));
    assert!(has(&|row| row["size"] == 0), "a print of less than a share");
    assert!(has(&|row| row["sip_timestamp"].as_i64() > Some(1 << 53)));
    let old = rows(&client.json("/v3/trades/MAMTH?timestamp=2003-09-10"));
    assert!(
        old.iter()
            .all(|row| row["id"] == "" && row["tape"] == 0 && row.get("decimal_size").is_none())
    );
}

#[test]
fn reference_rows_look_like_recorded_ones() {
    let Some(folder) = shared_folder("fixtures") else { return };
    let exchange = started(small());
    let client = Client::of(&exchange);
    let absent_at_times =
        [("cik", "string"), ("composite_figi", "string"), ("share_class_figi", "string")];
    let (first, last) =
        (fixture(&folder, "tickers_page1.json"), fixture(&folder, "tickers_page2_last.json"));
    let pages = client.chain("/v3/reference/tickers?limit=11&market=stocks", 5);
    assert_alike([&pages[0]], [&first], &[]);
    assert_alike(pages.last(), [&last], &[]);
    assert_alike(&rows(&pages[0]), &rows(&first), &absent_at_times);
    let gone = client.json("/v3/reference/tickers?active=false");
    assert_alike(
        &rows(&gone),
        &rows(&first),
        &[absent_at_times.as_slice(), &[("delisted_utc", "string")]].concat(),
    );

    let recorded = fixture(&folder, "ticker_details_AAPL_2022.json");
    let details = client.json("/v3/reference/tickers/MAMTH");
    assert_alike([&details], [&recorded], &[]);
    let left_out = [("branding", "object"), ("homepage_url", "string"), ("phone_number", "string")];
    let optional = [left_out.as_slice(), &absent_at_times, &[("round_lot", "number")]].concat();
    assert_alike([&details["results"]], [&recorded["results"]], &optional);

    let recorded = fixture(&folder, "splits_v3_2022.json");
    let splits = client.json("/v3/reference/splits?limit=1000");
    assert_alike([&splits], [&recorded], &[]);
    assert_alike(&rows(&splits), &rows(&recorded), &[]);
    let row = &rows(&client.json("/stocks/v1/splits"))[0];
    assert!(
        row["historical_adjustment_factor"].is_f64() && row["adjustment_type"].is_string(),
        "{row}"
    );
}

#[test]
fn errors_are_the_recorded_ones() {
    let Some(folder) = shared_folder("fixtures") else { return };
    let exchange = started(small().with_key("right"));
    let client = Client::of(&exchange);
    let right = [("authorization", "Bearer right")];
    let bars = |range: &str| format!("/v2/aggs/ticker/MAMTH/range/1/day/{range}");
    let (backwards, thirteenth) = (bars("2024-01-05/2024-01-04"), bars("2024-13-01/2024-12-04"));
    let whole = bars("2024-01-04/2024-01-05");
    let none: [(&str, &str); 0] = [];
    let wrong = [("authorization", "Bearer wrong")];
    let cases = [
        (backwards.as_str(), right.as_slice(), 400, "error_400_to_before_from.json"),
        (thirteenth.as_str(), right.as_slice(), 400, "error_400_parse_from.json"),
        (whole.as_str(), none.as_slice(), 401, "error_401_key_missing.json"),
        ("/v3/trades/MAMTH?apiKey=", none.as_slice(), 401, "error_401_key_missing.json"),
        ("/v3/trades/MAMTH?apiKey=wrong", none.as_slice(), 401, "error_401_unknown_key.json"),
        ("/v3/trades/MAMTH", wrong.as_slice(), 401, "error_401_unknown_key.json"),
        ("/v3/reference/tickers/NOBODY", right.as_slice(), 404, "error_404_ticker_not_found.json"),
    ];
    for (path, headers, status, name) in cases {
        let answer = client.get_with(path, headers);
        let (mut ours, recorded) = (answer.json(), fixture(&folder, name));
        assert!(ours["request_id"].is_string());
        ours["request_id"] = recorded["request_id"].clone();
        assert_eq!((answer.status, ours), (status, recorded), "{path}");
    }
    let unrouted = client.get_with("/v9/nothing", &right);
    let recorded =
        std::fs::read_to_string(folder.join("error_404_unrouted.txt")).expect("a fixture");
    assert_eq!((unrouted.status, unrouted.text().trim()), (404, recorded.trim()));
    assert_eq!(unrouted.headers["content-type"], "text/plain");
    for (path, words) in
        [("/v3/reference/splits?limit=1001", "limit"), ("/v3/trades/A?timestamp=gt.5", "timestamp")]
    {
        let answer = client.get_with(path, &right);
        assert!(answer.status == 400 && answer.text().contains(words), "{}", answer.text());
    }
}

#[test]
fn headers_are_the_recorded_ones_and_gzip_comes_only_when_asked() {
    let Some(folder) = shared_folder("fixtures") else { return };
    let exchange = started(small());
    let client = Client::of(&exchange);
    let recorded = fixture(&folder, "response_headers_400.json");
    let path = "/v2/aggs/ticker/MAMTH/range/1/day/2024-01-05/2024-01-04?apiKey=k";
    let plain = client.get_with(path, &[("accept-encoding", "identity")]);
    // On the wire itself: a client library takes the coding away with its header.
    let raw = |accepted: &str| {
        let mut stream = TcpStream::connect(exchange.addr()).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout above zero");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n{accepted}Connection: close\r\n\r\n")
            .expect("sent");
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).expect("a whole reply");
        String::from_utf8_lossy(&heard).to_lowercase()
    };
    let packed = raw("Accept-Encoding: br, gzip;q=0.9\r\n");
    assert!(
        packed.contains("content-encoding: gzip") && !packed.contains("request_id"),
        "{packed}"
    );
    for accepted in ["", "Accept-Encoding: identity\r\n"] {
        let answer = raw(accepted);
        assert!(!answer.contains("content-encoding") && answer.contains("request_id"), "{answer}");
    }
    for (name, value) in recorded.as_object().expect("an object") {
        // HTTP/1.1 stays open without saying so.
        if ["Connection", "Content-Length", "Content-Encoding", "X-Request-Id"]
            .contains(&name.as_str())
        {
            continue;
        }
        assert_eq!(plain.headers[name.as_str()], value.as_str().expect("text"), "{name}");
    }
    assert!(plain.headers.contains_key("x-request-id"));
    let id = plain.json()["request_id"].as_str().map(str::to_owned);
    assert_ne!(plain.headers["x-request-id"].to_str().ok(), id.as_deref());
}

#[test]
fn too_many_requests_are_refused_until_the_window_has_moved_on() {
    let fixtures = shared_folder("fixtures");
    let rate = "3/2s".parse().expect("a rate");
    let exchange = started(small().with_rate(rate, RetryAfter::Said));
    let client = Client::of(&exchange);
    let path = "/v3/reference/tickers?limit=1";
    let statuses: Vec<u16> = (0..4).map(|_| client.get(path).status).collect();
    assert_eq!(statuses, [200, 200, 200, 429]);
    let refused = client.get("/v2/aggs/ticker/MAMTH/range/1/day/2024-01-04/2024-01-05");
    assert_eq!(refused.status, 429, "one window over all endpoints");
    assert!(["1", "2"].contains(&refused.headers["retry-after"].to_str().expect("text")));
    if let Some(folder) = fixtures {
        assert_eq!(refused.json()["error"], fixture(&folder, "error_429.json")["error"]);
    }
    let has_room = || client.get(path).status == 200;
    let deadline = Instant::now() + Duration::from_secs(20);
    while !has_room() {
        assert!(Instant::now() < deadline, "the window never moved on");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(exchange.stats().status["429"] >= 2);
}

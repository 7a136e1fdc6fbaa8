//! Chains of pages: every row once, whatever the size of a page, and an end.

use serde_json::Value;
use tests::sim::config::Config;
use tests::sim::endpoint::AggsEnd;

use super::{Client, rows, rows_of, small, started};

const DAYS: &str = "/v2/aggs/ticker/MAMTH/range/1/day/2014-01-02/2014-12-31";
const MINUTES: &str = "/v2/aggs/ticker/NA/range/1/minute/2022-11-01/2022-11-11";

#[test]
fn every_row_comes_once_for_any_page_size() {
    let exchange = started(small());
    let client = Client::of(&exchange);
    let questions = [
        format!("{DAYS}?sort=asc"),
        format!("{DAYS}?sort=desc&adjusted=false"),
        format!("{MINUTES}?sort=asc&adjusted=false"),
        format!("{MINUTES}?sort=desc"),
        "/v3/trades/MAMTH?timestamp=2019-05-03&order=asc".to_owned(),
        "/v3/trades/MAMTH?timestamp=2019-05-03".to_owned(),
        "/v3/trades/NA?timestamp.gte=2022-05-02&timestamp.lt=2022-05-06&order=asc".to_owned(),
        "/v3/trades/NA?timestamp.gt=1651500000000000000&timestamp.lte=1651700000000000000"
            .to_owned(),
        "/v3/reference/tickers?active=true&market=stocks".to_owned(),
        "/v3/reference/tickers?active=true&order=desc&type=CS&ticker.gt=B".to_owned(),
        "/v3/reference/splits?sort=execution_date".to_owned(),
        "/stocks/v1/splits?sort=ticker.asc".to_owned(),
    ];
    for question in &questions {
        let whole = client.json(&format!("{question}&limit=1000"));
        assert!(whole.get("next_url").is_none(), "{question} fits one page");
        let expected = rows(&whole);
        assert!(expected.len() >= 4, "{question}: {}", expected.len());
        let exact = expected.len();
        for size in [1, 2, 3, 7, 50, exact - 1, exact, exact + 1] {
            if exact / size > 60 {
                continue;
            }
            let pages = client.chain(&format!("{question}&limit={size}"), exact + 1);
            assert_eq!(rows_of(&pages), expected, "{question} by {size}");
        }
    }
}

#[test]
fn a_page_holds_the_limit_or_what_the_server_allows() {
    let exchange = started(small().with_page_rows_max(40));
    let client = Client::of(&exchange);
    let pages = client.chain(&format!("{DAYS}?limit=50000"), 10);
    let sizes: Vec<usize> = pages.iter().map(|page| rows(page).len()).collect();
    assert_eq!(sizes[..sizes.len() - 1], vec![40; sizes.len() - 1]);
    let descending = client.json(&format!("{DAYS}?sort=desc&limit=5"));
    assert_eq!(
        (rows(&descending).len(), descending["queryCount"].as_i64()),
        (6, Some(6)),
        "one more than asked"
    );
    let trades = client.json("/v3/trades/MAMTH?timestamp=2019-05-03&limit=5");
    assert_eq!(rows(&trades).len(), 5);
}

#[test]
fn an_unadjusted_chain_stays_unadjusted() {
    let exchange = started(small());
    let split = exchange.source().splits()["MAMTH"][0].clone();
    let client = Client::of(&exchange);
    let (from, to) = (split.execution.plus_days(-40), split.execution.plus_days(10));
    let question = format!("/v2/aggs/ticker/MAMTH/range/1/day/{from}/{to}");
    let walk =
        |adjusted: bool| client.chain(&format!("{question}?adjusted={adjusted}&limit=4"), 20);
    for adjusted in [true, false] {
        let pages = walk(adjusted);
        assert!(pages.len() > 5 && pages.iter().all(|page| page["adjusted"] == adjusted));
    }
    assert_ne!(rows_of(&walk(true))[0]["o"], rows_of(&walk(false))[0]["o"], "a split lies between");
    assert_eq!(rows_of(&walk(true)).last(), rows_of(&walk(false)).last(), "and nothing after it");
}

#[test]
fn an_exactly_full_chain_may_end_with_an_empty_page_or_a_refusal() {
    let exchange = started(Config { aggs_end: AggsEnd::EmptyPage, ..small() });
    let client = Client::of(&exchange);
    let whole = client.json(&format!("{DAYS}?limit=1000"));
    let count = rows(&whole).len();
    for size in [count, count / 2] {
        let pages = client.chain(&format!("{DAYS}?limit={size}"), 5);
        assert_eq!(rows_of(&pages), rows(&whole));
        let is_even = count.is_multiple_of(size);
        assert_eq!(
            pages.last().is_some_and(|page| page.get("results").is_none()),
            is_even,
            "{count} by {size}"
        );
    }
    let first = client.json(&format!("{DAYS}?sort=desc&limit={}", count - 1));
    let behind = client.get(first["next_url"].as_str().expect("a link behind the last row"));
    assert_eq!(behind.status, 400, "descending, `to` has crossed `from`");
    assert_eq!(
        behind.json()["error"],
        "The parameter 'to' cannot be a time that occurs before 'from'"
    );
}

#[test]
fn next_urls_echo_the_host_and_never_the_key() {
    let exchange = started(small());
    let client = Client::of(&exchange);
    let port = exchange.addr().port();
    let page = client.get_with(
        &format!("http://localhost:{port}/v3/reference/tickers?limit=2&apiKey=secret"),
        &[("accept-encoding", "identity")],
    );
    let next = page.json()["next_url"].as_str().map(str::to_owned).expect("more tickers");
    assert!(
        next.starts_with(&format!("http://localhost:{port}/")) && !next.contains("secret"),
        "{next}"
    );
}

#[test]
fn milliseconds_and_dates_name_the_same_windows() {
    let exchange = started(small());
    let client = Client::of(&exchange);
    let bars = |span: &str, range: &str| {
        rows(&client.json(&format!("/v2/aggs/ticker/MAMTH/range/1/{span}/{range}")))
    };
    // 2024-01-03 and 04, 12:00 and 10:00 New York: snapped to whole days.
    let noon = "1704301200000/1704380400000";
    assert_eq!(bars("day", noon), bars("day", "2024-01-03/2024-01-04"));
    let whole: Vec<Value> = bars("minute", "2024-01-03/2024-01-03");
    let stamp = |row: &Value| row["t"].as_i64().expect("a stamp");
    let (third, fifth) = (stamp(&whole[2]), stamp(&whole[4]));
    assert_eq!(
        bars("minute", &format!("{}/{}", third + 59_999, fifth + 1)),
        whole[2..5],
        "`from` down, `to` up"
    );
}

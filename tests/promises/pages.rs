//! Promise: pages as the vendor has sent them are read as they are meant, and a bad row is the
//! trouble of its ticker.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use shared::dataset::kind::Kind;
use tests::harness::place::{Place, days, ticker};
use tests::harness::program::run;
use tests::harness::says::says;
use tests::harness::tree;

/// Serves what `page` makes of each path, until the test ends; returns the base URL, which stands
/// in pages as `BASE`.
fn serve(page: impl Fn(&str) -> String + Send + 'static) -> String {
    serve_packed("", move |path, base| page(path).replace("BASE", base).into_bytes())
}

/// The same for bodies as they are on the wire, given also the base URL; `packing` is a line of the
/// head.
fn serve_packed(
    packing: &'static str,
    body: impl Fn(&str, &str) -> Vec<u8> + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    let own = base.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let Some(request) = lines.next() else { continue };
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let body = body(request.split(' ').nth(1).unwrap_or_default(), &own);
            let head = format!(
                "HTTP/1.1 200 OK\r\n{packing}Content-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // A client that has gone away is no news.
            drop((&stream).write_all(&[head.as_bytes(), &body].concat()));
        }
    });
    base
}

/// 8 March 2024: its midnight, and the end of its session.
const MIDNIGHT: i64 = 1_709_874_000_000;
const CLOSE: i64 = 1_709_931_600_000;

fn bar(ticker: &str, t: i64, open: &str, n: &str) -> String {
    format!(
        r#"{{"T":"{ticker}","v":100,"vw":10.0,"o":{open},"c":10,"h":10,"l":10,"t":{t},"n":{n}}}"#
    )
}

fn page(ticker: Option<&str>, rows: &[String]) -> String {
    let name = ticker.map(|ticker| format!(r#""ticker":"{ticker}","#)).unwrap_or_default();
    let count = rows.len();
    format!(
        r#"{{{name}"resultsCount":{count},"adjusted":false,"results":[{}],"status":"OK"}}"#,
        rows.join(",")
    )
}

#[test]
fn a_bad_row_of_the_market_is_its_own_ticker_s_which_is_asked_for_alone_or_nobody_s() {
    let base = serve(|path| {
        if path.starts_with("/v2/aggs/grouped/") {
            let good = bar("GOOD", CLOSE, "10", "5");
            return page(
                None,
                &[good, bar("BAD", CLOSE, "null", "5"), bar("OTHER", CLOSE, "10", "5.5")],
            );
        }
        page(Some("BAD"), &[bar("BAD", MIDNIGHT, "10", "1.5e+01")])
    });
    let place = Place::with_tickers(["GOOD", "BAD"]);
    let mut worker = place.worker(&base, days("2024-03-08", "2024-03-08"));
    let said = run(worker.args(["--via", "grouped"])).expect_code(0).stderr;
    for words in [
        "2024-03-08: 1 row of other tickers left out (OTHER: row 3: ",
        "BAD: the reply for the whole market cannot be used for it (row 2: invalid type: null",
    ] {
        assert_eq!(said.matches(words).count(), 1, "{words}: {said}");
    }
    for name in ["GOOD", "BAD"] {
        let rows = tree::daily_rows(&place.outdir(), &ticker(name));
        assert_eq!(rows.len(), 1, "{name}: {said}");
    }
}

/// A server of a market in which GOOD and two others trade, and one row has no name; by itself
/// nobody has a row. Returns also what was asked.
fn market_with_a_nameless_row() -> (String, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let base = serve(move |path| {
        heard.lock().expect("whole").push(path.to_owned());
        if path.starts_with("/v2/aggs/grouped/") {
            let nameless = bar("GONE", CLOSE, "10", "5").replace(r#""T":"GONE","#, "");
            return page(
                None,
                &[bar("GOOD", CLOSE, "10", "5"), nameless, bar("OTHER", CLOSE, "10", "5")],
            );
        }
        let name = path.split('/').nth(4).unwrap_or_default();
        page(Some(name), &[])
    });
    (base, asked)
}

#[test]
fn a_row_of_the_market_without_a_name_costs_nobody_a_row_and_makes_nobody_s_day_empty() {
    let (base, asked) = market_with_a_nameless_row();
    let place = Place::with_tickers(["GOOD", "GONE"]);
    let mut worker = place.worker(&base, days("2024-03-08", "2024-03-08"));
    let said = run(worker.args(["--via", "grouped"])).expect_code(0).stderr;
    let words = "tickers of the list without a row there are in doubt: 1 rows of this day do not name their ticker; the first is row 2: ";
    assert_eq!(said.matches(words).count(), 1, "{said}");
    says(
        &said,
        &["GONE: the reply for the whole market cannot be used for it (1 rows of this day"],
    );
    let asked = asked.lock().expect("whole");
    let of = |name: &str| asked.iter().filter(|path| path.contains(name)).count();
    assert_eq!((of("/grouped/"), of("/ticker/GONE/"), asked.len()), (2, 1, 3), "{asked:?}");
    assert_eq!(tree::daily_rows(&place.outdir(), &ticker("GOOD")).len(), 1);
}

#[test]
fn a_market_in_doubt_does_not_become_thousands_of_requests() {
    let (base, asked) = market_with_a_nameless_row();
    let names: Vec<String> = (0..252).map(|number| format!("GONE{number}")).collect();
    let place = Place::with_tickers(&names);
    let worker = || {
        let mut worker = place.worker(&base, days("2024-03-08", "2024-03-08"));
        worker.args(["--via", "grouped", "--resume"]);
        worker
    };
    let said = run(&mut worker()).expect_code(10).stderr;
    assert_eq!(asked.lock().expect("whole").len(), 2 + 250, "the session twice, and so many alone");
    let named = "failed, may be tried again: the reply for the whole market cannot be used for it (1 rows of this day do not name their ticker";
    assert_eq!(said.matches(named).count(), 2, "{said}");
    run(&mut worker()).expect_code(0);
    assert_eq!(
        asked.lock().expect("whole").len(),
        2 + 250 + 2 + 2,
        "the next visit goes on with the others"
    );
}

#[test]
fn a_bare_nan_and_whole_numbers_of_any_spelling_are_read_and_odd_bars_are_kept_and_said() {
    let base = serve(|_| {
        let odd = r#"{"v":0,"a":NaN,"vw":NaN,"o":0,"c":10,"h":9.5,"l":10,"t":1.709874e12,"op":10}"#;
        page(Some("TEST"), &[odd.to_owned()])
    });
    let place = Place::with_tickers(["TEST"]);
    let said =
        run(&mut place.worker(&base, days("2024-03-08", "2024-03-08"))).expect_code(0).stderr;
    says(
        &said,
        &["TEST: 1 row with a high below the low kept as sent, the first stamped 1709874000000"],
    );
    assert_eq!(tree::daily_rows(&place.outdir(), &ticker("TEST")).len(), 1);
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).expect("a Vec takes everything");
    encoder.finish().expect("a Vec takes everything")
}

#[test]
fn a_page_packed_in_several_members_is_read_and_what_comes_behind_them_is_refused() {
    for (behind, code) in [("", 0), ("<html>", 10)] {
        let base = serve_packed("Content-Encoding: gzip\r\n", move |_, _| {
            let page = page(Some("TEST"), &[bar("TEST", MIDNIGHT, "10", "5")]);
            let (one, other) = page.split_at(page.len() / 2);
            [packed(one), packed(other), behind.as_bytes().to_vec()].concat()
        });
        let place = Place::with_tickers(["TEST"]);
        let mut worker = place.worker(&base, days("2024-03-08", "2024-03-08"));
        let said = run(worker.args(["--tries", "2"])).expect_code(code).stderr;
        let rows = tree::daily_rows(&place.outdir(), &ticker("TEST"));
        assert_eq!(rows.len(), usize::from(code == 0), "{said}");
    }
}

#[test]
fn a_chain_of_trades_that_stands_still_has_an_end() {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let base = serve(move |_| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let row = format!(
            r#"{{"sip_timestamp":1709910000000000000,"participant_timestamp":1,"price":1,"size":1,"sequence_number":{number},"exchange":4,"tape":1}}"#
        );
        format!(
            r#"{{"results":[{row}],"status":"OK","next_url":"BASE/v3/trades/TEST?cursor={number}"}}"#
        )
    });
    let place = Place::with_tickers(["TEST"]);
    let said = run(&mut place.worker_of(Kind::Trades, &base, days("2024-03-08", "2024-03-08")))
        .expect_code(10)
        .stderr;
    let words = "many pages in a row come no further than the row stamped 1709910000000000000, and still have a next page";
    says(&said, &["ERROR TEST: failed", words]);
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked < 140, "followed twice to where it stands still: {asked} requests");
    assert!(tree::parquet_bytes(&place.outdir()).is_empty());
}

#[test]
fn what_can_not_be_never_becomes_data() {
    let good = bar("TEST", MIDNIGHT, "10", "5");
    for (from, to, words) in [
        (r#""o":10"#, r#""o":10,"o":11"#, "row 1: duplicate field `o`"),
        (r#""T":"TEST""#, r#""T":"OTHER""#, "its rows are of ticker \"OTHER\""),
        (r#""v":100"#, r#""v":-100"#, "row 1: v is -100"),
        (r#""n":5"#, r#""n":5.5"#, "row 1: invalid type: floating point"),
        (r#""l":10"#, r#""l":NaN"#, "row 1: invalid type: null"),
    ] {
        let row = good.replacen(from, to, 1);
        let base = serve(move |_| page(Some("TEST"), std::slice::from_ref(&row)));
        let place = Place::with_tickers(["TEST"]);
        let mut worker = place.worker(&base, days("2024-03-08", "2024-03-08"));
        let said = run(worker.args(["--tries", "2"])).expect_code(10).stderr;
        assert!(said.contains("ERROR TEST: failed") && said.contains(words), "{words}: {said}");
        assert!(tree::parquet_bytes(&place.outdir()).is_empty(), "{words}");
    }
}

//! Promise: reference tables hold what the source lists, no more and no less, whole or absent; a
//! killed run goes on behind the last answer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use nix::sys::signal::Signal;
use shared::dataset::{reader, writer};
use shared::disk::lock::Lock;
use shared::disk::publish::Draft;
use tests::harness::place::Place;
use tests::harness::program::{Running, command, eventually, run};
use tests::harness::says::says;
use tests::harness::tree;
use tests::sim::config::Config;
use tests::sim::faults::Fault;
use tests::sim::record::Listing;
use tests::sim::server::Exchange;

const TICKERS: usize = 60;
/// The simulator's data end here, so that is its today.
const TODAY: &str = "2026-10-30";

fn exchange(change: impl FnOnce(Config) -> Config) -> Exchange {
    Exchange::start(change(Config::synthetic(7).with_tickers(TICKERS))).expect("started")
}

fn place() -> Place {
    Place::with_tickers(["UNUSED"])
}

fn reference(place: &Place, exchange: &Exchange) -> Command {
    let mut worker = command("worker");
    worker.current_dir(place.path()).args(["reference", "--date", TODAY, "--outdir", "out"]);
    worker.args([
        "--base-url",
        &exchange.base_url(),
        "--backoff-base",
        "5ms",
        "--include-delisted",
    ]);
    worker
}

fn file(place: &Place, table: &str, name: &str) -> PathBuf {
    place.outdir().join(table).join(format!("snapshot_date={TODAY}")).join(name)
}

/// A table's text columns by name; `None` where a row has none.
fn texts(path: &Path, name: &str) -> Vec<Option<String>> {
    let batch = reader::read_table(path).expect("a table");
    let column = batch.column_by_name(name).expect(name).as_string::<i32>().clone();
    column.iter().map(|value| value.map(str::to_owned)).collect()
}

fn tickers_of(path: &Path) -> Vec<String> {
    texts(path, "ticker").into_iter().flatten().collect()
}

/// Who the exchange lists on its last day: traded, and gone.
fn listed(exchange: &Exchange) -> (Vec<&Listing>, Vec<&Listing>) {
    let today = TODAY.parse().expect("a day");
    let begun = |listing: &&Listing| listing.trades_on(today) || listing.is_gone_on(today);
    exchange.source().listings().iter().filter(begun).partition(|listing| listing.trades_on(today))
}

#[track_caller]
fn check_snapshot(place: &Place, exchange: &Exchange) {
    let path = file(place, "tickers_snapshot", "tickers.parquet");
    let (active, delisted) = listed(exchange);
    assert!(active.len() > 20 && delisted.len() > 5, "both sides are worth a look");
    let mut expected: Vec<(String, bool, Option<String>, String)> = Vec::new();
    for (side, is_active) in [(active, true), (delisted, false)] {
        expected.extend(side.into_iter().map(|listing| {
            (listing.ticker.to_string(), is_active, listing.cik.clone(), listing.name.clone())
        }));
    }
    expected.sort();
    let batch = reader::read_table(&path).expect("a table");
    let sides = batch.column_by_name("active").expect("active").as_boolean().clone();
    let rows = tickers_of(&path).into_iter().zip(sides.iter().flatten());
    let rows = rows.zip(texts(&path, "cik")).zip(texts(&path, "name").into_iter().flatten());
    let found: Vec<_> =
        rows.map(|(((ticker, side), cik), name)| (ticker, side, cik, name)).collect();
    assert_eq!(found, expected);
    let gone = texts(&path, "delisted_utc").iter().flatten().count();
    assert_eq!(gone, expected.iter().filter(|row| !row.1).count(), "the delisted say since when");
}

#[track_caller]
fn check_details(place: &Place, exchange: &Exchange) {
    let path = file(place, "ticker_details", "details.parquet");
    let (active, delisted) = listed(exchange);
    let caps: BTreeMap<String, f64> = active
        .iter()
        .chain(&delisted)
        .map(|listing| (listing.ticker.to_string(), listing.shares_outstanding as f64 * 9.0))
        .collect();
    let batch = reader::read_table(&path).expect("a table");
    let column = batch
        .column_by_name("market_cap")
        .expect("market_cap")
        .as_primitive::<Float64Type>()
        .clone();
    let found: BTreeMap<String, f64> =
        tickers_of(&path).into_iter().zip(column.iter().flatten()).collect();
    assert_eq!(found, caps, "the delisted were asked about as of a day on which they traded");
    assert_eq!(batch.column_by_name("cik").expect("cik").null_count(), caps.len() - ciks(exchange));
}

fn ciks(exchange: &Exchange) -> usize {
    let (active, delisted) = listed(exchange);
    active.iter().chain(&delisted).filter(|listing| listing.cik.is_some()).count()
}

#[test]
fn a_snapshot_its_details_and_splits_are_those_of_the_source_page_by_page() {
    let exchange = exchange(|config| config.with_page_rows_max(7));
    let place = place();
    run(reference(&place, &exchange).args(["--details", "--splits"])).expect_code(0);
    check_snapshot(&place, &exchange);
    check_details(&place, &exchange);
    let splits = file(&place, "splits", "splits.parquet");
    let mut expected: Vec<(String, String)> = exchange
        .source()
        .splits()
        .values()
        .flatten()
        .map(|split| (split.ticker.to_string(), split.execution.to_string()))
        .collect();
    expected.sort();
    let days = texts(&splits, "execution_date").into_iter().flatten();
    assert_eq!(tickers_of(&splits).into_iter().zip(days).collect::<Vec<_>>(), expected);
    assert!(
        exchange.stats().requests["tickers"] > 8,
        "short pages: {:?}",
        exchange.stats().requests
    );

    // The same once more, from another server with longer pages: no byte differs.
    let (again, calm) = (self::place(), self::exchange(|config| config));
    run(reference(&again, &calm).args(["--details", "--splits", "--max-workers", "1"]))
        .expect_code(0);
    assert_eq!(tree::parquet_bytes(&place.outdir()), tree::parquet_bytes(&again.outdir()));
    assert_eq!(calm.stats().requests["tickers"], 2, "one page a side");
}

#[test]
fn without_the_delisted_only_those_that_trade_are_asked_for() {
    let exchange = exchange(|config| config);
    let place = place();
    let mut worker = command("worker");
    worker.current_dir(place.path()).args(["reference", "--date", TODAY, "--outdir", "out"]);
    run(worker.args(["--base-url", &exchange.base_url()])).expect_code(0);
    let path = file(&place, "tickers_snapshot", "tickers.parquet");
    assert_eq!(tickers_of(&path).len(), listed(&exchange).0.len());

    // The delisted are asked for afterwards: such a snapshot is not enough.
    run(reference(&place, &exchange).arg("--resume")).expect_code(0);
    check_snapshot(&place, &exchange);
    let asked = exchange.stats().total;
    let ended = run(reference(&place, &exchange).arg("--resume")).expect_code(0);
    assert_eq!(exchange.stats().total, asked, "what is whole is not asked again");
    says(&ended.stderr, &["whole; not requested again"]);

    // Damage is seen, said, and mended.
    let sound = fs::read(&path).expect("read");
    fs::write(&path, &sound[..sound.len() - 9]).expect("written");
    let ended = run(reference(&place, &exchange).arg("--resume")).expect_code(0);
    says(&ended.stderr, &["tickers.parquet: damaged, or not proven"]);
    assert_eq!(fs::read(&path).expect("read"), sound);
}

#[test]
fn with_every_fault_at_five_percent_the_tables_are_complete_in_the_end() {
    let exchange = exchange(|config| config.with_page_rows_max(5).with_all_faults(3, 0.05));
    let place = place();
    let mut codes = Vec::new();
    for _ in 0..8 {
        let ended = run(reference(&place, &exchange).args(["--details", "--splits", "--resume"]));
        codes.push(ended.code());
        if ended.code() == Some(0) {
            break;
        }
        assert_eq!(ended.code(), Some(10), "{}", ended.stderr);
    }
    assert_eq!(codes.last(), Some(&Some(0)), "{codes:?}");
    check_snapshot(&place, &exchange);
    check_details(&place, &exchange);
    assert!(exchange.stats().faults.len() > 6, "{:?}", exchange.stats().faults);
    let (undisturbed, calm) = (self::place(), self::exchange(|config| config));
    run(reference(&undisturbed, &calm).args(["--details", "--splits"])).expect_code(0);
    assert_eq!(tree::parquet_bytes(&place.outdir()), tree::parquet_bytes(&undisturbed.outdir()));
}

#[test]
fn killed_amid_the_details_the_next_run_asks_only_for_the_rest() {
    let slow = exchange(|config| config.with_fault(Fault::SlowBody, 0.3));
    // Two are for the list.
    slow.close_the_door_after(22);
    let place = place();
    let details = file(&place, "ticker_details", "details.parquet");
    let log = file(&place, "ticker_details", "_details.jsonl");
    let answered = || fs::read_to_string(&log).map_or(0, |text| text.matches('\n').count());
    let worker = Running::start(reference(&place, &slow).args(["--details", "--resume"]));
    eventually("some details are kept", || answered() > 12);
    worker.signal(Signal::SIGKILL);
    worker.wait();
    let kept = answered();
    assert!(kept <= 20, "others have no answer");
    assert!(!details.exists(), "a table appears when all are answered");

    let exchange = exchange(|config| config);
    run(reference(&place, &exchange).args(["--details", "--resume"])).expect_code(0);
    let requests = exchange.stats().requests;
    let (active, delisted) = listed(&exchange);
    assert_eq!(
        requests.values().sum::<u64>(),
        (active.len() + delisted.len() - kept) as u64,
        "{requests:?}"
    );
    check_details(&place, &exchange);
    assert_eq!(tree::strays(&place.outdir()), [] as [PathBuf; 0]);
}

#[test]
fn sigterm_ends_it_with_143_and_what_is_answered_stays() {
    let exchange = exchange(|config| config.with_fault(Fault::SlowBody, 0.5));
    exchange.close_the_door_after(32);
    let place = place();
    let log = file(&place, "ticker_details", "_details.jsonl");
    let worker = Running::start(reference(&place, &exchange).args(["--details"]));
    eventually("some details are kept", || {
        fs::read_to_string(&log).is_ok_and(|text| text.len() > 900)
    });
    worker.signal(Signal::SIGTERM);
    worker.wait().expect_code(143);
    assert!(!file(&place, "ticker_details", "details.parquet").exists());
    let answered = fs::read_to_string(&log).expect("kept");
    assert!(answered.ends_with('\n') && answered.lines().count() > 1);
}

#[test]
fn a_ticker_of_which_nothing_is_known_has_no_row_and_is_no_failure() {
    let exchange = exchange(|config| config);
    let place = place();
    run(&mut reference(&place, &exchange)).expect_code(0);
    // A name that the source knows nothing of gets into the snapshot, with a ledger line that
    // proves it.
    let path = file(&place, "tickers_snapshot", "tickers.parquet");
    let ledger = path.with_file_name("_ledger.jsonl");
    let batch = reader::read_table(&path).expect("a table");
    let column = batch.schema().index_of("ticker").expect("a column");
    let mut names = tickers_of(&path);
    names[0] = "NOSUCH".to_owned();
    let mut columns = batch.columns().to_vec();
    columns[column] = std::sync::Arc::new(arrow::array::StringArray::from(names));
    let changed = arrow::array::RecordBatch::try_new(batch.schema(), columns).expect("a table");
    let fingerprint =
        writer::publish_table(Draft::create(&path).expect("begun"), &changed).expect("published");
    let mut line: serde_json::Value =
        serde_json::from_str(fs::read_to_string(&ledger).expect("read").trim()).expect("a line");
    line["bytes"] = fingerprint.bytes.into();
    line["sha256"] = fingerprint.sha256.into();
    line.as_object_mut().expect("an object").remove("crc");
    fs::write(&ledger, shared::disk::checked_lines::encode(&line)).expect("written");

    let ended = run(reference(&place, &exchange).args(["--details", "--resume"])).expect_code(0);
    says(&ended.stderr, &["the source knows nothing of 1 ticker,"]);
    let details = tickers_of(&file(&place, "ticker_details", "details.parquet"));
    assert!(!details.contains(&"NOSUCH".to_owned()));
    assert_eq!(details.len(), changed.num_rows() - 1);
}

#[test]
fn an_output_has_one_writer_and_one_source() {
    let exchange = exchange(|config| config);
    let place = place();
    let lock = Lock::acquire(&place.outdir().join("_reference.lock"), "somebody, process 1")
        .expect("free");
    let ended = run(&mut reference(&place, &exchange)).expect_code(10);
    let said = format!(
        "error: another worker writes there: out/_reference.lock is held by process {} (",
        std::process::id()
    );
    assert!(ended.stderr.starts_with(&said), "{}", ended.stderr);
    drop(lock);
    run(&mut reference(&place, &exchange)).expect_code(0);
    let other = exchange.base_url().replace("127.0.0.1", "localhost");
    let mut worker = command("worker");
    worker.current_dir(place.path()).args(["reference", "--outdir", "out", "--base-url", &other]);
    let words = "error: out/_reference.json: this tree holds reference data of 127.0.0.1 (layout 1), but localhost (layout 1)";
    assert!(run(&mut worker).expect_code(2).stderr.starts_with(words));
}

#[test]
fn what_can_not_be_is_said_and_has_its_exit_code() {
    let exchange = exchange(|config| config.with_key("another"));
    let place = place();
    let ended = run(&mut reference(&place, &exchange)).expect_code(12);
    says(&ended.stderr, &["the API key was refused (401)"]);

    let mut nobody = command("worker");
    nobody.current_dir(place.path()).args(["reference", "--outdir", "other", "--tries", "2"]);
    let ended = run(nobody.args(["--base-url", "http://127.0.0.1:9", "--backoff-base", "5ms"]))
        .expect_code(10);
    says(&ended.stderr, &["active tickers: no complete reply"]);

    let said = |extra: &[&str]| {
        let mut worker = reference(&place, &exchange);
        run(worker.args(extra)).expect_code(2).stderr
    };
    let mut future = command("worker");
    future.current_dir(place.path()).args(["reference", "--outdir", "out", "--date", "2199-01-01"]);
    let ended = run(future.args(["--base-url", &exchange.base_url()])).expect_code(2);
    assert_eq!(ended.stderr, "error: --date 2199-01-01 lies in the future\n");
    fs::write(place.outdir().join("_dataset.json"), "{}").expect("written");
    assert_eq!(
        said(&[]),
        "error: out/_dataset.json: this tree holds market data, not reference data; choose another --outdir\n"
    );
    let blocked = place.path().join("a-file");
    fs::write(&blocked, "x").expect("written");
    let mut worker = command("worker");
    worker.current_dir(place.path()).args([
        "reference",
        "--outdir",
        "a-file",
        "--base-url",
        &exchange.base_url(),
    ]);
    let ended = run(&mut worker).expect_code(13);
    says(&ended.stderr, &["error: can't "]);
}

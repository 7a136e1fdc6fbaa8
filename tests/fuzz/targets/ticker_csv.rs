//! Any bytes as a ticker list: legal tickers, each once, or an error that names a line.
#![no_main]

use std::collections::HashSet;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use shared::market::ticker::MAX_TICKER_LEN;
use shared::run::ticker_list::{TickerList, TickerListError};

const CSV: &str = "list.csv";

fuzz_target!(|bytes: &[u8]| {
    let lines = 1 + bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64;
    let error = match TickerList::parse_bytes(Path::new(CSV), bytes) {
        Ok(list) => return sound(&list),
        Err(error) => error,
    };
    let said = error.to_string();
    assert!(said.starts_with(CSV), "{said}");
    match error {
        TickerListError::Ticker { line, .. } | TickerListError::Malformed { line, .. } => {
            assert!((1..=lines).contains(&line), "line {line} of {lines}: {said}");
        }
        TickerListError::NoTickerColumn { .. } => {
            assert!(said.contains("the first line"), "{said}")
        }
        TickerListError::TickerColumns { count, .. } => assert!(count > 1, "{said}"),
        TickerListError::NoTickers(_) => {}
        TickerListError::Disk(_) => panic!("nothing was read from a disk: {said}"),
    }
});

fn sound(list: &TickerList) {
    assert!(!list.tickers.is_empty());
    let seen: HashSet<_> = list.tickers.iter().collect();
    assert_eq!(seen.len(), list.tickers.len(), "each once");
    assert!(list.repeated.iter().all(|ticker| seen.contains(ticker)), "what is repeated is there");
    for ticker in &list.tickers {
        let text = ticker.as_str();
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
        assert!(
            (1..=MAX_TICKER_LEN).contains(&text.len()) && text.bytes().all(is_legal),
            "{text:?}"
        );
        assert!(!text.bytes().all(|byte| byte == b'.'), "{text:?} would be a path");
    }
    let written = TickerList::text(&list.tickers);
    let again = TickerList::parse(Path::new(CSV), &written).expect("what was written can be read");
    assert_eq!((again.tickers, again.repeated), (list.tickers.clone(), Vec::new()));
}

//! Chains of pages: what is followed, what is taken once, what is a lie.

use super::*;
use crate::api::endpoints::Endpoint;
use crate::api::progress::{MAX_IDLE_PAGES, MAX_STANDING_PAGES};
use crate::api::range_query::RangeQuery;
use crate::spelled::day;
use shared::dataset::descriptor::Adjusted;
use shared::market::ohlcv::Ohlcv;
use shared::market::trade::Trade;
use shared::run::base_url::PlainHttp;
use shared::run::duplicates::Duplicates;

const BASE: &str = "http://127.0.0.1:9000";

fn base() -> BaseUrl {
    BaseUrl::parse(BASE, PlainHttp::LoopbackOnly).expect("an origin")
}

fn chain() -> Chain<RangeQuery<Ohlcv>> {
    chain_that_has(Duplicates::Refuse)
}

fn chain_that_has(duplicates: Duplicates) -> Chain<RangeQuery<Ohlcv>> {
    let endpoint = Endpoint::DailyBars("AIG".parse().expect("a ticker"), Adjusted::No);
    let stamps = day("2024-01-02").start_utc_ms()..day("2024-01-13").start_utc_ms();
    Chain::new(base(), RangeQuery::new(endpoint, stamps).with(duplicates))
}

fn chain_of_trades() -> Chain<RangeQuery<Trade>> {
    Chain::new(base(), RangeQuery::new(Endpoint::Trades("AIG".parse().expect("a ticker")), 0..100))
}

fn row(date: &str) -> Ohlcv {
    let t = day(date).start_utc_ms();
    Ohlcv { t, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 5.0, trades: None, vwap: None }
}

fn next_from(date: &str) -> String {
    format!(
        "{BASE}/v2/aggs/ticker/AIG/range/1/day/{}/2024-01-12?cursor=bGlt",
        day(date).start_utc_ms()
    )
}

fn page(dates: &[&str], next_url: Option<String>) -> Page<Ohlcv> {
    Page {
        ticker: Some("AIG".to_owned()),
        rows_ticker: None,
        adjusted: Some(false),
        results_count: Some(dates.len() as u64),
        status: Some("OK".to_owned()),
        next_url,
        rows: dates.iter().map(|date| row(date)).collect(),
    }
}

/// A chain that has read 2 and 3 January.
fn begun() -> Chain<RangeQuery<Ohlcv>> {
    let mut chain = chain();
    chain.accept(page(&["2024-01-02", "2024-01-03"], Some(next_from("2024-01-04")))).expect("true");
    chain
}

/// Bars of 2 January in two versions, by their volumes.
fn versions(volumes: &[f64]) -> Vec<Ohlcv> {
    volumes.iter().map(|volume| Ohlcv { volume: *volume, ..row("2024-01-02") }).collect()
}

#[test]
fn of_two_versions_of_a_bar_the_one_that_was_chosen_is_kept() {
    let read = |duplicates, rows: Vec<Ohlcv>| {
        let mut chain = chain_that_has(duplicates);
        let page = Page { results_count: Some(rows.len() as u64), rows, ..page(&[], None) };
        let volumes = |rows: Vec<Ohlcv>| rows.iter().map(|row| row.volume).collect::<Vec<_>>();
        let rows = chain.accept(page).map(volumes);
        (rows, chain.resolved().len(), chain.repeated_rows())
    };
    let stamp = row("2024-01-02").t;
    assert_eq!(read(Duplicates::Refuse, versions(&[1.0, 2.0])).0, Err(Lie::TwoRows(stamp)));
    assert_eq!(read(Duplicates::KeepLast, versions(&[1.0, 2.0])), (Ok(vec![2.0]), 1, 0));
    assert_eq!(read(Duplicates::KeepFirst, versions(&[1.0, 2.0])), (Ok(vec![1.0]), 1, 0));
    assert_eq!(read(Duplicates::KeepLast, versions(&[1.0, 2.0, 3.0])), (Ok(vec![3.0]), 2, 0));
    assert_eq!(read(Duplicates::KeepFirst, versions(&[1.0, 2.0, 1.0])), (Ok(vec![1.0]), 1, 1));
    assert_eq!(
        read(Duplicates::KeepLast, versions(&[1.0, 1.0])),
        (Ok(vec![1.0]), 0, 1),
        "a repeat is none"
    );
}

#[test]
fn a_bar_that_is_revised_at_a_page_border_comes_in_two_versions_too() {
    let begun = |duplicates| {
        let mut chain = chain_that_has(duplicates);
        chain.accept(page(&["2024-01-02"], Some(next_from("2024-01-02")))).expect("true");
        let revised = Page { rows: versions(&[7.0]), ..page(&["2024-01-02"], None) };
        let rows = chain.accept(revised);
        (rows.map(|rows| rows.len()), chain.resolved().len())
    };
    assert_eq!(begun(Duplicates::Refuse).0, Err(Lie::TwoRows(row("2024-01-02").t)));
    assert_eq!(begun(Duplicates::KeepFirst), (Ok(0), 1));
    assert_eq!(begun(Duplicates::KeepLast), (Ok(1), 1), "it takes the place of the one before");
}

#[test]
fn the_range_is_asked_in_one_go_and_next_url_is_followed_to_the_letter() {
    let mut chain = chain();
    let first = format!(
        "{BASE}/v2/aggs/ticker/AIG/range/1/day/2024-01-02/2024-01-12?adjusted=false&sort=asc&limit=50000"
    );
    assert_eq!(chain.url().map(Url::as_str), Some(first.as_str()));
    chain.accept(page(&["2024-01-02"], Some(next_from("2024-01-03")))).expect("true");
    assert_eq!(chain.url().map(Url::as_str), Some(next_from("2024-01-03").as_str()));
    chain.accept(page(&["2024-01-03"], None)).expect("true");
    assert_eq!(chain.url(), None);
}

#[test]
fn an_end_beyond_all_time_is_followed_like_any_later_end() {
    let mut chain = begun();
    let url = next_from("2024-01-05").replace("/2024-01-12?", &format!("/{}?", i64::MAX));
    chain.accept(page(&["2024-01-04"], Some(url.clone()))).expect("nothing is skipped");
    assert_eq!(chain.url().map(Url::as_str), Some(url.as_str()));
}

#[test]
fn a_row_repeated_at_a_border_is_taken_once_and_counted() {
    let mut chain = begun();
    let rows = chain.accept(page(&["2024-01-03", "2024-01-04"], None)).expect("true");
    assert_eq!(rows, [row("2024-01-04")]);
    assert_eq!(chain.repeated_rows(), 1);
}

#[test]
fn a_lie_is_named_and_leaves_the_chain_as_it_was() {
    let good = || page(&["2024-01-04"], None);
    let early = day("2024-01-02").start_utc_ms();
    let border = day("2024-01-03").start_utc_ms();
    let mut other_row = row("2024-01-04");
    other_row.close = 2.0;
    let at_close = Ohlcv { t: day("2024-01-04").start_utc_ms() + 57_600_000, ..row("2024-01-04") };
    let revised = Ohlcv { close: 2.0, ..row("2024-01-03") };
    let lead = |url: &str| Page { next_url: Some(url.to_owned()), ..good() };
    let lies = [
        (Page { status: Some("ERROR".to_owned()), ..good() }, Lie::Status("ERROR".to_owned())),
        (Page { ticker: Some("BAC".to_owned()), ..good() }, Lie::OtherTicker("BAC".to_owned())),
        (
            Page { rows_ticker: Some("BAC".to_owned()), ..good() },
            Lie::RowsOfOther("BAC".to_owned()),
        ),
        (Page { adjusted: Some(true), ..good() }, Lie::Adjusted(true)),
        (Page { results_count: Some(2), ..good() }, Lie::RowCount { announced: 2, held: 1 }),
        (page(&["2024-02-01"], None), Lie::OutsideRange(day("2024-02-01").start_utc_ms())),
        (page(&["2024-01-02"], None), Lie::StampFalls { stamp: early, after: border }),
        (
            page(&["2024-01-05", "2024-01-04"], None),
            Lie::StampFalls {
                stamp: day("2024-01-04").start_utc_ms(),
                after: day("2024-01-05").start_utc_ms(),
            },
        ),
        (
            Page { rows: vec![row("2024-01-04"), other_row], results_count: Some(2), ..good() },
            Lie::TwoRows(other_row.t),
        ),
        (Page { status: None, ..good() }, Lie::Silent("status")),
        (Page { ticker: None, ..good() }, Lie::Silent("ticker")),
        (Page { adjusted: None, ..good() }, Lie::Silent("adjusted")),
        (Page { results_count: None, ..good() }, Lie::Silent("resultsCount")),
        (
            Page { rows: vec![at_close], results_count: Some(1), ..good() },
            Lie::NotAWindow(at_close.t),
        ),
        (Page { rows: vec![revised], results_count: Some(1), ..good() }, Lie::TwoRows(revised.t)),
        (lead(&next_from("2024-01-08")), Lie::Skips),
        (lead(&next_from("2024-01-05").replace("/2024-01-12?", "/2024-01-11?")), Lie::Skips),
        (lead(&next_from("2024-01-04")), Lie::RepeatedNextUrl),
        (lead(&next_from("2024-01-03")), Lie::DoesNotAdvance),
        (
            lead("https://evil.example/v2/aggs"),
            Lie::ForeignNextUrl("https://evil.example".to_owned()),
        ),
        (
            lead(&next_from("2024-01-05").replace("AIG", "BAC")),
            Lie::OtherEndpoint(format!(
                "/v2/aggs/ticker/BAC/range/1/day/{}/2024-01-12",
                day("2024-01-05").start_utc_ms()
            )),
        ),
    ];
    for (page, lie) in lies {
        let mut chain = begun();
        assert_eq!(chain.accept(page), Err(lie.clone()), "{lie}");
        assert_eq!(chain.url().map(Url::as_str), Some(next_from("2024-01-04").as_str()), "{lie}");
        assert_eq!(chain.accept(good()).as_deref(), Ok([row("2024-01-04")].as_slice()), "{lie}");
    }
}

#[test]
fn a_restart_asks_with_our_own_parameters_from_the_day_after_the_last_row() {
    let mut chain = begun();
    chain.restart();
    let url = chain.url().map(Url::as_str).expect("days are left");
    assert!(url.contains("/2024-01-04/2024-01-12?adjusted=false&"), "{url}");
    chain.accept(page(&["2024-01-12"], Some(next_from("2024-01-13")))).expect("true");
    chain.restart();
    assert_eq!(chain.url(), None, "no day is left to ask for");
}

#[test]
fn pages_without_a_new_row_do_not_lead_on_for_ever() {
    let mut chain = chain_of_trades();
    chain.accept(tape(&[(5, 1)], Some("first"))).expect("true");
    let lie = (0..MAX_IDLE_PAGES).find_map(|number| {
        if number == MAX_IDLE_PAGES / 2 {
            chain.restart();
        }
        let prints: &[_] = if number % 2 == 0 { &[(5, 1)] } else { &[] };
        chain.accept(tape(prints, Some(&number.to_string()))).err()
    });
    assert_eq!(
        lie,
        Some(Lie::NothingNew),
        "a repeated row is nothing new, and a restart forgets nothing"
    );
}

#[test]
fn pages_with_one_more_row_of_the_same_stamp_do_not_lead_on_for_ever() {
    let mut chain = chain_of_trades();
    let accepted = |chain: &mut Chain<RangeQuery<Trade>>, number: u32| {
        chain.accept(tape(&[(5, number.into())], Some(&number.to_string()))).map(|rows| rows.len())
    };
    for number in 0..MAX_STANDING_PAGES {
        assert_eq!(accepted(&mut chain, number), Ok(1));
    }
    let next = chain.url().cloned();
    assert_eq!(accepted(&mut chain, MAX_STANDING_PAGES), Err(Lie::StandsStill(5)));
    assert_eq!(chain.url(), next.as_ref(), "a lie leaves the chain as it was");
    chain.restart();
    assert_eq!(
        accepted(&mut chain, MAX_STANDING_PAGES),
        Err(Lie::StandsStill(5)),
        "nor is it forgotten"
    );
    // What comes of our own parameters may get on.
    let all: Vec<(i64, i64)> = (0..70).map(|number| (5, number)).chain([(6, 1)]).collect();
    let rows = chain.accept(tape(&all, Some("on"))).expect("true");
    assert_eq!(rows.len(), 71 - MAX_STANDING_PAGES as usize);
}

#[test]
fn a_400_ends_a_chain_only_where_the_url_that_was_followed_really_crosses() {
    let words = "The parameter 'to' cannot be a time that occurs before 'from'".to_owned();
    let refusal = Failure::BadRequest { status: 400, words };
    assert!(!chain().ended_by(&refusal), "our own request");
    assert!(!begun().ended_by(&refusal), "from is not past to");
    let mut at_end = chain();
    at_end.accept(page(&["2024-01-12"], Some(next_from("2024-01-13")))).expect("true");
    assert!(at_end.ended_by(&refusal));
    assert_eq!(at_end.url(), None);
}

fn print(sip_ns: i64, sequence_number: i64) -> Trade {
    Trade {
        sip_ns,
        price: 1.0,
        size: 1.0,
        sequence_number,
        exchange: 11,
        id: "7".into(),
        conditions: None,
        correction: None,
        tape: 1,
        participant_ns: sip_ns,
        trf_ns: None,
    }
}

fn tape(prints: &[(i64, i64)], next_url: Option<&str>) -> Page<Trade> {
    let rows = prints.iter().map(|(stamp, sequence)| print(*stamp, *sequence)).collect();
    let next_url = next_url.map(|cursor| format!("{BASE}/v3/trades/AIG?cursor={cursor}"));
    Page {
        ticker: None,
        rows_ticker: None,
        adjusted: None,
        results_count: None,
        status: Some("OK".to_owned()),
        next_url,
        rows,
    }
}

#[test]
fn prints_of_one_nanosecond_are_all_taken_and_those_read_before_are_not() {
    let mut chain = chain_of_trades();
    let stamps = |rows: &[Trade]| {
        rows.iter().map(|row| (row.sip_ns, row.sequence_number)).collect::<Vec<_>>()
    };
    let first = chain.accept(tape(&[(5, 1), (7, 2), (7, 3)], Some("a"))).expect("true");
    assert_eq!(stamps(&first), [(5, 1), (7, 2), (7, 3)]);
    let second = chain.accept(tape(&[(7, 3), (7, 4)], Some("b"))).expect("true");
    assert_eq!(stamps(&second), [(7, 4)], "one border repeats one print");
    chain.restart();
    let url = chain.url().map(Url::as_str).expect("stamps are left");
    assert!(url.contains("?timestamp.gte=7&timestamp.lte=99&order=asc"), "{url}");
    let third = chain.accept(tape(&[(7, 2), (7, 3), (7, 4), (7, 4), (9, 6)], None)).expect("true");
    assert_eq!(
        stamps(&third),
        [(7, 4), (9, 6)],
        "the whole nanosecond is asked for again; a twin is no repeat"
    );
    assert_eq!(chain.repeated_rows(), 4);
}

#[test]
fn a_path_that_only_begins_like_ours_is_another_ticker_s() {
    let mut chain = chain_of_trades();
    let mut page = tape(&[(5, 1)], None);
    page.next_url = Some(format!("{BASE}/v3/trades/AIGX?cursor=a"));
    assert_eq!(chain.accept(page), Err(Lie::OtherEndpoint("/v3/trades/AIGX".to_owned())));
}

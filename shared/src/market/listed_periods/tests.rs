//! What reference data say, in view, and the periods that follow.

use super::*;

fn day(text: &str) -> TradingDay {
    text.parse().expect(text)
}

fn ticker(text: &str) -> Ticker {
    text.parse().expect(text)
}

fn figi(text: &str) -> Figi {
    text.parse().expect(text)
}

/// FIGIs of a made-up security: the composite, and the share class.
fn composite(name: &str) -> Figi {
    figi(&format!("BBG0000{name:0>5}"))
}

fn share_class(name: &str) -> Figi {
    figi(&format!("BBG0019{name:0>5}"))
}

/// A row of a security with both FIGIs; `gone` is empty while it trades.
fn row(symbol: &str, security: &str, listed: &str, gone: &str) -> ListedRow {
    ListedRow {
        composite: Some(composite(security)),
        share_class: Some(share_class(security)),
        ..bare(symbol, listed, gone)
    }
}

/// A row without FIGIs.
fn bare(symbol: &str, listed: &str, gone: &str) -> ListedRow {
    let day_of = |text: &str| (!text.is_empty()).then(|| day(text));
    ListedRow {
        ticker: ticker(symbol),
        active: gone.is_empty(),
        delisted: day_of(gone),
        composite: None,
        share_class: None,
        place: 0,
        cik: None,
        name: format!("{symbol} Inc."),
        list_date: day_of(listed),
    }
}

fn events(security: &str, changes: &[(&str, &str)]) -> TickerEvents {
    TickerEvents {
        asked: AskedOf::Composite(composite(security)),
        composite: Some(composite(security)),
        changes: changes.iter().map(|(since, symbol)| (day(since), ticker(symbol))).collect(),
    }
}

fn said(securities: &Securities, symbol: &str) -> Vec<String> {
    let periods = securities.ticker(&ticker(symbol)).map_or(&[][..], TickerPeriods::periods);
    periods.iter().map(|period| format!("{period} ({})", period.known)).collect()
}

fn doubts(securities: &Securities) -> Vec<String> {
    let said = |doubt: &Doubt| format!("{} {} {:?}", doubt.ticker, doubt.security, doubt.why);
    securities.doubts.iter().map(said).collect()
}

/// Facebook's shares were FB until 2022-06-08 and are META since; a fund had META before and is METV
/// since; another fund has FB since 2025.
fn meta() -> (Vec<ListedRow>, Vec<TickerEvents>) {
    let rows = vec![
        row("FB", "META", "", "2022-06-09"),
        row("FB", "BUFF", "2025-06-26", ""),
        row("META", "META", "2012-05-18", ""),
        row("META", "BALL", "", "2022-01-31"),
        row("METV", "BALL", "2021-06-30", ""),
    ];
    let events = vec![
        events("META", &[("2022-06-09", "META"), ("2012-05-18", "FB")]),
        events("BALL", &[("2021-06-30", "META"), ("2022-01-31", "METV")]),
        events("BUFF", &[("2025-06-26", "FB")]),
    ];
    (rows, events)
}

#[test]
fn a_renamed_security_has_its_days_under_both_symbols_and_a_recycled_symbol_has_two_securities() {
    let (rows, events) = meta();
    let all = Securities::of(&rows, &events);
    assert_eq!(
        said(&all, "FB"),
        [
            "FB 2012-05-18..2022-06-08 BBG00190META (ticker events)",
            "FB 2025-06-26.. BBG00190BUFF (ticker events)",
        ]
    );
    assert_eq!(
        said(&all, "META"),
        [
            "META 2021-06-30..2022-01-30 BBG00190BALL (ticker events)",
            "META 2022-06-09.. BBG00190META (ticker events)",
        ]
    );
    assert_eq!(doubts(&all), [] as [&str; 0]);
    let security = all.by_figi(&composite("META")).expect("known");
    assert_eq!(all.by_figi(&share_class("META")), Some(security.clone()), "either FIGI names it");
    let days: Vec<String> = all.of_security(&security).iter().map(ToString::to_string).collect();
    assert_eq!(days, ["FB 2012-05-18..2022-06-08 BBG00190META", "META 2022-06-09.. BBG00190META"]);
    assert_eq!(all.by_figi(&figi("BBG000000000")), None);
    assert_eq!(all.name(&security), Some("META Inc."), "as it is called now");
}

#[test]
fn without_events_a_rename_is_seen_by_its_figi_and_its_day_is_not_known() {
    let (rows, _) = meta();
    let all = Securities::of(&rows, &[]);
    assert_eq!(
        said(&all, "META"),
        [
            "META 2021-06-30..2022-01-31 BBG00190BALL (listing date)",
            "META ?.. BBG00190META (list of tickers)",
        ],
        "listing dates are those of the first symbols"
    );
    assert_eq!(said(&all, "FB")[0], "FB 2012-05-18..2022-06-09 BBG00190META (listing date)");
}

/// Why, what is said, and the periods of T that follow.
type Case = (&'static str, Vec<ListedRow>, Vec<TickerEvents>, Vec<&'static str>);

#[test]
fn what_is_said_of_one_ticker_becomes_its_periods() {
    let events_of = |changes: &[(&str, &str)]| vec![events("A", changes)];
    let cases: [Case; 10] = [
        (
            "nothing but the list",
            vec![row("T", "A", "", "")],
            vec![],
            vec!["T ?.. BBG00190000A (list of tickers)"],
        ),
        (
            "no FIGI: ticker and listing date stand for the security",
            vec![bare("T", "2011-02-03", "2017-05-01")],
            vec![],
            vec!["T 2011-02-03..2017-05-01 T@2011-02-03 (listing date)"],
        ),
        (
            "two listings without a FIGI are two",
            vec![bare("T", "", "2009-03-02"), bare("T", "2011-02-03", "")],
            vec![],
            vec![
                "T ?..2009-03-02 T@..2009-03-02 (list of tickers)",
                "T 2011-02-03.. T@2011-02-03 (listing date)",
            ],
        ),
        (
            "a listing date before the end of another security is not that of the symbol",
            vec![bare("T", "", "2017-05-01"), row("T", "A", "2006-10-13", "")],
            events_of(&[("2019-07-31", "T")]),
            vec![
                "T ?..2017-05-01 T@..2017-05-01 (list of tickers)",
                "T 2019-07-31.. BBG00190000A (ticker events)",
            ],
        ),
        (
            "and without an event its first day is not known",
            vec![bare("T", "", "2017-05-01"), row("T", "A", "2006-10-13", "")],
            vec![],
            vec![
                "T ?..2017-05-01 T@..2017-05-01 (list of tickers)",
                "T ?.. BBG00190000A (list of tickers)",
            ],
        ),
        (
            "the source's records begin on 2003-09-10: an event of that day dates nothing",
            vec![row("T", "A", "", "")],
            events_of(&[("2003-09-10", "T")]),
            vec!["T ?.. BBG00190000A (ticker events)"],
        ),
        (
            "unless the listing date is older",
            vec![row("T", "A", "1980-12-12", "")],
            events_of(&[("2003-09-10", "T")]),
            vec!["T 1980-12-12.. BBG00190000A (ticker events)"],
        ),
        (
            "an event that comes too late: the listing date tells of the days before",
            vec![row("T", "A", "2010-03-11", "")],
            events_of(&[("2022-03-28", "T")]),
            vec!["T 2010-03-11.. BBG00190000A (listing date)"],
        ),
        (
            "events sent twice and out of order",
            vec![row("T", "A", "", "2020-06-01")],
            events_of(&[("2015-01-02", "T"), ("2010-01-04", "S"), ("2015-01-02", "T")]),
            vec!["T 2015-01-02..2020-06-01 BBG00190000A (ticker events)"],
        ),
        (
            "a symbol that comes back",
            vec![row("T", "A", "", ""), row("S", "A", "", "2015-01-02")],
            events_of(&[("2010-01-04", "T"), ("2012-01-03", "S"), ("2015-01-02", "T")]),
            vec![
                "T 2010-01-04..2012-01-02 BBG00190000A (ticker events)",
                "T 2015-01-02.. BBG00190000A (ticker events)",
            ],
        ),
    ];
    for (why, rows, events, expected) in cases {
        let all = Securities::of(&rows, &events);
        assert_eq!(said(&all, "T"), expected, "{why}");
        assert_eq!(doubts(&all), [] as [&str; 0], "{why}");
    }
}

#[test]
fn rows_of_one_company_under_one_symbol_are_one_security_though_a_figi_is_missing() {
    let company = |row: ListedRow| ListedRow { cik: Some("0000070318".to_owned()), ..row };
    let rows = [
        company(bare("THC", "", "2011-03-01")),
        company(row("THC", "THC", "1979-06-11", "")),
        ListedRow { cik: Some("0000034956".to_owned()), ..row("THC", "THC", "1979-06-11", "") },
    ];
    let all = Securities::of(&rows, &[]);
    assert_eq!(said(&all, "THC"), ["THC 1979-06-11.. BBG001900THC (listing date)"]);

    // One side knows the share class, the other the composite alone.
    let rows = [
        row("NEW", "A", "", ""),
        ListedRow { share_class: None, ..row("OLD", "A", "", "2015-03-02") },
    ];
    let all = Securities::of(&rows, &[]);
    assert_eq!(said(&all, "OLD"), ["OLD ?..2015-03-02 BBG00190000A (list of tickers)"]);
}

#[test]
fn what_contradicts_is_left_out_and_said() {
    // The source names a symbol that never traded; the security trades under its old one.
    let rows = [row("TSSI", "TSS", "", "")];
    let stray = [events("TSS", &[("2021-09-23", "TSSI"), ("2023-11-18", "S258")])];
    let all = Securities::of(&rows, &stray);
    assert_eq!(said(&all, "TSSI"), ["TSSI 2021-09-23.. BBG001900TSS (ticker events)"]);
    assert_eq!(said(&all, "S258"), [] as [&str; 0]);
    assert_eq!(doubts(&all), ["S258 BBG001900TSS List"]);

    // Two securities got one symbol on one day: the one that trades has it.
    let rows = [row("T", "A", "", "2020-01-02"), row("T", "B", "", "")];
    let both = [events("A", &[("2010-01-04", "T")]), events("B", &[("2010-01-04", "T")])];
    let all = Securities::of(&rows, &both);
    assert_eq!(said(&all, "T"), ["T 2010-01-04.. BBG00190000B (ticker events)"]);
    assert_eq!(doubts(&all), ["T BBG00190000A Others"]);

    // Asked by symbol, the source answers for the security that has the symbol now.
    let rows = [bare("T", "", "2010-01-04")];
    let other = TickerEvents {
        asked: AskedOf::Ticker(ticker("T")),
        composite: Some(composite("A")),
        changes: vec![(day("2020-01-02"), ticker("U"))],
    };
    let all = Securities::of(&rows, &[other]);
    assert_eq!(said(&all, "T"), ["T ?..2010-01-04 T@..2010-01-04 (list of tickers)"]);
    assert_eq!(doubts(&all), ["T BBG00000000A Symbol"]);
}

#[test]
fn an_answer_may_know_the_figi_that_the_list_lacks() {
    let rows = [bare("T", "", "")];
    let answer = TickerEvents {
        asked: AskedOf::Ticker(ticker("T")),
        composite: Some(composite("A")),
        changes: vec![(day("2012-01-03"), ticker("S")), (day("2020-01-02"), ticker("T"))],
    };
    let all = Securities::of(&rows, std::slice::from_ref(&answer));
    assert_eq!(said(&all, "T"), ["T 2020-01-02.. BBG00000000A (ticker events)"]);
    assert_eq!(said(&all, "S"), ["S 2012-01-03..2020-01-01 BBG00000000A (ticker events)"]);
    // It is of the listing that the question was about, not of one before it.
    let both = [bare("T", "", ""), bare("T", "", "2009-03-02")];
    let all = Securities::of(&both, std::slice::from_ref(&answer));
    assert_eq!(
        said(&all, "T"),
        [
            "T ?..2009-03-02 T@..2009-03-02 (list of tickers)",
            "T 2020-01-02.. BBG00000000A (ticker events)",
        ]
    );
    let nameless = TickerEvents { composite: None, ..answer };
    let all = Securities::of(&rows, &[nameless]);
    assert_eq!(said(&all, "T"), ["T 2020-01-02.. T@? (ticker events)"]);
}

#[test]
fn what_is_left_behind_a_later_holder_is_not_moved_by_one_that_came_and_went_before_it() {
    let held = |figi: &str, from: &str, to: End| {
        let security = Security::Composite(composite(figi));
        claim(&security, &ticker("T"), Some(day(from)), to, Known::Events)
    };
    let claims = vec![
        held("1", "2004-01-01", End::Open),
        held("2", "2005-01-01", End::On(day("2005-12-31"))),
        held("3", "2005-06-01", End::On(day("2005-08-31"))),
    ];
    let periods = resolve(claims, &mut Vec::new());
    let said: Vec<String> = periods.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "T 2004-01-01..2004-12-31 BBG000000001",
            "T 2005-01-01..2005-05-31 BBG000000002",
            "T 2005-06-01..2005-08-31 BBG000000003",
            "T 2005-09-01..2005-12-31 BBG000000002",
            "T 2006-01-01.. BBG000000001",
        ]
    );
}

#[test]
fn no_two_periods_of_a_ticker_share_a_day_whatever_is_said() {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    let row = (0..3_usize, 0..4_usize, 0..3_000_i32, 0..3_000_i32, any::<bool>(), any::<bool>());
    let change = (0..4_usize, 0..3_000_i32, 0..3_usize);
    let rows = proptest::collection::vec(row, 0..10);
    let changes = proptest::collection::vec(change, 0..10);
    let mut runner = TestRunner::new(Config { cases: 3_000, ..Config::default() });
    let symbols = ["T", "U", "V"];
    let at = |days: i32| day("2003-01-02").plus_days(days);
    runner
        .run(&(rows, changes), |(rows, changes)| {
            let rows: Vec<ListedRow> = rows
                .into_iter()
                .map(|(symbol, security, listed, gone, active, dated)| ListedRow {
                    active,
                    delisted: (!active && gone % 7 != 0).then(|| at(gone)),
                    list_date: dated.then(|| at(listed)),
                    composite: (security > 0).then(|| composite(&security.to_string())),
                    ..bare(symbols[symbol], "", "")
                })
                .collect();
            let events: Vec<TickerEvents> = (1..4)
                .map(|security: usize| TickerEvents {
                    asked: AskedOf::Composite(composite(&security.to_string())),
                    composite: None,
                    changes: changes
                        .iter()
                        .filter(|(of, ..)| *of == security)
                        .map(|(_, since, symbol)| (at(*since), ticker(symbols[*symbol])))
                        .collect(),
                })
                .collect();
            let all = Securities::of(&rows, &events);
            for symbol in symbols {
                let periods = all.ticker(&ticker(symbol)).map_or(&[][..], TickerPeriods::periods);
                for pair in periods.windows(2) {
                    prop_assert!(
                        pair[1].from.is_none_or(|from| pair[0].to.last() < from),
                        "{} and {}",
                        pair[0],
                        pair[1]
                    );
                    prop_assert!(pair[0].to.last() < pair[1].to.last());
                }
                for period in periods {
                    prop_assert!(period.from.is_none_or(|from| from <= period.to.last()));
                }
            }
            Ok(())
        })
        .expect("periods share no day");
}

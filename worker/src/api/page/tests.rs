use super::*;
use shared::market::ohlcv::Ohlcv;
use shared::market::trade::Trade;

fn bars(body: &str) -> Result<Page<Ohlcv>, String> {
    decode(body.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn a_page_is_read_with_its_numbers_exact_whatever_their_spelling() {
    let body = r#"{"ticker":"AAPL","queryCount":2,"resultsCount":2,"adjusted":true,"results":[
        {"v":642646396.0,"vw":1.469,"o":1.5032,"c":1.4604,"h":1.5064,"l":1e-06,"t":1112331600000,"n":82132},
        {"v":41120042.153782,"o":1,"c":1,"h":1,"l":1,"t":1112587200000,"otc":true}],
        "status":"DELAYED","request_id":1,"count":2,"next_url":"https://api.massive.com/x"}"#;
    let page = bars(body).expect("a page");
    assert_eq!((page.rows[0].volume, page.rows[0].low), (642_646_396.0, 0.000_001));
    assert_eq!((page.rows[0].trades, page.rows[0].vwap), (Some(82_132), Some(1.469)));
    assert_eq!(
        (page.rows[1].volume, page.rows[1].trades, page.rows[1].vwap),
        (41_120_042.153_782, None, None)
    );
    assert_eq!(page.status.as_deref(), Some("DELAYED"));
    assert_eq!(page.next_url.as_deref(), Some("https://api.massive.com/x"));
}

#[test]
fn nothing_found_has_three_spellings() {
    for body in [r#"{"status":"OK","resultsCount":0}"#, r#"{"results":null}"#, r#"{"results":[]}"#]
    {
        assert_eq!(bars(body).expect(body).rows, [], "{body}");
    }
}

#[test]
fn what_is_no_page_is_said_with_its_row() {
    let error = |body: &str| bars(body).expect_err(body);
    let string = r#"{"results":[{"t":1,"o":1,"h":1,"l":1,"c":1,"v":1},{"t":2,"o":"1","h":1,"l":1,"c":1,"v":1}]}"#;
    assert!(
        error(string).starts_with("row 2: invalid type: string \"1\", expected f64"),
        "{}",
        error(string)
    );
    assert!(
        error(r#"{"results":[{"t":1.5,"o":1}]}"#)
            .starts_with("row 1: invalid type: floating point")
    );
    assert!(
        error(r#"{"results":[{"t":1,"o":1,"h":1,"l":1,"c":1}]}"#)
            .starts_with("row 1: missing field `v`")
    );
    assert!(error("<html>").contains("expected value"));
    assert!(error(r#"{"results":[{"t":1,"#).contains("EOF while parsing"));
    assert!(error(r#"{"status":"OK"}}"#).contains("trailing characters"));
    let is_cut = |body: &str| matches!(decode::<Ohlcv>(body.as_bytes()), Err(PageError::Cut(_)));
    assert!([r#"{"results":[{"t":1,"#, r#"{"results":[]"#, ""].into_iter().all(is_cut));
    assert!(!["<html>", string, r#"{"status":"OK"}}"#].into_iter().any(is_cut));
}

#[test]
fn a_trade_keeps_its_nanoseconds_and_its_exact_size() {
    let body = r#"{"status":"OK","results":[{"conditions":[12,37],"exchange":4,"id":"1","participant_timestamp":1789047000000000000,
        "price":747.6944,"sequence_number":1,"sip_timestamp":1789047000000108301,"size":0,"decimal_size":"0.013374","tape":3,
        "trf_id":202,"trf_timestamp":1789047000000090001},
        {"exchange":11,"participant_timestamp":2,"price":1,"sequence_number":2,"sip_timestamp":3,"size":10,"tape":1}]}"#;
    let page = decode::<Trade>(body.as_bytes()).expect("a page");
    let [first, second] = page.rows.as_slice() else { panic!("two rows") };
    assert_eq!(
        (first.sip_ns, first.trf_ns),
        (1_789_047_000_000_108_301, Some(1_789_047_000_000_090_001))
    );
    assert_eq!(
        (first.size, first.conditions.clone()),
        (0.013_374, Some([12, 37].into_iter().collect()))
    );
    assert_eq!(
        (second.size, &*second.id, second.conditions.clone(), second.correction),
        (10.0, "", None, None)
    );
    for size in ["ten", "", "inf", "-1"] {
        let body = body.replace("0.013374", size);
        let error = decode::<Trade>(body.as_bytes()).expect_err(size).to_string();
        assert!(
            error.starts_with(&format!("row 1: decimal_size {size:?} is not a number")),
            "{error}"
        );
    }
}

#[test]
fn spellings_that_the_vendor_has_sent_are_read_as_they_are_meant() {
    let body = r#"{"ticker":"TEST","resultsCount":2.0,"adjusted":false,"x":NaN,"results":[
        {"v":0,"a":NaN,"vw":NaN,"o":10,"c":10,"h":10,"l":10,"t":1.709821860000e12,"n":null},
        {"v":Infinity,"x":"NaN","o":10,"c":10,"h":10,"l":1e1,"t":1709821860000,"n":1.5e+04}]}"#;
    let error = bars(body).expect_err("a volume that is no number");
    assert!(error.starts_with("row 2: invalid type: null, expected f64"), "{error}");
    let page = bars(&body.replace(r#""v":Infinity"#, r#""v":1.0"#)).expect("a page");
    assert_eq!(
        (page.rows[0].t, page.rows[0].vwap, page.rows[0].trades),
        (1_709_821_860_000, None, None)
    );
    assert_eq!(
        (page.rows[1].low, page.rows[1].trades, page.results_count),
        (10.0, Some(15_000), Some(2))
    );
    for n in ["1.5", "\"5\"", "1e30"] {
        let error =
            bars(&format!(r#"{{"results":[{{"v":1,"o":1,"c":1,"h":1,"l":1,"t":1,"n":{n}}}]}}"#));
        assert!(error.as_ref().is_err_and(|error| error.starts_with("row 1: ")), "{error:?}");
    }
}

#[test]
fn a_row_that_is_of_no_use_is_said_with_its_field_and_stamp() {
    let error = |row: &str| bars(&format!(r#"{{"results":[{row}]}}"#)).expect_err(row);
    let row = r#"{"t":7,"o":1,"h":1,"l":1,"c":1,"v":1}"#;
    for (from, to, words) in [
        (
            r#""l":1"#,
            r#""l":NaN"#,
            "row 1: invalid type: null, expected f64 (field `l`, stamped 7)",
        ),
        (r#""l":1,"#, "", "row 1: missing field `l` (stamped 7)"),
        (r#""v":1"#, r#""v":-1"#, "row 1: v is -1 (stamped 7)"),
        (r#""v":1"#, r#""v":1,"v":2"#, "row 1: duplicate field `v` (stamped 7)"),
        (r#""t":7"#, r#""t":null"#, "row 1: invalid type: null, expected i64 (field `t`)"),
    ] {
        assert_eq!(error(&row.replace(from, to)), words);
    }
    let envelope = bars(r#"{"resultsCount":"1","results":[]}"#).expect_err("no number");
    assert_eq!(envelope, "invalid type: string \"1\", expected u64 (field `resultsCount`)");
}

const TRADE: &str = r#"{"exchange":11,"participant_timestamp":2,"price":1,"sequence_number":2,"sip_timestamp":3,"size":10,"tape":1}"#;

#[test]
fn a_stamp_beyond_what_a_float_holds_is_exact_however_it_is_spelled() {
    for stamp in ["1789047000000108301", "1789047000000108301.0", "1.789047000000108301E+18"] {
        let row = TRADE.replace(r#""sip_timestamp":3"#, &format!(r#""sip_timestamp":{stamp}"#));
        let page = decode::<Trade>(format!(r#"{{"results":[{row}]}}"#).as_bytes()).expect(stamp);
        assert_eq!(page.rows[0].sip_ns, 1_789_047_000_000_108_301, "{stamp}");
    }
}

/// Decodes a page of which one row says something else.
fn says<R: Record>(row: &str, from: &str, to: &str) -> PageError {
    let other = row.replacen(from, to, 1);
    assert_ne!(other, row);
    decode::<R>(format!(r#"{{"results":[{row},{other}]}}"#).as_bytes()).map(drop).expect_err(to)
}

#[test]
fn what_can_not_be_is_refused_with_its_row() {
    let bar = r#"{"T":"AIG","v":1,"vw":1,"o":1,"c":1,"h":1,"l":1,"t":1,"n":1}"#;
    let endless = format!(r#""decimal_size":"{}","size""#, "9".repeat(400));
    let long_id = format!(r#""id":"{}","size""#, "7".repeat(65));
    let crowded = format!(r#""conditions":[{}],"size""#, ["1"; 17].join(","));
    let errors = [
        (says::<Ohlcv>(bar, r#""v":1"#, r#""v":-1"#), "v is -1"),
        (says::<Ohlcv>(bar, r#""vw":1"#, r#""vw":-0.5"#), "vw is -0.5"),
        (says::<Ohlcv>(bar, r#""l":1"#, r#""l":-1e-9"#), "l is -0.000000001"),
        (says::<Ohlcv>(bar, r#""n":1"#, r#""n":-2"#), "n is -2"),
        (says::<Ohlcv>(bar, "AIG", "BAC"), r#"it is of ticker "BAC", rows before it of "AIG""#),
        (says::<Ohlcv>(bar, r#""o":1"#, r#""o":1,"o":2"#), "duplicate field `o`"),
        (says::<Ohlcv>(bar, r#""n":1"#, r#""n":null,"n":2"#), "duplicate field `n`"),
        (says::<Trade>(TRADE, r#""price":1"#, r#""price":-1"#), "price is -1"),
        (says::<Trade>(TRADE, r#""size":10"#, r#""size":-10"#), "size is -10"),
        (
            says::<Trade>(TRADE, r#""size":10"#, r#""size":10,"trf_timestamp":-1"#),
            "trf_timestamp is -1",
        ),
        (
            says::<Trade>(TRADE, r#""sequence_number":2"#, r#""sequence_number":-2"#),
            "sequence_number is -2",
        ),
        (
            says::<Trade>(TRADE, r#""size""#, r#""decimal_size":"12.5","size""#),
            "size is 10 and decimal_size 12.5",
        ),
        (says::<Trade>(TRADE, r#""size""#, &endless), "decimal_size \"999"),
        (says::<Trade>(TRADE, r#""size""#, &long_id), "id has 65 bytes, more than 64"),
        (says::<Trade>(TRADE, r#""size""#, &crowded), "conditions has 17 numbers, more than 16"),
        (says::<Trade>(TRADE, r#""size""#, r#""size":10,"size""#), "duplicate field `size`"),
    ];
    for (error, words) in errors {
        assert!(matches!(error, PageError::Impossible(_)), "{error}");
        assert!(error.to_string().starts_with(&format!("row 2: {words}")), "{error}");
    }
    let not_read = says::<Trade>(TRADE, r#""tape":1"#, r#""tape":1,"conditions":[3000000000]"#);
    assert!(
        matches!(not_read, PageError::Malformed(_)) && not_read.to_string().starts_with("row 2: ")
    );
}

#[test]
fn fifty_thousand_of_the_longest_trades_are_a_page_and_an_endless_number_of_any_is_none() {
    struct Endless<'a>(&'a [u8], usize);
    impl Read for Endless<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let rest = &self.0[self.1 % self.0.len()..];
            let length = rest.len().min(buffer.len());
            buffer[..length].copy_from_slice(&rest[..length]);
            self.1 += length;
            Ok(length)
        }
    }
    let largest = size_of::<Trade>() + FIELD_BESIDE;
    assert!(50_000 * largest as u64 <= MOST_OF_A_PAGE);
    let row = format!("{TRADE},");
    let endless = r#"{"results":["#.as_bytes().chain(Endless(row.as_bytes(), 0));
    let mut most = 0;
    let ended = decode_within::<Trade>(endless, |bytes| {
        most = bytes;
        true
    });
    let said = ended.map(drop).expect_err("no end").to_string();
    assert!(
        said.starts_with("row 149797: ") && said.ends_with("more than 16 MiB of rows on a page"),
        "{said}"
    );
    assert!(most <= MOST_OF_A_PAGE + STEP);
}

/// The most that a trade takes beside itself.
const FIELD_BESIDE: usize = 64 + 16 * 4 + 24 + 2 * 16;

#[test]
fn a_page_for_which_there_is_no_room_is_let_go_when_that_shows() {
    let body = format!(r#"{{"results":[{}]}}"#, vec![TRADE; 10_000].join(","));
    let mut asked = Vec::new();
    let read = decode_within::<Trade>(body.as_bytes(), |bytes| {
        asked.push(bytes);
        bytes < 1_000_000
    });
    let ended = read.map(drop).expect_err("no room");
    assert!(matches!(ended, PageError::NoRoom(bytes) if Some(&bytes) == asked.last()), "{ended}");
    assert!(asked.is_sorted() && asked.len() > 2, "{asked:?}");
}

#[test]
fn an_envelope_that_says_a_thing_twice_is_refused() {
    for twice in [
        r#"{"status":"OK","status":"OK","results":[]}"#,
        r#"{"next_url":null,"results":[],"next_url":"x"}"#,
        r#"{"results":[],"results":[]}"#,
        r#"{"results":[],"results":null}"#,
    ] {
        let error = decode::<Ohlcv>(twice.as_bytes()).expect_err(twice);
        assert!(
            matches!(&error, PageError::Impossible(what) if what.starts_with("duplicate field")),
            "{error}"
        );
    }
    for odd in [
        r#"{"results":{}}"#,
        r#"{"results":[{},]}"#,
        r#"{"results":[1]}"#,
        r#"{"results":[null]}"#,
        r#"{"results":[}"#,
        r#"{"res\u0075lts":[{"t":1}]}"#,
    ] {
        assert!(matches!(decode::<Ohlcv>(odd.as_bytes()), Err(PageError::Malformed(_))), "{odd}");
    }
}

#[test]
fn a_body_is_the_same_page_in_whatever_pieces_it_arrives() {
    struct Pieces<'a>(&'a [u8], usize);
    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(buffer.len()).min(self.0.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }
    // More than the buffer holds, and a row that is longer than it.
    let long = TRADE.replace(
        r#""size""#,
        &format!(r#""x":"{}}}","id":"{}}}","size""#, "7".repeat(100_000), "7".repeat(63)),
    );
    let rows = [vec![TRADE; 400], vec![&long], vec![TRADE; 400]].concat().join(" ,\n");
    let body = format!(r#"{{"results": [ {rows} ] ,"status":"OK"}}"#);
    let whole = decode::<Trade>(body.as_bytes()).expect("a page");
    assert_eq!((whole.rows.len(), whole.rows[400].id.len()), (801, 64));
    for piece in [1, 113, 40_000] {
        assert_eq!(decode::<Trade>(Pieces(body.as_bytes(), piece)).expect("a page"), whole);
    }
    let cut = decode::<Trade>(&body.as_bytes()[..body.len() / 2]).map(drop).expect_err("cut");
    assert!(cut.to_string().contains("EOF while parsing"), "{cut}");
}

use proptest::prelude::*;
use serde_json::{Deserializer, Error};

use super::super::wire::Record;
use super::*;

/// What serde reads at the beginning of `text`, and how long that is.
fn by_serde<R: Record>(text: &str) -> Result<(R, usize), String> {
    let mut reader = Deserializer::from_str(text).into_iter::<R::Wire>();
    let wire: Result<R::Wire, Error> = reader.next().ok_or("nothing")?;
    let row = R::from_wire(wire.map_err(|error| error.to_string())?)?;
    Ok((row, reader.byte_offset()))
}

/// What is scanned is what serde reads. Is it scanned at all?
fn agrees<R: Record + std::fmt::Debug>(text: &str) -> bool {
    let scanned = R::scan(text.as_bytes());
    if let Some(scanned) = &scanned {
        assert_eq!(Ok(scanned), by_serde::<R>(text).as_ref(), "{text}");
    }
    scanned.is_some()
}

#[test]
fn eight_digits_are_read_as_one_number_and_no_other_byte_is_taken_for_one() {
    for number in (0..100_000_000_u64).step_by(9_973).chain([0, 99_999_999]) {
        assert_eq!(eight_digits(format!("{number:08}").as_bytes()), Some(number));
    }
    for at in 0..8 {
        for byte in 0..=u8::MAX {
            let mut text = *b"12345678";
            text[at] = byte;
            assert_eq!(eight_digits(&text).is_some(), byte.is_ascii_digit(), "{byte} at {at}");
        }
    }
}

const TRADES: [&str; 4] = [
    r#"{"conditions":[12,37],"exchange":4,"id":"52983525027","participant_timestamp":1736258400000123456,"price":10.01,"sequence_number":1064,"sip_timestamp":1736258400000345678,"size":100,"tape":3}"#,
    r#"{"conditions":[12,41],"correction":0,"decimal_size":"0.013374","exchange":11,"id":"1","participant_timestamp":1517562000015577088,"price":171.55,"sequence_number":1063,"sip_timestamp":1517562000016036581,"size":0,"tape":3,"trf_id":202,"trf_timestamp":1517562000016036580}"#,
    r#"{"exchange":1,"participant_timestamp":0,"price":0,"sequence_number":0,"sip_timestamp":0,"size":0.0,"tape":0}"#,
    r#"{"conditions":[],"exchange":1,"id":"","participant_timestamp":1,"price":642646396.0,"sequence_number":9223372036854775807,"sip_timestamp":2,"size":1e2,"tape":1}"#,
];
const BARS: [&str; 3] = [
    r#"{"v":41120042.153782,"vw":10.1234,"o":10.5,"c":10.25,"h":12.5,"l":9.75,"t":1112331600000,"n":82132}"#,
    r#"{"v":642646396.0,"o":1,"c":1.4604,"h":1.5064,"l":0.0001,"t":1112587200000,"otc":true}"#,
    r#"{"v":1,"o":1,"c":1,"h":1,"l":1e-06,"t":1112587200000}"#,
];

#[test]
fn rows_as_the_vendor_spells_them_are_scanned_and_exponents_are_left_to_serde() {
    let trades = TRADES.map(agrees::<Trade>);
    assert_eq!(
        (trades, BARS.map(agrees::<Ohlcv>)),
        ([true, true, true, false], [true, true, false])
    );
}

#[test]
fn what_is_odd_is_left_to_serde() {
    let bar = |rest: &str| format!(r#"{{"o":1,"c":1,"h":1,"l":1,"t":1{rest}"#);
    for rest in [
        "}",
        r#","v":1,"v":1}"#,
        r#","v":01}"#,
        r#","v":1.}"#,
        r#","v":.5}"#,
        r#","v":-1}"#,
        r#","v":"1"}"#,
        r#","v":null}"#,
        r#","v":1,}"#,
        r#","v": 1}"#,
        r#","v":1,"n":1.0}"#,
        r#","v":1,"n":9223372036854775808}"#,
        r#","v":1,"T":"AAPL"}"#,
        r#","v":1,"new":1}"#,
        r#","v":9007199254740993}"#,
        r#","v":12345678901234567890}"#,
        r#","v":1.00000000000000000001}"#,
        r#","v":1"#,
    ] {
        assert!(!agrees::<Ohlcv>(&bar(rest)), "{rest}");
    }
    let trade = |rest: &str| TRADES[2].replace('}', rest);
    let long = format!(r#","id":"{}"}}"#, "x".repeat(ID_MAX + 1));
    let many = format!(r#","conditions":[{}1]}}"#, "1,".repeat(CONDITIONS_MAX));
    for rest in [
        long.as_str(),
        &many,
        r#","id":"\u0041"}"#,
        r#","id":"é"}"#,
        r#","conditions":[1,]}"#,
        r#","conditions":[2147483648]}"#,
        r#","decimal_size":"5"}"#,
        r#","decimal_size":"0.5x"}"#,
        r#","correction":-1}"#,
    ] {
        assert!(!agrees::<Trade>(&trade(rest)), "{rest}");
    }
}

/// A number in one of the spellings of a number, and some that are none.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0_u64..1_000_000, 0_u32..10_000).prop_map(|(whole, part)| format!("{whole}.{part:04}")),
        2 => any::<u32>().prop_map(|whole| whole.to_string()),
        1 => any::<u64>().prop_map(|whole| whole.to_string()),
        1 => any::<f64>().prop_filter("JSON has no others", |number| number.is_finite()).prop_map(|number| number.to_string()),
        1 => "[-0-9.eE+]{1,24}",
        1 => "[0-9]{1,3}\\.[0-9]{1,24}",
    ]
}

fn pieces(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let value = prop_oneof![
        6 => number(),
        1 => "\"[ -~é]{0,8}\"",
        1 => Just("null".to_owned()),
        1 => Just("[1,2]".to_owned()),
        1 => Just("true".to_owned()),
    ];
    let field = (proptest::sample::select(names), value)
        .prop_map(|(name, value)| format!("\"{name}\":{value}"));
    proptest::collection::vec(field, 0..5).prop_map(|fields| fields.join(","))
}

proptest! {
    #[test]
    fn bars_of_any_numbers_are_scanned_as_serde_reads_them(
        numbers in proptest::array::uniform6(number()), t in any::<i64>(), rest in pieces(&["n", "vw", "otc", "T", "x", "t"]),
    ) {
        let [o, h, l, c, v, vw] = numbers;
        agrees::<Ohlcv>(&format!(r#"{{"o":{o},"h":{h},"l":{l},"c":{c},"v":{v},"t":{t},"vw":{vw}}},"#));
        agrees::<Ohlcv>(&format!(r#"{{"o":{o},"h":{h},"l":{l},"c":{c},"v":{v},"t":{t},{rest}}}]"#));
    }

    #[test]
    fn trades_of_any_numbers_are_scanned_as_serde_reads_them(
        price in number(), size in number(), stamp in any::<u64>(), id in "[ -~]{0,70}",
        rest in pieces(&["conditions", "correction", "decimal_size", "id", "trf_id", "trf_timestamp", "tape", "x"]),
    ) {
        let fixed = format!(r#""exchange":4,"participant_timestamp":{stamp},"sequence_number":1,"sip_timestamp":{stamp},"tape":3"#);
        agrees::<Trade>(&format!(r#"{{{fixed},"price":{price},"size":{size},"id":"{id}"}}]"#));
        agrees::<Trade>(&format!(r#"{{{fixed},"price":{price},"size":{size},{rest}}}]"#));
        agrees::<Trade>(&format!(r#"{{{fixed},"price":{price},"size":{size},"decimal_size":"{size}"}}]"#));
    }

    #[test]
    fn a_row_with_one_byte_changed_or_its_end_cut_off_is_scanned_as_serde_reads_it(
        which in 0_usize..7, at in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f, is_cut in any::<bool>(),
    ) {
        let text = TRADES.iter().chain(&BARS).nth(which).expect("one of seven");
        let mut bytes = text.as_bytes().to_vec();
        let at = at.index(bytes.len());
        if is_cut { bytes.truncate(at) } else { bytes[at] = byte }
        let text = String::from_utf8(bytes).expect("ASCII");
        agrees::<Trade>(&text);
        agrees::<Ohlcv>(&text);
    }
}

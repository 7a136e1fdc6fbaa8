//! Spellings that the vendor has sent and that are not JSON, or not the JSON of an integer. Pure.
//!
//! Used only for a text that was refused as it stands: what is spelled as it should be costs
//! nothing.

use std::borrow::Cow;

/// `text` with `null` in the place of a bare `NaN` or `Infinity`, and each exactly whole number as
/// plain digits, however many: `1.5e+04` is `15000`. What stands in strings is left alone, and what
/// is wrong stays wrong.
pub fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    let mut plain: Option<Vec<u8>> = None;
    let (mut copied, mut at) = (0, 0);
    while at < text.len() {
        let length = match text[at] {
            b'"' => string_length(&text[at..]),
            byte if is_of_token(byte) => {
                text[at..].iter().take_while(|byte| is_of_token(**byte)).count()
            }
            _ => 1,
        };
        if let Some(word) = respelled(&text[at..at + length]) {
            let plain = plain.get_or_insert_default();
            plain.extend_from_slice(&text[copied..at]);
            plain.extend_from_slice(word.as_bytes());
            copied = at + length;
        }
        at += length;
    }
    match plain {
        Some(mut plain) => {
            plain.extend_from_slice(&text[copied..]);
            plain.into()
        }
        None => text.into(),
    }
}

/// The length of the object at the beginning of `text`, braces included; `None` where its end is
/// not there.
pub fn object_length(text: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match text[at] {
            b'"' => {
                at += string_length(&text[at..]);
                continue;
            }
            b'{' => depth += 1,
            b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// From one quotation mark to the other; to the end where there is no other.
fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

fn respelled(token: &[u8]) -> Option<Cow<'static, str>> {
    match token {
        b"NaN" | b"Infinity" | b"-Infinity" => Some("null".into()),
        [b'-' | b'0'..=b'9', ..] if token.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => {
            Some(whole(std::str::from_utf8(token).ok()?)?.to_string().into())
        }
        _ => None,
    }
}

/// The integer that a JSON number is exactly, if it is one.
fn whole(number: &str) -> Option<i64> {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (before, behind) = match mantissa.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (mantissa, ""),
    };
    let is_number = before == "0" || (!before.is_empty() && !before.starts_with('0'));
    let all_digits = before.bytes().chain(behind.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number || !all_digits {
        return None;
    }
    let digits = [before, behind].concat();
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
    let behind = i64::try_from(behind.len()).ok()?;
    let zeros =
        usize::try_from(exponent.parse::<i32>().ok().map(i64::from)? - behind + dropped).ok()?;
    // No `i64` has more than 19 digits.
    (zeros < 20).then(|| format!("{sign}{significant}{}", "0".repeat(zeros)).parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spelled(text: &str) -> String {
        String::from_utf8(plain(text.as_bytes()).into_owned()).expect("text")
    }

    #[test]
    fn a_whole_number_is_that_integer_and_no_number_is_null() {
        for (sent, meant) in [
            ("1.5e+04", "15000"),
            ("12.0", "12"),
            ("1.789047000000108301e18", "1789047000000108301"),
            ("1789047000000108301.000", "1789047000000108301"),
            ("-0.0", "0"),
            ("120E-1", "12"),
            ("9223372036854775807.0", "9223372036854775807"),
            ("NaN", "null"),
            ("-Infinity", "null"),
            // Not whole, or beyond all integers, or no JSON at all: left to be refused, or read as
            // it is.
            ("1.5", "1.5"),
            ("9007199254740992.5", "9007199254740992.5"),
            ("9223372036854775808.0", "9223372036854775808.0"),
            ("1e400", "1e400"),
            ("1e99999999999", "1e99999999999"),
            ("01.0", "01.0"),
            ("1.", "1."),
            ("1e", "1e"),
            ("-", "-"),
            ("NaN1", "NaN1"),
            ("nan", "nan"),
        ] {
            assert_eq!(
                spelled(&format!(r#"{{"n":{sent},"s":"{sent}"}}"#)),
                format!(r#"{{"n":{meant},"s":"{sent}"}}"#)
            );
        }
        assert_eq!(spelled(r#"{"a":"\"NaN","b":[NaN,2.0]}"#), r#"{"a":"\"NaN","b":[null,2]}"#);
        assert!(matches!(plain(br#"{"a":1,"b":1.25}"#), Cow::Borrowed(_)));
    }

    #[test]
    fn an_object_ends_where_its_braces_do_whatever_stands_in_strings() {
        let length = |text: &str| object_length(text.as_bytes());
        assert_eq!(length(r#"{"a":"}\"}","b":{"c":1}},{"#), Some(24));
        assert_eq!(
            (length(r#"{"a":{"b":1}"#), length(r#"{"a":"}"#), length("}")),
            (None, None, None)
        );
    }

    proptest! {
        #[test]
        fn a_number_means_the_same_before_and_after(number in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?(e[+-]?[0-9]{1,2})?") {
            let (before, after): (f64, f64) = (number.parse().expect("a number"), spelled(&number).parse().expect("a number"));
            // There are two zeros.
            let bits = |number: f64| (number + 0.0).to_bits();
            prop_assert_eq!(bits(before), bits(after), "{} became {}", number, spelled(&number));
        }

        #[test]
        fn no_text_is_too_strange(text in ".*") {
            plain(text.as_bytes());
            object_length(text.as_bytes());
        }
    }
}

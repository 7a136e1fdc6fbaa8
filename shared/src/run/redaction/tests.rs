use proptest::prelude::*;

use super::*;

const SECRET: &str = "k9XhR2sV/tQ4+Z&bW7nLpA0c";

fn key() -> Redaction {
    Redaction { needles: spelling::needles(SECRET, KEY) }
}

/// Plain base64 by the book, as servers do it.
fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let group = |chunk: &[u8]| {
        let number =
            (0..3).fold(0_u32, |number, at| number << 8 | u32::from(*chunk.get(at).unwrap_or(&0)));
        (0..=chunk.len())
            .map(|at| char::from(alphabet[(number >> (18 - 6 * at) & 63) as usize]))
            .collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const FOR_URLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn each(spell: impl Fn(u8) -> String) -> String {
    SECRET.bytes().map(spell).collect()
}

fn spelled() -> Vec<(&'static str, String)> {
    let html = SECRET.replace('&', "&amp;");
    let encoded = |text: String, alphabet| base64(text.as_bytes(), alphabet);
    vec![
        ("as it is", SECRET.to_owned()),
        ("as a host", SECRET.to_lowercase()),
        ("in capitals", SECRET.to_uppercase()),
        ("percent-encoded", SECRET.replace('/', "%2F").replace('+', "%2b").replace('&', "%26")),
        ("percent-encoded throughout", each(|byte| format!("%{byte:02x}"))),
        ("percent-encoded twice", each(|byte| format!("%25{byte:02X}"))),
        ("as in JSON", SECRET.replace('/', "\\/")),
        ("as in JSON, by number", each(|byte| format!("\\u{byte:04x}"))),
        ("as in JSON in JSON", each(|byte| format!("\\\\u{byte:04X}"))),
        ("as in Rust", each(|byte| format!("\\u{{{byte:x}}}"))),
        ("as in C", each(|byte| format!("\\x{byte:02x}"))),
        ("as in HTML", html),
        ("as in HTML, by number", each(|byte| format!("&#{byte};"))),
        ("as in HTML, by hexadecimal number", each(|byte| format!("&#x{byte:04X};"))),
        ("over two lines", SECRET.replace("tQ4", "tQ\r\n    4")),
        ("in groups", SECRET.replace("R2s", "R2-s").replace("W7", "W 7")),
        (
            "with what nobody sees",
            SECRET.replace("R2s", "R\u{200b}2s\u{ad}").replace("W7", "W\u{feff}7"),
        ),
        ("in hexadecimal", each(|byte| format!("{byte:02x}"))),
        ("base64", encoded(SECRET.to_owned(), STANDARD)),
        ("base64 of a header", encoded(format!("Bearer {SECRET}"), STANDARD)),
        ("base64 of a user", encoded(format!("me:{SECRET}"), STANDARD)),
        ("base64 of another user", encoded(format!("user:{SECRET}x"), FOR_URLS)),
        ("base64 of a longer text", encoded(format!("{{\"a\":\"{SECRET}\"}}"), FOR_URLS)),
    ]
}

/// No four characters of the secret, nor of the spelling, are in it.
fn tells_nothing(text: &str, spelling: &str) -> bool {
    let lower = text.to_lowercase();
    let middle = &spelling[spelling.len() / 3..spelling.len() / 3 + 6];
    let parts = SECRET
        .as_bytes()
        .windows(5)
        .all(|part| !lower.contains(&String::from_utf8_lossy(part).to_lowercase()));
    parts && !lower.contains(&middle.to_lowercase())
}

#[test]
fn a_secret_is_cut_out_in_every_spelling_before_anything_is_cut_off() {
    for (name, spelling) in spelled() {
        for before in ["", "Unknown API Key: ", "é ", &"x".repeat(95)] {
            let said = key().words(&format!("{before}{spelling} is not known"), 100);
            // Behind the header of a long base64 text it may be cut off altogether.
            assert!(said.contains("(key)") || before.len() > 90, "{name}: {said}");
            assert!(tells_nothing(&said, &spelling), "{name}: {said}");
        }
    }
}

#[test]
fn a_text_that_was_cut_inside_a_secret_does_not_end_with_a_part_of_it() {
    for (name, spelling) in spelled() {
        let text = format!("no such key: {spelling}");
        for end in
            (text.len() - spelling.len()..text.len()).filter(|end| text.is_char_boundary(*end))
        {
            let said = key().words(&text[..end], 1000);
            assert!(tells_nothing(&said, &spelling), "{name} to {end}: {said}");
        }
    }
    assert_eq!(key().words("it is k9X", 100), "it is k9X", "three letters tell nothing");
}

#[test]
fn in_whatever_pieces_it_comes_nothing_of_a_secret_passes() {
    for (name, spelling) in spelled() {
        let text = format!("k k9 {spelling} %{spelling}\\ \\\\ & {spelling}%2");
        let whole = key().cut_out(&text);
        for size in 1..text.len() {
            let mut out = key().writer(Vec::new());
            text.as_bytes().chunks(size).for_each(|piece| out.write_all(piece).expect("written"));
            let out = String::from_utf8(out.into_inner().expect("written")).expect("text");
            assert_eq!(out, whole, "{name} in pieces of {size}");
        }
        assert_eq!(whole.matches("(key)").count(), 3, "{name}: {whole}");
    }
}

#[test]
fn what_a_terminal_would_obey_is_spelled_out() {
    let said =
        Redaction::default().words("a\nb\tc \x1b[2J\u{202e}live\u{200b}\u{7} é 中 \"q\" \\", 100);
    assert_eq!(said, r#"a b c \u{1b}[2J\u{202e}live\u{200b}\u{7} é 中 "q" \"#);
    assert_eq!(Redaction::default().words("éééééééé", 7), "éé … éé");
    assert_eq!(Redaction::default().words("éé", 2), "éé");
}

#[test]
fn an_address_is_said_without_its_user_and_a_secret_one_without_its_path() {
    let plain = |text: &str| Redaction::default().words(text, 200);
    assert_eq!(
        plain("proxy http://me:p@ss@proxy:3128/ is down"),
        "proxy http://(user)@proxy:3128/ is down"
    );
    assert_eq!(plain("see https://x/y@z and mail me@x"), "see https://x/y@z and mail me@x");
    let hook =
        Redaction::of_address("https://hooks.example/services/T0LONGER1/sEcret99?token=abcdefgh1");
    for text in [
        "can't post to https://hooks.example/services/T0LONGER1/sEcret99?token=abcdefgh1",
        "404 for /services/T0LONGER1/sEcret99?token=abcdefgh1",
        "no such hook: secret99",
        "bad token%3Dabcdefgh1",
    ] {
        let said = hook.words(text, 200);
        assert!(said.contains("(address)"), "{said}");
        assert!(!said.to_lowercase().contains("secret99") && !said.contains("abcdefgh1"), "{said}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange_and_one_without_a_secret_stays(text in "[%\\\\&#;x0-9a-fk25u{}]{0,40}|.*") {
        let said = key().cut_out(&text);
        prop_assert!(said == text || said.contains("(key)"), "{said}");
        key().words(&text, 10);
    }
}

#[test]
fn what_is_too_long_keeps_what_happened_and_what_to_do_and_no_secret_comes_back_by_the_cut() {
    let days: String = (1..=60).map(|day| format!("day {day}, ")).collect();
    let key_amid = format!(
        "A: no proof of {days}asked with {SECRET} and {days}; download them, or --allow-gap"
    );
    for chars in 80..200 {
        let said = key().words(&key_amid, chars);
        assert_eq!(said.chars().count(), chars);
        assert!(
            said.starts_with("A: no proof of day 1")
                && said.ends_with("; download them, or --allow-gap"),
            "{said}"
        );
        assert!(!said.contains(&SECRET[..4]), "{said}");
    }
}

//! Formats numbers for people.

use shared::run::thousands::grouped;

/// `1,234,567`.
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// `1 bar`, `1,234 bars`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// With a number of decimals: `1,234.57`, `-0.02`.
pub fn decimal(number: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", number.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let sign = if number < 0.0 && text.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
        "-"
    } else {
        ""
    };
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{dot}{fraction}", grouped(whole))
}

/// About four digits, at any size: `50,012`, `123.4`, `0.01234`.
pub fn short(number: f64) -> String {
    let decimals = match number.abs() {
        size if size >= 1000.0 || size == 0.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.01 => 4,
        _ => return format!("{number:.2e}"),
    };
    decimal(number, decimals)
}

/// `12.3 %`; 0 and 100 only if exact.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        share if share > 0.0 && share < 0.05 => "< 0.1 %".to_owned(),
        share if (99.95..100.0).contains(&share) => "> 99.9 %".to_owned(),
        share => format!("{share:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_on_the_eye() {
        assert_eq!((count(999), count(1_234_567)), ("999".to_owned(), "1,234,567".to_owned()));
        assert_eq!(
            (counted(1, "bar"), counted(2, "bar")),
            ("1 bar".to_owned(), "2 bars".to_owned())
        );
        let decimals = [(1234.567, 2), (-0.021, 2), (-0.001, 2), (12.0, 0)]
            .map(|(x, places)| decimal(x, places));
        assert_eq!(decimals, ["1,234.57", "-0.02", "0.00", "12"]);
        let shorts = [0.0, 50_012.4, 123.44, -1.5, 0.012_345, 0.000_12].map(short);
        assert_eq!(shorts, ["0", "50,012", "123.4", "-1.50", "0.0123", "1.20e-4"]);
        let shares = [0.0, 0.0004, 0.85, 0.9996, 1.0].map(percent);
        assert_eq!(shares, ["0.0 %", "< 0.1 %", "85.0 %", "> 99.9 %", "100.0 %"]);
    }
}

//! What a CSV has that harms nobody and that people want to know: lines without anything in them,
//! bytes of another encoding, a byte-order mark. Pure.

use std::fmt;

/// Lines of one sort: how many, and the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lines {
    count: u64,
    /// One-based; 0 where there are none.
    first: u64,
}

/// What was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Oddities {
    /// Nothing but blanks, commas and empty quotes.
    empty: Lines,
    /// Not UTF-8.
    foreign: Lines,
    has_mark: bool,
}

impl Oddities {
    /// Of a CSV of which no field goes over several lines. Nothing at its end is odd.
    pub fn of(bytes: &[u8]) -> Self {
        let has_mark = bytes.starts_with(b"\xef\xbb\xbf");
        let mut found = Self { has_mark, ..Self::default() };
        for (number, line) in (1..).zip(bytes.trim_ascii_end().split(|byte| *byte == b'\n')) {
            if line.iter().all(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b'"')) {
                found.empty.add(number);
            }
            if std::str::from_utf8(line).is_err() {
                found.foreign.add(number);
            }
        }
        found
    }

    /// Is there anything to say?
    pub fn is_any(&self) -> bool {
        *self != Self::default()
    }
}

impl Lines {
    fn add(&mut self, number: u64) {
        self.count += 1;
        self.first = if self.first == 0 { number } else { self.first };
    }

    fn said(self, what: &str) -> Option<String> {
        match self.count {
            0 => None,
            1 => Some(format!("line {} {what}", self.first)),
            count => Some(format!("{count} lines, the first of them {}, {what}", self.first)),
        }
    }
}

impl fmt::Display for Oddities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = [
            self.empty.said("passed over: blank"),
            self.foreign.said("with letters that are not UTF-8, in a column that is not used"),
            self.has_mark.then(|| "a byte-order mark at its beginning passed over".to_owned()),
        ];
        write!(f, "{}", said.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_harms_nobody_is_counted_and_its_first_line_named() {
        let said = |bytes: &[u8]| Oddities::of(bytes).to_string();
        assert!(
            !Oddities::of(b"ticker,name\nA,x\n\n\n").is_any(),
            "empty lines at the end are nothing"
        );
        assert_eq!(said(b"ticker\nA\n\nB\n"), "line 3 passed over: blank");
        assert_eq!(
            said(b"ticker,name\r\nA,x\r\n,,\r\n \r\nB,y\r\n"),
            "2 lines, the first of them 3, passed over: blank"
        );
        assert_eq!(
            said(b"\xef\xbb\xbfticker,name\nA,Nestl\xe9\n"),
            "line 2 with letters that are not UTF-8, in a column that is not used; a byte-order mark at its beginning passed over"
        );
    }
}

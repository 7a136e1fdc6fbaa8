//! The ticker CSV: any columns, one of them `ticker`. Parsed strictly here, trusted everywhere
//! else.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::publish::DiskError;
use crate::disk::regular;
use crate::market::ticker::{InvalidTicker, Ticker};

/// Why a ticker CSV is refused.
#[derive(Debug, thiserror::Error)]
pub enum TickerListError {
    /// It can't be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// No column is called `ticker`.
    #[error("{path}: no column is called \"ticker\" (found: {found}); the first line must name the columns{hint}", path = path.display())]
    NoTickerColumn {
        /// The file.
        path: PathBuf,
        /// The columns that it has.
        found: String,
        /// What may be meant, and what to do then.
        hint: String,
    },
    /// Which of them is meant nobody can tell.
    #[error("{path}:1: {count} columns are called \"ticker\"; rename or remove all but one", path = path.display())]
    TickerColumns {
        /// The file.
        path: PathBuf,
        /// How many there are.
        count: usize,
    },
    /// A line that does not hold a ticker.
    #[error("{path}:{line}: {what}", path = path.display())]
    Ticker {
        /// The file.
        path: PathBuf,
        /// One-based line.
        line: u64,
        /// What stands there instead.
        what: InvalidTicker,
    },
    /// A line that is not CSV.
    #[error("{path}:{line}: not a line of this CSV ({what})", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// One-based line.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A header and nothing else.
    #[error("{path}: contains no tickers", path = .0.display())]
    NoTickers(PathBuf),
}

/// The tickers of a CSV: each once, in the order of their first line; at least one.
///
/// Texts are taken literally, so `NA` is a ticker. Anything that is not a ticker is an error with
/// its line.
///
/// ```
/// use std::path::Path;
/// use shared::run::ticker_list::TickerList;
///
/// let path = Path::new("small.csv");
/// let list = TickerList::parse(path, "name,ticker\nNational,NA\nAmerican,AIG\nagain,NA\n")?;
/// assert_eq!(TickerList::text(&list.tickers), "ticker\nNA\nAIG\n");
/// assert_eq!(list.repeated.len(), 1);
/// let error = TickerList::parse(path, "ticker\n../x\n").expect_err("a path");
/// assert!(error.to_string().starts_with("small.csv:2: "), "{error}");
/// # Ok::<(), shared::run::ticker_list::TickerListError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickerList {
    /// What to work on.
    pub tickers: Vec<Ticker>,
    /// Tickers that stood there more than once, one entry for each extra line.
    pub repeated: Vec<Ticker>,
}

impl TickerList {
    /// Reads `path`. A line without anything in it is passed over, and so is one of commas alone.
    pub fn read(path: &Path) -> Result<Self, TickerListError> {
        let bytes = regular::read(path).map_err(DiskError::at("read", path))?;
        Self::parse_bytes(path, &bytes)
    }

    /// Reads a CSV from memory; `path` is only for messages.
    pub fn parse_bytes(path: &Path, bytes: &[u8]) -> Result<Self, TickerListError> {
        Self::parse(path, &text_of(path, bytes)?)
    }

    /// Reads CSV text; `path` is only for messages.
    pub fn parse(path: &Path, text: &str) -> Result<Self, TickerListError> {
        let mut all = Vec::new();
        for_each_ticker(path, text, |line| {
            all.push(line.ticker);
            Ok::<(), TickerListError>(())
        })?;
        if all.is_empty() {
            return Err(TickerListError::NoTickers(path.to_owned()));
        }
        let mut seen = HashSet::new();
        let is_first: Vec<bool> = all.iter().map(|ticker| seen.insert(ticker.as_str())).collect();
        let mut is_first = is_first.into_iter();
        let repeated = all.extract_if(.., |_| is_first.next() == Some(false)).collect();
        Ok(Self { tickers: all, repeated })
    }

    /// `tickers` as a CSV with the one column `ticker`.
    pub fn text<'a>(tickers: impl IntoIterator<Item = &'a Ticker>) -> String {
        let lines = tickers.into_iter().map(|ticker| format!("{ticker}\n"));
        std::iter::once("ticker\n".to_owned()).chain(lines).collect()
    }
}

/// The text of a CSV; `path` is only for messages. A byte of another encoding is harmless in a
/// column that nobody reads; in a ticker it is refused like any other character that no ticker has.
pub(super) fn text_of<'a>(path: &Path, bytes: &'a [u8]) -> Result<Cow<'a, str>, TickerListError> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let what = "UTF-16; save it as \"CSV UTF-8\"".to_owned();
        return Err(TickerListError::Malformed { path: path.to_owned(), line: 1, what });
    }
    Ok(String::from_utf8_lossy(bytes))
}

/// A line of a ticker CSV.
pub(super) struct CsvLine<'a> {
    pub(super) ticker: Ticker,
    /// One-based.
    pub(super) number: u64,
    header: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
}

impl CsvLine<'_> {
    /// What stands in the column called `name`; `None` where there is no such column.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.record.get(self.header.iter().position(|column| column == name)?)
    }
}

/// Takes `text` line by line, as strictly as a ticker list wants it; `path` is only for messages.
pub(super) fn for_each_ticker<E: From<TickerListError>>(
    path: &Path,
    text: &str,
    mut take: impl FnMut(CsvLine) -> Result<(), E>,
) -> Result<(), E> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end();
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| malformed(path, &error))?.clone();
    refuse_open_quote(path, text, 0, &reader)?;
    let Some(column) = header.iter().position(|name| name == "ticker") else {
        let found = header.iter().collect::<Vec<_>>().join(", ");
        let hint = hint(&header);
        return Err(TickerListError::NoTickerColumn { path: path.to_owned(), found, hint }.into());
    };
    let count = header.iter().filter(|name| *name == "ticker").count();
    if count > 1 {
        return Err(TickerListError::TickerColumns { path: path.to_owned(), count }.into());
    }
    let mut record = csv::StringRecord::new();
    let (mut number, mut counted) = (1, 0);
    while reader.read_record(&mut record).map_err(|error| malformed(path, &error))? {
        let start = start_of(text, &record);
        refuse_open_quote(path, text, start, &reader)?;
        if record.iter().all(str::is_empty) {
            continue;
        }
        // From where the last one was counted: there may be a million lines.
        number += newlines(&text.as_bytes()[counted..start]);
        counted = start;
        let line = number;
        if record.len() != header.len() {
            let what = format!("{} fields where the first line has {}", record.len(), header.len());
            return Err(TickerListError::Malformed { path: path.to_owned(), line, what }.into());
        }
        let refuse = |what| TickerListError::Ticker { path: path.to_owned(), line, what };
        let ticker: Ticker = record.get(column).unwrap_or("").parse().map_err(refuse)?;
        take(CsvLine { number, ticker, header: &header, record: &record })?;
    }
    Ok(())
}

/// What is meant by a header without a column called `ticker`, where that is plain to see.
fn hint(header: &csv::StringRecord) -> String {
    let otherwise = header.iter().find(|name| name.eq_ignore_ascii_case("ticker"));
    let named = |by: char, field: &str| -> Option<String> {
        let name = field.contains(by).then(|| field.split(by).map(str::trim))?;
        name.into_iter().find(|name| name.eq_ignore_ascii_case("ticker")).map(str::to_owned)
    };
    let separated = |by: char| header.iter().find_map(|field| named(by, field));
    let with_commas = |by: &str, name: &str| {
        let call_it =
            if name == "ticker" { String::new() } else { format!(", and call {name} ticker") };
        format!("; it is separated by {by}: save it with commas{call_it}")
    };
    if let Some(name) = otherwise {
        return format!("; is {name} meant? Call it ticker");
    }
    if let Some(name) = separated(';') {
        return with_commas("semicolons", &name);
    }
    if let Some(name) = separated('\t') {
        return with_commas("tabs", &name);
    }
    if header.get(0).is_some_and(|field| field.starts_with("sep=")) {
        return "; the line `sep=` is for a spreadsheet alone: take it out, and separate by commas"
            .to_owned();
    }
    String::new()
}

/// A record that goes on behind the end of its line, as `reader` has just read it from `start` on,
/// is refused: a quote that nobody closed would take the tickers of the lines behind it into its
/// field, and nobody would miss them.
fn refuse_open_quote(
    path: &Path,
    text: &str,
    start: usize,
    reader: &csv::Reader<&[u8]>,
) -> Result<(), TickerListError> {
    let end =
        usize::try_from(reader.position().byte()).map_or(text.len(), |end| end.min(text.len()));
    let record = text.get(start..end).unwrap_or_default().trim_end_matches(['\r', '\n']);
    if newlines(record.as_bytes()) == 0 {
        return Ok(());
    }
    let line = 1 + newlines(&text.as_bytes()[..start]);
    let what = "a quoted field goes on behind the end of the line: close the quote, or take the line break out of the field";
    Err(TickerListError::Malformed { path: path.to_owned(), line, what: what.to_owned() })
}

/// Ends of lines: LF, CR LF, or CR alone as older Macs write it.
fn newlines(bytes: &[u8]) -> u64 {
    #[cfg(test)]
    tests::LOOKED_AT.set(tests::LOOKED_AT.get() + bytes.len());
    let ends = |(at, byte): (usize, &u8)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    bytes.iter().enumerate().filter(|found| ends(*found)).count() as u64
}

/// Where in `text` a record begins. The csv crate passes over blank lines: for it, the record
/// begins with them.
fn start_of(text: &str, record: &csv::StringRecord) -> usize {
    let at = record.position().map_or(0, csv::Position::byte);
    let at = usize::try_from(at).map_or(0, |at| at.min(text.len()));
    let blank =
        text.as_bytes()[at..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
    at + blank
}

fn malformed(path: &Path, error: &csv::Error) -> TickerListError {
    DiskError::at("read", path)(io::Error::other(error.to_string())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        /// Bytes that were looked at for the ends of lines.
        pub(super) static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }

    #[test]
    fn a_long_list_is_looked_at_as_often_as_a_short_one() {
        let text: String = std::iter::once("ticker\n".to_owned())
            .chain((0..20_000).map(|n| format!("T{n}\n")))
            .collect();
        LOOKED_AT.set(0);
        assert_eq!(parse(&text).expect("read").tickers.len(), 20_000);
        assert!(LOOKED_AT.get() <= 3 * text.len(), "{} bytes of {}", LOOKED_AT.get(), text.len());
        let said = parse(&format!("{text}T/\n")).expect_err("refused");
        assert!(said.starts_with("small.csv:20002:"), "{said}");
    }

    fn parse(text: &str) -> Result<TickerList, String> {
        TickerList::parse(Path::new("small.csv"), text).map_err(|error| error.to_string())
    }

    fn names(list: &[Ticker]) -> Vec<&str> {
        list.iter().map(Ticker::as_str).collect()
    }

    #[test]
    fn tickers_come_in_file_order_and_each_once() {
        let list = parse(
            "\u{feff}name,ticker\n\"Sun, Inc\",SUN\nNot a number,NAN\nagain, SUN \nx,BRK.B\n\n",
        )
        .expect("read");
        assert_eq!(names(&list.tickers), ["SUN", "NAN", "BRK.B"]);
        assert_eq!(names(&list.repeated), ["SUN"]);
        assert_eq!(TickerList::text(&list.tickers), "ticker\nSUN\nNAN\nBRK.B\n");
    }

    #[test]
    fn a_bad_line_is_named_with_its_number_and_value() {
        let said = |text| parse(text).expect_err("refused");
        assert_eq!(
            said("ticker\nA\n../x\n"),
            "small.csv:3: \"../x\" is not a ticker (letters, digits, '.' and '-' only)"
        );
        assert_eq!(
            said("ticker,ticker\nA,B\n"),
            "small.csv:1: 2 columns are called \"ticker\"; rename or remove all but one"
        );
        assert_eq!(
            said("ticker\r\nA\r\n\r\n../x\r\n"),
            "small.csv:4: \"../x\" is not a ticker (letters, digits, '.' and '-' only)"
        );
        assert_eq!(said("ticker,name\nA,x\n,y\n"), "small.csv:3: the ticker is missing");
        assert_eq!(
            said("ticker,name\nA,x\nB\n"),
            "small.csv:3: not a line of this CSV (1 fields where the first line has 2)"
        );
        assert_eq!(
            said("symbol,name\nA,x\n"),
            "small.csv: no column is called \"ticker\" (found: symbol, name); the first line must name the columns"
        );
        assert_eq!(said("ticker\n"), "small.csv: contains no tickers");
    }

    #[test]
    fn lines_without_anything_in_them_are_passed_over() {
        for text in
            ["ticker\nA\n\nB\n", "ticker\r\nA\r\n\r\nB\r\n", "ticker,name\nA,x\n,\n,,\nB,y\n,\n"]
        {
            assert_eq!(names(&parse(text).expect("read").tickers), ["A", "B"], "{text:?}");
        }
    }

    #[test]
    fn what_is_harmless_is_taken_and_what_is_not_is_refused_by_line_and_value() {
        let taken = [
            "ticker\rA\rB\r",
            "\"ticker\"\n\"A\"\n\"B\"\n",
            "ticker \nA  \n\tB\n",
            "ticker\n\u{a0}A\u{a0}\nB\u{a0}\n",
            "ticker\nA\nB\nA\n",
        ];
        for text in taken {
            assert_eq!(parse(text).map(|list| list.tickers.len()), Ok(2), "{text:?}");
        }
        let refused = [
            (
                "ticker,note\nA,\"two\nlines\"\nB,\n",
                "small.csv:2: not a line of this CSV (a quoted field goes on ",
            ),
            (
                "ticker,name\r\nA,\"abc\r\nB,def\r\nC,x\r\n",
                "small.csv:2: not a line of this CSV (a quoted field goes on ",
            ),
            (
                "ticker,name\nX,y\nA,\"abc\nB,de\"f\nC,x\n",
                "small.csv:3: not a line of this CSV (a quoted field goes on ",
            ),
            (
                "ticker,name\nA,5\" disk\nB,\"3\"\" b\nC,x\"\n",
                "small.csv:3: not a line of this CSV (a quoted field goes on ",
            ),
            (
                "ticker,\"name\nA,x\nB,y\n",
                "small.csv:1: not a line of this CSV (a quoted field goes on ",
            ),
            ("Ticker\nA\n", "small.csv: no column is called \"ticker\" (found: Ticker); "),
            (
                "ticker;name\nA;x\n",
                "small.csv: no column is called \"ticker\" (found: ticker;name); ",
            ),
            ("A\nB\n", "small.csv: no column is called \"ticker\" (found: A); "),
            ("ticker\nA\nB;x\n", "small.csv:3: \"B;x\" is not a ticker "),
            ("ticker\rA\r../x\r", "small.csv:3: \"../x\" is not a ticker "),
            ("ticker\nA\n'B'\n", "small.csv:3: \"'B'\" is not a ticker "),
        ];
        for (text, expected) in refused {
            let said = parse(text).expect_err(text);
            assert!(said.starts_with(expected), "{text:?}: {said}");
        }
    }

    #[test]
    fn a_byte_of_another_encoding_matters_in_a_ticker_alone() {
        let read = |bytes: &[u8]| TickerList::parse_bytes(Path::new("small.csv"), bytes);
        assert_eq!(names(&read(b"name,ticker\nCaf\xe9,B\n").expect("read").tickers), ["B"]);
        let said = |bytes: &[u8]| read(bytes).expect_err("refused").to_string();
        assert!(said(b"name,ticker\nA,A\nx,B\xe9\n").starts_with("small.csv:3: "));
        assert!(
            said(b"\xff\xfet\0i\0")
                .starts_with("small.csv:1: not a line of this CSV (UTF-16; save it as")
        );
    }

    #[test]
    fn a_header_as_spreadsheets_write_it_is_refused_with_what_to_do() {
        let refused = |text: &str| {
            TickerList::parse(Path::new("t.csv"), text).expect_err("no column `ticker`").to_string()
        };
        assert!(refused("Ticker,name\nA,x\n").ends_with("; is Ticker meant? Call it ticker"));
        assert!(
            refused("ticker;name\nA;x\n")
                .ends_with("; it is separated by semicolons: save it with commas")
        );
        assert!(
            refused("name\tTICKER\nx\tA\n").ends_with(
                "; it is separated by tabs: save it with commas, and call TICKER ticker"
            )
        );
        assert!(
            refused("sep=,\nticker,name\nA,x\n")
                .contains("; the line `sep=` is for a spreadsheet alone")
        );
        assert!(refused("symbol\nA\n").ends_with("the first line must name the columns"));
    }
}

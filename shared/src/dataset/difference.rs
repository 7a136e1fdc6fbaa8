//! Differences: two files of one partition, held against each other row by row.
//!
//! Bars are told apart by their key (a day has one daily bar whatever its stamp, a minute one
//! minute bar), trades by their stamp: those of one stamp are compared as a set, then by their
//! order. Numbers are equal when their bits are. Which of two files is right is not known here.

use std::cmp::Ordering;
use std::fmt;
use std::iter::Peekable;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};

use super::column_stream::{self, Column, Nulls};
use super::coverage::Coverage;
use super::kind::{Columns, Kind};
use super::reader::ReadError;
use super::schema;
use crate::disk::publish::DiskError;
use crate::market::ticker::Ticker;
use crate::market::trading_day::TradingDay;

/// Pieces of a file that wait to be compared: no more of it is held.
const PIECES: usize = 2;

/// How two files differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Rows that only the second has.
    pub added: u64,
    /// Rows that only the first has.
    pub removed: u64,
    /// Rows that both have, with other values.
    pub changed: u64,
    /// Trades of one stamp that both have, in another order.
    pub reordered: u64,
    /// The first of them, for people: `2024-03-11 09:31: c is 17.25 here and 17.3 there`.
    pub first: Option<String>,
}

impl Difference {
    /// Do both hold the same?
    pub fn is_none(&self) -> bool {
        self.added + self.removed + self.changed + self.reordered == 0
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        self.first.get_or_insert_with(what);
    }
}

/// `2 rows changed, 1 row only there`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.changed, "changed"),
            (self.removed, "only here"),
            (self.added, "only there"),
            (self.reordered, "in another order"),
        ];
        let some = counts.iter().filter(|(count, _)| *count > 0);
        let told: Vec<String> = some
            .map(|(count, how)| format!("{count} row{} {how}", if *count == 1 { "" } else { "s" }))
            .collect();
        f.write_str(if told.is_empty() { "no difference" } else { "" })?;
        f.write_str(&told.join(", "))
    }
}

/// What both files are of.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What rows.
    pub kind: Kind,
    /// Which columns trades have.
    pub columns: Columns,
    /// Whose.
    pub ticker: &'a Ticker,
    /// Rows of other days are passed over.
    pub days: &'a Coverage,
}

/// How the rows on `days` of `first` and `second` differ; a file that is `None` has no row.
pub fn between(
    subject: Subject<'_>,
    first: Option<&Path>,
    second: Option<&Path>,
) -> Result<Difference, ReadError> {
    thread::scope(|scope| {
        let mut sides = [first, second].map(|path| {
            let (pieces, received) = mpsc::sync_channel(PIECES);
            if let Some(path) = path {
                let to_say = pieces.clone();
                let reader = thread::Builder::new();
                let work = move || read(subject, path, &pieces);
                if let Err(error) = reader.spawn_scoped(scope, work) {
                    let error = DiskError::at("read", path)(error);
                    drop(to_say.try_send(Err(error.into())));
                }
            }
            Rows::of(subject, received).peekable()
        });
        let [first, second] = &mut sides;
        compare(subject.kind, first, second)
    })
}

type Piece = Result<RecordBatch, ReadError>;

/// Reads a file and hands on its pieces, or why that can't be done.
fn read(subject: Subject<'_>, path: &Path, pieces: &SyncSender<Piece>) {
    let wanted = wanted(subject.kind, subject.columns);
    // The decoder panics over some damaged pages.
    let ended = panic::catch_unwind(AssertUnwindSafe(|| {
        column_stream::stream(path, subject.ticker, &wanted, |_, piece| {
            // Whoever compares may have met an error on the other side.
            pieces.send(Ok(piece.clone())).map_err(|_| Ended::Unheard)
        })
    }));
    let failed = match ended {
        Ok(Ok(()) | Err(Ended::Unheard)) => return,
        Ok(Err(Ended::Failed(error))) => error,
        Err(_) => ReadError::broken(path, "its pages make no sense".to_owned()),
    };
    drop(pieces.send(Err(failed)));
}

/// Why a file is read no further.
enum Ended {
    Failed(ReadError),
    Unheard,
}

impl From<ReadError> for Ended {
    fn from(error: ReadError) -> Self {
        Self::Failed(error)
    }
}

/// The columns to compare: the [first](labels) say which row it is, and of which day.
fn wanted(kind: Kind, columns: Columns) -> Vec<Column> {
    let names: &[&'static str] = match (kind, columns) {
        (Kind::Daily, _) => &["date", "o", "h", "l", "c", "v", "n", "vw"],
        (Kind::Minute, _) => &["t", "date", "minute", "o", "h", "l", "c", "v", "n", "vw"],
        (Kind::Trades, Columns::Narrow) => &["sip_ts", "day", "price", "size"],
        (Kind::Trades, Columns::Full) => &[
            "sip_ts",
            "day",
            "price",
            "size",
            "sequence_number",
            "exchange",
            "conditions",
            "correction",
            "tape",
            "participant_ts",
            "trf_ts",
            "id",
        ],
    };
    let schema = schema::of(kind, columns);
    let column = |name: &&'static str| {
        let field = schema.field_with_name(name).expect("a column of our own schema");
        let nulls = if field.is_nullable() { Nulls::Allowed } else { Nulls::Refused };
        Column { name, data_type: field.data_type().clone(), nulls }
    };
    names.iter().map(column).collect()
}

/// How many columns say which row it is, and of which day: the date of a daily bar says both.
fn labels(kind: Kind) -> usize {
    match kind {
        Kind::Daily => 1,
        Kind::Minute | Kind::Trades => 2,
    }
}

/// A value, comparable bit by bit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    None,
    Int(i64),
    Float(u64),
    Text(String),
    Ints(Vec<i32>),
}

impl Cell {
    fn of(column: &dyn Array, row: usize) -> Self {
        if column.is_null(row) {
            return Self::None;
        }
        match column.data_type() {
            DataType::Int64 => Self::Int(column.as_primitive::<Int64Type>().value(row)),
            DataType::Int32 => Self::Int(column.as_primitive::<Int32Type>().value(row).into()),
            DataType::Float64 => {
                Self::Float(column.as_primitive::<Float64Type>().value(row).to_bits())
            }
            DataType::List(_) => {
                let list = column.as_list::<i32>().value(row);
                Self::Ints(list.as_primitive::<Int32Type>().values().to_vec())
            }
            _ => Self::Text(column.as_string::<i32>().value(row).to_owned()),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("nothing"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(bits) => write!(f, "{}", f64::from_bits(*bits)),
            Self::Text(text) => f.write_str(text),
            Self::Ints(numbers) => write!(f, "{numbers:?}"),
        }
    }
}

/// One row: which it is, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    key: Cell,
    cells: Vec<Cell>,
}

/// The rows of a file that count, as they come.
struct Rows<'a> {
    subject: Subject<'a>,
    received: Receiver<Piece>,
    piece: Option<(RecordBatch, usize)>,
}

impl<'a> Rows<'a> {
    fn of(subject: Subject<'a>, received: Receiver<Piece>) -> Self {
        Self { subject, received, piece: None }
    }

    /// Does the row lie on a day that counts? One whose day makes no sense differs from all others.
    fn counts(&self, day: &Cell) -> bool {
        match day {
            Cell::Text(day) => {
                day.parse::<TradingDay>().map_or(true, |day| self.subject.days.contains(day))
            }
            Cell::None | Cell::Int(_) | Cell::Float(_) | Cell::Ints(_) => true,
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((piece, row)) = self.piece.take() else {
                match self.received.recv().ok()? {
                    Ok(piece) => self.piece = Some((piece, 0)),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            if row == piece.num_rows() {
                continue;
            }
            let cell = |column: &dyn Array| Cell::of(column, row);
            let mut cells = piece.columns().iter().map(|column| cell(column.as_ref()));
            let key = cells.next().unwrap_or(Cell::None);
            let day = if labels(self.subject.kind) > 1 { cells.next() } else { None };
            let counts = self.counts(day.as_ref().unwrap_or(&key));
            let found = counts.then(|| Row { key, cells: cells.collect() });
            self.piece = Some((piece, row + 1));
            if let Some(row) = found {
                return Some(Ok(row));
            }
        }
    }
}

type Side<'a> = Peekable<Rows<'a>>;

fn compare(
    kind: Kind,
    first: &mut Side<'_>,
    second: &mut Side<'_>,
) -> Result<Difference, ReadError> {
    let mut found = Difference::default();
    loop {
        let order = match (key(first)?, key(second)?) {
            (Some(ours), Some(theirs)) => ours.cmp(&theirs),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return Ok(found),
        };
        let ours = if order.is_le() { of_one_key(first)? } else { Vec::new() };
        let theirs = if order.is_ge() { of_one_key(second)? } else { Vec::new() };
        if ours != theirs {
            judge(kind, ours, theirs, &mut found);
        }
    }
}

/// Which row comes next.
fn key(side: &mut Side<'_>) -> Result<Option<Cell>, ReadError> {
    match side.peek() {
        Some(Ok(row)) => Ok(Some(row.key.clone())),
        Some(Err(_)) => side.next().transpose().map(|_| None),
        None => Ok(None),
    }
}

/// The next row, and those behind it that have the same key.
fn of_one_key(side: &mut Side<'_>) -> Result<Vec<Row>, ReadError> {
    let mut rows: Vec<Row> = Vec::new();
    while let Some(row) = side.next_if(|row| match row {
        Ok(row) => rows.last().is_none_or(|last| last.key == row.key),
        Err(_) => false,
    }) {
        rows.push(row?);
    }
    Ok(rows)
}

/// Rows of one key that are not the same on both sides.
fn judge(kind: Kind, mut ours: Vec<Row>, mut theirs: Vec<Row>, found: &mut Difference) {
    let places = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs).count();
    ours.sort_unstable();
    theirs.sort_unstable();
    let (only_here, only_there) = (without(&ours, &theirs), without(&theirs, &ours));
    match (only_here.as_slice(), only_there.as_slice()) {
        ([], []) => {
            found.reordered += places as u64;
            found.note(|| format!("{}: in another order there", name(kind, &ours[0])));
        }
        ([], [row, ..]) => found.note(|| format!("{}: only there", name(kind, row))),
        ([row, ..], []) => found.note(|| format!("{}: only here", name(kind, row))),
        ([ours, ..], [theirs, ..]) => found.note(|| changed_value(kind, ours, theirs)),
    }
    let changed = only_here.len().min(only_there.len());
    found.changed += changed as u64;
    found.removed += (only_here.len() - changed) as u64;
    found.added += (only_there.len() - changed) as u64;
}

/// Those of `rows` that `others` do not have, however often; both are sorted.
fn without<'a>(rows: &'a [Row], others: &[Row]) -> Vec<&'a Row> {
    let mut others = others.iter().peekable();
    let is_missing = |row: &&Row| {
        while others.next_if(|other| *other < *row).is_some() {}
        others.next_if(|other| *other == *row).is_none()
    };
    rows.iter().filter(is_missing).collect()
}

/// Where a value differs, for people.
fn changed_value(kind: Kind, ours: &Row, theirs: &Row) -> String {
    let columns = wanted(kind, Columns::Full);
    let values = ours.cells.iter().zip(&theirs.cells).zip(columns.iter().skip(labels(kind)));
    let mut differing = values.filter(|((ours, theirs), _)| ours != theirs);
    let what = differing.next().map_or_else(String::new, |((ours, theirs), column)| {
        format!("{} is {ours} here and {theirs} there", column.name)
    });
    format!("{}: {what}", name(kind, ours))
}

/// A row by its name for people.
fn name(kind: Kind, row: &Row) -> String {
    match (kind, row.cells.first()) {
        (Kind::Minute, Some(Cell::Text(minute))) => minute.clone(),
        (Kind::Trades, _) => format!("sip_ts {}", row.key),
        (Kind::Daily | Kind::Minute, Some(_) | None) => row.key.to_string(),
    }
}

#[cfg(test)]
mod tests;

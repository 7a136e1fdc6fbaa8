//! How shares were split: rows of `/stocks/v1/splits`. Ratios are often fractional; announced
//! splits are included.

use std::hash::{Hash, Hasher};

use arrow::array::RecordBatch;
use serde::Deserialize;
use shared::market::trading_day::TradingDay;

use super::table::TableColumns;
use crate::api::list::List;
use crate::api::wire::Record;

pub fn list() -> List<SplitRow> {
    let parameters = vec![("sort", "execution_date.asc".to_owned()), ("limit", "5000".to_owned())];
    List { path: "/stocks/v1/splits", parameters, from: "execution_date.gte", holds: |_| true }
}

/// `from` shares become `to` before the open of `execution_date`.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitRow {
    /// Symbol.
    pub ticker: String,
    /// First day in new shares, `YYYY-MM-DD`.
    pub execution_date: String,
    /// Old shares.
    pub from: f64,
    /// New shares.
    pub to: f64,
    /// The vendor's name for it.
    pub id: Option<String>,
}

/// A row as it is sent.
#[derive(Deserialize)]
pub struct WireSplit {
    ticker: String,
    execution_date: TradingDay,
    split_from: f64,
    split_to: f64,
    id: Option<String>,
}

impl Record for SplitRow {
    type Wire = WireSplit;
    type Key = str;

    fn from_wire(wire: WireSplit) -> Result<Self, String> {
        let WireSplit { ticker, execution_date, split_from: from, split_to: to, id } = wire;
        if from <= 0.0 || to <= 0.0 {
            return Err(format!("{ticker} splits {from} into {to}"));
        }
        Ok(Self { ticker, execution_date: execution_date.to_string(), from, to, id })
    }

    fn key(&self) -> &str {
        &self.execution_date
    }
}

/// Equal rows feed the same.
impl Hash for SplitRow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.ticker, &self.execution_date, &self.id).hash(state);
    }
}

/// The rows by ticker and day, and how many came more than once.
pub fn ordered(mut rows: Vec<SplitRow>) -> (Vec<SplitRow>, usize) {
    rows.sort_by(|a, b| {
        let names =
            (&a.ticker, &a.execution_date, &a.id).cmp(&(&b.ticker, &b.execution_date, &b.id));
        names.then(a.from.total_cmp(&b.from)).then(a.to.total_cmp(&b.to))
    });
    let sent = rows.len();
    rows.dedup();
    let repeated = sent - rows.len();
    (rows, repeated)
}

pub fn table(rows: &[SplitRow]) -> RecordBatch {
    TableColumns::default()
        .required("ticker", rows.iter().map(|row| row.ticker.as_str()))
        .required("execution_date", rows.iter().map(|row| row.execution_date.as_str()))
        .required_float("split_from", rows.iter().map(|row| row.from))
        .required_float("split_to", rows.iter().map(|row| row.to))
        .text("id", rows.iter().map(|row| row.id.as_deref()))
        .table()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_are_ordered_by_ticker_and_day_and_stand_once() {
        let split = |ticker: &str, day: &str| SplitRow {
            ticker: ticker.to_owned(),
            execution_date: day.to_owned(),
            from: 1.0,
            to: 1.5,
            id: None,
        };
        let (a, b, c) =
            (split("B", "2020-01-02"), split("A", "2020-01-03"), split("A", "2021-01-04"));
        let sent = vec![a.clone(), b.clone(), a.clone(), c.clone()];
        assert_eq!(ordered(sent), (vec![b, c, a], 1));
    }
}

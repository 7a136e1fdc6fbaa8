//! Who is listed: rows of `/v3/reference/tickers`. Tickers are kept as the vendor spells them.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::RecordBatch;
use serde::Deserialize;
use shared::market::trading_day::TradingDay;

use super::table::{Table, TableColumns, TableError};
use crate::api::list::List;
use crate::api::wire::Record;

/// Which half of the tickers: the vendor never gives both at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Traded on the day asked about.
    Active,
    /// No longer traded.
    Delisted,
}

/// The tickers of the stock market on one side, as of `date` instead of today.
pub fn list(side: Side, date: Option<TradingDay>) -> List<TickerRow> {
    let active = if side == Side::Active { "true" } else { "false" };
    let fixed = [
        ("market", "stocks"),
        ("active", active),
        ("sort", "ticker"),
        ("order", "asc"),
        ("limit", "1000"),
    ];
    let fixed = fixed.into_iter().map(|(name, value)| (name, value.to_owned()));
    // A cursor that forgot its filters would end one side early and mix in another: seen here,
    // never written.
    let holds: fn(&TickerRow) -> bool = match (date, side) {
        // With a date, whether `active` speaks of that day or of today is not documented.
        (Some(_), _) => |row| row.market == "stocks",
        (None, Side::Active) => |row| row.market == "stocks" && row.active != Some(false),
        (None, Side::Delisted) => |row| row.market == "stocks" && row.active != Some(true),
    };
    List {
        path: "/v3/reference/tickers",
        parameters: fixed.chain(date.map(|date| ("date", date.to_string()))).collect(),
        from: "ticker.gte",
        holds,
    }
}

/// One listed security. Only ticker, name, market and locale are always sent (protocol sheet 2.5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TickerRow {
    /// Symbol.
    pub ticker: String,
    /// Name of the company or fund.
    pub name: String,
    /// `stocks`.
    pub market: String,
    /// `us`.
    pub locale: String,
    /// MIC.
    pub primary_exchange: Option<String>,
    /// `CS`, `ETF`, …; an open set.
    pub kind: Option<String>,
    /// Does it trade? `None` only between wire and table: then the side asked for says it.
    pub active: Option<bool>,
    /// Such as `usd`.
    pub currency_name: Option<String>,
    /// Number at the SEC.
    pub cik: Option<String>,
    /// FIGI of the composite.
    pub composite_figi: Option<String>,
    /// FIGI of the share class.
    pub share_class_figi: Option<String>,
    /// RFC 3339.
    pub last_updated_utc: Option<String>,
    /// RFC 3339; of delisted ones.
    pub delisted_utc: Option<String>,
}

/// A row as it is sent.
#[derive(Deserialize)]
pub struct WireTicker {
    ticker: String,
    name: Option<String>,
    market: String,
    locale: String,
    primary_exchange: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    active: Option<bool>,
    currency_name: Option<String>,
    cik: Option<String>,
    composite_figi: Option<String>,
    share_class_figi: Option<String>,
    last_updated_utc: Option<String>,
    delisted_utc: Option<String>,
}

impl Record for TickerRow {
    type Wire = WireTicker;
    type Key = str;

    fn from_wire(wire: WireTicker) -> Result<Self, String> {
        if wire.ticker.is_empty() {
            return Err("the ticker is empty".to_owned());
        }
        Ok(Self {
            ticker: wire.ticker,
            name: wire.name.unwrap_or_default(),
            market: wire.market,
            locale: wire.locale,
            primary_exchange: wire.primary_exchange,
            kind: wire.kind,
            active: wire.active,
            currency_name: wire.currency_name,
            cik: wire.cik,
            composite_figi: wire.composite_figi,
            share_class_figi: wire.share_class_figi,
            last_updated_utc: wire.last_updated_utc,
            delisted_utc: wire.delisted_utc,
        })
    }

    fn key(&self) -> &str {
        &self.ticker
    }
}

/// What a snapshot holds, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// By ticker, then cik.
    pub rows: Vec<TickerRow>,
    /// Rows that were sent more than once, the same in everything.
    pub repeated: usize,
}

impl Snapshot {
    /// Orders the rows of both sides.
    pub fn of(active: Vec<TickerRow>, delisted: Vec<TickerRow>) -> Self {
        let said = |side: bool| {
            move |row: TickerRow| TickerRow { active: Some(row.active.unwrap_or(side)), ..row }
        };
        let mut rows: Vec<TickerRow> = active
            .into_iter()
            .map(said(true))
            .chain(delisted.into_iter().map(said(false)))
            .collect();
        rows.sort_by(|a, b| place(a).cmp(&place(b)));
        let sent = rows.len();
        rows.dedup();
        Self { repeated: sent - rows.len(), rows }
    }

    /// Tickers that stand in more than one row (a symbol used again, or two ciks), sorted.
    pub fn ambiguous(&self) -> Vec<&str> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &self.rows {
            *counts.entry(&row.ticker).or_default() += 1;
        }
        counts.into_iter().filter(|(_, count)| *count > 1).map(|(ticker, _)| ticker).collect()
    }

    pub fn table(&self) -> RecordBatch {
        let text = |value: fn(&TickerRow) -> &str| self.rows.iter().map(value);
        let perhaps = |value: fn(&TickerRow) -> &Option<String>| {
            self.rows.iter().map(move |row| value(row).as_deref())
        };
        TableColumns::default()
            .required("ticker", text(|row| &row.ticker))
            .required("name", text(|row| &row.name))
            .required("market", text(|row| &row.market))
            .required("locale", text(|row| &row.locale))
            .text("primary_exchange", perhaps(|row| &row.primary_exchange))
            .text("type", perhaps(|row| &row.kind))
            .truth("active", self.rows.iter().map(|row| row.active == Some(true)))
            .text("currency_name", perhaps(|row| &row.currency_name))
            .text("cik", perhaps(|row| &row.cik))
            .text("composite_figi", perhaps(|row| &row.composite_figi))
            .text("share_class_figi", perhaps(|row| &row.share_class_figi))
            .text("last_updated_utc", perhaps(|row| &row.last_updated_utc))
            .text("delisted_utc", perhaps(|row| &row.delisted_utc))
            .table()
    }
}

/// Where a row belongs; complete, so that the order in which the vendor sends equals does not show.
fn place(row: &TickerRow) -> impl Ord {
    (
        &row.ticker,
        &row.cik,
        &row.composite_figi,
        row.active,
        &row.delisted_utc,
        &row.last_updated_utc,
        &row.name,
    )
}

/// What is needed of a snapshot's row to ask for more about its ticker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// Symbol.
    pub ticker: String,
    /// Does it trade?
    pub active: bool,
    /// RFC 3339; of delisted ones.
    pub delisted_utc: Option<String>,
    /// Number at the SEC.
    pub cik: Option<String>,
    /// FIGI of the composite.
    pub composite_figi: Option<String>,
    /// FIGI of the share class.
    pub share_class_figi: Option<String>,
}

impl Listed {
    /// Reads a snapshot's file.
    pub fn read(path: &Path) -> Result<Vec<Self>, TableError> {
        let table = Table::read(path)?;
        let mut sides = table.truth("active")?.into_iter();
        let mut gone = table.text("delisted_utc")?.into_iter();
        let mut ciks = table.text("cik")?.into_iter();
        let mut composites = table.text("composite_figi")?.into_iter();
        let mut share_classes = table.text("share_class_figi")?.into_iter();
        let rows = table.required("ticker")?.into_iter();
        let listed = |ticker| Self {
            ticker,
            active: sides.next().flatten().unwrap_or(true),
            delisted_utc: gone.next().flatten(),
            cik: ciks.next().flatten(),
            composite_figi: composites.next().flatten(),
            share_class_figi: share_classes.next().flatten(),
        };
        Ok(rows.map(listed).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::page;
    use crate::api::query::Query;
    use shared::run::base_url::{BaseUrl, PlainHttp};

    fn rows(results: &str) -> Result<Vec<TickerRow>, String> {
        let body = format!(r#"{{"results":[{results}],"status":"OK","count":1}}"#);
        page::decode(body.as_bytes()).map(|page| page.rows).map_err(|error| error.to_string())
    }

    const FULL: &str = r#"{"ticker":"THC","name":"Tenet","market":"stocks","locale":"us","type":"CS","active":true,"cik":"0000070318"}"#;
    const BARE: &str = r#"{"ticker":"THC","name":"Tenet","market":"stocks","locale":"us"}"#;

    #[test]
    fn a_row_needs_little_and_a_wrong_one_is_named() {
        let bare = rows(BARE).expect("a row").remove(0);
        assert_eq!((bare.ticker.as_str(), bare.active, bare.cik), ("THC", None, None));
        let error = rows(r#"{"ticker":7}"#).expect_err("a number");
        assert!(
            error.starts_with("row 1: invalid type: integer `7`, expected a string"),
            "{error}"
        );
    }

    #[test]
    fn a_side_is_asked_for_whole_and_from_a_ticker_on() {
        let base =
            BaseUrl::parse("http://127.0.0.1:9000", PlainHttp::LoopbackOnly).expect("an origin");
        let path = |list: List<TickerRow>, last| {
            list.url(&base, last)
                .map(|url| url.to_string().replace("http://127.0.0.1:9000/v3/reference/", ""))
        };
        assert_eq!(
            path(list(Side::Active, None), None).as_deref(),
            Some("tickers?market=stocks&active=true&sort=ticker&order=asc&limit=1000")
        );
        assert_eq!(
            path(list(Side::Delisted, "2020-01-02".parse().ok()), Some("BRK.B")).as_deref(),
            Some(
                "tickers?market=stocks&active=false&sort=ticker&order=asc&limit=1000&date=2020-01-02&ticker.gte=BRK.B"
            )
        );
    }

    #[test]
    fn a_side_holds_only_its_own_rows() {
        let row = rows(FULL).expect("a row").remove(0);
        let belongs = |side, date| (list(side, date).holds)(&row);
        assert!(belongs(Side::Active, None) && !belongs(Side::Delisted, None));
        assert!(belongs(Side::Delisted, "2020-01-02".parse().ok()));
    }

    #[test]
    fn a_ticker_with_two_ciks_stays_twice_and_is_named() {
        let sent =
            [rows(FULL).expect("a row"), rows(BARE).expect("a row"), rows(FULL).expect("a row")]
                .concat();
        let snapshot = Snapshot::of(sent, Vec::new());
        assert_eq!((snapshot.rows.len(), snapshot.repeated), (2, 1));
        assert_eq!(snapshot.rows[0].cik, None, "sorted by cik, none first");
        assert_eq!(snapshot.ambiguous(), ["THC"]);
        assert!(
            snapshot.rows.iter().all(|row| row.active == Some(true)),
            "the side asked for says it"
        );
    }
}

//! Identity: days of a ticker that belong to another security than the one that has its symbol now.
//! The source keeps data under the symbol of the time, so a folder holds whoever had it. Pure.

use shared::dataset::coverage::DateRange;
use shared::dataset::kind::Kind;
use shared::dataset::recorded::Record;
use shared::market::security::ListedPeriod;
use shared::market::ticker::Ticker;
use shared::market::trading_day::{NS_PER_MS, TradingDay};
use shared::market::zone::Zone;

use super::finding::Finding;
use super::listed::Listings;
use super::rule::Rule;
use super::tree_kind::TreeKind;

/// Days on which a ticker was another security.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// Which days, of those asked about.
    pub days: DateRange,
    /// Whose they are, and whose the symbol is now.
    pub reason: String,
}

/// The days of `asked` on which `ticker` was another security than on the last of them that it was
/// listed on.
pub fn strangers(listings: &Listings, ticker: &Ticker, asked: DateRange) -> Vec<Stranger> {
    let mut begin = TradingDay::MIN;
    let mut periods: Vec<(DateRange, &ListedPeriod)> = Vec::new();
    for period in listings.periods(ticker) {
        let from = period.from.unwrap_or(begin);
        let days = DateRange::new(from, period.to.last());
        periods.extend(days.and_then(|days| days.intersection(asked)).map(|days| (days, period)));
        begin = period.to.last().next();
    }
    let Some((_, own)) = periods.last().copied() else { return Vec::new() };
    let since = own.from.map_or_else(String::new, |day| format!(" since {day}"));
    let own_name = listings.called(&own.security);
    let others = periods.into_iter().filter(|(_, period)| period.security != own.security);
    let stranger = |(days, period): (DateRange, &ListedPeriod)| Stranger {
        days,
        reason: format!(
            "these days are of {}; {ticker} is {own_name}{since}; `bars --security` reads one of them alone",
            listings.called(&period.security)
        ),
    };
    others.map(stranger).collect()
}

/// Those of `strangers` of whom there are rows in a tree of `kind`, as far as its ledger tells.
pub fn in_records(
    strangers: &[Stranger],
    ticker: &Ticker,
    kind: Kind,
    zone: Zone,
    records: &[Record],
) -> Vec<Finding> {
    let day = |stamp: i64| {
        zone.day_of_ms(match kind {
            Kind::Daily | Kind::Minute => stamp,
            Kind::Trades => stamp.div_euclid(NS_PER_MS),
        })
    };
    let days_of = |record: &Record| {
        let file = record.file.as_ref()?;
        DateRange::new(day(file.first)?, day(file.last)?)
    };
    let mut found = Vec::new();
    for Stranger { days, reason } in strangers {
        let with_rows = records.iter().filter_map(days_of);
        let theirs = with_rows.filter_map(|rows| rows.intersection(*days));
        let hull = theirs.reduce(|one, other| {
            DateRange::new(one.from().min(other.from()), one.to().max(other.to()))
                .expect("the hull of two ranges")
        });
        let new = |days| {
            Finding::new(TreeKind::from(kind), Rule::AnotherSecurity, reason.clone())
                .of(ticker)
                .on(days)
        };
        found.extend(hull.map(new));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::dataset::partition::Partition;
    use shared::dataset::recorded::RecordedFile;
    use shared::dataset::seen::Sighting;
    use shared::market::listed_periods::{AskedOf, ListedRow, Securities, TickerEvents};

    fn day(text: &str) -> TradingDay {
        text.parse().expect(text)
    }

    fn range(from: &str, to: &str) -> DateRange {
        DateRange::new(day(from), day(to)).expect("in order")
    }

    fn meta() -> Ticker {
        "META".parse().expect("a ticker")
    }

    /// A fund had META until 2022-01-30; the company that was FB has it since 2022-06-09.
    fn listings() -> Listings {
        let securities =
            [("META", "Meta Platforms", "BBG000MM2P62"), ("METV", "Ball Fund", "BBG011BALL00")];
        let row = |(symbol, name, figi): (&str, &str, &str)| ListedRow {
            ticker: symbol.parse().expect("a ticker"),
            active: true,
            delisted: None,
            composite: Some(figi.parse().expect("a FIGI")),
            share_class: None,
            place: 0,
            cik: None,
            name: name.to_owned(),
            list_date: None,
        };
        let events = |figi: &str, changes: [(&str, &str); 2]| TickerEvents {
            asked: AskedOf::Composite(figi.parse().expect("a FIGI")),
            composite: None,
            changes: changes
                .map(|(since, symbol)| (day(since), symbol.parse().expect("a ticker")))
                .to_vec(),
        };
        Listings::of_securities(Securities::of(
            &securities.map(row),
            &[
                events("BBG000MM2P62", [("2012-05-18", "FB"), ("2022-06-09", "META")]),
                events("BBG011BALL00", [("2021-06-30", "META"), ("2022-01-31", "METV")]),
            ],
        ))
    }

    fn found(asked: DateRange, rows: &[(&str, &str)]) -> Vec<String> {
        let record = |(from, to): &(&str, &str)| Record {
            partition: Partition::of(Kind::Daily, day(from)),
            answers: Vec::new(),
            file: Some(RecordedFile {
                rows: 1,
                first: day(from).start_utc_ms(),
                last: day(to).start_utc_ms(),
                bytes: 1,
                seen: Sighting::Unsaid,
            }),
        };
        let records: Vec<Record> = rows.iter().map(record).collect();
        let strangers = strangers(&listings(), &meta(), asked);
        let findings = in_records(&strangers, &meta(), Kind::Daily, Zone::NewYork, &records);
        let said = |it: Finding| format!("{} {}", it.days.expect("known"), it.reason);
        findings.into_iter().map(said).collect()
    }

    #[test]
    fn days_of_another_security_are_named_with_both_where_there_are_rows_of_them() {
        let rows = [("2021-07-01", "2021-12-31"), ("2022-01-03", "2022-12-30")];
        let said = "these days are of BBG011BALL00 (Ball Fund); META is BBG000MM2P62 (Meta Platforms) since 2022-06-09; `bars --security` reads one of them alone";
        assert_eq!(
            found(range("2020-01-02", "2024-12-31"), &rows),
            [format!("2021-07-01..2022-01-30 {said}")]
        );
        let none: [&str; 0] = [];
        assert_eq!(found(range("2020-01-02", "2024-12-31"), &rows[..0]), none, "no rows");
        assert_eq!(
            found(range("2022-06-01", "2024-12-31"), &rows),
            none,
            "nobody asked about their days"
        );
        assert_eq!(
            found(range("2020-01-02", "2022-03-31"), &rows),
            none,
            "of these days the fund is the only one"
        );
        let unknown = strangers(&Listings::default(), &meta(), range("2020-01-02", "2024-12-31"));
        assert_eq!(unknown, [], "nothing is known");
    }
}

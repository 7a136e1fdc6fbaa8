//! One day of the whole market: the rows that are wanted, and whether the reply can be true. Pure.
//!
//! The reply is one page of some 12,000 rows in no order. It is sifted while it arrives, so that
//! memory never holds the market.
//!
//! A row without a ticker may belong to any ticker. A ticker that has a row of its own is answered
//! for; of a ticker without one nothing is known, not even that it did not trade. If half of the
//! rows or more have no ticker, the whole reply is refused.

use std::collections::HashMap;

use shared::dataset::descriptor::Adjusted;
use shared::market::ohlcv::Ohlcv;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

use super::envelope;
use super::lie::Lie;
use super::page::{BadRow, Page};
use super::wire::NamedBar;

/// The tickers whose rows are kept, each with its number.
#[derive(Debug, Default)]
pub struct TickerNumbers(HashMap<Box<str>, u32>);

impl<'a> FromIterator<(&'a Ticker, u32)> for TickerNumbers {
    fn from_iter<I: IntoIterator<Item = (&'a Ticker, u32)>>(tickers: I) -> Self {
        Self(tickers.into_iter().map(|(ticker, number)| (ticker.as_str().into(), number)).collect())
    }
}

/// The wanted rows of one day, once they are believed.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketDay {
    /// By number.
    bars: Vec<(u32, Ohlcv)>,
    /// Why there is no bar of a wanted ticker that the market has rows of; by number.
    bad: Vec<(u32, String)>,
    /// Why a wanted ticker without a row may have one all the same.
    doubt: Option<String>,
    /// Rows of the whole market.
    pub held: u64,
    /// Rows that stood there twice and were taken once.
    pub repeated: u64,
    /// Refused rows of tickers that are not on the list.
    pub foreign: Foreign,
}

/// Refused rows that concern no ticker of the list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Foreign {
    pub rows: u64,
    /// The first of them, and what is wrong with it.
    pub first: Option<String>,
}

impl MarketDay {
    /// The bar of a ticker, if it has traded.
    pub fn bar(&self, number: u32) -> Option<Ohlcv> {
        let at = self.bars.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        Some(self.bars[at].1)
    }

    /// Why the day is not answered for to a ticker: its row is of no use, or may be among those
    /// without a name.
    pub fn bad(&self, number: u32) -> Option<&str> {
        let own = self.bad.iter().find(|(of, _)| *of == number).map(|(_, what)| what.as_str());
        own.or_else(|| self.doubt().filter(|_| self.bar(number).is_none()))
    }

    /// The rows that name no ticker, in words, if there are any.
    pub fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
    }
}

/// Takes the rows of a reply as they come.
#[derive(Debug)]
pub struct MarketDayReader<'a> {
    day: TradingDay,
    wanted: &'a TickerNumbers,
    held: u64,
    /// Rows of another day, wanted or not, and the stamp of the first.
    strays: u64,
    stray: Option<i64>,
    bars: Vec<(u32, Ohlcv)>,
    bad: Vec<(u32, String)>,
    /// Rows that name no ticker, and what is wrong with the first.
    nameless: u64,
    nameless_first: Option<String>,
    foreign: Foreign,
}

impl<'a> MarketDayReader<'a> {
    /// For a reply that is to be of `day`.
    pub fn new(day: TradingDay, wanted: &'a TickerNumbers) -> Self {
        let (bars, bad, foreign) = (Vec::new(), Vec::new(), Foreign::default());
        let (stray, nameless_first) = (None, None);
        Self {
            day,
            wanted,
            held: 0,
            strays: 0,
            stray,
            bars,
            bad,
            nameless: 0,
            nameless_first,
            foreign,
        }
    }

    /// Keeps what is wanted, stamped as the same bar is where its ticker is asked for alone: with
    /// the beginning of its day. Here the vendor stamps the end of the session, on half days maybe
    /// another hour.
    ///
    /// A refused row concerns its ticker alone, or no ticker of the list. Without a ticker it might
    /// be anybody's.
    pub fn take(&mut self, row: Result<NamedBar, BadRow>) {
        self.held += 1;
        let row = match row {
            Ok(row) => row,
            Err(BadRow { ticker: Some(ticker), number, what, .. }) => {
                return self.set_aside(&ticker, format!("row {number}: {what}"));
            }
            Err(BadRow { ticker: None, number, what, .. }) => {
                self.nameless += 1;
                self.nameless_first.get_or_insert_with(|| format!("row {number}: {what}"));
                return;
            }
        };
        let t = self.day.start_utc_ms();
        if !(t..self.day.next().start_utc_ms()).contains(&row.bar.t) {
            self.strays += 1;
            self.stray.get_or_insert(row.bar.t);
            self.set_aside(&row.ticker, Lie::OutsideRange(row.bar.t).to_string());
        } else if let Some(number) = self.wanted.0.get(&row.ticker) {
            self.bars.push((*number, Ohlcv { t, ..row.bar }));
        }
    }

    fn set_aside(&mut self, ticker: &str, what: String) {
        if let Some(number) = self.wanted.0.get(ticker) {
            self.bad.push((*number, what));
        } else {
            self.foreign.rows += 1;
            self.foreign.first.get_or_insert_with(|| format!("{ticker}: {what}"));
        }
    }

    /// The reply is at its end and said `page` of itself: can it be true?
    pub fn judge(mut self, page: &Page<NamedBar>, adjusted: Adjusted) -> Result<MarketDay, Lie> {
        envelope::check_status(page)?;
        envelope::check_scale(page, adjusted)?;
        envelope::check_count(page, self.held)?;
        if page.next_url.as_deref().is_some_and(|url| !url.trim().is_empty()) {
            return Err(Lie::DayLeadsOn);
        }
        let rows = self.nameless;
        let doubt = self.nameless_first.map(|first| {
            format!("{rows} rows of this day do not name their ticker; the first is {first}")
        });
        if let Some(doubt) = doubt.as_ref().filter(|_| rows * 2 >= self.held) {
            return Err(Lie::Nameless(doubt.clone()));
        }
        // A few rows of another day are theirs alone; so many make it another day's page.
        if let Some(stamp) = self.stray.filter(|_| self.strays * 2 >= self.held) {
            return Err(Lie::OutsideRange(stamp));
        }
        self.bars.sort_by_key(|(number, _)| *number);
        let twins =
            self.bars.array_windows().filter(|[one, other]| one.0 == other.0 && one.1 != other.1);
        let day = self.day;
        self.bad.extend(
            twins.map(|[(number, _), _]| (*number, format!("two different rows are of {day}"))),
        );
        self.bars.retain(|(number, _)| self.bad.iter().all(|(bad, _)| bad != number));
        let kept = self.bars.len();
        self.bars.dedup_by_key(|(number, _)| *number);
        let repeated = (kept - self.bars.len()) as u64;
        // Days are held side by side: what a growing list has taken too much counts.
        self.bars.shrink_to_fit();
        Ok(MarketDay {
            bars: self.bars,
            bad: self.bad,
            doubt,
            held: self.held,
            repeated,
            foreign: self.foreign,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::page::decode_each;

    const DAY: &str = "2020-10-14";
    /// 16:00 New York of that day, as recorded; and its midnight.
    const CLOSE: i64 = 1_602_705_600_000;
    const MIDNIGHT: i64 = 1_602_648_000_000;

    fn judged(body: &str) -> Result<MarketDay, Lie> {
        let tickers = ["GIK", "AIG", "TpC"].map(|name| name.parse::<Ticker>().expect(name));
        let wanted = tickers.iter().zip(0..).collect();
        let mut reader = MarketDayReader::new(DAY.parse().expect("a day"), &wanted);
        let page = decode_each(body.as_bytes(), |row, _| {
            reader.take(row);
            Ok(())
        });
        let page = page.expect("a page");
        reader.judge(&page, Adjusted::No)
    }

    fn row(ticker: &str, t: i64, close: f64) -> String {
        format!(r#"{{"T":"{ticker}","v":5,"vw":1.5,"o":1,"c":{close},"h":3,"l":1,"t":{t},"n":2}}"#)
    }

    fn body(rows: &[String]) -> String {
        let (count, rows) = (rows.len(), rows.join(","));
        format!(r#"{{"resultsCount":{count},"adjusted":false,"results":[{rows}],"status":"OK"}}"#)
    }

    #[test]
    fn wanted_rows_are_kept_with_the_stamp_of_their_day_and_others_are_only_counted() {
        let rows = [
            row("TpC", CLOSE, 3.0),
            row("TPC", CLOSE, 9.0),
            row("I:SPX", CLOSE, 9.0),
            row("GIK", MIDNIGHT, 2.0),
        ];
        let day = judged(&body(&rows)).expect("true");
        assert_eq!((day.held, day.repeated), (4, 0));
        let closes = [0, 1, 2].map(|number| day.bar(number).map(|bar| (bar.t, bar.close)));
        assert_eq!(closes, [Some((MIDNIGHT, 2.0)), None, Some((MIDNIGHT, 3.0))]);
    }

    #[test]
    fn a_day_without_a_row_has_no_results_at_all() {
        let closed =
            r#"{"queryCount":0,"resultsCount":0,"adjusted":false,"status":"OK","count":0}"#;
        assert_eq!(judged(closed).expect("true").held, 0);
    }

    #[test]
    fn a_row_that_stands_twice_is_taken_once_and_two_of_one_ticker_are_its_own_trouble() {
        let (gik, aig) = (row("GIK", CLOSE, 2.0), row("AIG", CLOSE, 2.0));
        let day = judged(&body(&[gik.clone(), aig, gik.clone()])).expect("true");
        assert_eq!((day.held, day.repeated), (3, 1));
        let day =
            judged(&body(&[gik, row("AIG", CLOSE, 2.0), row("GIK", CLOSE, 2.5)])).expect("true");
        assert_eq!((day.bar(0), day.bad(0)), (None, Some("two different rows are of 2020-10-14")));
        assert_eq!((day.bar(1).map(|bar| bar.close), day.bad(1)), (Some(2.0), None));
    }

    #[test]
    fn a_bad_row_is_its_own_ticker_s_trouble_or_nobody_s() {
        let null = |ticker| row(ticker, CLOSE, 2.0).replace(r#""o":1"#, r#""o":null"#);
        let point = row("OTHER", CLOSE, 2.0).replace(r#""n":2"#, r#""n":2.5"#);
        let negative = row("OTHER", CLOSE, -2.0);
        let next_day = row("OTHER", MIDNIGHT + 86_400_000, 2.0);
        let of_aig = row("AIG", CLOSE, 2.0);
        for foreign in [null("OTHER"), point, negative, next_day] {
            let day = judged(&body(&[foreign.clone(), row("GIK", CLOSE, 2.0), of_aig.clone()]))
                .expect("true");
            assert_eq!((day.held, day.foreign.rows, day.bad(0)), (3, 1, None), "{foreign}");
            let first = day.foreign.first.clone().expect("named");
            assert!(first.starts_with("OTHER: "), "{first}");
            assert_eq!(day.bar(0).map(|bar| bar.close), Some(2.0));
        }
        let day = judged(&body(&[null("GIK"), of_aig.clone()])).expect("true");
        assert_eq!((day.bar(0), day.bar(1).is_some(), day.foreign.rows), (None, true, 0));
        assert!(day.bad(0).is_some_and(|what| what.starts_with("row 1: invalid type: null")));
    }

    #[test]
    fn a_row_that_names_no_ticker_puts_in_doubt_only_who_has_no_row() {
        let (gik, aig) = (row("GIK", CLOSE, 2.0), row("AIG", CLOSE, 2.0));
        let names = [
            "",
            r#""T":null,"#,
            r#""T":"","#,
            r#""T":5,"#,
            r#""T":" GIK","#,
            r#""T":"A","T":"B","#,
        ];
        for name in names {
            let nameless = row("X", CLOSE, 2.0).replace(r#""T":"X","#, name);
            let day = judged(&body(&[gik.clone(), nameless.clone(), aig.clone()])).expect("true");
            let closes = [0, 1, 2].map(|number| day.bar(number).map(|bar| bar.close));
            assert_eq!(closes, [Some(2.0), Some(2.0), None], "{name}");
            assert_eq!([day.bad(0), day.bad(1)], [None, None], "{name}");
            let doubt = day.bad(2).expect("its row may be the one without a name");
            assert!(
                doubt.starts_with(
                    "1 rows of this day do not name their ticker; the first is row 2: "
                ),
                "{doubt}"
            );
            assert_eq!((day.held, day.foreign.rows), (3, 0));
            let half = judged(&body(&[gik.clone(), nameless]));
            assert!(matches!(half, Err(Lie::Nameless(_))), "{name}: {half:?}");
        }
    }

    #[test]
    fn what_contradicts_the_question_or_itself_is_a_lie() {
        let good = body(&[row("GIK", CLOSE, 2.0)]);
        let said = |from: &str, to: &str| judged(&good.replacen(from, to, 1)).expect_err(to);
        assert_eq!(said("false", "true"), Lie::Adjusted(true));
        assert_eq!(said(r#""adjusted":false,"#, ""), Lie::Silent("adjusted"));
        assert_eq!(said("OK", "ERROR"), Lie::Status("ERROR".to_owned()));
        assert_eq!(
            said(r#""resultsCount":1"#, r#""resultsCount":2"#),
            Lie::RowCount { announced: 2, held: 1 }
        );
        assert_eq!(said(r#""status":"OK""#, r#""status":"OK","next_url":"x""#), Lie::DayLeadsOn);
        let next_day = MIDNIGHT + 86_400_000;
        for stamp in [MIDNIGHT - 1, next_day] {
            let unwanted = body(&[row("ZVZZT", stamp, 2.0)]);
            assert_eq!(judged(&unwanted), Err(Lie::OutsideRange(stamp)), "of whichever ticker");
        }
    }
}

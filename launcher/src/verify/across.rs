//! Across: several trees of one market held against each other. Pure.
//!
//! Volumes do not add up by design: odd lots, late and corrected prints count in some bars and not
//! in others. So only presence counts: what was traded by the one tree has a row in the other.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use shared::dataset::answers::{Said, TOLERANCE};
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::dataset::trust::Trust;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::thousands::{counted, grouped};

use super::evidence::{Evidence, Sound};
use super::expectation::Sessions;
use super::finding::Finding;
use super::rule::Rule;
use super::series::Series;
use super::tree_kind::TreeKind;

/// Days on which a tree has rows of a ticker, as far as it claims to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presence {
    /// Days of which the tree is proven to have what the source has.
    pub claimed: Coverage,
    /// Those with a row.
    pub days: BTreeSet<TradingDay>,
}

/// The days that `evidence` claims, and that `trust` believes.
pub fn claimed(evidence: &Evidence, trust: &Trust) -> Coverage {
    let answers = evidence.records().iter().flat_map(|record| &record.answers);
    let known = answers.filter(|answer| answer.said.is_known());
    known.filter_map(|answer| trust.believed(answer)).collect()
}

/// Sessions with daily volume and without a row in a tree of `kind` that claims to know them; one
/// finding a month.
pub fn volume_without_rows(
    kind: Kind,
    volumes: &BTreeMap<TradingDay, f64>,
    presence: &Presence,
    ticker: &Ticker,
) -> Vec<Finding> {
    let (rule, row) = match kind {
        Kind::Daily => return Vec::new(),
        Kind::Minute => (Rule::VolumeWithoutMinutes, "minute"),
        Kind::Trades => (Rule::VolumeWithoutTrades, "trade"),
    };
    let mut lacking: BTreeMap<Partition, Vec<(TradingDay, f64)>> = BTreeMap::new();
    for (day, shares) in volumes {
        if *shares > 0.0 && presence.claimed.contains(*day) && !presence.days.contains(day) {
            lacking.entry(Partition::of(kind, *day)).or_default().push((*day, *shares));
        }
    }
    let found = |(partition, days): (Partition, Vec<(TradingDay, f64)>)| {
        let ((first, shares), (last, _)) = (*days.first()?, *days.last()?);
        let shares = grouped(&format!("{shares:.0}"));
        let reason = match days.len() {
            1 => {
                format!("its daily bar of {first} has a volume of {shares}, and there is no {row}")
            }
            more => format!(
                "{} have volume in daily bars ({first}: {shares}) and no {row}",
                counted(more as u64, "session")
            ),
        };
        let finding = Finding::new(kind.into(), rule, reason).of(ticker).in_partition(partition);
        Some(Finding { days: DateRange::new(first, last), ..finding })
    };
    lacking.into_iter().filter_map(found).collect()
}

/// A series against the tree that it was made of.
pub fn bars_against_input(
    series: &Series,
    input: &Evidence,
    asked: DateRange,
    sessions: &Sessions,
    trust: &Trust,
    ticker: &Ticker,
) -> Vec<Finding> {
    let new = |rule, reason: String| Finding::new(TreeKind::Bars, rule, reason).of(ticker);
    let mode = series.mode;
    let answers = || input.records().iter().flat_map(|record| &record.answers);
    let data = answers().filter(|answer| answer.said == Said::Data);
    let data: Coverage = data.filter_map(|answer| trust.believed(answer)).collect();
    let lacking = data.intersection(&asked.into()).minus(&series.covered);
    let mut findings: Vec<Finding> = sessions
        .ranges(&lacking)
        .into_iter()
        .map(|range| {
            let of = counted(sessions.within(range).len() as u64, "session");
            let reason = format!("{mode}: {of} of its input are not in the bars; run `bars` again");
            new(Rule::BarsEndEarly, reason).on(range)
        })
        .collect();
    let changed: Coverage = input
        .sound()
        .filter(|sound| is_newer(sound, series.verified_at))
        .map(|sound| sound.record.days(|said| said == Said::Data))
        .filter(|days| !days.is_empty() && days.minus(&series.covered).is_empty())
        .flat_map(Vec::from)
        .collect();
    if let Some(hull) = changed.intersection(&asked.into()).hull() {
        let reason = format!(
            "{mode}: the input of {} days was written after the bars had been made of it; --rebuild \
             makes them anew",
            changed.intersection(&asked.into()).days()
        );
        findings.push(new(Rule::BarsStale, reason).on(hull));
    }
    findings
}

/// Was the file written, or fetched, after `at`?
fn is_newer(sound: &Sound<'_>, at: Timestamp) -> bool {
    if sound.is_as_recorded {
        return sound.modified > at;
    }
    // The time of a copy tells nothing; the source's clock may be ahead of ours.
    let margin = SignedDuration::from_secs(TOLERANCE.as_secs());
    let latest = sound.record.answers.iter().map(shared::dataset::answers::Answer::latest).max();
    latest.is_some_and(|latest| latest.duration_since(at) > margin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::evidence::LedgerEvidence;
    use crate::verify::walk::{Found, Standing};
    use shared::dataset::answers::Answer;
    use shared::dataset::recorded::{Record, RecordedFile};
    use shared::dataset::seen::Sighting;

    fn day(text: &str) -> TradingDay {
        text.parse().expect(text)
    }

    fn range(from: &str, to: &str) -> DateRange {
        DateRange::new(day(from), day(to)).expect("in order")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    #[test]
    fn only_a_session_with_volume_that_a_tree_claims_to_know_and_has_no_row_of_is_suspect() {
        let volumes: BTreeMap<TradingDay, f64> = [
            ("2024-03-08", 1200.0),
            ("2024-03-11", 0.0),
            ("2024-03-12", 5_000.0),
            ("2024-03-13", 7.0),
            ("2024-04-01", 3.0),
            ("2024-05-01", 3.0),
        ]
        .map(|(date, shares)| (day(date), shares))
        .into_iter()
        .collect();
        let presence = Presence {
            claimed: range("2024-03-01", "2024-04-30").into(),
            days: [day("2024-03-08")].into(),
        };
        let ticker = "A".parse().expect("a ticker");
        let told = |kind| -> Vec<String> {
            let found = volume_without_rows(kind, &volumes, &presence, &ticker);
            found
                .iter()
                .map(|it| format!("{} {}: {}", it.rule, it.days.expect("days"), it.reason))
                .collect()
        };
        assert_eq!(
            told(Kind::Minute),
            [
                "volume-without-minutes 2024-03-12..2024-03-13: 2 sessions have volume in daily bars (2024-03-12: 5,000) and no minute",
                "volume-without-minutes 2024-04-01: its daily bar of 2024-04-01 has a volume of 3, and there is no minute",
            ]
        );
        assert_eq!(told(Kind::Trades).len(), 3, "a finding a day, where a day is a file");
    }

    /// Days of trades that were asked for and written at these times.
    fn trades(days: &[(&str, &str, &str)]) -> Evidence {
        let record = |(date, asked_at, _): &(&str, &str, &str)| Record {
            partition: Partition::Day(day(date)),
            answers: vec![Answer {
                days: day(date).into(),
                said: Said::Data,
                asked_at: at(asked_at),
                until: None,
                run: None,
            }],
            file: Some(RecordedFile {
                rows: 1,
                first: 0,
                last: 0,
                bytes: 10,
                seen: Sighting::Marked(7),
            }),
        };
        let file = |(date, _, written): &(&str, &str, &str)| {
            let modified_ns =
                i64::try_from(at(written).as_nanosecond()).expect("within three centuries");
            (Partition::Day(day(date)), Found::File { bytes: 10, mark: 7, modified_ns })
        };
        Evidence {
            ledger: LedgerEvidence::Records(days.iter().map(record).collect()),
            standing: Some(Standing { files: days.iter().map(file).collect(), odd: Vec::new() }),
        }
    }

    #[test]
    fn bars_that_lack_days_of_their_input_or_are_older_than_it_are_told() {
        let series = Series {
            mode: "DB".parse().expect("a mode"),
            covered: range("2024-03-11", "2024-03-12").into(),
            empty: Coverage::empty(),
            input: Kind::Trades,
            verified_at: at("2024-06-01T12:00:00Z"),
            days: None,
        };
        let asked = range("2024-03-11", "2024-03-13");
        let (sessions, trust) = (Sessions::of(asked), Trust::at(at("2024-07-01T12:00:00Z"), 0));
        let ticker = "A".parse().expect("a ticker");
        let told = |days: &[(&str, &str, &str)]| -> Vec<String> {
            let input = trades(days);
            let found = bars_against_input(&series, &input, asked, &sessions, &trust, &ticker);
            found.iter().map(|it| format!("{} {}", it.rule, it.days.expect("days"))).collect()
        };
        let (before, after) = ("2024-05-31T12:00:00Z", "2024-06-02T12:00:00Z");
        let old = [("2024-03-11", before, before), ("2024-03-12", before, before)];
        assert_eq!(told(&old), [""; 0]);
        assert_eq!(
            told(&[old[0], old[1], ("2024-03-13", after, after)]),
            ["bars-end-early 2024-03-13"],
            "what is not in the bars can't have changed under them"
        );
        assert_eq!(told(&[old[0], ("2024-03-12", after, after)]), ["bars-stale 2024-03-12"]);
    }
}

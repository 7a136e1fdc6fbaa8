use std::collections::BTreeSet;

use shared::dataset::answers::Said;
use shared::dataset::seen::Seen;
use shared::dataset::trust::Trust;
use shared::dataset::writer::Fingerprint;

use super::*;

fn day(text: &str) -> TradingDay {
    text.parse().expect(text)
}

fn range(from: &str, to: &str) -> DateRange {
    DateRange::new(day(from), day(to)).expect("in order")
}

/// A file of `kind` with so many rows on each of these days, written long after them.
fn file(kind: Kind, days: &[(&str, u64)]) -> FileFacts {
    let days: Vec<DayFacts> = days
        .iter()
        .map(|(text, rows)| DayFacts { day: day(text), rows: *rows, is_finite: true })
        .collect();
    FileFacts {
        partition: Partition::of(kind, days[0].day),
        rows: days.iter().map(|facts| facts.rows).sum(),
        stamps: (1, 2),
        days,
        zones: vec![Zone::NewYork, Zone::Utc],
        unlike: BTreeSet::new(),
        written_at: at("2025-06-01T00:00:00Z"),
        seen: Seen::never(),
        fingerprint: Fingerprint::of_bytes(b"rows"),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

fn ground(kind: Kind, zone: Zone) -> Ground {
    let by = Ground::proof_of(kind, true);
    Ground { kind, zone, by, now: at("2025-07-01T12:00:00Z") }
}

/// What is proven of `files`, and what speaks against the rest.
fn judged(ground: Ground, files: &[FileFacts]) -> (String, Vec<String>) {
    let ticker = "AIG".parse().expect("a ticker");
    let verdict = judge(ground, &ticker, files);
    let trust = Trust::at(ground.now, 1);
    let proven = |line: &Entry| trust.days(&line.answers);
    let proven = verdict.lines.iter().fold(Coverage::empty(), |all, it| all.union(&proven(it)));
    let against = |(_, oddity, days): &(Partition, Oddity, Vec<TradingDay>)| {
        let days: Coverage = days.iter().copied().map(one).collect();
        format!("{oddity:?} {days}")
    };
    (proven.to_string(), verdict.oddities.iter().map(against).collect())
}

#[test]
fn of_daily_bars_each_session_with_a_bar_is_proven_and_nothing_else() {
    // Thursday to Wednesday; Monday has no bar.
    let bars = [("2024-03-07", 1), ("2024-03-08", 1), ("2024-03-12", 1), ("2024-03-13", 1)];
    let (proven, against) = judged(ground(Kind::Daily, Zone::NewYork), &[file(Kind::Daily, &bars)]);
    assert_eq!(proven, "2024-03-07..2024-03-10, 2024-03-12", "and the weekend, which has nothing");
    assert_eq!(against, ["NoRows 2024-03-11", "LastSession 2024-03-13"]);
}

#[test]
fn the_last_bar_of_a_year_is_not_the_last_session_where_the_next_year_goes_on() {
    let years = [
        file(Kind::Daily, &[("2023-12-28", 1), ("2023-12-29", 1)]),
        file(Kind::Daily, &[("2024-01-02", 1), ("2024-01-03", 1)]),
    ];
    let (proven, against) = judged(ground(Kind::Daily, Zone::NewYork), &years);
    assert_eq!(proven, "2023-12-28..2024-01-02");
    assert_eq!(against, ["LastSession 2024-01-03"]);
    let lone = judged(ground(Kind::Daily, Zone::NewYork), &years[..1]).1;
    assert_eq!(lone, ["LastSession 2023-12-29"]);
}

#[test]
fn what_was_not_settled_when_the_file_was_written_is_not_proven() {
    let bars = [("2024-03-11", 1), ("2024-03-12", 1), ("2024-03-13", 1), ("2024-03-14", 1)];
    // Ten in the morning of the 13th in New York: the 12th was not settled yet.
    let written_at = at("2024-03-13T14:00:00Z");
    let early = FileFacts { written_at, ..file(Kind::Daily, &bars) };
    let (proven, against) = judged(ground(Kind::Daily, Zone::NewYork), &[early]);
    assert_eq!(proven, "2024-03-11");
    assert_eq!(against, ["LastSession 2024-03-14", "Unsettled 2024-03-12..2024-03-13"]);
}

#[test]
fn rows_that_can_not_be_or_stand_on_a_day_off_prove_nothing() {
    let bars = [("2024-03-08", 1), ("2024-03-09", 1), ("2024-03-11", 1), ("2024-03-12", 1)];
    let mut odd = file(Kind::Daily, &bars);
    odd.days[2].is_finite = false;
    let (proven, against) = judged(ground(Kind::Daily, Zone::NewYork), &[odd]);
    assert_eq!(proven, "2024-03-08, 2024-03-10");
    let expected = ["LastSession 2024-03-12", "NoSession 2024-03-09", "NotFinite 2024-03-11"];
    assert_eq!(against, expected);
}

#[test]
fn of_minutes_and_trades_nothing_is_proven_unless_their_looks_are_believed() {
    for kind in [Kind::Minute, Kind::Trades] {
        let own = Ground { by: Ground::proof_of(kind, false), ..ground(kind, Zone::NewYork) };
        let (proven, against) = judged(own, &[file(kind, &[("2024-03-11", 390)])]);
        assert_eq!(
            (proven.as_str(), &against[..]),
            ("nothing", &["WithinDays 2024-03-11".to_owned()][..])
        );
    }
    let minutes = [("2024-03-07", 390), ("2024-03-08", 4), ("2024-03-12", 390), ("2024-03-13", 9)];
    let own = file(Kind::Minute, &minutes);
    let (proven, against) = judged(ground(Kind::Minute, Zone::NewYork), &[own]);
    assert_eq!(proven, "2024-03-07..2024-03-10, 2024-03-12");
    assert_eq!(against, ["NoRows 2024-03-11", "LastSession 2024-03-13"]);
}

#[test]
fn days_of_trades_that_are_believed_have_the_days_off_between_them_too() {
    let days = ["2024-03-07", "2024-03-08", "2024-03-12", "2024-03-13"];
    let files = days.map(|day| file(Kind::Trades, &[(day, 70)]));
    let (proven, against) = judged(ground(Kind::Trades, Zone::NewYork), &files);
    assert_eq!(proven, "2024-03-07..2024-03-10, 2024-03-12");
    assert_eq!(against, ["LastSession 2024-03-13"], "a session without a file has no line");
    let full = file(Kind::Trades, &[("2024-03-08", 500_000)]);
    let (proven, against) = judged(
        ground(Kind::Trades, Zone::NewYork),
        &[files[0].clone(), full, files[2].clone(), files[3].clone()],
    );
    assert_eq!(proven, "2024-03-07, 2024-03-09..2024-03-10, 2024-03-12");
    assert_eq!(against, ["FullPages 2024-03-08", "LastSession 2024-03-13"]);
}

#[test]
fn the_rest_of_an_evening_belongs_to_the_next_day_in_utc() {
    // Friday's last minutes stand on Saturday; Sunday has nothing.
    let minutes = [("2024-01-05", 390), ("2024-01-06", 20), ("2024-01-08", 390), ("2024-01-09", 9)];
    let own = file(Kind::Minute, &minutes);
    let (proven, against) = judged(ground(Kind::Minute, Zone::Utc), std::slice::from_ref(&own));
    assert_eq!(proven, "2024-01-05..2024-01-08");
    assert_eq!(against, ["LastSession 2024-01-09"]);
    let against = judged(ground(Kind::Minute, Zone::NewYork), &[own]).1;
    assert!(against.contains(&"NoSession 2024-01-06".to_owned()), "{against:?}");
}

#[test]
fn a_line_says_what_was_adopted_and_how_many_of_the_rows_are_proven() {
    let bars = [("2024-03-11", 1), ("2024-03-12", 1), ("2024-03-13", 1)];
    let ticker = "AIG".parse().expect("a ticker");
    let own = file(Kind::Daily, &bars);
    let verdict = judge(ground(Kind::Daily, Zone::NewYork), &ticker, &[own]);
    assert_eq!((verdict.proven, verdict.unproven), (2, 1));
    let mut line = verdict.lines[0].clone();
    let proof = line.file.as_ref().expect("its file");
    assert_eq!((proof.rows, proof.proven_rows), (3, Some(2)));
    assert_eq!(line.adopted_days(), range("2024-03-11", "2024-03-12").into());
    assert_eq!(line.adopted.as_ref().expect("said").by, AdoptedBy::Calendar);
    let text = serde_json::to_string(&line).expect("plain data");
    assert!(
        text.contains(
            r#""adopted":{"days":[{"from":"2024-03-11","to":"2024-03-12"}],"by":"calendar"}"#
        ),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Entry>(&text).expect("read"), line);
    let now = ground(Kind::Daily, Zone::NewYork).now;
    line.answer(&range("2024-03-12", "2024-03-13").into(), Said::Data, now.into(), 0);
    assert_eq!(line.adopted_days(), range("2024-03-11", "2024-03-11").into(), "asked for since");
    line.answer(&range("2024-03-11", "2024-03-11").into(), Said::Data, now.into(), 0);
    assert_eq!(line.adopted, None);
}

//! Files with one thing wrong in each, written as our writer does.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::array::{Int32Builder, ListBuilder};
use arrow::datatypes::{Field, Schema};
use shared::dataset::kind::Kind;
use shared::dataset::schema;
use shared::dataset::writer::publish_table;
use shared::disk::publish::Draft;
use tempfile::TempDir;

use super::*;

#[derive(Debug, Clone)]
struct Bar {
    ticker: &'static str,
    date: String,
    minute: String,
    t: i64,
    prices: [f64; 4],
    volume: f64,
    trades: Option<i64>,
    vwap: Option<f64>,
}

#[derive(Debug, Clone)]
struct Print {
    ticker: &'static str,
    day: &'static str,
    t: i64,
    price: f64,
    size: f64,
    sequence: i64,
    venue_t: i64,
    id: &'static str,
}

/// 2024-03-11 09:30 in New York.
const OPEN: i64 = 1_710_163_800_000;
const MINUTE: i64 = 60_000;

fn minute(at: i64) -> Bar {
    let t = OPEN + at * MINUTE;
    let civil = Zone::NewYork.civil(t).expect("a time");
    let (date, time) = (civil.date().to_string(), civil.time());
    let price = 10.0 + (at % 7) as f64 / 100.0;
    Bar {
        ticker: "AIG",
        minute: format!("{date} {:02}:{:02}", time.hour(), time.minute()),
        date,
        t,
        prices: [price, price + 0.05, price - 0.05, price + 0.01],
        volume: 100.0 + at.rem_euclid(1_440) as f64,
        trades: Some(3),
        vwap: Some(price),
    }
}

/// Two days of ten minutes.
fn minutes() -> Vec<Bar> {
    (0..10).chain(24 * 60..24 * 60 + 10).map(minute).collect()
}

fn table_of(bars: &[Bar], kind: Kind) -> RecordBatch {
    let text = |value: fn(&Bar) -> &str| {
        Arc::new(StringArray::from_iter_values(bars.iter().map(value))) as ArrayRef
    };
    let price = |at: usize| {
        Arc::new(Float64Array::from_iter_values(bars.iter().map(|bar| bar.prices[at]))) as ArrayRef
    };
    let mut columns = vec![text(|bar| bar.ticker), text(|bar| &bar.date)];
    if kind == Kind::Minute {
        columns.push(text(|bar| &bar.minute));
    }
    columns.push(Arc::new(Int64Array::from_iter_values(bars.iter().map(|bar| bar.t))));
    columns.extend((0..4).map(price));
    columns.push(Arc::new(Float64Array::from_iter_values(bars.iter().map(|bar| bar.volume))));
    columns.push(Arc::new(bars.iter().map(|bar| bar.trades).collect::<Int64Array>()));
    columns.push(Arc::new(bars.iter().map(|bar| bar.vwap).collect::<Float64Array>()));
    RecordBatch::try_new(schema::of(kind, Columns::Narrow), columns).expect("a table")
}

fn print(at: i64) -> Print {
    let t = (OPEN + at * MINUTE) * 1_000_000 + at;
    Print {
        ticker: "AIG",
        day: "2024-03-11",
        t,
        price: 10.0 + (at % 5) as f64 / 100.0,
        size: 100.0,
        sequence: 7 + at,
        venue_t: t - 1_000,
        id: "7",
    }
}

fn table_of_prints(prints: &[Print], columns: Columns) -> RecordBatch {
    let text = |value: fn(&Print) -> &str| {
        Arc::new(StringArray::from_iter_values(prints.iter().map(value))) as ArrayRef
    };
    let int = |value: fn(&Print) -> i64| {
        Arc::new(Int64Array::from_iter_values(prints.iter().map(value))) as ArrayRef
    };
    let float = |value: fn(&Print) -> f64| {
        Arc::new(Float64Array::from_iter_values(prints.iter().map(value))) as ArrayRef
    };
    let small = |value: i32| Arc::new(Int32Array::from(vec![value; prints.len()])) as ArrayRef;
    let mut arrays = vec![
        text(|print| print.ticker),
        text(|print| print.day),
        int(|print| print.t),
        float(|print| print.price),
        float(|print| print.size),
    ];
    if columns == Columns::Full {
        let mut conditions = ListBuilder::new(Int32Builder::new()).with_field(schema::condition());
        for _ in prints {
            conditions.append_value([Some(37)]);
        }
        arrays.extend([
            int(|print| print.sequence),
            small(4),
            Arc::new(conditions.finish()),
            small(0),
            small(1),
            int(|print| print.venue_t),
            int(|print| print.venue_t),
            text(|print| print.id),
        ]);
    }
    RecordBatch::try_new(schema::of(Kind::Trades, columns), arrays).expect("a table")
}

struct OnDisk {
    _folder: TempDir,
    path: PathBuf,
    proof: FileProof,
    partition: Partition,
    ticker: Ticker,
}

impl OnDisk {
    fn of(table: &RecordBatch, partition: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.parquet");
        let fingerprint =
            publish_table(Draft::create(&path).expect("begun"), table).expect("published");
        let stamps = ["t", "sip_ts"].iter().find_map(|name| table.column_by_name(name));
        let stamps = stamps.and_then(|stamps| stamps.as_any().downcast_ref::<Int64Array>());
        let (first, last) = stamps
            .filter(|stamps| !stamps.values().is_empty())
            .map_or((0, 0), |stamps| (stamps.value(0), stamps.value(stamps.values().len() - 1)));
        let proof = FileProof::new(table.num_rows() as u64, first, last, fingerprint);
        let partition = partition.parse().expect("a partition");
        Self { _folder: folder, path, proof, partition, ticker: "AIG".parse().expect("a ticker") }
    }

    fn subject(&self) -> Subject<'_> {
        Subject {
            path: &self.path,
            ticker: &self.ticker,
            partition: self.partition,
            zone: Zone::NewYork,
            columns: None,
            proof: Some(&self.proof),
        }
    }

    fn examined(&self) -> Examined {
        examine(&self.subject()).expect("looked at")
    }

    /// `RULE: what`, for each flaw.
    fn said(&self) -> Vec<String> {
        let found = self.examined();
        found.flaws.iter().map(|flaw| format!("{}: {}", flaw.rule, flaw.reason())).collect()
    }
}

const MONTH: &str = "year=2024/month=03";
const DAY: &str = "year=2024/month=03/day=2024-03-11";

#[test]
fn a_sound_file_has_no_flaw_and_its_days_are_summed_up() {
    let file = OnDisk::of(&table_of(&minutes(), Kind::Minute), MONTH);
    let Examined { facts, flaws, is_as_proven, .. } = file.examined();
    assert!(flaws.is_empty() && is_as_proven, "{flaws:?}");
    assert_eq!((facts.rows, facts.days.len()), (20, 2));
    assert_eq!(facts.stamps, Some((OPEN, OPEN + (24 * 60 + 9) * MINUTE)));
    let day = facts.days[0];
    assert_eq!((day.day.to_string().as_str(), day.rows), ("2024-03-11", 10));
    assert_eq!((day.first, day.last), (570 * MINUTE, 579 * MINUTE));
    assert_eq!((day.open, day.high, day.low, day.close), (10.0, 10.06 + 0.05, 9.95, 10.02 + 0.01));
    assert_eq!((day.volume, day.most), (1_045.0, 109.0));
    assert_eq!((day.regular_open, day.regular_close), (Some(10.0), Some(10.02 + 0.01)));
    assert_eq!((day.without_session, day.beyond_hours, day.spike), (0, (0, 0), None));
}

#[test]
fn what_is_wrong_with_minutes_is_named_with_its_first_row() {
    type Harm = fn(&mut Vec<Bar>);
    let cases: [(Harm, &str); 14] = [
        (
            |bars| bars[3] = bars[2].clone(),
            "duplicate-key: row 3, 2024-03-11T09:32:00 (1710163920000), stands there twice",
        ),
        (|bars| bars.swap(3, 4), "out-of-order: "),
        (
            |bars| bars[5].ticker = "BAC",
            "rows-of-another: row 5 is one of \"BAC\" in a file of AIG",
        ),
        (
            |bars| bars.iter_mut().for_each(|bar| bar.ticker = "BAC"),
            "rows-of-another: 20 rows, the first: row 0 is one of \"BAC\"",
        ),
        (
            |bars| bars[0].date = "2024-03-10".to_owned(),
            "wrong-label: row 0 is dated \"2024-03-10\", and its stamp is of 2024-03-11",
        ),
        (
            |bars| bars[1].minute = "2024-03-11 13:31".to_owned(),
            "wrong-label: row 1 is labelled \"2024-03-11 13:31\", and its stamp is 2024-03-11T09:31:00",
        ),
        (|bars| bars[1].t += 1, "wrong-label: row 1 is labelled"),
        (
            |bars| bars[19] = minute(40 * 24 * 60),
            "outside-partition: row 19 is stamped 2024-04-20T09:30:00",
        ),
        (
            |bars| bars[19].t *= 1_000_000,
            "stamp-unit: row 19 is stamped 1710250740000000000: nanoseconds, where ms belong",
        ),
        (
            |bars| bars[0].t /= 1_000,
            "stamp-unit: row 0 is stamped 1710163800: seconds, where ms belong",
        ),
        (|bars| bars[2].prices[3] = f64::NAN, "impossible-number: row 2 of 2024-03-11 has o 10.02"),
        (|bars| bars[2].volume = -1.0, "impossible-number: "),
        (|bars| bars[2].trades = Some(-1), "impossible-number: "),
        (|bars| bars[2].prices[1] = 9.0, "price-bounds: row 2 of 2024-03-11 has open 10.02"),
    ];
    for (harm, expected) in cases {
        let mut bars = minutes();
        harm(&mut bars);
        let said = OnDisk::of(&table_of(&bars, Kind::Minute), MONTH).said();
        assert!(said.len() == 1 && said[0].starts_with(expected), "{expected}: {said:#?}");
    }
}

#[test]
fn daily_bars_are_keyed_by_their_date_whatever_the_hour_of_their_stamp() {
    let bar = |date: &str, hour: i64| {
        let day: shared::market::trading_day::TradingDay = date.parse().expect(date);
        Bar { date: date.to_owned(), t: day.start_utc_ms() + hour * 60 * MINUTE, ..minute(0) }
    };
    let said = |bars: &[Bar]| OnDisk::of(&table_of(bars, Kind::Daily), "year=2024").said();
    let sound = [bar("2024-03-08", 0), bar("2024-03-11", 16), bar("2024-03-12", 0)];
    assert_eq!(said(&sound), [] as [String; 0]);
    let [first, second, third] = sound;
    for (bars, expected) in [
        (
            vec![first.clone(), first.clone(), second.clone()],
            "duplicate-key: row 1 of 2024-03-08 stands there twice",
        ),
        (
            vec![second.clone(), first.clone()],
            "out-of-order: row 1 of 2024-03-08 comes after a later one",
        ),
        (
            vec![first.clone(), Bar { date: "2025-03-11".to_owned(), ..second.clone() }],
            "outside-partition: row 1 is of 2025-03-11, in the file of 2024",
        ),
        (
            vec![Bar { date: "11 March".to_owned(), ..first.clone() }, second.clone()],
            "wrong-label: row 0 is dated \"11 March\"",
        ),
        (
            vec![first.clone(), Bar { t: third.t, ..second.clone() }],
            "wrong-label: row 1 is dated \"2024-03-11\", and its stamp is 2024-03-12",
        ),
        (
            vec![first.clone(), Bar { t: second.t * 1_000, ..second.clone() }],
            "stamp-unit: row 1 of 2024-03-11 is stamped 1710187200000000: microseconds",
        ),
    ] {
        let said = said(&bars);
        assert!(said.len() == 1 && said[0].starts_with(expected), "{expected}: {said:#?}");
    }
}

#[test]
fn what_is_wrong_with_trades_is_named_with_its_first_row() {
    type Harm = fn(&mut Vec<Print>);
    let cases: [(Harm, &str); 10] = [
        (
            |prints| prints.swap(3, 4),
            "out-of-order: row 4 is stamped 1710163980000000003 (2024-03-11T09:33:00 (1710163980000)), after 1710164040000000004",
        ),
        (|prints| prints[2].ticker = "BAC", "rows-of-another: row 2 is one of \"BAC\""),
        (
            |prints| prints.iter_mut().for_each(|print| print.day = "2024-03-12"),
            "wrong-label: 20 rows, the first: row 0 is of day \"2024-03-12\" in the file of 2024-03-11",
        ),
        (|prints| prints[19].t += 86_400_000_000_000, "outside-partition: row 19 is stamped"),
        (
            |prints| {
                for print in prints {
                    (print.t, print.venue_t) = (print.t / 1_000, print.venue_t / 1_000);
                }
            },
            "stamp-unit: 20 rows, the first: row 0 is stamped 1710163800000000: microseconds, where ns belong",
        ),
        (|prints| prints[7].price = f64::INFINITY, "impossible-number: row 7 has price inf"),
        (|prints| prints[7].size = -0.5, "impossible-number: row 7 has size -0.5"),
        (
            |prints| prints[8] = prints[7].clone(),
            "duplicate-key: row 8 is the trade before it again",
        ),
        (
            |prints| prints[8].venue_t /= 1_000_000,
            "stamp-unit: row 8 has participant_ts 1710164279999 beside",
        ),
        (|prints| prints[8].id = "", ""),
    ];
    for (harm, expected) in cases {
        let mut prints: Vec<Print> = (0..20).map(print).collect();
        harm(&mut prints);
        let said = OnDisk::of(&table_of_prints(&prints, Columns::Full), DAY).said();
        let is_expected = match said.as_slice() {
            [] => expected.is_empty(),
            [flaw] => !expected.is_empty() && flaw.starts_with(expected),
            [..] => false,
        };
        assert!(is_expected, "{expected}: {said:#?}");
    }
}

#[test]
fn a_trade_twice_is_found_across_pieces_too_and_a_long_file_has_the_facts_of_a_short_one() {
    // Pieces have 4,096 rows; the trade at its border comes twice.
    let mut prints: Vec<Print> =
        (0..5_000).map(|at| Print { t: print(0).t + at, ..print(at) }).collect();
    prints[4_096] = prints[4_095].clone();
    let file = OnDisk::of(&table_of_prints(&prints, Columns::Full), DAY);
    let Examined { facts, flaws, .. } = file.examined();
    let flaws: Vec<String> = flaws.iter().map(flaws::Flaw::reason).collect();
    assert!(flaws.len() == 1 && flaws[0].starts_with("row 4096 is the trade before"), "{flaws:?}");
    let day = facts.days[0];
    assert_eq!((facts.rows, facts.days.len(), day.rows), (5_000, 1, 5_000));
    assert_eq!(
        (day.volume, day.first, day.last - day.first),
        (500_000.0, 570 * MINUTE * 1_000_000, 4_999)
    );
    assert_eq!((day.open, day.low, day.high), (10.0, 10.0, 10.04));
}

#[test]
fn a_file_is_held_against_its_ledger_line_and_other_columns_are_told() {
    let sound = OnDisk::of(&table_of(&minutes(), Kind::Minute), MONTH);
    let with = |proof: FileProof| {
        let found = examine(&Subject { proof: Some(&proof), ..sound.subject() }).expect("read");
        found
            .flaws
            .iter()
            .map(|flaw| format!("{}: {}", flaw.rule, flaw.reason()))
            .collect::<Vec<_>>()
    };
    let proof = || sound.proof.clone();
    assert_eq!(
        with(FileProof { rows: 19, ..proof() }),
        ["ledger-differs: it has 20 rows where the ledger says 19"]
    );
    let stamps = with(FileProof { last: 7, ..proof() });
    assert!(stamps[0].starts_with("ledger-differs: its rows are stamped"), "{stamps:?}");
    let mut other = proof();
    other.fingerprint.sha256 = "0".repeat(64);
    assert_eq!(
        with(other),
        ["wrong-checksum: its content is not what the ledger proves (SHA-256)"]
    );

    let whole = std::fs::read(&sound.path).expect("read");
    for (bytes, expected) in [
        (&whole[..whole.len() - 9], "broken-file: "),
        (&whole[..0], "broken-file: "),
        (&b"not Parquet"[..], "broken-file: "),
    ] {
        std::fs::write(&sound.path, bytes).expect("written");
        let said = sound.said();
        assert!(said[0].starts_with("wrong-checksum: "), "{said:?}");
        assert!(said[1].starts_with(expected), "{said:?}");
    }

    let none = OnDisk::of(&table_of(&[], Kind::Minute), MONTH).said();
    assert!(none[0].starts_with("no-rows: "), "{none:?}");
    let daily = OnDisk::of(&table_of(&minutes()[..1], Kind::Daily), MONTH).said();
    assert!(
        daily[0].starts_with("wrong-columns: its columns are ticker Utf8, date Utf8, t Int64"),
        "{daily:?}"
    );
    let narrow = OnDisk::of(&table_of_prints(&[print(0)], Columns::Narrow), DAY);
    let found = examine(&Subject { columns: Some(Columns::Full), ..narrow.subject() });
    let reason = found.expect("read").flaws.iter().map(flaws::Flaw::reason).next();
    assert_eq!(reason.as_deref(), Some("its columns are narrow; those of its tree are full"));
}

#[test]
fn columns_that_may_be_null_are_taken_and_a_null_is_not() {
    let table = table_of(&minutes(), Kind::Minute);
    let nullable: Vec<Field> = table
        .schema()
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), field.data_type().clone(), true))
        .collect();
    let nullable = Arc::new(Schema::new(nullable));
    let same = RecordBatch::try_new(nullable.clone(), table.columns().to_vec()).expect("a table");
    assert_eq!(OnDisk::of(&same, MONTH).said(), [] as [String; 0]);
    let mut columns = table.columns().to_vec();
    let mut volumes: Vec<Option<f64>> = vec![Some(100.0); 20];
    volumes[4] = None;
    columns[8] = Arc::new(Float64Array::from(volumes));
    let gap = RecordBatch::try_new(nullable, columns).expect("a table");
    assert_eq!(
        OnDisk::of(&gap, MONTH).said()[0],
        "wrong-columns: a value of its column v is missing"
    );
}

#[test]
fn prices_that_contradict_each_other_in_a_proven_file_were_sent_so() {
    let mut bars = minutes();
    bars[2].prices[1] = 9.0;
    let file = OnDisk::of(&table_of(&bars, Kind::Minute), MONTH);
    let findings = file.examined().findings(&file.subject());
    assert_eq!(findings[0].state, State::Suspect);
    assert!(findings[0].reason.ends_with("; the source sent it so"), "{}", findings[0].reason);
    let unproven = Subject { proof: None, ..file.subject() };
    let findings = examine(&unproven).expect("read").findings(&unproven);
    assert_eq!(findings[0].state, State::Damaged);
    assert_eq!(findings[0].file.as_deref(), Some(file.path.as_path()));
}

#[test]
fn rows_outside_sessions_are_counted_and_lone_prices_kept() {
    let mut bars = minutes();
    let at = |clock: &str| {
        let (hour, minutes) = clock.split_once(':').expect(clock);
        let of_day = hour.parse::<i64>().expect(clock) * 60 + minutes.parse::<i64>().expect(clock);
        minute(of_day - 570)
    };
    bars.insert(0, at("03:59"));
    bars.insert(11, at("19:59"));
    bars.insert(12, at("20:30"));
    bars[5].prices = [1_000.0; 4];
    let saturday = 5 * 24 * 60;
    bars.push(minute(saturday));
    let Examined { facts, flaws, .. } =
        OnDisk::of(&table_of(&bars, Kind::Minute), MONTH).examined();
    assert!(flaws.is_empty(), "{flaws:?}");
    let day = facts.days[0];
    assert_eq!(day.beyond_hours, (2, 30));
    let spike = day.spike.expect("one");
    assert_eq!((spike.stamp, spike.price), (OPEN + 4 * MINUTE, 1_000.0));
    assert!((99.0..100.0).contains(&spike.times), "{spike:?}");
    assert_eq!(facts.days[2].without_session, 1);
}

use super::*;
use crate::dataset::answers::Asking;
use crate::dataset::loss::Loss;
use crate::dataset::writer::Fingerprint;
use crate::disk::checked_lines::encode;
use proptest::prelude::*;

fn ticker(text: &str) -> Ticker {
    text.parse().expect(text)
}

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

fn entry(whose: &str, partition: &str, rows: u64) -> Entry {
    let mut entry = Entry::new(&ticker(whose), partition.parse().expect(partition));
    let days = entry.partition.span();
    let said = if rows == 0 { Said::Empty { asks: 1 } } else { Said::Data };
    entry.answers.record(days, said, at("2024-06-01T12:00:00Z"));
    if rows > 0 {
        entry.file = Some(FileProof {
            seen: Some(Seen::never()),
            ..FileProof::new(rows, 1, 2, Fingerprint::of_bytes(b"x"))
        });
    }
    entry
}

fn tree(whose: &str, entries: &[Entry]) -> tempfile::TempDir {
    let out = tempfile::tempdir().expect("a folder");
    let path = Ledger::path(out.path(), &ticker(whose));
    std::fs::create_dir(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, entries.iter().map(encode).collect::<String>()).expect("written");
    out
}

#[test]
fn the_last_line_of_a_partition_counts_and_records_are_in_the_order_of_time() {
    let lines = [
        entry("A", "year=2024/month=03", 3),
        entry("A", "year=2024/month=01", 1),
        entry("A", "year=2024/month=03", 0),
        entry("A", "year=2024/month=02", 2),
    ];
    let out = tree("A", &lines);
    let records = read(out.path(), Kind::Minute, &ticker("A")).expect("read").expect("a ledger");
    let told: Vec<_> = records
        .iter()
        .map(|record| (record.partition.period(), record.file.as_ref().map_or(0, |file| file.rows)))
        .collect();
    let expected = [("2024-01", 1), ("2024-02", 2), ("2024-03", 0)];
    assert_eq!(told, expected.map(|(period, rows)| (period.to_owned(), rows)));
    assert_eq!(read(out.path(), Kind::Minute, &ticker("B")).expect("looked"), None);
}

#[test]
fn a_ledger_of_another_ticker_or_kind_or_with_a_damaged_line_is_an_error_as_ledgers_say_it() {
    let out = tree("A", &[entry("B", "year=2024/month=03", 3)]);
    let said = read(out.path(), Kind::Minute, &ticker("A")).expect_err("refused").to_string();
    assert!(said.contains("was written for B (minute)"), "{said}");
    let out = tree("A", &[entry("A", "year=2024", 3)]);
    let said = read(out.path(), Kind::Minute, &ticker("A")).expect_err("refused").to_string();
    assert!(said.contains("was written for A (daily)"), "{said}");
    let out = tree("A", &[entry("A", "year=2023", 3), entry("A", "year=2024", 3)]);
    let path = Ledger::path(out.path(), &ticker("A"));
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[30] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let said = read(out.path(), Kind::Daily, &ticker("A")).expect_err("refused").to_string();
    assert!(said.contains(":1: not a ledger line"), "{said}");
}

#[test]
fn days_of_a_loss_are_lost_as_the_ledger_itself_says() {
    let mut lossy = entry("A", "year=2024/month=03", 3);
    let days = Coverage::from(lossy.partition.span());
    lossy.loss = Some(Loss { days: days.clone(), rows: 7, ..Loss::nothing() });
    let out = tree("A", &[lossy]);
    let records = read(out.path(), Kind::Minute, &ticker("A")).expect("read").expect("a ledger");
    assert_eq!(records[0].days(|said| said == Said::Lost), days);
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        3 => Just(Said::Data),
        2 => (1..4_u32).prop_map(|asks| Said::Empty { asks }),
        1 => Just(Said::OutsidePlan),
        1 => Just(Said::Lost),
    ]
}

proptest! {
    #[test]
    fn a_line_that_is_read_without_copies_says_what_its_entry_says(
        answers in proptest::collection::vec((1..28_i32, 0..9_i32, said(), 0..400_000_i64), 0..6),
        file in proptest::option::of((1..9_u64, any::<i64>(), any::<bool>())),
    ) {
        let mut entry = Entry::new(&ticker("A"), "year=2024/month=03".parse().expect("a partition"));
        let first = entry.partition.span().from();
        for (from, length, said, later) in answers {
            let days = DateRange::new(first.plus_days(from), first.plus_days(from + length)).expect("in order");
            let asked_at = at("2024-06-01T12:00:00Z") + SignedDuration::from_secs(later);
            entry.answers.record(days, said, Asking::from(asked_at));
        }
        entry.file = file.map(|(rows, first, is_seen)| FileProof {
            seen: is_seen.then(Seen::never),
            ..FileProof::new(rows, first, first, Fingerprint::of_bytes(b"x"))
        });
        let text = encode(&entry);
        prop_assert_eq!(Line::read(text.trim_end()).expect("a line").record, Record::from(entry));
    }
}

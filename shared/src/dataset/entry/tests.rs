//! Answers, damage and crashes in any order, also between a file and its line: nobody is believed
//! without rows, and a healthy source mends all of it.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::super::answers::Asker;
use super::super::run_mark::RunMark;
use super::*;
use crate::dataset::coverage::DateRange;
use crate::dataset::kind::Kind;
use crate::market::trading_day::TradingDay;

/// Rows that the source has when it is healthy.
const ALL: u64 = 10;

/// A file, by its rows and by what is in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File {
    rows: u64,
    content: u8,
}

impl File {
    fn proof(self) -> FileProof {
        let sha256 = format!("{}/{}", self.rows, self.content);
        FileProof::new(self.rows, 0, 0, Fingerprint { bytes: self.rows, sha256 })
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    /// The source answers with so many rows, or none; the worker may die before it has written the
    /// line.
    Answers { rows: u64, content: u8, dies: bool },
    /// The plan does not reach the day any more.
    Refuses,
    /// Somebody deletes the file.
    Deletes,
    /// Somebody or something changes it, and it can still be read.
    Changes,
    /// The clock goes by so many hours, also back.
    Clock(i64),
}

/// One day of trades of one ticker: what is on disk, and the last line of its ledger.
struct Day {
    now: Timestamp,
    file: Option<File>,
    line: Option<Entry>,
}

impl Day {
    fn partition() -> Partition {
        Partition::Day(TradingDay::from_ymd(2024, 3, 11).expect("a day"))
    }

    fn asking(&self) -> Asking {
        Asking { at: self.now, run: Some(Asker::Trusting(RunMark::of_run("ab12"))) }
    }

    /// As `Ledger::of_lines` reads it.
    fn entry(&self) -> Entry {
        let nothing = || Entry::new(&"AIG".parse().expect("a ticker"), Self::partition());
        let mut entry = self.line.clone().unwrap_or_else(nothing);
        if entry.file.is_some() && entry.file != self.file.map(File::proof) {
            entry.lose_file();
        }
        entry.remember_loss();
        entry.reopen_loss(&Coverage::empty());
        if self.file.is_some() && entry.file.is_none() && entry.loss.is_none() {
            entry.doubt_empty_answers();
        }
        entry
    }

    /// As the worker's store takes an answer.
    fn take(&mut self, answer: Option<File>, said: Said, dies: bool) {
        let (mut entry, asking) = (self.entry(), self.asking());
        let days = Coverage::from(Self::partition().span());
        let untold = entry.untold(&days);
        let is_denied = matches!(said, Said::Empty { .. }) && !untold.is_empty();
        if let Some(there) = self.file.filter(|_| is_denied) {
            entry.deny(&untold, there.rows, asking).expect_err("rows stand there");
            self.line = Some(entry).filter(|_| !dies).or(self.line.take());
            return;
        }
        let is_lost = !entry.answers.lost().is_empty();
        if let Some(came) = answer {
            if let (Some(loss), Some(there)) =
                (&mut entry.loss, self.file.filter(|_| entry.file.is_none()))
            {
                loss.take_witness(there.proof().fingerprint.sha256);
            }
            self.file = Some(came);
            entry.file = Some(came.proof());
        }
        if dies {
            return;
        }
        entry.answer(&days, said, asking, answer.filter(|_| is_lost).map_or(0, |came| came.rows));
        drop(entry.settle(asking));
        self.line = Some(entry);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Answers { rows: 0, dies, .. } => self.take(None, Said::Empty { asks: 1 }, dies),
            Event::Answers { rows, content, dies } => {
                self.take(Some(File { rows, content }), Said::Data, dies);
            }
            Event::Refuses => self.take(None, Said::OutsidePlan, false),
            Event::Deletes => self.file = None,
            Event::Changes => {
                self.file = self.file.map(|file| File { content: file.content ^ 0x80, ..file });
            }
            Event::Clock(hours) => self.now += SignedDuration::from_hours(hours),
        }
    }

    /// Is the day as its ledger says?
    fn check(&self, had_rows: bool) -> Result<bool, TestCaseError> {
        let entry = self.entry();
        let is_believed = entry.answers.lost().is_empty() && self.line.is_some();
        let is_called_empty =
            entry.answers.iter().any(|answer| matches!(answer.said, Said::Empty { .. }));
        prop_assert!(!is_called_empty || self.file.is_none(), "rows stand there: {:?}", entry);
        if is_believed && had_rows {
            prop_assert!(entry.file.is_some(), "believed without rows: {entry:?}");
            prop_assert_eq!(&entry.file, &self.file.map(File::proof));
            prop_assert!(!entry.data_days().is_empty(), "rows are not called empty: {:?}", entry);
        }
        Ok(is_believed)
    }
}

fn event() -> impl Strategy<Value = Event> {
    let rows = prop::sample::select(vec![0, 0, 6, 9, ALL, ALL]);
    let answers = (rows, 0..3_u8, any::<bool>()).prop_map(|(rows, content, dies)| Event::Answers {
        rows,
        content,
        dies,
    });
    prop_oneof![
        5 => answers,
        1 => Just(Event::Refuses),
        2 => Just(Event::Deletes),
        1 => Just(Event::Changes),
        1 => (-50..50_i64).prop_map(Event::Clock),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn no_day_is_believed_whose_rows_are_gone_and_a_healthy_source_mends_all_without_a_person(
        events in proptest::collection::vec(event(), 0..25),
    ) {
        let now = "2024-07-01T00:00:00Z".parse().expect("an instant");
        let mut day = Day { now, file: None, line: None };
        let mut had_rows = false;
        for event in events {
            day.happens(event);
            had_rows |= day.line.as_ref().is_some_and(|line| line.file.is_some() || line.loss.is_some());
            day.check(had_rows)?;
        }
        day.happens(Event::Answers { rows: ALL, content: 0, dies: false });
        prop_assert!(day.check(true)?, "mended: {:?}", day.entry());
        prop_assert_eq!(day.file, Some(File { rows: ALL, content: 0 }));
    }
}

fn february(from: i8, to: i8) -> Coverage {
    let day = |day| TradingDay::from_ymd(2024, 2, day).expect("a day");
    Coverage::from(DateRange::new(day(from), day(to)).expect("in order"))
}

fn noon(day: i64) -> Asking {
    Asking::from(Timestamp::from_second(1_710_936_000 + 86_400 * day).expect("in range"))
}

/// Minutes of a February: nine rows from the 16th to the 29th, and they are lost.
fn nine_rows_lost() -> Entry {
    let partition = Partition::of(Kind::Minute, TradingDay::from_ymd(2024, 2, 16).expect("a day"));
    let mut entry = Entry::new(&"AIG".parse().expect("a ticker"), partition);
    entry.answer(&february(16, 29), Said::Data, noon(0), 0);
    entry.file = Some(file(9, "nine"));
    entry.lose_file();
    entry
}

fn file(rows: u64, sha256: &str) -> FileProof {
    FileProof::new(rows, 0, 0, Fingerprint { bytes: rows, sha256: sha256.to_owned() })
}

#[test]
fn a_loss_that_an_attempt_left_half_asked_is_asked_for_again_as_a_whole() {
    let mut entry = nine_rows_lost();
    entry.answer(&february(18, 29), Said::Empty { asks: 1 }, noon(3), 0);
    entry.settle(noon(3)).expect("days are open");
    assert_eq!(entry.answers.lost(), february(16, 17), "whoever asks dies here");

    entry.reopen_loss(&Coverage::empty());
    assert_eq!(entry.answers.lost(), february(16, 29), "nothing of it is believed");
    entry.answer(&february(16, 17), Said::Data, noon(6), 3);
    entry.settle(noon(6)).expect("three of nine rows are no shortage while other days are open");
    entry.answer(&february(18, 29), Said::Data, noon(6), 6);
    entry.file = Some(file(9, "nine"));
    assert_eq!(entry.settle(noon(6)), Ok(()), "all nine are there again");
    entry.reopen_loss(&Coverage::empty());
    assert_eq!(entry.answers.lost(), Coverage::empty());
}

#[test]
fn rows_of_a_loss_that_an_earlier_visit_brought_count_for_nothing_while_the_rest_of_it_is_open() {
    let mut entry = nine_rows_lost();
    entry.answer(&february(18, 29), Said::Data, noon(3), 2);
    entry.file = Some(file(2, "two of six"));
    entry.settle(noon(3)).expect("days are open");

    entry.reopen_loss(&Coverage::empty());
    assert_eq!(
        entry.answers.lost(),
        february(16, 29),
        "the source may have had less to say than it has now"
    );
    entry.answer(&february(16, 17), Said::Data, noon(6), 3);
    entry
        .settle(noon(6))
        .expect("three and two of nine rows are no shortage: the two are asked for again");
    entry.answer(&february(18, 29), Said::Data, noon(6), 6);
    entry.file = Some(file(9, "nine"));
    assert_eq!(entry.settle(noon(6)), Ok(()), "all nine are there again");
}

#[test]
fn what_the_same_visit_has_brought_of_a_loss_stays_when_it_takes_the_place_again() {
    let mut entry = nine_rows_lost();
    entry.answer(&february(20, 29), Said::Data, noon(6), 6);
    entry.answer(&february(18, 19), Said::Empty { asks: 1 }, noon(6), 0);
    entry.file = Some(file(6, "six"));
    entry.settle(noon(6)).expect("days are open");

    entry.reopen_loss(&february(18, 29));
    assert_eq!(entry.answers.lost(), february(16, 17));
    entry.answer(&february(16, 17), Said::Data, noon(6), 3);
    entry.file = Some(file(9, "nine"));
    assert_eq!(entry.settle(noon(6)), Ok(()), "all nine are there again");
}

#[test]
fn rows_of_days_that_the_lost_file_never_held_do_not_make_good_for_those_that_it_held() {
    let day_of = |stamp| TradingDay::from_ymd(2024, 2, i8::try_from(stamp).expect("a day"));
    let mut entry = nine_rows_lost();
    let mut loss = entry.loss.take().expect("lost");
    loss.stamps = Some((16, 20));
    entry.loss = Some(loss);
    assert_eq!(entry.lost_elsewhere(&february(16, 29), day_of), february(21, 29));

    entry.answer(&february(16, 29), Said::Data, noon(3), 12);
    entry.found_elsewhere(5);
    entry.file = Some(file(12, "twelve"));
    let shorter = entry
        .settle(noon(3))
        .expect_err("of the days up to the 20th seven rows came, and nine there were");
    assert_eq!((shorter.had, shorter.came), (9, 7));
    assert_eq!(entry.file.as_ref().map(FileProof::proven_rows), Some(0), "nothing of it is proven");

    entry.answer(&february(16, 29), Said::Data, noon(3), 14);
    entry.found_elsewhere(5);
    assert_eq!(entry.settle(noon(3)), Ok(()), "nine of them came, and five that were never there");
}

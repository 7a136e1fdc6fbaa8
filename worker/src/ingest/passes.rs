//! Passes: which days a visit to one ticker requests again because it found them lost only
//! meanwhile, and when that is enough. Pure.
//!
//! A file that is found changed had days beyond those that came in its place, and some that came
//! just before it was found.

use shared::dataset::coverage::Coverage;
use shared::dataset::entry::Shorter;
use shared::dataset::ledger::Ledger;

/// After this many passes a visit gives up on files that another process keeps changing.
const MOST: u32 = 3;

/// What a visit has asked for so far, pass by pass.
#[derive(Debug, Default)]
pub struct Passes {
    count: u32,
    asked: Coverage,
    shorter: Vec<Shorter>,
    lost: Coverage,
}

impl Passes {
    /// `wanted` was asked for. Of `shorter` days the source brings less than there was; `spoiled`
    /// ones can't be brought to their places, whatever comes. What is lost now, as `ledger` says?
    pub fn ended(
        &mut self,
        wanted: &Coverage,
        shorter: Vec<Shorter>,
        spoiled: &Coverage,
        ledger: &Ledger,
    ) {
        self.count += 1;
        self.asked = self.asked.union(wanted);
        self.shorter.extend(shorter);
        let lost = ledger.lost_beside(&self.asked);
        self.shorter.retain(|shorter| !shorter.days.intersection(&lost).is_empty());
        let told =
            self.shorter.iter().fold(spoiled.clone(), |told, shorter| told.union(&shorter.days));
        self.lost = lost.minus(&told);
    }

    /// The days to ask for in the next pass, if there is to be one.
    pub fn next(&self) -> Coverage {
        if self.count < MOST { self.lost.clone() } else { Coverage::empty() }
    }

    /// What is lost and no pass has brought, though nothing was said against it.
    pub fn lost(&self) -> &Coverage {
        &self.lost
    }

    /// Days of which the source brings less than there was, and still does.
    pub fn shorter(&self) -> &[Shorter] {
        &self.shorter
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use shared::dataset::answers::{Asking, Said};
    use shared::dataset::coverage::DateRange;
    use shared::dataset::ledger::{Damage, Entry, FileProof};
    use shared::dataset::partition::Partition;
    use shared::dataset::writer::Fingerprint;
    use shared::market::trading_day::TradingDay;

    use super::*;

    fn march(from: i8, to: i8) -> Coverage {
        let day = |day| TradingDay::from_ymd(2024, 3, day).expect("a day");
        DateRange::new(day(from), day(to)).expect("in order").into()
    }

    /// The ledger of a ticker with rows on all of March, whose file was then lost, and the days
    /// `come` since.
    fn ledger(come: &Coverage) -> Ledger {
        let mut entry = Entry::new(&"AIG".parse().expect("a ticker"), Partition::Month(2024, 3));
        let asking = Asking::from(Timestamp::UNIX_EPOCH);
        entry.answer(&march(1, 31), Said::Data, asking, 0);
        let proof =
            || Some(FileProof::new(9, 0, 0, Fingerprint { bytes: 9, sha256: "nine".to_owned() }));
        entry.file = proof();
        entry.lose_file();
        let mut ledger = Ledger::of_lines(Vec::new(), |_| None::<Damage>);
        entry.answer(come, Said::Data, asking, 9);
        entry.settle(asking).expect("nine came");
        entry.file = proof();
        ledger.take(entry);
        ledger
    }

    fn shorter(days: Coverage) -> Vec<Shorter> {
        vec![Shorter { days, had: 9, came: 3 }]
    }

    fn passes(
        wanted: &Coverage,
        shorter: Vec<Shorter>,
        spoiled: &Coverage,
        ledger: &Ledger,
    ) -> Passes {
        let mut passes = Passes::default();
        passes.ended(wanted, shorter, spoiled, ledger);
        passes
    }

    #[test]
    fn days_that_came_before_their_file_was_found_changed_are_asked_for_again() {
        let all = march(1, 31);
        let mut passes = passes(&all, Vec::new(), &Coverage::empty(), &ledger(&march(10, 31)));
        assert_eq!(
            passes.next(),
            march(1, 9),
            "they came, and then the file was not what had been written"
        );
        passes.ended(&march(1, 9), Vec::new(), &Coverage::empty(), &ledger(&all));
        assert!(passes.next().is_empty() && passes.lost().is_empty());
    }

    #[test]
    fn days_beside_those_asked_for_are_asked_for_when_they_are_found_lost() {
        let passes =
            passes(&march(10, 12), Vec::new(), &Coverage::empty(), &ledger(&march(10, 12)));
        assert_eq!(passes.next(), march(1, 9).union(&march(13, 31)));
    }

    #[test]
    fn what_the_source_brings_less_of_and_what_cannot_be_written_is_not_asked_for_again() {
        let (all, nothing) = (march(1, 31), Coverage::empty());
        let passes_of = |shorter, spoiled| passes(&all, shorter, spoiled, &ledger(&nothing));
        let short = passes_of(shorter(all.clone()), &nothing);
        assert!(short.next().is_empty() && short.lost().is_empty() && short.shorter().len() == 1);
        let spoiled = passes_of(Vec::new(), &all);
        assert!(spoiled.next().is_empty() && spoiled.lost().is_empty());
    }

    #[test]
    fn what_came_short_and_then_whole_is_not_short() {
        let (all, nothing) = (march(1, 31), Coverage::empty());
        let mut passes = passes(&all, shorter(march(1, 9)), &nothing, &ledger(&march(12, 31)));
        assert_eq!(passes.next(), march(10, 11));
        passes.ended(&march(10, 11), Vec::new(), &nothing, &ledger(&all));
        assert!(passes.shorter().is_empty());
    }

    #[test]
    fn a_file_that_is_changed_all_the_time_is_not_asked_for_without_end() {
        let (all, nothing) = (march(1, 31), Coverage::empty());
        let mut passes = Passes::default();
        let mut wanted = all.clone();
        for _ in 0..MOST {
            assert!(!wanted.is_empty());
            passes.ended(&wanted, Vec::new(), &nothing, &ledger(&nothing));
            wanted = passes.next();
        }
        assert!(wanted.is_empty());
        assert_eq!(passes.lost(), &all, "it is said which days are left");
    }
}

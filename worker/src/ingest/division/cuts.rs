//! Where a range of days may be cut: between partitions, and within one between sessions. Pure.

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::ledger::Ledger;
use shared::dataset::partition::Partition;
use shared::market::session::{session, sessions};
use shared::market::trading_day::TradingDay;

/// Does all of `days` belong to one partition?
pub fn is_single(kind: Kind, days: DateRange) -> bool {
    Partition::of(kind, days.from()) == Partition::of(kind, days.to())
}

/// Can nothing smaller be asked for? So it is of one day.
pub fn stands_alone(kind: Kind, days: DateRange) -> bool {
    halves_of(kind, days).is_none()
}

/// Days from the end of the one to the beginning of the other.
pub fn days_between(one: DateRange, other: DateRange) -> i64 {
    let (older, newer) = if one.from() < other.from() { (one, other) } else { (other, one) };
    i64::from(DateRange::new(older.to(), newer.from()).map_or(0, DateRange::days))
}

/// The first partition, if something comes behind it, and what does.
pub fn split_off_first(kind: Kind, days: DateRange) -> Option<(DateRange, DateRange)> {
    let first = Partition::of(kind, days.from()).span().intersection(days)?;
    Some((first, DateRange::new(first.to().next(), days.to())?))
}

/// The first session of `days`.
pub fn first_session(days: DateRange) -> Option<DateRange> {
    sessions(days.from(), days.to()).next().map(|(day, _)| day.into())
}

/// The last session of `days`.
pub fn last_session(days: DateRange) -> Option<DateRange> {
    let back =
        std::iter::successors(Some(days.to()), |day| (*day > days.from()).then(|| day.previous()));
    back.into_iter().find(|day| session(*day).is_some()).map(Into::into)
}

/// Of the sessions of `days` beside those `asked` for, the one that is farthest from these.
pub fn session_far_from(days: DateRange, asked: &[DateRange]) -> Option<DateRange> {
    let all = sessions(days.from(), days.to()).map(|(day, _)| -> DateRange { day.into() });
    all.filter(|session| !asked.contains(session))
        .max_by_key(|session| least_distance(*session, asked))
}

/// Days from `days` to the nearest of `others`.
pub fn least_distance(days: DateRange, others: &[DateRange]) -> Option<i64> {
    others.iter().map(|other| days_between(*other, days)).min()
}

/// The newest session beside those `wanted` of which `ledger` has rows, else for which it has an
/// answer: the source has served it before.
pub fn session_in_place(ledger: &Ledger, wanted: &Coverage) -> Option<DateRange> {
    let newest = |days: Coverage| {
        days.minus(wanted).ranges().iter().filter_map(|days| last_session(*days)).max()
    };
    let proven = ledger.entries().filter(|entry| entry.file.is_some());
    proven.filter_map(|entry| newest(entry.data_days())).max().or_else(|| newest(ledger.answered()))
}

/// What is left of `days` on both sides of `taken`.
pub fn around(days: DateRange, taken: DateRange) -> Vec<DateRange> {
    Coverage::from(days).minus(&taken.into()).ranges().to_vec()
}

/// The older and the newer half; `None` for a single day.
pub fn halves(range: DateRange) -> Option<(DateRange, DateRange)> {
    let middle = range.from().plus_days(i32::try_from(range.days() / 2).unwrap_or(i32::MAX));
    cut_before(range, middle)
}

/// The older and the newer half of the partitions; of a single one the halves of its sessions;
/// `None` where nothing smaller can be asked for.
pub fn halves_of(kind: Kind, range: DateRange) -> Option<(DateRange, DateRange)> {
    halves_of_partitions(kind, range).or_else(|| halves_of_sessions(range))
}

/// The older and the newer half of the partitions; `None` for a single one.
pub fn halves_of_partitions(kind: Kind, range: DateRange) -> Option<(DateRange, DateRange)> {
    let partitions = Partition::within(kind, range).count();
    let middle = Partition::within(kind, range).nth(partitions / 2)?;
    cut_before(range, middle.span().from())
}

/// The older and the newer half of the sessions. One session is cut from the days beside it.
fn halves_of_sessions(range: DateRange) -> Option<(DateRange, DateRange)> {
    let days: Vec<TradingDay> = sessions(range.from(), range.to()).map(|(day, _)| day).collect();
    match days.as_slice() {
        [] => halves(range),
        [only] => cut_before(range, *only).or_else(|| cut_before(range, only.next())),
        several => cut_before(range, several[several.len() / 2]),
    }
}

fn cut_before(range: DateRange, day: TradingDay) -> Option<(DateRange, DateRange)> {
    let older = DateRange::new(range.from(), day.previous()).filter(|older| older.to() < day)?;
    Some((older, DateRange::new(day, range.to())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spelled::days;
    use shared::dataset::answers::{Asking, Said};
    use shared::dataset::entry::{Entry, FileProof};
    use shared::dataset::writer::Fingerprint;

    #[test]
    fn halving_ends_at_a_single_day_and_loses_none() {
        let day = |number| TradingDay::MIN.plus_days(number);
        let range = |from, to| DateRange::new(day(from), day(to)).expect("in order");
        assert_eq!(halves(range(0, 0)), None);
        assert_eq!(halves(range(0, 1)), Some((range(0, 0), range(1, 1))));
        assert_eq!(halves(range(3, 9)), Some((range(3, 5), range(6, 9))));
    }

    #[test]
    fn a_month_is_cut_between_sessions_and_then_between_days() {
        let of = |from, to| halves_of(Kind::Minute, days(from, to));
        // 20 sessions, of which the 11th is Friday the 15th.
        assert_eq!(
            of("2024-03-01", "2024-03-31"),
            Some((days("2024-03-01", "2024-03-14"), days("2024-03-15", "2024-03-31")))
        );
        assert_eq!(
            of("2024-03-14", "2024-03-17"),
            Some((days("2024-03-14", "2024-03-14"), days("2024-03-15", "2024-03-17")))
        );
        assert_eq!(
            of("2024-03-15", "2024-03-17"),
            Some((days("2024-03-15", "2024-03-15"), days("2024-03-16", "2024-03-17")))
        );
        assert_eq!(
            of("2024-03-16", "2024-03-18"),
            Some((days("2024-03-16", "2024-03-17"), days("2024-03-18", "2024-03-18")))
        );
        assert_eq!(of("2024-03-18", "2024-03-18"), None);
        assert_eq!(
            of("2024-03-16", "2024-03-17"),
            Some((days("2024-03-16", "2024-03-16"), days("2024-03-17", "2024-03-17")))
        );
        assert_eq!(halves_of(Kind::Trades, days("2024-03-18", "2024-03-18")), None);
    }

    #[test]
    fn the_newest_session_with_rows_is_in_place_else_the_newest_that_was_answered() {
        let ticker = "T".parse().expect("a ticker");
        let (january, february) =
            (days("2024-01-02", "2024-01-31"), days("2024-02-01", "2024-02-29"));
        let line = |month: DateRange, said| {
            let mut entry = Entry::new(&ticker, Partition::of(Kind::Minute, month.from()));
            let fingerprint = Fingerprint { bytes: 1, sha256: String::new() };
            entry.file = (said == Said::Data).then(|| FileProof::new(1, 1, 1, fingerprint));
            entry.answer(
                &month.into(),
                said,
                Asking { at: jiff::Timestamp::UNIX_EPOCH, run: None },
                0,
            );
            entry
        };
        let empty = line(february, Said::Empty { asks: 1 });
        let nothing = Ledger::of_lines(vec![empty.clone()], |_| None);
        assert_eq!(
            session_in_place(&nothing, &Coverage::empty()),
            Some(days("2024-02-29", "2024-02-29"))
        );
        let ledger = Ledger::of_lines(vec![line(january, Said::Data), empty], |_| None);
        let in_place = |wanted: &Coverage| session_in_place(&ledger, wanted);
        assert_eq!(in_place(&Coverage::empty()), Some(days("2024-01-31", "2024-01-31")));
        assert_eq!(
            in_place(&days("2024-01-27", "2024-01-31").into()),
            Some(days("2024-01-26", "2024-01-26"))
        );
        assert_eq!(in_place(&days("2024-01-01", "2024-03-01").into()), None);
    }

    #[test]
    fn the_last_session_is_found_behind_holidays() {
        assert_eq!(
            last_session(days("2024-03-25", "2024-03-31")),
            Some(days("2024-03-28", "2024-03-28"))
        );
        assert_eq!(
            first_session(days("2024-03-29", "2024-04-03")),
            Some(days("2024-04-01", "2024-04-01"))
        );
        assert_eq!(last_session(days("2024-03-29", "2024-03-31")), None);
    }
}

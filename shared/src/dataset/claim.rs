//! Claims: whose the days of a ticker are while they are written.
//!
//! Two workers may write one ticker at the same time if each has other partitions. A claim is a lock on the ledger, on
//! one number a day; it ends with the open file, whoever dies.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use super::coverage::DateRange;
use super::kind::Kind;
use super::partition::Partition;
use crate::disk::byte_range::{self, Hold};
use crate::disk::lock;
use crate::disk::publish::DiskError;
use crate::disk::shared_lines::{self, Holding};
use crate::market::trading_day::TradingDay;

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// These days are the claimer's, whole partitions, until the file is closed.
    Granted(DateRange),
    /// Somebody else has these, some of which were asked for.
    Taken(DateRange),
    /// Somebody has the whole ticker: a version of this program that knew no claims.
    AllTaken,
}

/// Claims `days`, and the other days of their partitions with them, on the open ledger at `path`.
pub fn take(ledger: &File, path: &Path, kind: Kind, days: DateRange) -> Result<Claim, DiskError> {
    if !lock::try_shared(ledger, path)? {
        return Ok(Claim::AllTaken);
    }
    let whole = Partition::whole(kind, days);
    Ok(match byte_range::try_hold(ledger, path, numbers(whole), Hold::Alone)? {
        None => Claim::Granted(whole),
        Some(theirs) => Claim::Taken(days_of(&theirs)),
    })
}

/// What a claim of `days` holds of a ledger, and what all claims together would.
pub fn holding(days: DateRange) -> Holding {
    let all = DateRange::new(TradingDay::MIN, TradingDay::MAX).expect("in order");
    Holding { own: numbers(days), all: numbers(all) }
}

/// The days from 1970 on, one number each, behind what the log itself is locked by.
fn numbers(days: DateRange) -> Range<u32> {
    let first =
        u32::try_from(TradingDay::MIN.days_until(days.from())).expect("no day is before the first one");
    let from = shared_lines::FIRST_FREE + first;
    from..from + days.days()
}

fn days_of(numbers: &Range<u32>) -> DateRange {
    let day = |number: u32| {
        let days = number.saturating_sub(shared_lines::FIRST_FREE);
        TradingDay::MIN.plus_days(i32::try_from(days).unwrap_or(i32::MAX))
    };
    let from = day(numbers.start);
    DateRange::new(from, day(numbers.end.saturating_sub(1)).max(from)).expect("in order")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(from: &str, to: &str) -> DateRange {
        DateRange::new(from.parse().expect(from), to.parse().expect(to)).expect("in order")
    }

    struct Place(tempfile::TempDir);

    impl Place {
        fn claim(&self, kind: Kind, days: DateRange) -> (File, Claim) {
            let path = self.0.path().join("ledger");
            let file = std::fs::OpenOptions::new().create(true).append(true).read(true).open(&path);
            let file = file.expect("opened");
            let claim = take(&file, &path, kind, days).expect("locks work here");
            (file, claim)
        }
    }

    #[test]
    fn a_lock_of_the_whole_file_is_a_claim_of_all_days() {
        // Any reader may take one, and over NFS a `flock` is one.
        let place = Place(tempfile::tempdir().expect("a folder"));
        let path = place.0.path().join("ledger");
        std::fs::write(&path, "").expect("written");
        let reader = File::open(&path).expect("opened");
        let everything = nix::libc::flock {
            l_type: i16::try_from(nix::libc::F_RDLCK).expect("0"),
            l_whence: i16::try_from(nix::libc::SEEK_SET).expect("0"),
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        nix::fcntl::fcntl(&reader, nix::fcntl::FcntlArg::F_OFD_SETLK(&everything)).expect("locked");
        let (_file, claim) = place.claim(Kind::Minute, range("2024-03-11", "2024-03-12"));
        let all = DateRange::new(TradingDay::MIN, TradingDay::MAX).expect("in order");
        assert_eq!(claim, Claim::Taken(all));
    }

    #[test]
    fn whole_partitions_are_claimed_and_an_overlap_is_named() {
        let place = Place(tempfile::tempdir().expect("a folder"));
        let march = range("2024-03-01", "2024-03-31");
        let (first, claim) = place.claim(Kind::Minute, range("2024-03-11", "2024-03-12"));
        assert_eq!(claim, Claim::Granted(march));
        let (_second, claim) = place.claim(Kind::Minute, range("2024-04-01", "2024-06-01"));
        assert_eq!(claim, Claim::Granted(range("2024-04-01", "2024-06-30")), "its neighbour is free");
        let (_third, claim) = place.claim(Kind::Minute, range("2020-01-01", "2024-03-01"));
        assert_eq!(claim, Claim::Taken(march));
        drop(first);
        let (_third, claim) = place.claim(Kind::Minute, range("2020-01-01", "2024-03-01"));
        assert_eq!(claim, Claim::Granted(range("2020-01-01", "2024-03-31")));
        let (_all, claim) = place.claim(Kind::Daily, range("1970-01-01", "2199-12-31"));
        assert!(matches!(claim, Claim::Taken(_)), "{claim:?}");
    }

    #[test]
    fn who_locks_the_whole_ticker_and_who_claims_days_exclude_each_other() {
        let place = Place(tempfile::tempdir().expect("a folder"));
        let path = place.0.path().join("ledger");
        let old = File::create(&path).expect("made");
        assert!(lock::try_exclusive(&old, &path).expect("locked"));
        let day = range("2024-03-11", "2024-03-11");
        assert_eq!(place.claim(Kind::Trades, day).1, Claim::AllTaken);
        drop(old);
        let (_held, claim) = place.claim(Kind::Trades, day);
        assert_eq!(claim, Claim::Granted(day));
        let old = File::open(&path).expect("opened");
        assert!(!lock::try_exclusive(&old, &path).expect("looked"));
    }

    proptest! {
        #[test]
        fn numbers_mean_the_days_that_they_came_from(from in 0..84_000_i32, length in 0..3_000_i32) {
            let days = DateRange::new(TradingDay::MIN.plus_days(from), TradingDay::MIN.plus_days(from + length))
                .expect("in order");
            prop_assert_eq!(days_of(&numbers(days)), days);
        }
    }
}

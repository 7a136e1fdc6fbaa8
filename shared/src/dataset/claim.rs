//! Claims: which worker may write which days of a ticker.
//!
//! Two workers may write one ticker at the same time if they share no partition. A claim locks the
//! ledger's lock file, one number a day; it ends when the file is closed, even by death.

use std::ops::Range;

use super::coverage::DateRange;
use super::kind::Kind;
use super::partition::Partition;
use crate::disk::holders::Holders;
use crate::disk::log_locks::{FIRST_FREE, Log, LogLocks, Taken};
use crate::disk::publish::DiskError;
use crate::disk::shared_lines::Holding;
use crate::market::trading_day::TradingDay;

/// The result of a claim. While a claim is granted, no other worker or thread is granted any of its
/// days. The kernel ends it with the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The days, extended to whole partitions, belong to the claimer until the files are closed.
    Granted(DateRange),
    /// Another worker has some of them.
    Taken {
        /// The days that it has; `None` for the whole ticker, which a version without claims takes.
        days: Option<DateRange>,
        /// Who it is.
        by: Holders,
    },
}

/// Claims `days`, extended to whole partitions, on an open ledger.
pub fn take(
    locks: &LogLocks,
    ledger: Log<'_>,
    kind: Kind,
    days: DateRange,
) -> Result<Claim, DiskError> {
    let whole = Partition::whole(kind, days);
    Ok(match locks.hold(ledger, &numbers(whole))? {
        None => Claim::Granted(whole),
        Some(Taken { numbers, by }) => Claim::Taken { days: numbers.as_ref().map(days_of), by },
    })
}

/// The numbers that a claim of `days` locks, and those of all claims together.
pub fn holding(days: DateRange) -> Holding {
    Holding { own: numbers(days), all: numbers(all_days()) }
}

/// Every day that there is.
pub fn all_days() -> DateRange {
    DateRange::new(TradingDay::MIN, TradingDay::MAX).expect("in order")
}

/// One number for each day from 1970 on, after the numbers of the log itself.
fn numbers(days: DateRange) -> Range<u32> {
    let first = u32::try_from(TradingDay::MIN.days_until(days.from()))
        .expect("no day is before the first one");
    let from = FIRST_FREE + first;
    from..from + days.days()
}

fn days_of(numbers: &Range<u32>) -> DateRange {
    let day = |number: u32| {
        let days = number.saturating_sub(FIRST_FREE);
        TradingDay::MIN.plus_days(i32::try_from(days).unwrap_or(i32::MAX))
    };
    let from = day(numbers.start);
    DateRange::new(from, day(numbers.end.saturating_sub(1)).max(from)).expect("in order")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::byte_range::{self, Hold};
    use crate::disk::folder::Folder;
    use crate::disk::lock;
    use crate::disk::shared_lines::SharedLog;
    use fs2::FileExt;
    use proptest::prelude::*;
    use std::fs::{File, OpenOptions};
    use std::path::PathBuf;

    fn range(from: &str, to: &str) -> DateRange {
        DateRange::new(from.parse().expect(from), to.parse().expect(to)).expect("in order")
    }

    struct TempTree(tempfile::TempDir);

    impl TempTree {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("_ledger.jsonl")
        }

        fn claim(&self, kind: Kind, days: DateRange) -> (SharedLog<()>, Claim) {
            SharedLog::open(self.0.path(), &self.path(), |locks, log| take(locks, log, kind, days))
                .expect("locks work here")
        }

        /// The ledger, open as who reads and as who writes it opens it.
        fn opened(&self) -> [File; 2] {
            drop(self.claim(Kind::Minute, range("2024-03-11", "2024-03-12")));
            let open = |options: &mut OpenOptions| options.open(self.path()).expect("opened");
            [open(OpenOptions::new().read(true)), open(OpenOptions::new().read(true).append(true))]
        }
    }

    fn days_taken(claim: &Claim) -> Option<DateRange> {
        let Claim::Taken { days, by } = claim else { panic!("{claim:?}") };
        let own = i32::try_from(std::process::id()).expect("a pid");
        assert_eq!(by.pids().collect::<Vec<_>>(), [own], "it is we who have it");
        *days
    }

    fn lock_everything(file: &File, kind: i32) {
        let everything = nix::libc::flock {
            l_type: i16::try_from(kind).expect("0 or 1"),
            l_whence: i16::try_from(nix::libc::SEEK_SET).expect("0"),
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        nix::fcntl::fcntl(file, nix::fcntl::FcntlArg::F_OFD_SETLK(&everything)).expect("locked");
    }

    #[test]
    fn a_lock_of_the_whole_file_by_one_who_only_reads_is_no_claim() {
        // Over NFS a `flock` is such a lock.
        let place = TempTree::new();
        let (march, [reader, _writer]) = (range("2024-03-01", "2024-03-31"), place.opened());
        for lock in [(|file| lock_everything(file, nix::libc::F_RDLCK)) as fn(&File), |file| {
            FileExt::lock_exclusive(file).expect("free");
        }] {
            lock(&reader);
            let (mut log, claim) = place.claim(Kind::Minute, range("2024-03-11", "2024-03-12"));
            assert_eq!(claim, Claim::Granted(march));
            log.catch_up().expect("a turn");
            let (_second, claim) = place.claim(Kind::Minute, range("2024-03-11", "2024-03-12"));
            assert_eq!(days_taken(&claim), Some(march), "among us it is one all the same");
        }
    }

    #[test]
    fn a_lock_of_all_days_by_one_who_may_write_is_a_claim_of_them() {
        let place = TempTree::new();
        let [_reader, writer] = place.opened();
        lock_everything(&writer, nix::libc::F_WRLCK);
        // The turn is locked with it, and waited for: the claim alone is looked at.
        let log = File::options().read(true).append(true).open(place.path()).expect("opened");
        let folder = Folder::open(place.0.path()).expect("opened");
        let locks = LogLocks::open(&folder, &place.path()).expect("opened");
        let log = Log { file: &log, path: &place.path() };
        let claim =
            take(&locks, log, Kind::Minute, range("2024-03-11", "2024-03-12")).expect("looked at");
        assert_eq!(
            days_taken(&claim),
            Some(DateRange::new(TradingDay::MIN, TradingDay::MAX).expect("in order"))
        );
    }

    #[test]
    fn whole_partitions_are_claimed_and_an_overlap_is_named() {
        let place = TempTree::new();
        let march = range("2024-03-01", "2024-03-31");
        let (first, claim) = place.claim(Kind::Minute, range("2024-03-11", "2024-03-12"));
        assert_eq!(claim, Claim::Granted(march));
        let (_second, claim) = place.claim(Kind::Minute, range("2024-04-01", "2024-06-01"));
        assert_eq!(
            claim,
            Claim::Granted(range("2024-04-01", "2024-06-30")),
            "its neighbour is free"
        );
        let (third, claim) = place.claim(Kind::Minute, range("2020-01-01", "2024-03-01"));
        assert_eq!(days_taken(&claim), Some(march));
        drop(first);
        drop(third);
        let (_third, claim) = place.claim(Kind::Minute, range("2020-01-01", "2024-03-01"));
        assert_eq!(claim, Claim::Granted(range("2020-01-01", "2024-03-31")));
        let (_all, claim) = place.claim(Kind::Daily, range("1970-01-01", "2199-12-31"));
        assert!(days_taken(&claim).is_some());
    }

    #[test]
    fn versions_that_lock_the_ledger_itself_and_this_one_exclude_each_other() {
        let place = TempTree::new();
        let [_reader, old] = place.opened();
        let day = range("2024-03-11", "2024-03-11");
        assert!(lock::try_exclusive(&old, &place.path()).expect("locked"));
        assert_eq!(days_taken(&place.claim(Kind::Trades, day).1), None, "all of it");
        drop(old);
        let [_reader, old] = place.opened();
        let hold = |days| byte_range::try_hold(&old, &place.path(), numbers(days), Hold::Alone);
        assert_eq!(hold(range("2024-03-01", "2024-03-31")).expect("locked"), None);
        assert_eq!(
            days_taken(&place.claim(Kind::Trades, day).1),
            Some(range("2024-03-01", "2024-03-31"))
        );
        let next = range("2024-04-02", "2024-04-02");
        let (_held, claim) = place.claim(Kind::Trades, next);
        assert_eq!(claim, Claim::Granted(next));
        assert_eq!(hold(range("2024-04-01", "2024-04-30")).expect("looked"), Some(numbers(next)));
        assert!(!lock::try_exclusive(&old, &place.path()).expect("looked"));
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

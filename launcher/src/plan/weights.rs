//! Weights: how much work a ticker is likely to be. The ticker's own ledger knows best; for tickers
//! without a ledger, a second source may know the size. Pure; reading that source is not done here.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use shared::market::ticker::Ticker;

/// The weight of a ticker, of a part of one, or of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// It may be an elephant.
    #[default]
    Unknown,
    /// Rows estimated from the sizes of a second source: good enough to sort by, not to cut by.
    Guessed(u64),
    /// Rows by ledgers of the same kind of data.
    Known(u64),
}

impl Weight {
    /// Rows, from either source.
    pub fn rows(self) -> Option<u64> {
        match self {
            Self::Unknown => None,
            Self::Guessed(rows) | Self::Known(rows) => Some(rows),
        }
    }

    pub fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

/// Likely rows of a ticker, by its own ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnRows {
    /// On the days that are missing.
    pub missing: u64,
    /// On all days of the run.
    pub in_all: u64,
}

/// What the sizes of a second source mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// Rows of this kind of data on the days of the run: as good as the ticker's own ledger.
    Rows,
    /// A number that grows with the rows.
    #[default]
    Whatever,
}

/// Ticker sizes from a second source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sizes {
    /// How to read it.
    pub unit: Unit,
    /// Finite and not negative.
    pub of: HashMap<Ticker, f64>,
    /// Its name for people; empty without a source.
    pub source: String,
}

/// How many tickers were weighed by which source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    /// By their own ledgers.
    pub own: u64,
    /// By the second source.
    pub second: u64,
    /// By nothing.
    pub unknown: u64,
}

/// The most rows of an estimate, so that sums do not overflow.
const GUESS_MAX: f64 = 1e12;
/// The rows of a middling ticker when no ledger knows any; large beside the cost of a request.
const MIDDLING_ROWS: f64 = 100_000.0;

/// Weighs tickers that have work left, in their order. The rows of those in `proven` are known.
pub fn weigh(
    tickers: &[(Ticker, Option<OwnRows>)],
    proven: &[(Ticker, u64)],
    sizes: &Sizes,
) -> (Vec<Weight>, Account) {
    let own = tickers.iter().filter_map(|(ticker, own)| Some((ticker, own.as_ref()?.in_all)));
    let seen: Vec<_> = own.chain(proven.iter().map(|(ticker, rows)| (ticker, *rows))).collect();
    let asked: Vec<f64> =
        tickers.iter().filter_map(|(ticker, _)| sizes.of.get(ticker).copied()).collect();
    let scale = match sizes.unit {
        Unit::Rows => 1.0,
        Unit::Whatever => rows_for_a_size(&seen, &asked, sizes),
    };
    let mut account = Account::default();
    let weight = |(ticker, own): &(Ticker, Option<OwnRows>)| match (own, sizes.of.get(ticker)) {
        (Some(own), _) => {
            account.own += 1;
            Weight::Known(own.missing)
        }
        (None, Some(size)) => {
            account.second += 1;
            match sizes.unit {
                Unit::Rows => Weight::Known(whole(*size)),
                Unit::Whatever => Weight::Guessed(whole(size * scale)),
            }
        }
        (None, None) => {
            account.unknown += 1;
            Weight::Unknown
        }
    };
    (tickers.iter().map(weight).collect(), account)
}

/// Rows for a size, by the tickers with both; without any, the middling size stands for middling
/// rows.
fn rows_for_a_size(seen: &[(&Ticker, u64)], asked: &[f64], sizes: &Sizes) -> f64 {
    let seen = || seen.iter().filter(|(_, rows)| *rows > 0);
    let ratio = |(ticker, rows): &(&Ticker, u64)| {
        let size = sizes.of.get(*ticker).filter(|size| **size > 0.0)?;
        Some(*rows as f64 / size)
    };
    let by_ratio = || median(seen().filter_map(ratio));
    let by_middle = || {
        let rows = median(seen().map(|(_, rows)| *rows as f64)).unwrap_or(MIDDLING_ROWS);
        Some(rows / median(asked.iter().copied().filter(|size| *size > 0.0))?)
    };
    by_ratio().or_else(by_middle).unwrap_or(1.0)
}

fn median(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within the bounds just set"
)]
fn whole(rows: f64) -> u64 {
    // Not `min`: a NaN becomes 0.
    rows.clamp(0.0, GUESS_MAX) as u64
}

#[cfg(test)]
mod tests {
    use super::Weight::{Guessed, Known, Unknown};
    use super::*;
    use proptest::prelude::*;

    fn ticker(number: usize) -> Ticker {
        format!("T{number}").parse().expect("a ticker")
    }

    fn sizes(unit: Unit, of: &[(usize, f64)]) -> Sizes {
        let of = of.iter().map(|(number, size)| (ticker(*number), *size)).collect();
        Sizes { unit, of, source: "small.csv".to_owned() }
    }

    /// T0, T1, …, of which these rows are expected on half of the days.
    fn tickers(own: &[Option<u64>]) -> Vec<(Ticker, Option<OwnRows>)> {
        let half = |rows: &u64| OwnRows { missing: *rows, in_all: 2 * rows };
        let line =
            |(number, rows): (usize, &Option<u64>)| (ticker(number), rows.as_ref().map(half));
        own.iter().enumerate().map(line).collect()
    }

    #[test]
    fn sizes_become_rows_by_those_of_whom_both_are_known() {
        let market_cap = sizes(Unit::Whatever, &[(0, 2e9), (1, 1e9), (2, 4e9), (3, 0.0), (9, 1e6)]);
        let (weights, account) =
            weigh(&tickers(&[Some(1_000), None, None, None, None]), &[], &market_cap);
        assert_eq!(weights, [Known(1_000), Guessed(1_000), Guessed(4_000), Guessed(0), Unknown]);
        assert_eq!(account, Account { own: 1, second: 3, unknown: 1 });
        let (weights, _) = weigh(&tickers(&[None, None]), &[(ticker(9), 50)], &market_cap);
        assert_eq!(weights, [Guessed(100_000), Guessed(50_000)], "also by one that is proven");
    }

    #[test]
    fn where_nobody_is_known_both_ways_the_middling_are_alike() {
        let shares = sizes(Unit::Whatever, &[(0, 0.1), (1, 0.2), (2, 0.4)]);
        let (weights, _) = weigh(&tickers(&[None, None, None]), &[], &shares);
        assert_eq!(weights, [50_000, 100_000, 200_000].map(Guessed));
        let (weights, _) = weigh(&tickers(&[None, None, None]), &[(ticker(7), 400)], &shares);
        assert_eq!(weights, [200, 400, 800].map(Guessed));
    }

    #[test]
    fn rows_of_another_tree_of_the_same_kind_are_known_and_the_own_ledger_goes_before() {
        let rows = sizes(Unit::Rows, &[(0, 7.0), (1, 8.0)]);
        let (weights, _) = weigh(&tickers(&[Some(100), None]), &[], &rows);
        assert_eq!(weights, [100, 8].map(Known));
    }

    #[test]
    fn absurd_sizes_do_no_harm() {
        let absurd = sizes(Unit::Whatever, &[(0, f64::MAX), (1, f64::MIN_POSITIVE), (2, 0.0)]);
        let (weights, _) = weigh(&tickers(&[None; 3]), &[(ticker(1), u64::MAX)], &absurd);
        assert_eq!(weights, [1_000_000_000_000, 1_000_000_000_000, 0].map(Guessed));
    }

    proptest! {
        #[test]
        fn whoever_is_larger_weighs_more_and_everybody_is_weighed_once(
            size in proptest::collection::vec(proptest::option::of(0.0..1e15_f64), 1..50),
            proven in proptest::collection::vec((0..60_usize, any::<u64>()), 0..9),
        ) {
            let of: Vec<_> =
                size.iter().enumerate().filter_map(|(number, size)| Some((number, (*size)?))).collect();
            let proven: Vec<_> = proven.iter().map(|(number, rows)| (ticker(*number), *rows)).collect();
            let all = tickers(&vec![None; size.len()]);
            let (weights, account) = weigh(&all, &proven, &sizes(Unit::Whatever, &of));
            prop_assert_eq!(weights.len(), size.len());
            prop_assert_eq!(account.own + account.second + account.unknown, size.len() as u64);
            for (a, b) in (0..size.len()).zip(1..size.len()) {
                let (known, rows) = ((size[a], size[b]), (weights[a].rows(), weights[b].rows()));
                prop_assert_eq!((known.0.is_none(), known.1.is_none()), (rows.0.is_none(), rows.1.is_none()));
                if let ((Some(small), Some(large)), (Some(light), Some(heavy))) = (known, rows) {
                    prop_assert!(small > large || light <= heavy);
                    prop_assert!(small < large || light >= heavy);
                }
            }
        }
    }
}

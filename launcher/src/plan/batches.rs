//! Batches: cuts the tickers of a run into pieces for one worker each. [`part`](super::part) cuts a
//! single ticker by date.

use std::cmp::Reverse;
use std::num::NonZeroU32;

use shared::market::ticker::Ticker;
use shared::run::via::Via;

use super::part::Part;
use super::settings::Batching;
use super::weights::Weight;

/// Tickers in a batch by default.
pub const DEFAULT_SIZE: NonZeroU32 = NonZeroU32::new(25).expect("not zero");

/// Is it cheaper to fetch the daily bars of `tickers` by the session? Then all belong in one batch:
/// a session of the whole market costs the same for one ticker as for all.
pub fn come_by_session(via: Via, sessions: usize, tickers: usize) -> bool {
    match via {
        Via::Ticker => false,
        Via::Grouped => true,
        Via::Auto => sessions < tickers,
    }
}

/// A ticker, or a part of one, and its likely weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighed {
    pub ticker: Ticker,
    /// Which days of it.
    pub part: Part,
    /// Their likely weight.
    pub weight: Weight,
}

/// The load of one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// At least one.
    pub tickers: Vec<Ticker>,
    /// Which days; fewer than all only for a single ticker.
    pub part: Part,
    /// Their total weight, including the cost of requests; unknown ones count as the mean of the
    /// others.
    pub weight: Weight,
}

/// Fewer rows are not worth a worker and a request of their own: four full pages.
pub const PART_ROWS_MIN: u64 = 200_000;

/// The most that one worker should carry, so that all workers end at about the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FairShare {
    /// Half of what each worker would have to do.
    most: u64,
}

impl FairShare {
    /// The share of `tickers` on `slots` workers; `None` where there is nothing to share.
    pub fn of(tickers: &[Weighed], slots: NonZeroU32) -> Option<Self> {
        // As in the order of tickers: unknown ones count as the heaviest.
        let heaviest = heaviest(tickers)?;
        let total: u64 = tickers.iter().map(|weighed| weighed.cost(heaviest)).sum();
        (slots > NonZeroU32::MIN).then_some(Self { most: total / u64::from(slots.get()) / 2 })
    }

    /// How many parts a ticker of so many rows should be split into; 1 for most. A part is half as
    /// heavy as the largest ticker that is not split, so the last parts end soon.
    pub fn parts(self, rows: u64) -> u64 {
        if rows <= self.most {
            return 1;
        }
        rows.div_ceil((self.most / 2).max(PART_ROWS_MIN)).min(rows / PART_ROWS_MIN).max(1)
    }
}

/// Cuts `tickers` into batches. Each ticker is in exactly one batch, no batch is empty, and a part
/// is alone in its batch.
///
/// Without any sizes tickers stay in their order. Else the heaviest come first and batches get
/// lighter towards the end, so that all `slots` workers end at about the same time: what starts
/// late is short.
pub fn split(tickers: Vec<Weighed>, batching: Batching, slots: NonZeroU32) -> Vec<Load> {
    let is_known =
        tickers.iter().any(|weighed| !weighed.weight.is_unknown() || !weighed.part.is_whole());
    let mean = mean(&tickers);
    let cut = match (batching, is_known) {
        (Batching::Size(size), false) => {
            in_order(&tickers, usize::try_from(size.get()).unwrap_or(usize::MAX))
        }
        (Batching::Size(size), true) => by_weight(
            heaviest_first(tickers),
            usize::try_from(size.get()).unwrap_or(usize::MAX),
            slots,
        ),
        (Batching::Shards(shards), false) => into_shards(&tickers, shards),
        (Batching::Shards(shards), true) => balanced(heaviest_first(tickers), shards),
    };
    cut.into_iter().map(|batch| load(batch, mean)).collect()
}

fn load(batch: Vec<Weighed>, mean: Option<u64>) -> Load {
    let part = batch.first().map_or(Part::WHOLE, |weighed| weighed.part);
    let is_known = batch.iter().all(|weighed| matches!(weighed.weight, Weight::Known(_)));
    let weight = mean.map_or(Weight::Unknown, |mean| {
        let together = batch.iter().map(|weighed| weighed.cost(mean)).sum();
        if is_known { Weight::Known(together) } else { Weight::Guessed(together) }
    });
    Load { tickers: batch.into_iter().map(|weighed| weighed.ticker).collect(), part, weight }
}

fn heaviest(tickers: &[Weighed]) -> Option<u64> {
    tickers.iter().filter_map(|weighed| weighed.weight.rows()).max()
}

fn mean(tickers: &[Weighed]) -> Option<u64> {
    let known = || tickers.iter().filter_map(|weighed| weighed.weight.rows());
    known().fold(0, u64::saturating_add).checked_div(known().count() as u64)
}

fn in_order(tickers: &[Weighed], size: usize) -> Vec<Vec<Weighed>> {
    tickers.chunks(size).map(<[Weighed]>::to_vec).collect()
}

fn into_shards(tickers: &[Weighed], shards: NonZeroU32) -> Vec<Vec<Weighed>> {
    let shards = count_of(shards, tickers);
    let cut = |shard: usize| shard * tickers.len() / shards;
    (0..shards).map(|shard| tickers[cut(shard)..cut(shard + 1)].to_vec()).collect()
}

fn count_of<T>(shards: NonZeroU32, tickers: &[T]) -> usize {
    usize::try_from(shards.get()).unwrap_or(usize::MAX).min(tickers.len())
}

/// Rows that take as long as one empty request.
const REQUEST_ROWS: u64 = 1_000;

/// The largest weight of a ticker, whatever a file says, so that sums do not overflow.
const COST_MAX: u64 = 1 << 40;

impl Weighed {
    /// A ticker with all its days.
    pub fn of(ticker: Ticker, weight: Weight) -> Self {
        Self { ticker, part: Part::WHOLE, weight }
    }

    /// In rows, requests included; `unknown` where nobody knows.
    fn cost(&self, unknown: u64) -> u64 {
        self.weight.rows().unwrap_or(unknown).min(COST_MAX) + REQUEST_ROWS
    }
}

/// Tickers with their cost, heaviest first; unknown ones count as the heaviest known. Equal ones
/// keep their order.
fn heaviest_first(tickers: Vec<Weighed>) -> Vec<(u64, Weighed)> {
    let heaviest = heaviest(&tickers).unwrap_or(0);
    let mut tickers: Vec<_> =
        tickers.into_iter().map(|weighed| (weighed.cost(heaviest), weighed)).collect();
    tickers.sort_by_key(|(cost, _)| Reverse(*cost));
    tickers
}

/// No batch is heavier than one of middling tickers, nor than half of what each worker has left to
/// do. An elephant goes alone, and the last batches are small ("guided self-scheduling",
/// Polychronopoulos and Kuck, 1987).
fn by_weight(tickers: Vec<(u64, Weighed)>, size: usize, slots: NonZeroU32) -> Vec<Vec<Weighed>> {
    let middling =
        tickers.get(tickers.len() / 2).map_or(0, |(cost, _)| *cost).saturating_mul(size as u64);
    let mut left: u64 = tickers.iter().map(|(cost, _)| cost).sum();
    let mut batches: Vec<Vec<Weighed>> = Vec::new();
    let mut room = 0;
    for (cost, weighed) in tickers {
        match batches.last_mut() {
            Some(batch) if batch.len() < size && room >= cost && weighed.part.is_whole() => {
                room -= cost;
                batch.push(weighed);
            }
            _ => {
                let share = left / u64::from(slots.get()) / 2;
                room = if weighed.part.is_whole() {
                    middling.min(share).saturating_sub(cost)
                } else {
                    0
                };
                batches.push(vec![weighed]);
            }
        }
        left -= cost;
    }
    batches
}

/// Each ticker goes to the lightest shard so far.
fn balanced(tickers: Vec<(u64, Weighed)>, shards: NonZeroU32) -> Vec<Vec<Weighed>> {
    let mut cut = vec![(0_u64, Vec::new()); count_of(shards, &tickers)];
    for (cost, weighed) in tickers {
        let lightest = cut
            .iter_mut()
            .min_by_key(|(weight, _)| *weight)
            .expect("as many shards as tickers at most");
        lightest.0 += cost;
        lightest.1.push(weighed);
    }
    cut.into_iter().map(|(_, batch)| batch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: NonZeroU32 = NonZeroU32::MIN;

    fn unknown(number: usize) -> Weighed {
        Weighed::of(format!("T{number}").parse().expect("a ticker"), Weight::Unknown)
    }

    fn known(rows: &[u64]) -> Vec<Weighed> {
        let weighed = |(number, rows): (usize, &u64)| Weighed {
            weight: Weight::Known(*rows),
            ..unknown(number)
        };
        rows.iter().enumerate().map(weighed).collect()
    }

    fn spelled(batches: &[Load]) -> Vec<String> {
        let line = |load: &Load| {
            let names = load.tickers.iter().map(Ticker::as_str).collect::<Vec<_>>().join(" ");
            if load.part.is_whole() { names } else { format!("{names} {}", load.part) }
        };
        batches.iter().map(line).collect()
    }

    #[test]
    fn parts_go_alone_and_among_the_others_by_their_weight() {
        let mut tickers = known(&[10_000, 10_000, 400_000, 250_000, 10_000]);
        for (part, weighed) in ["..2024-05-31", "2024-06-01.."].iter().zip(&mut tickers[2..]) {
            weighed.part = part.parse().expect("a part");
            weighed.ticker = "MAMTH".parse().expect("a ticker");
        }
        let size = Batching::Size(NonZeroU32::new(3).expect("3"));
        assert_eq!(
            spelled(&split(tickers, size, ONE)),
            ["MAMTH ..2024-05-31", "MAMTH 2024-06-01..", "T0", "T1", "T4"]
        );
    }

    #[test]
    fn only_what_is_heavier_than_a_fair_share_is_split_and_never_into_crumbs() {
        let parts = |rows: &[u64], slots: u32| {
            let fair =
                FairShare::of(&known(rows), slots.try_into().expect("not zero")).expect("shared");
            rows.iter().map(|rows| fair.parts(*rows)).collect::<Vec<_>>()
        };
        assert_eq!(parts(&[8_000_000], 4), [16], "four for each worker");
        assert_eq!(parts(&[8_000_000, 8_000_000], 4), [8, 8]);
        assert_eq!(parts(&[1_000_000; 40], 4), [1; 40], "each is a small piece of the whole");
        assert_eq!(parts(&[300_000, 1_000, 1_000], 4), [1; 3], "a small run stays as it is");
        assert_eq!(parts(&[900_000, 1_000], 64), [4, 1]);
        let mut some = known(&[8_000_000]);
        assert_eq!(FairShare::of(&some, ONE), None, "nobody to share with");
        some[0].weight = Weight::Unknown;
        assert_eq!(FairShare::of(&some, NonZeroU32::new(4).expect("4")), None, "nothing is known");
        some.extend(known(&[100]));
        let fair = FairShare::of(&some, NonZeroU32::new(4).expect("4")).expect("known");
        assert_eq!(fair.parts(u64::MAX / 2), u64::MAX / 2 / PART_ROWS_MIN);
    }

    #[test]
    fn the_heaviest_come_first_elephants_go_alone_and_the_last_batches_are_small() {
        let mut tickers = known(&[10_000; 14]);
        tickers[1].weight = Weight::Known(900_000);
        let size = Batching::Size(NonZeroU32::new(3).expect("3"));
        assert_eq!(
            spelled(&split(tickers.clone(), size, ONE)),
            ["T1", "T0 T2 T3", "T4 T5 T6", "T7 T8 T9", "T10 T11", "T12", "T13"]
        );
        tickers.push(unknown(14));
        assert_eq!(
            spelled(&split(tickers.clone(), size, ONE))[..2],
            ["T1", "T14"],
            "it may be one too"
        );
        let shards = Batching::Shards(NonZeroU32::new(2).expect("2"));
        assert_eq!(spelled(&split(known(&[1, 2, 3, 4]), shards, ONE)), ["T3 T0", "T2 T1"]);
        assert_eq!(
            spelled(&split(vec![unknown(1), unknown(0)], size, ONE)),
            ["T1 T0"],
            "nothing is known"
        );
    }

    fn weight() -> impl Strategy<Value = Weight> {
        let rows = || 0..1_000_000_u64;
        prop_oneof![
            Just(Weight::Unknown),
            rows().prop_map(Weight::Guessed),
            rows().prop_map(Weight::Known)
        ]
    }

    fn batching() -> impl Strategy<Value = Batching> {
        (any::<bool>(), 1..60_u32).prop_map(|(by_size, number)| {
            let number = NonZeroU32::new(number).expect("from 1");
            if by_size { Batching::Size(number) } else { Batching::Shards(number) }
        })
    }

    #[test]
    fn daily_bars_come_by_the_session_when_asked_to_or_when_that_is_cheaper() {
        assert_eq!(
            [(10, 300), (300, 300)].map(|(s, t)| come_by_session(Via::Auto, s, t)),
            [true, false]
        );
        assert!(come_by_session(Via::Grouped, 300, 10) && !come_by_session(Via::Ticker, 10, 300));
    }

    proptest! {
        #[test]
        fn every_ticker_is_in_exactly_one_batch(
            weights in proptest::collection::vec(weight(), 0..200),
            any_known in any::<bool>(),
            batching in batching(),
            slots in 1..20_u32,
        ) {
            let weighed = |(number, weight): (usize, Weight)| {
                Weighed { weight: if any_known { weight } else { Weight::Unknown }, ..unknown(number) }
            };
            let weighed: Vec<Weighed> = weights.into_iter().enumerate().map(weighed).collect();
            let rows = weighed.iter().filter_map(|weighed| weighed.weight.rows());
            let (total, most) = (rows.clone().sum::<u64>(), rows.max());
            let mut tickers: Vec<Ticker> = weighed.iter().map(|weighed| weighed.ticker.clone()).collect();
            let count = tickers.len();
            let batches = split(weighed, batching, slots.try_into().expect("from 1"));
            let mut cut: Vec<Ticker> = batches.iter().flat_map(|load| load.tickers.clone()).collect();
            if any_known {
                tickers.sort();
                cut.sort();
            }
            prop_assert_eq!(cut, tickers);
            prop_assert!(batches.iter().all(|load| !load.tickers.is_empty()));
            prop_assert!(batches.iter().all(|load| load.weight.is_unknown() == most.is_none()));
            prop_assert!(batches.iter().filter_map(|load| load.weight.rows()).sum::<u64>() >= total);
            let sizes = || batches.iter().map(|load| load.tickers.len());
            match batching {
                Batching::Size(size) => prop_assert!(sizes().all(|len| len <= size.get() as usize)),
                Batching::Shards(shards) => {
                    prop_assert_eq!(batches.len(), count.min(shards.get() as usize));
                    let spread = sizes().max().unwrap_or(0) - sizes().min().unwrap_or(0);
                    prop_assert!(any_known || spread <= 1, "as even as can be");
                }
            }
        }
    }
}

//! Batches: how tickers are cut into pieces that one worker carries.

use shared::market::ticker::Ticker;

use super::settings::Batching;

/// Cuts `tickers` in their order; every ticker is in exactly one batch and no batch is empty.
pub fn split(tickers: &[Ticker], batching: Batching) -> Vec<Vec<Ticker>> {
    match batching {
        Batching::Size(size) => {
            let size = usize::try_from(size.get()).unwrap_or(usize::MAX);
            tickers.chunks(size).map(<[Ticker]>::to_vec).collect()
        }
        Batching::Shards(shards) => {
            let shards = usize::try_from(shards.get()).unwrap_or(usize::MAX).min(tickers.len());
            let cut = |shard: usize| shard * tickers.len() / shards;
            (0..shards).map(|shard| tickers[cut(shard)..cut(shard + 1)].to_vec()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::num::NonZeroU32;

    fn tickers(count: u32) -> Vec<Ticker> {
        (0..count).map(|number| format!("T{number}").parse().expect("a ticker")).collect()
    }

    fn batching() -> impl Strategy<Value = Batching> {
        (any::<bool>(), 1..60_u32).prop_map(|(by_size, number)| {
            let number = NonZeroU32::new(number).expect("from 1");
            if by_size { Batching::Size(number) } else { Batching::Shards(number) }
        })
    }

    proptest! {
        #[test]
        fn every_ticker_is_in_exactly_one_batch(count in 0..200_u32, batching in batching()) {
            let tickers = tickers(count);
            let batches = split(&tickers, batching);
            prop_assert_eq!(batches.concat(), tickers);
            prop_assert!(batches.iter().all(|batch| !batch.is_empty()));
            let sizes = || batches.iter().map(Vec::len);
            match batching {
                Batching::Size(size) => prop_assert!(sizes().all(|len| len <= size.get() as usize)),
                Batching::Shards(shards) => {
                    prop_assert_eq!(batches.len(), (shards.get()).min(count) as usize);
                    let spread = sizes().max().unwrap_or(0) - sizes().min().unwrap_or(0);
                    prop_assert!(spread <= 1, "as even as can be");
                }
            }
        }
    }
}

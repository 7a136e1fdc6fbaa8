//! Batches: how tickers are cut into pieces that one worker carries.

use std::num::NonZeroU32;

use shared::market::ticker::Ticker;
use shared::run::via::Via;

use super::settings::Batching;

/// Tickers in a batch where nothing was said.
pub const DEFAULT_SIZE: NonZeroU32 = NonZeroU32::new(25).expect("not zero");

/// Do daily bars of `tickers` over so many `sessions` come by the session? Then they belong into one batch: a session
/// of the whole market costs the same for one ticker as for all.
pub fn come_by_session(via: Via, sessions: usize, tickers: usize) -> bool {
    match via {
        Via::Ticker => false,
        Via::Grouped => true,
        Via::Auto => sessions < tickers,
    }
}

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

    fn tickers(count: u32) -> Vec<Ticker> {
        (0..count).map(|number| format!("T{number}").parse().expect("a ticker")).collect()
    }

    fn batching() -> impl Strategy<Value = Batching> {
        (any::<bool>(), 1..60_u32).prop_map(|(by_size, number)| {
            let number = NonZeroU32::new(number).expect("from 1");
            if by_size { Batching::Size(number) } else { Batching::Shards(number) }
        })
    }

    #[test]
    fn daily_bars_come_by_the_session_when_asked_to_or_when_that_is_cheaper() {
        assert_eq!([(10, 300), (300, 300)].map(|(s, t)| come_by_session(Via::Auto, s, t)), [true, false]);
        assert!(come_by_session(Via::Grouped, 300, 10) && !come_by_session(Via::Ticker, 10, 300));
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

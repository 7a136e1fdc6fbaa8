//! A few threads over a list of things to do. Where the machine has no more threads to give, fewer do it: the one that
//! asks is always one of them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::stop::Stop;

/// Does `deed` to every item, begun in their order on up to `threads` threads, this one among them, and returns what came
/// of it in the order it came. After a wish to stop nothing new is begun.
pub fn each<T: Send, R: Send>(
    threads: usize,
    items: Vec<T>,
    stop: &Stop,
    deed: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let hands = threads.min(items.len());
    let (items, results) = (Mutex::new(items.into_iter()), Mutex::new(Vec::new()));
    let next = || if stop.is_asked() { None } else { held(&items).next() };
    let work = || {
        while let Some(item) = next() {
            let result = deed(item);
            held(&results).push(result);
        }
    };
    thread::scope(|scope| {
        let others = 1..hands;
        // Who gets no thread makes do with those that there are.
        let _ = others
            .map(|_| thread::Builder::new().spawn_scoped(scope, work))
            .take_while(Result::is_ok)
            .count();
        work();
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_done_once_and_none_after_a_wish_to_stop() {
        let stop = Stop::default();
        let mut squares = each(4, (0..100).collect(), &stop, |number: u32| number * number);
        squares.sort_unstable();
        assert_eq!(squares, (0..100).map(|number| number * number).collect::<Vec<_>>());
        let begun = each(1, vec![1, 2, 3], &stop, |number| {
            if number == 2 {
                stop.ask();
            }
            number
        });
        assert_eq!(begun, [1, 2], "what was begun is ended");
    }
}

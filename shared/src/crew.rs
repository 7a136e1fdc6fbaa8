//! Works through a list on a few threads. Where the machine has no more threads to give, fewer do
//! it; the calling thread is always one of them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// Does `deed` to every item, begun in their order on up to `threads` threads, this one among them,
/// and returns what came of it in the order it came. Once nothing `may_begin` any more, nothing new
/// is begun.
pub fn each<T: Send, R: Send>(
    threads: usize,
    items: Vec<T>,
    may_begin: impl Fn() -> bool + Sync,
    deed: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let hands = threads.min(items.len());
    let (items, results) = (Mutex::new(items.into_iter()), Mutex::new(Vec::new()));
    let next = || if may_begin() { held(&items).next() } else { None };
    let work = || {
        while let Some(item) = next() {
            let result = deed(item);
            held(&results).push(result);
        }
    };
    thread::scope(|scope| {
        let others = 1..hands;
        // Without more threads, those that there are do the work.
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
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn every_item_is_done_once_and_none_is_begun_once_none_may() {
        let mut squares = each(4, (0..100).collect(), || true, |number: u32| number * number);
        squares.sort_unstable();
        assert_eq!(squares, (0..100).map(|number| number * number).collect::<Vec<_>>());
        let may = AtomicBool::new(true);
        let deed = |number| {
            may.store(number < 2, Ordering::SeqCst);
            number
        };
        let begun = each(1, vec![1, 2, 3], || may.load(Ordering::SeqCst), deed);
        assert_eq!(begun, [1, 2], "what was begun is ended");
    }
}

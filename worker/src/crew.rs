//! A crew that heeds the wish to stop; how it works is [`shared::crew`]'s business.

use shared::crew;

use crate::stop::Stop;

/// Does `deed` to every item, begun in their order on up to `threads` threads, this one among them,
/// and returns what came of it in the order it came. After a wish to stop nothing new is begun.
pub fn each<T: Send, R: Send>(
    threads: usize,
    items: Vec<T>,
    stop: &Stop,
    deed: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    crew::each(threads, items, || !stop.is_asked(), deed)
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

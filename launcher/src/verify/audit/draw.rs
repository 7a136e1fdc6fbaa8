//! The draw of an audit: which partitions are asked for again. Pure, and the same for the same seed
//! wherever it is repeated.
//!
//! By rows: rows are drawn one after the other, each with equal chance and none taken out (so a
//! partition may be drawn twice), and the partitions that they stand in are asked for. Auditors of
//! accounts call it monetary-unit sampling. Each draw meets a partition that differs with a
//! probability of exactly the share of all rows that stand in such partitions, which is what makes
//! the [bound](super::bound) exact.
//!
//! By partitions: each with equal chance, whatever its size, and none twice.

use std::collections::BTreeMap;

/// By what chance is weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// A partition of ten times as many rows is ten times as likely.
    #[default]
    Rows,
    /// All partitions are as likely.
    Partitions,
}

/// How often each partition was drawn, by its place in the list, for those that were.
pub type Drawn = BTreeMap<usize, u64>;

/// Draws `draws` times from partitions of so many `rows` each.
pub fn draw(by: By, seed: u64, draws: u64, rows: &[u64]) -> Drawn {
    match by {
        By::Rows => by_rows(seed, draws, rows),
        By::Partitions => by_partitions(seed, draws, rows.len()),
    }
}

fn by_rows(seed: u64, draws: u64, rows: &[u64]) -> Drawn {
    let total = rows.iter().fold(0, |sum: u64, rows| sum.saturating_add(*rows));
    let mut drawn = Drawn::new();
    if total == 0 {
        return drawn;
    }
    let mut dice = Dice::new(seed);
    let mut places: Vec<u64> = (0..draws).map(|_| dice.below(total)).collect();
    places.sort_unstable();
    let (mut at, mut end) = (0, 0_u64);
    for place in places {
        while end <= place {
            end = end.saturating_add(rows[at]);
            at += 1;
        }
        *drawn.entry(at - 1).or_default() += 1;
    }
    drawn
}

/// Floyd's algorithm (Bentley and Floyd, "A sample of brilliance", CACM 30:9, 1987).
fn by_partitions(seed: u64, draws: u64, partitions: usize) -> Drawn {
    let population = partitions as u64;
    let mut dice = Dice::new(seed);
    let mut drawn = Drawn::new();
    for last in population.saturating_sub(draws)..population {
        let place = dice.below(last + 1);
        let index = |place: u64| usize::try_from(place).expect("a place in a list");
        let chosen = if drawn.contains_key(&index(place)) { last } else { place };
        drawn.insert(index(chosen), 1);
    }
    drawn
}

/// Chance that repeats: splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `sides`, all equally likely.
    fn below(&mut self, sides: u64) -> u64 {
        // What would make the first numbers likelier than the last ones is rolled again.
        let fair = u64::MAX - u64::MAX % sides;
        loop {
            let rolled = self.roll();
            if rolled < fair {
                return rolled % sides;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_another_one_draws_others() {
        let rows: Vec<u64> = (1..500).collect();
        for by in [By::Rows, By::Partitions] {
            let [one, again, other] = [7, 7, 8].map(|seed| draw(by, seed, 40, &rows));
            assert_eq!(one, again);
            assert_ne!(one, other);
            assert_eq!(one.values().sum::<u64>(), 40);
        }
        // What a seed draws is a promise: an audit is repeated from its report.
        let drawn = draw(By::Partitions, 1, 5, &rows);
        assert_eq!(drawn.into_keys().collect::<Vec<_>>(), FIRST_OF_SEED_1);
    }

    const FIRST_OF_SEED_1: [usize; 5] = [23, 172, 185, 239, 497];

    #[test]
    fn by_partitions_none_is_drawn_twice_and_more_than_all_is_all() {
        let drawn = draw(By::Partitions, 3, 20, &[1; 20]);
        assert_eq!(drawn.len(), 20);
        assert_eq!(draw(By::Partitions, 3, 50, &[1; 20]), drawn);
        assert_eq!(draw(By::Partitions, 3, 5, &[]), Drawn::new());
    }

    #[test]
    fn by_rows_a_partition_is_drawn_as_often_as_it_has_rows() {
        let rows = [1_000, 0, 3_000, 6_000];
        let drawn = draw(By::Rows, 5, 100_000, &rows);
        let share = |index: usize| drawn.get(&index).copied().unwrap_or(0) as f64 / 100_000.0;
        assert_eq!(drawn.get(&1), None, "what has no row is never drawn");
        // Six standard deviations of the draw.
        for (index, expected) in [(0, 0.1), (2, 0.3), (3, 0.6)] {
            assert!((share(index) - expected).abs() < 0.01, "{index}: {}", share(index));
        }
        assert_eq!(draw(By::Rows, 5, 10, &[0, 0]), Drawn::new());
    }

    #[test]
    fn by_partitions_all_are_equally_likely() {
        let mut hits = [0_u32; 10];
        for seed in 0..20_000 {
            for at in draw(By::Partitions, seed, 3, &[1; 10]).into_keys() {
                hits[at] += 1;
            }
        }
        // 6,000 each; six standard deviations.
        assert!(hits.iter().all(|hits| (5_610..=6_390).contains(hits)), "{hits:?}");
    }
}

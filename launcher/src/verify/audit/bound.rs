//! What a sample proves of the whole: how much may differ at most, with so much confidence. Pure.
//!
//! The bound is the one-sided upper limit of Clopper and Pearson ("The use of confidence or
//! fiducial limits illustrated in the case of the binomial", Biometrika 26, 1934): the largest
//! share with which seeing no more differences than were seen is not unlikelier than 1 − confidence.
//! If no draw of n differs, that is 1 − 0.05^(1/n), about 3/n ("rule of three": Hanley and
//! Lippman-Hand, JAMA 249, 1983). Where partitions are drawn and none comes back, the same limit of
//! the hypergeometric distribution holds, which counts partitions exactly.

/// So sure the sentence is.
pub const CONFIDENCE: f64 = 0.95;

/// Steps of a bisection: more digits a double does not have.
const STEPS: u32 = 60;

/// Of draws that each differ with the same probability `differing` did: at most so great is that
/// probability.
pub fn share_at_most(draws: u64, differing: u64) -> f64 {
    if differing >= draws {
        return 1.0;
    }
    let (mut possible, mut too_great) = (0.0, 1.0);
    for _ in 0..STEPS {
        let middle = f64::midpoint(possible, too_great);
        if binomial(draws, middle, differing) > 1.0 - CONFIDENCE {
            possible = middle;
        } else {
            too_great = middle;
        }
    }
    too_great
}

/// Of a `population` so many were drawn, none twice, and `differing` of them differ: at most so
/// many of all do.
pub fn count_at_most(population: u64, drawn: u64, differing: u64) -> u64 {
    let (mut possible, mut too_many) = (differing.min(population), population + 1);
    while too_many - possible > 1 {
        let middle = possible + (too_many - possible) / 2;
        if hypergeometric(population, middle, drawn, differing) > 1.0 - CONFIDENCE {
            possible = middle;
        } else {
            too_many = middle;
        }
    }
    possible
}

/// The probability that of so many draws, each of which differs with probability `share`, at most
/// `most` do.
fn binomial(draws: u64, share: f64, most: u64) -> f64 {
    let odds = share / (1.0 - share);
    let first = draws as f64 * (-share).ln_1p();
    let grows = |seen: u64| (draws - seen) as f64 / (seen + 1) as f64 * odds;
    sum(first, 0..most.min(draws), grows)
}

/// The probability that of so many drawn from a population in which so many differ at most `most`
/// do.
fn hypergeometric(population: u64, differing: u64, drawn: u64, most: u64) -> f64 {
    let same = population - differing;
    let least = drawn.saturating_sub(same);
    if least > most {
        return 0.0;
    }
    let first =
        ln_ways(differing, least) + ln_ways(same, drawn - least) - ln_ways(population, drawn);
    let grows = |seen: u64| {
        let ways = (differing - seen) as f64 * (drawn - seen) as f64;
        ways / ((seen + 1) as f64 * (same + seen + 1 - drawn) as f64)
    };
    sum(first, least..most.min(differing).min(drawn), grows)
}

/// A sum of probabilities, from the logarithm of the first one: by how much the next one is greater
/// than the one of `seen` is said by `grows`. Logarithms: none of them is too small for a double.
fn sum(first: f64, seen: std::ops::Range<u64>, grows: impl Fn(u64) -> f64) -> f64 {
    let (mut ln_one, mut ln_all) = (first, first);
    for seen in seen {
        ln_one += grows(seen).ln();
        let (greater, less) = (ln_all.max(ln_one), ln_all.min(ln_one));
        ln_all = greater + (less - greater).exp().ln_1p();
    }
    ln_all.exp().min(1.0)
}

/// Logarithm of the number of ways to choose `chosen` of `all`.
fn ln_ways(all: u64, chosen: u64) -> f64 {
    let few = chosen.min(all - chosen);
    (1..=few).map(|at| ((all - few + at) as f64 / at as f64).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::super::draw::{By, draw};
    use super::*;

    #[track_caller]
    fn is_about(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6 * expected.max(1e-3), "{found} is not {expected}");
    }

    #[test]
    fn the_bounds_are_those_of_the_tables() {
        // R: qbeta(0.95, differing + 1, draws - differing).
        is_about(share_at_most(1_000, 0), 0.002_991_249_5);
        is_about(share_at_most(300, 0), 0.009_936_081_9);
        is_about(share_at_most(59, 0), 0.049_507_609_9);
        is_about(share_at_most(1, 0), 0.95);
        is_about(share_at_most(10, 1), 0.394_163_302_4);
        is_about(share_at_most(10, 9), 0.994_883_803_1);
        is_about(share_at_most(10, 10), 1.0);
        is_about(share_at_most(0, 0), 1.0);
        for draws in [59, 300, 1_000, 100_000] {
            is_about(share_at_most(draws, 0), 1.0 - 0.05_f64.powf(1.0 / draws as f64));
        }
    }

    #[test]
    fn of_a_population_every_one_of_which_was_drawn_all_is_known() {
        assert_eq!(count_at_most(100, 100, 0), 0);
        assert_eq!(count_at_most(100, 100, 7), 7);
        assert_eq!(count_at_most(100, 0, 0), 100);
        assert_eq!(count_at_most(0, 0, 0), 0);
        // Half of a hundred, none differs: 4 others hide with 5.9 %, 5 with 2.8 %.
        assert_eq!(count_at_most(100, 50, 0), 4);
        // Of many the drawn are few: the binomial bound.
        let share = count_at_most(10_000_000, 300, 2) as f64 / 10_000_000.0;
        assert!((share - share_at_most(300, 2)).abs() < 1e-5, "{share}");
    }

    #[test]
    fn probabilities_add_up_by_hand() {
        is_about(binomial(10, 0.5, 4), 386.0 / 1024.0);
        is_about(binomial(5_000, 0.5, 5_000), 1.0);
        // Five of twenty differ, four are drawn: at most one of them.
        is_about(hypergeometric(20, 5, 4, 1), (1_365.0 + 5.0 * 455.0) / 4_845.0);
        is_about(hypergeometric(20, 5, 4, 4), 1.0);
        // Two of them at least.
        is_about(hypergeometric(20, 18, 4, 1), 0.0);
    }

    /// Partitions of a market: few large ones, many small ones.
    fn sizes() -> Vec<u64> {
        (0..2_000_u64)
            .map(|at| if at.is_multiple_of(50) { 20_000 } else { 50 + at % 400 })
            .collect()
    }

    /// So often, of `seeds` draws, at least one of the revised was drawn; so often the bound was
    /// right.
    fn frequencies(by: By, draws: u64, revised: impl Fn(usize) -> bool, seeds: u64) -> (f64, f64) {
        let sizes = sizes();
        let of = |index: usize| match by {
            By::Rows => sizes[index],
            By::Partitions => 1,
        };
        let all: u64 = (0..sizes.len()).map(of).sum();
        let differing: u64 = (0..sizes.len()).filter(|at| revised(*at)).map(of).sum();
        let (mut found, mut right) = (0_u64, 0_u64);
        for seed in 0..seeds {
            let drawn = draw(by, seed, draws, &sizes);
            let hits: u64 =
                drawn.iter().filter(|(at, _)| revised(**at)).map(|(_, hits)| hits).sum();
            found += u64::from(hits > 0);
            right += u64::from(match by {
                By::Rows => share_at_most(draws, hits) >= differing as f64 / all as f64,
                By::Partitions => count_at_most(all, draws, hits) >= differing,
            });
        }
        (found as f64 / seeds as f64, right as f64 / seeds as f64)
    }

    #[test]
    fn revisions_in_one_partition_of_a_hundred_are_found_as_often_as_the_arithmetic_promises() {
        // Each of three thousand seeds finds them or not: three standard deviations are 2.7 points.
        let seeds = 3_000;
        let revised = |at: usize| at % 100 == 17;
        for draws in [30, 100, 300] {
            let (found, right) = frequencies(By::Partitions, draws, revised, seeds);
            let promised = 1.0 - hypergeometric(2_000, 20, draws, 0);
            assert!((found - promised).abs() < 0.028, "{draws}: {found} and {promised}");
            assert!(right > 0.95 - 0.012, "{draws}: the bound was right {right}");
        }
        let sizes = sizes();
        let of_revised: u64 = (0..sizes.len()).filter(|at| revised(*at)).map(|at| sizes[at]).sum();
        let share = of_revised as f64 / sizes.iter().sum::<u64>() as f64;
        for draws in [30, 300, 1_000] {
            let (found, right) = frequencies(By::Rows, draws, revised, seeds);
            let promised = 1.0 - (1.0 - share).powf(draws as f64);
            assert!((found - promised).abs() < 0.028, "{draws}: {found} and {promised}");
            assert!(right > 0.95 - 0.012, "{draws}: the bound was right {right}");
        }
    }

    #[test]
    fn what_is_revised_in_the_largest_partitions_is_found_sooner_by_rows() {
        let large = |at: usize| at.is_multiple_of(100);
        let (by_rows, _) = frequencies(By::Rows, 30, large, 300);
        let (by_partitions, _) = frequencies(By::Partitions, 30, large, 300);
        assert!(by_rows > 0.99 && by_partitions < 0.5, "{by_rows} and {by_partitions}");
    }
}

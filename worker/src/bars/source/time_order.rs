//! Time order: stamps never fall, within a file and from one file to the next.

use std::path::Path;

use super::error::SourceError;

/// What to do with a file whose stamps fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsorted {
    /// Report an error.
    Refused,
    /// Sort its rows by timestamp; rows with equal timestamps keep their order.
    Sorted,
}

/// Checks that stamps never fall.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimeOrder {
    last: Option<i64>,
}

impl TimeOrder {
    /// Starts after a trade with this timestamp.
    pub fn after(last: Option<i64>) -> Self {
        Self { last }
    }

    /// Takes the next rows of `path`; the first of them has the number `first_row`.
    pub fn check(
        &mut self,
        path: &Path,
        first_row: u64,
        stamps: &[i64],
    ) -> Result<(), SourceError> {
        let (Some(&first), Some(&last)) = (stamps.first(), stamps.last()) else { return Ok(()) };
        if !surely_rise(stamps) || self.last.is_some_and(|before| before > first) {
            let befores = self.last.or(Some(first)).into_iter().chain(stamps.iter().copied());
            let fell = befores.zip(stamps).enumerate().find(|(_, (before, stamp))| before > stamp);
            if let Some((place, (before, &stamp))) = fell {
                let row = first_row + place as u64;
                return Err(SourceError::Unsorted { path: path.to_owned(), row, stamp, before });
            }
        }
        self.last = Some(last);
        Ok(())
    }
}

/// True only if no timestamp falls; false for some columns before 1970 that do not fall either.
/// Tests the sign of all timestamps and all differences at once; differences of non-negative
/// timestamps can't overflow.
fn surely_rise(stamps: &[i64]) -> bool {
    let first = stamps.first().copied().unwrap_or(0);
    let seen =
        stamps.windows(2).fold(first, |seen, pair| seen | pair[1] | pair[1].wrapping_sub(pair[0]));
    seen >= 0
}

/// The rows in time order; rows with equal timestamps keep their order.
pub fn sorted(stamps: &[i64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..stamps.len()).collect();
    order.sort_by_key(|&row| stamps[row]);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fallen(error: &SourceError) -> (u64, i64, i64) {
        match error {
            SourceError::Unsorted { row, stamp, before, .. } => (*row, *stamp, *before),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_falling_stamp_is_named_with_its_row_wherever_pieces_and_files_are_cut() {
        let path = Path::new("trades.parquet");
        let stamps = [5, 5, 9, 8, 10];
        for cut in 0..stamps.len() {
            let mut time_order = TimeOrder::default();
            let error = time_order
                .check(path, 0, &stamps[..cut])
                .and_then(|()| time_order.check(path, cut as u64, &stamps[cut..]))
                .expect_err("9 falls to 8");
            assert_eq!(fallen(&error), (3, 8, 9), "cut at {cut}");
        }
        let error = TimeOrder::after(Some(6)).check(path, 0, &stamps).expect_err("6 falls to 5");
        assert_eq!(fallen(&error), (0, 5, 6));
        assert!(
            TimeOrder::after(Some(5)).check(path, 0, &[5, 5, 6]).is_ok(),
            "one stamp may have many trades"
        );
        assert!(
            TimeOrder::default().check(path, 0, &[i64::MIN, -3, 4]).is_ok(),
            "nor does one before 1970 fall"
        );
    }
}

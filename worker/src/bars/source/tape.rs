//! The order of the tape: stamps that never fall, within a file and from one file to the next.

use std::path::Path;

use super::error::SourceError;

/// What to do with a file whose stamps fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// It is an error.
    Demanded,
    /// Its rows are sorted by stamp; those of one stamp keep their order.
    Made,
}

/// Watches the stamps go by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tape {
    last: Option<i64>,
}

impl Tape {
    /// Goes on after a trade of this stamp.
    pub fn after(last: Option<i64>) -> Self {
        Self { last }
    }

    /// The next rows of `path`, of which the first has the number `first_row`.
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "without a branch a column is looked at as fast as it is read"
    )]
    pub fn admit(&mut self, path: &Path, first_row: u64, stamps: &[i64]) -> Result<(), SourceError> {
        let (Some(&first), Some(&last)) = (stamps.first(), stamps.last()) else { return Ok(()) };
        let rises = stamps.windows(2).fold(true, |rises, pair| rises & (pair[0] <= pair[1]));
        if rises && self.last.is_none_or(|before| before <= first) {
            self.last = Some(last);
            return Ok(());
        }
        let befores = self.last.or(Some(first)).into_iter().chain(stamps.iter().copied());
        let fell = befores.zip(stamps).enumerate().find(|(_, (before, stamp))| before > stamp);
        let (place, (before, &stamp)) = fell.expect("some stamp fell, as was just seen");
        Err(SourceError::Unsorted { path: path.to_owned(), row: first_row + place as u64, stamp, before })
    }
}

/// The order in which rows with these stamps are in time order; equal stamps keep theirs.
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
            let mut tape = Tape::default();
            let error = tape
                .admit(path, 0, &stamps[..cut])
                .and_then(|()| tape.admit(path, cut as u64, &stamps[cut..]))
                .expect_err("9 falls to 8");
            assert_eq!(fallen(&error), (3, 8, 9), "cut at {cut}");
        }
        let error = Tape::after(Some(6)).admit(path, 0, &stamps).expect_err("6 falls to 5");
        assert_eq!(fallen(&error), (0, 5, 6));
        assert!(Tape::after(Some(5)).admit(path, 0, &[5, 5, 6]).is_ok(), "one stamp may have many prints");
    }
}

//! Remembers the last rows that were read, to recognize them when a page repeats them. Pure.
//!
//! Only rows with the last key can come again: a page may begin with them, and a restart requests
//! the whole key again. A row with another key costs nothing here.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::wire::Record;

/// The rows read last: all of them that share the last key.
#[derive(Debug)]
pub struct Border<R> {
    last: Option<R>,
    /// Each of them once, and how often it was read.
    read: Vec<(R, u32)>,
    /// Where in `read` the rows of one hash are; nearly always one.
    by_hash: HashMap<u64, Vec<usize>>,
    hashing: RandomState,
}

/// Rows of a page that were read before. A row is left out as often as it was read, and no more:
/// twins are no repeats.
#[derive(Debug)]
pub struct Repeats<'a, R> {
    border: &'a Border<R>,
    /// By the place in `read`.
    taken: HashMap<usize, u32>,
}

impl<R> Default for Border<R> {
    fn default() -> Self {
        Self { last: None, read: Vec::new(), by_hash: HashMap::new(), hashing: RandomState::new() }
    }
}

impl<R: Record> Border<R> {
    /// The row read last.
    pub fn last(&self) -> Option<&R> {
        self.last.as_ref()
    }

    /// For the rows of one page.
    pub fn repeats(&self) -> Repeats<'_, R> {
        Repeats { border: self, taken: HashMap::new() }
    }

    /// `rows` were read too.
    pub fn move_to_end_of(&mut self, rows: &[R]) {
        let Some(last) = rows.last() else { return };
        if self.last().is_some_and(|before| before.key() != last.key()) {
            // What many rows took is given back.
            (self.read, self.by_hash) = (Vec::new(), HashMap::new());
        }
        for row in rows.iter().rev().take_while(|row| row.key() == last.key()) {
            if let Some(place) = self.place_of(row) {
                self.read[place].1 += 1;
            } else {
                self.by_hash.entry(self.hash_of(row)).or_default().push(self.read.len());
                self.read.push((row.clone(), 1));
            }
        }
        self.last = Some(last.clone());
    }

    /// Was `row` read, however often?
    pub fn holds(&self, row: &R) -> bool {
        self.place_of(row).is_some()
    }

    fn place_of(&self, row: &R) -> Option<usize> {
        let places = self.by_hash.get(&self.hash_of(row))?;
        places.iter().copied().find(|place| self.read[*place].0 == *row)
    }

    fn hash_of(&self, row: &R) -> u64 {
        self.hashing.hash_one(row)
    }
}

impl<R: Record> Repeats<'_, R> {
    /// Was `row`, the next of the page, read before?
    pub fn take(&mut self, row: &R) -> bool {
        let of_border = self.border.last().is_some_and(|last| last.key() == row.key());
        let Some(place) = of_border.then(|| self.border.place_of(row)).flatten() else {
            return false;
        };
        let taken = self.taken.entry(place).or_default();
        let is_left = *taken < self.border.read[place].1;
        *taken += u32::from(is_left);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::hash::{Hash, Hasher};

    thread_local! {
        static COMPARED: Cell<usize> = const { Cell::new(0) };
        static HASHED: Cell<usize> = const { Cell::new(0) };
    }

    /// A stamp and a sequence number; counts the work that it makes.
    #[derive(Debug, Clone)]
    struct Numbered(i64, u32);

    impl PartialEq for Numbered {
        fn eq(&self, other: &Self) -> bool {
            COMPARED.set(COMPARED.get() + 1);
            (self.0, self.1) == (other.0, other.1)
        }
    }

    impl Hash for Numbered {
        fn hash<H: Hasher>(&self, state: &mut H) {
            HASHED.set(HASHED.get() + 1);
            state.write_u32(self.1);
        }
    }

    impl Record for Numbered {
        type Wire = ();
        type Key = i64;

        fn from_wire((): ()) -> Result<Self, String> {
            Err("never sent".to_owned())
        }

        fn key(&self) -> &i64 {
            &self.0
        }
    }

    /// Reads pages one after the other and says of each how many of its rows are new.
    fn new_rows(pages: &[Vec<Numbered>]) -> Vec<usize> {
        let mut border: Border<Numbered> = Border::default();
        let read = |page: &Vec<Numbered>| {
            let mut repeats = border.repeats();
            let new: Vec<Numbered> =
                page.iter().filter(|row| !repeats.take(row)).cloned().collect();
            border.move_to_end_of(&new);
            new.len()
        };
        pages.iter().map(read).collect()
    }

    #[test]
    fn a_row_is_left_out_as_often_as_it_was_read_and_no_more() {
        let (a, b, later) = (Numbered(7, 1), Numbered(7, 2), Numbered(9, 1));
        let pages = [
            vec![a.clone(), a.clone(), b.clone()],
            vec![a.clone(), b.clone(), a.clone(), a.clone()],
            vec![a.clone(), a.clone(), a.clone(), later.clone()],
            vec![a, later.clone(), later],
        ];
        assert_eq!(new_rows(&pages), [3, 1, 1, 2], "an older key is the chain's to refuse");
    }

    #[test]
    fn eighty_thousand_rows_of_one_stamp_over_eight_pages_cost_what_the_pages_hold() {
        let page = |number: u32| {
            (0..10_000).map(|row| Numbered(7, number * 10_000 + row)).collect::<Vec<_>>()
        };
        let mut pages: Vec<_> = (0..8).map(page).collect();
        assert_eq!(new_rows(&pages), [10_000; 8]);
        assert!(HASHED.get() <= 4 * 80_000 && COMPARED.get() <= 4 * 80_000);

        // A restart asks for the whole stamp again.
        let whole = pages.concat();
        pages.push(whole);
        HASHED.set(0);
        COMPARED.set(0);
        assert_eq!(new_rows(&pages), [[10_000; 8].as_slice(), &[0]].concat());
        assert!(HASHED.get() <= 4 * 160_000 && COMPARED.get() <= 4 * 160_000);
    }

    #[test]
    fn rows_beyond_the_border_cost_nothing() {
        let border_rows = (0..1_000).map(|row| Numbered(7, row)).collect();
        HASHED.set(0);
        new_rows(&[
            border_rows,
            (0..50_000).map(|row| Numbered(8 + i64::from(row), row)).collect(),
        ]);
        assert!(HASHED.get() <= 3 * 1_000 + 3, "{}", HASHED.get());
    }
}

//! Which records of a page are new, and whether they can be true. Pure.
//!
//! The only part of a walk that looks at every record: where pages are decoded into columns, this
//! is read over the column of keys, and the rest of [`chain`](super::chain) stays.

use super::border::Border;
use super::lie::Lie;
use super::query::{Query, SameKey};
use super::wire::Record;

/// What is new on a page.
#[derive(Debug)]
pub struct Sifted<R> {
    /// The new records, in order.
    pub rows: Vec<R>,
    /// How many were read before.
    pub repeated: usize,
    /// Those that came in two versions, of which one was kept.
    pub resolved: Vec<R>,
}

/// The records of a page that were not on the page before, in order. A page is large: it is sifted
/// where it is.
pub fn sift<Q: Query>(
    query: &Q,
    border: &Border<Q::Row>,
    mut rows: Vec<Q::Row>,
) -> Result<Sifted<Q::Row>, Lie> {
    let same_key = query.same_key();
    let mut is_new = Vec::with_capacity(rows.len());
    let mut before = border.last();
    // Where it stands on this page, if it does.
    let mut before_at = None;
    let mut repeats = border.repeats();
    let (mut repeated, mut resolved) = (0, Vec::new());
    for (at, row) in rows.iter().enumerate() {
        query.check_record(row, before)?;
        let was_read = repeats.take(row);
        let twin = before.filter(|before| before.key() == row.key());
        let is_again = match (same_key, twin) {
            (SameKey::KeepAll, _) | (_, None) => was_read,
            (SameKey::KeepDistinct, Some(twin)) => {
                let mut above =
                    rows[..at].iter().rev().take_while(|above| above.key() == twin.key());
                border.holds(row) || above.any(|above| above == row)
            }
            (SameKey::KeepFirst | SameKey::KeepLast, Some(twin)) if twin == row => true,
            (SameKey::KeepFirst | SameKey::KeepLast, Some(_)) if was_read => {
                repeated += 1;
                is_new.push(false);
                continue;
            }
            (SameKey::KeepFirst, Some(_)) => {
                resolved.push(row.clone());
                is_new.push(false);
                continue;
            }
            (SameKey::KeepLast, Some(_)) => {
                resolved.push(row.clone());
                // One that stands on an earlier page was handed on: who takes the rows lets this
                // one take its place.
                if let Some(at) = before_at {
                    is_new[at] = false;
                }
                false
            }
        };
        repeated += usize::from(is_again);
        is_new.push(!is_again);
        (before, before_at) = (Some(row), Some(at));
    }
    let mut is_new = is_new.into_iter();
    rows.retain(|_| is_new.next() == Some(true));
    Ok(Sifted { rows, repeated, resolved })
}

//! A bounded memory of what was computed: oldest entry out first.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Values by key, at most `capacity` rows in all (or one entry, however large).
pub struct Cache<K, V> {
    capacity: usize,
    inner: Mutex<Inner<K, V>>,
}

struct Inner<K, V> {
    by_key: HashMap<K, Arc<Vec<V>>>,
    oldest_first: VecDeque<K>,
    rows: usize,
}

impl<K: Clone + Eq + Hash, V> Cache<K, V> {
    /// An empty cache of at most `capacity` rows.
    pub fn new(capacity: usize) -> Self {
        let inner = Inner { by_key: HashMap::new(), oldest_first: VecDeque::new(), rows: 0 };
        Self { capacity, inner: Mutex::new(inner) }
    }

    /// The rows of `key`, made by `make` when they are not remembered. Two callers may make the
    /// same rows at the same time; both get equal ones, because sources are deterministic.
    pub fn get_or_make<E>(
        &self,
        key: K,
        make: impl FnOnce() -> Result<Vec<V>, E>,
    ) -> Result<Arc<Vec<V>>, E> {
        if let Some(known) = self.lock().by_key.get(&key) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(make()?);
        let mut inner = self.lock();
        if inner.by_key.insert(key.clone(), Arc::clone(&made)).is_none() {
            inner.oldest_first.push_back(key);
            inner.rows += made.len() + 1;
        }
        while inner.rows > self.capacity && inner.oldest_first.len() > 1 {
            let Some(gone) =
                inner.oldest_first.pop_front().and_then(|key| inner.by_key.remove(&key))
            else {
                break;
            };
            inner.rows -= gone.len() + 1;
        }
        Ok(made)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner<K, V>> {
        // Nothing panics while it is held; were it so, the map would still be whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_rows_leave_when_the_bound_is_reached() {
        let cache: Cache<u32, u8> = Cache::new(10);
        let make = |key| cache.get_or_make(key, || Ok::<_, ()>(vec![0; 4])).expect("made");
        for key in 0..5 {
            make(key);
        }
        let inner = cache.lock();
        assert_eq!(inner.oldest_first, [3, 4]);
        assert_eq!((inner.by_key.len(), inner.rows), (2, 10));
    }
}

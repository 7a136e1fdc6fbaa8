//! What a worker's threads hold together: pages while they are read, and partitions while they are
//! written.
//!
//! Before a thread requests a page it joins the [`line`](mod@line) and waits until there is room
//! for a page of the recent size. It gives the room back when its rows are on disk. So many threads
//! with large pages hold no more than few, and with small pages no thread waits.

pub mod line;

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use line::{LinePlace, WaitingLine};

use crate::memory;
use crate::stop::Stop;

/// Bytes that all threads hold together, except what the first in line needs beyond them: with what
/// a worker needs in any case it stays within 64 MiB.
const MOST: u64 = 35 << 20;
/// What a request takes, whatever it brings: buffers of the connection, of its text and of the
/// columns of a file.
const REQUEST: u64 = 192 << 10;
/// What a page takes is what the largest of so many has taken.
const REMEMBERED: usize = 16;
/// How often a waiting thread looks whether the worker should end.
const LOOK: Duration = Duration::from_millis(200);

/// Shared by all threads of a worker.
#[derive(Debug)]
pub struct Buffers {
    shared: Mutex<Shared>,
    changed: Condvar,
    /// What the writing of one partition takes, at most.
    writing: u64,
}

#[derive(Debug)]
struct Shared {
    line: WaitingLine,
    /// What the last pages took.
    pages: VecDeque<u64>,
}

impl Buffers {
    /// For pages of which nothing is known yet but that full ones take `full_page` bytes; to write
    /// the rows of a partition takes `writing` bytes at most.
    pub fn new(full_page: u64, writing: u64) -> Self {
        let shared =
            Shared { line: WaitingLine::new(MOST), pages: VecDeque::from([full_page; REMEMBERED]) };
        Self { shared: Mutex::new(shared), changed: Condvar::new(), writing }
    }

    /// For one chain of pages; nothing is held yet.
    pub fn room(&self) -> Room<'_> {
        Room { buffers: self, place: None, draft: 0, most: 0 }
    }

    /// For a page and the partition that it goes to, of which `draft` bytes are held already.
    fn needed(&self, page: u64, draft: u64) -> u64 {
        REQUEST + page + draft.max(self.writing.min(2 * page))
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one thread holds. Dropped, it holds nothing.
#[derive(Debug)]
pub struct Room<'a> {
    buffers: &'a Buffers,
    place: Option<LinePlace>,
    /// What the partition takes that is being written.
    draft: u64,
    /// The most that was needed since something was held last.
    most: u64,
}

/// The page that is read now takes more than there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

impl Room<'_> {
    /// Waits until there is room for another page, of at least `bytes`. `false` when the worker is
    /// to end first.
    pub fn wait(&mut self, bytes: u64, stop: &Stop) -> bool {
        let mut shared = self.buffers.shared();
        let place = *self.place.get_or_insert_with(|| shared.line.join());
        let page = shared.pages.iter().copied().max().unwrap_or_default().max(bytes);
        shared.line.ask(place, self.buffers.needed(page, self.draft).max(self.most));
        loop {
            shared.line.serve();
            if !shared.line.waits(place) {
                return true;
            }
            if stop.is_asked() {
                shared.line.ask_no_more(place);
                return false;
            }
            let waited = self.buffers.changed.wait_timeout(shared, LOOK);
            shared = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The page that is read has come to `bytes`; nobody waits for more with an answer that is half
    /// read.
    pub fn page_takes(&self, bytes: u64) -> Result<(), NoRoom> {
        let Some(place) = self.place else { return Ok(()) };
        let has_room =
            self.buffers.shared().line.try_grow(place, self.buffers.needed(bytes, self.draft));
        if has_room { Ok(()) } else { Err(NoRoom) }
    }

    /// The page has been read and takes `bytes`: what it did not need is for others.
    pub fn page_took(&mut self, bytes: u64) {
        let mut shared = self.buffers.shared();
        shared.pages.pop_front();
        shared.pages.push_back(bytes);
        self.most = self.most.max(self.buffers.needed(bytes, self.draft));
        if let Some(place) = self.place {
            shared.line.shrink(place, self.most);
        }
        drop(shared);
        self.buffers.changed.notify_all();
    }

    /// The page was let go before its end.
    pub fn let_go(&mut self) {
        memory::give_back_now();
        if self.draft == 0 {
            self.leave();
        } else if let Some(place) = self.place {
            self.buffers.shared().line.shrink(place, self.most);
            self.buffers.changed.notify_all();
        }
    }

    /// The rows of the page are on their way to disk, and `draft` bytes of the partition that is
    /// being written are still held. Where that is something, what is held stays held: it will be
    /// needed again for the next page.
    pub fn keeps(&mut self, draft: u64) {
        self.draft = draft;
        if draft == 0 {
            self.leave();
        }
    }

    /// Gives back everything.
    fn leave(&mut self) {
        (self.draft, self.most) = (0, 0);
        if let Some(place) = self.place.take() {
            self.buffers.shared().line.leave(place);
            self.buffers.changed.notify_all();
        }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    const MIB: u64 = 1 << 20;

    #[test]
    fn many_threads_with_large_pages_hold_no_more_than_the_bound_and_all_of_them_come_to_an_end() {
        let (buffers, stop) = (Buffers::new(6 * MIB, 4 * MIB), Stop::default());
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| {
                    let mut room = buffers.room();
                    for page in 1..=4 {
                        assert!(room.wait(0, &stop));
                        let now = held.fetch_add(6 * MIB, Ordering::SeqCst) + 6 * MIB;
                        most.fetch_max(now, Ordering::SeqCst);
                        room.page_takes(6 * MIB).expect("as much as was expected");
                        room.page_took(6 * MIB);
                        std::thread::yield_now();
                        held.fetch_sub(6 * MIB, Ordering::SeqCst);
                        room.keeps(if page == 4 { 0 } else { 2 * MIB });
                    }
                });
            }
        });
        assert!(most.into_inner() <= MOST);
        assert_eq!(buffers.shared().line.held(), 0);
    }

    #[test]
    fn small_pages_are_learned_and_then_nobody_waits() {
        let (buffers, stop) = (Buffers::new(MOST, MIB), Stop::default());
        for _ in 0..REMEMBERED {
            let mut room = buffers.room();
            assert!(room.wait(0, &stop));
            room.page_took(1_000);
        }
        let mut rooms: Vec<Room<'_>> = (0..64).map(|_| buffers.room()).collect();
        assert!(rooms.iter_mut().all(|room| room.wait(0, &stop)));
        assert!(buffers.shared().line.held() <= MOST);
    }

    #[test]
    fn who_waits_hears_of_the_end_and_a_page_that_outgrows_the_room_is_told_so() {
        let (buffers, stop) = (Buffers::new(MIB, MIB), Stop::default());
        let [mut first, mut second] = [buffers.room(), buffers.room()];
        assert!(first.wait(0, &stop) && second.wait(0, &stop));
        assert_eq!(first.page_takes(2 * MOST), Ok(()), "the first passes always");
        assert_eq!(second.page_takes(2 * MIB), Err(NoRoom));
        stop.ask();
        assert!(!second.wait(2 * MIB, &stop));
        drop(first);
        assert!(second.wait(2 * MIB, &Stop::default()));
    }
}

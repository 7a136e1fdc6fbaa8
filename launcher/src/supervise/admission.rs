//! Admission: how many workers the free memory allows. Pure, and the same in a replay.

use std::collections::VecDeque;

/// How many of the last attempts are remembered; a single huge one is forgotten after that.
const REMEMBERED: usize = 32;

/// How much memory attempts have needed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admission {
    /// The peak memory of each of the last attempts, in bytes.
    peaks: VecDeque<u64>,
}

impl Admission {
    /// Takes the peak of an ended attempt; 0 if nobody has measured it.
    pub fn note(&mut self, peak_rss_bytes: u64) {
        if peak_rss_bytes == 0 {
            return;
        }
        if self.peaks.len() == REMEMBERED {
            self.peaks.pop_front();
        }
        self.peaks.push_back(peak_rss_bytes);
    }

    /// The highest peak among the last attempts, in bytes; 0 before the first has ended.
    pub fn peak(&self) -> u64 {
        self.peaks.iter().copied().max().unwrap_or(0)
    }

    /// How many workers may start beside `running` ones with `free` bytes of memory, of which
    /// `floor` must stay free.
    ///
    /// The rule assumes that no running worker has taken any of its memory yet: how far each has
    /// grown is not known here. With large workers that leaves some memory unused.
    pub fn carried(&self, running: u32, free: u64, floor: u64) -> u32 {
        let peak = self.peak();
        if peak == 0 {
            return if free < floor { 0 } else { u32::MAX };
        }
        let left = free.saturating_sub(floor).saturating_sub(peak.saturating_mul(running.into()));
        u32::try_from(left / peak).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_may_still_grow_and_the_floor_stays_free() {
        let mut admission = Admission::default();
        assert_eq!(
            admission.carried(3, 49, 50),
            0,
            "nobody knows how large they become, but too little is free"
        );
        assert_eq!(admission.carried(3, 50, 50), u32::MAX);
        admission.note(100);
        assert_eq!(admission.carried(0, 450, 50), 4);
        assert_eq!(admission.carried(3, 450, 50), 1, "three of the four are promised");
        assert_eq!(admission.carried(5, 450, 50), 0);
    }

    #[test]
    fn one_that_was_far_larger_than_all_others_is_forgotten() {
        let mut admission = Admission::default();
        admission.note(1000);
        (1..REMEMBERED).for_each(|_| admission.note(10));
        assert_eq!(admission.peak(), 1000);
        admission.note(0);
        assert_eq!(admission.peak(), 1000, "nobody has looked");
        admission.note(10);
        assert_eq!(admission.peak(), 10);
    }
}

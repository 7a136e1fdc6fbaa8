//! Adopt: certifies a tree that another program wrote, so that runs go on with it.
//!
//! Every file is read; ledger lines are written for what is provably whole; all else stays unproven
//! and is asked for by the next run. Nothing is asked here, and no file but ours is changed, moved
//! or made: `_dataset.json`, and `_ledger.jsonl` beside the data of a ticker.
//!
//! Rooms from the ground up: [`place`] what a path says · [`oddity`] what may be odd, and what
//! becomes of it · [`noted`] one odd thing · [`folder`] what stands below a ticker's folder ·
//! [`facts`] what one file holds · [`whole`] which days are whole (pure) · [`survey`] what a tree
//! is · [`ticker`] one ticker · [`report`] what a person reads.

pub mod place;
pub mod oddity;
pub mod noted;
pub mod folder;
pub mod facts;
pub mod whole;
pub mod survey;
pub mod ticker;
pub mod report;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use jiff::Timestamp;
use shared::crew;
use shared::dataset::coverage::DateRange;
use shared::error_chain::with_causes;
use shared::market::ticker::Ticker;

use self::noted::Noted;
use self::survey::Tree;
use self::ticker::Adoption;
use self::whole::Ground;

/// How a tree is adopted.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Partitions that hold some of these alone.
    pub days: Option<DateRange>,
    /// Are minutes and trades believed on their looks?
    pub believes_looks: bool,
    /// What the clock says.
    pub now: Timestamp,
}

/// What came of a tree.
#[derive(Debug, Default)]
pub struct Adopted {
    /// Tickers that were looked at.
    pub tickers: u64,
    /// The sums of all tickers.
    pub all: Adoption,
    /// Tickers that could not be adopted, and why.
    pub failed: Vec<(Ticker, String)>,
}

/// Adopts the tickers of `tree`, which nobody else writes meanwhile. `tell` hears how many are done.
pub fn adopt(tree: &Tree, wish: Wish, tell: impl Fn(u64) + Sync) -> Adopted {
    let kind = tree.descriptor.kind;
    let by = Ground::proof_of(kind, wish.believes_looks);
    let ground = Ground { kind, zone: tree.descriptor.time_zone, by, now: wish.now };
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let done = AtomicU64::new(0);
    let one = |ticker: &Ticker| {
        let adoption = ticker::adopt(tree, ground, ticker, wish.days);
        tell(done.fetch_add(1, Ordering::Relaxed) + 1);
        (ticker.clone(), adoption)
    };
    let mut all = crew::each(threads, tree.tickers.iter().collect(), || true, one);
    all.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let mut adopted = Adopted { tickers: all.len() as u64, ..Adopted::default() };
    adopted.all.oddities.clone_from(&tree.oddities);
    for (ticker, adoption) in all {
        match adoption {
            Ok(adoption) => adopted.all += adoption,
            Err(error) => adopted.failed.push((ticker, with_causes(&error))),
        }
    }
    adopted
}

impl std::ops::AddAssign for Adoption {
    fn add_assign(&mut self, other: Self) {
        let Self { files, bytes, rows, proven_files, proven, unproven, oddities } = other;
        self.files += files;
        self.bytes = self.bytes.saturating_add(bytes);
        self.rows = self.rows.saturating_add(rows);
        self.proven_files += proven_files;
        self.proven += proven;
        self.unproven += unproven;
        self.oddities.extend::<Vec<Noted>>(oddities);
    }
}

//! A process and all its descendants: which they are, and how much memory they have.

use std::cell::OnceCell;
use std::fs;

use shared::disk::regular;
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

/// Samples one tree of processes.
pub struct ProcessTree {
    root: i32,
    /// Opened by the first sample: short workers end before it. `Some(None)` where the system can't
    /// be read: then nothing is known about memory.
    system: OnceCell<Option<System>>,
}

/// One sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TreeSample {
    /// Resident memory, added up.
    pub rss_bytes: u64,
    /// Is the root stopped?
    pub is_stopped: bool,
}

impl ProcessTree {
    /// The tree below and including process `root`.
    pub fn of(root: i32) -> Self {
        Self { root, system: OnceCell::new() }
    }

    /// Takes a sample now.
    pub fn look(&mut self) -> TreeSample {
        let mut pids = descendants(self.root);
        pids.push(self.root);
        let pids: Vec<Pid> =
            pids.into_iter().filter_map(|pid| u32::try_from(pid).ok()).map(Pid::from_u32).collect();
        self.system.get_or_init(|| System::new().ok());
        let Some(Some(system)) = self.system.get_mut() else { return TreeSample::default() };
        let what = ProcessRefreshKind::nothing().with_memory().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), true, what);
        let rss_bytes =
            pids.iter().filter_map(|pid| system.process(*pid)).map(sysinfo::Process::memory).sum();
        // The root is the last one.
        let root = pids.last().and_then(|root| system.process(*root));
        TreeSample {
            rss_bytes,
            is_stopped: root.is_some_and(|root| root.status() == ProcessStatus::Stop),
        }
    }
}

/// Resident memory of everything below `root`, added up; `None` when there is nothing.
pub fn memory_below(root: i32) -> Option<u64> {
    let seen = children(root).iter().map(|child| ProcessTree::of(*child).look().rss_bytes).sum();
    Some(seen).filter(|bytes| *bytes > 0)
}

/// Everything below `root`, as the kernel lists it at this moment.
pub fn descendants(root: i32) -> Vec<i32> {
    let mut found = Vec::new();
    let mut to_visit = vec![root];
    while let Some(parent) = to_visit.pop() {
        let children = children(parent);
        to_visit.extend(&children);
        found.extend(children);
    }
    found
}

/// Its children. The kernel lists them by the thread that has started or inherited them.
pub fn children(parent: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else { return Vec::new() };
    let lists = threads
        .flatten()
        .filter_map(|thread| regular::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

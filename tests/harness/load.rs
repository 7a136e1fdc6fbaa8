//! What else this machine does while a test measures time: nobody fails because others work, too.
//!
//! A limit of time is judged where processors were free for it; how late a sleeper wakes is allowed
//! for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often one looks.
const GLANCE: Duration = Duration::from_millis(10);

/// A look at the machine that goes on until [`Watch::end`].
pub struct Watch {
    is_over: Arc<AtomicBool>,
    watcher: JoinHandle<Load>,
}

/// What was seen.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Tasks that ran or waited for a processor, on average, for each processor.
    pub runnable_per_cpu: f64,
    /// How much later than asked a thread woke.
    pub worst_delay: Duration,
}

impl Load {
    /// Did others take so much that a limit of time says nothing? Says so.
    pub fn is_crowded(&self) -> bool {
        let is_crowded =
            self.runnable_per_cpu > 1.5 || self.worst_delay > Duration::from_millis(250);
        if is_crowded {
            eprintln!("not judged: the machine was crowded ({self:?})");
        }
        is_crowded
    }
}

impl Watch {
    /// Begins to look.
    pub fn begin() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        Self { is_over, watcher: std::thread::spawn(move || watch(&over)) }
    }

    /// What was seen since it began.
    pub fn end(self) -> Load {
        self.is_over.store(true, Ordering::Relaxed);
        self.watcher.join().expect("it only looks")
    }
}

fn watch(is_over: &AtomicBool) -> Load {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut glances, mut runnable, mut worst_delay) = (0_u32, 0.0, Duration::ZERO);
    while !is_over.load(Ordering::Relaxed) {
        let asleep_since = Instant::now();
        std::thread::sleep(GLANCE);
        worst_delay = worst_delay.max(asleep_since.elapsed().saturating_sub(GLANCE));
        runnable += f64::from(runnable_now());
        glances += 1;
    }
    Load { runnable_per_cpu: runnable / f64::from(glances.max(1)) / cpus as f64, worst_delay }
}

/// Tasks that run or wait for a processor at this moment, this one among them.
fn runnable_now() -> u32 {
    let load = std::fs::read_to_string("/proc/loadavg").expect("a Linux");
    let tasks = load.split_whitespace().nth(3).and_then(|tasks| tasks.split('/').next());
    tasks.and_then(|runnable| runnable.parse().ok()).expect("runnable/all")
}

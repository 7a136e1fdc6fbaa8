//! Memory of this machine.

use std::time::Duration;

use sysinfo::System;

use super::clock::Stopwatch;

/// A look is good for so long: nobody takes much memory in less time.
const GOOD_FOR: Duration = Duration::from_millis(100);

/// All memory of this machine, in bytes; `None` where nobody can tell.
pub fn total() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    Some(system.total_memory()).filter(|bytes| *bytes > 0)
}

/// Tells the free memory of this machine again and again.
#[derive(Default)]
pub struct Gauge {
    system: Option<System>,
    seen: Option<(Stopwatch, Option<u64>)>,
}

impl Gauge {
    /// What new processes could get without anybody else losing any, in bytes; `None` where nobody
    /// can tell.
    pub fn available(&mut self) -> Option<u64> {
        match self.seen {
            Some((since, seen)) if since.elapsed() < GOOD_FOR => seen,
            _ => {
                let seen = self.look();
                self.seen = Some((Stopwatch::start(), seen));
                seen
            }
        }
    }

    fn look(&mut self) -> Option<u64> {
        if self.system.is_none() {
            self.system = System::new().ok();
        }
        let system = self.system.as_mut()?;
        system.refresh_memory();
        Some(system.available_memory()).filter(|bytes| *bytes > 0)
    }
}

//! Memory of this machine.

use sysinfo::System;

/// What new processes could get without anybody else losing any, in bytes; `None` where nobody can tell.
pub fn available() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    Some(system.available_memory()).filter(|bytes| *bytes > 0)
}

//! What a test must not inherit from whoever started it: ignored signals and variables that steer
//! the programs under test.
//!
//! Used by the launcher's stories as well, which include this file.

use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// All that a program under test gets to know of its surroundings: where programs, temporary files
/// and libraries are, and what the tools around a test run ask of every process.
const KEPT: [&str; 7] =
    ["PATH", "HOME", "LANG", "TMPDIR", "RUST_BACKTRACE", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"];

/// Gives `command` an environment of its own (a proxy, a key or a folder of the tester's would
/// change what it does) and the usual reaction to signals.
pub fn clean(command: &mut Command) {
    react_to_signals();
    command.env_clear();
    for name in KEPT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
}

/// `nohup` and background jobs of a shell ignore signals, and so does whatever they start: a
/// program under test would never hear them. A caught signal, unlike an ignored one, is back to its
/// default in a child.
fn react_to_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ignored = ignored_signals();
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            if ignored & (1 << (signal - 1)) != 0 {
                let noted = Arc::new(AtomicBool::new(false));
                signal_hook::flag::register(signal, noted).expect("these can be caught");
            }
        }
    });
}

/// One bit a signal, the lowest is signal 1.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux");
    let mask =
        status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a line of masks");
    u64::from_str_radix(mask.trim(), 16).expect("hexadecimal")
}

//! Random numbers from the kernel: names of runs, and the dice for backoff.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use shared::disk::publish::DiskError;

/// A name that no other run has: 16 hex digits.
pub fn run_name() -> Result<String, DiskError> {
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes()?)))
}

/// Any number, all equally likely. If the kernel refuses, the middle one: backoff then has no
/// jitter.
pub fn dice() -> u32 {
    bytes().map_or(u32::MAX / 2, u32::from_ne_bytes)
}

#[expect(clippy::disallowed_methods, reason = "it is a device")]
fn bytes<const N: usize>() -> Result<[u8; N], DiskError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; N];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(DiskError::at("read", source))?;
    Ok(bytes)
}

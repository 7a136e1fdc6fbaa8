//! Can the supervisor write into its folders, and do their disks have room?

use std::fs;
use std::path::Path;

use shared::disk::audience::Audience;
use shared::disk::publish::{self, DiskError};
use shared::run::size::Size;

/// Large enough to need a block of its own.
const PROBE_BYTES: usize = 64 * 1024;

/// Writes, syncs and removes a small file in `folder`, which is made for `audience` if it does not
/// exist. Tried, not guessed from permission bits.
pub fn prove_writable(folder: &Path, audience: Audience) -> Result<(), DiskError> {
    publish::create_folder_for(audience, folder)?;
    let probe = folder.join(format!("_launcher.{}.probe", std::process::id()));
    publish::publish(&probe, &vec![0; PROBE_BYTES])?;
    fs::remove_file(&probe).map_err(DiskError::at("remove", &probe))
}

/// Free bytes where `place` is, or will be made.
pub fn free_bytes(place: &Path) -> Option<u64> {
    place.ancestors().find(|it| it.exists()).and_then(|there| fs2::available_space(there).ok())
}

/// What is to be said when `place` has less free space than `floor`, or not even enough for a proof
/// that it can be written into; nothing when it has enough, or when nobody can tell.
pub fn lacks(place: &Path, floor: Size) -> Option<String> {
    let free = fs2::available_space(place).ok()?;
    let (mib, place) = (free >> 20, place.display());
    if free < floor.0 {
        Some(format!("only {mib} MiB are free in {place}, less than {floor} (--min-free-disk)"))
    } else if free < PROBE_BYTES as u64 {
        Some(format!("no space is left in {place}"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let new = folder.path().join("deep/out");
        prove_writable(&new, Audience::AsUmaskSays).expect("writable");
        assert_eq!(fs::read_dir(&new).expect("it was made").count(), 0);
        assert_eq!(
            free_bytes(&new.join("deeper/still")).is_some(),
            free_bytes(folder.path()).is_some()
        );
        assert!(prove_writable(Path::new("/proc/nowhere"), Audience::Owner).is_err());
    }
}

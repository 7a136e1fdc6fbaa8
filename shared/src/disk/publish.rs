//! Whole or absent: a file is written beside its place, synced, and renamed into it.
//!
//! Nobody ever sees half a file. A crash leaves at most a `_NAME.PID.tmp`, which [`sweep`] removes.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::audience::Audience;
pub use super::error::DiskError;
pub use super::folder::create_folder_for;
use super::folder::{Folder, FolderEntry, parent_of, sync_folder};
use super::regular;

const TEMP_SUFFIX: &str = ".tmp";

/// A file that is being written beside its place. Dropped unpublished, it leaves nothing.
pub struct Draft {
    file: Option<BufWriter<File>>,
    folder: Folder,
    /// Its name until it is in place.
    temp: Option<OsString>,
    name: OsString,
}

impl Draft {
    /// Begins a file that will appear at `target`, a path that a user or a run has chosen. Missing
    /// folders are made durably.
    pub fn create(target: &Path) -> Result<Self, DiskError> {
        Self::create_for(Audience::AsUmaskSays, target)
    }

    /// The same with a file, and the folder that it lies in, for `audience`.
    pub fn create_for(audience: Audience, target: &Path) -> Result<Self, DiskError> {
        Self::within(Folder::make(audience, parent_of(target))?, audience, target)
    }

    /// Begins a file that will appear at `target`, which lies below `root`: nothing is written
    /// through a link there.
    pub fn below(root: &Path, target: &Path) -> Result<Self, DiskError> {
        Self::below_for(Audience::AsUmaskSays, root, target)
    }

    /// The same for `audience`.
    pub fn below_for(audience: Audience, root: &Path, target: &Path) -> Result<Self, DiskError> {
        Self::within(Folder::of(audience, root, target)?, audience, target)
    }

    /// The same below a folder that is open already.
    pub fn in_folder(root: &Folder, audience: Audience, target: &Path) -> Result<Self, DiskError> {
        Self::within(root.folder_of(audience, target)?, audience, target)
    }

    fn within(folder: Folder, audience: Audience, target: &Path) -> Result<Self, DiskError> {
        let name = target.file_name().unwrap_or_default().to_owned();
        folder.refuse_link(&name)?;
        let mut temp = OsString::from("_");
        temp.push(&name);
        temp.push(format!(".{}{TEMP_SUFFIX}", std::process::id()));
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
        let file = folder.open_file(audience, &temp, flags)?;
        Ok(Self { file: Some(BufWriter::new(file)), folder, temp: Some(temp), name })
    }

    /// Where it will appear.
    pub fn target(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    /// Publishes `bytes`, whole or not at all.
    pub fn fill(mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.take(bytes)?;
        self.publish()
    }

    /// The same unless something is there already; then `false`.
    pub fn fill_new(mut self, bytes: &[u8]) -> Result<bool, DiskError> {
        self.take(bytes)?;
        self.publish_new()
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.write_all(bytes).map_err(|error| DiskError::at("write", &self.target())(error))
    }

    /// Syncs the bytes, renames them into place and syncs the folder.
    pub fn publish(mut self) -> Result<(), DiskError> {
        self.sync()?;
        self.rename()?;
        self.folder.sync()
    }

    fn publish_new(mut self) -> Result<bool, DiskError> {
        self.sync()?;
        match self.folder.link(self.temp(), &self.name) {
            Ok(()) => self.folder.sync().map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(DiskError::at("publish", &self.target())(error)),
        }
    }

    fn show(mut self) -> Result<(), DiskError> {
        drop(self.written()?);
        self.rename()
    }

    fn rename(&mut self) -> Result<(), DiskError> {
        self.folder.refuse_link(&self.name)?;
        let renamed = self.folder.rename(self.temp(), &self.name);
        renamed.map_err(|error| DiskError::at("publish", &self.target())(error))?;
        self.temp = None;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), DiskError> {
        let synced = self.written()?.sync_all();
        synced.map_err(|error| DiskError::at("sync", &self.temp_path())(error))
    }

    fn written(&mut self) -> Result<File, DiskError> {
        let buffered = self.file.take().expect("a draft holds its file until it is published");
        buffered
            .into_inner()
            .map_err(|error| DiskError::at("write", &self.temp_path())(error.into_error()))
    }

    fn temp(&self) -> &OsStr {
        self.temp.as_deref().expect("a draft has a name of its own until it is in place")
    }

    fn temp_path(&self) -> PathBuf {
        self.folder.path().join(self.temp())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().expect("a draft holds its file until it is published").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().expect("a draft holds its file until it is published").flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(temp) = &self.temp {
            // If this fails, a .tmp stays, which the next run sweeps.
            drop(self.folder.remove(temp));
        }
    }
}

/// Publishes `bytes` at `target`, whole or not at all.
pub fn publish(target: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    publish_for(Audience::AsUmaskSays, target, bytes)
}

/// The same for `audience`.
pub fn publish_for(audience: Audience, target: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    Draft::create_for(audience, target)?.fill(bytes)
}

/// Publishes `bytes` at `target` for running processes: whole or not at all. A power cut before
/// [`make_durable`] may leave nothing, or an empty file.
pub fn show_for(audience: Audience, target: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let mut draft = Draft::create_for(audience, target)?;
    draft.take(bytes)?;
    draft.show()
}

/// Makes a file that was [shown](show_for), and its name, survive a power cut.
pub fn make_durable(path: &Path) -> Result<(), DiskError> {
    regular::open(path).and_then(|file| file.sync_all()).map_err(DiskError::at("sync", path))?;
    sync_folder(parent_of(path))
}

/// Removes what crashed writers left in `folder` and below it, and returns what was removed.
/// Call it only while no other process writes there.
pub fn sweep(folder: &Folder) -> Result<Vec<PathBuf>, DiskError> {
    let (mut removed, mut pending) = (Vec::new(), Vec::new());
    let mut look = |here: &Folder, way: &Path, pending: &mut Vec<PathBuf>| {
        for FolderEntry { name, is_folder } in here.entries()? {
            if is_folder {
                pending.push(way.join(name));
            } else if is_temp(&name.to_string_lossy()) && here.remove(&name)? {
                removed.push(here.path().join(name));
            }
        }
        Ok(())
    };
    look(folder, Path::new(""), &mut pending)?;
    while let Some(way) = pending.pop() {
        if let Some(here) = folder.find(&way)? {
            look(&here, &way, &mut pending)?;
        }
    }
    Ok(removed)
}

fn is_temp(name: &str) -> bool {
    name.starts_with('_') && name.ends_with(TEMP_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_draft_that_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("year=2024/daily.parquet");
        let mut draft = Draft::create(&target).expect("created");
        draft.write_all(b"half").expect("written");
        drop(draft);
        assert!(!target.exists());
        assert_eq!(fs::read_dir(folder.path().join("year=2024")).expect("listed").count(), 0);
    }

    #[test]
    fn a_published_file_is_whole_and_replaces_the_old_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("run.json");
        publish(&target, b"old").expect("published");
        publish(&target, b"new").expect("published");
        assert_eq!(fs::read(&target).expect("read"), b"new");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn sweeping_takes_only_what_crashed_writers_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("year=2024");
        fs::create_dir(&deep).expect("made");
        fs::write(deep.join("_daily.parquet.17.tmp"), b"half").expect("written");
        fs::write(deep.join("daily.parquet"), b"whole").expect("written");
        fs::write(deep.join("mine.tmp"), b"not ours").expect("written");
        let root = Folder::open(folder.path()).expect("opened");
        assert_eq!(sweep(&root).expect("swept"), [deep.join("_daily.parquet.17.tmp")]);
        assert!(deep.join("daily.parquet").exists() && deep.join("mine.tmp").exists());
    }
}

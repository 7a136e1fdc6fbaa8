//! Whole or absent: a file is written beside its place, synced, and renamed into it.
//!
//! Nobody ever sees half a file. A crash leaves at most a `_NAME.PID.tmp`, which [`sweep`] removes.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::audience::Audience;
use super::regular;

const TEMP_SUFFIX: &str = ".tmp";

/// What could not be done to which path.
#[derive(Debug, thiserror::Error)]
#[error("can't {doing} {path}", path = path.display())]
pub struct DiskError {
    /// The verb, as in "can't *write* x".
    pub doing: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl DiskError {
    /// Names the deed and the path for an I/O error: `.map_err(DiskError::at("write", path))`.
    pub fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { doing, path, source }
    }
}

/// A file being written beside its place. Dropped unpublished, it leaves nothing.
pub struct Draft {
    file: Option<BufWriter<File>>,
    temp: PathBuf,
    target: PathBuf,
}

impl Draft {
    /// Begins a file that will appear at `target`; missing folders are made, durably.
    pub fn create(target: &Path) -> Result<Self, DiskError> {
        Self::create_for(Audience::AsUmaskSays, target)
    }

    /// The same with a file, and the folder that it lies in, for `audience`.
    pub fn create_for(audience: Audience, target: &Path) -> Result<Self, DiskError> {
        create_folder_for(audience, folder_of(target))?;
        let mut name = OsString::from("_");
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".{}{TEMP_SUFFIX}", std::process::id()));
        let temp = target.with_file_name(name);
        let file = audience
            .open(OpenOptions::new().write(true).create(true).truncate(true), &temp)
            .map_err(DiskError::at("create", &temp))?;
        Ok(Self { file: Some(BufWriter::new(file)), temp, target: target.to_owned() })
    }

    /// Syncs the bytes, renames them into place and syncs the folder.
    pub fn publish(mut self) -> Result<(), DiskError> {
        self.sync()?;
        fs::rename(&self.temp, &self.target).map_err(DiskError::at("publish", &self.target))?;
        sync_folder(folder_of(&self.target))
    }

    fn publish_new(mut self) -> Result<bool, DiskError> {
        self.sync()?;
        match fs::hard_link(&self.temp, &self.target) {
            Ok(()) => sync_folder(folder_of(&self.target)).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(DiskError::at("publish", &self.target)(error)),
        }
    }

    fn show(mut self) -> Result<(), DiskError> {
        drop(self.written()?);
        fs::rename(&self.temp, &self.target).map_err(DiskError::at("publish", &self.target))
    }

    fn sync(&mut self) -> Result<(), DiskError> {
        self.written()?.sync_all().map_err(DiskError::at("sync", &self.temp))
    }

    fn written(&mut self) -> Result<File, DiskError> {
        let buffered = self.file.take().expect("a draft holds its file until it is published");
        buffered.into_inner().map_err(|error| DiskError::at("write", &self.temp)(error.into_error()))
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
        // After a publish the name is gone; after a failure the half file must go. A second failure here
        // leaves a .tmp, which the next run sweeps.
        drop(fs::remove_file(&self.temp));
    }
}

/// Publishes `bytes` at `target`, whole or not at all.
pub fn publish(target: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    publish_for(Audience::AsUmaskSays, target, bytes)
}

/// The same for `audience`.
pub fn publish_for(audience: Audience, target: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let mut draft = Draft::create_for(audience, target)?;
    draft.write_all(bytes).map_err(DiskError::at("write", target))?;
    draft.publish()
}

/// Publishes `bytes` at `target` for whoever lives: whole or not at all, but a power cut before
/// [`make_durable`] may leave nothing of it, or an empty file.
pub fn show_for(audience: Audience, target: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let mut draft = Draft::create_for(audience, target)?;
    draft.write_all(bytes).map_err(DiskError::at("write", target))?;
    draft.show()
}

/// Makes a file that was [shown](show_for), and its name, survive a power cut.
pub fn make_durable(path: &Path) -> Result<(), DiskError> {
    regular::open(path).and_then(|file| file.sync_all()).map_err(DiskError::at("sync", path))?;
    sync_folder(folder_of(path))
}

/// Publishes `bytes` at `target` unless something is there; `false` when somebody was first.
pub fn publish_new(target: &Path, bytes: &[u8]) -> Result<bool, DiskError> {
    let mut draft = Draft::create(target)?;
    draft.write_all(bytes).map_err(DiskError::at("write", target))?;
    draft.publish_new()
}

/// Makes `folder` and its parents so that they survive a power cut.
pub fn create_folders(folder: &Path) -> Result<(), DiskError> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    create_folders(folder_of(folder))?;
    create(Audience::AsUmaskSays, folder)
}

/// Makes `folder` for `audience`, durably. Missing parents are as the umask says.
pub fn create_folder_for(audience: Audience, folder: &Path) -> Result<(), DiskError> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    create_folders(folder_of(folder))?;
    create(audience, folder)
}

fn create(audience: Audience, folder: &Path) -> Result<(), DiskError> {
    match audience.create_folder(folder) {
        Ok(()) => sync_folder(folder_of(folder)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(DiskError::at("create folder", folder)(error)),
    }
}

/// Makes the names inside `folder` durable.
pub fn sync_folder(folder: &Path) -> Result<(), DiskError> {
    regular::open_folder(folder)
        .and_then(|file| file.sync_all())
        .map_err(DiskError::at("sync folder", folder))
}

/// Removes what crashed writers left below `folder` and returns what was removed.
/// Call it only while no other process writes there.
pub fn sweep(folder: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let mut removed = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(DiskError::at("list", &folder)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(DiskError::at("list", &folder))?;
            let kind = entry.file_type().map_err(DiskError::at("look at", &entry.path()))?;
            if kind.is_dir() {
                pending.push(entry.path());
            } else if is_temp(&entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path()).map_err(DiskError::at("remove", &entry.path()))?;
                removed.push(entry.path());
            }
        }
    }
    Ok(removed)
}

fn is_temp(name: &str) -> bool {
    name.starts_with('_') && name.ends_with(TEMP_SUFFIX)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(sweep(folder.path()).expect("swept"), [deep.join("_daily.parquet.17.tmp")]);
        assert!(deep.join("daily.parquet").exists() && deep.join("mine.tmp").exists());
    }
}

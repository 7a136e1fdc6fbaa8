//! Refused pages, kept as received, to be shown to the vendor: `OUT/_quarantine` holds a page, and
//! what is known of it, for each partition that could not be fetched. It holds a few of them; the
//! oldest go first.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serialize;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::disk::audience::Audience;
use shared::disk::folder::{Folder, FolderEntry};
use shared::disk::publish::{DiskError, Draft};
use shared::market::ticker::Ticker;
use shared::run::leftovers;

use crate::api::page_copy::PageCopy;

/// Pages in one tree.
const MOST_PAGES: usize = 50;
/// Bytes of them together.
const MOST_BYTES: u64 = 256 << 20;
const ABOUT: &str = "about.json";
const FOLDER: &str = "_quarantine";

/// Removes what writers of pages that are dead left half written.
pub fn sweep(outdir: &Path) -> Result<(), DiskError> {
    match Folder::open(outdir)?.find(FOLDER.as_ref()) {
        Ok(Some(folder)) => leftovers::sweep(&folder),
        Ok(None) => Ok(()),
        // A link, or a file: that is said when a page is to go there.
        Err(error) if error.source.kind() == ErrorKind::NotADirectory => Ok(()),
        Err(error) => Err(error),
    }
}

/// Where the pages of `ticker` for `partition` go.
pub fn page_of(outdir: &Path, ticker: &Ticker, partition: Partition) -> PathBuf {
    outdir.join(FOLDER).join(format!("{ticker}-{}.json", partition.period()))
}

/// The partitions of `wanted` whose pages are kept: they were refused before; longest ago first.
pub fn refused(outdir: &Path, ticker: &Ticker, kind: Kind, wanted: &Coverage) -> Vec<Partition> {
    if !outdir.join(FOLDER).is_dir() {
        return Vec::new();
    }
    let of_range = |days: &DateRange| Partition::within(kind, *days).collect::<Vec<_>>();
    let partitions: BTreeSet<Partition> = wanted.ranges().iter().flat_map(of_range).collect();
    let refused_at = |partition: Partition| {
        let known = fs::metadata(page_of(outdir, ticker, partition)).ok()?;
        Some((known.modified().ok()?, partition))
    };
    let mut refused: Vec<_> = partitions.into_iter().filter_map(refused_at).collect();
    refused.sort();
    refused.into_iter().map(|(_, partition)| partition).collect()
}

/// What is known of a page that was refused.
#[derive(Debug, Clone, Serialize)]
pub struct About {
    /// The request, without the key.
    pub url: String,
    pub refused_at: Timestamp,
    /// HTTP status.
    pub status: u16,
    pub refused: String,
}

/// Keeps the page that `page_copy` saw last, and says where.
pub fn keep(page_copy: &PageCopy, about: &About) -> Result<Option<PathBuf>, DiskError> {
    let Some(page) = page_copy.keep()? else { return Ok(None) };
    let text = serde_json::to_string_pretty(about).expect("plain data");
    let folder = Folder::of(Audience::Owner, page_copy.root(), &page)?;
    Draft::in_folder(&folder, Audience::Owner, &page.with_extension(ABOUT))?
        .fill(text.as_bytes())?;
    shrink(&folder, &page, MOST_PAGES, MOST_BYTES)?;
    Ok(Some(page))
}

/// Removes the oldest pages until there are few enough; `newest` stays. Another process may do the
/// same meanwhile.
fn shrink(
    folder: &Folder,
    newest: &Path,
    most_pages: usize,
    most_bytes: u64,
) -> Result<(), DiskError> {
    let page = |path: PathBuf| -> Option<(SystemTime, u64, PathBuf)> {
        let is_page = path.extension()? == "json" && !path.file_name()?.to_str()?.ends_with(ABOUT);
        let known = fs::metadata(&path).ok().filter(|_| is_page && path != newest)?;
        Some((known.modified().ok()?, known.len(), path))
    };
    let path_of = |entry: FolderEntry| folder.path().join(entry.name);
    let mut others: Vec<_> =
        folder.entries()?.into_iter().filter_map(|entry| page(path_of(entry))).collect();
    others.sort();
    let mut bytes = fs::metadata(newest).map_or(0, |known| known.len());
    let mut kept = 1;
    for (_, length, path) in others.into_iter().rev() {
        bytes = bytes.saturating_add(length);
        kept += 1;
        if kept > most_pages || bytes > most_bytes {
            for path in [path.with_extension(ABOUT), path] {
                drop(folder.remove(path.file_name().unwrap_or_default()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::disk::publish;

    #[test]
    fn what_was_refused_longest_ago_is_known_first() {
        let outdir = tempfile::tempdir().expect("a folder");
        let ticker: Ticker = "T".parse().expect("a ticker");
        let day = |text: &str| text.parse().expect("a day");
        let wanted = DateRange::new(day("2022-01-01"), day("2022-12-31")).expect("in order");
        let month =
            |number: usize| Partition::within(Kind::Minute, wanted).nth(number).expect("of 12");
        let refused = || refused(outdir.path(), &ticker, Kind::Minute, &wanted.into());
        assert!(refused().is_empty());
        for (seconds, number) in [(3, 2), (1, 9), (2, 5)] {
            let page = page_of(outdir.path(), &ticker, month(number));
            publish::publish(&page, b"{}").expect("written");
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            let file = fs::File::options().write(true).open(&page);
            file.and_then(|file| file.set_modified(at)).expect("set");
        }
        assert_eq!(refused(), [month(9), month(5), month(2)]);
    }

    #[test]
    fn pages_that_dead_writers_left_half_written_go() {
        let outdir = tempfile::tempdir().expect("a folder");
        sweep(outdir.path()).expect("nothing was ever refused");
        let folder = outdir.path().join(FOLDER);
        // No kernel numbers a process like that.
        let (half, page) = (folder.join("_T-2023.json.2000000000.tmp"), folder.join("T-2023.json"));
        for path in [&half, &page] {
            publish::publish(path, b"{}").expect("written");
        }
        sweep(outdir.path()).expect("swept");
        assert_eq!((half.exists(), page.exists()), (false, true));
    }

    #[test]
    fn the_oldest_pages_go_first_and_the_newest_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |number: u64| folder.path().join(format!("T{number}-2023.json"));
        for number in 1..=5 {
            publish::publish(&path(number), &[0; 10]).expect("written");
            publish::publish(&path(number).with_extension(ABOUT), b"{}").expect("written");
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number);
            fs::File::options()
                .write(true)
                .open(path(number))
                .and_then(|file| file.set_modified(at))
                .expect("set");
        }
        let left = || (1..=5).filter(|number| path(*number).exists()).collect::<Vec<_>>();
        let opened = Folder::open(folder.path()).expect("opened");
        shrink(&opened, &path(1), 4, 1_000).expect("listed");
        assert_eq!(left(), [1, 3, 4, 5], "what was kept now stays, whatever its time");
        shrink(&opened, &path(1), 4, 25).expect("listed");
        assert_eq!(left(), [1, 5]);
        assert!(!path(2).with_extension(ABOUT).exists());
    }
}

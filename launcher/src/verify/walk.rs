//! Walks through the folders of a ticker: which data files stand where, how long they are, and what
//! stands there besides. Names are looked at where the kernel has put them, and files by their
//! names in folders that are open: a tree has millions.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, openat, statat};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::dataset::seen;
use shared::market::ticker::Ticker;

use super::place::{Meaning, Place, Thing};

/// Names that the kernel hands over at a time.
const BUFFER: usize = 16 << 10;
/// Depth of the folders: ticker, year, month, day.
const DEPTH: usize = 4;
const NS_PER_S: i64 = 1_000_000_000;
/// In a folder where none belongs, so many levels are searched for Parquet files.
pub const ODD_DEPTH: usize = 6;

/// What stands in the place of a data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A file.
    File {
        /// Its length.
        bytes: u64,
        /// How it was found ([`seen::mark`]).
        mark: u32,
        /// When it was modified (ns since the epoch, UTC).
        modified_ns: i64,
    },
    /// Something else: `a folder`, `a named pipe`.
    NotAFile(&'static str),
    /// It can't be looked at.
    Unreadable(String),
}

/// Something that is no data file in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// In which folder.
    pub place: Place,
    /// Where.
    pub path: PathBuf,
    /// What.
    pub what: OddKind,
}

/// What is odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OddKind {
    /// A Parquet file where none belongs.
    Stray,
    /// A folder where none belongs, with so many Parquet files in it.
    StrayFolder(u64),
    /// A link, whatever it leads to.
    Link,
    /// What a killed writer has left.
    Draft,
    /// A folder that can't be listed.
    Unreadable(String),
}

/// What stands in the folder of a ticker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Data files, in the order of time.
    pub files: Vec<(Partition, Found)>,
    /// All that is odd, in the order of its paths.
    pub odd: Vec<Odd>,
}

/// Walks; holds what is needed for it, so that a walk asks for no memory.
#[derive(Debug)]
pub struct Walker {
    levels: [Level; DEPTH],
}

/// Of one depth.
#[derive(Debug)]
struct Level {
    buffer: Vec<MaybeUninit<u8>>,
    /// The names of the open folder, each with its zero, one behind the other.
    text: Vec<u8>,
    names: Vec<(usize, usize, FileType)>,
}

impl Default for Level {
    fn default() -> Self {
        let buffer = vec![MaybeUninit::uninit(); BUFFER];
        Self { buffer, text: Vec::new(), names: Vec::new() }
    }
}

impl Default for Walker {
    fn default() -> Self {
        Self { levels: std::array::from_fn(|_| Level::default()) }
    }
}

/// Whose folders are walked through, and what was found so far.
struct Walk<'a> {
    root: &'a Path,
    ticker: &'a Ticker,
    kind: Kind,
    standing: Standing,
}

impl Walker {
    /// What stands in the folder of `ticker` in a tree of `kind`; `None` where there is no such
    /// folder.
    pub fn walk(
        &mut self,
        root: &Path,
        kind: Kind,
        ticker: &Ticker,
    ) -> io::Result<Option<Standing>> {
        let own = Place::Ticker.path(root, ticker);
        let folder = match rustix::fs::open(&own, AS_FOLDER, Mode::empty()) {
            Ok(folder) => folder,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let mut walk = Walk { root, ticker, kind, standing: Standing::default() };
        walk.folder(&mut self.levels, &folder, Place::Ticker);
        let mut standing = walk.standing;
        standing.files.sort_unstable_by_key(|(partition, _)| *partition);
        standing.odd.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(Some(standing))
    }
}

const AS_FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Walk<'_> {
    fn folder(&mut self, levels: &mut [Level], folder: &OwnedFd, place: Place) {
        let Some((level, deeper)) = levels.split_first_mut() else { return };
        if let Err(error) = level.list(folder.as_fd()) {
            let what = OddKind::Unreadable(error.to_string());
            self.standing.odd.push(Odd { place, path: place.path(self.root, self.ticker), what });
            return;
        }
        for number in 0..level.names.len() {
            let (from, to, kind) = level.names[number];
            let name = CStr::from_bytes_with_nul(&level.text[from..to]).expect("as it was listed");
            self.name(deeper, folder.as_fd(), place, name, kind);
        }
    }

    fn name(
        &mut self,
        deeper: &mut [Level],
        folder: BorrowedFd<'_>,
        place: Place,
        name: &CStr,
        listed_as: FileType,
    ) {
        let path = |walk: &Self| {
            place.path(walk.root, walk.ticker).join(std::ffi::OsStr::from_bytes(name.to_bytes()))
        };
        let is_link = listed_as == FileType::Symlink;
        if is_link {
            let odd = Odd { place, path: path(self), what: OddKind::Link };
            self.standing.odd.push(odd);
        }
        let thing = match listed_as {
            FileType::Directory => Thing::Folder,
            FileType::Symlink | FileType::Unknown if is_folder(folder, name) => Thing::Folder,
            _ => Thing::File,
        };
        match place.meaning(self.kind, name.to_bytes(), thing) {
            Meaning::Data(partition) => {
                self.standing.files.push((partition, found(folder, name)));
            }
            Meaning::Way(place) => match openat(folder, name, AS_FOLDER, Mode::empty()) {
                Ok(below) => self.folder(deeper, &below, place),
                // It is gone again.
                Err(rustix::io::Errno::NOENT) => {}
                Err(errno) => {
                    let what = OddKind::Unreadable(io::Error::from(errno).to_string());
                    self.standing.odd.push(Odd { place, path: path(self), what });
                }
            },
            Meaning::OddFolder => {
                let path = path(self);
                // Where a folder has the name of the data file, it stands in its place.
                if let Some(partition) = place.partition(self.kind)
                    && name.to_bytes() == self.kind.file_name().as_bytes()
                {
                    self.standing.files.push((partition, Found::NotAFile("a folder")));
                }
                let parquet = parquet_below(&path, ODD_DEPTH);
                if parquet > 0 && !is_link {
                    let what = OddKind::StrayFolder(parquet);
                    self.standing.odd.push(Odd { place, path, what });
                }
            }
            Meaning::Draft => {
                let odd = Odd { place, path: path(self), what: OddKind::Draft };
                self.standing.odd.push(odd);
            }
            Meaning::Stray if !is_link => {
                let odd = Odd { place, path: path(self), what: OddKind::Stray };
                self.standing.odd.push(odd);
            }
            Meaning::Stray | Meaning::Ours | Meaning::Other => {}
        }
    }
}

impl Level {
    /// Takes down the names in `folder`.
    fn list(&mut self, folder: BorrowedFd<'_>) -> io::Result<()> {
        self.text.clear();
        self.names.clear();
        let mut entries = RawDir::new(folder, &mut self.buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let from = self.text.len();
            self.text.extend_from_slice(name.to_bytes_with_nul());
            self.names.push((from, self.text.len(), entry.file_type()));
        }
        Ok(())
    }
}

/// What has the name of a data file. Links are followed: what they lead to is what is read.
fn found(folder: BorrowedFd<'_>, name: &CStr) -> Found {
    match statat(folder, name, AtFlags::empty()) {
        Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                let of_second = i64::try_from(stat.st_mtime_nsec).unwrap_or(0);
                Found::File {
                    bytes: u64::try_from(stat.st_size).unwrap_or(0),
                    mark: seen::mark(stat.st_mtime, of_second, stat.st_ino),
                    modified_ns: stat.st_mtime.saturating_mul(NS_PER_S).saturating_add(of_second),
                }
            }
            FileType::Directory => Found::NotAFile("a folder"),
            FileType::Fifo => Found::NotAFile("a named pipe"),
            FileType::Socket => Found::NotAFile("a socket"),
            _ => Found::NotAFile("a device"),
        },
        Err(errno) => Found::Unreadable(io::Error::from(errno).to_string()),
    }
}

fn is_folder(folder: BorrowedFd<'_>, name: &CStr) -> bool {
    statat(folder, name, AtFlags::empty())
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// How many Parquet files there are below `folder`; links are not followed.
pub fn parquet_below(folder: &Path, depth: usize) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let count = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() && depth > 0 => parquet_below(&entry.path(), depth - 1),
        Ok(kind) if kind.is_file() => {
            u64::from(entry.file_name().to_string_lossy().contains(".parquet"))
        }
        Ok(_) | Err(_) => 0,
    };
    entries.flatten().map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn data_files_are_found_in_order_and_all_else_by_name() {
        let out = tempfile::tempdir().expect("a folder");
        let at = |name: &str| out.path().join("A").join(name);
        for (name, bytes) in [
            ("year=2024/month=03/minute.parquet", "12345"),
            ("year=2023/month=12/minute.parquet", "1"),
            ("year=2024/month=03/minute (1).parquet", "x"),
            ("year=2024/month=03/_minute.parquet.7.tmp", "x"),
            ("year=2024/month=02/notes.txt", "x"),
            ("day=2024-03-11/trades.parquet", "x"),
            ("_ledger.jsonl", ""),
        ] {
            fs::create_dir_all(at(name).parent().expect("a folder")).expect("made");
            fs::write(at(name), bytes).expect("written");
        }
        symlink("year=2024", at("year=2022")).expect("linked");
        let ticker: Ticker = "A".parse().expect("a ticker");
        let mut walker = Walker::default();
        let standing =
            walker.walk(out.path(), Kind::Minute, &ticker).expect("listed").expect("a folder");
        let length = |found: &Found| match found {
            Found::File { bytes, .. } => *bytes,
            Found::NotAFile(_) | Found::Unreadable(_) => panic!("{found:?}"),
        };
        let files: Vec<_> =
            standing.files.iter().map(|(it, found)| (it.period(), length(found))).collect();
        // What a link leads to is read by everybody who reads the tree.
        let expected = [("2022-03", 5), ("2023-12", 1), ("2024-03", 5)];
        assert_eq!(files, expected.map(|(period, bytes)| (period.to_owned(), bytes)));
        let odd: Vec<_> = standing
            .odd
            .iter()
            .map(|odd| {
                (
                    odd.path.strip_prefix(at("")).expect("below").display().to_string(),
                    odd.what.clone(),
                )
            })
            .filter(|(path, _)| !path.starts_with("year=2022/"))
            .collect();
        assert_eq!(
            odd,
            [
                ("day=2024-03-11".to_owned(), OddKind::StrayFolder(1)),
                ("year=2022".to_owned(), OddKind::Link),
                ("year=2024/month=03/_minute.parquet.7.tmp".to_owned(), OddKind::Draft),
                ("year=2024/month=03/minute (1).parquet".to_owned(), OddKind::Stray),
            ]
        );
        let nobody = walker.walk(out.path(), Kind::Minute, &"B".parse().expect("a ticker"));
        assert_eq!(nobody.expect("looked"), None);
    }

    #[test]
    fn what_stands_in_the_place_of_a_file_is_named() {
        let out = tempfile::tempdir().expect("a folder");
        let year = out.path().join("A/year=2024");
        fs::create_dir_all(year.join("daily.parquet")).expect("made");
        let ticker: Ticker = "A".parse().expect("a ticker");
        let standing = Walker::default()
            .walk(out.path(), Kind::Daily, &ticker)
            .expect("listed")
            .expect("there");
        assert_eq!(standing.files, [(Partition::Year(2024), Found::NotAFile("a folder"))]);
    }
}

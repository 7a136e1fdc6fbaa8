//! The survey of a tree before anything is written in it: whose tickers, which kind of data, whose
//! days. A tree that is refused is left as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use shared::dataset::descriptor::{self, Adjusted, Descriptor, DescriptorError};
use shared::dataset::kind::{Columns, Kind};
use shared::dataset::partition::Partition;
use shared::dataset::reader;
use shared::disk::publish::DiskError;
use shared::market::ticker::Ticker;
use shared::market::zone::Zone;

use super::facts;
use super::folder::{self, Found};
use super::noted::Noted;
use super::oddity::Oddity;
use super::place::Place;

/// Of so many tickers files are looked at to learn what the tree is.
const TICKERS: usize = 64;
/// Of each of them, so many.
const FILES: usize = 5;
/// So many files are read to learn in which zone days are counted, where no earlier one tells.
const TELLING: usize = 200;

/// What the user says of the tree.
#[derive(Debug, Clone)]
pub struct Said {
    /// Its root.
    pub outdir: PathBuf,
    /// Its kind, where that was said.
    pub kind: Option<Kind>,
    /// These tickers alone.
    pub tickers: Option<Vec<Ticker>>,
    /// Its zone.
    pub zone: Option<Zone>,
    /// The scale of its bars.
    pub adjusted: Option<Adjusted>,
}

/// What a tree is.
#[derive(Debug)]
pub struct Tree {
    /// Its root.
    pub outdir: PathBuf,
    /// Those to look at, in order of names.
    pub tickers: Vec<Ticker>,
    /// What it says, or will say, of itself.
    pub descriptor: Descriptor,
    /// Did any file tell the zone, or the user, or the tree itself?
    pub is_zone_known: bool,
    /// What stands beside the tickers.
    pub oddities: Vec<Noted>,
}

impl Tree {
    /// Which columns its trades have.
    pub fn columns(&self) -> Columns {
        self.descriptor.columns.unwrap_or(Columns::Narrow)
    }
}

/// Why a tree is not adopted. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// It can't be listed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It says something else of itself.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// No file stands where one of ours would.
    #[error(
        "{outdir}: no TICKER/year=YYYY/daily.parquet, TICKER/year=YYYY/month=MM/minute.parquet or TICKER/year=YYYY/month=MM/day=YYYY-MM-DD/trades.parquet in it{found}; nothing was changed there",
        outdir = outdir.display()
    )]
    Nothing {
        /// The tree.
        outdir: PathBuf,
        /// What stands there instead.
        found: String,
    },
    /// More than one kind of data.
    #[error(
        "{outdir} holds {kinds} files; a tree holds one kind: say which (--daily, --minute or --trades DIR in place of --outdir), and move the others to a tree of their own; nothing was changed there",
        outdir = outdir.display()
    )]
    Mixed {
        /// The tree.
        outdir: PathBuf,
        /// `daily and minute`.
        kinds: String,
    },
}

/// Looks at the tree that `said` names.
pub fn survey(said: Said) -> Result<Tree, SurveyError> {
    let Said { outdir, kind, tickers: asked, zone, adjusted } = said;
    let existing = descriptor::read(&outdir)?;
    let (tickers, oddities) = tickers_of(&outdir, asked.as_deref())?;
    let said_kind = kind.or(existing.as_ref().map(|it| it.kind));
    let sample = Sample::of(&outdir, &tickers, said_kind);
    let kind = match said_kind {
        Some(kind) => kind,
        None => sample.kind(&outdir)?,
    };
    let columns = sample.columns(kind);
    let told = zone.or(existing.as_ref().map(|it| it.time_zone));
    let found = told.or_else(|| sample.zone(columns));
    let zone = found.unwrap_or(Zone::NewYork);
    let asked = match &existing {
        Some(own) if adjusted.is_none() || !own.is_only_adopted() => Descriptor {
            kind,
            time_zone: zone,
            adjusted: adjusted.filter(|_| kind != Kind::Trades).unwrap_or(own.adjusted),
            ..own.clone()
        },
        Some(_) | None => Descriptor::of_adopted(kind, adjusted, columns, zone),
    };
    descriptor::check(&outdir, &asked)?;
    // The stamp of a daily bar is midnight in New York: the same day in both zones.
    let is_zone_known = found.is_some() || kind == Kind::Daily;
    Ok(Tree { outdir, tickers, descriptor: asked, is_zone_known, oddities })
}

/// The tickers whose folders stand in `outdir`, of those `asked` for; and what else stands there.
fn tickers_of(
    outdir: &Path,
    asked: Option<&[Ticker]>,
) -> Result<(Vec<Ticker>, Vec<Noted>), DiskError> {
    let (mut tickers, mut oddities) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(outdir).map_err(DiskError::at("list", outdir))? {
        let entry = entry.map_err(DiskError::at("list", outdir))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        // What begins so is ours, or hidden.
        if name.starts_with('_') {
            continue;
        }
        let kind = entry.file_type().map_err(DiskError::at("look at", &path))?;
        let ticker = name.parse::<Ticker>().ok().filter(|_| kind.is_dir());
        let oddity = match ticker {
            Some(ticker) if asked.is_none_or(|asked| asked.contains(&ticker)) => {
                tickers.push(ticker);
                continue;
            }
            Some(_) => Oddity::Unasked,
            None if kind.is_symlink() => Oddity::Link,
            None if name.starts_with('.') => Oddity::Hidden,
            None => Oddity::NoTicker,
        };
        oddities.push(Noted::plain(oddity, path));
    }
    tickers.sort_unstable();
    oddities.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok((tickers, oddities))
}

/// Files of some tickers: the first, the last and some between.
struct Sample {
    files: Vec<(Ticker, Partition, PathBuf)>,
    kinds: BTreeMap<&'static str, Kind>,
    /// Names of other files, for who finds none of ours.
    others: Vec<PathBuf>,
}

impl Sample {
    fn of(outdir: &Path, tickers: &[Ticker], kind: Option<Kind>) -> Self {
        let mut sample = Self { files: Vec::new(), kinds: BTreeMap::new(), others: Vec::new() };
        let mut looked_at = 0;
        for ticker in tickers {
            let mut own = Vec::new();
            for (path, found) in folder::walk(&outdir.join(ticker.as_str())) {
                match found {
                    Found::File(Place::Partition(partition)) => own.push((partition, path)),
                    Found::File(Place::Hidden) => {}
                    Found::File(_) | Found::Link | Found::Unreadable(_) => sample.others.push(path),
                }
            }
            sample.kinds.extend(own.iter().map(|(it, _)| (it.kind().name(), it.kind())));
            own.retain(|(partition, _)| kind.is_none_or(|kind| partition.kind() == kind));
            let step = own.len().div_ceil(FILES).max(1);
            looked_at += usize::from(!own.is_empty());
            // The last one is there however many there are.
            let some = own.into_iter().rev().step_by(step);
            sample.files.extend(some.map(|(partition, path)| (ticker.clone(), partition, path)));
            if looked_at == TICKERS {
                break;
            }
        }
        sample
    }

    fn kind(&self, outdir: &Path) -> Result<Kind, SurveyError> {
        let kinds: Vec<Kind> = self.kinds.values().copied().collect();
        match kinds[..] {
            [kind] => Ok(kind),
            [] => {
                let found = self.others.first().map_or_else(String::new, |path| {
                    let path = path.strip_prefix(outdir).unwrap_or(path);
                    format!(" (but {}, for example)", path.display())
                });
                Err(SurveyError::Nothing { outdir: outdir.to_owned(), found })
            }
            _ => {
                let kinds: Vec<&str> = self.kinds.keys().copied().collect();
                let kinds = kinds.join(" and ");
                Err(SurveyError::Mixed { outdir: outdir.to_owned(), kinds })
            }
        }
    }

    /// Which columns the trades have.
    fn columns(&self, kind: Kind) -> Columns {
        let has = |columns| {
            self.files
                .iter()
                .take(TELLING)
                .any(|(_, _, path)| reader::fit(path, kind, columns).is_ok())
        };
        if kind == Kind::Trades && !has(Columns::Narrow) && has(Columns::Full) {
            Columns::Full
        } else {
            Columns::Narrow
        }
    }

    /// The zone that most files tell; `None` where none does.
    fn zone(&self, columns: Columns) -> Option<Zone> {
        let (mut new_york, mut utc) = (0, 0);
        for (ticker, partition, path) in self.files.iter().take(TELLING) {
            match facts::read(path, columns, ticker, *partition).as_ref().map(|it| &it.zones[..]) {
                Ok([Zone::NewYork]) => new_york += 1,
                Ok([Zone::Utc]) => utc += 1,
                Ok(_) | Err(_) => {}
            }
        }
        match (new_york, utc) {
            (0, 0) => None,
            (new_york, utc) if utc > new_york => Some(Zone::Utc),
            _ => Some(Zone::NewYork),
        }
    }
}

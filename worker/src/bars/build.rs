//! Builds all series of one ticker in one pass over its trades, so the file of a day is decoded
//! once for all kinds of bars.

use std::collections::BTreeSet;
use std::path::Path;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::writer::Fingerprint;
use shared::disk::audience::Audience;
use shared::disk::folder::Folder;
use shared::disk::links;
use shared::disk::lock::{self, Lock, LockError};
use shared::disk::publish::DiskError;
use shared::market::bar::Bar;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::series::noted;
use shared::series::proof::{self, SeriesFolder};

use super::begin::{self, Building, ExistingBars, Start, State};
use super::chunk::{Chunk, SignedOnce};
use super::error::BuildError;
use super::plan::{self, Gaps};
use super::series;
use super::source::Reading;
use super::source::time_order::TimeOrder;
use super::source::tree::Holdings;
use super::spec::SeriesSpec;
use super::tick_rule::SignsNeeded;
use crate::clock;
use crate::stop::Stop;

/// What to build for one ticker.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// Root of the bars.
    pub outdir: &'a Path,
    /// New York days.
    pub asked: DateRange,
    /// The series, each mode once.
    pub specs: Vec<SeriesSpec>,
    /// What to do with existing bars.
    pub existing: ExistingBars,
    /// What to do with missing days.
    pub gaps: Gaps,
    /// How the input is read.
    pub reading: &'a Reading,
}

/// The result for one series.
#[derive(Debug)]
pub struct Outcome {
    pub state: State,
    /// The days that were read for it; none if it was skipped.
    pub read: Coverage,
}

/// Builds every series of the ticker. Checks all of them before it changes anything.
pub fn build(
    job: &Job<'_>,
    holdings: &Holdings,
    stop: &Stop,
    mut progress: impl FnMut(u64),
    warn: impl Fn(&str),
) -> Result<Vec<Outcome>, BuildError> {
    let ticker = holdings.ticker();
    let _locks = lock(job.outdir, ticker)?;
    let mut starts = Vec::new();
    for spec in job.specs.clone() {
        let folder = SeriesFolder::new(job.outdir, ticker, spec.mode);
        refuse_links(job.outdir, &folder)?;
        starts.push(begin::look(spec, folder, holdings, job.asked, job.existing, job.gaps)?);
    }
    let (mut outcomes, mut buildings) = (Vec::new(), Vec::new());
    for start in starts {
        match start {
            Start::Nothing(folder, state) => {
                // A process that was killed while it wrote its note has left a draft.
                folder.sweep()?;
                if let Some(run) = job.existing.run {
                    noted::note(&folder, run, Fingerprint::of_file(&folder.state())?)?;
                }
                proof::note_verified(&folder, clock::now())?;
                outcomes.push(Outcome { state: *state, read: Coverage::empty() });
            }
            Start::Build(ready) => {
                if let Some(year) = ready.damaged.first() {
                    warn(&format!(
                        "{}: differs from what the state says; rebuilding from the last point before it",
                        ready.folder.file(*year).display()
                    ));
                }
                ready.folder.sweep()?;
                buildings.push(ready.begin(ticker)?);
            }
        }
    }
    for days in segments(buildings.iter().map(|building| &building.plan.read)) {
        read(job.reading, holdings, days, &mut buildings, stop, &mut progress)?;
    }
    for building in buildings {
        let read = building.plan.read.clone();
        outcomes.push(Outcome { state: building.finish(ticker, job.existing.run)?, read });
    }
    Ok(outcomes)
}

/// Refuses symbolic links below `outdir`.
fn refuse_links(outdir: &Path, folder: &SeriesFolder) -> Result<(), DiskError> {
    links::refuse(outdir, &folder.state())?;
    folder.years()?.into_iter().try_for_each(|year| links::refuse(outdir, &folder.file(year)))
}

/// Locks the ticker until both locks are dropped: the lock file of this version, and the folder,
/// which earlier versions lock.
fn lock(outdir: &Path, ticker: &Ticker) -> Result<(Lock, Folder), BuildError> {
    let folder = outdir.join(ticker.as_str());
    let path = folder.join("_bars.lock");
    let busy = |by: String| BuildError::Busy { ticker: ticker.clone(), folder: folder.clone(), by };
    let own = Lock::take_below(outdir, &path).map_err(|error| match error {
        LockError::Disk(error) => error.into(),
        LockError::Held { holder, .. } => busy(holder),
    })?;
    let opened = Folder::of(Audience::AsUmaskSays, outdir, &path)?;
    match lock::share_or_tell(opened.file(), &folder)? {
        None => Ok((own, opened)),
        Some(by) => Err(busy(by.to_string())),
    }
}

/// Ranges in time order, each within one year; all days of a range are read for the same series.
fn segments<'a>(reads: impl Iterator<Item = &'a Coverage> + Clone) -> Vec<DateRange> {
    let all = reads.clone().fold(Coverage::empty(), |all, read| all.union(read));
    let ranges = reads.flat_map(Coverage::ranges);
    let borders: BTreeSet<TradingDay> =
        ranges.flat_map(|range| [range.from(), range.to().next()]).collect();
    let mut segments = Vec::new();
    for range in plan::by_year(&all) {
        let mut from = range.from();
        let inside =
            borders.range(range.from().next()..).take_while(|border| **border <= range.to());
        for border in inside {
            segments.extend(DateRange::new(from, border.previous()));
            from = *border;
        }
        segments.extend(DateRange::new(from, range.to()));
    }
    segments
}

/// Reads `days` once for all series that need them.
fn read(
    reading: &Reading,
    holdings: &Holdings,
    days: DateRange,
    buildings: &mut [Building],
    stop: &Stop,
    progress: &mut impl FnMut(u64),
) -> Result<(), BuildError> {
    let mut active: Vec<&mut Building> =
        buildings.iter_mut().filter(|building| building.plan.read.contains(days.from())).collect();
    for building in &mut active {
        building.enter(days)?;
    }
    let last = active.iter().filter_map(|building| building.point.last_stamp).max();
    let needed =
        active.iter().map(|building| series::signs_needed(&building.spec.parameters)).max();
    let mut signed = SignedOnce::new(needed.unwrap_or(SignsNeeded::Moves));
    let (mut time_order, mut closed) = (TimeOrder::after(last), Vec::new());
    reading.read::<BuildError>(holdings, days, &mut time_order, |chunk| {
        if stop.is_asked() {
            return Err(BuildError::Stopped);
        }
        signed.next_chunk();
        for building in &mut active {
            fold(building, chunk, &mut signed, &mut closed)?;
        }
        progress(chunk.stamps.len() as u64);
        Ok(())
    })?;
    for building in active {
        building.point.through = Some(days.to());
    }
    Ok(())
}

fn fold(
    building: &mut Building,
    chunk: &Chunk<'_>,
    signed: &mut SignedOnce,
    closed: &mut Vec<Bar>,
) -> Result<(), BuildError> {
    let Building { spec, point, files, .. } = building;
    let signs = signed.signs(&mut point.tick_rule, chunk.prices);
    closed.clear();
    series::fold(spec.mode, &spec.parameters, point, chunk, signs, closed);
    files.append(closed)?;
    Ok(())
}

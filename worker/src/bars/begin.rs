//! The series before a run: compares its state on disk with the request and decides where building
//! starts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::run_mark::RunMark;
use shared::dataset::writer::Fingerprint;
use shared::market::bar::Mode;
use shared::market::ticker::Ticker;
use shared::series::noted;
use shared::series::proof::{self, STATE_VERSION, SeriesFolder, SeriesState, StateError};

use super::error::BuildError;
use super::output::YearFiles;
use super::plan::{self, Begin, Candidate, Gaps, Plan};
use super::series::{self, Point};
use super::source::tree::Holdings;
use super::spec::SeriesSpec;
use crate::clock;

/// The state of a series on disk.
pub type State = SeriesState<Point>;

/// What to do with existing bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExistingBars {
    /// Which series are skipped.
    pub skip: Skip,
    /// What building does to the other series.
    pub built: Built,
    /// The run that requests the bars, if any. A series that this run has built or checked counts
    /// as new, whatever the clock says.
    pub run: Option<RunMark>,
}

/// Which series are skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// None.
    Never,
    /// Those with the same parameters that cover the range, if they were built or checked at or
    /// after this instant.
    Since(Option<Timestamp>),
}

/// What building does to existing bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Built {
    /// Continues them; replaces them where the range overlaps.
    Continued,
    Replaced,
}

/// A series that is checked and planned; nothing is changed yet.
#[derive(Debug)]
pub struct Ready {
    /// Its specification.
    pub spec: SeriesSpec,
    pub folder: SeriesFolder,
    /// What is read.
    pub plan: Plan,
    /// Years whose files differ from the state.
    pub damaged: Vec<i16>,
    gaps: Coverage,
    state: Option<State>,
}

/// What a run does to a series.
#[derive(Debug)]
pub enum Start {
    Build(Box<Ready>),
    /// Skip it: it covers the range and its files are intact.
    Nothing(SeriesFolder, Box<State>),
}

/// Checks a series and decides where building starts. Changes nothing.
pub fn look(
    spec: SeriesSpec,
    folder: SeriesFolder,
    holdings: &Holdings,
    asked: DateRange,
    existing: ExistingBars,
    gaps: Gaps,
) -> Result<Start, BuildError> {
    let known = known(&spec, &folder);
    // This check reads all files, so skip it for bars that are replaced anyway.
    let damaged = match (&known, existing) {
        (_, ExistingBars { skip: Skip::Never, built: Built::Replaced, .. }) => Vec::new(),
        (Ok(Some(state)), _) => state.damaged(&folder),
        _ => Vec::new(),
    };
    if let (Skip::Since(since), Ok(Some(state))) = (existing.skip, &known)
        && state.covers(asked)
        && gaps_stand(&state.gaps.intersection(&asked.into()), holdings, gaps)
        && damaged.is_empty()
        && since.is_none_or(|since| is_new(&folder, since, existing.run))
    {
        return Ok(Start::Nothing(folder, Box::new(state.clone())));
    }
    let (state, damaged) = match existing.built {
        Built::Replaced => (None, Vec::new()),
        Built::Continued => (known?, damaged),
    };
    let covered = state.as_ref().map(|state| state.covered.clone()).unwrap_or_default();
    let candidates = state.as_ref().map(candidates).unwrap_or_default();
    let usable = |begin| state.as_ref().is_some_and(|state| is_usable(state, begin, &damaged));
    let mut plan =
        plan::plan(&covered, &candidates, asked, gaps, usable).map_err(|gap| BuildError::Gap {
            ticker: holdings.ticker().clone(),
            mode: spec.mode,
            covered: covered.clone(),
            gap,
        })?;
    let missing = holdings.missing(&plan.read);
    if !missing.is_empty() && gaps == Gaps::Refused {
        return Err(BuildError::Missing(holdings.lacking(&plan.read)));
    }
    if let Some(state) = &state {
        refuse_to_forget(state, &plan, holdings, spec.mode)?;
    }
    plan.read = plan.read.minus(&missing);
    plan.covered = plan.covered.minus(&missing);
    let gaps = state.as_ref().map(|state| state.gaps.union(&missing)).unwrap_or(missing);
    let gaps = gaps.minus(&plan.covered);
    Ok(Start::Build(Box::new(Ready { spec, folder, plan, damaged, gaps, state })))
}

fn is_new(folder: &SeriesFolder, since: Timestamp, run: Option<RunMark>) -> bool {
    run.is_some_and(|run| noted::is_of(folder, run))
        || proof::last_verified(folder).is_ok_and(|at| at >= since)
}

/// Without a ledger, a missing file looks like a day without trades. Refuses to rebuild days whose
/// files are missing: their bars would be lost.
fn refuse_to_forget(
    state: &State,
    plan: &Plan,
    holdings: &Holdings,
    mode: Mode,
) -> Result<(), BuildError> {
    let again = plan.read.intersection(&state.covered);
    if holdings.are_proven() || again.is_empty() {
        return Ok(());
    }
    let before = point(state, plan.begin).map_or(0, |point| point.counts.files);
    let had = state.tail.counts.files.saturating_sub(before);
    match holdings.files_of_days(&again)? {
        Some(there) if there < had => Err(BuildError::Forgotten {
            ticker: holdings.ticker().clone(),
            mode,
            days: again,
            had,
            there,
        }),
        _ => Ok(()),
    }
}

/// Are gaps still allowed, and are the days of these gaps still missing?
fn gaps_stand(left: &Coverage, holdings: &Holdings, gaps: Gaps) -> bool {
    left.is_empty() || (gaps == Gaps::Allowed && holdings.missing(left) == *left)
}

/// The state on disk if it belongs to `spec`; `None` for a new series and for a series that was
/// claimed but never built.
fn known(spec: &SeriesSpec, folder: &SeriesFolder) -> Result<Option<State>, BuildError> {
    let Some(state) = State::read(folder)? else {
        if folder.years()?.is_empty() {
            return Ok(None);
        }
        return Err(BuildError::Foreign { folder: folder.path().to_owned() });
    };
    let corrupt = |what: &str| StateError::Corrupt { path: folder.state(), what: what.to_owned() };
    if state.came_to_nothing() {
        return Ok(None);
    }
    let fits = |point: &Point| series::fits(&point.rule_state, &state.parameters.rule);
    if !state.year_ends.iter().chain([&state.tail]).all(fits) {
        return Err(corrupt("its memory is of another rule").into());
    }
    if state.parameters != spec.parameters {
        return Err(BuildError::OtherParameters {
            folder: folder.path().to_owned(),
            mode: spec.mode,
            existing: state.parameters.to_string(),
            asked: spec.parameters.to_string(),
        });
    }
    Ok(Some(state))
}

fn candidates(state: &State) -> Vec<Candidate> {
    let year_ends =
        state.year_ends.iter().enumerate().map(|(number, point)| (Begin::YearEnd(number), point));
    let points = year_ends.chain([(Begin::Tail, &state.tail)]);
    points
        .filter_map(|(begin, point)| point.through.map(|through| Candidate { begin, through }))
        .collect()
}

/// Are all files intact that a point builds on? `damaged` are the years whose files differ from the
/// state.
///
/// A crash during a rebuild leaves files that are newer than the state, perhaps of the same length.
fn is_usable(state: &State, begin: Begin, damaged: &[i16]) -> bool {
    let Some(point) = point(state, begin) else { return false };
    let Some(position) = point.position else { return true };
    let holds =
        |closed: u64| state.files.get(&position.year).is_some_and(|proof| proof.bars >= closed);
    let last = if position.closed > 0 { position.year } else { position.year.saturating_sub(1) };
    (position.closed == 0 || holds(position.closed)) && damaged.iter().all(|year| *year > last)
}

fn point(state: &State, begin: Begin) -> Option<&Point> {
    match begin {
        Begin::Start => None,
        Begin::YearEnd(number) => state.year_ends.get(number),
        Begin::Tail => Some(&state.tail),
    }
}

/// A series that is being built.
pub struct Building {
    /// Its specification.
    pub spec: SeriesSpec,
    /// What is read.
    pub plan: Plan,
    /// Its state after the last trade.
    pub point: Point,
    pub files: YearFiles,
    folder: SeriesFolder,
    gaps: Coverage,
    year_ends: Vec<Point>,
}

impl Ready {
    /// Starts building. Nothing on disk changes before the first file of bars is complete.
    pub fn begin(self, ticker: &Ticker) -> Result<Building, BuildError> {
        let Self { spec, folder, plan, gaps, state, .. } = self;
        let start = Point::start(&spec.parameters);
        let columns = spec.parameters.columns();
        let Some(state) = state else {
            let claim = State {
                version: STATE_VERSION,
                ticker: ticker.clone(),
                mode: spec.mode,
                parameters: spec.parameters.clone(),
                covered: Coverage::empty(),
                gaps: Coverage::empty(),
                files: BTreeMap::new(),
                year_ends: Vec::new(),
                tail: start.clone(),
            };
            let files = YearFiles::anew(folder.clone(), columns, claim.text());
            return Ok(Building {
                spec,
                plan,
                point: start,
                files,
                folder,
                gaps,
                year_ends: Vec::new(),
            });
        };
        let from = point(&state, plan.begin).cloned().unwrap_or(start);
        let files = YearFiles::resume(folder.clone(), columns, from.position, &state.files)?;
        let mut year_ends = state.year_ends;
        year_ends.truncate(match plan.begin {
            Begin::Start => 0,
            Begin::YearEnd(number) => number + 1,
            Begin::Tail => year_ends.len(),
        });
        Ok(Building { spec, plan, point: from, files, folder, gaps, year_ends })
    }
}

impl Building {
    /// Called before days of another year are read: saves a point to restart from.
    pub fn enter(&mut self, days: DateRange) -> Result<(), BuildError> {
        let known = self.year_ends.last().and_then(|point| point.through);
        let ends_a_year =
            self.point.through.is_some_and(|through| through.year() < days.from().year());
        if ends_a_year && self.point.through != known {
            self.point.position = self.files.position(self.point.open_bar.tail().as_ref())?;
            self.year_ends.push(self.point.clone());
        }
        Ok(())
    }

    /// Publishes the last file, then the note of `run`, then the state.
    pub fn finish(mut self, ticker: &Ticker, run: Option<RunMark>) -> Result<State, BuildError> {
        if !series::can_be_kept(&self.point) {
            return Err(BuildError::Overflow { ticker: ticker.clone(), mode: self.spec.mode });
        }
        let open = self.point.open_bar.tail();
        self.point.position = self.files.position(open.as_ref())?;
        let files = self.files.finish(open.as_ref())?;
        let state = State {
            version: STATE_VERSION,
            ticker: ticker.clone(),
            mode: self.spec.mode,
            parameters: self.spec.parameters,
            covered: self.plan.covered,
            gaps: self.gaps,
            files,
            year_ends: self.year_ends,
            tail: self.point,
        };
        if let Some(run) = run {
            noted::note(&self.folder, run, Fingerprint::of_bytes(state.text().as_bytes()))?;
        }
        state.publish(&self.folder)?;
        proof::note_verified(&self.folder, clock::now())?;
        Ok(state)
    }
}

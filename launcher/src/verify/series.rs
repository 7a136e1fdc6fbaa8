//! Series: judges a ticker of a tree of bars by the states of its series. A partition of bars is a
//! series: one kind of bars of one ticker.

use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::error_chain::with_causes;
use shared::market::bar::Mode;
use shared::market::security_days::{SecurityDays, SymbolDays};
use shared::market::ticker::Ticker;
use shared::run::thousands::counted;
use shared::series::parameters::TradeSource;
use shared::series::proof::{self, SeriesFolder, SeriesState};

use super::expectation::Sessions;
use super::finding::Finding;
use super::identity::Stranger;
use super::judged::Judged;
use super::listed::Listed;
use super::report::Months;
use super::rule::Rule;
use super::state::State;
use super::tree_kind::TreeKind;

/// A series that can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Which kind of bars.
    pub mode: Mode,
    /// The days whose trades are in it.
    pub covered: Coverage,
    /// Those of them on which nothing was traded: the series has no bar, and none is open.
    pub empty: Coverage,
    /// What it is made of.
    pub input: Kind,
    /// When it was made, or found right.
    pub verified_at: Timestamp,
    /// The days of one security, where it is of one alone.
    pub days: Option<SecurityDays>,
}

/// Where a series stands; all else of it is the worker's business.
#[derive(Debug, Deserialize)]
struct Point {
    /// When the last trade was; `None`: there was none.
    last_stamp: Option<i64>,
}

/// What is asked about every ticker of a tree of bars.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The days asked about.
    pub days: DateRange,
    /// Their months.
    pub months: Months,
    /// Their sessions.
    pub sessions: &'a Sessions,
    /// Which kinds of bars every ticker is to have.
    pub modes: &'a [Mode],
    /// Where the tree is.
    pub root: &'a Path,
}

/// Judges the series of `ticker`; those that can be read are handed on. Looks at the files that
/// they name.
pub fn judge(
    question: &Question<'_>,
    ticker: &Ticker,
    listed: Listed,
    strangers: &[Stranger],
) -> (Judged, Vec<Series>) {
    let mut judged = Judged::nothing(question.months);
    let mut all = Vec::new();
    let days = listed.within(question.days);
    for mode in question.modes {
        let mut state = State::OutsideListing;
        let folder = SeriesFolder::new(question.root, ticker, *mode);
        let series = look(&folder, ticker, *mode, &mut judged, &mut state);
        let covered = series.as_ref().map_or_else(Coverage::empty, |it| it.covered.clone());
        let own = series.as_ref().and_then(|series| series.days.as_ref());
        // Of one security alone, its days are expected and no others.
        let asked = match own {
            Some(own) => days_of(own).intersection(&Coverage::from(question.days)),
            None => days.map_or_else(Coverage::empty, Coverage::from),
        };
        for Stranger { days, reason } in strangers.iter().filter(|_| own.is_none()) {
            let theirs = covered.intersection(&Coverage::from(*days));
            for range in question.sessions.ranges(&theirs) {
                let reason = format!("{mode}: {reason}");
                let finding = Finding::new(TreeKind::Bars, Rule::AnotherSecurity, reason);
                judged.find(finding.of(ticker).on(range).at(folder.state()));
                state = state.max(State::Suspect);
            }
        }
        if !asked.is_empty() {
            let missing = asked.minus(&covered);
            let empty = series.as_ref().map_or_else(Coverage::empty, |it| it.empty.clone());
            let empty = empty.intersection(&asked);
            mark(question, &covered.intersection(&asked), State::Covered, &mut judged);
            mark(question, &empty, State::EmptyConfirmed, &mut judged);
            if question.sessions.count(&asked) > 0 {
                state = state.max(State::Covered);
            }
            if let (Some(hull), count @ 1..) = (empty.hull(), question.sessions.count(&empty)) {
                let count = counted(count as u64, "session");
                let reason = format!("{mode}: {count} without a bar: the input has no trade");
                let finding = Finding::new(TreeKind::Bars, Rule::NothingTraded, reason);
                judged.find(finding.of(ticker).on(hull).at(folder.state()));
                state = state.max(State::EmptyConfirmed);
            }
            for range in question.sessions.ranges(&missing) {
                let sessions = question.sessions.within(range).len() as u64;
                let reason =
                    format!("{mode}: the series does not have {}", counted(sessions, "session"));
                let finding = Finding::new(TreeKind::Bars, Rule::NoProof, reason);
                let file = Some(folder.state()).filter(|state| state.exists());
                judged.find(Finding { file, ..finding.of(ticker).on(range) });
                state = state.max(State::Missing);
            }
        }
        judged.others.count(state);
        all.extend(series);
    }
    (judged, all)
}

fn look(
    folder: &SeriesFolder,
    ticker: &Ticker,
    mode: Mode,
    judged: &mut Judged,
    state: &mut State,
) -> Option<Series> {
    let new = |rule, reason: String| Finding::new(TreeKind::Bars, rule, reason).of(ticker);
    let read = match SeriesState::<Point>::read(folder) {
        Ok(Some(read)) => read,
        Ok(None) => return None,
        Err(error) => {
            let finding = new(Rule::LedgerUnreadable, format!("{mode}: {}", with_causes(&error)));
            judged.find(finding.at(folder.state()));
            *state = State::Damaged;
            return None;
        }
    };
    for (year, proof) in &read.files {
        let path = folder.file(*year);
        let (rule, reason) = match std::fs::metadata(&path) {
            Ok(found) if found.len() == proof.fingerprint.bytes && found.is_file() => {
                judged.rows = judged.rows.saturating_add(proof.bars);
                judged.bytes = judged.bytes.saturating_add(proof.fingerprint.bytes);
                continue;
            }
            Ok(found) if found.is_file() => (
                Rule::WrongLength,
                format!("{} bytes where the state says {}", found.len(), proof.fingerprint.bytes),
            ),
            Ok(_) => (Rule::NotAFile, "something else stands in the place of the file".to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                (Rule::FileGone, format!("the file is gone ({} bars)", proof.bars))
            }
            Err(error) => (Rule::Unreadable, error.to_string()),
        };
        let finding = new(rule, format!("{mode} {year}: {reason}; `bars` makes it again"));
        *state = (*state).max(finding.state);
        let partition = Partition::Year(*year);
        let finding = finding.on(partition.span()).at(path);
        judged.find(finding);
    }
    // A file of a year that the state does not know is nobody's.
    for year in folder.years().unwrap_or_default() {
        if !read.files.contains_key(&year) {
            let reason = format!("{mode} {year}: the state of the series does not tell of it");
            judged.find(new(Rule::StrayFile, reason).at(folder.file(year)));
            *state = (*state).max(State::Suspect);
        }
    }
    let verified_at = proof::last_verified(folder).unwrap_or(Timestamp::MIN);
    let input = match read.parameters.source {
        TradeSource::Trades | TradeSource::SipTrades => Kind::Trades,
        TradeSource::MinuteVwap | TradeSource::MinuteClose => Kind::Minute,
    };
    let (covered, days) = (read.covered.union(&read.gaps), read.parameters.days);
    let has_traded = !read.files.is_empty() || read.tail.last_stamp.is_some();
    let empty = if has_traded { Coverage::empty() } else { read.covered };
    Some(Series { mode, covered, empty, input, verified_at, days })
}

fn days_of(security: &SecurityDays) -> Coverage {
    let ends = security.symbols.iter().map(SymbolDays::ends);
    ends.filter_map(|(from, to)| DateRange::new(from, to)).collect()
}

fn mark(question: &Question<'_>, days: &Coverage, state: State, judged: &mut Judged) {
    for range in question.sessions.ranges(days) {
        judged.mark_days(range, state);
    }
}

/// The kinds of bars that stand in the folders of some tickers.
pub fn modes_of<'a>(root: &Path, tickers: impl Iterator<Item = &'a Ticker>) -> Vec<Mode> {
    let mut left: Vec<Mode> = Mode::ALL.to_vec();
    let mut found = Vec::new();
    for ticker in tickers {
        let is_there = |mode: &Mode| SeriesFolder::new(root, ticker, *mode).state().exists();
        found.extend(left.extract_if(.., |mode| is_there(mode)));
        if left.is_empty() {
            break;
        }
    }
    found.sort_unstable();
    found
}

//! Reads what is needed to hold the trees of a market against each other, for one ticker. What
//! follows from it is [`across`](crate::verify::across)'s business.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::presence;
use shared::dataset::trust::Trust;
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;

use super::{Common, Looked};
use crate::verify::across::{self, Presence};
use crate::verify::evidence::Evidence;
use crate::verify::finding::Finding;
use crate::verify::rule::Rule;
use crate::verify::tree_kind::TreeKind;

/// What the trees of `ticker` say of each other, where there are several, each with the place of the
/// tree that it is of.
pub(super) fn findings(
    common: &Common<'_>,
    ticker: &Ticker,
    looked: &[Looked],
) -> Vec<(usize, Finding)> {
    let place = |kind: TreeKind| common.survey.trees.iter().position(|tree| tree.kind == kind);
    let mut found = Vec::new();
    if let Some(daily) = place(TreeKind::Daily) {
        found.extend(by_volume(common, ticker, looked, daily));
    }
    if let Some(bars) = place(TreeKind::Bars) {
        // Those of one security alone are made of the days of several symbols.
        for series in looked[bars].series.iter().filter(|series| series.days.is_none()) {
            let Some(input) = place(series.input.into()) else { continue };
            let input = &looked[input].evidence;
            let Common { survey, trust, sessions, .. } = common;
            let of_series =
                across::bars_against_input(series, input, survey.days, sessions, trust, ticker);
            let is_on = |finding: &Finding| survey.rules.is_on(finding.rule);
            found.extend(of_series.into_iter().filter(is_on).map(|finding| (bars, finding)));
        }
    }
    found
}

/// By the tree of daily bars, which stands at the place `daily`.
fn by_volume(
    common: &Common<'_>,
    ticker: &Ticker,
    looked: &[Looked],
    daily: usize,
) -> Vec<(usize, Finding)> {
    let Common { survey, trust, .. } = common;
    let root = |at: usize| survey.trees[at].root.as_path();
    let (mut found, mut volumes) = (Vec::new(), None);
    for (kind, rule) in
        [(Kind::Minute, Rule::VolumeWithoutMinutes), (Kind::Trades, Rule::VolumeWithoutTrades)]
    {
        let place = survey.trees.iter().position(|tree| tree.kind == kind.into());
        let Some(at) = place.filter(|_| survey.rules.is_on(rule)) else { continue };
        let of_daily = &looked[daily].evidence;
        let volumes = volumes
            .get_or_insert_with(|| self::volumes(root(daily), ticker, of_daily, survey.days));
        let tree = (root(at), kind);
        let present = presence(tree, ticker, &looked[at].evidence, survey.days, trust);
        let lacking = across::volume_without_rows(kind, volumes, &present, ticker);
        found.extend(lacking.into_iter().map(|finding| (at, finding)));
    }
    found
}

/// The shares traded on each of these days, by daily bars. A file that can't be read tells nothing
/// here.
fn volumes(
    root: &Path,
    ticker: &Ticker,
    evidence: &Evidence,
    days: DateRange,
) -> BTreeMap<TradingDay, f64> {
    let of_files = evidence.sound().filter_map(|sound| {
        let partition = sound.record.partition;
        partition.span().intersection(days)?;
        presence::volumes(&partition.file(root, ticker, Kind::Daily), ticker).ok()
    });
    of_files.flatten().filter(|(day, _)| days.contains(*day)).collect()
}

/// On which of these days a tree of `kind` has rows. Trades have a file a day, and none is read;
/// of minutes the dates are.
fn presence(
    (root, kind): (&Path, Kind),
    ticker: &Ticker,
    evidence: &Evidence,
    days: DateRange,
    trust: &Trust,
) -> Presence {
    let mut claimed = across::claimed(evidence, trust);
    let mut present = BTreeSet::new();
    // What is recorded and can't be read is found by others; here it claims nothing.
    let mut unread = Coverage::empty();
    for record in evidence.records().iter().filter(|record| record.file.is_some()) {
        unread = unread.union(&record.partition.span().into());
    }
    for sound in evidence.sound() {
        let partition = sound.record.partition;
        let span = partition.span();
        if span.intersection(days).is_none() {
            continue;
        }
        let read = match kind {
            Kind::Trades => Ok(vec![span.from()]),
            Kind::Daily | Kind::Minute => {
                presence::days(&partition.file(root, ticker, kind), ticker)
            }
        };
        if let Ok(read) = read {
            present.extend(read);
            unread = unread.minus(&span.into());
        }
    }
    claimed = claimed.minus(&unread);
    Presence { claimed, days: present }
}

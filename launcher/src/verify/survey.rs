//! Surveys: looks at every ticker of every tree on a few threads, has it judged, and makes one
//! report of it all.

mod compared;
mod together;

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::crew;
use shared::dataset::coverage::DateRange;
use shared::dataset::trust::Trust;
use shared::disk::regular;
use shared::market::bar::Mode;
use shared::market::ticker::Ticker;
use shared::run::thousands::counted;

use self::compared::Compared;
use super::deep::{self, DeepTree};
use super::evidence::Evidence;
use super::expectation::{Expectation, Sessions};
use super::finding::Finding;
use super::identity::{self, Stranger};
use super::judge::{self, Question};
use super::judged::Judged;
use super::listed::{self, Listed, Listings};
use super::report::{Cell, Counts, Depth, Months, Report, TreeReport};
use super::rule::{Rule, Rules};
use super::series::{self, Series};
use super::suspicion;
use super::suspicion::facts::TickerFacts;
use super::tree::Tree;
use super::walk::Walker;

/// More findings than these are not held: cells and counts have them.
const FINDINGS_MAX: usize = 250_000;

/// What is to be verified.
#[derive(Debug, Clone)]
pub struct Survey {
    /// Each kind once, in their order; at least one.
    pub trees: Vec<Tree>,
    /// Of whom something is expected.
    pub tickers: Asked,
    /// Days that are settled.
    pub days: DateRange,
    /// How thorough.
    pub depth: Depth,
    /// Which rules are on.
    pub rules: Rules,
    /// When tickers were listed, as of a day, where anybody knows.
    pub listings: Option<Listings>,
    /// So often an empty answer is to be given again, a day apart, before it is believed.
    pub recheck_empty: u32,
    /// Which kinds of bars every ticker of a tree of bars is to have; `None` where nobody says it.
    pub modes: Option<Vec<Mode>>,
    /// Threads that look.
    pub threads: usize,
    /// Now.
    pub now: Timestamp,
}

/// Of whom something is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Of these, whatever is there.
    These(Vec<Ticker>),
    /// Of those that have a folder: whoever has none is not missed.
    WhoeverIsThere,
}

/// What all tickers have in common.
struct Common<'a> {
    survey: &'a Survey,
    trust: Trust,
    months: Months,
    sessions: Sessions,
    expectations: Vec<Option<Expectation>>,
    modes: Vec<Mode>,
    compared: Compared,
    /// The trees whose files are read; none of bars.
    deep: Vec<Option<DeepTree>>,
}

/// What was found of one ticker: in each tree.
struct OfTicker {
    place: usize,
    is_listing_known: bool,
    trees: Vec<(Judged, IsThere)>,
}

type IsThere = bool;

/// What was seen of one ticker in one tree.
struct Looked {
    judged: Judged,
    is_there: IsThere,
    evidence: Evidence,
    series: Vec<Series>,
}

impl Survey {
    /// Looks at everything. `progress` is called whenever a ticker is done.
    pub fn run(&self, progress: &(dyn Fn() + Sync)) -> Report {
        let tickers = self.all_tickers();
        let common = Common::of(self, &tickers);
        let items: Vec<usize> = (0..tickers.len()).collect();
        let chunks = in_chunks(&items, self.threads);
        let found = crew::each(
            self.threads,
            chunks,
            || true,
            |chunk| {
                let mut walker = Walker::default();
                let look = |place: usize| {
                    let of_ticker = common.look(&mut walker, place, &tickers[place]);
                    progress();
                    of_ticker
                };
                chunk.into_iter().map(look).collect::<Vec<_>>()
            },
        );
        common.report(tickers.clone(), found.into_iter().flatten())
    }

    /// How many tickers a run of it looks at.
    pub fn tickers(&self) -> usize {
        self.all_tickers().len()
    }

    fn all_tickers(&self) -> Vec<Ticker> {
        let all: BTreeSet<&Ticker> = match &self.tickers {
            Asked::These(tickers) => tickers.iter().collect(),
            Asked::WhoeverIsThere => {
                self.trees.iter().flat_map(|tree| &tree.names.tickers).collect()
            }
        };
        all.into_iter().cloned().collect()
    }
}

/// Few enough that threads seldom ask for more, and so many that they end together.
fn in_chunks(items: &[usize], threads: usize) -> Vec<Vec<usize>> {
    let size = (items.len() / (threads.max(1) * 16)).clamp(1, 64);
    items.chunks(size).map(<[usize]>::to_vec).collect()
}

impl<'a> Common<'a> {
    fn of(survey: &'a Survey, tickers: &[Ticker]) -> Self {
        let expectation =
            |tree: &Tree| tree.kind.data().map(|kind| Expectation::of(kind, survey.days));
        let bars = survey.trees.iter().find(|tree| tree.kind.data().is_none());
        let modes = match (&survey.modes, bars) {
            (Some(modes), _) => modes.clone(),
            (None, Some(tree)) => series::modes_of(&tree.root, tickers.iter()),
            (None, None) => Vec::new(),
        };
        let deep = |tree: &Tree| {
            let kind = tree.kind.data().filter(|_| survey.depth == Depth::Files)?;
            Some(DeepTree::of(&tree.root, kind, tree.zone))
        };
        Self {
            survey,
            deep: survey.trees.iter().map(deep).collect(),
            trust: Trust::at(survey.now, survey.recheck_empty),
            months: Months::of(survey.days),
            sessions: Sessions::of(survey.days),
            expectations: survey.trees.iter().map(expectation).collect(),
            modes,
            compared: Compared::default(),
        }
    }

    fn look(&self, walker: &mut Walker, place: usize, ticker: &Ticker) -> OfTicker {
        let survey = self.survey;
        let listed = survey.listings.as_ref().map_or(Listed::UNKNOWN, |all| all.of(ticker));
        let of_tree = |(tree, expectation): (&Tree, &Option<Expectation>)| match expectation {
            Some(expectation) => self.download(walker, tree, expectation, ticker, listed),
            None => self.bars(tree, ticker, listed),
        };
        let mut looked: Vec<Looked> =
            survey.trees.iter().zip(&self.expectations).map(of_tree).collect();
        self.read_files(ticker, listed, &mut looked);
        for (at, finding) in together::findings(self, ticker, &looked) {
            looked[at].judged.find(finding);
        }
        let trees = looked.into_iter().map(|it| (it.judged, it.is_there)).collect();
        OfTicker { place, is_listing_known: listed.is_known(), trees }
    }

    /// With --deep: reads every file, and asks what is unlikely about all of them.
    fn read_files(&self, ticker: &Ticker, listed: Listed, looked: &mut [Looked]) {
        let survey = self.survey;
        let mut facts = Vec::new();
        for (deep, looked) in self.deep.iter().zip(looked.iter_mut()) {
            let Some(deep) = deep else { continue };
            let judged = &mut looked.judged;
            let partitions: Vec<_> = judged.partitions.iter().map(|it| it.partition).collect();
            let (of_tree, findings) = deep::read(deep, ticker, &partitions, survey.days);
            for finding in findings {
                judged.find(finding);
            }
            facts.push(of_tree);
        }
        if facts.is_empty() {
            return;
        }
        let of_ticker = TickerFacts {
            ticker: ticker.clone(),
            listed: listed.within(DateRange::ALL).unwrap_or(DateRange::ALL),
            gaps: survey.listings.as_ref().map_or_else(Vec::new, |all| all.gaps(ticker)),
            trees: facts,
        };
        for finding in suspicion::of_ticker(&of_ticker, &survey.rules) {
            let place = survey.trees.iter().position(|tree| tree.kind == finding.tree);
            if let Some(place) = place {
                looked[place].judged.find(finding);
            }
        }
    }

    fn download(
        &self,
        walker: &mut Walker,
        tree: &Tree,
        expectation: &Expectation,
        ticker: &Ticker,
        listed: Listed,
    ) -> Looked {
        let evidence = Evidence::of(walker, &tree.root, expectation.kind, ticker);
        let question = Question {
            expectation,
            trust: &self.trust,
            rules: &self.survey.rules,
            root: &tree.root,
            zone: tree.zone,
        };
        let mut judged = judge::judge(&question, ticker, listed, &evidence);
        if self.survey.depth == Depth::Ledgers {
            let (at, days) = ((tree.root.as_path(), expectation.kind), self.survey.days);
            for (partition, what) in self.compared.damaged(at, ticker, &evidence, days) {
                let file = partition.file(&tree.root, ticker, expectation.kind);
                let rule = match regular::open(&file) {
                    Ok(_) => Rule::WrongChecksum,
                    Err(_) => Rule::Unreadable,
                };
                let finding = Finding::new(tree.kind, rule, what).of(ticker);
                judged.find(finding.in_partition(partition).at(file));
            }
        }
        let strangers = self.strangers(ticker);
        let records = evidence.records();
        for finding in
            identity::in_records(&strangers, ticker, expectation.kind, tree.zone, records)
        {
            judged.find_throughout(finding);
        }
        Looked { judged, is_there: evidence.is_there(), evidence, series: Vec::new() }
    }

    fn bars(&self, tree: &Tree, ticker: &Ticker, listed: Listed) -> Looked {
        let question = series::Question {
            days: self.survey.days,
            months: self.months,
            sessions: &self.sessions,
            modes: &self.modes,
            root: &tree.root,
        };
        let strangers = self.strangers(ticker);
        let (judged, all) = series::judge(&question, ticker, listed, &strangers);
        let (is_there, evidence) = (!all.is_empty(), Evidence::NOTHING);
        Looked { judged, is_there, evidence, series: all }
    }

    /// The days of other securities that had the symbol.
    fn strangers(&self, ticker: &Ticker) -> Vec<Stranger> {
        match &self.survey.listings {
            Some(listings) if self.survey.rules.is_on(Rule::AnotherSecurity) => {
                identity::strangers(listings, ticker, self.survey.days)
            }
            Some(_) | None => Vec::new(),
        }
    }

    fn report(&self, tickers: Vec<Ticker>, found: impl Iterator<Item = OfTicker>) -> Report {
        let (survey, width) = (self.survey, self.months.count());
        let mut trees: Vec<TreeReport> = survey
            .trees
            .iter()
            .map(|tree| TreeReport {
                kind: tree.kind,
                root: tree.root.clone(),
                cells: vec![None; tickers.len() * width],
                counts: Counts::default(),
            })
            .collect();
        let mut findings = Findings::default();
        let (mut has_data, mut unlisted) = (vec![false; trees.len()], Vec::new());
        for of_ticker in found {
            if !of_ticker.is_listing_known {
                unlisted.push(&tickers[of_ticker.place]);
            }
            for (number, (judged, is_there)) in of_ticker.trees.into_iter().enumerate() {
                has_data[number] |= is_there;
                let tree = &mut trees[number];
                let from = of_ticker.place * width;
                tree.cells[from..from + width].copy_from_slice(&judged.cells as &[Cell]);
                tree.counts += judged.counts();
                findings.take(judged.findings);
            }
        }
        for (tree, has_data) in survey.trees.iter().zip(has_data) {
            let is_unasked = |ticker: &&Ticker| tickers.binary_search(ticker).is_err();
            let unasked: Vec<&Ticker> = tree.names.tickers.iter().filter(is_unasked).collect();
            let of_tree = tree.findings(has_data || !unasked.is_empty(), &unasked);
            findings.take(of_tree.into_iter().filter(|it| survey.rules.is_on(it.rule)).collect());
        }
        unlisted.sort_unstable();
        let mut unknown = self.unknown(&unlisted, tickers.len() as u64);
        unknown.extend(survey.listings.iter().flat_map(|listings| listings.unknown(&tickers)));
        let (findings, left_out) = findings.sorted();
        Report {
            at: survey.now,
            days: survey.days,
            depth: survey.depth,
            tickers,
            months: self.months,
            trees,
            findings,
            left_out,
            unknown,
        }
    }

    /// What could not be known.
    fn unknown(&self, unlisted: &[&Ticker], tickers: u64) -> Vec<String> {
        let mut said = Vec::new();
        if self.survey.tickers == Asked::WhoeverIsThere {
            said.push(
                "no list of tickers was given: a ticker without a folder can not be missed"
                    .to_owned(),
            );
        }
        said.extend(listed::undated(self.survey.listings.as_ref(), unlisted, tickers));
        if self.compared.left() > 0 {
            said.push(format!(
                "the bytes of {} were not compared: they are as long as recorded, and not found \
                 with the time and inode that were recorded, as in a tree that was copied; --deep \
                 compares them",
                counted(self.compared.left(), "file")
            ));
        }
        let has_bars = self.survey.trees.iter().any(|tree| tree.kind.data().is_none());
        if has_bars && self.survey.modes.is_none() {
            said.push(
                "nobody says which kinds of bars there ought to be: those that any ticker has are \
                 expected of all"
                    .to_owned(),
            );
        }
        said
    }
}

/// Findings on their way into a report.
#[derive(Default)]
struct Findings {
    held: Vec<Finding>,
    left_out: u64,
}

impl Findings {
    /// Where there are too many, the harmless ones go first.
    fn take(&mut self, more: Vec<Finding>) {
        self.held.extend(more);
        if self.held.len() > FINDINGS_MAX + FINDINGS_MAX / 4 {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.held.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
        let more = self.held.len().saturating_sub(FINDINGS_MAX);
        self.left_out += more as u64;
        self.held.truncate(FINDINGS_MAX);
    }

    fn sorted(mut self) -> (Vec<Finding>, u64) {
        self.cut();
        (self.held, self.left_out)
    }
}

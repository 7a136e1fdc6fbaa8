//! What a repair has to do: of each tree the files to be set aside, and the tickers and days to be
//! asked for. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::market::ticker::Ticker;

use crate::verify::finding::Finding;
use crate::verify::rule::Rule;
use crate::verify::state::State;

/// Which findings are repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What is missing or damaged.
    Damage,
    /// What is suspect, too: it is asked for again, and what the source says then counts.
    Suspicion,
}

/// What is to be done for one ticker of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Work {
    /// Is its ledger to be set aside, and why?
    pub ledger: Option<Rule>,
    /// Partitions to be set aside, and why.
    pub aside: BTreeMap<Partition, Rule>,
    /// Files that belong to nothing, to be set aside, and why.
    pub strays: BTreeMap<PathBuf, Rule>,
    /// The days to be asked for.
    pub days: Coverage,
}

/// What is to be done in one tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// For each ticker for which something is.
    pub work: BTreeMap<Ticker, Work>,
}

/// What a download does about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// Its days are asked for.
    Ask,
    /// What stands there is set aside, and its days are asked for.
    Replace,
    /// The ledger is set aside; what its sound lines do not prove is asked for.
    NewLedger,
    /// The file belongs to nothing and is set aside.
    SetAside,
    /// Nothing: a person has to look at it, or nothing is wrong.
    None,
}

fn remedy(finding: &Finding, extent: Extent) -> Remedy {
    // The source would say the same again of days that were another security's.
    let by_hand = [
        Rule::Unreadable,
        Rule::NoDescriptor,
        Rule::DescriptorWrong,
        Rule::Link,
        Rule::AnotherSecurity,
    ];
    if by_hand.contains(&finding.rule) {
        return Remedy::None;
    }
    if finding.rule == Rule::StrayFile {
        return match extent {
            Extent::Damage => Remedy::None,
            Extent::Suspicion => Remedy::SetAside,
        };
    }
    if [Rule::LedgerUnreadable, Rule::LedgerOfAnother].contains(&finding.rule) {
        return Remedy::NewLedger;
    }
    match (finding.state, extent) {
        (State::Missing, Extent::Damage | Extent::Suspicion) => Remedy::Ask,
        (State::Damaged, Extent::Damage | Extent::Suspicion)
        | (State::Suspect, Extent::Suspicion) => Remedy::Replace,
        (State::Suspect, Extent::Damage)
        | (
            State::OutsideListing | State::Covered | State::EmptyConfirmed | State::OutsidePlan,
            Extent::Damage | Extent::Suspicion,
        ) => Remedy::None,
    }
}

/// Is there something that a download can do about it?
pub fn is_repairable(finding: &Finding, extent: Extent) -> bool {
    finding.ticker.is_some() && remedy(finding, extent) != Remedy::None
}

impl Plan {
    /// What `findings` of a tree of `kind` ask for, as far as a download of some of `days` can
    /// bring it.
    pub fn of<'a>(
        findings: impl IntoIterator<Item = &'a Finding>,
        kind: Kind,
        days: DateRange,
        extent: Extent,
    ) -> Self {
        let mut plan = Self::default();
        for finding in findings {
            let Some(ticker) = &finding.ticker else { continue };
            let remedy = remedy(finding, extent);
            if remedy == Remedy::None {
                continue;
            }
            let work = plan.work.entry(ticker.clone()).or_default();
            let of_partition = finding.partition.map(Partition::span);
            match remedy {
                Remedy::Ask => {
                    let asked = finding.days.or(of_partition).unwrap_or(days);
                    work.ask(asked, days);
                }
                Remedy::Replace => {
                    // Days that share a file go with it.
                    let Some(found) = of_partition.or(finding.days) else { continue };
                    for partition in Partition::within(kind, found) {
                        work.aside.entry(partition).or_insert(finding.rule);
                        work.ask(partition.span(), days);
                    }
                }
                Remedy::SetAside => {
                    work.strays.extend(finding.file.clone().map(|file| (file, finding.rule)));
                }
                Remedy::NewLedger => {
                    work.ledger.get_or_insert(finding.rule);
                    work.ask(finding.days.unwrap_or(days), days);
                }
                Remedy::None => {}
            }
        }
        plan.work.retain(|_, work| *work != Work::default());
        plan
    }

    /// Is nothing to be done?
    pub fn is_empty(&self) -> bool {
        self.work.is_empty()
    }

    /// From the first day to the last that is to be asked for, of all tickers; `None` where there
    /// is none.
    pub fn hull(&self) -> Option<DateRange> {
        let hulls = self.work.values().filter_map(|work| work.days.hull());
        hulls.collect::<Coverage>().hull()
    }

    /// How many files, or answers without rows, are to be set aside.
    pub fn asides(&self) -> usize {
        self.work.values().map(|work| work.aside.len()).sum()
    }

    /// How many partitions some of whose days are to be asked for.
    pub fn partitions(&self, kind: Kind) -> usize {
        let of_range = |range: &DateRange| Partition::within(kind, *range);
        let of_ticker = |work: &Work| {
            let mut all: Vec<_> = work.days.ranges().iter().flat_map(of_range).collect();
            all.dedup();
            all.len()
        };
        self.work.values().map(of_ticker).sum()
    }
}

impl Work {
    fn ask(&mut self, asked: DateRange, of: DateRange) {
        if let Some(asked) = asked.intersection(of) {
            self.days = self.days.union(&asked.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::tree_kind::TreeKind;

    fn range(from: &str, to: &str) -> DateRange {
        DateRange::new(from.parse().expect(from), to.parse().expect(to)).expect("in order")
    }

    fn ticker(name: &str) -> Ticker {
        name.parse().expect("a ticker")
    }

    fn finding(rule: Rule, name: &str) -> Finding {
        Finding::new(TreeKind::Minute, rule, "why").of(&ticker(name))
    }

    fn asked() -> DateRange {
        range("2023-06-15", "2024-06-14")
    }

    fn plan(findings: &[Finding], extent: Extent) -> Plan {
        Plan::of(findings, Kind::Minute, asked(), extent)
    }

    #[test]
    fn what_is_missing_is_asked_for_by_its_days_and_nothing_is_set_aside() {
        let missing = |from, to| finding(Rule::NoProof, "AIG").on(range(from, to));
        let plan = plan(
            &[missing("2023-08-01", "2023-09-30"), missing("2024-02-05", "2024-02-06")],
            Extent::Damage,
        );
        let work = &plan.work[&ticker("AIG")];
        assert_eq!(work.days.to_string(), "2023-08-01..2023-09-30, 2024-02-05..2024-02-06");
        assert!(work.aside.is_empty() && work.ledger.is_none());
        assert_eq!(plan.hull(), Some(range("2023-08-01", "2024-02-06")));
        assert_eq!((plan.partitions(Kind::Minute), plan.asides()), (3, 0));
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_all_of_its_days_are_asked_for() {
        let damaged = finding(Rule::WrongLength, "BAC").in_partition(Partition::Month(2024, 2));
        let plan = plan(&[damaged], Extent::Damage);
        let work = &plan.work[&ticker("BAC")];
        assert_eq!(work.aside, BTreeMap::from([(Partition::Month(2024, 2), Rule::WrongLength)]));
        assert_eq!(work.days.to_string(), "2024-02-01..2024-02-29");
    }

    #[test]
    fn one_finding_over_several_partitions_sets_each_aside() {
        let damaged = finding(Rule::NotAFile, "BAC").on(range("2023-12-11", "2024-02-03"));
        let plan = plan(&[damaged], Extent::Damage);
        let months: Vec<String> =
            plan.work[&ticker("BAC")].aside.keys().map(ToString::to_string).collect();
        assert_eq!(months, ["year=2023/month=12", "year=2024/month=01", "year=2024/month=02"]);
    }

    #[test]
    fn days_beyond_those_asked_about_are_not_asked_for() {
        let missing = finding(Rule::NoProof, "AIG").on(range("2020-01-01", "2023-06-16"));
        let days = plan(&[missing], Extent::Damage).work[&ticker("AIG")].days.clone();
        assert_eq!(days, range("2023-06-15", "2023-06-16").into());
        let outside = finding(Rule::NoProof, "AIG").on(range("2020-01-01", "2020-01-02"));
        assert!(plan(&[outside], Extent::Damage).is_empty());
    }

    #[test]
    fn what_is_suspect_is_left_alone_unless_that_is_asked_for() {
        let suspect =
            finding(Rule::VolumeWithoutMinutes, "AIG").on(range("2024-02-05", "2024-02-05"));
        assert!(plan(std::slice::from_ref(&suspect), Extent::Damage).is_empty());
        let plan = plan(&[suspect], Extent::Suspicion);
        assert_eq!(plan.work[&ticker("AIG")].aside.len(), 1);
    }

    #[test]
    fn a_file_that_belongs_to_nothing_is_set_aside_only_when_suspicion_counts() {
        let copy = PathBuf::from("/out/AIG/year=2024/month=02/minute (1).parquet");
        let stray = finding(Rule::StrayFile, "AIG").at(copy.clone());
        assert!(plan(std::slice::from_ref(&stray), Extent::Damage).is_empty());
        let work = plan(&[stray], Extent::Suspicion).work[&ticker("AIG")].clone();
        assert_eq!(work.strays, BTreeMap::from([(copy, Rule::StrayFile)]));
        assert!(work.days.is_empty(), "nothing is asked for");
    }

    #[test]
    fn a_ledger_that_can_t_be_read_is_set_aside_and_what_it_proved_is_asked_about() {
        let plan = plan(&[finding(Rule::LedgerUnreadable, "AIG")], Extent::Damage);
        let work = &plan.work[&ticker("AIG")];
        assert_eq!((work.ledger, &work.days), (Some(Rule::LedgerUnreadable), &asked().into()));
        assert!(work.aside.is_empty(), "its files may be right");
    }

    #[test]
    fn what_no_download_can_mend_is_left_to_a_person() {
        for rule in [Rule::DescriptorWrong, Rule::Link, Rule::AnotherSecurity, Rule::Unreadable] {
            let found = finding(rule, "AIG").on(asked());
            assert!(!is_repairable(&found, Extent::Suspicion), "{rule}");
            assert!(plan(&[found], Extent::Suspicion).is_empty(), "{rule}");
        }
        let of_tree = Finding::new(TreeKind::Minute, Rule::WrongLength, "why");
        assert!(plan(&[of_tree], Extent::Suspicion).is_empty());
        for rule in [Rule::NothingTraded, Rule::OutsidePlan, Rule::DraftLeft] {
            assert!(plan(&[finding(rule, "AIG").on(asked())], Extent::Suspicion).is_empty());
        }
    }
}

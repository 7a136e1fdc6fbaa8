//! Rules: by what something is found. Each has a name, a sentence, the state that it leads to, and
//! a threshold if it has one. The looking itself is elsewhere.

mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::state::State;

/// A rule. What is only told and changes nothing leads to [`State::Covered`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Rule {
    // Of what ledgers and folders show.
    /// No ledger line, and no file.
    NoProof,
    /// A file without a ledger line.
    NoLedgerLine,
    /// The ledger tells of a file that is not there.
    FileGone,
    /// Its length is not what the ledger says.
    WrongLength,
    /// Something else stands in the place of a file.
    NotAFile,
    /// It can't be looked at.
    Unreadable,
    /// Rows were there, and were not brought again.
    LostRows,
    /// A ledger that can't be read.
    LedgerUnreadable,
    /// A ledger of another ticker or kind.
    LedgerOfAnother,
    /// No `_dataset.json` beside data.
    NoDescriptor,
    /// One that can't be read, or that says something else.
    DescriptorWrong,
    /// A file that belongs to nothing.
    StrayFile,
    /// A link below the output folder.
    Link,
    /// What a killed writer has left.
    DraftLeft,
    /// Folders of tickers that nobody asked for.
    UnaskedTickers,
    /// The plan does not reach these days.
    OutsidePlan,
    /// The source has confirmed that there is nothing.
    NothingTraded,
    // Of the rows of one file.
    /// It can't be decoded.
    BrokenFile,
    /// Other columns than ours, or values that are missing.
    WrongColumns,
    /// Other bytes than the ledger proves.
    WrongChecksum,
    /// The right bytes, of which the ledger says something else.
    LedgerDiffers,
    /// A file without a row.
    NoRows,
    /// Rows of another ticker.
    RowsOfAnother,
    /// A date, day or minute that is not that of its stamp.
    WrongLabel,
    /// A key, or stamp, that falls.
    OutOfOrder,
    /// A key that stands there twice.
    DuplicateKey,
    /// Rows of days that belong to another file.
    OutsidePartition,
    /// Stamps in another unit.
    StampUnit,
    /// A price, size or count that can't be.
    ImpossibleNumber,
    /// An open or close beyond high or low.
    PriceBounds,
    // Of what is unlikely to be right.
    /// A month with hardly any rows.
    ThinMonth,
    /// A file that ends with a page of the source.
    PageCut,
    /// Two sessions with the same rows.
    IdenticalDays,
    /// Prices off by a factor against daily bars.
    SplitRatio,
    /// Files off by a factor against their neighbours.
    StepAndBack,
    /// Prices of nothing.
    ZeroPrice,
    /// Sizes of nothing.
    ZeroSize,
    /// A day's volume on one row.
    OneBarVolume,
    /// A price that stands alone.
    PriceSpike,
    /// Rows of days on which the security was not listed.
    RowsOutsideListing,
    /// Rows before or after extended trading.
    RowsBeyondHours,
    /// Rows of days without session.
    RowsWithoutSession,
    // Of several trees of one market.
    /// Daily volume without minutes.
    VolumeWithoutMinutes,
    /// Daily volume without trades.
    VolumeWithoutTrades,
    /// Bars that end before their input.
    BarsEndEarly,
    /// Bars made of an input that is another now.
    BarsStale,
    // Whose data it is.
    /// Days of a symbol that was another security's.
    AnotherSecurity,
    // Of an audit.
    /// The source says something else than the file that its ledger line proves.
    RevisedAtSource,
}

/// What a rule is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spec {
    /// In kebab-case.
    pub name: &'static str,
    /// When it finds something.
    pub sentence: &'static str,
    /// What it makes of the days that it concerns.
    pub state: State,
    /// Where it has one.
    pub threshold: Option<Threshold>,
}

/// A number that decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// Unless it is set.
    pub default: f64,
    /// Of what it is a number, for people: `times`, `% of the median`, `rows`.
    pub unit: &'static str,
    /// No less makes sense.
    pub least: f64,
    /// No more does.
    pub most: f64,
}

impl Rule {
    /// All of them, in the order of the table.
    pub const ALL: &'static [Self] = &[
        Self::NoProof,
        Self::NoLedgerLine,
        Self::FileGone,
        Self::WrongLength,
        Self::NotAFile,
        Self::Unreadable,
        Self::LostRows,
        Self::LedgerUnreadable,
        Self::LedgerOfAnother,
        Self::NoDescriptor,
        Self::DescriptorWrong,
        Self::StrayFile,
        Self::Link,
        Self::DraftLeft,
        Self::UnaskedTickers,
        Self::OutsidePlan,
        Self::NothingTraded,
        Self::BrokenFile,
        Self::WrongColumns,
        Self::WrongChecksum,
        Self::LedgerDiffers,
        Self::NoRows,
        Self::RowsOfAnother,
        Self::WrongLabel,
        Self::OutOfOrder,
        Self::DuplicateKey,
        Self::OutsidePartition,
        Self::StampUnit,
        Self::ImpossibleNumber,
        Self::PriceBounds,
        Self::ThinMonth,
        Self::PageCut,
        Self::IdenticalDays,
        Self::SplitRatio,
        Self::StepAndBack,
        Self::ZeroPrice,
        Self::ZeroSize,
        Self::OneBarVolume,
        Self::PriceSpike,
        Self::RowsOutsideListing,
        Self::RowsBeyondHours,
        Self::RowsWithoutSession,
        Self::VolumeWithoutMinutes,
        Self::VolumeWithoutTrades,
        Self::BarsEndEarly,
        Self::BarsStale,
        Self::AnotherSecurity,
        Self::RevisedAtSource,
    ];

    /// What it is.
    pub fn spec(self) -> Spec {
        table::spec(self)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Is it found by an audit alone?
    pub fn is_of_an_audit(self) -> bool {
        self == Self::RevisedAtSource
    }

    /// The state that it leads to.
    pub fn state(self) -> State {
        self.spec().state
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|rule| rule.name() == text)
            .ok_or_else(|| format!("{text:?} is not a rule; --rules lists them"))
    }
}

shared::as_text!(Rule);

/// A rule that was set: `--rule NAME=VALUE`, `--rule NAME=off`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuleSetting {
    /// Which.
    pub rule: Rule,
    /// To what.
    pub to: Setting,
}

/// What a rule is set to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Setting {
    /// It finds nothing.
    Off,
    /// To this threshold.
    At(f64),
}

impl FromStr for RuleSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is not NAME=VALUE, such as split-ratio=off"))?;
        let rule: Rule = name.parse()?;
        let spec = rule.spec();
        if value == "off" {
            return match spec.state {
                State::Suspect | State::Covered => Ok(Self { rule, to: Setting::Off }),
                state @ (State::OutsideListing
                | State::EmptyConfirmed
                | State::OutsidePlan
                | State::Missing
                | State::Damaged) => Err(format!(
                    "{name} can not be turned off: without it what is {} would count as covered",
                    state.words()
                )),
            };
        }
        let Some(threshold) = spec.threshold else {
            return Err(format!("{name} has no threshold; it can only be off"));
        };
        let number =
            value.parse().ok().filter(|number| (threshold.least..=threshold.most).contains(number));
        let number = number.ok_or_else(|| {
            let Threshold { unit, least, most, .. } = threshold;
            format!("{value:?} is not a number from {least} to {most} ({unit})")
        })?;
        Ok(Self { rule, to: Setting::At(number) })
    }
}

/// The rules as they were set; of several settings of a rule the last one counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    set: BTreeMap<Rule, Setting>,
}

impl Rules {
    /// Is it to be looked for?
    pub fn is_on(&self, rule: Rule) -> bool {
        self.set.get(&rule) != Some(&Setting::Off)
    }

    /// The threshold of a rule that has one; of another it is 0.
    pub fn threshold(&self, rule: Rule) -> f64 {
        match self.set.get(&rule) {
            Some(Setting::At(number)) => *number,
            Some(Setting::Off) | None => {
                rule.spec().threshold.map_or(0.0, |threshold| threshold.default)
            }
        }
    }
}

impl FromIterator<RuleSetting> for Rules {
    fn from_iter<I: IntoIterator<Item = RuleSetting>>(settings: I) -> Self {
        Self { set: settings.into_iter().map(|it| (it.rule, it.to)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_has_a_name_of_its_own_in_kebab_case_and_a_sentence() {
        let names: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            let Spec { name, sentence, threshold, .. } = rule.spec();
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
            assert!(sentence.len() > 20 && !sentence.ends_with('.'), "{name}: {sentence}");
            assert_eq!(name.parse(), Ok(*rule));
            let sound = |it: Threshold| it.least <= it.default && it.default <= it.most;
            assert!(threshold.is_none_or(sound), "{name}");
        }
    }

    #[test]
    fn only_what_is_suspected_can_be_turned_off() {
        let rules: Rules =
            ["stray-file=off"].map(|text| text.parse().expect(text)).into_iter().collect();
        assert!(!rules.is_on(Rule::StrayFile) && rules.is_on(Rule::Link));
        let said = |text: &str| text.parse::<RuleSetting>().expect_err(text);
        assert!(said("file-gone=off").contains("would count as covered"));
        assert_eq!(said("link=3"), "link has no threshold; it can only be off");
        assert_eq!(said("lnk=off"), "\"lnk\" is not a rule; --rules lists them");
        assert!(said("link").contains("NAME=VALUE"));
    }
}

//! Rules: by what something is found. Each has a name, a sentence, the state that it leads to, and
//! a threshold if it has one. The looking itself is elsewhere.

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

const fn of(name: &'static str, state: State, sentence: &'static str) -> Spec {
    Spec { name, sentence, state, threshold: None }
}

/// A rule of what is suspect, with its default, the unit of that, and the least and most that make
/// sense.
const fn with(
    name: &'static str,
    sentence: &'static str,
    (default, unit, least, most): (f64, &'static str, f64, f64),
) -> Spec {
    let threshold = Some(Threshold { default, unit, least, most });
    Spec { name, sentence, state: State::Suspect, threshold }
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
    ];

    /// What it is.
    pub fn spec(self) -> Spec {
        use State::{Covered, Damaged, EmptyConfirmed, Missing, OutsidePlan, Suspect};
        match self {
            Self::NoProof => {
                of("no-proof", Missing, "no ledger line proves days on which rows are expected")
            }
            Self::NoLedgerLine => {
                of("no-ledger-line", Missing, "a file stands there that no ledger line proves")
            }
            Self::FileGone => {
                of("file-gone", Missing, "the file that a ledger line proves is not there")
            }
            Self::WrongLength => {
                of("wrong-length", Damaged, "a file is longer or shorter than its ledger line says")
            }
            Self::NotAFile => {
                of("not-a-file", Damaged, "something else stands in the place of a file")
            }
            Self::Unreadable => {
                of("unreadable", Damaged, "a file or folder can not be looked at or read")
            }
            Self::LostRows => of(
                "lost-rows",
                Missing,
                "rows were there once, and the source has not brought them again",
            ),
            Self::LedgerUnreadable => of(
                "ledger-unreadable",
                Damaged,
                "a line of a ledger is damaged, or of a newer version",
            ),
            Self::LedgerOfAnother => of(
                "ledger-of-another",
                Damaged,
                "a ledger is that of another ticker or kind of data",
            ),
            Self::NoDescriptor => of(
                "no-descriptor",
                Damaged,
                "data stand in a tree without the _dataset.json that says what they are",
            ),
            Self::DescriptorWrong => of(
                "descriptor-wrong",
                Damaged,
                "_dataset.json can not be read, or says that the tree holds something else",
            ),
            Self::StrayFile => of(
                "stray-file",
                Suspect,
                "a Parquet file stands where none belongs: whoever reads the folder reads it too",
            ),
            Self::Link => of("link", Suspect, "a link stands where a file or folder is expected"),
            Self::DraftLeft => {
                of("draft-left", Covered, "a writer that was killed has left a draft behind")
            }
            Self::UnaskedTickers => of(
                "unasked-tickers",
                Covered,
                "folders of tickers stand there that were not asked about",
            ),
            Self::OutsidePlan => {
                of("outside-plan", OutsidePlan, "the plan of the API key does not reach these days")
            }
            Self::NothingTraded => of(
                "nothing-traded",
                EmptyConfirmed,
                "rows are expected, and the source has confirmed that there are none",
            ),
            Self::BrokenFile => of("broken-file", Damaged, "a file is no whole Parquet file"),
            Self::WrongColumns => of(
                "wrong-columns",
                Damaged,
                "a file has other columns than ours, or a value is missing",
            ),
            Self::WrongChecksum => of(
                "wrong-checksum",
                Damaged,
                "the SHA-256 of a file is not what its ledger line says",
            ),
            Self::LedgerDiffers => of(
                "ledger-differs",
                Damaged,
                "a ledger line says other rows or stamps than the file has that it proves",
            ),
            Self::NoRows => of(
                "no-rows",
                Damaged,
                "a file has not a single row; days without rows have no file",
            ),
            Self::RowsOfAnother => {
                of("rows-of-another", Damaged, "rows in a file name another ticker")
            }
            Self::WrongLabel => of(
                "wrong-label",
                Damaged,
                "the date, day or minute of a row is not that of its stamp",
            ),
            Self::OutOfOrder => of("out-of-order", Damaged, "a row comes after a later one"),
            Self::DuplicateKey => {
                of("duplicate-key", Damaged, "a date, a minute or a trade stands in a file twice")
            }
            Self::OutsidePartition => {
                of("outside-partition", Damaged, "a row is of days that belong to another file")
            }
            Self::StampUnit => {
                of("stamp-unit", Damaged, "stamps are in another unit: ns for ms, µs for ns")
            }
            Self::ImpossibleNumber => of(
                "impossible-number",
                Damaged,
                "a price, size or count is negative, infinite or no number",
            ),
            Self::PriceBounds => of(
                "price-bounds",
                Damaged,
                "an open or close lies beyond high or low; suspect where the source sent it so",
            ),
            Self::ThinMonth => with(
                "thin-month",
                "a month has hardly any rows next to the months before and after it",
                (10.0, "% of the rows around it", 0.0, 100.0),
            ),
            Self::PageCut => with(
                "page-cut",
                "a file has exactly as many rows as one page of the source, or several",
                (50_000.0, "rows a page", 1.0, 1e9),
            ),
            Self::IdenticalDays => with(
                "identical-days",
                "two sessions in a row have the same rows",
                (5.0, "rows a day or more", 1.0, 1e9),
            ),
            Self::SplitRatio => with(
                "split-ratio",
                "prices are off by a factor against daily bars of the same scale",
                (1.4, "times or more", 1.05, 1e6),
            ),
            Self::StepAndBack => with(
                "step-and-back",
                "the prices of a file are off by a factor against those right before and after it",
                (1.8, "times or more", 1.1, 1e6),
            ),
            Self::ZeroPrice => with(
                "zero-price",
                "rows have a price of 0",
                (0.0, "rows a day are let pass", 0.0, 1e9),
            ),
            Self::ZeroSize => with(
                "zero-size",
                "many rows of a file have a size of 0",
                (1.0, "% of the rows are let pass", 0.0, 100.0),
            ),
            Self::OneBarVolume => with(
                "one-bar-volume",
                "one row of many has all the volume of a day, or of a year of daily bars",
                (99.9, "% of the volume or more", 50.0, 100.0),
            ),
            Self::PriceSpike => with(
                "price-spike",
                "one row has a price far from the rows before and after it",
                (100.0, "times or more", 4.0, 1e9),
            ),
            Self::RowsOutsideListing => of(
                "rows-outside-listing",
                Suspect,
                "rows are of days before the listing or after the delisting",
            ),
            Self::RowsBeyondHours => with(
                "rows-beyond-hours",
                "rows lie before 04:00 or after 20:00 New York, 17:00 on half days",
                (0.0, "minutes outside or more", 0.0, 1_440.0),
            ),
            Self::RowsWithoutSession => of(
                "rows-without-session",
                Suspect,
                "rows are of days on which the exchange was closed",
            ),
            Self::VolumeWithoutMinutes => of(
                "volume-without-minutes",
                Suspect,
                "the daily bar of a session has volume, and there is no minute of it",
            ),
            Self::VolumeWithoutTrades => of(
                "volume-without-trades",
                Suspect,
                "the daily bar of a session has volume, and there is no trade of it",
            ),
            Self::BarsEndEarly => of(
                "bars-end-early",
                Suspect,
                "bars lack days that are in the tree they are made of",
            ),
            Self::BarsStale => of(
                "bars-stale",
                Suspect,
                "days were fetched anew after the bars had been made of them",
            ),
            Self::AnotherSecurity => of(
                "another-security",
                Suspect,
                "days of a symbol belong to another security than the one that has it now",
            ),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.spec().name
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

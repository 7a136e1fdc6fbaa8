//! The table of rules: each with its name, its sentence, the state that it leads to, and its
//! threshold.

use super::{Rule, Spec, Threshold};
use crate::verify::state::State;

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

#[expect(clippy::too_many_lines, reason = "one table, an arm a rule")]
pub(super) fn spec(rule: Rule) -> Spec {
    use State::{Covered, Damaged, EmptyConfirmed, Missing, OutsidePlan, Suspect};
    match rule {
        Rule::NoProof => {
            of("no-proof", Missing, "no ledger line proves days on which rows are expected")
        }
        Rule::NoLedgerLine => {
            of("no-ledger-line", Missing, "a file stands there that no ledger line proves")
        }
        Rule::FileGone => {
            of("file-gone", Missing, "the file that a ledger line proves is not there")
        }
        Rule::WrongLength => {
            of("wrong-length", Damaged, "a file is longer or shorter than its ledger line says")
        }
        Rule::NotAFile => of("not-a-file", Damaged, "something else stands in the place of a file"),
        Rule::Unreadable => {
            of("unreadable", Damaged, "a file or folder can not be looked at or read")
        }
        Rule::LostRows => of(
            "lost-rows",
            Missing,
            "rows were there once, and the source has not brought them again",
        ),
        Rule::LedgerUnreadable => {
            of("ledger-unreadable", Damaged, "a line of a ledger is damaged, or of a newer version")
        }
        Rule::LedgerOfAnother => {
            of("ledger-of-another", Damaged, "a ledger is that of another ticker or kind of data")
        }
        Rule::NoDescriptor => of(
            "no-descriptor",
            Damaged,
            "data stand in a tree without the _dataset.json that says what they are",
        ),
        Rule::DescriptorWrong => of(
            "descriptor-wrong",
            Damaged,
            "_dataset.json can not be read, or says that the tree holds something else",
        ),
        Rule::StrayFile => of(
            "stray-file",
            Suspect,
            "a Parquet file stands where none belongs: whoever reads the folder reads it too",
        ),
        Rule::Link => of("link", Suspect, "a link stands where a file or folder is expected"),
        Rule::DraftLeft => {
            of("draft-left", Covered, "a writer that was killed has left a draft behind")
        }
        Rule::UnaskedTickers => of(
            "unasked-tickers",
            Covered,
            "folders of tickers stand there that were not asked about",
        ),
        Rule::OutsidePlan => {
            of("outside-plan", OutsidePlan, "the plan of the API key does not reach these days")
        }
        Rule::NothingTraded => of(
            "nothing-traded",
            EmptyConfirmed,
            "rows are expected, and the source has confirmed that there are none",
        ),
        Rule::BrokenFile => of("broken-file", Damaged, "a file is no whole Parquet file"),
        Rule::WrongColumns => of(
            "wrong-columns",
            Damaged,
            "a file has other columns than ours, or a value is missing",
        ),
        Rule::WrongChecksum => {
            of("wrong-checksum", Damaged, "the SHA-256 of a file is not what its ledger line says")
        }
        Rule::LedgerDiffers => of(
            "ledger-differs",
            Damaged,
            "a ledger line says other rows or stamps than the file has that it proves",
        ),
        Rule::NoRows => {
            of("no-rows", Damaged, "a file has not a single row; days without rows have no file")
        }
        Rule::RowsOfAnother => of("rows-of-another", Damaged, "rows in a file name another ticker"),
        Rule::WrongLabel => {
            of("wrong-label", Damaged, "the date, day or minute of a row is not that of its stamp")
        }
        Rule::OutOfOrder => of("out-of-order", Damaged, "a row comes after a later one"),
        Rule::DuplicateKey => {
            of("duplicate-key", Damaged, "a date, a minute or a trade stands in a file twice")
        }
        Rule::OutsidePartition => {
            of("outside-partition", Damaged, "a row is of days that belong to another file")
        }
        Rule::StampUnit => {
            of("stamp-unit", Damaged, "stamps are in another unit: ns for ms, µs for ns")
        }
        Rule::ImpossibleNumber => of(
            "impossible-number",
            Damaged,
            "a price, size or count is negative, infinite or no number",
        ),
        Rule::PriceBounds => of(
            "price-bounds",
            Damaged,
            "an open or close lies beyond high or low; suspect where the source sent it so",
        ),
        Rule::ThinMonth => with(
            "thin-month",
            "a month has hardly any rows next to the months before and after it",
            (10.0, "% of the rows around it", 0.0, 100.0),
        ),
        Rule::PageCut => with(
            "page-cut",
            "a file has exactly as many rows as one page of the source, or several",
            (50_000.0, "rows a page", 1.0, 1e9),
        ),
        Rule::IdenticalDays => with(
            "identical-days",
            "two sessions in a row have the same rows",
            (5.0, "rows a day or more", 1.0, 1e9),
        ),
        Rule::SplitRatio => with(
            "split-ratio",
            "prices are off by a factor against daily bars of the same scale",
            (1.4, "times or more", 1.05, 1e6),
        ),
        Rule::StepAndBack => with(
            "step-and-back",
            "the prices of a file are off by a factor against those right before and after it",
            (1.8, "times or more", 1.1, 1e6),
        ),
        Rule::ZeroPrice => {
            with("zero-price", "rows have a price of 0", (0.0, "rows a day are let pass", 0.0, 1e9))
        }
        Rule::ZeroSize => with(
            "zero-size",
            "many rows of a file have a size of 0",
            (1.0, "% of the rows are let pass", 0.0, 100.0),
        ),
        Rule::OneBarVolume => with(
            "one-bar-volume",
            "one row of many has all the volume of a day, or of a year of daily bars",
            (99.9, "% of the volume or more", 50.0, 100.0),
        ),
        Rule::PriceSpike => with(
            "price-spike",
            "one row has a price far from the rows before and after it",
            (100.0, "times or more", 4.0, 1e9),
        ),
        Rule::RowsOutsideListing => of(
            "rows-outside-listing",
            Suspect,
            "rows are of days before the listing or after the delisting",
        ),
        Rule::RowsBeyondHours => with(
            "rows-beyond-hours",
            "rows lie before 04:00 or after 20:00 New York, 17:00 on half days",
            (0.0, "minutes outside or more", 0.0, 1_440.0),
        ),
        Rule::RowsWithoutSession => {
            of("rows-without-session", Suspect, "rows are of days on which the exchange was closed")
        }
        Rule::VolumeWithoutMinutes => of(
            "volume-without-minutes",
            Suspect,
            "the daily bar of a session has volume, and there is no minute of it",
        ),
        Rule::VolumeWithoutTrades => of(
            "volume-without-trades",
            Suspect,
            "the daily bar of a session has volume, and there is no trade of it",
        ),
        Rule::BarsEndEarly => {
            of("bars-end-early", Suspect, "bars lack days that are in the tree they are made of")
        }
        Rule::BarsStale => {
            of("bars-stale", Suspect, "days were fetched anew after the bars had been made of them")
        }
        Rule::RevisedAtSource => {
            of("revised-at-source", Suspect, "an audit found other rows at the source by now")
        }
        Rule::AnotherSecurity => of(
            "another-security",
            Suspect,
            "days of a symbol belong to another security than the one that has it now",
        ),
    }
}

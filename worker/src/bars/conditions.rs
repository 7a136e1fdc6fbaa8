//! Which trades update the consolidated last price and volume, and which are void. Pure.
//!
//! The table is the vendor's (`/v3/reference/conditions`, asset class stocks, data type trade), by
//! its `update_rules.consolidated`: a trade's *last* is the rule `updates_open_close`, its *volume*
//! `updates_volume`. Each row was held against copies of the whole table that users of the vendor
//! published, against two lists of the ids that say no, taken from it on 2026-05-14 and 2026-09-27,
//! and against the sale condition matrices of the plans (CTS Pillar output specification 2.11b for
//! tapes A and B, UTP data feed services 4.1 for tape C). All agree except where it is marked: -
//! *vendor*: no plan's present text has the code; the vendor's rule stands alone. - *first only*:
//! the plans say yes if the trade is the first or only one of the day that qualifies, else no. The
//! vendor says no, and so does this table: that rule can't be decided by the trade itself. The
//! price of it: a day whose only trades are such has no bar. - *sold last*: the plans say yes for
//! tape C before 16:00:10, for tapes A and B if the trade comes from the listing market or from the
//! market of the last price. The vendor says yes, and so does this table.
//!
//! A trade counts if each of its conditions says yes, as in the plans. Form T says no, so no trade
//! of the extended hours counts, although the vendor builds its own minute bars of those hours from
//! such trades.

/// A row of the vendor's table: id, name, updates the last price?, updates the volume?
type Row = (usize, &'static str, bool, bool);

const YES: bool = true;
const NO: bool = false;

const TABLE: &[Row] = &[
    // Missing in the vendor's table; its glossary has it, and both plans have it without a number.
    (0, "Regular Sale", YES, YES),
    (1, "Acquisition", YES, YES),
    (2, "Average Price Trade", NO, YES),
    (3, "Automatic Execution", YES, YES),
    (4, "Bunched Trade", YES, YES),
    (5, "Bunched Sold Trade", NO, YES), // first only
    (6, "CAP Election", YES, YES),      // vendor
    (7, "Cash Sale", NO, YES),
    (8, "Closing Prints", YES, YES),
    (9, "Cross Trade", YES, YES),
    (10, "Derivatively Priced", NO, YES), // first only
    (11, "Distribution", YES, YES),
    (12, "Form T/Extended Hours", NO, YES),
    (13, "Extended Hours (Sold Out Of Sequence)", NO, YES),
    (14, "Intermarket Sweep", YES, YES),
    (15, "Market Center Official Close", NO, NO),
    (16, "Market Center Official Open", NO, NO),
    // An older recording says that it does not update the last price; newer ones and CTS (code O)
    // say that it does.
    (17, "Market Center Opening Trade", YES, YES),
    (18, "Market Center Reopening Trade", YES, YES),
    (19, "Market Center Closing Trade", YES, YES),
    // Since trades settle on the next day, the plans only reserve its code: no, and "to be
    // determined".
    (20, "Next Day", NO, YES),
    (21, "Price Variation Trade", NO, YES),
    (22, "Prior Reference Price", NO, YES), // first only
    (23, "Rule 155 Trade (AMEX)", YES, YES),
    (24, "Rule 127 (NYSE Only)", YES, YES),
    (25, "Opening Prints", YES, YES),
    (27, "Stopped Stock (Regular Trade)", YES, YES),
    (28, "Re-Opening Prints", YES, YES),
    // The vendor's glossary has "first only"; its table and both plans have plain no.
    (29, "Seller", NO, YES),
    (30, "Sold Last", YES, YES),                   // sold last
    (31, "Sold Last and Stopped Stock", YES, YES), // vendor
    (32, "Sold (Out Of Sequence)", NO, YES),       // first only
    (33, "Sold (Out of Sequence) and Stopped Stock", NO, YES), // vendor; first only without the stopped stock
    (34, "Split Trade", YES, YES),
    (35, "Stock Option", YES, YES), // vendor; the plans say no of what they call a contingent trade since, which is 52
    (36, "Yellow Flag Regular Trade", YES, YES),
    (37, "Odd Lot Trade", NO, YES),
    (38, "Corrected Consolidated Close (per listing market)", YES, NO),
    // In the plans this is a field beside the sale conditions, and says nothing of prices. (One
    // older copy lacks its rules, so it reads no; the vendor's answers of October 2026 say yes.)
    (41, "Trade Thru Exempt", YES, YES),
    (52, "Contingent Trade", NO, YES),
    (53, "Qualified Contingent Trade", NO, YES),
    (55, "Opening Reopening Trade Detail", YES, YES), // vendor
    // The vendor's table has the following without update rules: they describe the share, not the
    // sale. (The older glossary has 59 for a placeholder of the UTP plan, code 8, which is still to
    // be determined.)
    (57, "Short Sale Restriction Activated", YES, YES),
    (58, "Short Sale Restriction Continued", YES, YES),
    (59, "Short Sale Restriction Deactivated", YES, YES),
    (60, "Short Sale Restriction In Effect", YES, YES),
    (62, "Financial Status - Bankrupt", YES, YES),
    (63, "Financial Status - Deficient", YES, YES),
    (64, "Financial Status - Delinquent", YES, YES),
    (65, "Financial Status - Bankrupt and Deficient", YES, YES),
    (66, "Financial Status - Bankrupt and Delinquent", YES, YES),
    (67, "Financial Status - Deficient and Delinquent", YES, YES),
    (68, "Financial Status - Deficient, Delinquent, and Bankrupt", YES, YES),
    (69, "Financial Status - Liquidation", YES, YES),
    (70, "Financial Status - Creations Suspended", YES, YES),
    (71, "Financial Status - Redemptions Suspended", YES, YES),
];

/// What trades with a condition update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Updates {
    /// Last price and volume.
    Both,
    /// One of them at most.
    NotBoth,
    /// The table has no such id.
    Unknown,
}

/// By id, so no search is needed.
const UPDATES: [Updates; 72] = {
    let mut updates = [Updates::Unknown; 72];
    let mut row = 0;
    while row < TABLE.len() {
        let (id, _, last, volume) = TABLE[row];
        updates[id] = if last && volume { Updates::Both } else { Updates::NotBoth };
        row += 1;
    }
    updates
};

fn updates(id: i32) -> Updates {
    usize::try_from(id).ok().and_then(|id| UPDATES.get(id)).copied().unwrap_or(Updates::Unknown)
}

/// Does a trade with these conditions (ids of the vendor) update both the consolidated last price
/// and the consolidated volume? Without a condition it is a regular sale: yes.
///
/// An id that is not in the table says no. That is cautious: of the numbers that the vendor's
/// glossary names without rules (26, 39, 40, 42 to 51, 54, 56) most are no ordinary sales
/// (cancelled, not eligible, as of, errored), and the conditions that the plans came to add (odd
/// lot, contingent, qualified contingent) all say no. A missing trade makes a bar a little longer;
/// a wrong price makes a bar wrong. [`is_known`] tells whether the table has an id.
#[inline]
pub fn updates_last_and_volume(conditions: &[i32]) -> bool {
    conditions.iter().all(|id| updates(*id) == Updates::Both)
}

/// Does the table have this id?
pub fn is_known(id: i32) -> bool {
    updates(id) != Updates::Unknown
}

/// Was the trade cancelled, or marked wrong? By the codes of the NYSE's TAQ, which the vendor
/// passes on (its glossary, "Trade Corrections"): 7 later marked erroneous, 8 later cancelled, 10
/// the record that cancels, 11 the record that marks. The vendor removes none of them.
///
/// Not void: none and 0, a regular trade, and 1, a trade that was corrected and carries the
/// corrected data. Nor is 12, which by that list repeats what a 1 had before: users of the vendor's
/// data disagree on what it carries there (most keep it), and whether it comes beside its 1 or
/// alone was never seen.
#[inline]
pub fn is_void(correction: Option<i32>) -> bool {
    matches!(correction, Some(7 | 8 | 10 | 11))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn one_condition_that_says_no_is_enough_and_a_trade_without_any_counts() {
        for counts in [
            &[][..],
            &[14],
            &[14, 41],
            &[41],
            &[1],
            &[0],
            &[9, 30],
            &[17, 60],
            &[8],
            &[25],
            &[3, 36],
        ] {
            assert!(updates_last_and_volume(counts), "{counts:?}");
        }
        for left_out in [
            &[37][..],
            &[14, 37],
            &[37, 14],
            &[12],
            &[12, 37],
            &[2],
            &[7],
            &[15],
            &[16],
            &[38],
            &[53, 41],
        ] {
            assert!(!updates_last_and_volume(left_out), "{left_out:?}");
        }
    }

    #[test]
    fn the_ids_that_do_not_count_are_those_of_the_recorded_tables() {
        // Of recordings of 2026-05-14 and 2026-09-27: without last price or high and low, and
        // without volume.
        let no_last = [2, 5, 7, 10, 12, 13, 15, 16, 20, 21, 22, 29, 32, 33, 37, 52, 53];
        let no_volume = [15, 16, 38];
        let ids = |says_no: fn(&&Row) -> bool| {
            TABLE.iter().filter(says_no).map(|row| row.0).collect::<Vec<_>>()
        };
        assert_eq!(ids(|(_, _, last, _)| !last), no_last);
        assert_eq!(ids(|(_, _, _, volume)| !volume), no_volume);
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0), "each id once");
    }

    #[test]
    fn a_condition_that_the_table_does_not_have_leaves_the_trade_out_and_is_told_apart() {
        for unknown in [26, 39, 40, 42, 51, 54, 56, 61, 72, 1000, -1, i32::MAX, i32::MIN] {
            assert!(!updates_last_and_volume(&[14, unknown]), "{unknown}");
            assert!(!is_known(unknown), "{unknown}");
        }
        assert!(is_known(37) && is_known(0) && is_known(71));
    }

    #[test]
    fn cancelled_and_erroneous_trades_are_void_and_corrected_ones_are_not() {
        let void: Vec<i32> = (-1..=99).filter(|code| is_void(Some(*code))).collect();
        assert_eq!(void, [7, 8, 10, 11]);
        assert!(!is_void(None));
    }

    #[test]
    fn the_table_says_what_the_recorded_answer_of_the_vendor_says() {
        let path = Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../shared/fixtures/conditions_stocks_excerpt.json"
        ));
        if !path.exists() {
            eprintln!("skipped: {} is not beside the project", path.display());
            return;
        }
        let text = std::fs::read(path).expect("read");
        let answer: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let rows = answer["results"].as_array().expect("rows");
        assert_eq!(rows.len(), 10);
        for recorded in rows {
            let rules = &recorded["update_rules"]["consolidated"];
            let said = (
                recorded["id"].as_u64().and_then(|id| usize::try_from(id).ok()).expect("an id"),
                recorded["name"].as_str().expect("a name"),
                rules["updates_open_close"].as_bool().expect("a rule"),
                rules["updates_volume"].as_bool().expect("a rule"),
            );
            assert_eq!(TABLE.iter().find(|row| row.0 == said.0), Some(&said));
        }
    }
}

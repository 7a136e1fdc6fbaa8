//! Labels: the texts beside the stamps. A ticker's rows name it, and a date, a day or a minute is
//! that of its stamp.

use std::sync::LazyLock;

use shared::dataset::row_stream::Labels;
use shared::market::trading_day::TradingDay;
use shared::market::zone::Zone;

use super::clock::Day;
use super::flaws::Flaws;
use crate::verify::rule::Rule;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// `HH:MM` of every minute of a day.
static TIMES: LazyLock<Vec<[u8; 5]>> = LazyLock::new(|| {
    let digit = |number: u8| b'0' + number % 10;
    let times = (0..24_u8).flat_map(|hour| (0..60_u8).map(move |minute| (hour, minute)));
    times
        .map(|(hour, minute)| {
            [digit(hour / 10), digit(hour), b':', digit(minute / 10), digit(minute)]
        })
        .collect()
});

/// Every row must have `expected`: `row` is the number of the first, for people.
pub(super) fn all_are(
    expected: &str,
    labels: &Labels<'_>,
    row: u64,
    flaws: &mut Flaws,
    rule: Rule,
    words: impl Fn(&str) -> String,
) {
    let keys = labels.keys();
    let Some(&first) = keys.first() else { return };
    let is_right = |key: i32| labels.text(key) == expected;
    // Nearly always one key stands in all rows.
    if keys.iter().fold(0, |differs, key| differs | (key ^ first)) == 0 && is_right(first) {
        return;
    }
    let mut known = None;
    for (at, key) in (row..).zip(keys) {
        if known == Some(*key) {
            continue;
        }
        if is_right(*key) {
            known = Some(*key);
        } else {
            flaws.note(rule, 1, || format!("row {at} {}", words(labels.text(*key))));
        }
    }
}

/// Every row of a day must have that day's date.
pub(super) fn dates_are(
    day: TradingDay,
    dates: &Labels<'_>,
    rows: std::ops::Range<usize>,
    first_row: u64,
    flaws: &mut Flaws,
) {
    let expected = day.to_string();
    let mut known = None;
    for (at, key) in (first_row..).zip(&dates.keys()[rows]) {
        if known == Some(*key) {
            continue;
        }
        let text = dates.text(*key);
        if text == expected {
            known = Some(*key);
        } else {
            flaws.note(Rule::WrongLabel, 1, || {
                format!("row {at} is dated {text:?}, and its stamp is of {expected}")
            });
        }
    }
}

/// Every row of a day must have the minute of its stamp (ms).
pub(super) fn minutes_are(
    zone: Zone,
    day: &Day,
    minutes: &Labels<'_>,
    (rows, stamps): (std::ops::Range<usize>, &[i64]),
    first_row: u64,
    flaws: &mut Flaws,
) {
    let date = day.day.to_string();
    // On the two Sundays on which the clock is changed the hours are looked up.
    let is_even = day.stamps.end - day.stamps.start == DAY_MS;
    let time = |stamp: i64| -> Option<[u8; 5]> {
        let minute = if is_even {
            (stamp - day.stamps.start) / MINUTE_MS
        } else {
            let at = zone.civil(stamp)?;
            i64::from(at.hour()) * 60 + i64::from(at.minute())
        };
        TIMES.get(usize::try_from(minute).ok()?).copied()
    };
    for (at, (key, stamp)) in (first_row..).zip(minutes.keys()[rows].iter().zip(stamps)) {
        let text = minutes.text(*key).as_bytes();
        let is_right = text.len() == 16
            && text[..10] == *date.as_bytes()
            && text[10] == b' '
            && time(*stamp).is_some_and(|time| text[11..] == time)
            && stamp % MINUTE_MS == 0;
        if !is_right {
            flaws.note(Rule::WrongLabel, 1, || {
                let text = minutes.text(*key);
                format!("row {at} is labelled {text:?}, and its stamp is {}", spelled(zone, *stamp))
            });
        }
    }
}

/// A stamp (ms) for people: in the tree's zone, and as it is.
pub(super) fn spelled(zone: Zone, ms: i64) -> String {
    zone.civil(ms).map_or_else(|| ms.to_string(), |at| format!("{at} ({ms})"))
}

//! Units of stamps: which one somebody may have meant who has written a stamp that makes no sense.

use std::ops::Range;

/// So many nanoseconds has a unit.
pub(super) type Unit = i64;

/// Milliseconds.
pub(super) const MS: Unit = 1_000_000;
/// Nanoseconds.
pub(super) const NS: Unit = 1;

const UNITS: [(&str, Unit); 4] = [
    ("seconds", 1_000_000_000),
    ("milliseconds", MS),
    ("microseconds", 1_000),
    ("nanoseconds", NS),
];

/// The unit in which `stamp` lies in `span`, whose own unit is `ours`; `None` where no other does.
pub(super) fn meant(stamp: i64, span: &Range<i64>, ours: Unit) -> Option<&'static str> {
    let lies_in = |(_, theirs): &&(&str, Unit)| {
        let (stamp, theirs, ours) = (i128::from(stamp), i128::from(*theirs), i128::from(ours));
        let converted = stamp * theirs / ours;
        theirs != ours && i64::try_from(converted).is_ok_and(|stamp| span.contains(&stamp))
    };
    UNITS.iter().find(lies_in).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_of_another_unit_is_told_from_one_of_another_day() {
        let day_ms = 1_710_129_600_000..1_710_216_000_000;
        let day_ns = day_ms.start * MS..day_ms.end * MS;
        for (stamp, expected) in [
            (1_710_162_000, Some("seconds")),
            (1_710_162_000_000_000, Some("microseconds")),
            (1_710_162_000_000_000_000, Some("nanoseconds")),
            (1_710_000_000_000_000, None),
            (i64::MAX, None),
            (-1, None),
        ] {
            assert_eq!(meant(stamp, &day_ms, MS), expected, "{stamp}");
        }
        assert_eq!(meant(1_710_162_000_000, &day_ns, NS), Some("milliseconds"));
        assert_eq!(meant(1_710_162_000_000_000, &day_ns, NS), Some("microseconds"));
    }
}

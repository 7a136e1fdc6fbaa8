//! The error of a ticker some of whose partitions could not be fetched, while everything else is in
//! place. Pure.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::run::events::{Origin, Persistence};

use super::division::{Bad, Division};
use crate::api::failure::Meaning;
use crate::report::Trouble;

/// So many are said each with its reason.
const MOST_SAID: usize = 3;
const NOT_TO_BE_HAD: &str = "a part of it could not be fetched";

/// Some partitions of a ticker, or days of them, could not be fetched.
#[derive(Debug)]
pub struct NotToBeHad {
    kind: Kind,
    /// In time order; at least one.
    bad: Vec<Bad>,
    /// Not asked for any more.
    left_out: Coverage,
    /// What was asked of the ticker.
    asked: DateRange,
    /// Partitions of it in which nothing is missing, except those outside the plan.
    in_place: usize,
    /// Is there nothing beside those, what is bad and what the plan does not reach?
    is_all_the_rest: bool,
    /// Partitions in which nothing is missing but days that are bad.
    but_for_days: Vec<Partition>,
    /// Pages that were refused, as they came.
    pages: Vec<PathBuf>,
}

impl NotToBeHad {
    /// What `division` came to, when `open` is missing of the days `asked`, the plan does not reach
    /// `outside`, and `pages` were kept; nothing where nothing is bad.
    pub fn of(
        kind: Kind,
        asked: DateRange,
        division: Division,
        open: &Coverage,
        outside: &Coverage,
        pages: Vec<PathBuf>,
    ) -> Option<Self> {
        let (bad, left_out) = division.end();
        let of_bad: Coverage = bad.iter().map(|bad| bad.days).collect();
        let missing_of = |partition: Partition| open.intersection(&partition.span().into());
        let has_all = |partition: &Partition| missing_of(*partition).is_empty();
        let is_all = |days: &Coverage, partition: Partition| {
            partition.span().intersection(asked).is_none_or(|all| days.includes(all))
        };
        let (outside, answered): (Vec<_>, Vec<_>) =
            Partition::within(kind, asked).partition(|partition| is_all(outside, *partition));
        let in_place = answered.into_iter().filter(has_all).count();
        let outside_plan = outside.into_iter().filter(has_all).count();
        let but_for_days = Partition::within(kind, asked).filter(|partition| {
            let missing = missing_of(*partition);
            !missing.is_empty() && missing.minus(&of_bad).is_empty() && !is_all(&of_bad, *partition)
        });
        let but_for_days = but_for_days.collect();
        let partitions = Partition::within(kind, asked).count();
        let is_all_the_rest =
            left_out.is_empty() && in_place + outside_plan + touched(kind, &bad) == partitions;
        let is_bad = !bad.is_empty();
        is_bad.then_some(Self {
            kind,
            bad,
            left_out,
            asked,
            in_place,
            is_all_the_rest,
            but_for_days,
            pages,
        })
    }

    /// It is the ticker's own: other answers came, or this one came and was refused.
    pub fn trouble(&self) -> Trouble {
        let may_help = |bad: &Bad| bad.failure.persistence() == Persistence::Transient;
        let persistence = if self.bad.iter().any(may_help) {
            Persistence::Transient
        } else {
            Persistence::Permanent
        };
        let kind = self.bad.first().map_or(NOT_TO_BE_HAD, |bad| match bad.failure.meaning() {
            // The server is well: it has served something else.
            Meaning::TooHeavyOrInTrouble => NOT_TO_BE_HAD,
            Meaning::BadPart | Meaning::Unanswerable | Meaning::Nothing => bad.failure.kind(),
        });
        Trouble { persistence, origin: Origin::Ticker, kind }
    }

    /// Partitions by name, days of one as days.
    fn period(&self, days: DateRange) -> String {
        let of = |day| Partition::of(self.kind, day);
        let (first, last) = (of(days.from()), of(days.to()));
        let is_whole = first
            .span()
            .intersection(self.asked)
            .is_none_or(|all| days.intersection(all) == Some(all));
        match (first, last) {
            (first, last) if first != last => format!("{}..{}", first.period(), last.period()),
            (first, _) if is_whole => first.period(),
            _ => days.to_string(),
        }
    }

    fn unit(&self) -> &'static str {
        match self.kind {
            Kind::Daily => "year",
            Kind::Minute => "month",
            Kind::Trades => "day",
        }
    }

    /// What is in place nevertheless.
    fn write_rest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { in_place, is_all_the_rest, ref but_for_days, .. } = *self;
        let asked = Partition::within(self.kind, self.asked).count();
        let unit = self.unit();
        let names: Vec<String> = but_for_days.iter().map(|partition| partition.period()).collect();
        let named = names.join(", ");
        match in_place {
            _ if asked == 1 && names.is_empty() => Ok(()),
            0 if is_all_the_rest && !names.is_empty() => {
                write!(f, "; the rest of {named} is in place")
            }
            0 => write!(f, "; none of the {asked} {unit}s is in place"),
            1 if is_all_the_rest && !names.is_empty() => {
                write!(f, "; the rest of {named} and the other {unit} are in place")
            }
            1 if is_all_the_rest => write!(f, "; the other {unit} is in place"),
            1 => write!(f, "; 1 of {asked} {unit}s is in place"),
            _ if is_all_the_rest && !names.is_empty() => {
                write!(f, "; the rest of {named} and the other {in_place} {unit}s are in place")
            }
            _ if is_all_the_rest => write!(f, "; the other {in_place} {unit}s are in place"),
            _ => write!(f, "; {in_place} of {asked} {unit}s are in place"),
        }
    }
}

/// How many partitions have something bad.
fn touched(kind: Kind, bad: &[Bad]) -> usize {
    let of = |bad: &Bad| Partition::within(kind, bad.days).collect::<Vec<_>>();
    bad.iter().flat_map(of).collect::<BTreeSet<_>>().len()
}

impl fmt::Display for NotToBeHad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = Partition::within(self.kind, self.asked).count();
        if let ([bad], 0) = (self.bad.as_slice(), self.in_place)
            && touched(self.kind, &self.bad) == asked
            && asked > 1
        {
            // All of it, as far as the source was asked: there is no part to name.
            return write!(f, "{}", bad.failure);
        }
        for (number, bad) in self.bad.iter().take(MOST_SAID).enumerate() {
            let period = self.period(bad.days);
            match number {
                0 => write!(f, "{period} could not be fetched: {}", bad.failure)?,
                _ => write!(f, "; nor could {period}: {}", bad.failure)?,
            }
        }
        let rest: Vec<_> =
            self.bad.iter().skip(MOST_SAID).map(|bad| self.period(bad.days)).collect();
        if !rest.is_empty() {
            write!(f, "; nor could {}", rest.join(", "))?;
        }
        for (number, days) in self.left_out.ranges().iter().enumerate() {
            let word = if number == 0 { "; after that nothing more was requested of" } else { "," };
            write!(f, "{word} {}", self.period(*days))?;
        }
        self.write_rest(f)?;
        if self.bad.iter().any(|bad| bad.failure.meaning() == Meaning::TooHeavyOrInTrouble) {
            write!(f, "; --resume requests it again; if it never comes, report it to the vendor")?;
        }
        match self.pages.first() {
            Some(page) => write!(f, "; the page, as received: {}", page.display()),
            None => Ok(()),
        }
    }
}

impl Error for NotToBeHad {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::failure::Failure;
    use crate::spelled::days;
    use shared::market::session::sessions;

    /// What a user reads when requests for one of these days fail.
    fn said(kind: Kind, asked: DateRange, mute: &[DateRange]) -> String {
        said_with(kind, asked, mute, &Coverage::empty())
    }

    /// The same, where the plan does not reach the days `outside`.
    fn said_with(kind: Kind, asked: DateRange, mute: &[DateRange], outside: &Coverage) -> String {
        let mute: Coverage = mute.iter().copied().collect();
        let mut division = Division::new(kind, &[asked]);
        let mut open = Coverage::from(asked);
        while let Some(piece) = division.next_request() {
            if mute.intersection(&piece.days.into()).is_empty() {
                open = open.minus(&piece.days.into());
                division.served(piece);
            } else {
                let failure = Failure::Server { status: 504, words: "no words".to_owned() };
                division.failed(piece, failure, piece.days, None).expect("goes on");
            }
        }
        let said = NotToBeHad::of(kind, asked, division, &open, outside, Vec::new());
        said.expect("something is bad").to_string()
    }

    #[test]
    fn a_session_is_named_as_a_day_and_the_rest_of_its_partition_is_said_to_be_in_place() {
        let two_years = days("2022-01-01", "2023-12-31");
        let one = days("2023-05-04", "2023-05-04");
        assert_eq!(
            said(Kind::Minute, two_years, &[one]),
            "2023-05-04 could not be fetched: the server answered 504: no words; the rest of 2023-05 and the other 23 months are in place; --resume requests it again; if it never comes, report it to the vendor"
        );
        assert_eq!(
            said(Kind::Daily, days("2023-01-01", "2023-12-31"), &[one]),
            "2023-05-04 could not be fetched: the server answered 504: no words; the rest of 2023 is in place; --resume requests it again; if it never comes, report it to the vendor"
        );
        let other = days("2022-02-09", "2022-02-09");
        assert_eq!(
            said(Kind::Minute, two_years, &[one, other]),
            "2022-02-09 could not be fetched: the server answered 504: no words; nor could 2023-05-04: the server answered 504: no words; the rest of 2022-02, 2023-05 and the other 22 months are in place; --resume requests it again; if it never comes, report it to the vendor"
        );
        assert_eq!(
            said(Kind::Trades, days("2023-05-01", "2023-05-05"), &[one]),
            "2023-05-04 could not be fetched: the server answered 504: no words; the other 4 days are in place; --resume requests it again; if it never comes, report it to the vendor"
        );
    }

    #[test]
    fn one_other_month_is_said_as_one_and_none_that_the_plan_does_not_reach_is_in_place() {
        let one = [days("2023-05-04", "2023-05-04")];
        let (two_months, two_years) =
            (days("2023-04-01", "2023-05-31"), days("2022-01-01", "2023-12-31"));
        let two = said(Kind::Minute, two_months, &one);
        assert!(two.contains("; the rest of 2023-05 and the other month are in place;"), "{two}");
        let two = said(Kind::Trades, days("2023-05-03", "2023-05-04"), &one);
        assert!(two.contains("; the other day is in place;"), "{two}");
        let outside = days("2022-01-01", "2022-06-07").into();
        let many = said_with(Kind::Minute, two_years, &one, &outside);
        assert!(
            many.contains("; the rest of 2023-05 and the other 18 months are in place;"),
            "{many}"
        );
    }

    #[test]
    fn a_month_of_which_no_session_comes_is_named_as_a_month() {
        let march =
            sessions("2023-03-01".parse().expect("a day"), "2023-03-31".parse().expect("a day"));
        let mute: Vec<DateRange> = march.map(|(day, _)| day.into()).collect();
        assert_eq!(
            said(Kind::Minute, days("2022-01-01", "2023-12-31"), &mute),
            "2023-03 could not be fetched: the server answered 504: no words; the other 23 months are in place; --resume requests it again; if it never comes, report it to the vendor"
        );
    }
}

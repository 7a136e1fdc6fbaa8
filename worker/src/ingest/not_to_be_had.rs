//! What is said of a ticker of which some partitions are not to be had, while everything else is in place. Pure.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use shared::dataset::coverage::{Coverage, DateRange};
use shared::dataset::kind::Kind;
use shared::dataset::partition::Partition;
use shared::run::events::{Origin, Persistence};

use super::division::{Bad, Division};
use crate::report::Trouble;

/// So many are said each with its reason.
const MOST_SAID: usize = 3;

/// Some partitions of a ticker are not to be had.
#[derive(Debug)]
pub struct NotToBeHad {
    kind: Kind,
    /// In time order; at least one.
    bad: Vec<Bad>,
    /// Not asked for any more.
    left_out: Coverage,
    /// Partitions that were asked of the ticker.
    asked: usize,
    /// Those of them in which nothing is missing.
    in_place: usize,
    /// Pages that were refused, as they came.
    pages: Vec<PathBuf>,
}

impl NotToBeHad {
    /// What `division` came to, when `open` is missing of the days `asked` and `pages` were kept; nothing where nothing is bad.
    pub fn of(
        kind: Kind,
        asked: DateRange,
        division: Division,
        open: &Coverage,
        pages: Vec<PathBuf>,
    ) -> Option<Self> {
        let (bad, left_out) = division.end();
        let has_all = |partition: &Partition| open.intersection(&partition.span().into()).is_empty();
        let in_place = Partition::within(kind, asked).filter(has_all).count();
        let asked = Partition::within(kind, asked).count();
        (!bad.is_empty()).then_some(Self { kind, bad, left_out, asked, in_place, pages })
    }

    /// It is the ticker's own: other answers came, or this one came and was refused.
    pub fn trouble(&self) -> Trouble {
        let may_help = |bad: &Bad| bad.failure.persistence() == Persistence::Transient;
        let persistence =
            if self.bad.iter().any(may_help) { Persistence::Transient } else { Persistence::Permanent };
        let kind = self.bad.first().map_or("a part is not to be had", |bad| bad.failure.kind());
        Trouble { persistence, origin: Origin::Ticker, kind }
    }

    fn period(&self, days: DateRange) -> String {
        let of = |day| Partition::of(self.kind, day);
        match (of(days.from()), of(days.to())) {
            (first, last) if first == last => first.period(),
            (first, last) => format!("{}..{}", first.period(), last.period()),
        }
    }

    fn unit(&self) -> &'static str {
        match self.kind {
            Kind::Daily => "years",
            Kind::Minute => "months",
            Kind::Trades => "days",
        }
    }
}

impl fmt::Display for NotToBeHad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, in_place, .. } = self;
        if let ([bad], 0) = (self.bad.as_slice(), *in_place)
            && self.left_out.is_empty()
            && *asked > 1
        {
            // All of it, as far as the source was asked: there is no part to name.
            return write!(f, "{}", bad.failure);
        }
        for (number, bad) in self.bad.iter().take(MOST_SAID).enumerate() {
            let period = self.period(bad.days);
            match number {
                0 => write!(f, "{period} is not to be had: {}", bad.failure)?,
                _ => write!(f, "; nor is {period}: {}", bad.failure)?,
            }
        }
        let rest: Vec<_> = self.bad.iter().skip(MOST_SAID).map(|bad| self.period(bad.days)).collect();
        if !rest.is_empty() {
            write!(f, "; nor are {}", rest.join(", "))?;
        }
        for (number, days) in self.left_out.ranges().iter().enumerate() {
            let word = if number == 0 { "; after that nothing more was asked of" } else { "," };
            write!(f, "{word} {}", self.period(*days))?;
        }
        let unit = self.unit();
        match in_place {
            _ if *asked == 1 => {}
            0 => write!(f, "; none of the {asked} {unit} is in place")?,
            _ if self.left_out.is_empty() && in_place + self.bad.len() == *asked => {
                write!(f, "; the other {in_place} {unit} are in place")?;
            }
            _ => write!(f, "; {in_place} of {asked} {unit} are in place")?,
        }
        match self.pages.first() {
            Some(page) => write!(f, "; the page as it came: {}", page.display()),
            None => Ok(()),
        }
    }
}

impl Error for NotToBeHad {}

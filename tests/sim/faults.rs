//! Faults: what the service gets wrong, and when. Drawn from hashes, so that a run can be repeated.
//!
//! Pure. How a fault looks on the wire is the business of the endpoints and of the reply's body.

use std::fmt;
use std::str::FromStr;

use super::chance::{join, mix, of_text, unit};

/// One way in which a reply goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// 429 without `Retry-After`.
    TooMany,
    /// 429 with `Retry-After: 1`.
    TooManyRetryAfter,
    /// 500 with an HTML body.
    ServerError,
    /// 502 with an HTML body.
    BadGateway,
    /// 504 with an HTML body.
    GatewayTimeout,
    /// Connection reset in the middle of the body.
    Reset,
    /// Valid HTTP whose JSON ends too early.
    CutJson,
    /// A body that trickles for about a second.
    SlowBody,
    /// HTML with status 200.
    Html200,
    /// The next page begins with the last row of this one; of a whole market, a row stands twice.
    DuplicateRow,
    /// `next_url` leads to this very page.
    RepeatedNextUrl,
    /// `next_url` leads to somebody else's host.
    ForeignNextUrl,
    /// A page after the first, or that of a whole market, says, and serves, the other `adjusted`.
    AdjustedFlip,
    /// Status `DELAYED`: a success.
    Delayed,
    /// The last price of the page is a string.
    TextPrice,
}

impl Fault {
    /// Every fault with its name on the command line.
    pub const ALL: [(Self, &'static str); 15] = [
        (Self::TooMany, "429"),
        (Self::TooManyRetryAfter, "429-retry-after"),
        (Self::ServerError, "500"),
        (Self::BadGateway, "502"),
        (Self::GatewayTimeout, "504"),
        (Self::Reset, "reset"),
        (Self::CutJson, "cut-json"),
        (Self::SlowBody, "slow-body"),
        (Self::Html200, "html-200"),
        (Self::DuplicateRow, "duplicate-row"),
        (Self::RepeatedNextUrl, "repeated-next-url"),
        (Self::ForeignNextUrl, "foreign-next-url"),
        (Self::AdjustedFlip, "adjusted-flip"),
        (Self::Delayed, "delayed"),
        (Self::TextPrice, "text-price"),
    ];

    /// Its name on the command line and in `/__stats`.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(fault, _)| *fault == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A fault and how often it happens. Text form `cut-json=0.05`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRate {
    pub fault: Fault,
    /// Probability per request, 0 to 1.
    pub probability: f64,
}

impl FromStr for FaultRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Fault::ALL.map(|(_, name)| name).join(", ");
        let (name, probability) =
            text.split_once('=').ok_or_else(|| format!("{text:?} is not KIND=P"))?;
        let known = Fault::ALL.iter().find(|(_, known)| *known == name);
        let (fault, _) =
            known.ok_or_else(|| format!("{name:?} is not a fault; there are {}", names()))?;
        Ok(Self { fault: *fault, probability: parse_probability(probability)? })
    }
}

/// Reads a number from 0 to 1.
pub fn parse_probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|p| (0.0..=1.0).contains(p));
    number.ok_or_else(|| format!("{text:?} is not a probability from 0 to 1"))
}

/// Which faults happen how often.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultPlan {
    seed: u64,
    rates: Vec<FaultRate>,
}

impl FaultPlan {
    /// A plan without faults.
    pub fn new(seed: u64) -> Self {
        Self { seed, rates: Vec::new() }
    }

    /// The plan with this fault at this rate, in place of an earlier rate of the same fault.
    #[must_use]
    pub fn with(mut self, rate: FaultRate) -> Self {
        self.rates.retain(|known| known.fault != rate.fault);
        self.rates.push(rate);
        self
    }

    /// The plan with every fault at one probability.
    #[must_use]
    pub fn with_all(self, probability: f64) -> Self {
        Fault::ALL
            .iter()
            .fold(self, |plan, &(fault, _)| plan.with(FaultRate { fault, probability }))
    }

    /// The faults of one request: a function of the seed, the fault, the URL, and how many times
    /// this very URL was asked before. Other requests have no say in it, and a retry draws anew.
    pub fn draw(&self, target: &str, asked_before: u32) -> Drawn {
        let request = join(join(self.seed, of_text(target)), u64::from(asked_before));
        let happens =
            |rate: &&FaultRate| unit(mix(request ^ of_text(rate.fault.name()))) < rate.probability;
        Drawn { faults: self.rates.iter().filter(happens).map(|rate| rate.fault).collect() }
    }
}

/// The faults of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drawn {
    faults: Vec<Fault>,
}

impl Drawn {
    /// Whether this fault is among them.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// The first of `candidates` that is among them.
    pub fn first_of(&self, candidates: &[Fault]) -> Option<Fault> {
        candidates.iter().copied().find(|&fault| self.has(fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_rates_are_read_from_text() {
        let rate: FaultRate = "cut-json=0.05".parse().expect("a rate");
        assert_eq!(rate, FaultRate { fault: Fault::CutJson, probability: 0.05 });
        for text in ["cut-json", "cut-json=2", "nonsense=0.1", "429=x"] {
            assert!(text.parse::<FaultRate>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_draw_depends_on_seed_url_and_repetition_only() {
        let plan = FaultPlan::new(1).with_all(0.3);
        assert_eq!(plan.draw("/a?x=1", 0), FaultPlan::new(1).with_all(0.3).draw("/a?x=1", 0));
        let seen: Vec<Drawn> = (0..50).map(|n| plan.draw("/a?x=1", n)).collect();
        assert!(seen.iter().any(|drawn| *drawn != seen[0]), "a retry draws anew");
        assert_ne!(
            (0..50).map(|n| FaultPlan::new(2).with_all(0.3).draw("/a?x=1", n)).collect::<Vec<_>>(),
            seen
        );
    }

    #[test]
    fn faults_happen_as_often_as_asked_and_apart_from_one_another() {
        let plan = FaultPlan::new(5).with_all(0.05);
        let drawn: Vec<Drawn> = (0..20_000).map(|n| plan.draw(&format!("/x/{n}"), 0)).collect();
        for (fault, name) in Fault::ALL {
            let share = drawn.iter().filter(|d| d.has(fault)).count();
            assert!((800..1_200).contains(&share), "{name}: {share}");
        }
        let both = drawn.iter().filter(|d| d.has(Fault::Reset) && d.has(Fault::Delayed)).count();
        assert!((20..90).contains(&both), "{both}");
    }
}

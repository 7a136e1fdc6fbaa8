//! Extension: what `start --resume` asks beyond the frozen run. A run grows and never shrinks:
//! earlier and later days and further tickers are added; any other difference is refused. Pure.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use shared::market::ticker::Ticker;
use shared::market::trading_day::TradingDay;
use shared::run::thousands::counted;

use super::differences::Difference;
use super::request::{Extended, Input, Request};

/// How many missing tickers an error names.
const NAMED_MAX: usize = 5;
const NEVER_SHRINKS: &str = "a run can be extended, not cut";

/// What the arguments of `--resume` ask for; an argument that was left out changes nothing.
#[derive(Debug, Default)]
pub struct Requested<'a> {
    /// First day, New York, inclusive.
    pub from: Option<TradingDay>,
    /// Last day, New York, inclusive.
    pub to: Option<TradingDay>,
    /// The ticker list and where it was read.
    pub list: Option<(&'a Path, &'a Input)>,
    /// Every other argument that contradicts the run.
    pub others: Vec<Difference>,
}

/// How the request compares with the frozen run.
#[derive(Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It asks for the run as it is.
    Same,
    /// It asks for more.
    More(Box<Extension>),
    /// It contradicts the run in these arguments; nothing is changed.
    Refused(Vec<Difference>),
}

/// The run after the extension.
#[derive(Debug, PartialEq, Eq)]
pub struct Extension {
    /// Replaces the frozen request.
    pub request: Request,
    /// The tickers of the run, in their order, then the new ones.
    pub tickers: Vec<Ticker>,
    changes: Vec<String>,
}

/// `extends the run: --to 2024-06-28 → 2024-09-30, 12 more tickers`.
impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "extends the run: {}", self.changes.join(", "))
    }
}

/// Compares `requested` with the run `frozen` of these `tickers`.
///
/// The last settled day is looked up anew only when a last day is given: otherwise a run continues
/// with exactly the days that it had.
pub fn judge(
    requested: Requested,
    frozen: &Request,
    tickers: &[Ticker],
    now: Timestamp,
) -> Comparison {
    let mut extension =
        Extension { request: frozen.clone(), tickers: tickers.to_vec(), changes: Vec::new() };
    let found = [
        requested.from.and_then(|from| extension.begin(from)),
        requested.to.and_then(|to| extension.end(to, now)),
        requested.list.and_then(|(path, input)| extension.add(path, input)),
    ];
    let refused: Vec<Difference> =
        requested.others.into_iter().chain(found.into_iter().flatten()).collect();
    if !refused.is_empty() {
        return Comparison::Refused(refused);
    }
    if extension.changes.is_empty() {
        return Comparison::Same;
    }
    extension.request.extensions.push(Extended { at: now, before: frozen.extent() });
    Comparison::More(Box::new(extension))
}

/// The refusal of a longer settling delay, if days of the run `frozen` that count already would not
/// count at `now`.
pub fn unsettles(frozen: &Request, settle: SignedDuration, now: Timestamp) -> Option<Difference> {
    let settled = TradingDay::last_settled(now, settle);
    let is_longer = settle > frozen.settings.settle;
    let given = format!("{settle:#}, by which only days to {settled} count yet; {NEVER_SHRINKS}");
    let before = format!("{:#} and days to {}", frozen.settings.settle, frozen.settled_to);
    (is_longer && settled < frozen.settled_to).then_some(Difference {
        flag: "--settle",
        frozen: before,
        given,
    })
}

impl Extension {
    /// Does it have other days than `frozen`?
    pub fn is_longer_than(&self, frozen: &Request) -> bool {
        self.request.days() != frozen.days()
    }

    /// The extension by the source's clock, which says `now`, if this machine's is ahead; `None` if
    /// nothing is left of it. The days of `frozen` stay.
    pub fn settled_by(mut self, frozen: &Request, now: Timestamp) -> Option<Self> {
        let request = &mut self.request;
        let settled = TradingDay::last_settled(now, request.settings.settle).max(frozen.settled_to);
        request.settled_to = request.settled_to.min(settled);
        (request.extent() != frozen.extent()).then_some(self)
    }

    fn begin(&mut self, from: TradingDay) -> Option<Difference> {
        let frozen = std::mem::replace(&mut self.request.settings.from, from);
        if from < frozen {
            self.changes.push(format!("--from {frozen} → {from}"));
        }
        (from > frozen).then(|| shorter("--from", frozen, from))
    }

    fn end(&mut self, to: TradingDay, now: Timestamp) -> Option<Difference> {
        let request = &mut self.request;
        let frozen = std::mem::replace(&mut request.settings.to, to);
        let settled = to.min(TradingDay::last_settled(now, request.settings.settle));
        let settled_before = request.settled_to;
        // A clock that was set back takes no day away.
        request.settled_to = settled.max(settled_before);
        if to > frozen {
            self.changes.push(format!("--to {frozen} → {to}"));
        } else if settled > settled_before {
            self.changes.push(format!("days settled since: {settled_before} → {settled}"));
        }
        (to < frozen).then(|| shorter("--to", frozen, to))
    }

    fn add(&mut self, path: &Path, input: &Input) -> Option<Difference> {
        let given = &input.list.tickers;
        let (had, has): (HashSet<&Ticker>, HashSet<&Ticker>) =
            (self.tickers.iter().collect(), given.iter().collect());
        let missing: Vec<&Ticker> =
            self.tickers.iter().filter(|ticker| !has.contains(ticker)).collect();
        if !missing.is_empty() {
            return Some(Difference {
                flag: "--tickers-csv",
                frozen: format!(
                    "{} (SHA-256 {:.12})",
                    counted(self.tickers.len() as u64, "ticker"),
                    self.request.tickers_sha256
                ),
                given: format!(
                    "{} (SHA-256 {:.12}), which lacks {}; {NEVER_SHRINKS}",
                    path.display(),
                    input.sha256,
                    named(&missing)
                ),
            });
        }
        let new: Vec<Ticker> =
            given.iter().filter(|ticker| !had.contains(ticker)).cloned().collect();
        // The same tickers in another order, or with other columns, are the same run.
        if !new.is_empty() {
            self.changes.push(counted(new.len() as u64, "ticker").replace(' ', " more "));
            self.tickers.extend(new);
            self.request.tickers = self.tickers.len();
            self.request.tickers_sha256.clone_from(&input.sha256);
            path.clone_into(&mut self.request.settings.tickers_csv);
        }
        None
    }
}

fn shorter(flag: &'static str, frozen: TradingDay, given: TradingDay) -> Difference {
    Difference { flag, frozen: frozen.to_string(), given: format!("{given}; {NEVER_SHRINKS}") }
}

fn named(tickers: &[&Ticker]) -> String {
    let names: Vec<&str> = tickers.iter().take(NAMED_MAX).map(|ticker| ticker.as_str()).collect();
    match tickers.len().saturating_sub(NAMED_MAX) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::StartArgs;
    use crate::job::Job;
    use crate::plan::settings::Settings;
    use shared::run::oddities::Oddities;
    use shared::run::ticker_list::TickerList;

    const CREATED: &str = "2024-07-02T15:00:00Z";
    const LATER: &str = "2024-10-02T15:00:00Z";

    fn day(text: &str) -> TradingDay {
        text.parse().expect("a day")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn input(names: &[&str]) -> Input {
        let tickers = names.iter().map(|name| name.parse().expect("a ticker")).collect();
        Input {
            list: TickerList { tickers, repeated: Vec::new() },
            oddities: Oddities::default(),
            sha256: names.concat(),
        }
    }

    /// A run of A and B from the second of January to `to`.
    fn run(to: &str) -> Request {
        let args = StartArgs {
            job: Some(Job::Daily),
            tickers_csv: Some("small.csv".into()),
            outdir: Some("out".into()),
            from: Some(day("2024-01-02")),
            to: Some(day(to)),
            ..StartArgs::default()
        };
        let settings = Settings::resolve(&args, Path::new("/home/me")).expect("complete");
        Request::new("ab12".to_owned(), at(CREATED), settings, &input(&["A", "B"]))
            .expect("settled")
    }

    /// The comparison, in words.
    fn said(frozen: &Request, requested: Requested) -> String {
        match judge(requested, frozen, &input(&["A", "B"]).list.tickers, at(LATER)) {
            Comparison::Same => "same".to_owned(),
            Comparison::More(extension) => extension.to_string(),
            Comparison::Refused(found) => {
                found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn range(from: &str, to: &str) -> Requested<'static> {
        Requested { from: Some(day(from)), to: Some(day(to)), ..Requested::default() }
    }

    #[test]
    fn what_is_equal_or_not_said_changes_nothing() {
        let frozen = run("2024-06-28");
        let shuffled = input(&["B", "A"]);
        assert_eq!(said(&frozen, Requested::default()), "same");
        let list = Some((Path::new("/other.csv"), &shuffled));
        assert_eq!(said(&frozen, Requested { list, ..range("2024-01-02", "2024-06-28") }), "same");
    }

    #[test]
    fn a_longer_range_and_more_tickers_extend_the_run_and_say_so() {
        let (frozen, more) = (run("2024-06-28"), input(&["C", "B", "D", "A"]));
        let requested = || Requested {
            list: Some((Path::new("/more.csv"), &more)),
            ..range("2023-01-03", "2024-09-30")
        };
        let sentence = "extends the run: --from 2024-01-02 → 2023-01-03, --to 2024-06-28 → 2024-09-30, 2 more tickers";
        assert_eq!(said(&frozen, requested()), sentence);

        let Comparison::More(extension) =
            judge(requested(), &frozen, &input(&["A", "B"]).list.tickers, at(LATER))
        else {
            panic!("it is more")
        };
        assert!(extension.is_longer_than(&frozen));
        assert_eq!(
            extension.tickers,
            input(&["A", "B", "C", "D"]).list.tickers,
            "the old ones keep their places"
        );
        let request = extension.request;
        assert_eq!(request.days().to_string(), "2023-01-03..2024-09-30");
        assert_eq!((request.tickers, request.tickers_sha256.as_str()), (4, "CBDA"));
        assert_eq!(request.settings.tickers_csv, Path::new("/more.csv"));
        assert_eq!(request.extensions, [Extended { at: at(LATER), before: frozen.extent() }]);
        assert_eq!((request.run, request.created_at), (frozen.run, frozen.created_at));
    }

    #[test]
    fn days_that_have_settled_since_are_taken_in_when_the_last_day_is_said() {
        let frozen = run("2030-12-31");
        assert_eq!(
            said(&frozen, Requested { to: Some(day("2030-12-31")), ..Requested::default() }),
            "extends the run: days settled since: 2024-07-01 → 2024-10-01"
        );
        let mut earlier = range("2023-01-03", "2030-12-31");
        earlier.to = None;
        let Comparison::More(extension) = judge(earlier, &frozen, &[], at(LATER)) else {
            panic!("it is more")
        };
        assert_eq!(
            extension.request.days().to_string(),
            "2023-01-03..2024-07-01",
            "its end was not said"
        );
        let requested = Requested { to: Some(day("2031-12-31")), ..Requested::default() };
        let Comparison::More(extension) =
            judge(requested, &frozen, &[], at("2023-07-02T15:00:00Z"))
        else {
            panic!("it is more")
        };
        assert!(!extension.is_longer_than(&frozen), "a clock that was set back takes nothing away");
    }

    #[test]
    fn an_extension_ends_at_the_last_day_that_is_settled_by_the_sources_clock_too() {
        let (frozen, by_source) = (run("2030-12-31"), at("2024-09-30T15:00:00Z"));
        let more = |to: &str, now: Timestamp| {
            let requested = Requested { to: Some(day(to)), ..Requested::default() };
            let Comparison::More(extension) = judge(requested, &frozen, &[], at(LATER)) else {
                panic!("it is more")
            };
            extension.settled_by(&frozen, now).map(|extension| extension.request.days().to_string())
        };
        let says = |days: &str| Some(days.to_owned());
        assert_eq!(more("2030-12-31", by_source), says("2024-01-02..2024-09-29"), "not 2024-10-01");
        assert_eq!(more("2030-12-31", at(CREATED)), None, "nothing is left of it");
        assert_eq!(
            more("2031-12-31", at("2023-01-02T15:00:00Z")),
            says("2024-01-02..2024-07-01"),
            "as it was"
        );
    }

    #[test]
    fn what_is_less_or_other_is_refused_with_all_that_came_with_it() {
        let (frozen, fewer) = (run("2024-06-28"), input(&["B", "C"]));
        let retries =
            Difference { flag: "--retries", frozen: "2".to_owned(), given: "7".to_owned() };
        let requested = Requested {
            list: Some((Path::new("/fewer.csv"), &fewer)),
            others: vec![retries.clone()],
            ..range("2024-01-03", "2024-06-27")
        };
        let lines = [
            "--retries: the run has 2, you say 7",
            "--from: the run has 2024-01-02, you say 2024-01-03; a run can be extended, not cut",
            "--to: the run has 2024-06-28, you say 2024-06-27; a run can be extended, not cut",
            "--tickers-csv: the run has 2 tickers (SHA-256 AB), you say /fewer.csv (SHA-256 BC), which lacks A; a run can be extended, not cut",
        ];
        assert_eq!(said(&frozen, requested), lines.join("\n"));
        let mixed = Requested { others: vec![retries], ..range("2023-01-03", "2024-09-30") };
        assert_eq!(said(&frozen, mixed), lines[0], "more days do not help");
    }

    #[test]
    fn a_settling_delay_may_change_as_long_as_no_day_of_the_run_is_taken_away() {
        let frozen = run("2030-12-31");
        let hours = SignedDuration::from_hours;
        let said =
            |hour| unsettles(&frozen, hours(hour), at(CREATED)).map(|found| found.to_string());
        assert_eq!((said(1), said(15)), (None, None));
        assert_eq!(
            said(48).as_deref(),
            Some(
                "--settle: the run has 15h and days to 2024-07-01, you say 48h, by which only days to 2024-06-29 count yet; a run can be extended, not cut"
            )
        );
        assert_eq!(unsettles(&frozen, hours(48), at(LATER)), None, "they count by now");
    }

    #[test]
    fn of_many_missing_tickers_some_are_named() {
        let all: Vec<Ticker> = input(&["A", "B", "C", "D", "E", "F", "G"]).list.tickers;
        assert_eq!(named(&all.iter().collect::<Vec<_>>()), "A, B, C, D, E and 2 more");
    }
}

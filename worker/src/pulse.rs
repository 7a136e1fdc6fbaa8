//! When to log progress, so that the log never stands still while something is being fetched. Pure:
//! time comes in as an argument, counted from any beginning; lines go out.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::market::trading_day::TradingDay;
use shared::run::thousands::counted;

/// So long a log is silent about what is being fetched.
const SILENCE: Duration = Duration::from_secs(10);

/// What is being fetched, by the name it has in the log.
#[derive(Debug, Default)]
pub struct Pulse(BTreeMap<String, Work>);

#[derive(Debug)]
struct Work {
    reached: Reached,
    /// What is waited for, since the last page.
    wait: Option<String>,
    said_at: Duration,
    said_rows: u64,
}

/// How far the work has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reached {
    /// The day of the last row.
    pub day: Option<TradingDay>,
    /// Rows so far.
    pub rows: u64,
    /// Pages so far.
    pub pages: u64,
}

impl Pulse {
    /// The work on `name` begins.
    pub fn begin(&mut self, name: &str, now: Duration) {
        let work = Work { reached: Reached::default(), wait: None, said_at: now, said_rows: 0 };
        self.0.insert(name.to_owned(), work);
    }

    /// A page has come.
    pub fn reach(&mut self, name: &str, reached: Reached) {
        if let Some(work) = self.0.get_mut(name) {
            let day = reached.day.or(work.reached.day);
            (work.reached, work.wait) = (Reached { day, ..reached }, None);
        }
    }

    /// No page comes before `what` is over.
    pub fn wait(&mut self, name: &str, what: String) {
        if let Some(work) = self.0.get_mut(name) {
            work.wait = Some(what);
        }
    }

    /// The work on `name` is over.
    pub fn end(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// What is to be said now: a name, and how far it has come. `turns` requests wait for the rate
    /// limit, of whomever.
    pub fn due(&mut self, now: Duration, turns: usize) -> Vec<(String, String)> {
        let is_due = |work: &Work| now.saturating_sub(work.said_at) >= SILENCE;
        let due = self.0.iter_mut().filter(|(_, work)| is_due(work));
        due.map(|(name, work)| (name.clone(), work.say(now, turns))).collect()
    }
}

impl Work {
    fn say(&mut self, now: Duration, turns: usize) -> String {
        let Reached { day, rows, pages } = self.reached;
        let pace = (rows.saturating_sub(self.said_rows)) as f64
            / now.saturating_sub(self.said_at).as_secs_f64();
        (self.said_at, self.said_rows) = (now, rows);
        let day = day.map(|day| format!(" up to {day}")).unwrap_or_default();
        let waits = match (&self.wait, turns) {
            (Some(what), _) => format!("; waiting: {what}"),
            (None, 0) => String::new(),
            (None, turns) => {
                let (requests, wait) =
                    (counted(turns as u64, "request"), if turns == 1 { "waits" } else { "wait" });
                format!("; {requests} of this process {wait} for a turn in the rate limit")
            }
        };
        format!(
            "{} in {}{day}, {pace:.0} rows/s{waits}",
            counted(rows, "row"),
            counted(pages, "page")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pulse: &mut Pulse, second: u64, turns: usize) -> Vec<String> {
        let due = pulse.due(Duration::from_secs(second), turns);
        due.into_iter().map(|(name, text)| format!("{name}: {text}")).collect()
    }

    #[test]
    fn what_is_fetched_is_said_every_ten_seconds_with_its_day_its_rows_and_its_pace() {
        let mut pulse = Pulse::default();
        pulse.begin("AIG", Duration::from_secs(100));
        let day = "2024-01-02".parse().ok();
        pulse.reach("AIG", Reached { day, rows: 50_000, pages: 1 });
        assert_eq!(lines(&mut pulse, 109, 0), [] as [&str; 0]);
        assert_eq!(
            lines(&mut pulse, 110, 0),
            ["AIG: 50000 rows in 1 page up to 2024-01-02, 5000 rows/s"]
        );
        assert_eq!(lines(&mut pulse, 111, 0), [] as [&str; 0]);
        // A page without a new row has no day of its own.
        pulse.reach("AIG", Reached { day: None, rows: 50_000, pages: 2 });
        assert_eq!(
            lines(&mut pulse, 130, 0),
            ["AIG: 50000 rows in 2 pages up to 2024-01-02, 0 rows/s"]
        );
        pulse.end("AIG");
        assert_eq!(lines(&mut pulse, 150, 0), [] as [&str; 0]);
    }

    #[test]
    fn who_waits_is_said_with_what_for() {
        let mut pulse = Pulse::default();
        pulse.begin("AIG", Duration::ZERO);
        assert_eq!(
            lines(&mut pulse, 10, 2),
            [
                "AIG: 0 rows in 0 pages, 0 rows/s; 2 requests of this process wait for a turn in the rate limit"
            ]
        );
        pulse.wait("AIG", "the rate limit was exceeded (429)".to_owned());
        assert_eq!(
            lines(&mut pulse, 20, 0),
            ["AIG: 0 rows in 0 pages, 0 rows/s; waiting: the rate limit was exceeded (429)"]
        );
        pulse.reach("AIG", Reached { day: None, rows: 1, pages: 1 });
        assert_eq!(
            lines(&mut pulse, 30, 0),
            ["AIG: 1 row in 1 page, 0 rows/s"],
            "the wait is over"
        );
    }
}

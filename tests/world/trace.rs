//! The trace of a life: what happened, line by line, for whoever reads why it went wrong. Told only
//! when somebody listens.

use std::fmt::Write as _;

use launcher::facts::{Fact, Report, Word};

/// What is remembered of a life.
pub(crate) struct Trace {
    lines: Option<Vec<String>>,
    /// How many things have happened so far, told or not.
    pub(crate) steps: u64,
}

impl Trace {
    /// One that nobody listens to.
    pub(crate) fn off() -> Self {
        Self { lines: None, steps: 0 }
    }

    /// One that is remembered whole.
    pub(crate) fn on() -> Self {
        Self { lines: Some(Vec::new()), steps: 0 }
    }

    /// Something happens at `t`, ms since the life began.
    pub(crate) fn note(&mut self, t: u64, what: impl FnOnce() -> String) {
        self.steps += 1;
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>6} {} {}", self.steps, elapsed(t), what()));
        }
    }

    /// The last lines of it.
    pub(crate) fn last(&self, count: usize) -> String {
        let lines = self.lines.as_deref().unwrap_or_default();
        let mut text = String::new();
        for line in &lines[lines.len().saturating_sub(count)..] {
            writeln!(text, "{line}").expect("a string takes everything");
        }
        text
    }
}

fn elapsed(ms: u64) -> String {
    let (s, ms) = (ms / 1000, ms % 1000);
    format!("{}d {:02}:{:02}:{:02}.{ms:03}", s / 86_400, s / 3600 % 24, s / 60 % 60, s % 60)
}

/// A fact in few words.
pub(crate) fn brief(fact: &Fact) -> String {
    match fact {
        Fact::Opened { .. } => "opened".to_owned(),
        Fact::Surveyed { .. } => "surveyed".to_owned(),
        Fact::Planned { batch, tickers, part, .. } => {
            let names: Vec<_> = tickers.iter().map(ToString::to_string).collect();
            format!("{batch} is planned: {} {part:?}", names.join(" "))
        }
        Fact::Reopened { batch, unfinished, .. } => {
            let names: Vec<_> = unfinished.iter().map(ToString::to_string).collect();
            format!("{batch} is reopened for {}", names.join(" "))
        }
        Fact::Ended { batch, attempt, report } => {
            format!("{batch}.{attempt} has ended: {}", report_in_brief(report))
        }
        other => format!("{other:?}"),
    }
}

fn report_in_brief(report: &Report) -> String {
    let of_left = |left: &launcher::facts::Unfinished| {
        let word = match &left.word {
            Word::Failed { cause, persistence, origin, .. } => {
                format!("{persistence:?} {origin:?} {cause:?}")
            }
            word @ (Word::Untouched | Word::Begun) => format!("{word:?}"),
        };
        format!(
            "{} ({word}, {} days, {} fresh)",
            left.ticker, left.partway.days, left.partway.fresh_days
        )
    };
    let left: Vec<_> = report.unfinished.iter().map(of_left).collect();
    format!("{:?}, {} done, left: {}", report.ending, report.proven.tickers, left.join(", "))
}

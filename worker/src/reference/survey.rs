//! Asks many questions on a few threads. Each answer is logged at once; what is known is not asked
//! again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::disk::publish::DiskError;
use shared::error_chain::with_causes;
use shared::market::ticker::Ticker;
use shared::run::events::Persistence;
use shared::run::exit::Exit;
use shared::run::thousands::counted;

use super::answers::{Answer, AnswerLog};
use super::ask::ReferenceSource;
use super::error::exit_of;
use crate::api::failure::Failure;
use crate::report::Level;
use shared::crew;

/// One thing to ask.
pub trait Question: Sync {
    /// What is said to it.
    type Answer: Answer;

    /// Whom the log and the events name.
    fn ticker(&self) -> &Ticker;

    /// What tells it apart from other questions.
    fn key(&self) -> <Self::Answer as Answer>::Key;

    /// Asks.
    fn ask(&self, source: &ReferenceSource<'_>) -> Result<Self::Answer, Failure>;
}

/// How a survey ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SurveyCounts {
    /// Answered, before or now.
    pub answered: u64,
    /// May be tried again.
    pub transient: u64,
    /// Will not get better.
    pub permanent: u64,
    /// What ended it before its time.
    pub cut_short: Option<Exit>,
}

impl SurveyCounts {
    /// How the process ends.
    pub fn exit(&self, asked: usize) -> Exit {
        match self.cut_short {
            Some(Exit::Stopped) if self.answered == asked as u64 => Exit::Done,
            Some(exit) => exit,
            None if self.transient > 0 => Exit::Transient,
            None if self.permanent > 0 => Exit::Permanent,
            None => Exit::Done,
        }
    }
}

/// What all threads share.
struct Desk<'a, A: Answer> {
    source: &'a ReferenceSource<'a>,
    answers: Mutex<&'a mut AnswerLog<A>>,
    counts: Mutex<SurveyCounts>,
}

/// Asks every question that `answers` does not answer; `name` is the table's, for the log.
pub fn run<Q: Question>(
    source: &ReferenceSource<'_>,
    name: &str,
    questions: &[Q],
    answers: &mut AnswerLog<Q::Answer>,
    threads: usize,
) -> SurveyCounts {
    let open: Vec<&Q> =
        questions.iter().filter(|question| answers.of(&question.key()).is_none()).collect();
    let known = questions.len() - open.len();
    if known > 0 {
        source.reporter.run(
            Level::Info,
            &format!(
                "{name}: {} answered before, {} to ask",
                counted(known as u64, "ticker"),
                open.len()
            ),
        );
    }
    let counts = Mutex::new(SurveyCounts { answered: known as u64, ..SurveyCounts::default() });
    let desk = Desk { source, answers: Mutex::new(answers), counts };
    crew::each(threads, open, || !source.stop.is_asked(), |question| desk.visit(question));
    let mut counts = desk.counts.into_inner().unwrap_or_else(PoisonError::into_inner);
    if source.stop.is_asked() {
        counts.cut_short.get_or_insert(Exit::Stopped);
    }
    counts
}

impl<A: Answer> Desk<'_, A> {
    fn visit<Q: Question<Answer = A>>(&self, question: &Q) {
        let reporter = self.source.reporter;
        let ticker = question.ticker();
        reporter.start(ticker);
        let answer = match question.ask(self.source) {
            Ok(answer) => answer,
            Err(failure) => return self.failed(ticker, &failure),
        };
        let rows = u64::from(answer.is_known());
        if !answer.is_known() {
            reporter.ticker(Level::Info, ticker, "the source does not know it");
        }
        let kept = self.answers.lock().unwrap_or_else(PoisonError::into_inner).keep(answer);
        match kept {
            Ok(()) => {
                self.counts().answered += 1;
                reporter.done(ticker, rows, 1);
            }
            Err(error) => self.unkept(&error),
        }
    }

    fn failed(&self, ticker: &Ticker, failure: &Failure) {
        let exit = exit_of(failure);
        match exit {
            Exit::Transient | Exit::Permanent => {
                let trouble = failure.trouble();
                match trouble.persistence {
                    Persistence::Transient => self.counts().transient += 1,
                    Persistence::Permanent => self.counts().permanent += 1,
                }
                self.source.reporter.failed(ticker, &failure.to_string(), trouble);
            }
            Exit::Stopped => self.end(exit),
            _ => {
                let text = format!("the run ends here: {ticker}: {failure}");
                self.source.reporter.run(Level::Error, &text);
                self.end(exit);
            }
        }
    }

    fn unkept(&self, error: &DiskError) {
        let text = with_causes(error);
        self.source.reporter.run(Level::Error, &format!("the run ends here: {text}"));
        self.end(Exit::LocalResource);
    }

    fn end(&self, exit: Exit) {
        self.counts().cut_short.get_or_insert(exit);
        self.source.stop.ask();
    }

    fn counts(&self) -> MutexGuard<'_, SurveyCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

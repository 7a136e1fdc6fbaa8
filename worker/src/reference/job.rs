//! One reference job: the snapshot of tickers, then splits, then details, then ticker events. What
//! is proven is not asked again.

use arrow::array::RecordBatch;
use jiff::Timestamp;
use shared::dataset::writer;
use shared::disk::publish::Draft;
use shared::error_chain::with_causes;
use shared::market::trading_day::TradingDay;
use shared::run::exit::Exit;
use shared::run::thousands::counted;

use super::answers::{AnswerLog, EarlierAnswers};
use super::ask::ReferenceSource;
use super::detail_questions::{self, DetailsAnswer, DetailsQuery};
use super::details::{self, Details};
use super::error::JobError;
use super::event_questions;
use super::events::{self, EventsRow};
use super::output::{SnapshotOutput, TableName};
use super::proof::{self, Proof, Standing};
use super::splits;
use super::survey::{self, Question};
use super::tickers::{self, Listed, Side, Snapshot};
use crate::api::failure::Failure;
use crate::api::list::List;
use crate::api::wire::Record;
use crate::clock;
use crate::report::Level;

/// Are tickers that no longer trade part of the snapshot?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delisted {
    /// Yes: without survivorship bias.
    Included,
    LeftOut,
}

/// What a job does.
#[derive(Debug, Clone)]
pub struct JobPlan {
    /// As of which day the source is asked; `None` is today.
    pub date: Option<TradingDay>,
    /// Who is in the snapshot.
    pub delisted: Delisted,
    /// Details of every ticker too?
    pub details: bool,
    pub splits: bool,
    /// The ticker events of every security too?
    pub events: bool,
    /// Is what is proven asked again?
    pub begin: EarlierAnswers,
    /// Tickers asked about side by side.
    pub threads: usize,
}

/// Runs `plan` in `place` and returns how the process should exit; what goes wrong is said.
pub fn run(plan: &JobPlan, place: SnapshotOutput, source: &ReferenceSource<'_>) -> Exit {
    Running { plan, place, source }.run().unwrap_or_else(|error| {
        let exit = error.exit();
        let level = if exit == Exit::Stopped { Level::Info } else { Level::Error };
        source.reporter.run(level, &with_causes(&error));
        exit
    })
}

struct Running<'a> {
    plan: &'a JobPlan,
    place: SnapshotOutput,
    source: &'a ReferenceSource<'a>,
}

impl Running<'_> {
    fn run(&self) -> Result<Exit, JobError> {
        let listed = self.tickers()?;
        if self.plan.splits {
            self.splits()?;
        }
        let details = if self.plan.details { self.details(&listed)? } else { Exit::Done };
        // Tickers that failed do not hold up the other table; everything else does.
        if !matches!(details, Exit::Done | Exit::Transient | Exit::Permanent) {
            return Ok(details);
        }
        let events = if self.plan.events { self.events(&listed)? } else { Exit::Done };
        Ok(match (details, events) {
            (details, Exit::Done) => details,
            // What may be tried again decides.
            (Exit::Transient, Exit::Permanent) => details,
            (_, events) => events,
        })
    }

    /// The proof of the snapshot, old or new.
    fn tickers(&self) -> Result<Proof, JobError> {
        let enough =
            |proof: &Proof| self.plan.delisted == Delisted::LeftOut || proof.delisted == Some(true);
        if let Some(proof) = self.standing(TableName::Tickers)?.filter(enough) {
            self.not_again(TableName::Tickers, &proof);
            return Ok(proof);
        }
        let asked_at = clock::now();
        let date = self.plan.date;
        let ask = |name, side| self.list(name, tickers::list(side, date));
        let active = ask("active tickers", Side::Active)?;
        let delisted = match self.plan.delisted {
            Delisted::Included => ask("delisted tickers", Side::Delisted)?,
            Delisted::LeftOut => Vec::new(),
        };
        let snapshot = Snapshot::of(active, delisted);
        if snapshot.rows.is_empty() {
            return Err(JobError::Nothing { name: "tickers" });
        }
        self.say_repeated("tickers", snapshot.repeated);
        let ambiguous = snapshot.ambiguous();
        if !ambiguous.is_empty() {
            let (names, tickers) =
                (shortened(&ambiguous), counted(ambiguous.len() as u64, "ticker"));
            let text = format!("{tickers} in more than one row, all rows kept: {names}");
            self.say(Level::Warn, &text);
        }
        let delisted = Some(self.plan.delisted == Delisted::Included);
        self.publish(TableName::Tickers, &snapshot.table(), asked_at, |proof| Proof {
            delisted,
            ..proof
        })
    }

    fn splits(&self) -> Result<(), JobError> {
        if let Some(proof) = self.standing(TableName::Splits)? {
            self.not_again(TableName::Splits, &proof);
            return Ok(());
        }
        let asked_at = clock::now();
        let (rows, repeated) = splits::ordered(self.list("splits", splits::list())?);
        self.say_repeated("splits", repeated);
        self.publish(TableName::Splits, &splits::table(&rows), asked_at, |proof| proof)?;
        Ok(())
    }

    fn details(&self, tickers: &Proof) -> Result<Exit, JobError> {
        let same_tickers = |proof: &Proof| proof.tickers_sha256.as_ref() == Some(&tickers.sha256);
        if let Some(proof) = self.standing(TableName::Details)?.filter(same_tickers) {
            self.not_again(TableName::Details, &proof);
            return Ok(Exit::Done);
        }
        let asked_at = clock::now();
        let listed = Listed::read(&self.place.file(TableName::Tickers))?;
        let (queries, unusable) = detail_questions::queries(listed, self.plan.date);
        if !unusable.is_empty() {
            let names: Vec<&str> = unusable.iter().map(String::as_str).collect();
            let text = format!("details: these names cannot be requested: {}", shortened(&names));
            self.say(Level::Warn, &text);
        }
        let answers = match self.survey(TableName::Details, "details", &queries)? {
            Surveyed::All(answers) => answers,
            Surveyed::Some(exit) => return Ok(exit),
        };
        let rows: Vec<Details> =
            queries.iter().filter_map(|query| row_of(query, &answers)).collect();
        self.say_unknown("details", queries.len() - rows.len());
        let tickers_sha256 = Some(tickers.sha256.clone());
        self.publish(TableName::Details, &details::table(&rows), asked_at, |proof| Proof {
            tickers_sha256,
            ..proof
        })?;
        Ok(Exit::Done)
    }

    fn events(&self, tickers: &Proof) -> Result<Exit, JobError> {
        let same_tickers = |proof: &Proof| proof.tickers_sha256.as_ref() == Some(&tickers.sha256);
        if let Some(proof) = self.standing(TableName::Events)?.filter(same_tickers) {
            self.not_again(TableName::Events, &proof);
            return Ok(Exit::Done);
        }
        let asked_at = clock::now();
        let listed = Listed::read(&self.place.file(TableName::Tickers))?;
        let (queries, left_out) = event_questions::queries(&listed);
        if left_out > 0 {
            let rows = counted(left_out as u64, "row");
            let text = format!(
                "events: the list has {rows} without a FIGI and a symbol of their own, so their events cannot be requested"
            );
            self.say(Level::Info, &text);
        }
        let answers = match self.survey(TableName::Events, "events", &queries)? {
            Surveyed::All(answers) => answers,
            Surveyed::Some(exit) => return Ok(exit),
        };
        let rows: Vec<EventsRow> = queries
            .iter()
            .filter_map(|query| {
                let events = answers.of(&query.key())?.events.clone()?;
                let share_class_figi = query.share_class_figi.clone();
                Some(EventsRow { id: query.of.id().to_owned(), share_class_figi, events })
            })
            .collect();
        self.say_unknown("events", queries.len() - rows.len());
        let tickers_sha256 = Some(tickers.sha256.clone());
        self.publish(TableName::Events, &events::table(&rows), asked_at, |proof| Proof {
            tickers_sha256,
            ..proof
        })?;
        Ok(Exit::Done)
    }

    /// Asks `questions` for `table`, which is called `name` in the log.
    fn survey<Q: Question>(
        &self,
        table: TableName,
        name: &str,
        questions: &[Q],
    ) -> Result<Surveyed<Q>, JobError> {
        let log = self.place.folder(table).join(format!("_{name}.jsonl"));
        let mut answers = AnswerLog::open(self.place.root(), &log, self.plan.begin)?;
        let counts = survey::run(self.source, name, questions, &mut answers, self.plan.threads);
        let failed = counts.transient + counts.permanent;
        self.source.reporter.end(counts.answered, failed);
        let exit = counts.exit(questions.len());
        if exit == Exit::Done {
            return Ok(Surveyed::All(answers));
        }
        let open = questions.len() as u64 - counts.answered;
        self.say(
            Level::Info,
            &format!("{name}: not answered: {}; --resume asks again", counted(open, "ticker")),
        );
        Ok(Surveyed::Some(exit))
    }

    fn list<R: Record<Key = str>>(&self, name: &str, list: List<R>) -> Result<Vec<R>, JobError> {
        self.source
            .list(name, list)
            .map_err(|failure: Failure| JobError::Source { name: name.to_owned(), failure })
    }

    /// The proof of a table that need not be asked for again.
    fn standing(&self, table: TableName) -> Result<Option<Proof>, JobError> {
        if self.plan.begin == EarlierAnswers::AskedAgain {
            return Ok(None);
        }
        match proof::standing(&self.place.folder(table), table.file())? {
            Standing::Whole(proof) => Ok(Some(proof)),
            Standing::Absent => Ok(None),
            Standing::Unproven => {
                let path = self.place.file(table);
                let text = format!(
                    "{}: damaged, or not proven by its ledger; requested again",
                    path.display()
                );
                self.say(Level::Warn, &text);
                Ok(None)
            }
        }
    }

    fn publish(
        &self,
        table: TableName,
        rows: &RecordBatch,
        asked_at: Timestamp,
        more: impl FnOnce(Proof) -> Proof,
    ) -> Result<Proof, JobError> {
        let path = self.place.file(table);
        let fingerprint = writer::publish_table(Draft::below(self.place.root(), &path)?, rows)?;
        let proof = more(Proof::of(table.file(), rows.num_rows(), fingerprint, asked_at));
        proof.write(self.place.root(), &self.place.folder(table))?;
        let rows = counted(rows.num_rows() as u64, "row");
        self.say(Level::Info, &format!("{}: {rows}", path.display()));
        Ok(proof)
    }

    fn not_again(&self, table: TableName, proof: &Proof) {
        let (path, rows) = (self.place.file(table), counted(proof.rows, "row"));
        let text = format!("{}: {rows}, whole; not requested again", path.display());
        self.say(Level::Info, &text);
    }

    fn say_unknown(&self, name: &str, unknown: usize) {
        if unknown > 0 {
            let unknown = counted(unknown as u64, "ticker");
            let text =
                format!("{name}: the source knows nothing of {unknown}, for which there is no row");
            self.say(Level::Info, &text);
        }
    }

    fn say_repeated(&self, name: &str, repeated: usize) {
        if repeated > 0 {
            let rows = counted(repeated as u64, "row");
            let text = format!("{name}: {rows} came twice, the same in everything; kept once");
            self.say(Level::Warn, &text);
        }
    }

    fn say(&self, level: Level, text: &str) {
        self.source.reporter.run(level, text);
    }
}

/// How a survey ended.
enum Surveyed<Q: Question> {
    /// Every question is answered.
    All(AnswerLog<Q::Answer>),
    /// Some are not.
    Some(Exit),
}

/// The row of a ticker: what was said of it as of the day asked about, and what the snapshot says
/// of today.
fn row_of(query: &DetailsQuery, answers: &AnswerLog<DetailsAnswer>) -> Option<Details> {
    let answer = answers.of(&query.key())?;
    let details = answer.details.clone()?;
    let delisted_utc = details.delisted_utc.or_else(|| query.delisted_utc.clone());
    Some(Details { active: Some(query.active), delisted_utc, ..details })
}

/// The first few of many names.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 10;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

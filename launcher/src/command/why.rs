//! `launcher why`: gathers everything that is known about one ticker; changes nothing.

use jiff::Timestamp;
use shared::dataset::answers::Answer;
use shared::dataset::coverage::Coverage;
use shared::dataset::ledger::{self, Ledger, Summary};
use shared::market::ticker::Ticker;
use shared::run::events::EventTail;
use shared::run::workdir::{BatchId, Workdir};
use shared::series::proof::StateError;

use super::exit_status::ExitStatus;
use super::failure::Failure;
use super::stored_run;
use super::{batch_lookup, observe, spelling};
use crate::cli::WhyArgs;
use crate::facts::Word;
use crate::job::{BarsOrder, Task};
use crate::plan::part::Part;
use crate::plan::request::Request;
use crate::process::clock;
use crate::supervise::bars_evidence;
use crate::supervise::batch::{Batch, BatchState};
use crate::supervise::event_summary::EventSummary;
use crate::supervise::evidence::{self, TickerProof};
use crate::supervise::journal;
use crate::supervise::locks;
use crate::supervise::machine::Machine;
use crate::view::log_lines::{self, Reach, Subject};
use crate::view::sources::{Supervised, seconds_between};
use crate::view::story::{Chapter, Stories};
use crate::view::why::{self as text, DamagedFile, Now, Proof, Quote, Share, Why};
use crate::view::words::{self, say};

/// Prints everything about one ticker of the run.
pub fn why(args: &WhyArgs) -> Result<ExitStatus, Failure> {
    let workdir = stored_run::workdir(&args.workdir)?;
    let request = stored_run::request(&workdir)?;
    let ticker = batch_lookup::ticker(&args.ticker, &workdir)?;
    let mut why = gather(&request, &workdir, ticker)?;
    if why.is_without_rows() || why.failed_without_rows() {
        let listing = spelling::listing(args.reference.as_deref(), &request.settings.outdir)?;
        let hint = spelling::hint(&why.ticker, listing.as_ref());
        let no_hint = why.is_without_rows().then(|| "is it spelled otherwise?".to_owned());
        let listed = listing.as_ref().filter(|listing| spelling::is_listed(&why.ticker, listing));
        why.listed = listed.map(|listing| listing.date);
        why.spelling = match listed {
            Some(listing) => {
                Some(format!("the reference snapshot of {} has it, spelled so", listing.date))
            }
            None => hint.or(no_hint),
        };
        if listing.is_none() && why.spelling.is_some() {
            why.reference = spelling::how_to_get_listing(&request.settings.outdir);
        }
    }
    say(&if args.json { text::json(&why) } else { text::render(&why) }).map_err(Failure::Output)?;
    Ok(ExitStatus::Well)
}

fn gather(request: &Request, workdir: &Workdir, ticker: Ticker) -> Result<Why, Failure> {
    let is_supervised = locks::is_supervised(workdir);
    let mut stories = Stories::of(ticker.clone());
    let machine = journal::follow_with(workdir, request.first_rules(), |machine, entry| {
        stories.hear(machine, entry);
    })?;
    let supervised = observe::supervised(is_supervised, &request.run, workdir, &machine);
    let now = clock::now();
    let inquiry = Inquiry {
        request,
        workdir,
        machine: &machine,
        supervised: &supervised,
        ticker: &ticker,
        now,
    };
    let ledger = inquiry.proof();
    let batches = batch_lookup::of_ticker(&ticker, &machine);
    let parts = batches.iter().map(|id| inquiry.share(*id, &mut stories)).collect::<Vec<_>>();
    let telling = parts.iter().min_by_key(|share| share.now.urgency()).cloned();
    let share = telling.unwrap_or_else(|| Share::of_no_batch(inquiry.standing_alone()));
    let by_itself = is_supervised && !matches!(share.now, Now::Failed { .. } | Now::NoLongerProven);
    let knob = if let Now::Failed { cause, .. } = &share.now {
        words::knob_that_helps(cause)
    } else {
        None
    };
    let is_done = matches!(share.now, Now::Verified | Now::Surveyed | Now::ReportedByScript);
    Ok(Why {
        run: request.run.clone(),
        job: request.settings.job.to_string(),
        days: request.days(),
        parts: if share.part.is_some() { parts } else { Vec::new() },
        share,
        retries: request.settings.retries,
        again: (!by_itself && !is_done).then(|| words::resume_command(workdir)),
        otherwise: knob.map(|knob| words::resume_command(workdir) + " " + knob),
        goes_on: is_supervised,
        spelling: None,
        listed: None,
        reference: None,
        ledger,
        ticker,
    })
}

/// How the bytes of a file are known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Checked,
    AsRecorded,
}

struct Inquiry<'a> {
    request: &'a Request,
    workdir: &'a Workdir,
    machine: &'a Machine,
    supervised: &'a Supervised,
    ticker: &'a Ticker,
    now: Timestamp,
}

impl Inquiry<'_> {
    fn proven(&self, part: Part) -> TickerProof {
        evidence::proof_of(self.request, self.ticker, part.days(self.request.days()), self.now)
    }

    fn standing_alone(&self) -> Now {
        if matches!(self.proven(Part::WHOLE), TickerProof::Proven(_)) {
            Now::Surveyed
        } else {
            Now::NotPlanned
        }
    }

    /// What one of its batches has of it.
    fn share(&self, id: BatchId, stories: &mut Stories) -> Share {
        let batch = self.machine.batch(id).expect("it was found in the machine");
        let story = stories.take(id);
        Share {
            now: self.standing(id, batch),
            batch: Some(id),
            part: batch.part().days_if_split(self.request.days()),
            log: Some(self.workdir.batch_log(id)),
            log_lines: self.quotes(id, batch, &story),
            charges: batch.charges(self.ticker),
            story,
        }
    }

    fn standing(&self, id: BatchId, batch: &Batch) -> Now {
        if let Some((_, failure)) = batch.failures().find(|(it, _)| *it == self.ticker) {
            return Now::Failed { cause: failure.cause.clone(), attempt: failure.attempt };
        }
        if !batch.left().any(|it| it == self.ticker) {
            return match self.proven(batch.part()) {
                TickerProof::Proven(_) => Now::Verified,
                TickerProof::NoLedger if batch.reported > 0 => Now::ReportedByScript,
                TickerProof::Short { .. }
                | TickerProof::NoLedger
                | TickerProof::Unusable { .. } => Now::NoLongerProven,
            };
        }
        match &batch.state {
            BatchState::Running { attempt, since } => self.running(id, batch, *attempt, *since),
            BatchState::Backoff { until, cause } => {
                Now::Backoff { until: *until, cause: cause.clone() }
            }
            BatchState::Pending | BatchState::Done | BatchState::Failed => Now::Waiting,
        }
    }

    fn running(&self, id: BatchId, batch: &Batch, attempt: u32, since: Timestamp) -> Now {
        if !batch.trial().any(|it| it == self.ticker) {
            return Now::InAnotherPart { attempt };
        }
        if !self.supervised.runs(id) {
            return Now::Abandoned { attempt };
        }
        let mut summary = EventSummary::default();
        for said in EventTail::new(&self.workdir.attempt_events(id, attempt)).read_new() {
            summary.hear(said);
        }
        let (rows, pages) = summary.totals_of(self.ticker);
        Now::Running {
            attempt,
            seconds: seconds_between(since, self.now),
            is_begun: summary.word_on(self.ticker) == Word::Begun,
            rows,
            pages,
            quiet_seconds: summary.last_said.map(|at| seconds_between(at, self.now)),
        }
    }

    /// What the log says of the attempts that had the ticker.
    fn quotes(&self, id: BatchId, batch: &Batch, story: &[Chapter]) -> Vec<Quote> {
        let subject = Subject { ticker: self.ticker, members: batch.members() };
        let mut lines = log_lines::telling(&self.workdir.batch_log(id), subject, Reach::Whole);
        let had_it = story.iter().filter_map(|chapter| match chapter {
            Chapter::Attempt(attempt) => Some(attempt.attempt),
            Chapter::Planned { .. } | Chapter::Reopened { .. } | Chapter::Forgiven { .. } => None,
        });
        had_it
            .filter_map(|attempt| Some(Quote { attempt, line: lines.remove(&attempt)? }))
            .collect()
    }

    fn proof(&self) -> Proof {
        let settings = &self.request.settings;
        let kind = match settings.task() {
            Task::Download(kind) => kind,
            Task::Bars(order) => return self.proof_of_bars(order),
        };
        let file = Ledger::path(&settings.outdir, self.ticker);
        let (days, trust) = (self.request.days(), self.request.trust(self.now, self.now));
        match Ledger::read_of(&settings.outdir, kind, self.ticker, days) {
            Ok(ledger) => Proof {
                checked: self.files(&ledger, Known::Checked),
                checked_at: self.machine.checked().map(|(at, _)| *at),
                as_recorded: self.files(&ledger, Known::AsRecorded),
                file,
                error: None,
                summary: ledger.summary(days, &trust),
                missing: ledger.missing(days, &trust).ranges().to_vec(),
                outside_plan: ledger.outside_plan(days, &trust).ranges().to_vec(),
                adopted: ledger.adopted().intersection(&days.into()).ranges().to_vec(),
                damaged: ledger
                    .damaged()
                    .map(|(_, damage)| DamagedFile {
                        file: damage.path.clone(),
                        what: damage.what.clone(),
                    })
                    .collect(),
            },
            Err(error) => Proof {
                file,
                error: Some(error.to_string()),
                summary: Summary::default(),
                checked: 0,
                checked_at: None,
                as_recorded: 0,
                missing: vec![days],
                outside_plan: Vec::new(),
                adopted: Vec::new(),
                damaged: Vec::new(),
            },
        }
    }

    /// How many files of the days of the run are known like this. What was written after a check
    /// was not checked.
    fn files(&self, ledger: &Ledger, how: Known) -> u64 {
        let checked = self.machine.checked().filter(|(_, it)| !it.unchecked.contains(self.ticker));
        let known = |entry: &&ledger::Entry| {
            let asked_at = entry.answers.iter().map(Answer::latest).max();
            // Ledgers keep whole seconds.
            let is_before = |at: &Timestamp| {
                asked_at.is_none_or(|asked_at| asked_at.as_second() < at.as_second())
            };
            let is_checked = checked.is_some_and(|(at, _)| is_before(at));
            let is_of_run = entry.partition.span().intersection(self.request.days()).is_some();
            entry.file.is_some() && is_of_run && is_checked == (how == Known::Checked)
        };
        ledger.entries().filter(known).count() as u64
    }

    /// Every kind of bars has a state of its own; what any of them lacks is missing.
    fn proof_of_bars(&self, order: &BarsOrder) -> Proof {
        let file = self.request.settings.outdir.join(self.ticker.as_str());
        let days = self.request.days();
        let missing: Result<Vec<Coverage>, StateError> = order
            .modes
            .iter()
            .map(|mode| bars_evidence::missing(self.request, *mode, self.ticker))
            .collect();
        let (missing, error) = match missing {
            Ok(missing) => {
                (missing.iter().fold(Coverage::empty(), |all, some| all.union(some)), None)
            }
            Err(error) => (Coverage::from(days), Some(error.to_string())),
        };
        let summary = match bars_evidence::proof_of(self.request, order, self.ticker, days) {
            TickerProof::Proven(summary) | TickerProof::Short { proven: summary, .. } => summary,
            TickerProof::NoLedger | TickerProof::Unusable { .. } => Summary::default(),
        };
        let (missing, outside_plan) = (missing.ranges().to_vec(), Vec::new());
        let (checked, checked_at, as_recorded) = (0, None, 0);
        let damaged = Vec::new();
        Proof {
            file,
            error,
            summary,
            checked,
            checked_at,
            as_recorded,
            missing,
            outside_plan,
            adopted: Vec::new(),
            damaged,
        }
    }
}

//! Answers: what the source has said of which days of a partition, when, and to which run. Pure.
//!
//! Each range of days keeps its own answer: a new one for June says nothing of March. Rows outlive
//! answers: if the source has no rows today for days whose rows are on disk, the days do not become
//! empty. [`trust`](super::trust) decides which answers count.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, Serializer};

use super::coverage::{Coverage, DateRange};
use super::run_mark::RunMark;
use crate::market::session;

/// The least time between two requests that confirm an empty answer.
pub const RECHECK_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// How far the clock of another machine may be ahead.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// An empty answer that was given this often, a day apart, may be stored in one answer with
/// neighbours that have rows.
const CONFIRMED: u32 = 2;

/// What the source said of some days. Existence of a file is not among the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Said {
    /// The page chain was followed to its end and every row is in the file.
    Data,
    /// No rows; `asks` counts such replies, at least a day apart.
    Empty {
        /// At least 1.
        asks: u32,
    },
    /// The plan of the API key does not reach these days.
    OutsidePlan,
    /// There were rows, but their file is damaged: they must be fetched again.
    Lost,
}

impl Said {
    /// Does it say what the days hold (rows, or that there are none)?
    pub fn is_known(self) -> bool {
        matches!(self, Self::Data | Self::Empty { .. })
    }

    /// What is known of days when this reply of `asked_at` follows `before`. A reply without rows
    /// never replaces rows on disk.
    fn after(self, before: &Answer, asked_at: Timestamp) -> Self {
        match (self, before.said) {
            (Self::Empty { .. }, Self::Empty { asks }) => {
                let again = asked_at.duration_since(before.latest()) >= RECHECK_AFTER;
                Self::Empty { asks: asks + u32::from(again) }
            }
            (Self::Empty { .. } | Self::OutsidePlan, Self::Data) => Self::Data,
            (said, Self::Data | Self::Empty { .. } | Self::OutsidePlan | Self::Lost) => said,
        }
    }
}

/// An answer and the days it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenAnswer", into = "WrittenAnswer")]
pub struct Answer {
    /// Days in the tree's zone.
    pub days: DateRange,
    /// What.
    pub said: Said,
    /// When the source was asked (UTC); for joined answers, the first time.
    pub asked_at: Timestamp,
    /// For joined answers: when the source was asked last.
    pub until: Option<Timestamp>,
    /// Which run asked; `None` for joined answers of several runs and for lines from before there
    /// were marks.
    pub run: Option<RunMark>,
}

/// An answer as it stands in a line.
#[derive(Serialize, Deserialize)]
struct WrittenAnswer {
    #[serde(flatten)]
    days: DateRange,
    #[serde(flatten)]
    said: Said,
    #[serde(serialize_with = "in_basic_format")]
    asked_at: Timestamp,
    /// Seconds from the first request to the last; if they are not whole, `until` is written
    /// instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    for_s: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<RunMark>,
}

/// Written as `20240110T120000Z` to save space; both formats of ISO 8601 are read.
fn in_basic_format<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_string().replace(['-', ':'], ""))
}

impl From<Answer> for WrittenAnswer {
    fn from(answer: Answer) -> Self {
        let Answer { days, said, asked_at, until, run } = answer;
        let for_s = until.map(|until| until.duration_since(asked_at));
        let for_s = for_s.filter(|time| time.subsec_nanos() == 0).map(|time| time.as_secs());
        Self { days, said, asked_at, for_s, until: until.filter(|_| for_s.is_none()), run }
    }
}

impl From<WrittenAnswer> for Answer {
    fn from(written: WrittenAnswer) -> Self {
        let WrittenAnswer { days, said, asked_at, for_s, until, run } = written;
        let last =
            for_s.and_then(|seconds| asked_at.checked_add(SignedDuration::from_secs(seconds)).ok());
        Self { days, said, asked_at, until: last.or(until), run }
    }
}

impl Answer {
    /// When the source was asked last (UTC).
    pub fn latest(&self) -> Timestamp {
        self.until.unwrap_or(self.asked_at)
    }

    fn new(days: DateRange, said: Said, asking: Asking) -> Self {
        Self { days, said, asked_at: asking.at, until: None, run: asking.run.map(Asker::mark) }
    }
}

/// Who asked, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// UTC.
    pub at: Timestamp,
    /// Which run.
    pub run: Option<Asker>,
}

/// A run that asks the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// A run that fetches everything anew: its answers are kept apart from those of others.
    Anew(RunMark),
    /// A run that trusts what others have proven.
    Trusting(RunMark),
}

impl Asker {
    /// Its mark.
    pub fn mark(self) -> RunMark {
        match self {
            Self::Anew(mark) | Self::Trusting(mark) => mark,
        }
    }
}

impl From<Timestamp> for Asking {
    fn from(at: Timestamp) -> Self {
        Self { at, run: None }
    }
}

impl Asking {
    /// May answers of these two runs be joined?
    fn may_share(self, one: &Answer, other: &Answer) -> bool {
        let of_the_past = |answer: &Answer| answer.latest().duration_since(self.at) <= TOLERANCE;
        let alike = match self.run {
            Some(Asker::Anew(mark)) => (one.run == Some(mark)) == (other.run == Some(mark)),
            Some(Asker::Trusting(_)) => true,
            // An answer without a mark must not erase another's mark.
            None => one.run == other.run,
        };
        alike && of_the_past(one) && of_the_past(other)
    }

    /// The joined answer of two neighbours; `None` if each must be kept for itself.
    fn joined(self, one: &Answer, other: &Answer) -> Option<Answer> {
        let said = match (one.said, other.said) {
            (Said::Data, Said::Data) => Said::Data,
            (Said::Data, Said::Empty { .. }) if is_settled(other) => Said::Data,
            (Said::Empty { .. }, Said::Data) if is_settled(one) => Said::Data,
            (Said::Empty { asks }, Said::Empty { asks: others })
                if asks == others && self.is_old(one) && self.is_old(other) =>
            {
                one.said
            }
            (Said::Data | Said::Empty { .. } | Said::OutsidePlan | Said::Lost, _) => return None,
        };
        if !self.may_share(one, other) || other.days.from() != one.days.to().next() {
            return None;
        }
        let days = DateRange::new(one.days.from(), other.days.to())?;
        let asked_at = one.asked_at.min(other.asked_at);
        let latest = one.latest().max(other.latest());
        let own = self.run.map(Asker::mark);
        let run = match (one.run, other.run) {
            (of_one, of_other) if of_one == of_other => of_one,
            (of_one, of_other) if own.is_some() && (of_one == own || of_other == own) => own,
            (Some(_) | None, Some(_) | None) => None,
        };
        Some(Answer { days, said, asked_at, until: (latest > asked_at).then_some(latest), run })
    }

    fn is_old(self, answer: &Answer) -> bool {
        self.at.duration_since(answer.latest()) >= RECHECK_AFTER
    }
}

/// Is an empty answer never asked again?
fn is_settled(empty: &Answer) -> bool {
    matches!(empty.said, Said::Empty { asks } if asks >= CONFIRMED) || !has_session(empty.days)
}

/// Was the exchange open on any of these days? If not, no rows are to be expected.
pub(super) fn has_session(days: DateRange) -> bool {
    session::sessions(days.from(), days.to()).next().is_some()
}

/// The last answer for each day, as sorted ranges that do not overlap.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Answer>", into = "Vec<Answer>")]
pub struct Answers(Vec<Answer>);

impl Answers {
    /// In time order.
    pub fn iter(&self) -> impl Iterator<Item = &Answer> {
        self.0.iter()
    }

    /// The days whose answer `wanted` accepts.
    pub fn days(&self, wanted: impl Fn(&Answer) -> bool) -> Coverage {
        self.0.iter().filter(|answer| wanted(answer)).map(|answer| answer.days).collect()
    }

    /// The days whose rows are lost.
    pub fn lost(&self) -> Coverage {
        self.days(|answer| answer.said == Said::Lost)
    }

    /// Records a new answer for `days`. It replaces older ones, except that an answer without rows
    /// does not replace rows. Repeating an empty answer within a day counts once. Neighbours that
    /// need not be kept apart are joined, so that the number of answers does not grow with the
    /// number of requests.
    pub fn record(&mut self, days: DateRange, said: Said, asking: impl Into<Asking>) {
        let asking = asking.into();
        let asked: Coverage = days.into();
        let mut pieces: Vec<Answer> = Vec::new();
        let mut known = Coverage::empty();
        for before in &self.0 {
            let Some(both) = before.days.intersection(days) else { continue };
            known = known.union(&both.into());
            pieces.push(Answer::new(both, said.after(before, asking.at), asking));
        }
        let new = asked.minus(&known);
        pieces.extend(new.ranges().iter().map(|days| Answer::new(*days, said, asking)));
        self.keep_outside(&asked, pieces);
        self.join(asking);
    }

    /// The file with the rows is damaged: days with data become lost and must be fetched again.
    pub fn lose_data(&mut self) {
        for answer in &mut self.0 {
            if answer.said == Said::Data {
                answer.said = Said::Lost;
            }
        }
    }

    /// Drops the answers for `days`, because their rows are not there.
    pub fn lose(&mut self, days: &Coverage) {
        let lost = |answer: &Answer| {
            let both = Coverage::from(answer.days).intersection(days);
            let answer = Answer { said: Said::Lost, ..*answer };
            both.ranges().iter().map(|days| Answer { days: *days, ..answer }).collect::<Vec<_>>()
        };
        let pieces = self.0.iter().flat_map(lost).collect();
        self.keep_outside(days, pieces);
    }

    fn keep_outside(&mut self, replaced: &Coverage, mut pieces: Vec<Answer>) {
        for before in &self.0 {
            let rest = Coverage::from(before.days).minus(replaced);
            pieces.extend(rest.ranges().iter().map(|days| Answer { days: *days, ..*before }));
        }
        *self = pieces.into();
    }

    fn join(&mut self, asking: Asking) {
        let mut joined: Vec<Answer> = Vec::with_capacity(self.0.len());
        for answer in &self.0 {
            match joined.last_mut().and_then(|last| Some((asking.joined(last, answer)?, last))) {
                Some((both, last)) => *last = both,
                None => joined.push(*answer),
            }
        }
        self.0 = joined;
    }
}

impl From<Vec<Answer>> for Answers {
    fn from(mut answers: Vec<Answer>) -> Self {
        answers.sort_unstable_by_key(|answer| answer.days);
        let mut joined: Vec<Answer> = Vec::with_capacity(answers.len());
        for answer in answers {
            match joined.last_mut() {
                Some(last)
                    if Answer { days: answer.days, ..*last } == answer
                        && answer.days.from() == last.days.to().next() =>
                {
                    last.days =
                        DateRange::new(last.days.from(), answer.days.to()).expect("sorted by day");
                }
                _ => joined.push(answer),
            }
        }
        Self(joined)
    }
}

impl From<Answers> for Vec<Answer> {
    fn from(answers: Answers) -> Self {
        answers.0
    }
}
